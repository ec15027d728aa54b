//! How long a job may run: what Slurm says is left.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::slurm::time::SlurmTime;

/// How long to wait for squeue.
const PATIENCE: Duration = Duration::from_secs(10);

/// What Slurm leaves this job; none outside a job, without a limit, or where squeue does not answer.
pub fn left_by_slurm() -> Option<Duration> {
    let job = std::env::var("SLURM_JOB_ID").ok()?;
    if let Some(end) = std::env::var("SLURM_JOB_END_TIME").ok().and_then(|end| end.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(end - crate::sink::spool::unix_seconds()).ok();
    }
    let mut squeue = Command::new("squeue");
    squeue.args(["--noheader", "--format=%L", "--jobs", &job]);
    let mut child = squeue.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let begin = Instant::now();
    while child.try_wait().ok()?.is_none() {
        if begin.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().ok()?;
    let left: SlurmTime = String::from_utf8(output.stdout).ok()?.lines().next()?.trim().parse().ok()?;
    Some(Duration::from_secs(left.0))
}
