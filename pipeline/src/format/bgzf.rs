//! Where BGZF blocks begin and end: kinds of compression, the end-of-file block, and the first block after a byte.
//!
//! SAM specification, section 4.1. Blocks are inflated in [`super::bgzf_reader`].

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes of a block's header, up to and with BSIZE.
pub(crate) const HEADER_LEN: usize = 18;
/// Most bytes that a block can take in the file (BSIZE is a u16, less one).
pub(crate) const MAX_BLOCK_LEN: u64 = 1 << 16;

/// The empty block that ends a whole file.
pub const EOF_BLOCK: [u8; 28] = [
    0x1f, 0x8b, 0x08, 0x04, 0, 0, 0, 0, 0, 0xff, 0x06, 0, 0x42, 0x43, 0x02, 0, 0x1b, 0, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// A place in a file: compressed offset of a block in the upper 48 bits, offset within the inflated block in the lower 16.
/// In an uncompressed file every byte is a block of its own, so that the two kinds compare alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct VirtualOffset(pub u64);

impl VirtualOffset {
    /// The place `in_block` bytes into the block at `compressed`.
    pub fn new(compressed: u64, in_block: u16) -> Self {
        Self((compressed << 16) | u64::from(in_block))
    }

    /// File offset of the block.
    pub fn compressed(self) -> u64 {
        self.0 >> 16
    }

    /// Offset within the inflated block.
    pub fn in_block(self) -> u16 {
        (self.0 & 0xffff) as u16
    }
}

/// How a file's bytes are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    Plain,
    /// Blocked gzip: can be cut and sought.
    Bgzf,
    /// One gzip stream: can only be read from its start.
    Gzip,
}

impl Compression {
    /// The kind that a file's first bytes (18 or more if it has them) tell.
    pub fn of(head: &[u8]) -> Self {
        if block_len(head).is_some() {
            Self::Bgzf
        } else if head.starts_with(&[0x1f, 0x8b]) {
            Self::Gzip
        } else {
            Self::Plain
        }
    }
}

/// Length of the block whose header `head` begins with; none if it is no BGZF header.
pub(crate) fn block_len(head: &[u8]) -> Option<u64> {
    let head = head.get(..HEADER_LEN)?;
    let fixed = head[..4] == [0x1f, 0x8b, 0x08, 0x04] && head[10..16] == [6, 0, b'B', b'C', 2, 0];
    let len = u64::from(u16::from_le_bytes([head[16], head[17]])) + 1;
    (fixed && len >= (HEADER_LEN + 8) as u64).then_some(len)
}

/// Whether `file` of `len` bytes ends with the empty block; without it the file was cut short.
pub fn has_eof_block(file: &mut File, len: u64) -> io::Result<bool> {
    let Some(start) = len.checked_sub(EOF_BLOCK.len() as u64) else { return Ok(false) };
    let mut tail = [0; EOF_BLOCK.len()];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut tail)?;
    Ok(tail == EOF_BLOCK)
}

/// File offset of the first block at or after `from`; none if there is none before the end at `len`.
///
/// A header counts if it is whole and if the block it announces is followed by another header or by the end.
pub fn first_block_from(file: &mut File, from: u64, len: u64) -> io::Result<Option<u64>> {
    if from >= len {
        return Ok(None);
    }
    // The window holds every place where the block that covers `from` may end, and a header after it.
    let window = (MAX_BLOCK_LEN + HEADER_LEN as u64).min(len - from);
    let mut bytes = vec![0; usize::try_from(window).map_err(io::Error::other)?];
    file.seek(SeekFrom::Start(from))?;
    file.read_exact(&mut bytes)?;
    for at in memchr::memmem::find_iter(&bytes, &EOF_BLOCK[..4]) {
        let Some(block) = block_len(&bytes[at..]) else { continue };
        let start = from + at as u64;
        let next = start + block;
        if next == len || (next < len && is_block_at(file, next)?) {
            return Ok(Some(start));
        }
    }
    Ok(None)
}

fn is_block_at(file: &mut File, offset: u64) -> io::Result<bool> {
    let mut head = [0; HEADER_LEN];
    file.seek(SeekFrom::Start(offset))?;
    match file.read_exact(&mut head) {
        Ok(()) => Ok(block_len(&head).is_some()),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

/// Passes bytes on and refuses the end of input where the last bytes were not the end-of-file block: standard input
/// cannot be looked at from behind.
pub struct EofGuard<R> {
    inner: R,
    tail: Vec<u8>,
}

impl<R> EofGuard<R> {
    /// Guards `inner`, whose first bytes may be the file's first ones only.
    pub fn new(inner: R) -> Self {
        Self { inner, tail: Vec::with_capacity(2 * EOF_BLOCK.len()) }
    }
}

impl<R: Read> Read for EofGuard<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        if n == 0 && !buf.is_empty() {
            if self.tail != EOF_BLOCK {
                return Err(truncated());
            }
        } else {
            let keep = n.min(EOF_BLOCK.len());
            self.tail.extend_from_slice(&buf[n - keep..n]);
            let excess = self.tail.len().saturating_sub(EOF_BLOCK.len());
            self.tail.drain(..excess);
        }
        Ok(n)
    }
}

/// Of a bgzip file that is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BgzfError {
    /// Its end is missing.
    #[error("truncated: the BGZF end-of-file block is missing; copy or make the file again")]
    Truncated,
    /// A block cannot be inflated.
    #[error("a damaged bgzip block; copy the file again (bgzip -t tests it)")]
    Damaged,
}

/// The error of a BGZF file without its end.
pub fn truncated() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, BgzfError::Truncated)
}

/// `bytes` as a BGZF file with `block` bytes to a block, for tests.
#[cfg(test)]
pub(crate) fn bgzip(bytes: &[u8], block: usize) -> Vec<u8> {
    let mut writer = noodles::bgzf::io::Writer::new(Vec::new());
    for part in bytes.chunks(block) {
        io::Write::write_all(&mut writer, part).unwrap();
        io::Write::flush(&mut writer).unwrap();
    }
    writer.finish().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn compression_is_told_by_the_first_bytes() {
        assert_eq!(Compression::of(&EOF_BLOCK), Compression::Bgzf);
        assert_eq!(Compression::of(&[0x1f, 0x8b, 8, 0]), Compression::Gzip);
        assert_eq!(Compression::of(b"##fileformat=VCFv4.2\n"), Compression::Plain);
        assert_eq!(Compression::of(b""), Compression::Plain);
    }

    #[test]
    fn blocks_are_found_from_any_byte() {
        let bytes = bgzip(b"one, two and three", 5);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let len = bytes.len() as u64;
        let mut starts = Vec::new();
        let mut at = 0;
        while at < len {
            starts.push(at);
            at += block_len(&bytes[at as usize..]).unwrap();
        }
        for from in 0..=len {
            let want = starts.iter().copied().find(|&s| s >= from);
            assert_eq!(first_block_from(&mut file, from, len).unwrap(), want, "from {from}");
        }
        assert!(has_eof_block(&mut file, len).unwrap());
        assert!(!has_eof_block(&mut file, len - 1).unwrap());
        assert!(!has_eof_block(&mut file, 5).unwrap());
    }

    #[test]
    fn guard_refuses_a_cut_stream() {
        let whole = EOF_BLOCK;
        let mut out = Vec::new();
        assert!(EofGuard::new(&whole[..]).read_to_end(&mut out).is_ok());
        assert!(EofGuard::new(&whole[..27]).read_to_end(&mut out).is_err());
    }
}
