//! How long a job may run: as Slurm writes times, and what Slurm says is left.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long to wait for squeue.
const PATIENCE: Duration = Duration::from_secs(10);

/// A length of time in one of Slurm's forms: minutes, minutes:seconds, hours:minutes:seconds, days-hours,
/// days-hours:minutes, days-hours:minutes:seconds.
///
/// # Errors
/// What is wrong, one line.
pub fn parse(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text}: not a length of time; give minutes, MM:SS, HH:MM:SS or D-HH:MM:SS");
    let number = |part: &str| match part.parse::<u64>() {
        Ok(n) if part.len() <= 7 && part.bytes().all(|b| b.is_ascii_digit()) => Ok(n),
        _ => Err(bad()),
    };
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(number(days)?), rest),
        None => (None, text),
    };
    let parts = rest.split(':').map(number).collect::<Result<Vec<u64>, _>>()?;
    let seconds = match (days, &parts[..]) {
        (None, [m]) => m * 60,
        (None, [m, s]) => m * 60 + s,
        (_, [h, m, s]) => h * 3600 + m * 60 + s,
        (Some(_), [h]) => h * 3600,
        (Some(_), [h, m]) => h * 3600 + m * 60,
        _ => return Err(bad()),
    };
    match days.unwrap_or(0) * 86_400 + seconds {
        0 => Err(format!("{text}: a time limit must be longer than nothing")),
        seconds => Ok(Duration::from_secs(seconds)),
    }
}

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
    parse(String::from_utf8(output.stdout).ok()?.lines().next()?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_slurm_writes_them() {
        for (text, seconds) in [
            ("90", 5400),
            ("1:30", 90),
            ("02:00:00", 7200),
            ("2-12", 216_000),
            ("2-12:30", 217_800),
            ("1-00:00:01", 86_401),
            ("0:20", 20),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "0", "-5", "1:2:3:4", "1-2:3:4:5", "UNLIMITED", "1h", "+5", "1:", "99999999999999999999", "1-"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
