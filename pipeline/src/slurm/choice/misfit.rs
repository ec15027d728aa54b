//! Why a place cannot hold a job, and which others can.

use super::Wishes;
use crate::slurm::places::{self, Place};
use crate::slurm::profile::Profile;

/// Why a place cannot hold a job.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Misfit {
    /// In words.
    pub why: String,
    /// Whether it is the memory that the study needs, of which less traits need less.
    pub is_need: bool,
}

impl From<String> for Misfit {
    fn from(why: String) -> Self {
        Self { why, is_need: false }
    }
}

/// "; partition memory (large) can", of the places that were not among `tried` and of which `fits` is true.
pub(super) fn others(
    profile: &Profile,
    wishes: &Wishes,
    tried: &[Place],
    refusals: &[Misfit],
    fits: &dyn Fn(&Place, &Wishes) -> bool,
) -> String {
    let free = Wishes { partition: None, constraint: None, qos: None, ..wishes.clone() };
    let mut words: Vec<String> = Vec::new();
    for place in places::every(profile) {
        if tried.contains(&place) || !fits(&place, &free) {
            continue;
        }
        let unknown = unknown(&place, wishes);
        words.push(match unknown.is_empty() {
            true => format!("{} can", place.describe()),
            false => format!("{} may: its {} not in the profile", place.describe(), is_or_are(&unknown)),
        });
    }
    match (words.is_empty(), refusals.iter().any(|misfit| misfit.is_need)) {
        (true, true) => {
            "; no other partition of the profile can; fewer traits at a time (--pheno-name) need less".into()
        }
        (true, false) => "; no other partition of the profile can".into(),
        (false, _) => format!("; {}", words.join("; ")),
    }
}

/// What would have to be known of a place to say that it can.
fn unknown(place: &Place, wishes: &Wishes) -> Vec<&'static str> {
    let asks_cores = wishes.threads.is_some() || wishes.ranks_per_node.is_some();
    let facts = [
        (place.kind.usable_mb().is_none(), "memory"),
        (asks_cores && place.kind.cores_per_node.is_none(), "cores"),
        (wishes.nodes.is_some_and(|n| n > 1) && place.partition.max_nodes.is_none(), "limit of nodes"),
        (wishes.time.is_some() && place.partition.max_time.is_none(), "limit of time"),
    ];
    facts.into_iter().filter(|(is_unknown, _)| *is_unknown).map(|(_, name)| name).collect()
}

fn is_or_are(names: &[&str]) -> String {
    format!("{} {}", names.join(" and "), if names.len() == 1 { "is" } else { "are" })
}
