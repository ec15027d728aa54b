//! Runs from reads that are killed or stopped go on, and refuse what is another run's.

use std::time::Duration;

use super::made::cohort;
use super::support::interrupt::{finish, kill_all, start, wait_for_bytes};
use super::support::need;
use super::support::tools::Need;
use super::support::{bits, interrupt};

/// Many small cells, so that there is a moment to interrupt.
const SMALL: [&str; 6] = ["--batch", "1", "--shard-bytes", "500", "--threads", "1"];

#[test]
fn a_killed_run_goes_on_with_any_number_of_ranks_and_ends_the_same() {
    need!(Need::Mpirun, Need::H5py);
    let cohort = cohort();
    let reference = bits::everything(&cohort.assoc(1, "plain.h5", &SMALL));
    for (ranks, then) in [(1, 2), (2, 1)] {
        let out = format!("killed-{ranks}.h5");
        let folder = cohort.path(&format!("{out}.norna"));
        let mut child = start(ranks, cohort.assoc_args(&out, &SMALL));
        wait_for_bytes(&mut child, &folder, 50_000);
        kill_all(&mut child, &folder);
        let again = finish(start(then, cohort.assoc_args(&out, &SMALL)), Duration::from_secs(120));
        assert_eq!(again.code, 0, "{}", again.stderr);
        assert!(again.stderr.contains("going on from"), "{}", again.stderr);
        bits::assert_equal(&out, &reference, &bits::everything(&cohort.path(&out)));
        assert!(!folder.exists());
    }
}

#[test]
fn a_stopped_likelihood_run_goes_on_and_another_one_is_refused() {
    need!(Need::Mpirun);
    let cohort = cohort();
    let args = |out: &str, extra: &[&str]| {
        let mut args = cohort.reads_args("reads", &cohort.text("bams/bams.txt"), out);
        args.extend(SMALL.iter().chain(extra).map(|&flag| flag.to_owned()));
        args
    };
    cohort.run(1, args("undisturbed.bcf", &[])).ok();
    let folder = cohort.path("stopped.bcf.norna");
    let mut child = start(2, args("stopped.bcf", &[]));
    wait_for_bytes(&mut child, &folder, 50_000);
    interrupt::signal(interrupt::ranks_of(child.id())[0], "USR1");
    let stopped = finish(child, Duration::from_secs(20));
    assert_eq!(stopped.code, 75, "{}", stopped.stderr);
    assert!(stopped.stderr.contains("finished and kept") && !cohort.path("stopped.bcf").exists(), "{}", stopped.stderr);
    let other = cohort.run(1, args("stopped.bcf", &["--min-BQ", "20"]));
    assert_eq!(other.code, 1);
    assert!(other.stderr.contains("--min-BQ was not given, now 20"), "{}", other.stderr);
    let again = cohort.run(1, args("stopped.bcf", &[])).ok();
    assert!(again.stderr.contains("going on from"), "{}", again.stderr);
    let bytes = |name: &str| std::fs::read(cohort.path(name)).unwrap();
    assert!(
        bytes("stopped.bcf") == bytes("undisturbed.bcf") && bytes("stopped.bcf.csi") == bytes("undisturbed.bcf.csi")
    );
}

#[test]
fn an_output_that_exists_is_replaced_by_force_alone_and_only_if_it_is_one() {
    let cohort = cohort();
    let list = cohort.text("bams/bams.txt");
    let args = |out: &str, force: bool| {
        let mut args = cohort.reads_args("reads", &list, out);
        args.extend(force.then(|| "--force".to_owned()));
        args
    };
    cohort.run(1, args("there.bcf", false)).ok();
    let again = cohort.run(1, args("there.bcf", false));
    assert!(again.code == 1 && again.stderr.contains("exists; use --force"), "{}", again.stderr);
    cohort.run(1, args("there.bcf", true)).ok();
    std::fs::write(cohort.path("notes.bcf"), "dear diary").unwrap();
    let notes = cohort.run(1, args("notes.bcf", true));
    assert!(notes.code == 1 && notes.stderr.contains("no BGZF file"), "{}", notes.stderr);
    assert_eq!(std::fs::read_to_string(cohort.path("notes.bcf")).unwrap(), "dear diary");
}
