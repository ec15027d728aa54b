//! From what a study needs and what a cluster has to the shape of a job: nodes, ranks, threads, memory, time.

use serde::Serialize;

use self::misfit::{Misfit, others};
use self::reasons::reasons;

use super::charge::Held;
use super::places::{self, Place};
use super::profile::{MemOption, MemRule, Profile};
use super::rungs::{self, Rung};
use super::time::SlurmTime;
use crate::plan::{NodeLayout, Prediction};

mod misfit;
mod reasons;

/// Memory asked for, against the most that is predicted.
const MEMORY_MARGIN: f64 = 1.1;
/// MB of a node for the script, the launcher and pages of files.
const MEMORY_BESIDE: u64 = 256;
/// Time asked for, against the most that is predicted, and seconds for starting and stopping.
const TIME_MARGIN: f64 = 1.25;
const TIME_EXTRA: f64 = 300.0;
/// A job of no wish is made large enough, within a node, to end in this.
pub(super) const USUAL_WISH: SlurmTime = SlurmTime(3600);
const MIB: f64 = 1_048_576.0;

/// What the user says about the job; everything else is chosen.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// A partition of the profile, or any where the profile names none.
    pub partition: Option<String>,
    /// Quality of service.
    pub qos: Option<String>,
    /// Features of nodes.
    pub constraint: Option<String>,
    /// Time limit of the job.
    pub time: Option<SlurmTime>,
    /// Nodes.
    pub nodes: Option<u32>,
    /// Memory of a node, MB.
    pub mem_mb: Option<u64>,
    /// Ranks on a node.
    pub ranks_per_node: Option<u32>,
    /// Threads of a rank.
    pub threads: Option<u32>,
    /// By when it should be done, once it runs.
    pub within: Option<SlurmTime>,
    /// Jobs of an array, each of one process; `None` for one job.
    pub array: Option<u32>,
    /// Whether there is a launcher that starts ranks.
    pub has_launcher: bool,
    /// Whether the number of variants is known; the time cannot be predicted otherwise.
    pub size_known: bool,
}

/// What a job is expected to be charged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Price {
    /// If it takes as long as expected.
    pub expected: f64,
    /// If it takes the time asked for, every time.
    pub at_most: f64,
    /// What of.
    pub unit: String,
    /// By which formula; the cores asked for where the cluster's rule is unknown.
    pub formula: String,
    /// Whether it is the cluster's own rule.
    pub known: bool,
}

/// The shape of a job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// The partition's name in the profile.
    pub partition: String,
    /// What `--partition` gets; none without.
    pub partition_flag: Option<String>,
    /// What `--qos` gets.
    pub qos: Option<String>,
    /// The kind of node.
    pub node: String,
    /// Whether the profile knows its cores.
    pub cores_known: bool,
    /// What `--constraint` gets.
    pub constraint: Option<String>,
    /// Nodes of a job.
    pub nodes: u32,
    /// Jobs of the array.
    pub array: Option<u32>,
    /// Ranks on a node.
    pub ranks_per_node: u32,
    /// Threads of a rank.
    pub threads: u32,
    /// What `--cpus-per-task` gets, in the cluster's unit.
    pub cpus_per_task: u32,
    /// Memory of a node, MB.
    pub memory_per_node_mb: u64,
    /// How it is asked for, such as "--mem=8000M"; none where it comes with the cores.
    pub memory_flag: Option<String>,
    /// Time limit.
    pub time: SlurmTime,
    /// How often the job will probably be put back into the queue to go on.
    pub requeues_expected: u64,
    /// What it is expected to be charged; none where the time cannot be predicted.
    pub charge: Option<Price>,
    /// Core-hours held, if it takes as long as expected.
    pub core_hours: Option<f64>,
    /// Whether the wish is met.
    pub meets_wish: bool,
    /// Why it is as it is.
    pub reasons: Vec<String>,
    /// What it rests on.
    pub prediction: Prediction,
}

impl Choice {
    /// MB that the ranks of a node may need, where less is asked for.
    pub fn memory_beyond(&self) -> Option<u64> {
        let bytes = self.prediction.memory_per_rank_bytes.most * f64::from(self.ranks_per_node);
        let needed = (bytes / MIB).ceil() as u64;
        let whole_node = self.memory_flag.as_deref() == Some("--mem=0");
        (self.memory_per_node_mb < needed && !whole_node).then_some(needed)
    }
}

/// Why there is no job.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// Chooses the cheapest place of `profile` that meets the wish, and the smallest layout there.
///
/// # Errors
/// What cannot be held, with the reason and what could hold it.
pub fn choose(
    profile: &Profile,
    wishes: &Wishes,
    predict: &dyn Fn(&NodeLayout) -> Prediction,
) -> Result<Choice, Refusal> {
    let candidates = places::of(profile, wishes).map_err(Refusal)?;
    let mut refusals: Vec<Misfit> = Vec::new();
    let mut best: Option<Choice> = None;
    for place in &candidates {
        match fit(profile, place, wishes, predict) {
            Ok(choice) if best.as_ref().is_none_or(|best| rank(&choice) < rank(best)) => best = Some(choice),
            Ok(_) => {}
            Err(why) => refusals.push(Misfit { why: format!("{}: {}", place.describe(), why.why), ..why }),
        }
    }
    best.ok_or_else(|| {
        let others =
            others(profile, wishes, &candidates, &refusals, &|place, free| fit(profile, place, free, predict).is_ok());
        let whys: Vec<&str> = refusals.iter().map(|misfit| misfit.why.as_str()).collect();
        Refusal(format!("{} cannot hold this job: {}{others}", profile.name, whys.join("; ")))
    })
}

/// Smaller is better: meets the wish, cores known, cheap; the first of equals stays.
fn rank(choice: &Choice) -> (bool, bool, u64) {
    let price = choice.charge.as_ref().map_or(0.0, |price| price.expected);
    (!choice.meets_wish, !choice.cores_known, (price * 1000.0) as u64)
}

/// The smallest layout in one place that meets the wish; else the one that comes nearest.
fn fit(
    profile: &Profile,
    place: &Place,
    wishes: &Wishes,
    predict: &dyn Fn(&NodeLayout) -> Prediction,
) -> Result<Choice, Misfit> {
    if let (Some(asked), Some(limit)) = (wishes.time, place.partition.max_time)
        && asked > limit
    {
        return Err(format!("--time {asked} is more than its limit of {limit}").into());
    }
    let rungs = rungs::of(place, wishes)?;
    let mut why: Option<Misfit> = None;
    let mut best: Option<Choice> = None;
    for rung in rungs {
        let choice = match shape(profile, place, wishes, rung, predict) {
            Ok(choice) => choice,
            Err(reason) => {
                // The first is that of the smallest layout.
                why.get_or_insert(reason);
                continue;
            }
        };
        if choice.meets_wish {
            return Ok(choice);
        }
        let is_faster = |best: &Choice| choice.prediction.wall_seconds.expected < best.prediction.wall_seconds.expected;
        if best.as_ref().is_none_or(is_faster) {
            best = Some(choice);
        }
    }
    best.ok_or_else(|| why.unwrap_or_else(|| "no layout was found".to_owned().into()))
}

/// Memory, time and charge of one layout, or what is wrong with it.
fn shape(
    profile: &Profile,
    place: &Place,
    wishes: &Wishes,
    mut rung: Rung,
    predict: &dyn Fn(&NodeLayout) -> Prediction,
) -> Result<Choice, Misfit> {
    let coupled = place.partition.mem_rule.or(profile.mem_rule) == Some(MemRule::Coupled) && !place.partition.exclusive;
    let layout = |rung: &Rung| NodeLayout {
        nodes: wishes.array.unwrap_or(rung.nodes),
        ranks_per_node: rung.ranks_per_node,
        threads_per_rank: rung.threads,
    };
    let memory = |rung: &Rung| wishes.mem_mb.unwrap_or_else(|| memory_mb(&predict(&layout(rung)), rung.ranks_per_node));
    let mut mem_mb = memory(&rung);
    let per_core = per_core_mb(profile, place);
    let asked_threads = rung.threads;
    if let (true, Some(per_core)) = (coupled, per_core) {
        // More threads need a little more memory, which may need another core.
        for _ in 0..4 {
            let cores = mem_mb.div_ceil(per_core);
            let threads = u32::try_from(cores.div_ceil(u64::from(rung.ranks_per_node))).unwrap_or(u32::MAX);
            if threads <= rung.threads || wishes.threads.is_some() {
                break;
            }
            rung.threads = threads.min(place.kind.cores_per_node.unwrap_or(threads) / rung.ranks_per_node);
            mem_mb = memory(&rung);
        }
    }
    check_memory(place, &rung, mem_mb).map_err(|why| Misfit { why, is_need: wishes.mem_mb.is_none() })?;
    check_holds(place, &rung)?;
    let paid = if coupled { per_core.map_or(0, |per_core| mem_mb.div_ceil(per_core)) } else { 0 };
    let prediction = predict(&layout(&rung));
    let mut choice = new_choice(profile, place, wishes, &rung, mem_mb, prediction);
    choose_memory_flag(profile, place, &mut choice, paid)?;
    choose_time(place, wishes, &mut choice)?;
    price(profile, place, &mut choice);
    choice.reasons = reasons(profile, place, wishes, &choice);
    if rung.threads > asked_threads {
        choice.reasons.push(format!(
            "threads: {} instead of {asked_threads}, since the memory is paid for as that many cores anyway",
            rung.threads
        ));
    }
    Ok(choice)
}

fn check_memory(place: &Place, rung: &Rung, mem_mb: u64) -> Result<(), String> {
    let (ranks, threads) = (rung.ranks_per_node, rung.threads);
    if let Some(has) = place.kind.usable_mb().filter(|&has| mem_mb > has) {
        let sold = if place.kind.mem_is_nominal { " to count on" } else { "" };
        return Err(format!(
            "a node would need {mem_mb} MB (ranks {ranks}, threads {threads}), and has {has} MB{sold}"
        ));
    }
    Ok(())
}

fn check_holds(place: &Place, rung: &Rung) -> Result<(), String> {
    let (ranks, threads) = (rung.ranks_per_node, rung.threads);
    if let Some(cores) = place.kind.cores_per_node.filter(|&cores| u64::from(ranks) * u64::from(threads) > cores.into())
    {
        return Err(format!("{ranks} ranks × {threads} threads on a node are more than its {cores} cores"));
    }
    if let Some(most) = place.partition.max_nodes.filter(|&most| rung.nodes > most) {
        return Err(format!("{} nodes are more than the {most} that a job may have", rung.nodes));
    }
    Ok(())
}

fn new_choice(
    profile: &Profile,
    place: &Place,
    wishes: &Wishes,
    rung: &Rung,
    mem_mb: u64,
    prediction: Prediction,
) -> Choice {
    let per_core = if profile.counts_threads() { place.kind.threads_per_core.unwrap_or(2) } else { 1 };
    let goal = wishes.within.unwrap_or(USUAL_WISH);
    Choice {
        partition: place.partition.name.clone(),
        partition_flag: place.flag(wishes),
        qos: wishes.qos.clone().or_else(|| place.partition.qos.clone()),
        node: place.kind.name.clone(),
        cores_known: place.kind.cores_per_node.is_some(),
        constraint: wishes.constraint.clone().or_else(|| place.kind.constraint.clone()),
        nodes: rung.nodes,
        array: wishes.array,
        ranks_per_node: rung.ranks_per_node,
        threads: rung.threads,
        cpus_per_task: rung.threads * per_core,
        memory_per_node_mb: mem_mb,
        memory_flag: None,
        time: SlurmTime(0),
        requeues_expected: 0,
        charge: None,
        core_hours: None,
        meets_wish: !wishes.size_known || prediction.wall_seconds.expected <= goal.0 as f64,
        reasons: Vec::new(),
        prediction,
    }
}

/// What one node's ranks may come to, with a margin, in steps of 100 MB.
pub fn memory_mb(prediction: &Prediction, ranks: u32) -> u64 {
    let bytes = prediction.memory_per_rank_bytes.most * MEMORY_MARGIN * f64::from(ranks);
    ((bytes / MIB) as u64 + 1 + MEMORY_BESIDE).next_multiple_of(100)
}

/// Memory that comes with a core: as the profile says, else the node's share.
fn per_core_mb(profile: &Profile, place: &Place) -> Option<u64> {
    let charge = profile.charge_of(place.partition);
    let charged = charge.filter(|charge| charge.per_core > 0.0 && charge.per_gb > 0.0);
    let charged = charged.map(|charge| (charge.per_core / charge.per_gb * 1024.0) as u64);
    let share = || Some(place.kind.usable_mb()? / u64::from(place.kind.cores_per_node?));
    profile.mem_per_core_mb.or(charged).or_else(share).filter(|&mb| mb > 0)
}

fn choose_memory_flag(profile: &Profile, place: &Place, choice: &mut Choice, paid: u64) -> Result<(), String> {
    let mem_mb = choice.memory_per_node_mb;
    let cpus = u64::from(choice.ranks_per_node) * u64::from(choice.cpus_per_task);
    choice.memory_flag = match profile.mem_option {
        _ if place.partition.exclusive => Some("--mem=0".to_owned()),
        MemOption::Mem => Some(format!("--mem={mem_mb}M")),
        MemOption::MemPerCpu => Some(format!("--mem-per-cpu={}M", mem_mb.div_ceil(cpus))),
        MemOption::Cores => {
            let cores = u64::from(choice.ranks_per_node) * u64::from(choice.threads);
            if cores < paid {
                return Err(format!(
                    "{mem_mb} MB come with {paid} cores, and {cores} are asked for: give more --threads or fewer ranks"
                ));
            }
            None
        }
    };
    Ok(())
}

/// The time asked for, within the partition's limit, and how often the job will be put back into the queue.
fn choose_time(place: &Place, wishes: &Wishes, choice: &mut Choice) -> Result<(), String> {
    let limit = place.partition.max_time;
    if !wishes.size_known {
        let time = wishes.time.or(limit);
        choice.time = time.ok_or("the number of variants is not known, nor the partition's limit: give --time")?;
        return Ok(());
    }
    let most = choice.prediction.wall_seconds.most;
    let needed = SlurmTime::rounded_up(most * TIME_MARGIN + TIME_EXTRA);
    choice.time = wishes.time.unwrap_or_else(|| limit.map_or(needed, |limit| needed.min(limit)));
    if choice.time < needed {
        let stops_early = super::script::signal_seconds(choice.time) as f64;
        let useful = (choice.time.0 as f64 - stops_early).max(30.0);
        choice.requeues_expected = (choice.prediction.wall_seconds.expected / useful).ceil() as u64 - 1;
    }
    Ok(())
}

fn price(profile: &Profile, place: &Place, choice: &mut Choice) {
    let jobs = u64::from(choice.array.unwrap_or(1));
    let nodes = u64::from(choice.nodes) * jobs;
    let asked = u64::from(choice.ranks_per_node) * u64::from(choice.threads);
    let whole = place.kind.cores_per_node.map(u64::from).filter(|_| place.partition.exclusive);
    let held = Held { nodes, cores: nodes * whole.unwrap_or(asked), memory_mb: nodes * choice.memory_per_node_mb };
    let hours = choice.prediction.wall_seconds.expected / 3600.0;
    choice.core_hours = Some(held.cores as f64 * hours);
    let rule = profile.charge_of(place.partition);
    let per_hour = rule.map_or(held.cores as f64, |rule| rule.per_hour(held));
    choice.charge = Some(Price {
        expected: per_hour * hours,
        at_most: per_hour * choice.time.hours() * (choice.requeues_expected + 1) as f64,
        unit: rule.map_or("core-hours".into(), |rule| rule.unit.clone()),
        formula: rule.map_or("cores × hours (the cluster's own rule is not known)".into(), |rule| rule.formula()),
        known: rule.is_some(),
    });
}

#[cfg(test)]
mod tests;
