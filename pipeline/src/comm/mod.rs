//! What ranks say to one another: whole byte messages between pairs, polled rather than waited for.
//!
//! All calls come from the rank's main thread, so any MPI thread level from Funneled up serves. Waiting sleeps instead
//! of spinning: a rank that waits must not take the core of a rank that computes.

mod collective;
#[cfg(feature = "mpi")]
mod mpi;
mod single;

pub use collective::{PeerError, broadcast, consensus, gather, gather_each};
pub use single::SingleProcess;

use std::time::Duration;

/// How long a rank sleeps between two looks for a message.
pub const POLL_INTERVAL: Duration = Duration::from_micros(50);

/// What a message is about; messages of one tag between one pair of ranks keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Tag {
    /// A rank asks rank 0 for work, or says how it ended.
    Claim = 1,
    /// Rank 0 answers a claim, or tells a rank to stop.
    Grant = 2,
    /// A part of a collective, towards rank 0.
    Gather = 3,
    /// A part of a collective, from rank 0.
    Broadcast = 4,
}

/// A message and the rank that sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Sender.
    pub from: usize,
    /// Payload.
    pub bytes: Vec<u8>,
}

/// A group of ranks. Rank 0 plans, deals shards and finalises.
pub trait Communicator {
    /// This rank, from 0.
    fn rank(&self) -> usize;
    /// Ranks in all, at least 1.
    fn size(&self) -> usize;
    /// Sends `bytes` to rank `to`; may block until the receiver polls.
    fn send(&self, to: usize, tag: Tag, bytes: &[u8]);
    /// The next message of this tag, if one has arrived.
    fn poll(&self, tag: Tag) -> Option<Message>;
    /// What carries the messages, for the log: "single process", "MPI: Open MPI v4.1.4 ...".
    fn describe(&self) -> String;

    /// Waits for the next message of this tag.
    fn receive(&self, tag: Tag) -> Message {
        loop {
            if let Some(message) = self.poll(tag) {
                return message;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

/// Why no communicator could be had.
#[derive(Debug, thiserror::Error)]
pub enum CommError {
    /// The environment says one of many, the library says alone.
    #[error(
        "started as one of {expected} ({variable}), but this process finds itself alone: {cause}; nothing was computed"
    )]
    WrongLauncher {
        /// Ranks that the environment announces.
        expected: usize,
        /// The variable that announces them.
        variable: &'static str,
        /// What most likely went wrong and what to do.
        cause: &'static str,
    },
    /// MPI_Init failed or was called twice.
    #[error("MPI did not start: {0}")]
    Init(String),
}

/// Variables by which launchers announce how many ranks there are.
const SIZE_VARIABLES: [&str; 5] =
    ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "MV2_COMM_WORLD_SIZE"];

/// Variables that show that a launcher started this very process.
#[cfg(feature = "mpi")]
const LAUNCHER_VARIABLES: [&str; 8] = [
    "OMPI_COMM_WORLD_SIZE",
    "PMI_SIZE",
    "PMI_RANK",
    "PMIX_RANK",
    "SLURM_STEP_ID",
    "MV2_COMM_WORLD_SIZE",
    "MPI_LOCALRANKID",
    "PALS_RANKID",
];

fn announced_size() -> Option<(&'static str, usize)> {
    SIZE_VARIABLES.iter().find_map(|&variable| {
        let size: usize = std::env::var(variable).ok()?.trim().parse().ok()?;
        (size > 1).then_some((variable, size))
    })
}

/// Joins the ranks that a launcher started, or runs alone. MPI is initialised only where a launcher is seen.
///
/// # Errors
/// [`CommError::WrongLauncher`] where the environment announces several ranks and this process is alone.
pub fn join() -> Result<Box<dyn Communicator>, CommError> {
    #[cfg(feature = "mpi")]
    if LAUNCHER_VARIABLES.iter().any(|v| std::env::var_os(v).is_some()) {
        let world = mpi::MpiWorld::init()?;
        if world.size() > 1 {
            return Ok(Box::new(world));
        }
        refuse_if_announced(&world)?;
        return Ok(Box::new(world));
    }
    let alone = SingleProcess;
    refuse_if_announced(&alone)?;
    Ok(Box::new(alone))
}

fn refuse_if_announced(alone: &dyn Communicator) -> Result<(), CommError> {
    debug_assert_eq!(alone.size(), 1);
    let Some((variable, expected)) = announced_size() else {
        return Ok(());
    };
    let cause = if cfg!(not(feature = "mpi")) {
        "this norna was built without MPI (see norna --version); build it with the mpi feature or start one process"
    } else if variable.starts_with("SLURM") && std::env::var_os("SLURM_STEP_ID").is_none() {
        "the Slurm allocation has several tasks but norna was started without srun; use srun --mpi=pmix or mpirun"
    } else if variable.starts_with("SLURM") {
        "srun started it without a process manager that its MPI understands; use srun --mpi=pmix (see srun --mpi=list) or mpirun"
    } else {
        "the launcher belongs to another MPI than the one norna was built with; use the mpirun of the same MPI"
    };
    Err(CommError::WrongLauncher { expected, variable, cause })
}
