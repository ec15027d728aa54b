//! One process: the degenerate communicator that builds without MPI.

use super::{Communicator, Message, Tag};

/// A group of one rank.
#[derive(Debug, Clone, Copy)]
pub struct SingleProcess;

impl Communicator for SingleProcess {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn send(&self, to: usize, _tag: Tag, _bytes: &[u8]) {
        debug_assert!(false, "a single process has nobody to send to (rank {to})");
    }

    fn poll(&self, _tag: Tag) -> Option<Message> {
        None
    }

    fn describe(&self) -> String {
        "single process".into()
    }
}
