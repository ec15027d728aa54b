//! Tables as they come: every odd kind is either read for what it means, or refused with one line that says where and
//! what, never with a sample ID in it and never by a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::need;
use support::oracle;
use support::refusal::{assert_quiet_about_people, assert_refused, exports, small, small_study, with_pheno};
use support::study::Study;
use support::table::Table;
use support::tools::{self, Need};

#[test]
fn tables_of_every_layout_mean_the_same() {
    let study = small_study();
    let expected = exports(&study);
    let (_, _, traits) = small();
    let rows = || std::iter::once(&traits.header).chain(&traits.rows);
    let joined = |by: &str, end: &str| rows().map(|row| row.join(by) + end).collect::<String>();
    let with_fid = |name: &str| {
        let fid = |(i, row): (usize, &Vec<String>)| {
            let first = if i == 0 { name.to_owned() } else { format!("F{i}") };
            format!("{first}\t{}\n", row.join("\t"))
        };
        rows().enumerate().map(fid).collect::<String>()
    };
    let missing_as = |word: &str| joined("\t", "\n").replace("\tNA", &format!("\t{word}"));
    let quoted = |by: &str| {
        rows()
            .map(|row| row.iter().map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(by) + "\n")
            .collect::<String>()
    };
    let mut turned: Vec<String> = rows().map(|row| row.join("\t")).collect();
    turned[1..].reverse();
    let layouts = [
        ("commas", joined(",", "\n")),
        ("blanks", joined(" ", "\n")),
        ("CRLF", joined("\t", "\r\n")),
        ("a byte order mark", format!("\u{feff}{}", joined("\t", "\n"))),
        ("a byte order mark, commas and CRLF", format!("\u{feff}{}", joined(",", "\r\n"))),
        ("#IID", format!("#{}", joined("\t", "\n"))),
        ("FID and IID", with_fid("FID")),
        ("#FID and IID", with_fid("#FID")),
        ("quotes and commas", quoted(",")),
        ("quotes and tabs", quoted("\t")),
        ("no newline at the end", joined("\t", "\n").trim_end().to_owned()),
        ("another order", turned.join("\n") + "\n"),
        ("-9 for missing", missing_as("-9")),
        (". for missing", missing_as(".")),
        ("nothing for missing", missing_as("")),
        ("nan for missing", missing_as("nan")),
        ("people who are not genotyped", joined("\t", "\n") + "SUBJ_ELSEWHERE\t1.5\t2.5\n"),
    ];
    for (layout, text) in layouts {
        std::fs::write(&study.pheno, text).unwrap();
        let run = study.try_assoc("out.h5", &["--force"]);
        assert_eq!(run.code, 0, "{layout}: {}", run.stderr);
        assert_quiet_about_people(&run.stderr);
        let found = ["t0", "t1"].map(|name| study.export(&study.path("out.h5"), name)).to_vec();
        assert!(found == expected, "{layout}: not the same results");
    }
    need!(Need::Bgzip);
    traits.write(&study.pheno);
    let gzipped = tools::bgzip(&study.pheno);
    let packed = Study::of_files(&study.vcf, &gzipped, study.covar.as_deref());
    assert!(exports(&packed) == expected, "gzip: not the same results");
}

#[test]
fn a_person_twice_in_a_table_is_refused_by_line() {
    let (_, _, traits) = small();
    let text = traits.to_tsv() + &traits.rows[3].join("\t") + "\n";
    let (study, run) = with_pheno(&text);
    assert_refused(&study, &run, &["traits.tsv", "line 62", "again|twice|repeated|duplicate"]);
}

#[test]
fn a_word_among_numbers_is_refused_by_line_and_column() {
    let (_, _, mut traits) = small();
    traits.rows[8][2] = "high".to_owned();
    let (study, run) = with_pheno(&traits.to_tsv());
    assert_refused(&study, &run, &["traits.tsv", "line 10", "t1", "number"]);
}

#[test]
fn an_infinite_value_is_refused() {
    let (_, _, mut traits) = small();
    traits.rows[8][1] = "inf".to_owned();
    let (study, run) = with_pheno(&traits.to_tsv());
    assert_refused(&study, &run, &["traits.tsv", "line 10", "infinite|finite"]);
}

#[test]
fn a_row_of_another_length_is_refused_by_line() {
    let (_, _, mut traits) = small();
    traits.rows[8].pop();
    let (study, run) = with_pheno(&traits.to_tsv());
    assert_refused(&study, &run, &["traits.tsv", "line 10", "column|field|cell"]);
}

#[test]
fn an_empty_table_is_refused() {
    let (study, run) = with_pheno("");
    assert_refused(&study, &run, &["traits.tsv", "empty"]);
    let (study, run) = with_pheno("IID\tt0\n");
    assert_refused(&study, &run, &["traits.tsv|no sample"]);
}

#[test]
fn a_table_without_a_header_is_refused() {
    let (_, _, traits) = small();
    let text: String = traits.rows.iter().map(|row| row.join("\t") + "\n").collect();
    let (study, run) = with_pheno(&text);
    assert_refused(&study, &run, &["traits.tsv", "header|column names|IID"]);
}

#[test]
fn one_column_name_twice_is_refused() {
    let (_, _, mut traits) = small();
    traits.header[2] = "t0".to_owned();
    let (study, run) = with_pheno(&traits.to_tsv());
    assert_refused(&study, &run, &["traits.tsv", "t0"]);
}

#[test]
fn tables_of_other_ids_are_explained_by_cause() {
    let (_, _, traits) = small();
    let renamed = |rename: &dyn Fn(&str) -> String| {
        let mut traits = traits.clone();
        traits.rows.iter_mut().for_each(|row| row[0] = rename(&row[0]));
        traits.to_tsv()
    };
    for (cause, text) in [
        ("_|FID", renamed(&|id| format!("{id}_{id}"))),
        ("suffix|end", renamed(&|id| format!("{id}_B2"))),
        ("case", renamed(&str::to_lowercase)),
    ] {
        let (study, run) = with_pheno(&text);
        assert_refused(&study, &run, &["traits.tsv", "60", cause]);
        assert!(!run.stderr.contains("subj"), "{}", run.stderr);
    }
    let (study, run) = with_pheno(&renamed(&|id| format!("PERSON{}", &id[6..])));
    assert_refused(&study, &run, &["traits.tsv", "60", "none"]);
}

#[test]
fn a_trait_of_two_values_is_refused_unless_asked_for() {
    let (_, _, mut traits) = small();
    for (i, row) in traits.rows.iter_mut().enumerate() {
        row[1] = if i % 3 == 0 { "2" } else { "1" }.to_owned();
    }
    let (study, run) = with_pheno(&traits.to_tsv());
    assert_refused(&study, &run, &["t0", "two values", "--linear-on-binary"]);
    study.try_assoc("out.h5", &["--linear-on-binary"]).ok();
}

#[test]
fn a_constant_trait_never_wins() {
    let (_, _, mut traits) = small();
    traits.rows.iter_mut().for_each(|row| row[1] = "5.5".to_owned());
    let (study, run) = with_pheno(&traits.to_tsv());
    run.ok();
    let rows = oracle::rows(&study.export(&study.path("out.h5"), "t0"));
    assert!(rows.iter().all(|row| row.beta.is_nan() && row.log10p.is_nan()));
}

#[test]
fn covariates_that_say_nothing_are_dropped_by_name() {
    let study = small_study();
    let expected = exports(&study);
    let covar = study.covar.as_ref().unwrap();
    let mut table = Table::read(covar);
    table.header.extend(["same", "double"].map(str::to_owned));
    for row in &mut table.rows {
        let double = 2.0 * row[2].parse::<f64>().unwrap();
        row.extend(["7".to_owned(), double.to_string()]);
    }
    table.write(covar);
    let run = study.try_assoc("out.h5", &["--force"]).ok();
    assert!(run.stderr.contains("same") && run.stderr.contains("double"), "not told: {}", run.stderr);
    let found = ["t0", "t1"].map(|name| study.export(&study.path("out.h5"), name)).to_vec();
    assert!(found == expected, "they changed the results");
}

#[test]
fn an_unknown_trait_or_covariate_is_refused_by_name() {
    let study = small_study();
    assert_refused(&study, &study.try_assoc("out.h5", &["--pheno-name", "t0,height"]), &["--pheno-name", "height"]);
    assert_refused(&study, &study.try_assoc("out.h5", &["--covar-name", "age*"]), &["--covar-name", "age"]);
}
