//! Asked against used: what a run's end says of it, so that the next job asks for what it needs.

use serde::{Deserialize, Serialize};

use super::resources::human_bytes;
use super::words::count;

/// What Slurm gave, from the variables that it sets for a job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Allocation {
    /// Nodes.
    pub nodes: u64,
    /// CPUs on all nodes, in Slurm's unit.
    pub cpus: Option<u64>,
    /// Memory on all nodes, bytes.
    pub memory_bytes: Option<u64>,
    /// Time limit, seconds.
    pub seconds: Option<f64>,
}

/// What a run was given or was expected to take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Of Slurm; none outside a job.
    pub slurm: Option<Allocation>,
    /// Threads of all ranks.
    pub threads: u64,
    /// Peak memory of a rank, estimated, bytes.
    pub memory_per_rank_bytes: u64,
    /// Results, estimated, bytes; none where the input could not tell its size.
    pub results_bytes: Option<u64>,
}

/// What it took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Used {
    /// From start to end, seconds.
    pub wall_seconds: f64,
    /// User and system time of all ranks, seconds.
    pub cpu_seconds: f64,
    /// Largest of all ranks, bytes.
    pub peak_memory_per_rank_bytes: u64,
}

impl Allocation {
    /// Of the job that this process is in. `limit`: its time limit in seconds, where the variables do not say.
    pub fn of_this_job(limit: Option<f64>) -> Option<Self> {
        Self::from_variables(&|name| std::env::var(name).ok(), limit)
    }

    fn from_variables(variable: &dyn Fn(&str) -> Option<String>, limit: Option<f64>) -> Option<Self> {
        let number = |name: &str| variable(name)?.trim().parse::<u64>().ok();
        variable("SLURM_JOB_ID")?;
        let nodes = number("SLURM_JOB_NUM_NODES").unwrap_or(1);
        let cpus = variable("SLURM_JOB_CPUS_PER_NODE").and_then(|text| cpus_of(&text));
        let mib = number("SLURM_MEM_PER_NODE").and_then(|mib| mib.checked_mul(nodes));
        let mib = mib.or_else(|| number("SLURM_MEM_PER_CPU")?.checked_mul(cpus?));
        let between = number("SLURM_JOB_END_TIME").zip(number("SLURM_JOB_START_TIME"));
        let seconds = between.map(|(end, start)| end.saturating_sub(start) as f64).or(limit);
        Some(Self { nodes, cpus, memory_bytes: mib.and_then(|mib| mib.checked_mul(1 << 20)), seconds })
    }
}

/// CPUs of all nodes in Slurm's short form: "128(x2),64".
fn cpus_of(text: &str) -> Option<u64> {
    text.split(',').try_fold(0_u64, |sum, part| {
        let (cpus, times) = match part.trim().strip_suffix(')').and_then(|part| part.split_once("(x")) {
            Some((cpus, times)) => (cpus, times.parse::<u64>().ok()?),
            None => (part.trim(), 1),
        };
        sum.checked_add(cpus.parse::<u64>().ok()?.checked_mul(times)?)
    })
}

/// Seconds as H:MM:SS.
fn clock(seconds: f64) -> String {
    let s = seconds.round() as u64;
    format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

fn share(used: f64, of: f64) -> String {
    if of > 0.0 { format!(" ({:.0} %)", 100.0 * used / of) } else { String::new() }
}

/// Log lines, without prefix; `results`: bytes of the results file.
pub fn lines(asked: &Asked, used: &Used, results: u64) -> Vec<String> {
    let mut lines = Vec::new();
    let (wall, cpu) = (used.wall_seconds, used.cpu_seconds);
    if let Some(slurm) = &asked.slurm {
        let mut parts = vec![count(slurm.nodes, "node")];
        parts.extend(slurm.cpus.map(|cpus| count(cpus, "CPU")));
        parts.extend(slurm.memory_bytes.map(human_bytes));
        parts.extend(slurm.seconds.map(clock));
        let held = slurm.cpus.map_or(0.0, |cpus| cpus as f64 * wall);
        let time = share(wall, slurm.seconds.unwrap_or(0.0));
        lines.push(format!(
            "asked of Slurm: {}; used: {}{time} of time, {:.2} CPU hours{} of those held",
            parts.join(", "),
            clock(wall),
            cpu / 3600.0,
            share(cpu, held)
        ));
    }
    let given = asked.threads as f64 * wall;
    let estimated = asked.results_bytes.map_or_else(String::new, |bytes| format!("{} estimated, ", human_bytes(bytes)));
    lines.push(format!(
        "asked against used: {} × {wall:.1} s, {cpu:.1} s CPU{}; memory per rank {} estimated, {} at its peak; results \
         {estimated}{} written",
        count(asked.threads, "thread"),
        share(cpu, given),
        human_bytes(asked.memory_per_rank_bytes),
        human_bytes(used.peak_memory_per_rank_bytes),
        human_bytes(results)
    ));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const USED: Used = Used { wall_seconds: 1800.0, cpu_seconds: 400_000.0, peak_memory_per_rank_bytes: 3 << 30 };

    fn variables(name: &str) -> Option<String> {
        let value = match name {
            "SLURM_JOB_ID" => "7",
            "SLURM_JOB_NUM_NODES" => "3",
            "SLURM_JOB_CPUS_PER_NODE" => "128(x2),64",
            "SLURM_MEM_PER_NODE" => "1024",
            "SLURM_JOB_START_TIME" => "1000",
            "SLURM_JOB_END_TIME" => "4600",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn a_job_is_read_from_its_variables() {
        let job = Allocation::from_variables(&variables, None).unwrap();
        let want = Allocation { nodes: 3, cpus: Some(320), memory_bytes: Some(3 << 30), seconds: Some(3600.0) };
        assert_eq!(job, want);
        assert_eq!(Allocation::from_variables(&|_| None, Some(60.0)), None);
        let few = |name: &str| variables(name).filter(|_| name == "SLURM_JOB_ID");
        let unknown = Allocation { nodes: 1, cpus: None, memory_bytes: None, seconds: Some(60.0) };
        assert_eq!(Allocation::from_variables(&few, Some(60.0)), Some(unknown));
        // Slurm 22.05 does not set when the job ends.
        let old = |name: &str| variables(name).filter(|_| !name.ends_with("_TIME"));
        let slurm = Allocation::from_variables(&old, Some(7200.0));
        let asked = Asked { slurm, threads: 320, memory_per_rank_bytes: 1, results_bytes: None };
        assert!(lines(&asked, &USED, 1)[0].contains("2:00:00; used: 0:30:00 (25 %) of time"));
        assert_eq!(cpus_of("many"), None);
        assert_eq!(cpus_of("2,3(x18446744073709551615)"), None);
    }

    #[test]
    fn lines_say_asked_and_used_with_and_without_slurm() {
        let slurm = Allocation::from_variables(&variables, None);
        let asked = Asked { slurm, threads: 320, memory_per_rank_bytes: 4 << 30, results_bytes: Some(5 << 30) };
        let said = lines(&asked, &USED, 6 << 30);
        assert_eq!(said.len(), 2);
        assert_eq!(
            said[0],
            "asked of Slurm: 3 nodes, 320 CPUs, 3.00 GiB, 1:00:00; used: 0:30:00 (50 %) of time, 111.11 CPU hours (69 %) of \
             those held"
        );
        let alone = Asked { slurm: None, results_bytes: None, ..asked };
        assert_eq!(
            lines(&alone, &USED, 6 << 30),
            ["asked against used: 320 threads × 1800.0 s, 400000.0 s CPU (69 %); memory per rank 4.00 GiB estimated, \
              3.00 GiB at its peak; results 6.00 GiB written"]
        );
    }
}
