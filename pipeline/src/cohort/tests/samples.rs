//! Which samples are matched and analysed, and with which covariates.

use super::*;

#[test]
fn ids_are_joined_by_fid_and_iid_where_that_matches() {
    let (cohort, messages) = pheno_with("#FID\tIID\tx\n1\ta\t1\n2\ta\t2\n3\tq\t3\n", "2_a 1_a", |_| {}).shown();
    assert_values(&cohort.traits[0].values, &[2.0, 1.0]);
    assert_eq!(messages[0], "p.txt: 3 samples, 2 of them genotyped by FID_IID; 0 genotyped samples are not in it");
    let (cohort, messages) = pheno_with("IID\tx\na\t1\nb\t2\n", "b_b a_a", |_| {}).shown();
    assert_values(&cohort.traits[0].values, &[2.0, 1.0]);
    assert!(messages[0].contains("genotyped by IID_IID"));
}

#[test]
fn a_mismatch_is_explained_by_counts_and_cause() {
    let rows = |ids: &str| format!("IID\tx\n{}", ids.split(' ').map(|id| format!("{id}\t1\n")).collect::<String>());
    for (table, genotyped, message) in [
        (
            rows("NA1 NA2 NA3"),
            "na1 na2 na3",
            "none of its 3 samples is among the 3 genotyped ones; 3 match when upper and lower case are not told apart; \
             make the IDs the same",
        ),
        (
            rows("NA1 NA2 NA3"),
            "NA3_S3 NA2_S2 NA1_S1",
            "none of its 3 samples is among the 3 genotyped ones; 3 match when the genotyped IDs have '_S<digits>' at \
             their end, which the table's have not; rename one side",
        ),
        (
            rows("NA1.bam NA2.bam NA3.bam"),
            "NA3 NA2 NA1",
            "none of its 3 samples is among the 3 genotyped ones; 3 match when the table's IDs have '.bam' at their end, \
             which the genotyped have not; rename one side",
        ),
        (
            rows("X-NA1 X-NA2 X-NA3"),
            "NA3 NA2 NA1",
            "none of its 3 samples is among the 3 genotyped ones; 3 match when the table's IDs have 'X-' in front, which \
             the genotyped have not; rename one side",
        ),
        (
            rows("f1_NA1 g2_NA2 h3_NA3"),
            "NA3 NA2 NA1",
            "none of its 3 samples is among the 3 genotyped ones; 3 match a genotyped ID by the part after a '_', so the \
             table's IDs look like FID_IID joins; use the IID alone",
        ),
        (
            rows("NA1 NA2 NA3"),
            "h_NA3 g_NA2 f_NA1",
            "none of its 3 samples is among the 3 genotyped ones; 3 match the part after a '_' of a genotyped ID, which \
             looks like an FID_IID join; give the table FID and IID columns",
        ),
        (
            rows("12 13 14"),
            "0014 0013 0012",
            "none of its 3 samples is among the 3 genotyped ones; 3 match without leading zeros; was the table saved from a \
             spreadsheet?",
        ),
        (
            "visit\tx\tbarcode\nv1\t1\tNA1\nv2\t1\tNA2\n".to_string(),
            "NA1 NA2",
            "none of its 2 samples is among the 2 genotyped ones; column 3 ('barcode') matches 2 of the first 2 rows, so \
             it seems to hold the sample IDs: make it the first column, named IID",
        ),
        (rows("q r s"), "NA1 NA2 NA3", "none of its 3 samples is among the 3 genotyped ones"),
    ] {
        let error = pheno_with(&table, genotyped, |_| {}).map(|(cohort, _)| cohort.traits).unwrap_err();
        assert_eq!(error, format!("p.txt: {message}"), "{table}");
        for id in genotyped.split(' ') {
            assert!(!error.contains(id), "{error}");
        }
    }
}

#[test]
fn a_partial_mismatch_is_explained_too() {
    let table = "IID\tx\nNA1\t1\nNA2\t2\nNA3-r\t3\nNA4-r\t4\n";
    let (_, messages) = pheno_with(table, "NA1 NA2 NA3 NA4 NA5", |_| {}).shown();
    assert_eq!(messages[0], "p.txt: 4 samples, 2 of them genotyped; 3 genotyped samples are not in it");
    assert_eq!(
        messages[1],
        "p.txt: of the 2 samples that are not genotyped: 2 match when the table's IDs have '-r' at their end, which the \
         genotyped have not; rename one side"
    );
}

fn covar(text: &str, change: impl Fn(&mut CohortConfig)) -> Result<(Cohort, Vec<String>), String> {
    let files = Files::new();
    let mut config = CohortConfig { covar: vec![files.add("c.txt", text)], ..Default::default() };
    change(&mut config);
    let cohort = Cohort::load(&config, &ids("a b c d e f")).map_err(|error| files.strip(&error.to_string()))?;
    let messages = cohort.messages.iter().map(|message| files.strip(message)).collect();
    assert!(cohort.ledger.adds_up());
    Ok((cohort, messages))
}

#[test]
fn samples_need_every_covariate_and_no_trait() {
    let text = "IID age pc\nf 6 .6\ne 5 NA\nd -9 .4\nb 2 .2\na 1 .1\n";
    let (cohort, messages) = covar(text, |_| {}).shown();
    assert_eq!(cohort.analysed, [0, 1, 5]);
    assert_values(&cohort.covariates[0].values, &[1.0, 2.0, 6.0]);
    assert_values(&cohort.covariates[1].values, &[0.1, 0.2, 0.6]);
    assert_eq!(
        messages.last().unwrap(),
        "samples: 6 genotyped, 0 not in --keep, 0 in --remove, 1 without a row of covariates, 2 with a covariate missing, \
         3 analysed"
    );
    let error = covar("IID age\na NA\nb NA\n", |_| {}).map(|_| ()).unwrap_err();
    assert_eq!(
        error,
        "no sample is left to analyse: 6 genotyped, 0 not in --keep, 0 in --remove, 4 without a row of covariates, 2 with \
         a covariate missing, 0 analysed"
    );
}

#[test]
fn categories_become_indicators_of_all_levels_but_the_first() {
    let text = "IID batch n\na p2 1\nb p1 2\nc p10 3\nd p1 10\ne NA 1\nf p2 2\n";
    let (cohort, messages) = covar(text, |_| {}).shown();
    assert_eq!(cohort.analysed, [0, 1, 2, 3, 5]);
    assert_eq!(names(&cohort.covariates), ["batch=level 2", "batch=level 3", "n"]);
    assert_values(&cohort.covariates[0].values, &[0.0, 0.0, 1.0, 0.0, 0.0]);
    assert_values(&cohort.covariates[1].values, &[1.0, 0.0, 0.0, 0.0, 1.0]);
    assert!(
        messages.contains(
            &"c.txt: covariate 'batch' is categorical: 3 levels, reference text of the shape 'a9'".to_string()
        )
    );
    let (cohort, _) = covar(text, |config| config.covar_cat = vec!["n".to_string()]).shown();
    assert_eq!(names(&cohort.covariates), ["batch=level 2", "batch=level 3", "n=2", "n=3", "n=10"]);
}

#[test]
fn odd_categories_are_refused_or_left_out_and_said() {
    let error = covar("IID code\na q1\nb q2\nc q3\nd q4\ne q5\nf q6\n", |_| {}).map(|_| ()).unwrap_err();
    assert_eq!(
        error,
        "c.txt: covariate 'code' has 6 levels in 6 samples (at most 50); is it a column of IDs or dates? leave it out with \
         --covar-name"
    );
    let (cohort, messages) = covar("IID site x\na s 1\nb s 2\nc s 3\n", |_| {}).shown();
    assert_eq!(names(&cohort.covariates), ["x"]);
    assert_eq!(cohort.ledger.covariates_of_one_level, ["site"]);
    assert!(messages[1].ends_with("covariate 'site' has one level among the analysed samples and is left out"));
    let error = covar("IID x\na 1\n", |config| config.covar_cat = vec!["y".to_string()]).map(|_| ()).unwrap_err();
    assert_eq!(error, "--covar-cat: no column matches 'y'");
    let samples: Vec<String> = (0..40).map(|i| format!("s{i}")).collect();
    let rows: String =
        (0..40).map(|i| format!("s{i} {}\n", if i == 7 { "4O".into() } else { i.to_string() })).collect();
    let files = Files::new();
    let config = CohortConfig { covar: vec![files.add("c.txt", &format!("IID age\n{rows}"))], ..Default::default() };
    assert_eq!(
        files.strip(&Cohort::load(&config, &samples).unwrap_err().to_string()),
        "c.txt: line 9: column 'age': text of the shape '9a' is not a number; write NA for a missing value, or name the \
         column in --covar-cat if it is a category"
    );
}

#[test]
fn a_transposed_table_of_covariates_is_recognised() {
    let (cohort, messages) = covar("id\tf\te\tzz\tb\ta\nC1\t6\t5\t9\t2\t1\nC2\tq\tp\tp\tq\tNA\n", |_| {}).shown();
    assert_eq!(cohort.analysed, [1, 4, 5]);
    assert_eq!(names(&cohort.covariates), ["C1", "C2=q"]);
    assert_values(&cohort.covariates[0].values, &[2.0, 5.0, 6.0]);
    assert_values(&cohort.covariates[1].values, &[1.0, 0.0, 1.0]);
    assert_eq!(messages[1], "c.txt: the header names genotyped samples, so rows are read as columns");
    let (cohort, _) = covar("id\tf\te\tb\ta\nC1\t6\t5\t2\t1\nC2\tq\tp\tq\tp\n", |c| c.covar_name = ids("C1")).shown();
    assert_eq!(names(&cohort.covariates), ["C1"]);
}

#[test]
fn keep_remove_and_sex() {
    let files = Files::new();
    let mut config = CohortConfig {
        keep: Some(files.add("k.txt", "#IID\na\nc\nd\nzz\na\n")),
        remove: Some(files.add("r.txt", "1 c\n1 b\n")),
        sex_file: Some(files.add("s.fam", "1 a 0 0 1 -9\n1 b 0 0 2 -9\n1 c 0 0 2 -9\n1 d 0 0 2 -9\n")),
        ..Default::default()
    };
    let load = |config: &CohortConfig| {
        Cohort::load(config, &ids("a b c d e")).map_err(|error| files.strip(&error.to_string()))
    };
    let cohort = load(&config).unwrap();
    assert_eq!(cohort.analysed, [0, 3]);
    assert_eq!(cohort.sex, Some(vec![Sex::Male, Sex::Female]));
    let ledger = &cohort.ledger;
    assert_eq!((ledger.n_not_in_keep, ledger.n_in_remove, ledger.n_analysed), (2, 1, 2));
    assert!(ledger.adds_up());
    let messages: Vec<String> = cohort.messages.iter().map(|message| files.strip(message)).collect();
    assert_eq!(messages[0], "k.txt: 4 samples to keep (1 repeated), 3 of them genotyped");
    assert_eq!(messages[1], "r.txt: 2 samples to remove, 2 of them genotyped");
    assert_eq!(messages[2], "s.fam: of the analysed samples 1 are male, 1 female, 0 of unknown sex");
    config.keep = Some(files.add("k.txt", "A\nC\n"));
    assert_eq!(
        load(&config).unwrap_err(),
        "k.txt: none of its 2 samples is among the 5 genotyped ones; 2 match when upper and lower case are not told \
         apart; make the IDs the same"
    );
    config.keep = None;
    config.remove = Some(files.add("r.txt", "A\nC\n"));
    assert_eq!(
        load(&config).unwrap_err(),
        "r.txt: none of its 2 samples to remove is among the 5 genotyped ones, though they seem meant to be; 2 match when \
         upper and lower case are not told apart; make the IDs the same"
    );
    config.remove = Some(files.add("r.txt", "xx\nyy\n"));
    assert_eq!(load(&config).unwrap().analysed.len(), 5);
    config.sex_file = Some(files.add("s.txt", "IID SEX\na 1\na 2\n"));
    assert!(
        load(&config).unwrap_err().ends_with("line 3: the sample of line 2 comes again; keep one row for each sample")
    );
}

#[test]
fn genotype_samples_have_to_differ() {
    let error = Cohort::load(&CohortConfig::default(), &ids("a b a")).unwrap_err().to_string();
    assert_eq!(error, "genotypes: samples 1 and 3 have the same ID; sample IDs must be unique");
}
