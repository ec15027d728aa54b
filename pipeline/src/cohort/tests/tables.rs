//! How tables may be written, and what is said of bad ones.

use super::*;

#[test]
fn rows_in_any_order_come_out_in_the_genotype_order() {
    let (cohort, _) = pheno("IID\tx\ty\nd\t4\tNA\nb\t2\t20\nzz\t9\t9\na\t1\t10\n").unwrap();
    assert_eq!(cohort.analysed, [0, 1, 2, 3]);
    assert_eq!(names(&cohort.traits), ["x", "y"]);
    assert_values(&cohort.traits[0].values, &[1.0, 2.0, NAN, 4.0]);
    assert_values(&cohort.traits[1].values, &[10.0, 20.0, NAN, NAN]);
    assert_eq!(cohort.ledger.files[0].n_not_genotyped(), 1);
    assert_eq!(cohort.ledger.traits[0].n_observed, 3);
    assert_eq!(cohort.ledger.n_without_any_trait, 1);
}

#[test]
fn the_same_table_however_it_is_written() {
    let expected = pheno("IID\tx\na\t1.5\nb\tNA\nc\t3\nd\t4\n").unwrap().0.traits;
    for text in [
        "#IID\tx\na\t1.5\nb\t\nc\t3\nd\t4\n",
        "#FID\tIID\tx\nf\ta\t1.5\nf\tb\tnan\nf\tc\t3\nf\td\t4\n",
        "FID IID x\nf a 1.5\nf b N/A\nf c 3\nf d 4\n",
        "\u{feff}IID,x\r\na,1.5\r\nb,.\r\nc,3\r\nd,4\r\n",
        "\"IID\";\"x\"\n\"a\";\"1.5\"\n\"b\";\"\"\n\"c\";\"3\"\n\"d\";\"4\"",
        "sample  x\n a   1.5 \nb -9\nc 3\nd 4\n",
        "IID x\na 1.5\nb -9.0\nc 3\nd 4\n",
        "IID FID x\na f 1.5\nb f NA\nc f 3\nd f 4\n",
        "#IID SID x\na s 1.5\nb s NA\nc s 3\nd s 4\n",
        "id\ta\tb\tc\td\nx\t1.5\tNA\t3\t4\n",
        "#chr\tstart\tend\tid\td\tb\tc\ta\n1\t10\t11\tx\t4\tNA\t3\t1.5\n",
        "#chr\tstart\tend\tgene\tlength\tstrand\ta\tb\tc\td\n1\t10\t11\tx\t100\t+\t1.5\tNA\t3\t4\n",
    ] {
        let traits = pheno(text).unwrap().0.traits;
        assert_eq!(names(&traits), ["x"], "{text}");
        assert_values(&traits[0].values, &expected[0].values);
    }
}

#[test]
fn gzip_and_bgzip_are_read() {
    let text = b"IID\tx\na\t1\nb\t2\nc\t3\n";
    let files = Files::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text).unwrap();
    let mut bgzip = crate::format::bgzip::BgzipWriter::new(Vec::new());
    bgzip.write_all(text).unwrap();
    for bytes in [gzip.finish().unwrap(), bgzip.finish().unwrap()] {
        let config = CohortConfig { pheno: vec![files.add_bytes("p.tsv", &bytes)], ..Default::default() };
        let cohort = Cohort::load(&config, &ids("c b a")).unwrap();
        assert_values(&cohort.traits[0].values, &[3.0, 2.0, 1.0]);
    }
}

#[test]
fn what_is_assumed_is_said() {
    let (_, messages) = pheno("sample\tx\na\t1\nb\t2\nc\t-9\nd\t5\n").unwrap();
    assert_eq!(messages[0], "p.txt: 4 samples, 4 of them genotyped; 0 genotyped samples are not in it");
    assert_eq!(messages[1], "p.txt: sample IDs are taken from the first column ('sample')");
    assert_eq!(messages[2], "p.txt: 1 cells of -9 in 1 columns are taken as missing");
    let (_, messages) = pheno("IID\tx\na\t-1\nb\t2\nc\t-9\nd\t3\n").unwrap();
    assert!(messages[1].ends_with("so -9 may be a measurement (--minus9 value keeps it)"), "{messages:?}");
    let (cohort, _) = pheno_with("IID\tx\na\t-1\nb\t2\nc\t-9\n", "a b c", |c| c.minus9 = Minus9::Value).unwrap();
    assert_values(&cohort.traits[0].values, &[-1.0, 2.0, -9.0]);
}

#[test]
fn bad_tables_are_refused_with_line_column_and_cause() {
    for (text, message) in [
        ("", "the file is empty"),
        ("IID\tx\n", "the table has a header and no rows"),
        (
            "IID\na\n",
            "line 1: the header has one column; cells are separated by tabs, commas, semicolons or blanks, and the first \
             line names the columns",
        ),
        ("FID\tIID\nf\ta\n", "the table has no column besides the sample IDs"),
        ("IID\tx\ty\na\t1\n", "line 2: 2 cells where the header has 3; is the line cut short?"),
        (
            "IID\tx\na\t1\t2\n",
            "line 2: 3 cells where the header has 2; the name of the ID column is missing in the header (R: \
             write.table(..., col.names = NA))",
        ),
        (
            "IID\tx\na\t1\nb\t1\t2\n",
            "line 3: 3 cells where the header has 2; a cell that holds the delimiter needs quotes",
        ),
        ("IID,x\na 1\n", "line 2: 1 cells where the header has 2; does the row use another delimiter than the header?"),
        (
            "IID\tx\na\t1\nb\tlow\n",
            "line 3: column 'x': 'low' is not a number; write NA for a missing value, or choose columns with --pheno-name",
        ),
        (
            "IID\tx\na\t1\nb\t1970-01-02\n",
            "line 3: column 'x': text of the shape '9999-99-99' is not a number; write NA for a missing value, or choose \
             columns with --pheno-name",
        ),
        ("IID;x\na;1,5\n", "line 2: column 'x': '1,5' is not a number; write decimals with a point"),
        ("IID\tx\na\tinf\n", "line 2: column 'x': the value is infinite; write NA for a missing value"),
        ("IID\tx\na\t1\nb\t2\na\t3\n", "line 4: the sample of line 2 comes again; keep one row for each sample"),
        ("IID\tx\na\t1\nzz\t2\nzz\t3\n", "line 4: the sample of line 3 comes again; keep one row for each sample"),
        ("FID\tIID\tx\n1\ta\t1\n2\ta\t3\n", "line 3: the sample of line 2 comes again; keep one row for each sample"),
        ("IID\tx\ty\tx\na\t1\t2\t3\n", "columns 2 and 4 are both named 'x'; rename or remove one"),
        (
            "IID\tx\t\na\t1\t\n",
            "column 3 has no name; name it (a delimiter at the end of the header makes such a column)",
        ),
        ("id\ta\tb\tc\nx\t1\t2\t3\nx\t1\t2\t3\n", "lines 2 and 3 are both named 'x'; rename or remove one"),
        ("id\ta\tb\tc\ta\nx\t1\t2\t3\t4\n", "columns 2 and 5 are the same sample; keep one column for each sample"),
        ("id\ta\tb\tc\n\t1\t2\t3\n", "line 2: the row has no name"),
        ("IID\tx\n\t1\n", "line 2: the sample ID is empty"),
        ("x 1 2\ny 3 4\n", "line 1 looks like data, not like column names; add a header line such as: IID NAME ..."),
        ("a p 2\nb q 4\n", "line 1 looks like data, not like column names; add a header line such as: IID NAME ..."),
        (
            "IID a b c\nx 1 2 3\n",
            "none of its 1 samples is among the 4 genotyped ones; 3 of its columns are named as genotyped samples are, so \
             the table seems to lie on its side: name its first column 'id', not IID",
        ),
        ("IID\tx\n\"a\t1\n", "line 2: a quote (\") is opened and not closed on the line"),
        ("IID\tx\na\t1\rb\t2\r", "line 2: line ends are bare carriage returns (old Mac); convert them to newlines"),
    ] {
        assert_eq!(refused(text), format!("p.txt: {message}"), "{text}");
    }
    let error = Cohort::load(&CohortConfig { pheno: vec!["/nowhere/p".into()], ..Default::default() }, &ids("a"));
    assert!(error.unwrap_err().to_string().starts_with("/nowhere/p: No such file"));
}

#[test]
fn columns_are_chosen_in_file_order_over_several_files() {
    let files = Files::new();
    let mut config = CohortConfig {
        pheno: vec![
            files.add("p.txt", "IID x y\na 1 2\nb 3 4\nc 5 9\n"),
            files.add("q.txt", "IID z x1\nb 5 6\na 7 8\n"),
            files.add("r.txt", "IID y\na 1\n"),
        ],
        pheno_name: vec!["z,x*".to_string()],
        ..Default::default()
    };
    let load =
        |config: &CohortConfig| Cohort::load(config, &ids("a b c d")).map_err(|error| files.strip(&error.to_string()));
    let cohort = load(&config).unwrap();
    assert_eq!(names(&cohort.traits), ["x", "z", "x1"]);
    let said = "r.txt: --pheno-name chooses none of its columns, so it is not used";
    assert!(cohort.messages.iter().any(|message| files.strip(message) == said));
    config.pheno_name = vec!["xx".to_string()];
    assert_eq!(load(&config).unwrap_err(), "--pheno-name: no column matches 'xx'; near it: 'x'");
    config.pheno_name = Vec::new();
    let message = "column 'y' is in p.txt and in r.txt; rename it in one, or choose columns with --pheno-name";
    assert_eq!(load(&config).unwrap_err(), message);
}

/// 10,000 samples by 3,000 traits: `cargo test --release wide_table -- --ignored --nocapture`.
#[test]
#[ignore = "a timing"]
fn wide_table_is_read_in_seconds() {
    let (n_samples, n_traits) = (10_000, 3_000);
    let files = Files::new();
    let mut text = String::from("IID");
    (0..n_traits).for_each(|i| text += &format!("\ttrait{i}"));
    let mut state = 1u64;
    for i in (0..n_samples).rev() {
        text += &format!("\ns{i}");
        for _ in 0..n_traits {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            text += &format!("\t{:.6}", (state >> 33) as f64 / 1e9);
        }
    }
    let config = CohortConfig { pheno: vec![files.add("p.txt", &text)], rint: true, ..Default::default() };
    drop(text);
    let samples: Vec<String> = (0..n_samples).map(|i| format!("s{i}")).collect();
    let start = std::time::Instant::now();
    let cohort = Cohort::load(&config, &samples).unwrap();
    eprintln!("{} traits in {:.2?}", cohort.traits.len(), start.elapsed());
    assert_eq!(cohort.traits.len(), n_traits);
}

#[test]
fn no_text_makes_a_panic_or_a_message_of_two_lines() {
    let alphabet: Vec<&str> =
        vec!["a", "b", "IID", "FID", "\t", " ", ",", ";", "\"", "\n", "\n", "1", ".5", "NA", "#", "é"];
    let files = Files::new();
    let mut state = 7u64;
    for _ in 0..500 {
        let mut text = String::new();
        for _ in 0..40 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            text += alphabet[(state >> 40) as usize % alphabet.len()];
        }
        let path = files.add("x", &text);
        let config = [
            CohortConfig { pheno: vec![path.clone()], ..Default::default() },
            CohortConfig { covar: vec![path.clone()], sex_file: Some(path.clone()), ..Default::default() },
            CohortConfig { keep: Some(path.clone()), ..Default::default() },
            CohortConfig { pred: Some(path), ..Default::default() },
        ];
        for config in config {
            match Cohort::load(&config, &ids("a b a1 1")) {
                Ok(cohort) => assert!(cohort.ledger.adds_up() && cohort.messages.iter().all(|m| !m.contains('\n'))),
                Err(error) => assert!(!error.to_string().contains('\n'), "{text}"),
            }
        }
    }
}
