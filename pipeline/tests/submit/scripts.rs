//! Scripts: clean, read back by bash as typed, stopped, requeued, handed to sbatch.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

use crate::place::{CLUSTERS, Place, json, option, shellcheck, submit_args};
use crate::support::need;
use crate::support::places::dataset;
use crate::support::tools::{self, Need};

#[test]
fn every_profiles_scripts_pass_shellcheck() {
    need!(Need::Shellcheck);
    let place = Place::new();
    for (profile, account) in CLUSTERS {
        for more in [&[][..], &["--chain"], &["--array", "3", "--chain"], &["--launcher", "mpirun -x A"]] {
            let mut flags = vec!["--profile", profile, "--account", account, "--time", "10", "--json", "--dry-run"];
            flags.extend(more);
            let made = json(place.submit(&flags));
            for job in made["jobs"].as_array().unwrap() {
                let script = job["script"].as_str().unwrap();
                shellcheck(&place, script);
                assert!(script.starts_with("#!/bin/bash\n"), "{script}");
                for word in ["#SBATCH --requeue", "#SBATCH --open-mode=append", "set -euo pipefail"] {
                    assert!(script.contains(word), "{profile}: {word}: {script}");
                }
            }
        }
    }
    assert_eq!(std::fs::read_dir(place.0.path()).unwrap().count(), 1, "a dry run leaves no file but ours");
}

#[test]
fn a_dry_run_prints_one_script_that_sbatch_could_read() {
    let place = Place::new();
    let flags = ["--profile", "lumi-c", "-A", "project_465000001", "--dry-run"];
    let run = place.submit(&flags).ok();
    let script = &run.stdout;
    assert_eq!(option(script, "account"), Some("project_465000001"));
    assert_eq!(option(script, "partition"), Some("small"), "the cheapest that holds it");
    assert_eq!(option(script, "nodes"), Some("1"));
    assert_eq!(option(script, "chdir"), Some(place.0.path().to_str().unwrap()));
    assert_eq!(option(script, "signal"), Some("USR1@100"), "of ten minutes");
    assert!(script.contains("module load LUMI/25.09\n") && script.contains("SRUN_CPUS_PER_TASK"), "{script}");
    assert!(script.contains("\n  srun\n") && script.contains("--out results.h5"), "{script}");
    assert!(run.stderr.contains("not verified") && run.stderr.contains("core-hours"), "{}", run.stderr);
    assert_eq!(run.stderr.matches("warning").count(), 1, "{}", run.stderr);
}

#[test]
fn a_search_of_proteins_is_a_job_too() {
    let place = Place::new();
    let submit = |flags: &[&str], qtl: &[&str]| {
        let mut args: Vec<OsString> = vec!["submit".into()];
        args.extend(flags.iter().map(Into::into));
        args.extend(["--", "qtl", "--out", "cis.h5", "--vcf"].map(Into::into));
        args.push(dataset("geuvadis/chr22.vcf.gz").into());
        args.extend(["--proteins".into(), dataset("geuvadis/genes.bed.gz").into()]);
        args.extend(["--covar".into(), dataset("geuvadis/covars.tsv").into()]);
        args.extend(qtl.iter().map(Into::into));
        place.norna(args)
    };
    let flags = ["--profile", "lumi-c", "-A", "project_465000001", "--dry-run"];
    for qtl in [&["--permute", "1000", "--conditional"][..], &["--trans", "--p-threshold", "1e-6"]] {
        let script = submit(&flags, qtl).ok().stdout;
        assert!(script.contains("norna qtl\n  --out cis.h5\n") && script.contains(qtl[0]), "{script}");
        assert!(option(&script, "mem").is_some() && option(&script, "time").is_some(), "{script}");
    }
    let array = submit(&[&flags[..], &["--array", "3"]].concat(), &[]);
    assert!(array.code == 2 && array.stderr.contains("--array"), "{}", array.stderr);
    let wrong = submit(&flags, &["--store", "full"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("--store is for norna assoc"), "{}", wrong.stderr);
}

#[test]
fn bash_hands_norna_the_words_as_they_were_typed() {
    let place = Place::new();
    let odd = "it's $HOME `x` \"q\" \\ *\n;& é";
    let folder = place.path(odd);
    std::fs::create_dir(&folder).unwrap();
    let vcf = folder.join("my $(cohort).vcf.gz");
    std::fs::copy(dataset("geuvadis/chr22.vcf.gz"), &vcf).unwrap();
    let covar = folder.join("-covar ;é.tsv");
    std::fs::copy(dataset("geuvadis/covars.tsv"), &covar).unwrap();
    let fake = place.program("fake norna", "printf '%s\\0' \"$@\" >args");
    place.program("srun", "[[ $SRUN_CPUS_PER_TASK == 5 ]] || exit 9\nshift; exec \"$@\"");
    let mut args: Vec<OsString> = ["submit", "--profile", "local", "--dry-run", "--norna"].map(Into::into).into();
    args.push(fake.into());
    let words: Vec<OsString> = [
        OsStr::new("assoc"),
        OsStr::new("--out"),
        OsStr::new("out put's.h5"),
        OsStr::new("--vcf"),
        vcf.as_os_str(),
        OsStr::new("--pheno"),
        dataset("geuvadis/traits.tsv").as_os_str(),
        OsStr::new("--covar"),
        covar.as_os_str(),
    ]
    .map(OsStr::to_owned)
    .into();
    args.push("--".into());
    args.extend(words.iter().cloned());
    let mut command = tools::norna(args);
    let made = command.current_dir(place.0.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::write(place.path("script"), &made.stdout).unwrap();
    place.bash(&place.path("script"), &[("SLURM_CPUS_PER_TASK", "5")]).ok();
    let mut expected = words.iter().map(|word| word.clone().into_vec()).collect::<Vec<_>>();
    expected.extend([b"--threads".to_vec(), b"1".to_vec()]);
    let seen = std::fs::read(place.path("args")).unwrap();
    let seen: Vec<&[u8]> = seen.split(|byte| *byte == 0).filter(|word| !word.is_empty()).collect();
    assert_eq!(seen, expected);
    let text = String::from_utf8_lossy(&made.stdout).into_owned();
    assert_eq!(option(&text, "output"), Some("\"out put's.h5.slurm-%j.log\""));
}

#[test]
fn launchers_are_split_as_a_shell_does() {
    let place = Place::new();
    let flags = |launcher| ["--profile", "local", "--dry-run", "--launcher", launcher];
    let script = place.submit(&flags("srun --foo=\"a b\" 'c d'")).ok().stdout;
    assert!(script.contains("\n  srun\n  '--foo=a b' 'c d'\n"), "{script}");
    let run = place.submit(&flags("srun --foo=\"a b"));
    assert!(run.code == 2 && run.stderr.contains("a quote is not closed"), "{}", run.stderr);
}

#[test]
fn line_breaks_in_sbatch_lines_are_refused() {
    let place = Place::new();
    for flags in [["--qos", "a\nb"], ["--constraint", "a\"b"], ["--partition", "a\\b"], ["-A", "a\n#SBATCH --nodes=9"]]
    {
        let run = place.submit(&[&["--profile", "generic", "--time", "5", "--dry-run"][..], &flags].concat());
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.contains("#SBATCH line cannot hold"), "{}", run.stderr);
    }
}

#[test]
fn a_stopped_job_requeues_itself_a_bounded_number_of_times() {
    let place = Place::new();
    let scontrol = "if [[ $1 == show ]]; then echo \"JobId=${!#} $STATE Requeue=1 \"; else echo \"$*\" >>requeued; fi";
    place.program("scontrol", scontrol);
    place.program("srun", "shift; exec \"$@\"");
    let running = "JobState=RUNNING Reason=None";
    for launcher in ["srun --mpi=pmix", "none"] {
        let flags =
            ["--profile", "local", "--dry-run", "--max-requeue", "2", "--launcher", launcher, "--norna", "bin/fake"];
        std::fs::write(place.path("script"), place.submit(&flags).ok().stdout).unwrap();
        for (code, restart, task, state, asked) in [
            ("0", "0", "", running, ""),
            ("1", "0", "", running, ""),
            ("75", "0", "", running, "requeue 77\n"),
            ("75", "1", "", "JobState=TIMEOUT Reason=TimeLimit", "requeue 77\n"),
            ("75", "1", "3", running, "requeue 70_3\n"),
            ("75", "0", "", "JobState=CANCELLED Reason=None", ""),
            ("75", "2", "", running, ""),
        ] {
            let _ = std::fs::remove_file(place.path("requeued"));
            place.program("fake", &format!("exit {code}"));
            let env = [("SLURM_JOB_ID", "77"), ("SLURM_RESTART_COUNT", restart), ("STATE", state)];
            let array = [("SLURM_ARRAY_JOB_ID", "70"), ("SLURM_ARRAY_TASK_ID", task)];
            let run = place.bash(&place.path("script"), &[&env[..], &array].concat());
            assert_eq!(run.code.to_string(), code, "{}", run.stderr);
            let seen = std::fs::read_to_string(place.path("requeued")).unwrap_or_default();
            assert_eq!(seen, asked, "{launcher} {code} {restart} {state}");
            let attempt: u32 = restart.parse::<u32>().unwrap() + 1;
            assert!(run.stdout.contains(&format!("attempt {attempt},")), "{}", run.stdout);
            assert_eq!(run.stderr.contains("submit it again"), code == "75" && asked.is_empty(), "{}", run.stderr);
        }
    }
}

#[test]
fn signals_to_the_script_reach_norna_and_its_code_comes_back() {
    let place = Place::new();
    let flags = ["--profile", "local", "--dry-run", "--launcher", "env A=1", "--norna", "bin/fake"];
    let script = place.submit(&flags).ok().stdout;
    assert_eq!(option(&script, "signal"), Some("B:USR1@100"));
    std::fs::write(place.path("script"), script).unwrap();
    // As norna does: it takes a while to stop after the signal, and more signals come meanwhile.
    place.program("fake", "trap 'sleep 0.5; echo stopped; exit 75' USR1\ntouch ready\nwhile true; do sleep 0.05; done");
    for signals in [&["USR1"][..], &["TERM"], &["USR1", "USR1", "TERM"]] {
        let _ = std::fs::remove_file(place.path("ready"));
        let mut command = tools::command("bash");
        command.arg(place.path("script")).current_dir(place.0.path());
        let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        let begin = std::time::Instant::now();
        while !place.path("ready").exists() {
            assert!(begin.elapsed().as_secs() < 20, "the program never began");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        for signal in signals {
            tools::run(tools::command("kill").args([&format!("-{signal}"), &child.id().to_string()])).ok();
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert_eq!(child.wait().unwrap().code(), Some(75), "{signals:?}");
    }
}

/// An sbatch that keeps what it was given and counts ids from 100.
const FAKE_SBATCH: &str =
    "echo \"$*\" >>calls\nn=$(wc -l <calls)\necho 'Welcome to the cluster'\necho \"$((n + 99));alpha\"";

#[test]
fn a_chain_waits_job_by_job() {
    let place = Place::new();
    place.program("sbatch", FAKE_SBATCH);
    let submit = |flags: &[&str]| {
        let mut command = tools::norna(submit_args(flags, &[]));
        tools::run(command.current_dir(place.0.path()).env("PATH", place.search_path())).ok()
    };
    let calls = || {
        let text = std::fs::read_to_string(place.path("calls")).unwrap();
        std::fs::remove_file(place.path("calls")).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let run = submit(&["--profile", "local", "--chain"]);
    assert_eq!(
        calls(),
        [
            "--parsable results.h5.check.sbatch",
            "--parsable --dependency=afterok:100 --kill-on-invalid-dep=yes results.h5.sbatch",
            "--parsable --dependency=afterok:101 --kill-on-invalid-dep=yes results.h5.verify.sbatch",
        ]
    );
    assert!(run.stdout.contains("submitted job 101 (run): results.h5.sbatch"), "{}", run.stdout);
    let read = |name: &str| std::fs::read_to_string(place.path(name)).unwrap();
    assert!(read("results.h5.check.sbatch").contains("\n  --dry-run\n"));
    assert!(read("results.h5.verify.sbatch").contains(" verify results.h5\n"));

    submit(&["--profile", "local", "--array", "3", "--chain"]);
    assert_eq!(
        calls()[2..],
        [
            "--parsable --dependency=afterany:101 --kill-on-invalid-dep=yes results.h5.merge.sbatch",
            "--parsable --dependency=afterok:102 --kill-on-invalid-dep=yes results.h5.verify.sbatch",
        ]
    );
    let array = read("results.h5.sbatch");
    assert_eq!(option(&array, "array"), Some("1-3"));
    assert_eq!(option(&array, "output"), Some("results.h5.slurm-%A_%a.log"));
    assert!(array.contains("  --join\n") && !array.contains("srun\n"), "{array}");
    assert!(read("results.h5.merge.sbatch").contains(" merge results.h5\n"));
}

#[test]
fn what_sbatch_refuses_is_said_with_what_it_leaves() {
    let place = Place::new();
    place.program(
        "sbatch",
        "[[ $2 == *check* || $1 == *check* ]] && { echo 7; exit 0; }\necho 'sbatch: error: no money' >&2; exit 1",
    );
    place.program("scancel", "echo \"$*\" >>cancelled");
    let mut command = tools::norna(submit_args(&["--profile", "local", "--chain"], &[]));
    let run = tools::run(command.current_dir(place.0.path()).env("PATH", place.search_path()));
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("no money") && run.stderr.contains("cancelled: 7"), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(place.path("cancelled")).unwrap(), "7\n");
    for file in ["results.h5.sbatch", "results.h5.check.sbatch"] {
        assert!(!place.path(file).exists(), "{file} is left");
    }

    std::fs::write(place.path("results.h5.sbatch"), "my own work").unwrap();
    let mut command = tools::norna(submit_args(&["--profile", "local"], &[]));
    let run = tools::run(command.current_dir(place.0.path()).env("PATH", place.search_path()));
    assert!(run.code == 1 && run.stderr.contains("not replaced"), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(place.path("results.h5.sbatch")).unwrap(), "my own work");
}
