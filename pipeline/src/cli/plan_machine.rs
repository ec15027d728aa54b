//! The nodes that `norna plan` plans for: from a cluster's profile, or from flags.

use anyhow::Result;

use super::plan::PlanArgs;
use crate::plan::NodeLayout;
use crate::report::plan::{Limits, Pricing};
use crate::run::UsageError;
use crate::slurm::choice::Wishes;
use crate::slurm::places::{self, Place};
use crate::slurm::profile::Profile;
use crate::slurm::profiles;

/// Cores of a node where there is no profile and nothing says how many.
const CORES: u32 = 128;

/// What jobs run on.
#[derive(Debug)]
pub(super) struct Machine {
    pub layouts: Vec<NodeLayout>,
    pub pricing: Pricing,
    pub limits: Limits,
    pub remarks: Vec<String>,
}

impl Machine {
    /// What the flags say.
    ///
    /// # Errors
    /// [`UsageError`], or a profile that does not read.
    pub(super) fn of(args: &PlanArgs) -> Result<Self> {
        let Some(name) = &args.profile else {
            let cores_per_node = args.cores_per_node.unwrap_or(CORES);
            return Ok(Self {
                layouts: layouts(args, (1, cores_per_node), false, u32::MAX)?,
                pricing: Pricing { rule: None, cores_per_node },
                limits: Limits::default(),
                remarks: Vec::new(),
            });
        };
        let (profile, _) = profiles::find(name)?;
        let places = places_of(args, &profile)?;
        let place = preferred(&places);
        let Some(cores_per_node) = args.cores_per_node.or(place.kind.cores_per_node) else {
            return Err(UsageError(format!(
                "--cores-per-node is required: of {} the profile {} does not know the nodes{}",
                place.describe(),
                profile.name,
                others(&places, place)
            ))
            .into());
        };
        let partition = place.partition;
        let most = partition.max_nodes.unwrap_or(u32::MAX);
        let alone = profile.launcher.is_none();
        let ranks = if alone { 1 } else { place.kind.sockets.unwrap_or(1) };
        let layouts = layouts(args, (ranks, cores_per_node), alone, if alone { 1 } else { most })?;
        let rule = profile.charge_of(partition).cloned();
        let facts = if profile.verified { "" } else { ", not verified by a run" };
        let mut remarks = vec![format!(
            "{}, {}: facts of {}{facts}{}",
            profile.title,
            place.describe(),
            profile.source_date,
            others(&places, place)
        )];
        if rule.is_none() {
            remarks.push("the charging rule is not in the profile: cores × hours assumed".to_owned());
        }
        if alone {
            remarks.push("the profile has no launcher: one process on one node is planned".to_owned());
        } else if args.nodes.iter().any(|&nodes| nodes > most) {
            remarks.push(format!("the partition has jobs of up to {most} nodes: larger ones are left out"));
        }
        let limits = Limits {
            memory_mb: place.kind.usable_mb(),
            seconds: partition.max_time.map(|time| time.0),
            can_join_ranks: args.threads.is_none(),
        };
        Ok(Self { layouts, pricing: Pricing { rule, cores_per_node }, limits, remarks })
    }
}

/// Places that the flags leave; those that are asked for by name only where none else is.
fn places_of<'p>(args: &PlanArgs, profile: &'p Profile) -> Result<Vec<Place<'p>>, UsageError> {
    let wishes = Wishes { partition: args.partition.clone(), constraint: args.constraint.clone(), ..Wishes::default() };
    let places = places::of(profile, &wishes).map_err(UsageError)?;
    if places.is_empty() {
        return Err(UsageError(format!("--partition is required: {} has those only that are named", profile.name)));
    }
    Ok(places)
}

/// The first that has whole nodes of a known kind, else the first of a known kind, else the first.
fn preferred<'a, 'p>(places: &'a [Place<'p>]) -> &'a Place<'p> {
    let rank = |place: &&Place<'_>| (place.kind.cores_per_node.is_none(), !place.partition.exclusive);
    places.iter().min_by_key(rank).unwrap_or(&places[0])
}

/// "; others by --partition and --constraint: ...".
fn others(places: &[Place<'_>], chosen: &Place<'_>) -> String {
    let name = |place: &Place<'_>| {
        let feature = place.kind.constraint.as_ref().filter(|_| place.partition.name == chosen.partition.name);
        feature.map_or_else(
            || format!("--partition {}", place.partition.name),
            |feature| format!("--constraint {feature}"),
        )
    };
    let mut names: Vec<String> = Vec::new();
    for place in places.iter().filter(|place| *place != chosen) {
        let name = name(place);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.retain(|name| *name != format!("--partition {}", chosen.partition.name));
    if names.is_empty() { String::new() } else { format!("; for others: {}", names.join(", ")) }
}

/// A layout for each number of nodes, ascending, up to `most`; `usual` are ranks on a node and its cores.
fn layouts(args: &PlanArgs, usual: (u32, u32), alone: bool, most: u32) -> Result<Vec<NodeLayout>, UsageError> {
    let (ranks, cores) = usual;
    let threads_per_rank = args.threads.unwrap_or((cores / ranks).max(1));
    if threads_per_rank > cores {
        return Err(UsageError(format!("--threads: more than the {cores} cores of a node")));
    }
    // One process stays one, however few threads it has.
    let ranks_per_node = if alone { 1 } else { cores / threads_per_rank };
    let mut nodes: Vec<u32> = args.nodes.iter().copied().filter(|&nodes| nodes <= most).collect();
    nodes.sort_unstable();
    nodes.dedup();
    if nodes.is_empty() {
        return Err(UsageError(format!("--nodes: jobs have {most} at most here")));
    }
    Ok(nodes.into_iter().map(|nodes| NodeLayout { nodes, ranks_per_node, threads_per_rank }).collect())
}
