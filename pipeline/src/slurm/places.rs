//! Where a job could go: a partition and a kind of node in it.

use super::choice::Wishes;
use super::profile::{NodeKind, Partition, Profile};

/// A partition and a kind of node in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Place<'a> {
    /// The partition.
    pub partition: &'a Partition,
    /// The kind of node; one of unknown shape where the profile does not say.
    pub kind: NodeKind,
}

impl Place<'_> {
    /// "partition memory (large)".
    pub fn describe(&self) -> String {
        if self.kind.name == self.partition.name || self.kind.name.is_empty() {
            return format!("partition {}", self.partition.name);
        }
        format!("partition {} ({})", self.partition.name, self.kind.name)
    }

    /// What `#SBATCH --partition` gets.
    pub fn flag(&self, wishes: &Wishes) -> Option<String> {
        let own = self.partition.partition.as_ref().unwrap_or(&self.partition.name);
        let given = wishes.partition.as_ref().filter(|given| own.is_empty() && **given != self.partition.name);
        given.or(Some(own)).filter(|flag| !flag.is_empty()).cloned()
    }
}

fn unknown_kind(name: &str) -> NodeKind {
    NodeKind {
        name: name.to_owned(),
        cores_per_node: None,
        sockets: None,
        threads_per_core: None,
        mem_per_node_mb: None,
        mem_is_nominal: false,
        constraint: None,
    }
}

/// Every place of the profile.
pub fn every(profile: &Profile) -> Vec<Place<'_>> {
    let mut places = Vec::new();
    for partition in &profile.partitions {
        let kinds: Vec<NodeKind> = profile.kinds_of(partition).cloned().collect();
        if kinds.is_empty() {
            places.push(Place { partition, kind: unknown_kind("") });
        }
        places.extend(kinds.into_iter().map(|kind| Place { partition, kind }));
    }
    places
}

/// The places that the wishes leave.
///
/// # Errors
/// A partition that the profile has not.
pub fn of<'a>(profile: &'a Profile, wishes: &Wishes) -> Result<Vec<Place<'a>>, String> {
    let mut places = every(profile);
    if places.is_empty() {
        return Err(format!("profile {}: has no partitions", profile.name));
    }
    let named = |place: &Place<'_>| place.partition.partition.as_deref() != Some("");
    match &wishes.partition {
        Some(name) if places.iter().any(|place| place.partition.name == *name) => {
            places.retain(|place| place.partition.name == *name);
        }
        Some(name) if places.iter().any(named) => {
            let names: Vec<&str> = profile.partitions.iter().map(|partition| partition.name.as_str()).collect();
            return Err(format!(
                "--partition {name}: the profile {} knows {}; add yours to a copy of it (norna profile show {} > my.toml)",
                profile.name,
                names.join(", "),
                profile.name
            ));
        }
        Some(_) => {}
        None => places.retain(|place| !place.partition.only_by_name),
    }
    if let Some(constraint) = &wishes.constraint {
        if places.iter().any(|place| place.kind.constraint.as_ref() == Some(constraint)) {
            places.retain(|place| place.kind.constraint.as_ref() == Some(constraint));
        } else if places.iter().any(|place| place.kind.constraint.is_some()) {
            // Features that no kind of the profile has: nothing is known of such nodes.
            for place in &mut places {
                place.kind = unknown_kind(constraint);
            }
            places.dedup();
        }
    }
    Ok(places)
}
