//! What is known of one cluster. A field that is absent is unknown, and nothing is guessed in its place without a word.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use self::fields::{
    CpuUnit, FileQuota, Launcher, MemOption, MemRule, NodeKind, Offline, Partition, Scratch, ScratchKind, Source,
};
use super::charge::Charge;
use super::date;

mod fields;

/// One cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct Profile {
    /// Short name, as `--profile` takes it.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// When the facts were gathered, YYYY-MM.
    pub source_date: String,
    /// Where they come from.
    #[serde(default, skip_serializing_if = "Source::is_documentation")]
    pub source: Source,
    /// Last day of the cluster, YYYY-MM-DD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
    /// Whether somebody ran norna there.
    pub verified: bool,
    /// Facts that come from other people's scripts instead of the site.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub third_party: Vec<String>,
    /// What was inferred instead of read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumed: Vec<String>,
    /// What else a user should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,

    /// What a CPU is to Slurm; unknown where absent, and taken for a core then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_unit: Option<CpuUnit>,
    /// Whether jobs need an account.
    #[serde(default)]
    pub account_required: bool,
    /// What accounts look like, a regular expression for the whole name without the suffix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_pattern: Option<String>,
    /// What accounts for CPU nodes end with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_suffix: Option<String>,
    /// One that fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_example: Option<String>,
    /// What starts ranks; unknown where absent, and one process is started without any then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launcher: Option<Launcher>,
    /// Its flags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub launcher_args: Vec<String>,
    /// Modules to load, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<String>,
    /// Variables to set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Where jobs keep what need not last.
    #[serde(default)]
    pub scratch: Scratch,
    /// How many files projects may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub file_quota: Vec<FileQuota>,
    /// Whether nodes reach other networks.
    #[serde(default)]
    pub offline: Offline,
    /// Whether Slurm requeues jobs after a node failure by itself; unknown where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requeue: Option<bool>,
    /// Whether memory may be asked for apart from cores; unknown where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mem_rule: Option<MemRule>,
    /// Memory that comes with a core, MB: where memory is coupled, what a core is paid for; else what a job gets that asks for
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mem_per_core_mb: Option<u64>,
    /// By which option memory is asked for.
    #[serde(default)]
    pub mem_option: MemOption,
    /// The charging rule; unknown where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<Charge>,
    /// Kinds of node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeKind>,
    /// Where jobs go; the first is preferred among equals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<Partition>,
}

/// A profile that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No such name.
    #[error(
        "profile {name:?}: there is none; the nearest is {near:?} (norna profile list has all; a path ending in .toml is read as a file)"
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// The name most like it.
        near: String,
    },
    /// Neither a name nor a file of TOML.
    #[error("--profile {name:?}: {what}: wanted is a name (norna profile list) or a file ending in .toml")]
    NoProfile {
        /// What was asked for.
        name: String,
        /// What it is.
        what: &'static str,
    },
    /// Cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Not TOML, or not of this schema.
    #[error("{source}: line {line}: {message}", source = .origin)]
    Parse {
        /// The file, or the name of a built-in profile.
        origin: String,
        /// 1-based.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// Values that contradict one another or cannot be meant.
    #[error("{origin}: {message}")]
    Value {
        /// The file, or the name of a built-in profile.
        origin: String,
        /// What is wrong.
        message: String,
    },
}

impl Profile {
    /// Reads a profile from TOML; `origin` is what errors call it.
    ///
    /// # Errors
    /// A field that no profile has, or a value that cannot be meant.
    pub fn parse(origin: &str, text: &str) -> Result<Self, ProfileError> {
        let profile: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            let message = error.message().replace('\n', " ");
            let message = nearest_field(&message).unwrap_or(message);
            ProfileError::Parse { origin: origin.to_owned(), line, message }
        })?;
        let value = |message| ProfileError::Value { origin: origin.to_owned(), message };
        profile.check().map_err(value)?;
        Ok(profile)
    }

    fn check(&self) -> Result<(), String> {
        check_text("", &serde_json::to_value(self).map_err(|error| error.to_string())?)?;
        let month = format!("{}-01", self.source_date);
        if date::day(&month).is_none() {
            return Err(format!("source_date {:?}: must be YYYY-MM", self.source_date));
        }
        if let Some(until) = self.valid_until.as_ref().filter(|until| date::day(until).is_none()) {
            return Err(format!("valid_until {until:?}: must be YYYY-MM-DD"));
        }
        if let Some(pattern) = &self.account_pattern {
            let pattern = whole(pattern).map_err(|error| format!("account_pattern {pattern:?}: {error}"))?;
            let suffix = self.account_suffix.as_deref().unwrap_or("");
            let example = self.account_example.as_deref();
            if let Some(bad) =
                example.filter(|text| !text.strip_suffix(suffix).is_some_and(|stem| pattern.is_match(stem)))
            {
                return Err(format!("account_example {bad:?} does not fit account_pattern and account_suffix"));
            }
        }
        for charge in self.charge.iter().chain(self.partitions.iter().filter_map(|part| part.charge.as_ref())) {
            charge.check()?;
        }
        for name in self.env.keys() {
            let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(letters) || name.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(format!("env {name:?}: is no name of a variable"));
            }
        }
        self.check_nodes()?;
        self.check_partitions()
    }

    fn check_nodes(&self) -> Result<(), String> {
        for (i, kind) in self.nodes.iter().enumerate() {
            if self.nodes[..i].iter().any(|other| other.name == kind.name) {
                return Err(format!("nodes: {:?} is there twice", kind.name));
            }
            let numbers = [kind.cores_per_node, kind.sockets, kind.threads_per_core];
            if numbers.contains(&Some(0)) || kind.mem_per_node_mb == Some(0) {
                return Err(format!("nodes: {:?}: cores, sockets, threads and memory must be 1 or more", kind.name));
            }
            if let (Some(cores), Some(sockets)) = (kind.cores_per_node, kind.sockets)
                && cores % sockets != 0
            {
                return Err(format!("nodes: {:?}: {cores} cores are not a multiple of {sockets} sockets", kind.name));
            }
        }
        Ok(())
    }

    fn check_partitions(&self) -> Result<(), String> {
        for (i, part) in self.partitions.iter().enumerate() {
            if part.name.is_empty() || self.partitions[..i].iter().any(|other| other.name == part.name) {
                return Err(format!("partitions: {:?} is empty or there twice", part.name));
            }
            if part.max_nodes == Some(0) {
                return Err(format!("partitions: {:?}: max_nodes must be 1 or more", part.name));
            }
            if let Some(name) = part.nodes.iter().find(|name| self.nodes.iter().all(|kind| kind.name != **name)) {
                return Err(format!("partitions: {:?}: nodes: no kind of node is called {name:?}", part.name));
            }
        }
        Ok(())
    }

    /// Kinds of node in `partition`.
    pub fn kinds_of<'a>(&'a self, partition: &'a Partition) -> impl Iterator<Item = &'a NodeKind> {
        self.nodes.iter().filter(|kind| partition.nodes.contains(&kind.name))
    }

    /// The charging rule of `partition`.
    pub fn charge_of<'a>(&'a self, partition: &'a Partition) -> Option<&'a Charge> {
        partition.charge.as_ref().or(self.charge.as_ref())
    }

    /// Whether Slurm counts hardware threads.
    pub fn counts_threads(&self) -> bool {
        self.cpu_unit == Some(CpuUnit::Thread)
    }

    /// One line where the cluster's time is over on `today` (days since 1970-01-01).
    pub fn past(&self, today: i64) -> Option<String> {
        let until = self.valid_until.as_ref()?;
        let is_past = date::day(until).is_some_and(|last| today > last);
        is_past.then(|| {
            format!("profile {}: valid until {until}, which is past: the cluster may be gone or changed", self.name)
        })
    }

    /// One line where nobody has run there.
    pub fn unverified(&self) -> Option<String> {
        (!self.verified).then(|| {
            let source = match self.source {
                Source::Documentation => "from documentation of",
                Source::Scontrol => "drafted from what scontrol showed in",
            };
            format!(
                "profile {}: {source} {}, not verified by a run: look at the script before you send it",
                self.name, self.source_date
            )
        })
    }

    /// Checks the account against what the cluster's accounts look like.
    ///
    /// # Errors
    /// One line that says what would fit.
    pub fn check_account(&self, account: Option<&str>) -> Result<(), String> {
        let example = self.account_example.as_ref().map_or(String::new(), |text| format!(", such as {text}"));
        let Some(account) = account else {
            let message = format!("--account is required on {}{example}", self.name);
            return if self.account_required { Err(message) } else { Ok(()) };
        };
        let suffix = self.account_suffix.as_deref().unwrap_or("");
        let Some(stem) = account.strip_suffix(suffix) else {
            return Err(format!(
                "--account {account}: accounts for CPU nodes of {} end with {suffix}{example}",
                self.name
            ));
        };
        let fits = |pattern: &String| whole(pattern).is_ok_and(|pattern| pattern.is_match(stem));
        if self.account_pattern.as_ref().is_some_and(|pattern| !fits(pattern)) {
            return Err(format!(
                "--account {account}: accounts of {} look otherwise{example}; where yours is right, correct \
                 account_pattern in a copy of the profile (norna profile show {} > my.toml) and give --profile my.toml",
                self.name, self.name
            ));
        }
        Ok(())
    }
}

/// Texts of a profile stand in scripts, where a line break would begin a command.
fn check_text(field: &str, value: &serde_json::Value) -> Result<(), String> {
    use serde_json::Value;
    let within = |key: &str| if field.is_empty() { key.to_owned() } else { format!("{field}.{key}") };
    match value {
        Value::String(text) if text.chars().any(char::is_control) => {
            Err(format!("{field} {text:?}: no text of a profile may hold a line break or another control character"))
        }
        Value::Array(items) => items.iter().try_for_each(|item| check_text(field, item)),
        Value::Object(map) => map.iter().try_for_each(|(key, item)| {
            check_text(&within("a key"), &Value::String(key.clone())).and_then(|()| check_text(&within(key), item))
        }),
        _ => Ok(()),
    }
}

fn whole(pattern: &str) -> Result<regex::Regex, String> {
    regex::Regex::new(&format!("^(?:{pattern})$")).map_err(|error| error.to_string().replace('\n', " "))
}

/// Of "unknown field `a`, expected one of `b`, `c`, ..." the first part and the name most like it.
fn nearest_field(message: &str) -> Option<String> {
    let (unknown, known) = message.strip_prefix("unknown field `")?.split_once("`, expected ")?;
    let known = known.strip_prefix("one of ").unwrap_or(known);
    let alike = |name: &&str| strsim::jaro_winkler(unknown, name);
    let names = known.split([',', ' ']).map(|name| name.trim_matches('`')).filter(|name| !name.is_empty());
    let near = names.max_by(|a, b| alike(a).total_cmp(&alike(b)))?;
    Some(format!("unknown field `{unknown}`; the nearest is `{near}`"))
}

#[cfg(test)]
mod tests;
