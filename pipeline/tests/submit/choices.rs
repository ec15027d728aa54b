//! What is chosen, what is refused, and what profiles say.

use crate::place::{CLUSTERS, Place, json, option, submit_args};
use crate::support::tools;

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
        assert_eq!(script.contains("--hint=nomultithread"), profile == "dardel", "{profile}");
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

    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let list = folder.path().join("list.txt");
    std::fs::write(&list, "nothing\n").unwrap();
    let flags = ["--profile", "dardel", "-A", "naiss2026-1-23", "--dry-run"];
    let run = place.norna(submit_args(&flags, &["--exclude", list.to_str().unwrap()])).ok();
    assert!(run.stderr.contains("list.txt: lies on /tmp, which the job's nodes may not see"), "{}", run.stderr);
}

#[test]
fn results_may_not_go_into_memory_whatever_the_profile() {
    let place = Place::new();
    let mut folders = vec!["/dev/shm", "/run"];
    folders.retain(|folder| std::path::Path::new(folder).is_dir());
    assert!(!folders.is_empty());
    for folder in folders {
        let mut args = submit_args(&["--profile", "generic", "--time", "5", "--dry-run"], &[]);
        let at = args.iter().position(|arg| arg == "results.h5").unwrap();
        args[at] = format!("{folder}/results.h5").into();
        let run = place.norna(args);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains(&format!("lies on {folder}")), "{}", run.stderr);
    }
}

#[test]
fn flags_that_do_not_do_what_they_say_are_warned_of() {
    let place = Place::new();
    let submit = |flags: &[&str]| place.submit(&[&["--profile", "local", "--dry-run"][..], flags].concat());
    for (flags, words) in [
        (["--mem", "1M"], "warning: --mem 1M: below the"),
        (["--norna", "./no-such-norna"], "warning: --norna ./no-such-norna: is no file here"),
        (["--time", "00:00:30"], "rounds up: 00:01:00"),
    ] {
        let run = submit(&flags).ok();
        assert!(run.stderr.contains(words), "{flags:?}: {}", run.stderr);
    }
    assert_eq!(option(&submit(&["--time", "00:00:30"]).ok().stdout, "time"), Some("00:01:00"));
    let run = submit(&["--mem", "1K"]);
    assert!(run.code == 2 && run.stderr.contains("less than 1 MB"), "{}", run.stderr);
    assert!(!submit(&["--mem", "3000", "--time", "5"]).ok().stderr.contains("warning"));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = Place::new();
    let norna = env!("CARGO_BIN_EXE_norna");
    for args in ["list", "list --json", "show pelle", "show pelle --json"] {
        // The reader is gone before the first byte.
        let text = format!("set -o pipefail; (sleep 0.2; exec {norna} profile {args}) | true");
        let run = tools::run(tools::command("bash").args(["-c", &text]).current_dir(place.0.path()));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{args}");
    }
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
    assert!(made["warnings"].to_string().contains("drafted from what scontrol showed in 2026-11"), "{made}");
    assert_eq!((made["partition"].as_str(), made["constraint"].as_str()), (Some("main"), Some("thin")), "{made}");
    place.program("scontrol", &format!("case $2 in node) cat '{}';; *) ;; esac", shown("birch_22.05.txt")));
    let mut command = tools::norna(["profile", "probe"]);
    let run = tools::run(command.env("PATH", place.search_path()).env("NORNA_TODAY", "2026-11-20")).ok();
    assert!(run.stdout.contains("name = \"birch\""), "{}", run.stdout);
    let run = place.norna(["profile", "probe", "--from", "/dev/null"]);
    assert!(run.code == 1 && run.stderr.contains("scontrol show partition"), "{}", run.stderr);
}
