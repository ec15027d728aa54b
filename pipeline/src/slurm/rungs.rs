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
    let whole = whole_node(place, wishes, alone);
    if let Some(nodes) = wishes.nodes.filter(|&nodes| nodes > 1) {
        // Who names several nodes wants all of each.
        return Ok(whole.into_iter().map(rung(nodes)).collect());
    }
    let parts = if place.partition.exclusive { Vec::new() } else { parts_of_node(place, wishes, alone) };
    let mut rungs: Vec<Rung> = parts.into_iter().chain(whole.iter().copied()).map(rung(1)).collect();
    if wishes.within.is_some() && !alone && wishes.size_known {
        let most = place.partition.max_nodes.unwrap_or(MAX_NODES).min(MAX_NODES);
        rungs.extend((2..=most).flat_map(|nodes| whole.iter().copied().map(rung(nodes))));
    }
    Ok(rungs)
}

/// Ranks and threads that fill a node: a rank for each socket, or one for all where that is what fits into the memory. One
/// thread where the cores are not known.
fn whole_node(place: &Place<'_>, wishes: &Wishes, alone: bool) -> Vec<(u32, u32)> {
    let ranks = wishes.ranks_per_node.unwrap_or(sockets(place, alone)).max(1);
    let threads = |ranks: u32| {
        let share = place.kind.cores_per_node.map_or(1, |cores| cores / ranks);
        wishes.threads.unwrap_or(share).max(1)
    };
    let mut whole = vec![(ranks, threads(ranks))];
    if wishes.ranks_per_node.is_none() && ranks > 1 {
        whole.push((1, threads(1)));
    }
    whole
}

fn sockets(place: &Place<'_>, alone: bool) -> u32 {
    if alone { 1 } else { place.kind.sockets.unwrap_or(1) }
}

/// Less than a node, from the smallest on: threads of one rank up to a socket's cores, then a rank more for each socket.
fn parts_of_node(place: &Place<'_>, wishes: &Wishes, alone: bool) -> Vec<(u32, u32)> {
    let Some(cores) = place.kind.cores_per_node else { return Vec::new() };
    let most_ranks = wishes.ranks_per_node.unwrap_or(sockets(place, alone)).max(1);
    let most_threads = wishes.threads.unwrap_or(cores / most_ranks).max(1);
    let threads = wishes.threads.map_or_else(|| powers_up_to(most_threads), |threads| vec![threads]);
    match wishes.ranks_per_node {
        Some(ranks) => threads.into_iter().map(|threads| (ranks, threads)).collect(),
        None => {
            let more = (2..most_ranks).map(|ranks| (ranks, most_threads));
            threads.into_iter().map(|threads| (1, threads)).chain(more).collect()
        }
    }
}

/// 1, 2, 4, ... and `most`.
fn powers_up_to(most: u32) -> Vec<u32> {
    let powers = (0..31).map(|i| 1u32 << i).take_while(|&power| power < most);
    powers.chain([most]).collect()
}
