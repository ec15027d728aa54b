//! Every profile's script, read by a Slurm that takes that cluster's partitions and node shapes for its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::support::need;
use super::support::places::workspace;
use super::support::slurm::Lab;
use super::support::tools::{self, Need, Run};
use super::{assoc_args, job_folder, reference};

/// What a node has where the profile does not know: more than any request, so that only what is known can refuse one.
const UNKNOWN_CORES: i64 = 1024;
const UNKNOWN_MB: i64 = 16_000_000;

fn number(table: &toml::Table, key: &str) -> Option<i64> {
    table.get(key).map(|value| value.as_integer().unwrap())
}

fn word<'a>(table: &'a toml::Table, key: &str) -> Option<&'a str> {
    table.get(key).map(|value| value.as_str().unwrap())
}

fn tables<'a>(profile: &'a toml::Table, key: &str) -> Vec<&'a toml::Table> {
    let list = profile.get(key).map_or(&[][..], |value| value.as_array().unwrap());
    list.iter().map(|item| item.as_table().unwrap()).collect()
}

/// A node kind as slurm.conf has it, so many of them.
fn node_line(kind: &toml::Table, n_nodes: i64) -> String {
    let cores = number(kind, "cores_per_node").unwrap_or(UNKNOWN_CORES);
    let sockets = number(kind, "sockets").unwrap_or(1);
    let threads = number(kind, "threads_per_core").unwrap_or(1);
    let mb = number(kind, "mem_per_node_mb").unwrap_or(UNKNOWN_MB);
    let feature = word(kind, "constraint").map(|name| format!(" Feature={name}")).unwrap_or_default();
    let name = node_names(word(kind, "name").unwrap(), n_nodes);
    format!(
        "NodeName={name} CPUs={} Sockets={sockets} CoresPerSocket={} ThreadsPerCore={threads} RealMemory={mb}{feature}\n",
        cores * threads,
        cores / sockets,
    )
}

/// Slurm takes digits at the end of a name for the node's number.
fn node_names(kind: &str, n_nodes: i64) -> String {
    format!("{kind}-n[1-{n_nodes}]")
}

/// The cluster as a part of slurm.conf. Where several entries share a partition (with other qualities of service), the
/// partition is the widest of them; where none is named, it is the default one.
fn shapes(profile: &toml::Table) -> String {
    let partitions = tables(profile, "partitions");
    let n_nodes = partitions.iter().filter_map(|entry| number(entry, "max_nodes")).max().unwrap_or(8);
    let kinds = tables(profile, "nodes");
    let unknown = toml::from_str("name = \"unknown\"").unwrap();
    let mut text: String = kinds.iter().map(|kind| node_line(kind, n_nodes)).collect();
    text += &node_line(&unknown, n_nodes);
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    for entry in partitions {
        let name = word(entry, "partition").or(word(entry, "name")).unwrap();
        let (name, default) = if name.is_empty() { ("unnamed", " Default=YES") } else { (name, "") };
        let kinds: Vec<&str> = entry
            .get("nodes")
            .map_or(Vec::new(), |names| names.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect());
        let kinds = if kinds.is_empty() { vec!["unknown"] } else { kinds };
        let nodes = kinds.into_iter().map(|kind| node_names(kind, n_nodes)).collect::<Vec<_>>().join(",");
        let mut line = format!("PartitionName={name} Nodes={nodes}{default}");
        line += &word(entry, "max_time").map(|time| format!(" MaxTime={time}")).unwrap_or_default();
        line += &number(entry, "max_nodes").map(|n| format!(" MaxNodes={n}")).unwrap_or_default();
        if entry.get("exclusive").is_some_and(|value| value.as_bool() == Some(true)) {
            line += " OverSubscribe=EXCLUSIVE";
        }
        lines.entry(name.to_owned()).or_insert(line);
    }
    lines.values().fold(text, |text, line| text + line + "\n")
}

/// `norna submit --dry-run` for the profile: the script.
fn script(name: &str, profile: &toml::Table) -> String {
    // Some clusters' /tmp is no place for results.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (args, _) = assoc_args(reference(), folder.path(), &[]);
    let mut command = tools::norna(["submit", "--profile", name, "--dry-run"]);
    if let Some(account) = word(profile, "account_example") {
        command.args(["--account", account]);
    }
    command.arg("--").args(args);
    tools::run(&mut command).ok().stdout
}

fn test_only(lab: &Lab, script: &Path) -> Run {
    tools::run(lab.command("sbatch").arg("--test-only").arg(script))
}

fn assert_shellcheck_is_content(name: &str, script: &Path) {
    let run = tools::run(Command::new("shellcheck").arg("--shell=bash").arg(script));
    assert_eq!(run.code, 0, "{name}: shellcheck: {}", run.stdout);
}

/// The script with another value of one #SBATCH option.
fn with_option(script: &str, option: &str, value: &str) -> String {
    let lines = script.lines().filter(|line| !line.starts_with(&format!("#SBATCH --{option}=")));
    let (first, rest) = lines.clone().next().zip(Some(lines.skip(1))).unwrap();
    let rest: String = rest.map(|line| format!("{line}\n")).collect();
    format!("{first}\n#SBATCH --{option}={value}\n{rest}")
}

/// Every profile that there is, by the files' names.
fn names() -> Vec<String> {
    let entries = std::fs::read_dir(workspace().join("slurm/profiles")).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let mut names: Vec<String> = files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    assert!(names.len() >= 10, "{names:?}");
    names
}

#[test]
fn slurm_and_shellcheck_accept_the_script_of_every_profile() {
    need!(Need::Bgzip);
    let folder = job_folder();
    let mut refused = Vec::new();
    for name in &names() {
        let text = std::fs::read_to_string(workspace().join(format!("slurm/profiles/{name}.toml"))).unwrap();
        let profile: toml::Table = toml::from_str(&text).unwrap();
        let shapes_file = folder.path().join(format!("{name}.conf"));
        std::fs::write(&shapes_file, shapes(&profile)).unwrap();
        let Some(lab) = Lab::of_shapes(&shapes_file) else { return };
        let path = folder.path().join(format!("{name}.sbatch"));
        let good = script(name, &profile);
        std::fs::write(&path, &good).unwrap();
        assert_shellcheck_is_content(name, &path);
        let run = test_only(&lab, &path);
        if run.code != 0 {
            refused.push(format!("{name}: {}\n{}{good}", run.stderr.trim_end(), shapes(&profile)));
        }
        // The same Slurm refuses what the cluster does not have.
        for (option, value) in [("partition", "nowhere"), ("constraint", "nothing"), ("nodes", "100000")] {
            std::fs::write(&path, with_option(&good, option, value)).unwrap();
            assert_ne!(test_only(&lab, &path).code, 0, "{name}: --{option}={value} was accepted");
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}
