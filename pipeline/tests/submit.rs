//! `norna submit` and `norna profile`: scripts, choices, refusals, and what reaches sbatch.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::need;
use support::places::dataset;
use support::tools::{self, Need, Run};

/// Each profile with an account that fits it.
const CLUSTERS: [(&str, &str); 10] = [
    ("arrhenius", "naiss2026-1-23-cpu"),
    ("bianca", "sens2023598"),
    ("dardel", "naiss2026-1-23"),
    ("generic", "any"),
    ("kebnekaise", "hpc2n2025-151"),
    ("leonardo-dcgp", "EUHPC_D35_204"),
    ("local", "any"),
    ("lumi-c", "project_465000001"),
    ("mn5-gpp", "ehpc238"),
    ("pelle", "uppmax2025-2-1"),
];

/// A folder that no profile takes for memory of a node, as /tmp is on some.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// norna in this folder.
    fn norna<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Run {
        let mut command = tools::norna(args);
        tools::run(command.current_dir(self.0.path()).env("NORNA_TODAY", "2026-11-20"))
    }

    /// `norna submit` of the study of datasets/.
    fn submit(&self, flags: &[&str]) -> Run {
        self.norna(submit_args(flags, &[]))
    }

    /// A program on the path of [`Place::with_path`].
    fn program(&self, name: &str, text: &str) -> PathBuf {
        let folder = self.path("bin");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/bash\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn search_path(&self) -> OsString {
        let mut path = self.path("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        path
    }

    /// Runs a script as Slurm would, with the programs of [`Place::program`].
    fn bash(&self, script: &Path, env: &[(&str, &str)]) -> Run {
        let mut command = tools::command("bash");
        command.arg(script).current_dir(self.0.path()).env("PATH", self.search_path());
        tools::run(command.envs(env.iter().copied()))
    }
}

fn submit_args(flags: &[&str], assoc: &[&str]) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["submit".into()];
    args.extend(flags.iter().map(Into::into));
    args.extend(["--", "assoc", "--out", "results.h5", "--vcf"].map(Into::into));
    args.push(dataset("geuvadis/chr22.vcf.gz").into());
    args.extend(["--pheno".into(), dataset("geuvadis/traits.tsv").into()]);
    args.extend(["--covar".into(), dataset("geuvadis/covars.tsv").into()]);
    args.extend(assoc.iter().map(Into::into));
    args
}

fn shellcheck(place: &Place, script: &str) {
    let path = place.path("checked.sh");
    std::fs::write(&path, script).unwrap();
    let run = tools::run(tools::command("shellcheck").arg(&path));
    assert_eq!(run.code, 0, "{}\n{script}", run.stdout);
}

/// The value of an #SBATCH option.
fn option<'a>(script: &'a str, name: &str) -> Option<&'a str> {
    let start = format!("#SBATCH --{name}=");
    script.lines().find_map(|line| line.strip_prefix(start.as_str()))
}

fn json(run: Run) -> Value {
    serde_json::from_str(&run.ok().stdout).unwrap()
}

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
fn threads_and_cores_are_counted_as_the_cluster_does() {
    let place = Place::new();
    for (profile, account, per_core) in
        [("dardel", "naiss2026-1-23", 2), ("pelle", "uppmax2025-2-1", 2), ("lumi-c", "project_465000001", 1)]
    {
        let flags =
            ["--profile", profile, "-A", account, "--threads", "8", "--ranks-per-node", "2", "--json", "--dry-run"];
        let made = json(place.submit(&flags));
        assert_eq!(made["cpus_per_task"], 8 * per_core, "{profile}");
        let script = made["jobs"][0]["script"].as_str().unwrap();
        assert_eq!(option(script, "cpus-per-task"), Some((8 * per_core).to_string().as_str()));
        assert_eq!(option(script, "ntasks-per-node"), Some("2"));
        assert!(script.contains("--threads 8\n"), "{script}");
        assert_eq!(script.contains("--hint=nomultithread"), per_core == 2, "{profile}");
    }
}

#[test]
fn whole_nodes_get_a_rank_for_each_socket() {
    let place = Place::new();
    let flags =
        ["--profile", "lumi-c", "-A", "project_465000001", "-p", "standard", "--nodes", "2", "--json", "--dry-run"];
    let made = json(place.submit(&flags));
    let shape = ["nodes", "ranks_per_node", "threads"].map(|name| made[name].as_u64().unwrap());
    assert_eq!(shape, [2, 2, 64]);
    assert_eq!(made["memory_flag"], "--mem=0");
    assert_eq!(made["charge"]["unit"], "core-hours");
    assert_eq!(made["charge"]["formula"], "128 × nodes × hours");
}

#[test]
fn what_a_partition_cannot_hold_is_refused_with_what_could() {
    let place = Place::new();
    for (flags, words) in [
        (&["--profile", "dardel", "-A", "naiss2026-1-23", "-p", "main", "--mem", "300G"][..], "memory (large) can"),
        (&["--profile", "dardel", "-A", "naiss2026-1-23", "-p", "main", "--time", "2-0"], "partition long (thin) can"),
        (&["--profile", "lumi-c", "-A", "project_465000001", "-p", "small", "--nodes", "5"], "partition standard can"),
        (&["--profile", "lumi-c", "-A", "project_465000001", "--mem", "300G"], "partition largemem may"),
        (&["--profile", "lumi-c", "-A", "project_465000001", "--threads", "129"], "more than its 128 cores"),
        (&["--profile", "lumi-c", "-A", "project_465000001", "--mem", "9T", "-p", "standard"], "has 229376 MB"),
        (&["--profile", "local", "--array", "2", "--nodes", "2"], "one process on one node"),
    ] {
        let run = place.submit(&[flags, &["--dry-run"]].concat());
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{flags:?}: {}", run.stderr);
        assert!(run.stderr.contains(words) && run.stderr.lines().count() == 1, "{flags:?}: {}", run.stderr);
    }
}

#[test]
fn accounts_are_checked_against_what_the_cluster_has() {
    let place = Place::new();
    for (profile, account, words) in [
        ("lumi-c", None, "--account is required on lumi-c, such as project_465000001"),
        ("lumi-c", Some("465000001"), "look otherwise, such as project_465000001"),
        ("lumi-c", Some("project_4650000012"), "look otherwise"),
        ("arrhenius", Some("naiss2026-1-23"), "end with -cpu, such as naiss2026-1-23-cpu"),
        ("arrhenius", Some("naiss2026-1-23-gpu"), "end with -cpu"),
        ("bianca", Some("sens-2023598"), "look otherwise, such as sens2023598"),
        ("pelle", Some("uppmax2025/2/1"), "look otherwise"),
    ] {
        let mut flags = vec!["--profile", profile, "--dry-run"];
        flags.extend(account.iter().flat_map(|account| ["-A", account]));
        let run = place.submit(&flags);
        assert_eq!(run.code, 2, "{account:?}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{account:?}: {}", run.stderr);
    }
}

#[test]
fn mistakes_behind_the_dashes_show_before_anything_waits() {
    let place = Place::new();
    let local = ["--profile", "local", "--dry-run"];
    for (assoc, code, word) in [
        (&["--no-such-flag"][..], 2, "--no-such-flag"),
        (&["--pheno-name", "nothing"], 1, "nothing"),
        (&["--dry-run"], 2, "before --"),
        (&["--threads", "4"], 2, "before --"),
        (&["--maf", "x"], 2, "maf"),
    ] {
        let run = place.norna(submit_args(&local, assoc));
        assert_eq!(run.code, code, "{assoc:?}: {}", run.stderr);
        assert!(run.stderr.contains(word), "{assoc:?}: {}", run.stderr);
    }
    let others: [(&[&str], i32, &str); 4] = [
        (&["submit", "--profile", "local", "--", "info", "x.h5"], 2, "assoc"),
        (&["submit", "--profile", "locl", "--", "assoc"], 1, "nearest is \"local\""),
        (
            &["submit", "--profile", "local", "--", "assoc", "--vcf", "-", "--pheno", "p", "--out", "o"],
            2,
            "standard input",
        ),
        (&["submit", "--profile", "local"], 2, "required"),
    ];
    for (args, code, word) in others {
        let run = place.norna(args);
        assert_eq!(run.code, code, "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains(word), "{args:?}: {}", run.stderr);
    }
    std::fs::write(place.path("results.h5"), "x").unwrap();
    assert!(place.submit(&local).stderr.contains("--force"));
}

#[test]
fn results_may_not_go_where_one_node_alone_sees_them() {
    let place = Place::new();
    let args = |out: &str| {
        let mut args = submit_args(&["--profile", "dardel", "-A", "naiss2026-1-23", "--dry-run"], &[]);
        let at = args.iter().position(|arg| arg == "results.h5").unwrap();
        args[at] = out.into();
        args
    };
    let run = place.norna(args("/tmp/results.h5"));
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("lies on /tmp"), "{}", run.stderr);
}

#[test]
fn a_profile_past_its_time_is_warned_of_and_used() {
    let place = Place::new();
    let args = submit_args(&["--profile", "dardel", "-A", "naiss2026-1-23", "--dry-run"], &[]);
    for (today, past) in [("2026-12-31", false), ("2027-01-01", true)] {
        let run = tools::run(tools::norna(&args).current_dir(place.0.path()).env("NORNA_TODAY", today)).ok();
        assert_eq!(run.stderr.contains("valid until 2026-12-31, which is past"), past, "{}", run.stderr);
        assert!(run.stdout.starts_with("#!/bin/bash"));
    }
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
    for launcher in ["srun --mpi=pmix", "none"] {
        let flags =
            ["--profile", "local", "--dry-run", "--max-requeue", "2", "--launcher", launcher, "--norna", "bin/fake"];
        let script = place.submit(&flags).ok().stdout;
        std::fs::write(place.path("script"), script).unwrap();
        place.program("srun", "shift; exec \"$@\"");
        place.program("scontrol", "echo \"$@\" >>requeued");
        for (code, restart, requeues) in
            [("0", "0", false), ("1", "0", false), ("75", "0", true), ("75", "1", true), ("75", "2", false)]
        {
            let _ = std::fs::remove_file(place.path("requeued"));
            place.program("fake", &format!("exit {code}"));
            let run = place.bash(&place.path("script"), &[("SLURM_JOB_ID", "77"), ("SLURM_RESTART_COUNT", restart)]);
            assert_eq!(run.code.to_string(), code, "{}", run.stderr);
            let asked = std::fs::read_to_string(place.path("requeued")).unwrap_or_default();
            assert_eq!(asked, if requeues { "requeue 77\n" } else { "" }, "{launcher} {code} {restart}");
            let attempt: u32 = restart.parse::<u32>().unwrap() + 1;
            assert!(run.stdout.contains(&format!("attempt {attempt},")), "{}", run.stdout);
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
    let mut command = tools::norna(submit_args(&["--profile", "local", "--chain"], &[]));
    let run = tools::run(command.current_dir(place.0.path()).env("PATH", place.search_path()));
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("no money") && run.stderr.contains("7; scancel"), "{}", run.stderr);

    std::fs::write(place.path("results.h5.sbatch"), "my own work").unwrap();
    let mut command = tools::norna(submit_args(&["--profile", "local"], &[]));
    let run = tools::run(command.current_dir(place.0.path()).env("PATH", place.search_path()));
    assert!(run.code == 1 && run.stderr.contains("not replaced"), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(place.path("results.h5.sbatch")).unwrap(), "my own work");
}

#[test]
fn the_local_profile_asks_for_no_more_than_its_nodes_have() {
    let place = Place::new();
    for flags in [&[][..], &["--nodes", "2"], &["--nodes", "2", "--ranks-per-node", "2"], &["--array", "4"]] {
        let made = json(place.submit(&[&["--profile", "local", "--json", "--dry-run"][..], flags].concat()));
        assert!(made["memory_per_node_mb"].as_u64().unwrap() <= 1500, "{made}");
        let cores = made["ranks_per_node"].as_u64().unwrap() * made["cpus_per_task"].as_u64().unwrap();
        assert!(cores <= 2, "{made}");
        assert!(made["time_seconds"].as_u64().unwrap() <= 3600, "{made}");
    }
}

#[test]
fn profiles_are_listed_shown_and_read_from_files() {
    let place = Place::new();
    let list = json(place.norna(["profile", "list", "--json"]));
    let names: Vec<&str> = list.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, CLUSTERS.map(|(name, _)| name));
    for (name, _) in CLUSTERS {
        let toml = place.norna(["profile", "show", name]).ok().stdout;
        std::fs::write(place.path("my.toml"), toml).unwrap();
        let (by_name, by_file) =
            (place.norna(["profile", "show", name, "--json"]), place.norna(["profile", "show", "my.toml", "--json"]));
        assert_eq!(json(by_name), json(by_file));
    }
    std::fs::write(place.path("bad.toml"), "name = \"x\"\nmem_per_node = 3\n").unwrap();
    let run = place.norna(["profile", "show", "bad.toml"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("bad.toml: line 2: unknown field `mem_per_node`; the nearest is `mem_per_core_mb`"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_probed_cluster_can_be_submitted_to() {
    let place = Place::new();
    let shown = |what: &str| format!("{}/src/slurm/probe/fixtures/{what}", env!("CARGO_MANIFEST_DIR"));
    let draft = place.norna(["profile", "probe", "--from", &shown("birch_22.05.txt")]).ok().stdout;
    std::fs::write(place.path("birch.toml"), &draft).unwrap();
    let made = json(place.submit(&["--profile", "birch.toml", "--json", "--dry-run"]));
    assert_eq!((made["partition"].as_str(), made["constraint"].as_str()), (Some("main"), Some("thin")), "{made}");
    place.program("scontrol", &format!("case $2 in node) cat '{}';; *) ;; esac", shown("birch_22.05.txt")));
    let mut command = tools::norna(["profile", "probe"]);
    let run = tools::run(command.env("PATH", place.search_path()).env("NORNA_TODAY", "2026-11-20")).ok();
    assert!(run.stdout.contains("name = \"birch\""), "{}", run.stdout);
    let run = place.norna(["profile", "probe", "--from", "/dev/null"]);
    assert!(run.code == 1 && run.stderr.contains("scontrol show partition"), "{}", run.stderr);
}
