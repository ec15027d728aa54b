//! Collectives out of polled messages, so that a waiting rank sleeps and a failed rank fails everybody.

use super::{Communicator, Tag};

/// A rank failed; every rank returns the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerError {
    /// The lowest rank that failed.
    pub rank: usize,
    /// Its error, one line.
    pub message: String,
}

impl std::fmt::Display for PeerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PeerError {}

/// Every rank's bytes, in rank order, at rank 0; empty elsewhere.
pub fn gather(comm: &dyn Communicator, bytes: &[u8]) -> Vec<Vec<u8>> {
    let all = collect(comm, bytes);
    broadcast(comm, Vec::new());
    all
}

/// Hands every rank's bytes to `each` at rank 0, as they arrive: nothing is held of those that were handed over.
///
/// # Errors
/// What `each` returns first; all ranks' bytes are taken in any case.
pub fn gather_each<E>(
    comm: &dyn Communicator,
    bytes: &[u8],
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut result = Ok(());
    if comm.rank() != 0 {
        comm.send(0, Tag::Gather, bytes);
    } else {
        result = each(bytes);
        for _ in 1..comm.size() {
            let message = comm.receive(Tag::Gather);
            if result.is_ok() {
                result = each(&message.bytes);
            }
        }
    }
    broadcast(comm, Vec::new());
    result
}

/// A gather that a broadcast must follow: a rank's next part may otherwise arrive before another rank's first.
fn collect(comm: &dyn Communicator, bytes: &[u8]) -> Vec<Vec<u8>> {
    if comm.rank() != 0 {
        comm.send(0, Tag::Gather, bytes);
        return Vec::new();
    }
    let mut parts = vec![None; comm.size()];
    parts[0] = Some(bytes.to_vec());
    for _ in 1..comm.size() {
        let message = comm.receive(Tag::Gather);
        parts[message.from] = Some(message.bytes);
    }
    parts.into_iter().map(Option::unwrap_or_default).collect()
}

/// Rank 0's bytes, at every rank. They go down a binomial tree: rank r has them from r without its highest bit.
pub fn broadcast(comm: &dyn Communicator, bytes: Vec<u8>) -> Vec<u8> {
    let (rank, size) = (comm.rank(), comm.size());
    let bytes = if rank == 0 { bytes } else { comm.receive(Tag::Broadcast).bytes };
    let mut step = (rank + 1).next_power_of_two();
    while rank + step < size {
        comm.send(rank + step, Tag::Broadcast, &bytes);
        step *= 2;
    }
    bytes
}

/// Passes `result` on where every rank has `Ok`; else every rank gets the error of the lowest rank that failed.
///
/// # Errors
/// The failed rank's error as one line.
pub fn consensus<T, E: std::fmt::Display>(comm: &dyn Communicator, result: Result<T, E>) -> Result<T, PeerError> {
    let mine = match &result {
        Ok(_) => Vec::new(),
        Err(e) => format!("!{e}").into_bytes(),
    };
    let all = collect(comm, &mine);
    let verdict = all.iter().position(|part| !part.is_empty()).map_or_else(Vec::new, |rank| {
        let mut bytes = (rank as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(&all[rank][1..]);
        bytes
    });
    let verdict = broadcast(comm, verdict);
    match (verdict.split_first_chunk::<8>(), result) {
        (None, Ok(value)) => Ok(value),
        (Some((rank, message)), _) => Err(PeerError {
            rank: u64::from_le_bytes(*rank) as usize,
            message: String::from_utf8_lossy(message).into_owned(),
        }),
        (None, Err(e)) => Err(PeerError { rank: comm.rank(), message: e.to_string() }),
    }
}
