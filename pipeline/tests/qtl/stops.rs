//! Searches that are killed or stopped go on where they were.

use std::time::Duration;

use super::made::Made;
use super::support::interrupt::{finish, kill_all, ranks_of, signal, start, wait_for_bytes};
use super::support::tools::Need;
use super::support::{bits, need};

/// Small cells that take a moment.
const SLOW: [&str; 9] = ["--permute", "3000", "--conditional", "--group", "1", "--threads", "1", "--fdr", "0.5"];

#[test]
fn a_killed_search_goes_on_with_any_number_of_ranks_and_ends_the_same() {
    need!(Need::Mpirun, Need::H5py, Need::Bgzip);
    let made = Made::new();
    let reference = bits::contents(&made.qtl(1, "plain.h5", &SLOW));
    // Bytes of spools: after a few phenotypes, and among the signals.
    for (ranks, then, bytes) in [(1, 2, 1_500), (2, 1, 5_000)] {
        let out = format!("killed-{ranks}.h5");
        let folder = made.path(&format!("{out}.norna"));
        let mut child = start(ranks, made.args(&out, &SLOW));
        wait_for_bytes(&mut child, &folder, bytes);
        kill_all(&mut child, &folder);
        assert!(!made.path(&out).exists());
        let again = finish(start(then, made.args(&out, &SLOW)), Duration::from_secs(240));
        assert_eq!(again.code, 0, "{}", again.stderr);
        assert!(again.stderr.contains("going on from"), "{}", again.stderr);
        bits::assert_equal(&out, &reference, &bits::contents(&made.path(&out)));
        assert!(!folder.exists());
    }
}

#[test]
fn a_stopped_search_is_kept_and_another_one_is_refused() {
    need!(Need::Mpirun, Need::Bgzip);
    let made = Made::new();
    let folder = made.path("stopped.h5.norna");
    let mut child = start(2, made.args("stopped.h5", &SLOW));
    wait_for_bytes(&mut child, &folder, 1_500);
    signal(ranks_of(child.id())[0], "USR1");
    let stopped = finish(child, Duration::from_secs(60));
    assert_eq!(stopped.code, 75, "{}", stopped.stderr);
    assert!(stopped.stderr.contains("finished and kept") && !made.path("stopped.h5").exists(), "{}", stopped.stderr);
    let other = made.run(1, "stopped.h5", &[&SLOW[..], &["--seed", "7"]].concat());
    assert!(other.code == 1 && other.stderr.contains("--fresh"), "{}", other.stderr);
    made.qtl(1, "stopped.h5", &SLOW);
    let done = made.run(1, "stopped.h5", &SLOW);
    assert!(done.code == 1 && done.stderr.contains("exists"), "{}", done.stderr);
}
