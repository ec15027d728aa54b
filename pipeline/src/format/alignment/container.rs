//! Containers of a CRAM file, walked before a decoder sees them: every length that is announced must be there.
//!
//! CRAM specification 3.0 and 3.1, sections 7 (containers), 8 (blocks) and 8.5 (slice headers).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes before the first container.
pub(super) const FILE_DEFINITION_LEN: u64 = 26;
/// Most bytes of a container.
const MAX_CONTAINER_LEN: u64 = 1 << 29;
/// Most bytes that a block, and all blocks of a container, announce to inflate to.
const MAX_INFLATED: u64 = 1 << 30;
/// Most records that a slice announces: a hundred times what is usual.
const MAX_RECORDS: i32 = 1 << 20;
/// Most slices of a container.
const MAX_SLICES: i32 = 1 << 14;
/// The content type of a slice's header.
const SLICE_HEADER: u8 = 2;

/// The container that ends a whole file.
const EOF_CONTAINER: [u8; 38] = [
    0x0f, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xe0, 0x45, 0x4f, 0x46, 0, 0, 0, 0, 1, 0, 0x05, 0xbd, 0xd9, 0x4f, 0,
    1, 0, 6, 6, 1, 0, 1, 0, 1, 0, 0xee, 0x63, 0x01, 0x4b,
];

/// What a container is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// The file's header.
    Header,
    /// Reads.
    Slices,
}

/// A container that was walked.
pub(super) struct RawContainer {
    /// Its header and its blocks.
    pub(super) bytes: Vec<u8>,
    /// Where its slices begin, from the end of its header.
    pub(super) landmarks: Vec<u64>,
}

/// Whether the file of `len` bytes ends as a whole one does.
pub(super) fn has_eof_container(file: &mut File, len: u64) -> io::Result<bool> {
    let Some(start) = len.checked_sub(EOF_CONTAINER.len() as u64) else { return Ok(false) };
    let mut tail = [0; EOF_CONTAINER.len()];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut tail)?;
    Ok(tail == EOF_CONTAINER)
}

/// The head of a container.
pub(super) struct ContainerHead {
    /// Where the container begins.
    offset: u64,
    /// The reference of its reads; -1 without a place, -2 for those of several.
    pub(super) reference_idx: i32,
    /// Bytes of the head.
    len: usize,
    /// Bytes of the blocks.
    blocks_len: u64,
    /// Where slices begin, from the end of the head.
    pub(super) landmarks: Vec<u64>,
    /// The head, and what was read with it.
    bytes: Vec<u8>,
}

impl ContainerHead {
    /// Where the next container begins.
    pub(super) fn end(&self) -> u64 {
        self.offset + self.len as u64 + self.blocks_len
    }

    /// Whether it is of the container that ends a file of `file_len` bytes, which is known to be there.
    pub(super) fn is_eof(&self, file_len: u64) -> bool {
        self.offset + EOF_CONTAINER.len() as u64 == file_len
    }
}

/// Reads the head of the container at `offset` of a file of `file_len` bytes.
pub(super) fn read_head(file: &mut File, offset: u64, file_len: u64) -> io::Result<ContainerHead> {
    if offset >= file_len {
        return Err(damaged("a container that begins beyond the end of the file"));
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    let head_len = (128 + 5 * MAX_SLICES as u64).min(file_len - offset);
    file.take(head_len).read_to_end(&mut bytes)?;
    let mut head = Cursor { bytes: &bytes };
    let blocks_len = u64::from(head.u32()?);
    let reference_idx = head.itf8()?;
    for _ in 0..3 {
        head.itf8()?;
    }
    head.ltf8()?;
    head.ltf8()?;
    head.itf8()?;
    let n_landmarks = head.itf8()?;
    if !(0..=MAX_SLICES).contains(&n_landmarks) {
        return Err(damaged("more slices than are read"));
    }
    let landmarks =
        (0..n_landmarks).map(|_| head.itf8().map(|at| u64::from(at as u32))).collect::<io::Result<Vec<u64>>>()?;
    let summed = bytes.len() - head.bytes.len();
    if head.take(4)? != libdeflater::crc32(&bytes[..summed]).to_le_bytes() {
        return Err(damaged("a container whose head has another checksum"));
    }
    if blocks_len > MAX_CONTAINER_LEN || offset + summed as u64 + 4 + blocks_len > file_len {
        return Err(damaged("a container that ends beyond the end of the file"));
    }
    Ok(ContainerHead { offset, reference_idx, len: summed + 4, blocks_len, landmarks, bytes })
}

/// Reads and walks a container.
pub(super) fn read_container(file: &mut File, head: ContainerHead, holds: Holds) -> io::Result<RawContainer> {
    let ContainerHead { offset, len, blocks_len, landmarks, mut bytes, .. } = head;
    let whole = len + usize::try_from(blocks_len).map_err(io::Error::other)?;
    if whole > bytes.len() {
        file.seek(SeekFrom::Start(offset + bytes.len() as u64))?;
        file.take((whole - bytes.len()) as u64).read_to_end(&mut bytes)?;
    }
    bytes.truncate(whole);
    if bytes.len() < whole {
        return Err(damaged("a container that is cut short"));
    }
    let landmarks = match holds {
        // Whatever they point at, it is no slice.
        Holds::Header => Vec::new(),
        Holds::Slices => landmarks,
    };
    walk_blocks(&bytes[len..], &landmarks)?;
    Ok(RawContainer { bytes, landmarks })
}

/// Checks the sizes of the blocks, and that a slice begins at each landmark.
fn walk_blocks(blocks: &[u8], landmarks: &[u64]) -> io::Result<()> {
    let mut rest = Cursor { bytes: blocks };
    let mut inflated = 0;
    let mut expected = landmarks.iter();
    let mut landmark = expected.next();
    while !rest.bytes.is_empty() {
        let at = (blocks.len() - rest.bytes.len()) as u64;
        let method = rest.u8()?;
        let content = rest.u8()?;
        rest.itf8()?;
        let (size, raw) = (rest.itf8()?, rest.itf8()?);
        let (Ok(size), Ok(raw)) = (usize::try_from(size), u64::try_from(raw)) else {
            return Err(damaged("a block of a negative length"));
        };
        let data = rest.take(size)?;
        rest.take(4)?;
        inflated += raw;
        if inflated > MAX_INFLATED || (method == 0 && raw != size as u64) {
            return Err(damaged("a block of an impossible length"));
        }
        if landmark == Some(&at) {
            if content != SLICE_HEADER {
                return Err(damaged("no slice where one is announced"));
            }
            check_slice(method, data)?;
            landmark = expected.next();
        } else if content == SLICE_HEADER {
            return Err(damaged("a slice that is not announced"));
        }
    }
    if landmark.is_some() { Err(damaged("a slice is missing")) } else { Ok(()) }
}

fn check_slice(method: u8, header: &[u8]) -> io::Result<()> {
    if method != 0 {
        return Err(damaged("a compressed slice header"));
    }
    let mut header = Cursor { bytes: header };
    for _ in 0..3 {
        header.itf8()?;
    }
    if (0..=MAX_RECORDS).contains(&header.itf8()?) { Ok(()) } else { Err(damaged("more records than are read")) }
}

pub(super) fn damaged(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> io::Result<&'a [u8]> {
        let (head, rest) = self.bytes.split_at_checked(n).ok_or_else(|| damaged("a container that is cut short"))?;
        self.bytes = rest;
        Ok(head)
    }

    fn u8(&mut self) -> io::Result<u8> {
        self.take(1).map(|b| b[0])
    }

    fn u32(&mut self) -> io::Result<u32> {
        self.take(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// A number of one to five bytes, their count in the leading bits of the first (section 2.3).
    fn itf8(&mut self) -> io::Result<i32> {
        let first = self.u8()?;
        let n = first.leading_ones().min(4);
        let more = self.take(n as usize)?;
        let start = if n == 4 { u32::from(first & 0x0f) } else { u32::from(first) & (0x7f >> n) };
        let bits = |value: u32, &byte: &u8| value << 8 | u32::from(byte);
        let value = match n {
            4 => more[..3].iter().fold(start, bits) << 4 | u32::from(more[3] & 0x0f),
            _ => more.iter().fold(start, bits),
        };
        Ok(value as i32)
    }

    /// A number of one to nine bytes, which is passed over.
    fn ltf8(&mut self) -> io::Result<()> {
        let n = self.u8()?.leading_ones();
        self.take(n as usize).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_specification() {
        for (bytes, want) in [
            (&[0x00][..], 0),
            (&[0x7f], 127),
            (&[0x87, 0x55], 1877),
            (&[0xc7, 0x55, 0x99], 480_665),
            (&[0xe7, 0x55, 0x99, 0x66], 123_050_342),
            (&[0xf7, 0x55, 0x99, 0x66, 0x02], 1_968_805_474),
            (&[0xff, 0xff, 0xff, 0xff, 0x0f], -1),
        ] {
            let mut cursor = Cursor { bytes };
            assert_eq!(cursor.itf8().unwrap(), want);
            assert!(cursor.bytes.is_empty());
            assert!(Cursor { bytes: &bytes[..bytes.len() - 1] }.itf8().is_err());
        }
    }

    #[test]
    fn the_last_container_is_one() {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &EOF_CONTAINER).unwrap();
        assert!(has_eof_container(&mut file, 38).unwrap());
        assert!(!has_eof_container(&mut file, 20).unwrap());
        let head = read_head(&mut file, 0, 38).unwrap();
        assert_eq!((head.reference_idx, head.end(), head.is_eof(38)), (-1, 38, true));
        assert!(read_container(&mut file, head, Holds::Slices).unwrap().landmarks.is_empty());
        for len in 1..38 {
            assert!(read_head(&mut file, 0, len).is_err(), "{len}");
        }
        assert!(read_head(&mut file, 38, 38).is_err());
        let mut other = EOF_CONTAINER;
        other[14] ^= 1;
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &other).unwrap();
        assert!(read_head(&mut file, 0, 38).is_err());
    }
}
