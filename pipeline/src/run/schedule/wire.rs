//! Messages of other ranks to rank 0, and back: a kind, then a number or bytes.

use std::time::Duration;

pub(super) const CLAIM: u8 = 0;
pub(super) const FAILED: u8 = 1;
pub(super) const FINISHED: u8 = 2;
pub(super) const SHARD: u8 = 3;
pub(super) const BATCH: u8 = 4;
pub(super) const NO_MORE: u8 = 5;
pub(super) const STOP: u8 = 6;
pub(super) const BYE: u8 = 7;
/// A request to stop, either way: patience in milliseconds, reason.
pub(super) const DRAIN: u8 = 8;
/// Nothing that somebody is through with.
const NONE: u64 = u64::MAX;

/// Rows done and the key of what a worker is through with.
pub(super) fn claim(rows: u64, done: Option<u64>) -> Vec<u8> {
    let mut bytes = with_u64(CLAIM, rows);
    bytes.extend_from_slice(&done.unwrap_or(NONE).to_le_bytes());
    bytes
}

pub(super) fn done_of(rest: &[u8]) -> Option<u64> {
    Some(rest.get(8..).map_or(NONE, u64_of)).filter(|&key| key != NONE)
}

pub(super) fn with_u64(kind: u8, value: u64) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&value.to_le_bytes());
    bytes
}

pub(super) fn with_bytes(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + payload.len());
    bytes.push(kind);
    bytes.extend_from_slice(payload);
    bytes
}

pub(super) fn drain(reason: &str, patience: Duration) -> Vec<u8> {
    let mut bytes = with_u64(DRAIN, patience.as_millis() as u64);
    bytes.extend_from_slice(reason.as_bytes());
    bytes
}

pub(super) fn of_drain(rest: &[u8]) -> (String, Duration) {
    let reason = String::from_utf8_lossy(rest.get(8..).unwrap_or_default()).into_owned();
    (reason, Duration::from_millis(u64_of(rest)))
}

pub(super) fn split(bytes: &[u8]) -> (u8, &[u8]) {
    bytes.split_first().map_or((STOP, &[]), |(kind, rest)| (*kind, rest))
}

pub(super) fn u64_of(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b))
}
