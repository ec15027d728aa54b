//! What a file system does for a run: large files written and read, a spool's small appends, names made and removed.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use rustix::fs::{Advice, fadvise, fstatvfs};

use super::card::FileSystem;
use super::cohort::Scratch;
use crate::report::resources::human_bytes;

/// Bytes written or read at a time.
const PIECE: usize = 4 << 20;
/// Bytes of a small append: about a frame of a few rows.
const APPEND: usize = 16 << 10;
const APPENDS: usize = 40;
const FILES: usize = 100;

/// Measures the file system of `dir` with `bytes`, in a folder of its own that is gone afterwards.
///
/// # Errors
/// There is too little room, or a file cannot be written or read.
pub fn measure(dir: &Path, bytes: u64) -> Result<FileSystem> {
    let scratch = Scratch::new(dir)?;
    measure_in(scratch.path(), bytes)
        .with_context(|| format!("{}: measuring the file system; another --dir measures another one", dir.display()))
}

fn measure_in(folder: &Path, bytes: u64) -> Result<FileSystem> {
    let path = folder.join("large");
    let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
    let room = fstatvfs(&file).map_err(io::Error::from)?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if free < 2 * bytes {
        bail!("{} are free, {} are needed", human_bytes(free), human_bytes(2 * bytes));
    }
    let write = bytes as f64 / write(file, bytes)?;
    let (seconds, read_cached) = read(&path)?;
    std::fs::remove_file(&path)?;
    Ok(FileSystem {
        bytes,
        write,
        read: bytes as f64 / seconds,
        read_cached,
        sync: append(&folder.join("small"))?,
        create: names(folder)?,
    })
}

/// Seconds to write and sync `bytes` that no file system can compress.
fn write(mut file: File, bytes: u64) -> io::Result<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut piece: Vec<u8> = (0..PIECE / 8).flat_map(|_| next().to_le_bytes()).collect();
    let start = Instant::now();
    let mut left = bytes;
    while left > 0 {
        // Pieces differ, for file systems that store equal ones once.
        piece[..8].copy_from_slice(&left.to_le_bytes());
        let n = left.min(PIECE as u64);
        file.write_all(&piece[..n as usize])?;
        left -= n;
    }
    file.sync_all()?;
    Ok(start.elapsed().as_secs_f64().max(1e-9))
}

/// Seconds to read a file, and whether it lies in memory.
fn read(path: &Path) -> io::Result<(f64, bool)> {
    let mut file = File::open(path)?;
    let in_memory = !matches!(fadvise(&file, 0, None, Advice::DontNeed), Ok(())) || is_memory(&file);
    let mut piece = vec![0u8; PIECE];
    let start = Instant::now();
    while file.read(&mut piece)? > 0 {}
    Ok((start.elapsed().as_secs_f64().max(1e-9), in_memory))
}

/// tmpfs and ramfs, as Linux numbers them (statfs(2)).
fn is_memory(file: &File) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|of| matches!(of.f_type as u32, 0x0102_1994 | 0x8584_58f6))
}

/// The median of the seconds of a small append with its sync.
fn append(path: &Path) -> io::Result<f64> {
    let mut file = OpenOptions::new().append(true).create_new(true).open(path)?;
    let bytes = [7u8; APPEND];
    let mut times = Vec::new();
    for _ in 0..APPENDS {
        let start = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Seconds for each file that is made, renamed, opened and removed.
fn names(folder: &Path) -> io::Result<f64> {
    let start = Instant::now();
    for idx in 0..FILES {
        let (first, last) = (folder.join(format!("{idx}.new")), folder.join(format!("{idx}.file")));
        File::create_new(&first)?;
        std::fs::rename(&first, &last)?;
    }
    for idx in 0..FILES {
        let last = folder.join(format!("{idx}.file"));
        File::open(&last)?;
        std::fs::remove_file(&last)?;
    }
    Ok(start.elapsed().as_secs_f64() / FILES as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_is_measured_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let measured = measure(folder.path(), 5 << 20).unwrap();
        let all = [measured.write, measured.read, measured.sync, measured.create];
        assert!(all.iter().all(|value| *value > 0.0 && value.is_finite()), "{measured:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn too_little_room_is_said_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let error = format!("{:#}", measure(folder.path(), 1 << 60).unwrap_err());
        assert!(error.contains("are needed") && error.contains("another --dir") && !error.contains('\n'), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
