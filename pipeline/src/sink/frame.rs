//! Frames: what a spool is made of. A frame is whole or it is not there.
//!
//! Layout, little-endian: magic u32, kind u8, shard u64, part u32, payload length u64, CRC-32 of all before it and the
//! payload, payload.

use std::io;

use super::rows::MAX_MATRICES;

/// Starts every frame.
pub const MAGIC: [u8; 4] = *b"NFRM";
/// Bytes before the payload.
pub const HEADER_LEN: usize = 4 + 1 + 8 + 4 + 8 + 4;
/// Longest payload that is believed, in bytes.
pub const MAX_PAYLOAD: u64 = 1 << 33;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// A part of a shard: its variants and its lists.
    Rows,
    /// The end of a shard: its parts, what was read and dropped, its histograms.
    End,
    /// A process begins to write: who it is.
    Begin,
    /// A process has stopped of its own accord: why.
    Stop,
    /// A sign of life.
    Beat,
    /// A matrix of the part before, by its number.
    Cells(u8),
}

/// The kind byte of matrix 0.
const FIRST_CELLS: u8 = 16;

impl FrameKind {
    fn code(self) -> u8 {
        match self {
            Self::Rows => 0,
            Self::End => 1,
            Self::Begin => 2,
            Self::Stop => 3,
            Self::Beat => 4,
            Self::Cells(matrix) => FIRST_CELLS + matrix,
        }
    }

    fn of_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Rows),
            1 => Some(Self::End),
            2 => Some(Self::Begin),
            3 => Some(Self::Stop),
            4 => Some(Self::Beat),
            _ => code.checked_sub(FIRST_CELLS).filter(|&m| usize::from(m) < MAX_MATRICES).map(Self::Cells),
        }
    }
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// What the payload is.
    pub kind: FrameKind,
    /// The shard it belongs to.
    pub shard: u64,
    /// Position within the shard, from 0.
    pub part: u32,
    /// Payload bytes.
    pub len: u64,
    /// CRC-32 of header and payload.
    pub crc: u32,
}

/// Why bytes are not a frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The bytes end within the frame.
    #[error("the frame is cut off")]
    Torn,
    /// Something else stands where a frame should.
    #[error("not a frame")]
    Foreign,
    /// Checksum or length do not hold.
    #[error("the frame's checksum does not match")]
    Corrupt,
    /// Reading failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl FrameHeader {
    /// Appends a frame whose payload `write` appends.
    pub fn append(kind: FrameKind, shard: u64, part: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let start = out.len();
        out.resize(start + HEADER_LEN, 0);
        write(out);
        let (head, payload) = out[start..].split_at_mut(HEADER_LEN);
        let mut header = Self { kind, shard, part, len: payload.len() as u64, crc: 0 };
        header.crc = header.checksum(payload);
        head[..HEADER_LEN - 4].copy_from_slice(&header.start());
        head[HEADER_LEN - 4..].copy_from_slice(&header.crc.to_le_bytes());
    }

    /// The header's bytes before the checksum.
    fn start(&self) -> [u8; HEADER_LEN - 4] {
        let mut start = [0; HEADER_LEN - 4];
        start[..4].copy_from_slice(&MAGIC);
        start[4] = self.kind.code();
        start[5..13].copy_from_slice(&self.shard.to_le_bytes());
        start[13..17].copy_from_slice(&self.part.to_le_bytes());
        start[17..].copy_from_slice(&self.len.to_le_bytes());
        start
    }

    /// What makes the checksum, fed with all that comes before the payload.
    pub fn hasher(&self) -> crc32fast::Hasher {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.start());
        hasher
    }

    fn checksum(&self, payload: &[u8]) -> u32 {
        let mut hasher = self.hasher();
        hasher.update(payload);
        hasher.finalize()
    }

    /// A header from its bytes.
    ///
    /// # Errors
    /// [`FrameError::Foreign`].
    pub fn parse(raw: &[u8; HEADER_LEN]) -> Result<Self, FrameError> {
        let u32_at = |i: usize| u32::from_le_bytes([raw[i], raw[i + 1], raw[i + 2], raw[i + 3]]);
        let u64_at = |i: usize| u64::from(u32_at(i)) | u64::from(u32_at(i + 4)) << 32;
        let kind = FrameKind::of_code(raw[4]).ok_or(FrameError::Foreign)?;
        let header = Self { kind, shard: u64_at(5), part: u32_at(13), len: u64_at(17), crc: u32_at(25) };
        if raw[..4] != MAGIC || header.len > MAX_PAYLOAD {
            return Err(FrameError::Foreign);
        }
        Ok(header)
    }

    /// Whether `payload` is the one this header was written with.
    pub fn matches(&self, payload: &[u8]) -> bool {
        payload.len() as u64 == self.len && self.checksum(payload) == self.crc
    }
}
