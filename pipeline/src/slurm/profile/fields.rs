//! The parts of a profile.

use serde::{Deserialize, Serialize};

use crate::slurm::charge::Charge;
use crate::slurm::time::SlurmTime;

/// Where a profile's facts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The site's documentation.
    #[default]
    Documentation,
    /// scontrol on the cluster itself.
    Scontrol,
}

impl Source {
    /// Whether it is the usual one.
    pub fn is_documentation(&self) -> bool {
        *self == Source::Documentation
    }
}

/// What `--cpus-per-task` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CpuUnit {
    /// Physical cores.
    Core,
    /// Hardware threads.
    Thread,
}

/// Whether memory may be asked for apart from cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemRule {
    /// Memory counts as the cores it takes away from others.
    Coupled,
    /// Memory is asked for by itself.
    Free,
}

/// By which option memory is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemOption {
    /// `--mem`, of a node.
    #[default]
    Mem,
    /// `--mem-per-cpu`.
    MemPerCpu,
    /// None: memory comes with the cores.
    Cores,
}

/// What starts ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Launcher {
    /// Slurm's own.
    Srun,
    /// The MPI library's.
    Mpirun,
    /// NSC's.
    Mpprun,
}

impl Launcher {
    /// The program's name.
    pub fn name(self) -> &'static str {
        match self {
            Launcher::Srun => "srun",
            Launcher::Mpirun => "mpirun",
            Launcher::Mpprun => "mpprun",
        }
    }
}

/// Whether nodes reach other networks: true, false, or "unknown", which is treated as offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "OfflineText", into = "OfflineText")]
pub enum Offline {
    /// They do not.
    Yes,
    /// They do.
    No,
    /// Not known.
    #[default]
    Unknown,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected true, false or \"unknown\"")]
enum OfflineText {
    Known(bool),
    Word(String),
}

impl TryFrom<OfflineText> for Offline {
    type Error = String;

    fn try_from(text: OfflineText) -> Result<Self, String> {
        match text {
            OfflineText::Known(true) => Ok(Offline::Yes),
            OfflineText::Known(false) => Ok(Offline::No),
            OfflineText::Word(word) if word == "unknown" => Ok(Offline::Unknown),
            OfflineText::Word(word) => Err(format!("offline {word:?}: must be true, false or \"unknown\"")),
        }
    }
}

impl From<Offline> for OfflineText {
    fn from(offline: Offline) -> Self {
        match offline {
            Offline::Yes => OfflineText::Known(true),
            Offline::No => OfflineText::Known(false),
            Offline::Unknown => OfflineText::Word("unknown".into()),
        }
    }
}

/// What lies under a job's scratch folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScratchKind {
    /// A disk of the node.
    Disk,
    /// The node's memory.
    Ram,
    /// A file system that all nodes see.
    Shared,
}

/// Where jobs keep what need not last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, default)]
pub struct Scratch {
    /// What it is; unknown where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ScratchKind>,
    /// The variable that names it, with its `$`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// Folders and `$VARIABLES` that only one node sees, where no results may go.
    pub node_local: Vec<String>,
}

/// How many files a project may have somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct FileQuota {
    /// Where.
    pub path: String,
    /// Files; unknown where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
}

/// Nodes of one shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct NodeKind {
    /// Its name within the profile.
    pub name: String,
    /// Physical cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores_per_node: Option<u32>,
    /// Sockets: norna starts one rank on each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sockets: Option<u32>,
    /// Hardware threads of a core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads_per_core: Option<u32>,
    /// Memory that jobs may ask for, MB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mem_per_node_mb: Option<u64>,
    /// The memory is what the machine was sold with: jobs get less.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mem_is_nominal: bool,
    /// `--constraint` that selects it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
}

impl NodeKind {
    /// MB that a job can count on: of what a machine was sold with, nine tenths.
    pub fn usable_mb(&self) -> Option<u64> {
        self.mem_per_node_mb.map(|mb| if self.mem_is_nominal { mb / 10 * 9 } else { mb })
    }
}

/// Somewhere to send jobs: a partition, or a partition with a quality of service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct Partition {
    /// Its name, by which `--partition` finds it.
    pub name: String,
    /// What `#SBATCH --partition` gets; the name where absent, no such line where empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// What `#SBATCH --qos` gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<String>,
    /// Longest job; unknown where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_time: Option<SlurmTime>,
    /// Most nodes of a job; unknown where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_nodes: Option<u32>,
    /// Whether a job gets whole nodes, and pays for them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exclusive: bool,
    /// Taken only when it is asked for by name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_by_name: bool,
    /// Kinds of node in it; unknown where absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
    /// Its own charging rule, instead of the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<Charge>,
    /// Its own rule for memory, instead of the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mem_rule: Option<MemRule>,
}
