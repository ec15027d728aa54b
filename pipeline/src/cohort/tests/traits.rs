//! Which traits are tested, and what is done to them.

use super::*;

#[test]
fn traits_of_two_values_need_to_be_asked_for() {
    let text = "IID case x\na 1 1\nb 2 2\nc 1 3\nd NA 4\n";
    assert_eq!(
        refused(text),
        "1 of 2 traits have two values only (case): a linear test of a yes/no trait gives effects and p-values that are \
         wrong for rare variants and uneven groups, and a logistic test is the right one; leave them out with \
         --pheno-name, or insist with --linear-on-binary"
    );
    let (cohort, messages) = pheno_with(text, "a b c d", |config| config.linear_on_binary = true).shown();
    assert_values(&cohort.traits[0].values, &[1.0, 2.0, 1.0, NAN]);
    assert_eq!(cohort.ledger.traits[0].note, TraitNote::Binary);
    assert!(messages.iter().any(|m| m == "traits: 1 of 2 have two values and are tested linearly, as asked (case)"));
    // Two values among the samples that are analysed, three in the file.
    assert!(pheno_with("IID x\na 1\nb 2\nc 1\nzz 3\n", "a b c d", |_| {}).is_err());
}

#[test]
fn traits_without_a_test_stay_and_are_said() {
    let text = "IID same none two x\na 5 NA 1 1\nb 5 NA 2 2\nc 5 . NA 3\n";
    let (cohort, messages) = pheno_with(text, "a b c d", |config| config.rint = true).shown();
    assert_eq!(names(&cohort.traits), ["same", "none", "two", "x"]);
    let notes: Vec<TraitNote> = cohort.ledger.traits.iter().map(|entry| entry.note).collect();
    assert_eq!(notes, [TraitNote::Constant, TraitNote::AllMissing, TraitNote::TooFewObserved, TraitNote::None]);
    assert_values(&cohort.traits[0].values, &[0.0, 0.0, 0.0, NAN]);
    for message in [
        "traits: 1 of 4 have no value in any analysed sample and get no results (none)",
        "traits: 1 of 4 have fewer than 3 values in the analysed samples and get no results (two)",
        "traits: 1 of 4 are constant over the analysed samples and get no results (same)",
        "samples: 1 of the analysed have no value of any trait; they count for allele frequencies only",
    ] {
        assert!(messages.iter().any(|m| m == message), "{message}");
    }
}

#[test]
fn transforms_come_after_the_choice_of_samples() {
    let files = Files::new();
    let config = CohortConfig {
        pheno: vec![files.add("p.txt", "IID x\na 10\nb 20\nc 1000\nd 30\n")],
        remove: Some(files.add("r.txt", "c\n")),
        rint: true,
        ..Default::default()
    };
    let cohort = Cohort::load(&config, &ids("a b c d")).unwrap();
    let expected = [1.0, 2.0, 3.0].map(|rank| transform::normal_quantile((rank - 0.375) / 3.25));
    assert_values(&cohort.traits[0].values, &expected);
}

#[test]
fn a_trait_alone_equals_the_trait_among_others() {
    let text = "IID x y\na 1 NA\nb NA 3\nc 4 5\nd 2 1\n";
    let all = pheno_with(text, "a b c d", |config| config.rint = true).shown().0;
    let alone = pheno_with(text, "a b c d", |config| {
        config.rint = true;
        config.pheno_name = ids("y");
    });
    let alone = alone.shown().0;
    assert_eq!(alone.analysed, all.analysed);
    assert_values(&alone.traits[0].values, &all.traits[1].values);
}

fn with_pred(loco: &str, pheno: &str, check: impl Fn(Result<Cohort, String>, &dyn Fn(&str) -> String)) {
    let files = Files::new();
    let loco = files.add("y_1.loco", loco);
    let config = CohortConfig {
        pheno: vec![files.add("p.txt", pheno)],
        pred: Some(files.add("y_pred.list", &format!("other {0}\nx {0}\n", loco.display()))),
        ..Default::default()
    };
    let cohort = Cohort::load(&config, &ids("a b c d e")).map_err(|error| files.strip(&error.to_string()));
    check(cohort, &|text| files.strip(text));
}

#[test]
fn predictions_are_matched_scaled_and_mask_the_trait() {
    let pheno = "FID IID x\n7 a 1\n7 b 2\n8 c 3\n8 d NA\n8 e 5\n";
    let loco = "FID_IID 8_e 8_d 8_c 7_b 9_q\n1 .5 .4 .3 NA .1\n23 50 40 30 NA 10\n";
    with_pred(loco, pheno, |cohort, strip| {
        let cohort = cohort.shown();
        assert_values(&cohort.traits[0].values, &[NAN, NAN, 3.0, NAN, 5.0]);
        assert_eq!(cohort.ledger.traits[0].n_without_prediction, 2);
        let messages: Vec<String> = cohort.messages.iter().map(|message| strip(message)).collect();
        for message in [
            "y_1.loco: predictions for 4 of 5 analysed samples, by FID_IID with the FIDs of the trait table",
            "y_pred.list: 2 values of 1 traits have no prediction and are taken as missing",
            "y_pred.list: 1 traits of the list are not analysed",
        ] {
            assert!(messages.iter().any(|m| m == message), "{messages:?}");
        }
        let loco = cohort.loco.unwrap();
        assert_values(&loco.offsets("chr1", &cohort.traits, &[2.0]).unwrap()[0], &[0.0, 0.0, 0.6, 0.0, 1.0]);
        assert_values(&loco.offsets("X", &cohort.traits, &[1.0]).unwrap()[0], &[0.0, 0.0, 30.0, 0.0, 50.0]);
        let message = strip(&loco.offsets("22", &cohort.traits, &[1.0]).unwrap_err().to_string());
        assert_eq!(message, "y_1.loco: no predictions for chromosome 22; the file has 1, 23");
        assert!(loco.check_chromosomes(["1", "chrX"].into_iter()).is_ok());
        assert!(loco.check_chromosomes(["1", "chrY"].into_iter()).is_err());
    });
}

#[test]
fn predictions_by_other_names_and_bad_ones() {
    let pheno = "IID x\na 1\nb 2\nc 3\nd 4\ne 5\n";
    for header in ["a b c d e", "a_a b_b c_c d_d e_e", "0_a 0_b 0_c 0_d 0_e"] {
        with_pred(&format!("FID_IID {header}\n1 1 2 3 4 5\n"), pheno, |cohort, _| {
            let cohort = cohort.shown();
            let offsets = cohort.loco.unwrap().offsets("1", &cohort.traits, &[1.0]).unwrap();
            assert_values(&offsets[0], &[1.0, 2.0, 3.0, 4.0, 5.0]);
        });
    }
    with_pred("FID_IID a b c d e\n1 1 2 3 4 5\n2 1 NA NA 4 5\n", pheno, |cohort, strip| {
        let cohort = cohort.shown();
        let error = cohort.loco.unwrap().offsets("2", &cohort.traits, &[1.0]).unwrap_err();
        assert_eq!(
            strip(&error.to_string()),
            "y_1.loco: chromosome 2: 2 samples have no prediction although they have one on the first chromosome of the \
             file; was the file cut or edited?"
        );
    });
    with_pred("FID_IID f1_a f2_b f3_c\n1 1 2 3\n", pheno, |cohort, _| {
        assert_eq!(
            cohort.map(|_| ()).unwrap_err(),
            "y_1.loco: none of its 3 samples is among the 5 genotyped ones; 3 match by the part after the '_', so the \
             FIDs differ: give the trait table the FIDs that step 1 had"
        );
    });
    with_pred("FID_IID a b\n1 1 2\n", "IID x z\na 1 1\nb 2 2\nc 3 4\n", |cohort, _| {
        assert_eq!(
            cohort.map(|_| ()).unwrap_err(),
            "y_pred.list: no predictions for 1 of 2 traits (z); add them, or leave the traits out with --pheno-name"
        );
    });
}

#[test]
fn cases_are_0_and_1_or_1_and_2() {
    let coded = |text| pheno_with(text, "a b c d", |config| config.two_valued = true);
    let cohort = coded("IID x y\na 1 0\nb 2 1\nc NA 1\nd 1 0\n").shown().0;
    assert_values(&cohort.traits[0].values, &[0.0, 1.0, NAN, 0.0]);
    assert_values(&cohort.traits[1].values, &[0.0, 1.0, 1.0, 0.0]);
    for (text, problem) in
        [("IID x\na 0\nb 1\nc 2\nd 1\n", "0 and 2"), ("IID x\na 0\nb 1.5\nc 1\nd 1\n", "the value 1.5")]
    {
        let message = coded(text).unwrap_err();
        assert!(message.starts_with(&format!("trait x has {problem}: with --bt every trait is 0")), "{message}");
    }
}
