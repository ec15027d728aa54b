//! A first profile of a cluster that norna does not know, from what Slurm itself tells. What Slurm does not tell stays unknown.

mod kinds;
mod scontrol;
mod unread;

use self::kinds::Kind;
use self::scontrol::{Record, Shown, known, list, number};
use super::charge::{Charge, Rule};
use super::date;
use super::profile::{CpuUnit, Launcher, MemRule, Partition, Profile, ProfileError, Scratch, Source};
use super::time::SlurmTime;

/// The commands whose output is read.
pub const COMMANDS: [[&str; 3]; 3] =
    [["scontrol", "show", "partition"], ["scontrol", "show", "node"], ["scontrol", "show", "config"]];

/// A drafted profile.
#[derive(Debug)]
pub struct Draft {
    /// What was found.
    pub profile: Profile,
    /// What was not, for somebody to fill in.
    pub unknown: Vec<String>,
    /// What Slurm said and norna did not understand.
    pub unread: Vec<String>,
}

impl Draft {
    /// The profile as TOML, with what is missing as comments.
    ///
    /// # Errors
    /// A draft that cannot be read back.
    pub fn to_toml(&self) -> Result<String, ProfileError> {
        let origin = "the draft";
        let value = |message: String| ProfileError::Value { origin: origin.to_owned(), message };
        let body = toml::to_string(&self.profile).map_err(|error| value(error.to_string()))?;
        let mut text =
            String::from("# Drafted by norna profile probe. Look it through, fill in what is missing, then:\n");
        text.push_str("# norna submit --profile THIS.toml --dry-run ... -- assoc ...\n# Not told by Slurm:\n");
        for name in &self.unknown {
            text.push_str(&format!("#   {name}\n"));
        }
        if !self.unread.is_empty() {
            text.push_str("# Told by Slurm, but not understood, and left out:\n");
        }
        for value in &self.unread {
            text.push_str(&format!("#   {value}\n"));
        }
        text.push('\n');
        text.push_str(&body);
        Profile::parse(origin, &text)?;
        Ok(text)
    }
}

/// Drafts a profile from the output of any of [`COMMANDS`], one after the other; `today` in days since 1970-01-01.
///
/// # Errors
/// One line where no partition is in it.
pub fn draft(text: &str, today: i64) -> Result<Draft, String> {
    let shown = scontrol::parse(text);
    if shown.partitions.is_empty() {
        return Err("no partition in it: what is wanted is the output of scontrol show partition, scontrol show node \
                    and scontrol show config, one after the other"
            .into());
    }
    let kinds = kinds::of(&shown.nodes);
    let mut notes = Vec::new();
    let partitions = partitions(&shown, &kinds, &mut notes);
    let cpu_unit = cpu_unit(&kinds);
    let config = &shown.config;
    let mpi = known(config, "MpiDefault").filter(|name| *name != "none");
    let mut assumed = Vec::new();
    if let Some(mpi) = mpi {
        assumed.push(format!("launcher: srun, since MpiDefault is {mpi}; it must be the one of norna's MPI library"));
    }
    if !config.is_empty() && !known(config, "SelectTypeParameters").is_some_and(|text| text.contains("MEMORY")) {
        notes.push("memory is not counted by Slurm (SelectTypeParameters): jobs on a node share it".into());
    }
    if known(config, "AccountingStorageEnforce").is_some_and(|text| text.contains("associations")) {
        notes.push("accounts are enforced: give --account unless you have a default one".into());
    }
    let launcher_args = launcher_args(mpi, cpu_unit);
    if launcher_args.iter().any(|arg| arg.starts_with("--hint")) {
        assumed.push("--hint=nomultithread: a thread of norna for each core, since CPUs are hardware threads".into());
    }
    let version = known(config, "SLURM_VERSION").map_or(String::new(), |version| format!(", Slurm {version}"));
    let name = known(config, "ClusterName").unwrap_or("probed").to_owned();
    let profile = Profile {
        title: format!("{name} (drafted by norna profile probe{version})"),
        name,
        source_date: date::month(today),
        source: Source::Scontrol,
        valid_until: None,
        verified: false,
        third_party: Vec::new(),
        assumed,
        notes,
        cpu_unit,
        account_required: false,
        account_pattern: None,
        account_suffix: None,
        account_example: None,
        launcher: mpi.map(|_| Launcher::Srun),
        launcher_args,
        modules: Vec::new(),
        env: Default::default(),
        scratch: Scratch {
            node_local: known(config, "TmpFS").into_iter().map(str::to_owned).collect(),
            ..Scratch::default()
        },
        file_quota: Vec::new(),
        offline: Default::default(),
        requeue: number(config, "JobRequeue").map(|value| value == 1),
        mem_rule: None,
        mem_per_core_mb: None,
        mem_option: Default::default(),
        charge: None,
        nodes: kinds.into_iter().map(|kind| kind.node).collect(),
        partitions,
    };
    let unknown = unknown(&profile);
    Ok(Draft { profile, unknown, unread: unread::of(&shown) })
}

fn launcher_args(mpi: Option<&str>, cpu_unit: Option<CpuUnit>) -> Vec<String> {
    // Cray's is what a plain srun does there.
    let mpi = mpi.filter(|name| !name.starts_with("cray")).map(|name| format!("--mpi={name}"));
    let hint = mpi.is_some().then_some(cpu_unit).flatten().filter(|unit| *unit == CpuUnit::Thread);
    mpi.into_iter().chain(hint.map(|_| "--hint=nomultithread".to_owned())).collect()
}

/// What a CPU is, if all nodes agree.
fn cpu_unit(kinds: &[Kind]) -> Option<CpuUnit> {
    let unit = |kind: &Kind| match kind.cpus_per_core {
        Some(1) => Some(CpuUnit::Core),
        Some(_) => Some(CpuUnit::Thread),
        None => None,
    };
    let first = unit(kinds.first()?)?;
    kinds.iter().all(|kind| unit(kind) == Some(first)).then_some(first)
}

/// The default first, since the first is preferred among equals.
fn partitions(shown: &Shown, kinds: &[Kind], notes: &mut Vec<String>) -> Vec<Partition> {
    let mut records: Vec<&Record> = shown.partitions.iter().collect();
    records.sort_by_key(|record| known(record, "Default") != Some("YES"));
    records.iter().map(|record| partition(record, &shown.config, kinds, notes)).collect()
}

fn partition(record: &Record, config: &Record, kinds: &[Kind], notes: &mut Vec<String>) -> Partition {
    let name = known(record, "PartitionName").unwrap_or("unnamed").to_owned();
    let members: Vec<&Kind> = kinds.iter().filter(|kind| kind.partitions.contains(&name)).collect();
    let all_gpu = !members.is_empty() && members.iter().all(|kind| kind.has_gpu);
    let is_up = known(record, "State").is_none_or(|state| state == "UP");
    let mut note = |text: String| notes.push(format!("partition {name}: {text}"));
    if all_gpu {
        note("its nodes have GPUs, which norna does not use: taken by name only".into());
    }
    if !is_up {
        note("was not up: taken by name only".into());
    }
    for key in ["AllowAccounts", "AllowGroups", "AllowQos"] {
        let allowed = known(record, key).filter(|allowed| *allowed != "ALL");
        if allowed.is_some() {
            note(format!("{key} is restricted (scontrol show partition {name})"));
        }
    }
    if let Some(qos) = known(record, "QoS") {
        note(format!("QoS {qos} may limit jobs further (sacctmgr show qos)"));
    }
    let archs: Vec<&str> = members.iter().filter_map(|kind| kind.arch.as_deref()).collect();
    if archs.iter().any(|arch| *arch != "x86_64") {
        note(format!("its nodes are {}: norna must be built for them", archs.join(", ")));
    }
    let charge = charge(record, config, &members);
    let per_cpu = number(record, "MaxMemPerCPU").is_some();
    let coupled = per_cpu || charge.as_ref().is_some_and(|charge| charge.rule == Rule::Max && charge.per_gb > 0.0);
    Partition {
        partition: None,
        qos: None,
        max_time: known(record, "MaxTime").and_then(|text| text.parse::<SlurmTime>().ok()),
        max_nodes: number(record, "MaxNodes").and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0),
        exclusive: known(record, "OverSubscribe").is_some_and(|text| text.starts_with("EXCLUSIVE")),
        only_by_name: all_gpu || !is_up,
        nodes: members.iter().map(|kind| kind.node.name.clone()).collect(),
        charge,
        mem_rule: coupled.then_some(MemRule::Coupled),
        name,
    }
}

/// TRESBillingWeights (slurm.conf(5)): units per CPU, per MB of memory or per GB where a suffix says so, per node; added, or
/// the largest where PriorityFlags has MAX_TRES.
fn charge(record: &Record, config: &Record, members: &[&Kind]) -> Option<Charge> {
    let weights = list(record, "TRESBillingWeights");
    // A part that is not understood would make the rest too small.
    if weights.iter().any(|pair| !unread::is_weight(pair)) {
        return None;
    }
    let weight = |name: &str| {
        let pair =
            weights.iter().find_map(|pair| pair.split_once('=').filter(|(key, _)| key.eq_ignore_ascii_case(name)));
        unread::weight(pair?.1)
    };
    let per_gb = weight("Mem").map_or(0.0, |(number, suffix)| match suffix.to_ascii_uppercase().as_str() {
        "K" => number * 1024.0 * 1024.0,
        "G" => number,
        "T" => number / 1024.0,
        "P" => number / 1_048_576.0,
        _ => number * 1024.0,
    });
    let cpus_per_core = members.first().map_or(Some(1), |kind| kind.cpus_per_core)?;
    let per_core = weight("CPU").map_or(0.0, |(number, _)| number * cpus_per_core as f64);
    let per_node = weight("Node").map_or(0.0, |(number, _)| number);
    let largest = known(config, "PriorityFlags").is_some_and(|flags| flags.contains("MAX_TRES"));
    let rule = if largest { Rule::Max } else { Rule::Sum };
    let charge = Charge { unit: "billing-hours".into(), rule, per_core, per_gb, per_node };
    charge.check().is_ok().then_some(charge)
}

/// Names of what is missing, each with what it is for.
fn unknown(profile: &Profile) -> Vec<String> {
    let no_charge = |partition: &Partition| partition.charge.is_none();
    let checks = [
        (
            profile.launcher.is_none(),
            "launcher: srun (with --mpi=... in launcher_args) or mpirun; one process without it",
        ),
        (profile.modules.is_empty(), "modules: those that norna was built with"),
        (profile.account_pattern.is_none(), "account_pattern, account_required: what accounts look like"),
        (profile.scratch.kind.is_none(), "scratch.kind, scratch.variable: a disk of the node, its memory, or shared"),
        (profile.file_quota.is_empty(), "file_quota: how many files a project may have, and where"),
        (profile.partitions.iter().any(no_charge), "charge: how the site charges, where no billing weights are set"),
        (true, "offline: whether nodes reach other networks"),
        (profile.cpu_unit.is_none(), "cpu_unit: core or thread; kinds of node differ, or CPUs do not tell"),
        (profile.nodes.is_empty(), "nodes: the output of scontrol show node was not there"),
    ];
    checks.iter().filter(|(is, _)| *is).map(|(_, text)| (*text).to_owned()).collect()
}

#[cfg(test)]
mod tests;
