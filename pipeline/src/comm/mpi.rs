//! Ranks over MPI: the only file that names the mpi crate.
//!
//! A message goes as an 8-byte length and pieces under 2³¹ bytes, since MPI counts are C ints.

use ::mpi::environment::Universe;
use ::mpi::topology::SimpleCommunicator;
use ::mpi::traits::{Communicator as _, Destination as _, Source as _};
use ::mpi::{Threading, environment};

use super::{CommError, Communicator, Message, Tag};

/// Largest piece of a message, in bytes.
const PIECE: usize = 1 << 28;

/// MPI_COMM_WORLD.
pub(super) struct MpiWorld {
    world: SimpleCommunicator,
    // Dropped last: finalises MPI.
    _universe: Universe,
}

impl MpiWorld {
    pub(super) fn init() -> Result<Self, CommError> {
        let (universe, level) = environment::initialize_with_threading(Threading::Funneled)
            .ok_or_else(|| CommError::Init("it was already initialised".into()))?;
        if level < Threading::Funneled {
            return Err(CommError::Init("the library gives MPI_THREAD_SINGLE only; norna needs FUNNELED".into()));
        }
        Ok(Self { world: universe.world(), _universe: universe })
    }
}

impl Communicator for MpiWorld {
    fn rank(&self) -> usize {
        self.world.rank() as usize
    }

    fn size(&self) -> usize {
        self.world.size() as usize
    }

    fn send(&self, to: usize, tag: Tag, bytes: &[u8]) {
        let to = self.world.process_at_rank(to as i32);
        to.send_with_tag(&(bytes.len() as u64).to_le_bytes()[..], tag as i32);
        for piece in bytes.chunks(PIECE) {
            to.send_with_tag(piece, tag as i32);
        }
    }

    fn poll(&self, tag: Tag) -> Option<Message> {
        let (message, status) = self.world.any_process().immediate_matched_probe_with_tag(tag as i32)?;
        let from = status.source_rank();
        let mut length = [0u8; 8];
        message.matched_receive_into(&mut length[..]);
        let mut bytes = vec![0u8; u64::from_le_bytes(length) as usize];
        let process = self.world.process_at_rank(from);
        for piece in bytes.chunks_mut(PIECE) {
            process.receive_into_with_tag(piece, tag as i32);
        }
        Some(Message { from: from as usize, bytes })
    }

    fn describe(&self) -> String {
        let version = environment::library_version().unwrap_or_default();
        let version = version.trim_end_matches('\0').lines().next().unwrap_or_default().to_owned();
        let version = version.split(", ").next().unwrap_or_default();
        format!("{} ranks over {version}", self.size())
    }
}
