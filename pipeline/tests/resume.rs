//! The third promise: what kills a run costs at most the shards in flight, any number of ranks goes on, and the results are
//! those of an undisturbed run, bit for bit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::interrupt::{finish, kill_all, ranks_of, reference, signal, wait_for_bytes, wait_for_end, wait_for_lock};
use support::need;
use support::simulate::SplitMix;
use support::tools::{self, Need};

const KILLS: usize = 50;

#[test]
fn fifty_kills_and_other_numbers_of_ranks_change_no_bit() {
    need!(Need::Mpirun, Need::Bgzip, Need::H5py);
    let reference = reference();
    let out = "killed.h5";
    let mut rng = SplitMix::new(77);
    let (mut n_kills, mut n_runs, mut attempt) = (0, 0, 0);
    while n_kills < KILLS {
        attempt += 1;
        let ranks = 1 + (rng.next() % 4) as usize;
        let mut child = reference.start(ranks, out, &["-q", "--force"]);
        let moment = Duration::from_millis(50 + rng.next() % 900);
        let begin = Instant::now();
        while begin.elapsed() < moment && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "attempt {attempt}: {}", finish(child, Duration::from_secs(1)).stderr);
            reference.compare(out);
            n_runs += 1;
            continue;
        }
        let pids = ranks_of(child.id());
        match n_kills % 3 {
            0 => signal(pids[(rng.next() % pids.len() as u64) as usize], "KILL"),
            1 => pids.iter().for_each(|&pid| signal(pid, "KILL")),
            _ => child.kill().unwrap(),
        }
        n_kills += 1;
        // A launcher whose ranks die while they still start may hang; ranks must not outlive it either way.
        if wait_for_end(&mut child, Duration::from_secs(10)).is_none() {
            kill_all(&mut child, &reference.folder(out));
        }
        let run = finish(child, Duration::from_secs(1));
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        wait_for_lock(&reference.folder(out));
    }
    reference.complete(3, out, &["--force"]);
    tools::say(&format!("{n_kills} kills in {attempt} attempts, {} runs compared", n_runs + 1));
}

#[test]
fn signals_stop_a_run_within_ten_seconds_and_it_goes_on() {
    need!(Need::Mpirun, Need::Bgzip, Need::H5py);
    let reference = reference();
    for (name, ranks, to_launcher) in
        [("USR1", 1, true), ("TERM", 1, true), ("INT", 1, true), ("USR1", 3, true), ("USR1", 2, false)]
    {
        let out = format!("{name}-{ranks}.h5");
        let mut child = reference.start(ranks, &out, &[]);
        wait_for_bytes(&mut child, &reference.folder(&out), 100_000);
        let pid = if to_launcher { child.id() } else { ranks_of(child.id())[1] };
        signal(pid, name);
        let run = finish(child, Duration::from_secs(10));
        assert_eq!(run.code, 75, "{name} to {ranks}: {}", run.stderr);
        assert!(
            run.stderr.contains(&format!("SIG{name}")) && run.stderr.contains("finished and kept"),
            "{}",
            run.stderr
        );
        let again = reference.complete(4 - ranks, &out, &[]);
        assert!(again.stderr.contains("going on from"), "{}", again.stderr);
    }
}

#[test]
fn a_time_limit_stops_before_it_is_over() {
    need!(Need::Bgzip, Need::H5py);
    let reference = reference();
    let mut child = reference.start(1, "limit.h5", &["--time-limit", "0:03"]);
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() && begin.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let run = finish(child, Duration::from_secs(1));
    assert!(begin.elapsed() < Duration::from_secs(4));
    assert_eq!(run.code, 75, "{}", run.stderr);
    assert!(run.stderr.contains("time limit"), "{}", run.stderr);
    reference.complete(1, "limit.h5", &[]);
    assert_eq!(reference.study.try_assoc("x.h5", &["--time-limit", "soon"]).code, 2);
}

#[test]
fn a_damaged_spool_costs_its_shards_only() {
    need!(Need::Mpirun, Need::Bgzip, Need::H5py);
    let reference = reference();
    let mut rng = SplitMix::new(78);
    for damage in ["torn", "truncated", "bits", "garbage", "missing"] {
        let out = format!("{damage}.h5");
        reference.killed(2, &out);
        let of_rank = |rank: usize| reference.folder(&out).join(format!("rank-{rank:05}.spool"));
        let path =
            [0, 1].map(of_rank).into_iter().max_by_key(|path| std::fs::metadata(path).map_or(0, |m| m.len())).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        match damage {
            "torn" => bytes.truncate(bytes.len() - 7),
            "truncated" => bytes.truncate(bytes.len() / 3),
            "bits" => (0..20).for_each(|_| {
                let at = (rng.next() % bytes.len() as u64) as usize;
                bytes[at] ^= 1 << (rng.next() % 8);
            }),
            "garbage" => bytes.iter_mut().skip(1000).step_by(2).for_each(|b| *b = 0xff),
            _ => {}
        }
        if damage == "missing" {
            std::fs::remove_file(&path).unwrap()
        } else {
            std::fs::write(&path, bytes).unwrap()
        }
        let run = reference.complete(3, &out, &[]);
        if matches!(damage, "bits" | "garbage") {
            assert!(run.stderr.contains("damaged"), "{damage}: {}", run.stderr);
        }
    }
}

#[test]
fn shards_of_another_run_are_refused_with_the_difference() {
    need!(Need::Bgzip, Need::H5py);
    let reference = reference();
    let out = "other.h5";
    reference.killed(1, out);
    for (extra, said) in [(&["--maf", "0.1"][..], "--maf was not given, now 0.1"), (&["--store", "hits"], "--store")] {
        let run = reference.study.try_assoc(out, extra);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.contains(said) && run.stderr.contains("--fresh"), "{}", run.stderr);
    }
    // The traits are touched: another time.
    let pheno = std::fs::File::options().append(true).open(&reference.study.pheno).unwrap();
    let before = pheno.metadata().unwrap().modified().unwrap();
    pheno.set_modified(before + Duration::from_secs(9)).unwrap();
    let run = reference.study.try_assoc(out, &[]);
    pheno.set_modified(before).unwrap();
    assert!(run.code == 1 && run.stderr.contains("traits.tsv has another time"), "{}", run.stderr);
    // A spool of another run among those of this one.
    reference.killed(1, "third.h5");
    let run = reference.study.try_assoc("maf.h5", &["--maf", "0.1", "--time-limit", "0:01"]);
    assert!(run.code == 75 || run.code == 0, "{}", run.stderr);
    let folder = reference.folder("third.h5");
    let mut foreign = std::fs::read(folder.join("rank-00000.spool")).unwrap();
    // Its marks are changed where they stand; frames no longer verify, so that it counts as damage and not as a run.
    foreign.iter_mut().skip(40).step_by(97).for_each(|b| *b ^= 1);
    std::fs::write(folder.join("rank-00001.spool"), foreign).unwrap();
    reference.complete(1, "third.h5", &[]);
    let fresh = reference.complete(1, out, &["--fresh"]);
    assert!(!fresh.stderr.contains("going on"), "{}", fresh.stderr);
}

#[test]
fn a_foreign_spool_is_refused() {
    need!(Need::Bgzip, Need::H5py);
    let reference = reference();
    reference.killed(1, "mine.h5");
    let mut child = reference.start(1, "theirs.h5", &["--maf", "0.05"]);
    wait_for_bytes(&mut child, &reference.folder("theirs.h5"), 100_000);
    kill_all(&mut child, &reference.folder("theirs.h5"));
    let from = reference.folder("theirs.h5").join("rank-00000.spool");
    std::fs::copy(from, reference.folder("mine.h5").join("rank-00007.spool")).unwrap();
    let run = reference.study.try_assoc("mine.h5", &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("among those of this one"), "{}", run.stderr);
    std::fs::remove_file(reference.folder("mine.h5").join("rank-00007.spool")).unwrap();
    reference.complete(1, "mine.h5", &[]);
}

#[test]
fn a_panic_costs_its_shard_and_the_others_finish() {
    need!(Need::Mpirun, Need::Bgzip, Need::H5py);
    let reference = reference();
    for ranks in [1, 3] {
        let out = format!("panic-{ranks}.h5");
        let args = reference.study.assoc_args(&out, &[]);
        let mut command = if ranks == 1 { tools::norna(args) } else { tools::mpirun(ranks, args) };
        let run = tools::run(command.env("NORNA_PANIC_AT", "1:5013000"));
        assert_eq!(run.code, 3, "{}", run.stderr);
        let errors: Vec<&str> = run.stderr.lines().filter(|line| line.contains("error:")).collect();
        assert!(errors.len() == 1 && errors[0].contains("near 1:"), "{errors:?}");
        assert!(reference.study.path(&out).exists() && !run.stderr.contains("panicked"), "{}", run.stderr);
        let again = reference.complete(2, &out, &["--force"]);
        assert!(again.stderr.contains("going on from"), "{}", again.stderr);
    }
}

#[test]
fn a_requeued_job_that_is_done_says_so() {
    need!(Need::Bgzip, Need::H5py);
    let reference = reference();
    reference.complete(1, "done.h5", &[]);
    let args = reference.study.assoc_args("done.h5", &[]);
    assert_eq!(tools::run(&mut tools::norna(&args)).code, 1, "without --force");
    let run = tools::run(tools::norna(&args).env("SLURM_RESTART_COUNT", "1"));
    assert!(run.code == 0 && run.stderr.contains("already"), "{}", run.stderr);
    let args = reference.study.assoc_args("done.h5", &["--maf", "0.1"]);
    assert_eq!(tools::run(tools::norna(&args).env("SLURM_RESTART_COUNT", "1")).code, 1, "the results of another run");
    reference.compare("done.h5");
}

#[test]
fn a_stream_goes_on_where_the_same_records_come() {
    need!(Need::Bgzip, Need::H5py);
    let reference = reference();
    let pipe = |from: &Path, out: &str, extra: &[&str]| {
        let mut args = reference.study.assoc_args(out, extra);
        args[2] = "-".into();
        let at = args.iter().position(|arg| arg == "--shard-bytes").unwrap();
        args[at + 1] = "40000".into();
        let mut command = tools::norna(args);
        command.stdin(std::fs::File::open(from).unwrap());
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let plain = reference.study.path("cohort.vcf");
    for same in [true, false] {
        let out = format!("stream-{same}.h5");
        let mut child = pipe(&plain, &out, &[]);
        wait_for_bytes(&mut child, &reference.folder(&out), 300_000);
        kill_all(&mut child, &reference.folder(&out));
        if same {
            let run = finish(pipe(&plain, &out, &[]), Duration::from_secs(60));
            assert!(run.code == 0 && run.stderr.contains("going on from"), "{}", run.stderr);
            reference.compare(&out);
            continue;
        }
        let other = reference.study.path("other.vcf");
        let text = std::fs::read_to_string(&plain).unwrap().replacen("0/1", "1/1", 500).replacen("0|1", "1|1", 500);
        std::fs::write(&other, text).unwrap();
        let run = finish(pipe(&other, &out, &[]), Duration::from_secs(60));
        assert!(run.code == 1 && run.stderr.contains("not those that finished"), "{}", run.stderr);
    }
}
