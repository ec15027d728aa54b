//! Ranks that claim shards from rank 0, message by message, as run/schedule.rs does.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::random::Random;

/// What messages and looks cost, seconds.
#[derive(Debug, Clone, Copy)]
pub struct Wire {
    /// Rank 0's time for taking a claim and answering it.
    pub service: f64,
    /// From send to arrival.
    pub latency: f64,
    /// Rank 0's pause between taking claims and answering them.
    pub pause: f64,
    /// Longest time between rank 0's looks.
    pub patience: f64,
    /// Time between the looks of a rank that waits.
    pub glance: f64,
    /// Shards that a thread holds or has claimed: 1 claims when it has finished, 2 one ahead.
    pub held: usize,
    /// Whether a thread for which no shard is left computes the one that was given longest ago and is not finished once
    /// more: of two copies, which are the same, the first counts.
    pub twice: bool,
}

/// A rank.
#[derive(Debug, Clone, Copy)]
pub struct RankShape {
    /// Threads that compute.
    pub threads: u32,
    /// Of full speed.
    pub speed: f64,
    /// When it has opened its inputs, seconds.
    pub ready: f64,
}

/// How the shards were computed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// When the last shard was finished, seconds.
    pub end: f64,
    /// Seconds that rank 0 spent with claims.
    pub served: f64,
}

/// A time, ordered.
#[derive(Debug, Clone, Copy, PartialEq)]
struct At(f64);

impl Eq for At {}

impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for At {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Claims on their way to rank 0: arrival, rank, thread.
type Claims = BinaryHeap<Reverse<(At, u32, u32)>>;

/// Deals `shards` (seconds at full speed, in the order of claims) to `ranks`.
pub fn deal(shards: &[f64], ranks: &[RankShape], wire: &Wire, random: &mut Random) -> Outcome {
    let mut claims: Claims = BinaryHeap::new();
    // When each thread will have finished all that it holds.
    let mut busy: Vec<Vec<f64>> = ranks.iter().map(|rank| vec![rank.ready; rank.threads as usize]).collect();
    for (rank, shape) in ranks.iter().enumerate() {
        for thread in 0..shape.threads {
            for _ in 0..wire.held {
                claims.push(Reverse((At(shape.ready + wire.latency), rank as u32, thread)));
            }
        }
    }
    let (mut outcome, mut now, mut taken) = (Outcome::default(), 0.0_f64, Vec::new());
    let (mut left, mut given) = (0..shards.len(), VecDeque::new());
    let mut finished = vec![f64::INFINITY; shards.len()];
    while let Some(&Reverse((At(first), ..))) = claims.peek() {
        if first > now {
            now = first + random.uniform() * wire.patience.min(first - now);
        }
        let looked = now;
        taken.clear();
        while let Some(&Reverse((At(at), rank, thread))) = claims.peek() {
            if at > now {
                break;
            }
            claims.pop();
            taken.push((rank, thread));
            now += wire.service / 2.0;
        }
        outcome.served += now - looked;
        now += wire.pause;
        for &(rank, thread) in &taken {
            let fresh = left.next();
            let Some(shard) = fresh.or_else(|| unfinished(&mut given, &finished, now)) else { continue };
            now += wire.service / 2.0;
            outcome.served += wire.service / 2.0;
            if fresh.is_some() && wire.twice {
                given.push_back(shard);
            }
            let granted = now + wire.latency + random.uniform() * wire.glance;
            let shape = &ranks[rank as usize];
            let end = &mut busy[rank as usize][thread as usize];
            let begins = end.max(granted);
            *end = begins + shards[shard] / shape.speed;
            finished[shard] = finished[shard].min(*end);
            // With one held the next claim follows the end; with two, the beginning.
            let claims_again = if wire.held > 1 { begins } else { *end };
            claims.push(Reverse((At(claims_again + wire.latency), rank, thread)));
        }
    }
    outcome.end = finished.iter().copied().fold(0.0, f64::max);
    outcome
}

/// The shard that was given longest ago of those that are not finished.
fn unfinished(given: &mut VecDeque<usize>, finished: &[f64], now: f64) -> Option<usize> {
    while let Some(shard) = given.pop_front() {
        if finished[shard] > now {
            return Some(shard);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Wire =
        Wire { service: 0.0, latency: 0.0, pause: 0.0, patience: 0.0, glance: 0.0, held: 1, twice: false };

    fn ranks(speeds: &[f64]) -> Vec<RankShape> {
        speeds.iter().map(|&speed| RankShape { threads: 1, speed, ready: 0.0 }).collect()
    }

    fn end(shards: &[f64], speeds: &[f64], wire: &Wire) -> f64 {
        deal(shards, &ranks(speeds), wire, &mut Random::new(1)).end
    }

    #[test]
    fn work_is_shared_by_speed() {
        assert!((end(&[1.0; 12], &[1.0, 1.0, 1.0], &FREE) - 4.0).abs() < 1e-9);
        assert!((end(&[1.0; 15], &[1.0, 0.5], &FREE) - 10.0).abs() < 1e-9);
        assert!((end(&[3.0, 1.0, 1.0, 1.0], &[1.0, 1.0], &FREE) - 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_slow_server_is_the_limit() {
        let wire = Wire { service: 1.0, ..FREE };
        let outcome = deal(&[0.5; 100], &ranks(&[1.0; 20]), &wire, &mut Random::new(1));
        assert!(outcome.end >= 100.0, "{}", outcome.end);
    }

    #[test]
    fn a_second_copy_ends_the_wait_for_a_slow_rank() {
        let (once, twice) = (FREE, Wire { twice: true, ..FREE });
        assert!((end(&[1.0; 4], &[1.0, 0.1], &once) - 10.0).abs() < 1e-9);
        assert!((end(&[1.0; 4], &[1.0, 0.1], &twice) - 4.0).abs() < 1e-9);
    }

    #[test]
    fn claiming_ahead_hides_the_wait() {
        let slow = Wire { latency: 0.5, ..FREE };
        let ahead = Wire { held: 2, ..slow };
        let (one, two) = (end(&[1.0; 20], &[1.0], &slow), end(&[1.0; 20], &[1.0], &ahead));
        assert!(one > 39.0 && two < 22.0, "{one} {two}");
    }
}
