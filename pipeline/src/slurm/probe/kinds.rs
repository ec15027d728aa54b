//! Nodes of one shape, whatever they are called: thousands of records become a few kinds.

use super::scontrol::{Record, known, list, number};
use crate::slurm::profile::NodeKind;

/// Nodes whose memory is within this of the group's least are of one kind.
const SAME_MEMORY: f64 = 1.05;

/// Nodes of one shape.
#[derive(Debug, Clone)]
pub struct Kind {
    /// As the profile says it; the memory is the least of them.
    pub node: NodeKind,
    /// How many.
    pub n_nodes: usize,
    /// Partitions that hold any.
    pub partitions: Vec<String>,
    /// Features that all have.
    features: Vec<String>,
    /// Features that any has.
    any_feature: Vec<String>,
    /// Whether they have GPUs.
    pub has_gpu: bool,
    /// What Slurm's CPU is: 1 a core, or a hardware thread; `None` where the numbers do not say.
    pub cpus_per_core: Option<u64>,
    /// Such as x86_64.
    pub arch: Option<String>,
}

/// Groups nodes by shape.
pub fn of(nodes: &[Record]) -> Vec<Kind> {
    let mut facts: Vec<Kind> = nodes.iter().filter(|node| !is_planned(node)).map(one).collect();
    facts.sort_by_key(|kind| (shape(kind), kind.node.mem_per_node_mb));
    let mut kinds: Vec<Kind> = Vec::new();
    for fact in facts {
        match kinds.last_mut().filter(|kind| is_same(kind, &fact)) {
            Some(kind) => kind.absorb(fact),
            None => kinds.push(fact),
        }
    }
    name(&mut kinds);
    kinds
}

/// Nodes that are not there yet.
fn is_planned(node: &Record) -> bool {
    known(node, "State").is_some_and(|state| state.contains("FUTURE"))
}

fn shape(kind: &Kind) -> (Option<u32>, Option<u32>, Option<u32>, bool, Option<String>) {
    let node = &kind.node;
    (node.cores_per_node, node.sockets, node.threads_per_core, kind.has_gpu, kind.arch.clone())
}

fn is_same(kind: &Kind, other: &Kind) -> bool {
    let near = match (kind.node.mem_per_node_mb, other.node.mem_per_node_mb) {
        (Some(least), Some(mb)) => mb as f64 <= least as f64 * SAME_MEMORY,
        (a, b) => a == b,
    };
    near && shape(kind) == shape(other)
}

fn one(node: &Record) -> Kind {
    let small = |key| number(node, key).and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0);
    let sockets = small("Sockets");
    let per_socket = small("CoresPerSocket");
    let cores = sockets.zip(per_socket).and_then(|(sockets, cores)| sockets.checked_mul(cores));
    let threads = small("ThreadsPerCore");
    let cpus = number(node, "CPUTot");
    // What Slurm keeps for itself no job gets.
    let reserved = number(node, "MemSpecLimit").unwrap_or(0);
    let features = list(node, "AvailableFeatures");
    let cpus_per_core = match (cpus, cores.map(u64::from), threads.map(u64::from)) {
        (Some(cpus), Some(cores), _) if cpus == cores => Some(1),
        (Some(cpus), Some(cores), Some(threads)) if cpus == cores * threads => Some(threads),
        _ => None,
    };
    Kind {
        node: NodeKind {
            name: String::new(),
            cores_per_node: cores.or_else(|| cpus.and_then(|n| u32::try_from(n).ok()).filter(|_| threads == Some(1))),
            sockets,
            threads_per_core: threads,
            mem_per_node_mb: number(node, "RealMemory").and_then(|mb| mb.checked_sub(reserved)).filter(|&mb| mb > 1),
            mem_is_nominal: false,
            constraint: None,
        },
        n_nodes: 1,
        partitions: list(node, "Partitions"),
        any_feature: features.clone(),
        features,
        has_gpu: known(node, "Gres").is_some_and(|gres| gres.contains("gpu")),
        cpus_per_core,
        arch: known(node, "Arch").map(str::to_owned),
    }
}

impl Kind {
    fn absorb(&mut self, other: Kind) {
        self.n_nodes += other.n_nodes;
        self.features.retain(|feature| other.features.contains(feature));
        for (mine, theirs) in [(&mut self.any_feature, other.any_feature), (&mut self.partitions, other.partitions)] {
            for item in theirs {
                if !mine.contains(&item) {
                    mine.push(item);
                }
            }
        }
        if self.cpus_per_core != other.cpus_per_core {
            self.cpus_per_core = None;
        }
    }
}

/// Gives each kind a name and, where others share a partition with it, a feature that selects it alone.
fn name(kinds: &mut [Kind]) {
    let before = kinds.to_vec();
    for (i, kind) in kinds.iter_mut().enumerate() {
        let others = || before.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, other)| other);
        let shares = |other: &&Kind| kind.partitions.iter().any(|name| other.partitions.contains(name));
        let rivals: Vec<&Kind> = others().filter(shares).collect();
        let alone = |feature: &&String| !rivals.iter().any(|rival| rival.any_feature.contains(feature));
        if !rivals.is_empty() {
            kind.node.constraint = kind.features.iter().find(alone).cloned();
        }
        let cores = kind.node.cores_per_node.map_or("nodes".to_owned(), |n| format!("{n}c"));
        let memory = kind.node.mem_per_node_mb.map_or(String::new(), |mb| format!("-{}gb", mb / 1024));
        let gpu = if kind.has_gpu { "-gpu" } else { "" };
        kind.node.name = format!("{cores}{memory}{gpu}");
    }
    for i in 1..kinds.len() {
        if before_has(&kinds[..i], &kinds[i].node.name) {
            kinds[i].node.name = format!("{}-{}", kinds[i].node.name, i + 1);
        }
    }
}

fn before_has(kinds: &[Kind], name: &str) -> bool {
    kinds.iter().any(|kind| kind.node.name == name)
}
