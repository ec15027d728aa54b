//! Slurm's programs, with a limit to their time and their words: a controller that is down makes them wait.

use std::io::Read;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long a program is waited for, and how much of it is read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From its start on.
    pub time: Duration,
    /// Bytes of each of its outputs.
    pub bytes: u64,
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It could not be started, or read.
    #[error("{0}")]
    Start(#[from] std::io::Error),
    /// It did not end in time, and was killed.
    #[error("no answer within {} s, so it was ended: is Slurm's controller up?", .0.as_secs_f64())]
    Slow(Duration),
    /// It said too much, and was killed.
    #[error("more than {} MiB of output, so it was ended", .0 >> 20)]
    Long(u64),
}

/// Runs `command` to its end and returns what it said.
///
/// # Errors
/// A program that is not there, one beyond the limits.
pub fn output(command: &mut Command, limits: Limits) -> Result<Output, ToolError> {
    let begin = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdout, stderr) = (read(child.stdout.take(), limits.bytes), read(child.stderr.take(), limits.bytes));
    let said = || -> Result<(Vec<u8>, Vec<u8>), ToolError> {
        Ok((wait(&stdout, begin, limits)?, wait(&stderr, begin, limits)?))
    };
    let (stdout, stderr) = said().inspect_err(|_| end(&mut child))?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Output { status, stdout, stderr });
        }
        if begin.elapsed() >= limits.time {
            end(&mut child);
            return Err(ToolError::Slow(limits.time));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// One byte more than the limit, so that what is beyond it shows.
fn read(pipe: Option<impl Read + Send + 'static>, most: u64) -> Receiver<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.map_or(Ok(0), |pipe| pipe.take(most + 1).read_to_end(&mut bytes));
        // Nobody listens any more once the time is over.
        let _ = sender.send(read.map(|_| bytes));
    });
    receiver
}

fn wait(pipe: &Receiver<std::io::Result<Vec<u8>>>, begin: Instant, limits: Limits) -> Result<Vec<u8>, ToolError> {
    let left = limits.time.saturating_sub(begin.elapsed());
    let bytes = pipe.recv_timeout(left).map_err(|_| ToolError::Slow(limits.time))??;
    if bytes.len() as u64 > limits.bytes { Err(ToolError::Long(limits.bytes)) } else { Ok(bytes) }
}

fn end(child: &mut Child) {
    // It may have ended by itself meanwhile.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bash(text: &str, limits: Limits) -> Result<Output, ToolError> {
        output(Command::new("bash").args(["-c", text]), limits)
    }

    #[test]
    fn programs_that_hang_or_never_stop_talking_are_ended() {
        let limits = Limits { time: Duration::from_millis(300), bytes: 1 << 20 };
        let begin = Instant::now();
        for text in ["exec sleep 60", "exec >&- 2>&-; exec sleep 60"] {
            let error = bash(text, limits).unwrap_err().to_string();
            assert!(error.contains("no answer within 0.3 s"), "{error}");
        }
        let limits = Limits { time: Duration::from_secs(60), ..limits };
        let error = bash("exec yes", limits).unwrap_err().to_string();
        assert!(error.contains("more than 1 MiB"), "{error}");
        assert!(begin.elapsed().as_secs() < 30);
    }

    #[test]
    fn what_is_said_comes_back_whole() {
        let limits = Limits { time: Duration::from_secs(60), bytes: 1 << 20 };
        let output = bash("head -c 1000000 /dev/zero; echo no >&2; exit 3", limits).unwrap();
        assert_eq!(
            (output.stdout.len(), output.stderr.as_slice(), output.status.code()),
            (1_000_000, &b"no\n"[..], Some(3))
        );
    }
}
