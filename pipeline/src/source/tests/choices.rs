//! What is read by default, and what filters by site keep.

use super::*;

const DOSAGE_HEAD: &str = concat!(
    "##FORMAT=<ID=DS,Number=A,Type=Float,Description=\"x\">\n",
    "##FORMAT=<ID=GP,Number=G,Type=Float,Description=\"x\">\n",
);

fn site_text(head: &str, lines: &[&str]) -> String {
    let mut text = format!("{HEAD}{head}{COLUMNS}");
    for line in lines {
        text += &line.replace(' ', "\t");
        text.push('\n');
    }
    text
}

#[test]
fn dosages_are_the_default_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let with = site_text(DOSAGE_HEAD, &["1 5 a A G . . . GT:DS 0/1:0.9 0/0:0.1 ./.:. 0/0:."]);
    let without = site_text(DOSAGE_HEAD, &["1 5 a A G . . . GT 0/1 0/0 ./. 0/0"]);
    let undeclared = site_text("", &["1 5 a A G . . . GT:DS 0/1:0.9 0/0:0.1 ./.:. 0/0:."]);
    for (text, field, want, word) in [
        (&with, Field::Ds, "1:5:A:G 0.9 0.1 . 0", "DS, with GT"),
        (&without, Field::Gt, "1:5:A:G 1 0 . 0", "no DS"),
        (&undeclared, Field::Gt, "1:5:A:G 1 0 . 0", "no DS"),
    ] {
        let input = Input::open(&options(&write(dir.path(), "a.vcf", text))).unwrap();
        assert_eq!(input.field(), field);
        assert!(input.messages().iter().any(|m| m.contains(word)), "{:?}", input.messages());
        assert_eq!(read(&input, 4, 1 << 20).unwrap().0, [want]);
    }
    let paths = vec![write(dir.path(), "a.vcf", &with), write(dir.path(), "b.vcf", &without)];
    let mixed = Input::open(&InputOptions { paths, ..Default::default() }).unwrap();
    assert_eq!(mixed.field(), Field::Gt);
    assert!(mixed.messages()[0].contains("1 of 2 files have no DS"), "{:?}", mixed.messages());
    let path = write(dir.path(), "a.vcf", &site_text("", &["1 5 a A G . . . GT 0/1 0/0 ./. 0/0"]));
    let asked = Input::open(&InputOptions { field: Some(Field::Ds), ..options(&path) });
    assert!(asked.err().unwrap().to_string().contains("has no DS"));
    let asked =
        Input::open(&InputOptions { field: Some(Field::Gp), ..options(&write(dir.path(), "b.vcf", &with)) }).unwrap();
    assert_eq!(asked.field(), Field::Gp);
}

#[test]
fn dosages_out_of_bounds_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    for (values, want) in [
        ("0/1:2.5 0/0:0 0/0:0 0/0:0", "line 12 (1:5): DS: sample 1: a number that is no dosage from 0 to 2"),
        ("0/1:1 1:1.2 0/0:0 0/0:0", "sample 2: a number that is no dosage from 0 to 1"),
        ("0/1:1 1/1:-0.1 0/0:0 0/0:0", "sample 2: a number that is no dosage from 0 to 2"),
        ("0/1:1,1 1/1:0 0/0:0 0/0:0", "sample 1: 2 values for 1 ALT"),
        ("0/1:x 1/1:0 0/0:0 0/0:0", "sample 1: a value of the shape 'a' is not a number"),
        ("0/1:nan 1/1:0 0/0:0 0/0:0", "sample 1: a value of the shape 'aaa' is not a number"),
    ] {
        let text = site_text(DOSAGE_HEAD, &[&format!("1 5 a A G . . . GT:DS {values}")]);
        let input = Input::open(&options(&write(dir.path(), "a.vcf", &text))).unwrap();
        let message = read(&input, 4, 1 << 20).unwrap_err().to_string();
        assert!(message.contains(want), "{message}");
    }
    let text = site_text(DOSAGE_HEAD, &["1 5 a A G . . . GT:DS 0/1:2.0005 0/0:-0.0005 ./.:. 0/0:0"]);
    let input = Input::open(&options(&write(dir.path(), "a.vcf", &text))).unwrap();
    assert_eq!(read(&input, 4, 1 << 20).unwrap().0, ["1:5:A:G 2 0 . 0"]);
}

#[test]
fn site_filters_count_what_they_drop() {
    let dir = tempfile::tempdir().unwrap();
    let call = "0/1 0/0 0/2 1/1";
    let lines = [
        format!("1 1 a A G,T . PASS R2=0.9 GT {call}"),
        format!("1 2 b A G,T . q10 R2=0.9 GT {call}"),
        format!("1 3 c A G,T . . R2=0.2 GT {call}"),
        format!("chr1 4 d;rs4 A G,T . . X=1;R2=0.30 GT {call}"),
        format!("1 5 e A G,T . PASS AR2=1 GT {call}"),
        format!("2 6 f A G,T . PASS R2=. GT {call}"),
    ];
    let text = site_text("", &lines.each_ref().map(String::as_str));
    let path = write(dir.path(), "a.vcf", &text);
    let ids = write(dir.path(), "ids.txt", "rs4\n1:1:A:T\n");
    type Case<'a> = (InputOptions, &'a [&'a str], &'a [(DropReason, u64)]);
    let base = options(&path);
    let cases: [Case<'_>; 7] = [
        (
            InputOptions { pass_only: true, ..base.clone() },
            &["1:1:A:G", "1:1:A:T", "1:3:A:G"],
            &[(DropReason::NotPass, 2)],
        ),
        (
            InputOptions { min_info: Some(0.3), ..base.clone() },
            &["1:1:A:G", "1:1:A:T", "1:2:A:G", "1:2:A:T", "chr1:4:A:G", "chr1:4:A:T"],
            &[(DropReason::LowInfo, 2), (DropReason::InfoMissing, 4)],
        ),
        (
            InputOptions { extract: Some(ids.clone()), ..base.clone() },
            &["1:1:A:T", "chr1:4:A:G", "chr1:4:A:T"],
            &[(DropReason::NotExtracted, 9)],
        ),
        (InputOptions { exclude: Some(ids), ..base.clone() }, &["1:1:A:G", "1:2:A:G"], &[(DropReason::Excluded, 3)]),
        (InputOptions { chroms: vec!["2-5".into()], ..base.clone() }, &["2:6:A:G", "2:6:A:T"], &[]),
        (
            InputOptions { regions: vec!["chr1:4-5".into()], ..base.clone() },
            &["chr1:4:A:G", "chr1:4:A:T", "1:5:A:G"],
            &[],
        ),
        (
            InputOptions { mac: Some(2.0), ..base },
            &["1:1:A:G", "1:2:A:G", "1:3:A:G", "chr1:4:A:G"],
            &[(DropReason::LowMac, 6)],
        ),
    ];
    for (options, first, drops) in cases {
        let (rows, ledger) = read(&Input::open(&options).unwrap(), 4, 100).unwrap();
        let names: Vec<_> = rows.iter().map(|r| r.split_once(' ').unwrap().0).collect();
        assert_eq!(&names[..first.len()], first);
        for &(reason, n) in drops {
            assert_eq!(ledger.dropped(reason), n, "{reason:?}");
        }
        assert_eq!(ledger.rows(), 2 * ledger.records);
    }
    let message = Input::open(&InputOptions { min_info: Some(0.3), ..options(Path::new(FIXTURE)) });
    assert!(message.unwrap().messages().iter().any(|m| m.contains("INFO/R2")));
}

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/odd_genotypes.vcf");

#[test]
fn pseudo_autosomal_regions_by_build_file_or_header() {
    let dir = tempfile::tempdir().unwrap();
    let line = |pos: u32| format!("chrX {pos} x A G . . . GT 0/1 0/1 0/1 0/1");
    let lines = [line(2_699_520), line(2_699_521), line(2_781_479), line(2_781_480), line(155_000_000)];
    let text = site_text("", &lines.each_ref().map(String::as_str));
    let unknown = text.replace("length=155270560", "length=1");
    let par = write(dir.path(), "par.bed", "X\t2699520\t2699521\n");
    let path = write(dir.path(), "a.vcf", &text);
    let bare = write(dir.path(), "b.vcf", &unknown);
    for (options, want) in [
        (options(&path), [true, false, false, false, true]),
        (
            InputOptions { build: Some(crate::format::chromosome::Build::B38), ..options(&path) },
            [true, true, true, false, false],
        ),
        (InputOptions { par_file: Some(par), ..options(&path) }, [false, true, false, false, false]),
        (options(&bare), [false; 5]),
    ] {
        let mut input = Input::open(&options).unwrap();
        let selection = SampleSelection { analysed: vec![1, 3], sex: Some(vec![Sex::Male; 2]) };
        input.select(selection).unwrap();
        let (rows, ledger) = read(&input, 2, 1 << 20).unwrap();
        let diploid: Vec<bool> = rows.iter().map(|r| r.ends_with(" 1 1")).collect();
        assert_eq!(diploid, want);
        let hets = 2 * want.iter().filter(|d| !**d).count() as u64;
        assert_eq!(ledger.note(Note::MaleXHets), hets);
        assert_eq!(ledger.note(Note::XRecordsWithoutBuild), if options.paths[0] == bare { 5 } else { 0 });
    }
}
