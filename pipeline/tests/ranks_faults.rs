//! What goes wrong in a job: a rank that fails, the wrong launcher, an output that exists or is being written, a kill.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use support::need;
use support::simulate;
use support::study::Study;
use support::tools::{self, Need, Run};

const BAD_POS: u32 = 10_000 + 5_003 * 450;

/// A cohort whose 451st record has an allele that is not there.
fn broken_study() -> Study {
    let mut genotypes = simulate::calls(501, 200, 1000, 0.0);
    assert_eq!(genotypes.records[450].pos, BAD_POS);
    genotypes.records[450].fields[17] = "0/7".to_owned();
    let covariates = simulate::covariates(502, &genotypes.samples, 2);
    let traits = simulate::traits(503, &genotypes, &covariates, 3, |_| 0.0);
    Study::write(&genotypes, &traits, Some(&covariates))
}

fn sound_study() -> Study {
    let genotypes = simulate::calls(511, 100, 300, 0.0);
    let covariates = simulate::covariates(512, &genotypes.samples, 2);
    let traits = simulate::traits(513, &genotypes, &covariates, 2, |_| 0.0);
    Study::write(&genotypes, &traits, Some(&covariates))
}

#[track_caller]
fn assert_one_clear_error(study: &Study, out: &str, run: &Run) {
    assert_ne!(run.code, 0, "{}", run.stderr);
    let errors: Vec<&str> = run.stderr.lines().filter(|line| line.contains("error:")).collect();
    assert_eq!(errors.len(), 1, "not one line: {}", run.stderr);
    assert!(errors[0].contains(&BAD_POS.to_string()), "does not say where: {}", run.stderr);
    assert!(errors[0].contains("GT") || errors[0].contains("allele"), "does not say what: {}", errors[0]);
    assert!(!run.stderr.contains("SUBJ"), "a sample ID in: {}", run.stderr);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    assert!(!study.path(out).exists(), "a result file was left");
}

#[test]
fn a_bad_record_fails_one_process_with_one_line() {
    let study = broken_study();
    assert_one_clear_error(&study, "bad.h5", &study.try_assoc("bad.h5", &[]));
}

#[test]
fn a_failing_rank_ends_all_ranks_within_seconds() {
    need!(Need::Mpirun, Need::Bgzip);
    let mut study = broken_study();
    study.bgzip();
    for ranks in [2, 5] {
        let args = study.assoc_args("bad.h5", &["--shard-bytes", "5000", "--threads", "1"]);
        let run = tools::run_within(&mut tools::mpirun(ranks, args), Duration::from_secs(60));
        assert_one_clear_error(&study, "bad.h5", &run);
        assert!(run.elapsed < Duration::from_secs(15), "took {:?}", run.elapsed);
    }
}

/// Two ranks of four may write files of two fifths of the results only: their spools have room, their parts of them have not.
#[test]
fn a_rank_that_cannot_write_its_part_of_the_results_ends_all_ranks() {
    need!(Need::Mpirun, Need::Bgzip);
    let genotypes = simulate::calls(521, 100, 12_000, 0.0);
    let covariates = simulate::covariates(522, &genotypes.samples, 2);
    let traits = simulate::traits(523, &genotypes, &covariates, 40, |_| 0.0);
    let mut study = Study::write(&genotypes, &traits, Some(&covariates));
    study.bgzip();
    for store in ["full", "compact"] {
        let whole = study.assoc(&format!("{store}.h5"), &["--store", store]);
        let blocks = std::fs::metadata(whole).unwrap().len() * 2 / 5 / 512;
        let script = format!("if [ \"$OMPI_COMM_WORLD_RANK\" -ge 2 ]; then ulimit -f {blocks}; fi; exec \"$0\" \"$@\"");
        let out = format!("{store}-short.h5");
        let args = study.assoc_args(&out, &["--store", store, "--shard-bytes", "20000", "--threads", "1"]);
        let mut command = tools::command("mpirun");
        command.envs([("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")]);
        command.args(["--oversubscribe", "-n", "4", "sh", "-c", &script, env!("CARGO_BIN_EXE_norna")]).args(args);
        let run = tools::run_within(&mut command, Duration::from_secs(60));
        assert_ne!(run.code, 0, "{}", run.stderr);
        let errors: Vec<&str> = run.stderr.lines().filter(|line| line.contains("error:")).collect();
        assert!(errors.len() == 1 && errors[0].contains("cannot write: File too large"), "{}", run.stderr);
        assert!(errors[0].contains("unfinished.h5") && !run.stderr.contains("panicked"), "{}", run.stderr);
        let left = std::fs::read_dir(study.path("")).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with(&out)).collect();
        assert!(!left.contains(&out.as_str().into()), "a results file was left");
        assert!(!study.path(&format!("{out}.norna/unfinished.h5")).exists(), "what takes room was left");
        // Nothing is lost, and it goes on where there is room.
        let again =
            tools::run(&mut tools::norna(study.assoc_args(&out, &["--store", store, "--shard-bytes", "20000"]))).ok();
        assert!(again.stderr.contains("going on from"), "{}", again.stderr);
    }
}

#[test]
fn a_missing_file_ends_all_ranks_with_one_line() {
    need!(Need::Mpirun);
    let mut study = sound_study();
    study.vcf = study.path("nowhere.vcf.gz");
    let run = tools::run_within(&mut tools::mpirun(3, study.assoc_args("out.h5", &[])), Duration::from_secs(60));
    assert_ne!(run.code, 0);
    let errors = run.stderr.lines().filter(|line| line.contains("error:")).count();
    assert_eq!(errors, 1, "{}", run.stderr);
    assert!(run.stderr.contains("nowhere.vcf.gz"), "{}", run.stderr);
}

#[test]
fn a_wrong_launcher_is_refused() {
    let study = sound_study();
    for variables in [
        &[("SLURM_NTASKS", "2"), ("SLURM_PROCID", "1"), ("SLURM_JOB_ID", "7")][..],
        &[("OMPI_COMM_WORLD_SIZE", "2"), ("OMPI_COMM_WORLD_RANK", "0")],
        &[("PMI_SIZE", "2"), ("PMI_RANK", "0")],
    ] {
        let mut command = tools::norna(study.assoc_args("alone.h5", &[]));
        let run = tools::run_within(command.envs(variables.iter().copied()), Duration::from_secs(60));
        assert_ne!(run.code, 0, "{variables:?} was taken");
        assert!(run.stderr.contains(variables[0].0), "{variables:?}: the cause is not named: {}", run.stderr);
        assert!(!study.path("alone.h5").exists());
    }
}

#[test]
fn one_task_of_a_batch_system_is_no_wrong_launcher() {
    let study = sound_study();
    let mut command = tools::norna(study.assoc_args("one.h5", &[]));
    tools::run(command.envs([("SLURM_NTASKS", "1"), ("SLURM_JOB_ID", "7"), ("PMI_SIZE", "1")])).ok();
}

#[test]
fn an_existing_output_is_refused_without_force() {
    let study = sound_study();
    let out = study.assoc("out.h5", &[]);
    let before = std::fs::read(&out).unwrap();
    let run = study.try_assoc("out.h5", &[]);
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("--force"), "{}", run.stderr);
    assert_eq!(std::fs::read(&out).unwrap(), before);
    study.try_assoc("out.h5", &["--force"]).ok();
    assert!(std::fs::read(&out).unwrap().starts_with(b"\x89HDF"));
}

#[test]
fn an_input_named_as_output_survives_even_with_force() {
    let study = sound_study();
    for input in [&study.vcf, &study.pheno] {
        let before = std::fs::read(input).unwrap();
        let name = input.file_name().unwrap().to_str().unwrap();
        let run = study.try_assoc(name, &["--force"]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert_eq!(std::fs::read(input).unwrap(), before);
    }
}

/// norna reading its VCF from a pipe of which it has got half: it is in the middle of the job for as long as we like.
struct Held {
    child: Child,
    rest: Vec<u8>,
}

fn start_and_hold(study: &Study, out: &str) -> Held {
    let before = std::fs::read_dir(study.path("")).unwrap().count();
    let text = std::fs::read(&study.vcf).unwrap();
    let mut args = study.assoc_args(out, &[]);
    args[2] = "-".into();
    let mut command = tools::norna(args);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (first, rest) = text.split_at(text.len() / 2);
    child.stdin.as_mut().unwrap().write_all(first).unwrap();
    let begin = Instant::now();
    while std::fs::read_dir(study.path("")).unwrap().count() == before {
        assert!(begin.elapsed() < Duration::from_secs(60), "no lock or spool appeared beside the output");
        assert!(child.try_wait().unwrap().is_none(), "norna ended early");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    Held { child, rest: rest.to_vec() }
}

#[test]
fn two_runs_never_write_one_output() {
    let study = sound_study();
    let Held { mut child, rest } = start_and_hold(&study, "out.h5");
    for extra in [&[][..], &["--force"]] {
        let second = study.try_assoc("out.h5", extra);
        assert_ne!(second.code, 0, "a second run was let in with {extra:?}");
        let said = second.stderr.to_lowercase();
        assert!(said.contains("another") || said.contains("lock") || said.contains("in use"), "{said}");
        assert!(!study.path("out.h5").exists());
    }
    child.stdin.take().unwrap().write_all(&rest).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(study.path("out.h5").exists());
}

#[test]
fn a_kill_leaves_no_final_file_and_the_next_run_works() {
    let study = sound_study();
    let Held { mut child, .. } = start_and_hold(&study, "out.h5");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!study.path("out.h5").exists());
    study.try_assoc("out.h5", &["--force"]).ok();
    assert!(study.path("out.h5").exists());
}
