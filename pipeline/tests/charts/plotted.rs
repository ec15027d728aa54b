//! `norna plot`: SVG that parses, with as many marks as there are tests, and what is refused.

use std::path::PathBuf;

use crate::made::{KEPT_FROM, made};
use crate::support::places::dataset;
use crate::support::refusal::assert_quiet_about_people;
use crate::support::tools::{Run, command, norna, run};

const TRAIT: &str = "ENSG00000131100";
/// Marks of an SVG, and what it says of itself, by a parser of somebody else.
const PARSE: &str = "
import sys, xml.etree.ElementTree as E
root = E.parse(sys.argv[1]).getroot()
name = lambda e: e.tag.split('}')[1]
marks = [name(e) for e in root.iter()]
print(root.get('role'), marks.count('circle'), marks.count('title'), marks.count('desc'))
print(' '.join(e.text.strip() for e in root.iter() if name(e) in ('text', 'title', 'desc')))
";

fn plot(store: &str, out: &str, flags: &[&str]) -> (Run, PathBuf) {
    let made = made();
    let out = made.study.path(out);
    let flags = [flags, &["--force", "-o", out.to_str().unwrap()]].concat();
    (run(norna(["plot"]).arg(&made.stores[store]).args(["--trait", TRAIT]).args(flags)), out)
}

/// Circles, and all words.
fn parsed(store: &str, out: &str, flags: &[&str]) -> (usize, String) {
    let (plotted, out) = plot(store, out, flags);
    plotted.ok();
    assert!(std::fs::metadata(&out).unwrap().len() < 1 << 20);
    let said = run(command("python3").args(["-c", PARSE]).arg(&out)).ok().stdout;
    let (marks, words) = said.split_once('\n').unwrap();
    let marks: Vec<&str> = marks.split(' ').collect();
    assert_eq!((marks[0], marks[2], marks[3]), ("img", "1", "1"));
    (marks[1].parse().unwrap(), words.to_owned())
}

#[test]
fn a_manhattan_plot_names_its_lead_and_its_axes() {
    let made = made();
    let (n, words) = parsed("full", "m.svg", &["--kind", "manhattan"]);
    let n_points = made.exported["full"][TRAIT].iter().filter(|row| row.log10p >= 4.0).count();
    assert!(n > n_points / 3 && n <= n_points, "{n} of {n_points}");
    for part in ["22_18075263", "−log10 p", "position on chr22, Mb", "232 hits with p ≤ 5e-8", "λ 2.040", "358 samples"]
    {
        assert!(words.contains(part), "{part}: {words}");
    }
    let (_, words) = parsed("hits", "mh.svg", &[]);
    assert!(words.contains("tests with p over 1e-3 are not kept"), "{words}");
}

#[test]
fn a_qq_plot_has_a_dot_a_point() {
    let (n, words) = parsed("full", "q.svg", &["--kind", "qq"]);
    assert!(n > 540 && words.contains("expected −log10 p") && words.contains("95 %"), "{n} {words}");
}

#[test]
fn a_regional_plot_has_every_test_linkage_and_genes() {
    let made = made();
    let (vcf, gtf) = (dataset("geuvadis/chr22.vcf.gz"), dataset("geuvadis/genes.gtf.gz"));
    let (vcf, gtf) = (vcf.to_str().unwrap(), gtf.to_str().unwrap());
    let within = |(from, to): (u32, u32), least: f64| {
        let rows = &made.exported["full"][TRAIT];
        rows.iter().filter(|row| (from..=to).contains(&row.pos) && row.log10p >= least).count()
    };
    let region = (17_825_263, 18_325_263);
    let (n, words) = parsed("full", "r.svg", &["--kind", "regional", "--kb", "250", "--vcf", vcf, "--annotation", gtf]);
    // The lead is a diamond, the legend has five classes.
    assert_eq!(n, within(region, 0.0) - 1 + 5);
    for part in ["r² with the lead", "0.8 to 1", "under 0.2", "BCL2L13 →", "← BID", "22_18075263"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let flags = ["--kind", "regional", "--region", "22:18000000-18,100,000", "--lead", "22_18069412"];
    let (n, words) = parsed("hits", "rh.svg", &flags);
    assert_eq!(n, within((18_000_000, 18_100_000), KEPT_FROM) - 1);
    assert!(words.contains("linkage not known"), "{words}");
    let shown = run(norna(["plot"]).arg(&made.stores["full"]).args(["--trait", TRAIT, "--kind", "qq", "-o", "-"])).ok();
    assert!(shown.stdout.starts_with("<svg") && shown.stdout.trim_end().ends_with("</svg>"));
}

#[test]
fn what_cannot_be_drawn_is_refused_in_a_line() {
    let made = made();
    let full = &made.stores["full"];
    let out = made.study.path("refused.svg");
    let vcf = dataset("geuvadis/chr22.vcf.gz");
    let refused = |flags: &[&str], words: &[&str]| {
        let run = run(norna(["plot"]).arg(full).args(flags).arg("-o").arg(&out));
        assert!(run.code == 1 || run.code == 2, "{flags:?}: {} {}", run.code, run.stderr);
        assert_eq!(run.stderr.lines().filter(|line| line.contains("error:")).count(), 1, "{}", run.stderr);
        assert!(words.iter().all(|word| run.stderr.contains(word)), "{words:?}: {}", run.stderr);
        assert_quiet_about_people(&run.stderr);
        assert!(!out.exists());
    };
    refused(&["--trait", "nobody"], &["--trait nobody"]);
    refused(&["--trait", "ENSG*"], &["20 traits match"]);
    refused(&[], &["20 traits", "--trait"]);
    let regional = ["--trait", TRAIT, "--kind", "regional"];
    refused(&[&regional[..], &["--region", "22:1-2"]].concat(), &["no variant there", "chr22:17000636-18499676"]);
    refused(&[&regional[..], &["--region", "7:1-2"]].concat(), &["7:1-2", "chr22:"]);
    refused(&[&regional[..], &["--region", "22:9-2"]].concat(), &["--region 22:9-2"]);
    refused(&[&regional[..], &["--lead", "rs0"]].concat(), &["--lead rs0"]);
    refused(&["--trait", TRAIT, "--vcf", vcf.to_str().unwrap()], &["--vcf", "--kind regional"]);
}
