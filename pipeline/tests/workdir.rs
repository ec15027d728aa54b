//! The working folder when it is not as norna left it: strangers' files, special files, an output that appears meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use support::interrupt::{reference, wait_for_bytes, wait_for_end};
use support::need;
use support::tools::{self, Need, Run};

fn quickly(args: &[&str], path: &Path) -> Run {
    tools::run_within(tools::norna(args).arg(path), Duration::from_secs(20))
}

fn make_fifo(path: &Path) {
    let _ = std::fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn special_and_huge_files_hold_nobody_up() {
    need!(Need::Bgzip, Need::H5py);
    let reference = reference();
    let out = "special.h5";
    for what in ["run.json fifo", "run.json huge", "spool fifo", "spool sparse", "spool folder", "stranger"] {
        reference.killed(1, out);
        let folder = reference.folder(out);
        match what {
            "run.json fifo" => make_fifo(&folder.join("run.json")),
            "run.json huge" => std::fs::File::create(folder.join("run.json")).unwrap().set_len(20 << 30).unwrap(),
            "spool fifo" => make_fifo(&folder.join("rank-00001.spool")),
            "spool sparse" => {
                std::fs::File::create(folder.join("rank-00001.spool")).unwrap().set_len(200 << 30).unwrap();
            }
            "spool folder" => std::fs::create_dir(folder.join("rank-00001.spool")).unwrap(),
            _ => std::fs::write(folder.join("notes.txt"), "mine").unwrap(),
        }
        assert_eq!(quickly(&["status"], &reference.study.path(out)).code, 0, "{what}");
        let run = tools::run_within(&mut tools::norna(reference.study.assoc_args(out, &[])), Duration::from_secs(60));
        assert_eq!(run.code, 0, "{what}: {}", run.stderr);
        assert!(run.stderr.contains("going on from"), "{what}: {}", run.stderr);
        if what == "stranger" {
            assert_eq!(std::fs::read_to_string(folder.join("notes.txt")).unwrap(), "mine");
        }
        support::bits::assert_equal(what, &reference.bits, &support::bits::everything(&reference.study.path(out)));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::remove_file(reference.study.path(out)).unwrap();
    }
}

#[test]
fn an_output_that_appears_during_the_run_is_not_replaced() {
    need!(Need::Bgzip);
    let reference = reference();
    let out = "appears.h5";
    let mut child = reference.start(1, out, &[]);
    wait_for_bytes(&mut child, &reference.folder(out), 100_000);
    std::fs::write(reference.study.path(out), "somebody's").unwrap();
    assert_eq!(wait_for_end(&mut child, Duration::from_secs(60)).unwrap().code(), Some(1));
    assert_eq!(std::fs::read_to_string(reference.study.path(out)).unwrap(), "somebody's");
    std::fs::remove_file(reference.study.path(out)).unwrap();
    let again = reference.complete(1, out, &[]);
    assert!(again.stderr.contains("going on from"), "{}", again.stderr);
}

#[test]
fn a_refused_job_leaves_no_folder_and_a_default_is_no_difference() {
    need!(Need::Bgzip, Need::H5py);
    let reference = reference();
    let out = "joined.h5";
    reference.complete(1, out, &[]);
    let run = reference.study.try_assoc(out, &["--join", "--maf", "0.3"]);
    assert!(run.code == 1 && run.stderr.contains("--force"), "{}", run.stderr);
    assert!(!reference.folder(out).exists());
    let status = quickly(&["status"], &reference.study.path(out));
    assert!(status.code == 0 && status.stdout.starts_with("done"), "{}", status.stdout);
    reference.killed(1, "defaults.h5");
    reference.complete(1, "defaults.h5", &["--store", "full", "--p-threshold", "1e-5", "--missing-genotype", "drop"]);
}

#[test]
fn merge_takes_results_files_only() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("cohort.vcf.gz");
    std::fs::write(&other, "no results").unwrap();
    assert_eq!(quickly(&["merge"], &other).code, 1);
    assert_eq!(quickly(&["merge"], folder.path()).code, 1);
    let fifo = folder.path().join("r.h5");
    make_fifo(&fifo);
    for command in ["verify", "info", "status", "merge"] {
        assert_eq!(quickly(&[command], &fifo).code, 1, "{command}");
    }
}

#[test]
fn a_folder_that_goes_away_stops_the_run() {
    need!(Need::Bgzip);
    let reference = reference();
    let out = "gone.h5";
    let mut child = reference.start(1, out, &[]);
    wait_for_bytes(&mut child, &reference.folder(out), 100_000);
    let aside = reference.study.path("aside");
    std::fs::rename(reference.folder(out), &aside).unwrap();
    let code = wait_for_end(&mut child, Duration::from_secs(60)).unwrap().code();
    assert!(code == Some(75) || code == Some(1), "{code:?}");
    std::fs::rename(&aside, reference.folder(out)).unwrap();
    reference.complete(1, out, &[]);
}
