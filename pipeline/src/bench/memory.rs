//! Bandwidth of main memory: arrays far beyond the caches, each thread its own, as STREAM does (McCalpin 1995).

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use super::card::Memory;

/// Bytes of a thread's array at least.
const LEAST: u64 = 64 << 20;
/// And at most.
const MOST: u64 = 512 << 20;

/// Measures one thread, then `threads` at once; the best of several passes. `quick`: fewer of them.
pub fn measure(threads: usize, quick: bool) -> Memory {
    let passes = if quick { 3 } else { 10 };
    let cache = largest_cache().unwrap_or(32 << 20);
    let one = measure_threads(1, array_bytes(cache, 1, free_memory()), passes);
    let all = measure_threads(threads, array_bytes(cache, threads, free_memory()), passes);
    Memory {
        threads,
        copy_one_thread: one.copy,
        copy_all_threads: all.copy,
        read_one_thread: one.read,
        read_all_threads: all.read,
    }
}

/// Bytes of each of a thread's two arrays: all together four times the cache, and a quarter of the free memory at most.
fn array_bytes(cache: u64, threads: usize, free: Option<u64>) -> u64 {
    let threads = threads.max(1) as u64;
    let wanted = (4 * cache / threads).clamp(LEAST, MOST);
    wanted.min(free.map_or(MOST, |free| free / (8 * threads))).max(1 << 20)
}

/// Bytes a second.
#[derive(Debug, Clone, Copy, Default)]
struct Rates {
    copy: f64,
    read: f64,
}

fn measure_threads(threads: usize, bytes: u64, passes: usize) -> Rates {
    let barrier = Barrier::new(threads);
    let times: Vec<Vec<(f64, f64)>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| passes_of(&barrier, bytes, passes))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_default()).collect()
    });
    let total = (bytes * threads as u64) as f64;
    let mut best = Rates::default();
    for pass in 0..passes {
        let slowest =
            |which: fn(&(f64, f64)) -> f64| times.iter().filter_map(|t| t.get(pass)).map(which).fold(0.0, f64::max);
        best.copy = best.copy.max(2.0 * total / slowest(|t| t.0).max(1e-9));
        best.read = best.read.max(total / slowest(|t| t.1).max(1e-9));
    }
    best
}

/// Seconds of each pass of copying, and of reading. The arrays are touched first by the thread that uses them, so that they
/// lie in its own part of the memory.
fn passes_of(barrier: &Barrier, bytes: u64, passes: usize) -> Vec<(f64, f64)> {
    let n = (bytes / 8) as usize;
    let from: Vec<u64> = (0..n as u64).collect();
    let mut to = vec![1u64; n];
    let timed = |call: &mut dyn FnMut()| {
        barrier.wait();
        let start = Instant::now();
        call();
        start.elapsed().as_secs_f64()
    };
    let pass = |_| {
        let copy = timed(&mut || black_box(&mut to).copy_from_slice(black_box(&from)));
        let read = timed(&mut || {
            black_box(sum(black_box(&from)));
        });
        (copy, read)
    };
    (0..passes).map(pass).collect()
}

/// In lanes, so that additions do not wait for one another.
fn sum(values: &[u64]) -> u64 {
    let mut lanes = [0u64; 32];
    for chunk in values.chunks_exact(32) {
        lanes.iter_mut().zip(chunk).for_each(|(lane, value)| *lane = lane.wrapping_add(*value));
    }
    lanes.iter().fold(0, |sum, lane| sum.wrapping_add(*lane))
}

/// Bytes of the largest cache of the first core.
fn largest_cache() -> Option<u64> {
    let folder = std::fs::read_dir("/sys/devices/system/cpu/cpu0/cache").ok()?;
    let size = |entry: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(entry.ok()?.path().join("size")).ok()?;
        Some(text.trim().strip_suffix('K')?.parse::<u64>().ok()? * 1024)
    };
    folder.filter_map(size).max()
}

fn free_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_larger_than_the_cache_and_smaller_than_the_memory() {
        let gib = 1u64 << 30;
        assert_eq!(array_bytes(96 << 20, 1, Some(64 * gib)), 384 << 20);
        assert_eq!(array_bytes(32 << 20, 128, Some(256 * gib)), LEAST);
        assert_eq!(array_bytes(300 << 20, 1, None), MOST);
        for threads in [1, 16, 256] {
            assert!(
                2 * array_bytes(32 << 20, threads, Some(gib)) * threads as u64 <= gib.max(threads as u64 * (2 << 20))
            );
        }
    }

    #[test]
    fn memory_has_a_bandwidth() {
        for threads in [1, 3] {
            let rates = measure_threads(threads, 4 << 20, 2);
            assert!(
                rates.copy > 1e7 && rates.read > 1e7 && rates.copy.is_finite() && rates.read.is_finite(),
                "{rates:?}"
            );
        }
    }
}
