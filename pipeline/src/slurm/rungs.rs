//! The layouts that are tried in one place, from the smallest to the largest.

use super::choice::Wishes;
use super::places::Place;

/// Most nodes that are tried without a word from the user.
const MAX_NODES: u32 = 64;

/// A layout of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// Nodes.
    pub nodes: u32,
    /// Ranks on each.
    pub ranks_per_node: u32,
    /// Threads of each.
    pub threads: u32,
}

/// Layouts from the smallest on: parts of a node, a whole one, several. More than one node only where the user wishes a time
/// or gives a number.
///
/// # Errors
/// Wishes that contradict one another.
pub fn of(place: &Place<'_>, wishes: &Wishes) -> Result<Vec<Rung>, String> {
    let alone = !wishes.has_launcher || wishes.array.is_some();
    if alone {
        let why = if wishes.array.is_some() { "the jobs of an array have" } else { "without a launcher there is" };
        if wishes.nodes.is_some_and(|n| n > 1) || wishes.ranks_per_node.is_some_and(|n| n > 1) {
            return Err(format!(
                "{why} one process on one node: --nodes and --ranks-per-node must be 1 (see --launcher)"
            ));
        }
    }
    let rung = |nodes| move |(ranks_per_node, threads)| Rung { nodes, ranks_per_node, threads };
    let within = within_node(place, wishes, alone);
    let whole = within.last().copied();
    if let Some(nodes) = wishes.nodes {
        // Who names several nodes wants all of each.
        let within = if nodes > 1 { whole.into_iter().collect() } else { within };
        return Ok(within.into_iter().map(rung(nodes)).collect());
    }
    let mut rungs: Vec<Rung> = within.into_iter().map(rung(1)).collect();
    if wishes.within.is_some() && !alone && wishes.size_known {
        let most = place.partition.max_nodes.unwrap_or(MAX_NODES).min(MAX_NODES);
        rungs.extend((2..=most).flat_map(|nodes| whole.map(rung(nodes))));
    }
    Ok(rungs)
}

/// Ranks and threads on one node, from the smallest on: threads of one rank up to a socket's cores, then a rank more for each
/// socket. Whole nodes at once where the partition gives no less.
fn within_node(place: &Place<'_>, wishes: &Wishes, alone: bool) -> Vec<(u32, u32)> {
    let domains = if alone { 1 } else { place.kind.sockets.unwrap_or(1) };
    let Some(cores) = place.kind.cores_per_node else {
        return vec![(wishes.ranks_per_node.unwrap_or(1), wishes.threads.unwrap_or(1))];
    };
    let most_ranks = wishes.ranks_per_node.unwrap_or(domains).max(1);
    let most_threads = wishes.threads.unwrap_or(cores / most_ranks).max(1);
    if place.partition.exclusive {
        return vec![(most_ranks, most_threads)];
    }
    let threads: Vec<u32> = match wishes.threads {
        Some(threads) => vec![threads],
        None => powers_up_to(most_threads),
    };
    match wishes.ranks_per_node {
        Some(ranks) => threads.into_iter().map(|threads| (ranks, threads)).collect(),
        None => {
            let more = (2..=most_ranks).map(|ranks| (ranks, most_threads));
            threads.into_iter().map(|threads| (1, threads)).chain(more).collect()
        }
    }
}

/// 1, 2, 4, ... and `most`.
fn powers_up_to(most: u32) -> Vec<u32> {
    let powers = (0..31).map(|i| 1u32 << i).take_while(|&power| power < most);
    powers.chain([most]).collect()
}
