//! Why a job is as it is, in lines for people.

use super::{Choice, MEMORY_BESIDE, USUAL_WISH, Wishes};
use crate::slurm::places::Place;
use crate::slurm::profile::Profile;

/// A line for each thing that was chosen.
pub(super) fn reasons(profile: &Profile, place: &Place, wishes: &Wishes, choice: &Choice) -> Vec<String> {
    let wall = &choice.prediction.wall_seconds;
    let chosen = match (wishes.partition.is_some(), wishes.within.is_some(), choice.meets_wish) {
        (true, ..) => "as asked for",
        (_, true, true) => "the cheapest that holds the job and meets the wish",
        (_, true, false) => "the cheapest that holds the job; none meets the wish",
        _ => "the cheapest that holds the job",
    };
    let mut reasons = vec![format!("{}: {chosen}", place.describe())];
    if let Some(nodes) = wishes.nodes {
        reasons.push(format!("nodes: {nodes}, as asked for"));
    }
    let ranks = wishes.ranks_per_node.filter(|_| wishes.array.is_none() && wishes.has_launcher);
    reasons.push(match ranks {
        Some(ranks) => format!("ranks: {ranks} a node, as asked for"),
        None => why_ranks(place, wishes),
    });
    if let Some(threads) = wishes.threads {
        reasons.push(format!("threads: {threads} a rank, as asked for"));
    }
    if let Some(time) = wishes.time {
        reasons.push(format!("time limit: {time}, as asked for"));
    }
    if wishes.size_known {
        let aim = match (wishes.within, choice.meets_wish) {
            (Some(goal), true) => format!(" (wish: {goal})"),
            (Some(goal), false) => format!(" (wish: {goal}, not met)"),
            (None, true) => String::new(),
            (None, false) => format!(" (more than {USUAL_WISH}: --within takes more nodes)"),
        };
        reasons.push(format!("time: {:.0} s expected, {:.0} at most{aim}", wall.expected, wall.most));
    } else if wishes.time.is_none() {
        reasons.push("time: the limit, since files without an index do not tell their variants (--time)".into());
    }
    if choice.requeues_expected > 0 {
        reasons.push(format!(
            "time: {} is not enough at once: the job stops in order, goes back into the queue about {} times and goes on",
            choice.time, choice.requeues_expected
        ));
    }
    reasons.push(match wishes.mem_mb {
        Some(mb) => format!("memory: {mb} MB a node, as asked for"),
        None => format!(
            "memory: {} MB a node: the most predicted, a tenth, and {MEMORY_BESIDE} MB{}",
            choice.memory_per_node_mb,
            if place.partition.exclusive { " (the whole node comes anyway)" } else { "" }
        ),
    });
    if profile.cpu_unit.is_none() {
        reasons.push("CPUs: taken for cores, since the profile does not know".into());
    }
    reasons
}

/// Why ranks are as many as they are, where nobody said how many.
fn why_ranks(place: &Place, wishes: &Wishes) -> String {
    match (wishes.array, place.kind.sockets, wishes.has_launcher, place.kind.cores_per_node) {
        (Some(jobs), ..) => format!("array: {jobs} jobs of one process each, without MPI"),
        (_, _, false, _) => "ranks: one process, since there is no launcher (--launcher)".into(),
        (_, _, _, None) => "ranks: 1 and few threads, since the node's cores are not known (--threads)".into(),
        (_, None, ..) => "ranks: one a node, since the node's NUMA domains are not known (--ranks-per-node)".into(),
        (_, Some(n), ..) => format!("ranks: at most one a socket ({n} a node), so that each keeps to near memory"),
    }
}
