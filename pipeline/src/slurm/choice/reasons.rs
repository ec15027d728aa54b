//! Why a job is as it is, in lines for people.

use super::{Choice, MEMORY_BESIDE, USUAL_WISH, Wishes};
use crate::slurm::places::Place;
use crate::slurm::profile::Profile;

/// A line for each thing that was chosen.
pub(super) fn reasons(profile: &Profile, place: &Place, wishes: &Wishes, choice: &Choice) -> Vec<String> {
    let wall = &choice.prediction.wall_seconds;
    let mut reasons = vec![format!("{}: the cheapest that holds the job and meets the wish", place.describe())];
    if wishes.partition.is_some() {
        reasons[0] = format!("{}: as asked for", place.describe());
    }
    reasons.push(match (wishes.array, place.kind.sockets, wishes.has_launcher, place.kind.cores_per_node) {
        (Some(jobs), ..) => format!("array: {jobs} jobs of one process each, without MPI"),
        (_, _, false, _) => "ranks: one process, since there is no launcher (--launcher)".into(),
        (_, _, _, None) => "ranks: 1 and few threads, since the node's cores are not known (--threads)".into(),
        (_, None, ..) => "ranks: one a node, since the node's NUMA domains are not known (--ranks-per-node)".into(),
        (_, Some(n), ..) => format!("ranks: at most one a socket ({n} a node), so that each keeps to near memory"),
    });
    if wishes.size_known {
        let goal = wishes.within.unwrap_or(USUAL_WISH);
        let met = if choice.meets_wish { "" } else { ", not met" };
        reasons.push(format!("time: {:.0} s expected, {:.0} at most (wish: {goal}{met})", wall.expected, wall.most));
    } else {
        reasons.push("time: the limit or --time, since files without an index do not tell their variants".into());
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
