//! What a cluster charges for a job, by its own rule.

use serde::{Deserialize, Serialize};

/// How parts are joined into one charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The largest counts: cores or memory.
    Max,
    /// All are added.
    Sum,
}

/// A charging rule: units per hour of each part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct Charge {
    /// What is charged, such as core-hours.
    pub unit: String,
    /// How the parts are joined.
    #[serde(default = "max")]
    pub rule: Rule,
    /// Units of a core.
    #[serde(default)]
    pub per_core: f64,
    /// Units of a GB of memory; the memory's part is rounded up.
    #[serde(default)]
    pub per_gb: f64,
    /// Units of a node.
    #[serde(default)]
    pub per_node: f64,
}

fn max() -> Rule {
    Rule::Max
}

/// What a job holds while it runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    /// Nodes.
    pub nodes: u64,
    /// Physical cores on all of them.
    pub cores: u64,
    /// Memory on all of them, MB.
    pub memory_mb: u64,
}

impl Charge {
    /// Units for an hour of `held`.
    pub fn per_hour(&self, held: Held) -> f64 {
        let gigabytes = held.memory_mb as f64 / 1024.0;
        let parts =
            [self.per_core * held.cores as f64, (self.per_gb * gigabytes).ceil(), self.per_node * held.nodes as f64];
        match self.rule {
            Rule::Max => parts.into_iter().fold(0.0, f64::max),
            Rule::Sum => parts.into_iter().sum(),
        }
    }

    /// The rule in words, such as "max(cores, ceil(GB × 0.5)) × hours".
    pub fn formula(&self) -> String {
        let times = |factor: f64, what: &str| match factor {
            f if f == 1.0 => what.to_owned(),
            f => format!("{f} × {what}"),
        };
        let mut parts = Vec::new();
        if self.per_core > 0.0 {
            parts.push(times(self.per_core, "cores"));
        }
        if self.per_gb > 0.0 {
            parts.push(format!("ceil({})", times(self.per_gb, "GB")));
        }
        if self.per_node > 0.0 {
            parts.push(times(self.per_node, "nodes"));
        }
        let joined = match (parts.len(), self.rule) {
            (1, _) => parts.concat(),
            (_, Rule::Max) => format!("max({})", parts.join(", ")),
            (_, Rule::Sum) => format!("({})", parts.join(" + ")),
        };
        format!("{joined} × hours")
    }

    /// Whether the numbers can be meant.
    pub(super) fn check(&self) -> Result<(), String> {
        let parts = [("per_core", self.per_core), ("per_gb", self.per_gb), ("per_node", self.per_node)];
        for (name, value) in parts {
            if !value.is_finite() || value < 0.0 {
                return Err(format!("charge: {name} = {value}: must be 0 or more"));
            }
        }
        if parts.iter().all(|(_, value)| *value == 0.0) {
            return Err("charge: one of per_core, per_gb, per_node must be above 0".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_of_cores_and_memory_counts_where_they_are_coupled() {
        let small = Charge { unit: "core-hours".into(), rule: Rule::Max, per_core: 1.0, per_gb: 0.5, per_node: 0.0 };
        let held = |cores, gigabytes: u64| Held { nodes: 1, cores, memory_mb: gigabytes * 1024 };
        for (cores, gigabytes, units) in [(4, 8, 4.0), (4, 9, 5.0), (4, 224, 112.0), (128, 10, 128.0)] {
            assert_eq!(small.per_hour(held(cores, gigabytes)), units, "{cores} cores, {gigabytes} GB");
        }
        assert_eq!(small.formula(), "max(cores, ceil(0.5 × GB)) × hours");
        let summed = Charge { rule: Rule::Sum, ..small };
        assert_eq!(summed.per_hour(held(4, 8)), 8.0);
    }

    #[test]
    fn whole_nodes_are_charged_by_node() {
        let charge = Charge { unit: "core-hours".into(), rule: Rule::Max, per_core: 0.0, per_gb: 0.0, per_node: 128.0 };
        assert_eq!(charge.per_hour(Held { nodes: 3, cores: 3, memory_mb: 1 }), 384.0);
        assert_eq!(charge.formula(), "128 × nodes × hours");
    }
}
