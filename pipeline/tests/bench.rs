//! `norna bench compare` and `norna bench scaling` as a user meets them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;

use norna::bench::card::{Card, FORMAT, FORMAT_VERSION, Machine, Stage, today};
use norna::plan::Rates;
use support::need;
use support::tools::{self, Need, Run};

fn norna(args: &[&str]) -> Run {
    tools::run(&mut tools::norna(args))
}

fn write_card(path: &Path, rate: f64, isa: &str) {
    let stage =
        Stage { name: "inflate".into(), unit: "GB/s of text".into(), one_thread: rate, all_threads: None, limit: None };
    let card = Card {
        format: FORMAT.into(),
        format_version: FORMAT_VERSION,
        norna_version: "1.2.3".into(),
        date: today(),
        machine: Machine { isa: isa.into(), ..Machine::here(1, 1) },
        stages: vec![stage],
        rates: Rates::default(),
        memory: None,
        file_system: None,
        messages: None,
    };
    card.write(path).unwrap();
}

#[test]
fn compare_marks_what_differs_and_warns_of_another_machine() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (a, b) = (path("a.json"), path("b.json"));
    write_card(Path::new(&a), 2.0, "avx2");
    write_card(Path::new(&b), 3.0, "avx512");
    let table = norna(&["bench", "compare", &a, &b]).ok();
    assert!(table.stdout.contains("1.50") && table.stdout.contains("differs"), "{}", table.stdout);
    assert!(table.stderr.contains("different instruction sets: avx2 and avx512"), "{}", table.stderr);
    let json: serde_json::Value =
        serde_json::from_str(&norna(&["bench", "compare", &a, &b, "--json"]).ok().stdout).unwrap();
    assert_eq!((&json["measures"][0]["ratio"], &json["measures"][0]["differs"]), (&1.5.into(), &true.into()));
    assert_eq!(json["warnings"].as_array().unwrap().len(), 1);
    let same = norna(&["bench", "compare", &a, &a]).ok();
    assert!(!same.stdout.contains("differs") && same.stderr.is_empty(), "{}{}", same.stdout, same.stderr);
    std::fs::write(&b, "{\"format\": 1}").unwrap();
    let refused = norna(&["bench", "compare", &a, &b]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("b.json: no card") && refused.stderr.lines().count() == 1, "{}", refused.stderr);
}

#[test]
fn scaling_runs_ranks_and_draws_both_curves() {
    need!(Need::Mpirun, Need::H5py);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (dir, out, svg) = (path("scratch"), path("scaling.json"), path("scaling.svg"));
    std::fs::create_dir(&dir).unwrap();
    let mut command = tools::norna(["bench", "scaling", "--ranks", "2,1", "--repeats", "1", "--n-samples", "60"]);
    command.args(["--n-variants", "300", "--n-traits", "3", "--launcher", "mpirun --oversubscribe -n {}"]);
    command.args(["--dir", &dir, "--out", &out, "--svg", &svg]);
    command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    command.env("OMPI_MCA_btl_vader_single_copy_mechanism", "none");
    let run = tools::run(&mut command).ok();
    assert!(run.stdout.contains("100.0 %"), "{}", run.stdout);
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap();
    let points = json["points"].as_array().unwrap();
    let sizes = points.iter().map(|p| (&p["ranks"], &p["strong"]["n_variants"], &p["weak"]["n_variants"]));
    let sizes: Vec<_> =
        sizes.map(|(r, s, w)| (r.as_u64().unwrap(), s.as_u64().unwrap(), w.as_u64().unwrap())).collect();
    assert_eq!(sizes, [(1, 300, 300), (2, 300, 600)]);
    let seconds = |p: &serde_json::Value, of: &str| p[of]["median_seconds"].as_f64().unwrap();
    let strong = points[1]["strong"]["efficiency"].as_f64().unwrap();
    assert!((strong - seconds(&points[0], "strong") / (2.0 * seconds(&points[1], "strong"))).abs() < 1e-9);
    let check = "import sys, xml.dom.minidom as x; d = x.parse(sys.argv[1]); n = d.getElementsByTagName; \
                 print(len(n('circle')), len(n('polygon')), n('desc')[0].firstChild.data)";
    let drawn = tools::run(tools::command(tools::python().unwrap()).args(["-c", check, &svg])).ok().stdout;
    // A mark for each point and one in the legend.
    assert!(drawn.starts_with("3 3 1 rank: strong 100 %, weak 100 %; 2 ranks: "), "{drawn}");
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0, "what was simulated is gone");
}

#[test]
fn scaling_refuses_what_it_cannot_run_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let small = ["--n-samples", "50", "--n-variants", "100", "--n-traits", "1", "--repeats", "1", "-q", "--dir", dir];
    for (args, code, says) in [
        (["--launcher", "mpirun", "--ranks", "1"], 2, "number of ranks"),
        (["--launcher", "no-such-launcher {}", "--ranks", "1"], 1, "no-such-launcher: did not start"),
        (["--launcher", "env RANKS={}", "--ranks", "2"], 1, "are not 2 ranks of one run"),
        (["--launcher", "mpirun -n {}", "--ranks", "0"], 2, "at least 1"),
    ] {
        let run = norna(&[&["bench", "scaling"], &args[..], &small[..]].concat());
        assert_eq!(run.code, code, "{args:?} {}", run.stderr);
        assert!(run.stderr.contains(says) && run.stderr.lines().count() == 1, "{args:?} {}", run.stderr);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_another_program_wrote_is_never_replaced_and_said_before_measuring() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (card, other) = (path("card.json"), path("traits.tsv"));
    write_card(Path::new(&card), 1.0, "avx2");
    std::fs::write(&other, "IID\tT1\n").unwrap();
    let before = std::fs::read_to_string(&card).unwrap();
    for (args, says) in [
        (&["--out", &card][..], "--force replaces a card"),
        (&["--out", &other, "--force"], "left as it is"),
        (&["--out", &path("no/card.json")], "is not there"),
        (&["--out", &path("new.json"), "--dir", &path("no")], "no folder that exists"),
        (&["scaling", "--out", &card, "--force"], "is no JSON of norna bench scaling"),
        (&["scaling", "--svg", &other, "--force"], "is no chart of norna bench scaling"),
        (&["scaling", "--out", &path("a"), "--svg", &path("a")], "one file"),
    ] {
        let run = norna(&[&["bench"], args].concat());
        assert_eq!(run.code, 2, "{args:?} {}", run.stderr);
        assert!(run.stderr.contains(says) && run.stderr.lines().count() == 1, "{args:?} {}", run.stderr);
    }
    assert_eq!(std::fs::read_to_string(&card).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
