//! Runs from reads that are killed or stopped go on, and refuse what is another run's.

use std::time::Duration;

use super::made::cohort;
use super::support::interrupt::{finish, kill_all, start, wait_for_bytes};
use super::support::need;
use super::support::tools::{self, Need};
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
    assert!(notes.code == 1 && notes.stderr.contains("no file of likelihoods that norna made"), "{}", notes.stderr);
    assert_eq!(std::fs::read_to_string(cohort.path("notes.bcf")).unwrap(), "dear diary");
}

#[test]
fn inputs_and_other_peoples_files_are_never_replaced() {
    need!(Need::Bcftools);
    let cohort = cohort();
    let list = cohort.text("bams/bams.txt");
    let mut bcf = tools::command("bcftools");
    bcf.args(["view", "-Ob", "-o", &cohort.text("theirs.bcf"), &cohort.text("c.vcf.gz")]);
    tools::run(&mut bcf).ok();
    std::fs::copy(cohort.path("bams/S1.bam"), cohort.path("reads.bcf")).unwrap();
    std::fs::write(cohort.path("alone.bcf.csi"), "mine").unwrap();
    let before = std::fs::read(cohort.path("theirs.bcf")).unwrap();
    for (out, problem) in [
        ("theirs.bcf", "no file of likelihoods that norna made"),
        ("reads.bcf", "no file of likelihoods that norna made"),
        ("alone.bcf", "alone.bcf.csi: exists, without"),
    ] {
        let mut args = cohort.reads_args("reads", &list, out);
        args.push("--force".to_owned());
        let run = cohort.run(1, args);
        assert!(run.code == 1 && run.stderr.contains(problem), "{}", run.stderr);
    }
    let mut args = cohort.reads_args("reads", &list, "theirs.bcf");
    let sites = args.iter().position(|arg| arg == "--sites").unwrap();
    args[sites + 1] = cohort.text("theirs.bcf");
    let own_input = cohort.run(1, args);
    assert!(own_input.code == 2 && own_input.stderr.contains("--sites"), "{}", own_input.stderr);
    assert!(std::fs::read(cohort.path("theirs.bcf")).unwrap() == before);
    assert_eq!(std::fs::read(cohort.path("alone.bcf.csi")).unwrap(), b"mine");
}

#[test]
fn sites_that_are_not_used_are_counted_and_nothing_to_do_is_said() {
    need!(Need::Bcftools);
    let cohort = cohort();
    let mut view = tools::command("bcftools");
    let text = tools::run(view.args(["view", &cohort.text("bams/sites.vcf.gz")])).ok().stdout;
    let mut n = 0;
    let changed: Vec<String> = text
        .lines()
        .map(|line| {
            let mut cells: Vec<&str> = line.split('\t').collect();
            if !line.starts_with('#') {
                n += 1;
                match n {
                    2 => cells[4] = "<DEL>",
                    3 => cells[4] = "ACGT",
                    4 => cells[4] = "A,C,G,T",
                    _ => {}
                }
            }
            cells.join("\t")
        })
        .collect();
    std::fs::write(cohort.path("odd.vcf"), changed.join("\n") + "\n").unwrap();
    let list = cohort.text("bams/bams.txt");
    let run = |out: &str, extra: &[&str]| {
        let mut args = cohort.reads_args("reads", &list, out);
        let sites = args.iter().position(|arg| arg == "--sites").unwrap();
        args[sites + 1] = cohort.text("odd.vcf");
        args.extend(extra.iter().map(|&flag| flag.to_owned()));
        cohort.run(1, args).ok().stderr
    };
    let said = run("odd.bcf", &[]);
    assert!(
        said.contains("1 indel") && said.contains("1 symbolic") && said.contains("= 1497 used (1500 records)"),
        "{said}"
    );
    assert!(run("none.bcf", &["--region", "22:1-2"]).contains("no site is left"));
    assert!(run("unread.bcf", &["--min-MQ", "200"]).contains("no base of any read is used"));
}
