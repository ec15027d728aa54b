//! BGZF blocks read many at a time and inflated one by one into the same memory.
//!
//! SAM specification, section 4.1. A block is checked as a whole (header, length, CRC) before any of its bytes is given.

use std::io::{self, Read, Seek, SeekFrom};

use libdeflater::Decompressor;

use super::bgzf::{BgzfError, HEADER_LEN, MAX_BLOCK_LEN, VirtualOffset, block_len, truncated};

/// Bytes of a block after the compressed ones: CRC and length.
const TRAILER_LEN: usize = 8;
/// Compressed bytes held at most: two blocks or more, so that a read brings a whole one.
const COMPRESSED: usize = 2 * MAX_BLOCK_LEN as usize;

/// Inflates a BGZF file from where `inner` stands.
pub struct BgzfReader<R> {
    inner: R,
    inflater: Decompressor,
    compressed: Vec<u8>,
    /// The part of `compressed` that was read and not yet inflated.
    from: usize,
    to: usize,
    /// File offset of `compressed[from]`, the block after the current one.
    next: u64,
    /// File offset of the current block.
    block: u64,
    data: Vec<u8>,
    at: usize,
    len: usize,
}

impl<R: Read> BgzfReader<R> {
    /// `inner` stands at the start of the file.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            inflater: Decompressor::new(),
            compressed: vec![0; COMPRESSED],
            from: 0,
            to: 0,
            next: 0,
            block: 0,
            data: vec![0; MAX_BLOCK_LEN as usize],
            at: 0,
            len: 0,
        }
    }

    /// Some bytes that follow, of one block; empty at the end.
    pub fn fill(&mut self) -> io::Result<&[u8]> {
        while self.at == self.len && self.next_block()? {}
        Ok(&self.data[self.at..self.len])
    }

    /// Marks `n` of the bytes that [`BgzfReader::fill`] gave as read.
    pub fn consume(&mut self, n: usize) {
        self.at = (self.at + n).min(self.len);
    }

    /// Place of the next byte; after a block's last, the start of what follows it.
    pub fn address(&self) -> VirtualOffset {
        match u16::try_from(self.at) {
            Ok(at) if self.at < self.len => VirtualOffset::new(self.block, at),
            _ => VirtualOffset::new(self.next, 0),
        }
    }

    /// Inflates the next block; false at the end.
    fn next_block(&mut self) -> io::Result<bool> {
        if !self.hold(HEADER_LEN)? {
            return if self.from == self.to { Ok(false) } else { Err(truncated()) };
        }
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, BgzfError::Damaged);
        let len = block_len(&self.compressed[self.from..self.to]).ok_or_else(damaged)?;
        let block_len = usize::try_from(len).map_err(io::Error::other)?;
        if !self.hold(block_len)? {
            return Err(truncated());
        }
        let block = &self.compressed[self.from..self.from + block_len];
        let (block, trailer) = block.split_at(block_len - TRAILER_LEN);
        let word = |i: usize| u32::from_le_bytes([trailer[i], trailer[i + 1], trailer[i + 2], trailer[i + 3]]);
        let len = usize::try_from(word(4)).map_err(io::Error::other)?;
        let data = self.data.get_mut(..len).ok_or_else(damaged)?;
        // Whatever happens, half a block is never given.
        (self.at, self.len) = (0, 0);
        let inflated = self.inflater.deflate_decompress(&block[HEADER_LEN..], data);
        if inflated.ok() != Some(len) || libdeflater::crc32(data) != word(0) {
            return Err(damaged());
        }
        self.block = self.next;
        self.next += block_len as u64;
        self.from += block_len;
        self.len = len;
        Ok(true)
    }

    /// Reads until `n` compressed bytes are held; false if the file ends before.
    fn hold(&mut self, n: usize) -> io::Result<bool> {
        while self.to - self.from < n {
            if self.from + n > self.compressed.len() || self.from == self.to {
                self.compressed.copy_within(self.from..self.to, 0);
                (self.from, self.to) = (0, self.to - self.from);
            }
            match self.inner.read(&mut self.compressed[self.to..]) {
                Ok(0) => return Ok(false),
                Ok(read) => self.to += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }
}

impl<R: Read + Seek> BgzfReader<R> {
    /// Goes to `to`; without reading again what is held already.
    pub fn seek(&mut self, to: VirtualOffset) -> io::Result<()> {
        if to.compressed() == self.block && usize::from(to.in_block()) < self.len {
            self.at = usize::from(to.in_block());
            return Ok(());
        }
        let ahead = to.compressed().checked_sub(self.next).and_then(|n| usize::try_from(n).ok());
        if let Some(ahead) = ahead.filter(|&n| n < self.to - self.from) {
            self.from += ahead;
            (self.block, self.next) = (to.compressed(), to.compressed());
            (self.at, self.len) = (0, 0);
        } else {
            self.start_at(to)?;
        }
        self.enter_block(to)
    }

    fn start_at(&mut self, to: VirtualOffset) -> io::Result<()> {
        self.inner.seek(SeekFrom::Start(to.compressed()))?;
        (self.from, self.to, self.at, self.len) = (0, 0, 0, 0);
        (self.block, self.next) = (to.compressed(), to.compressed());
        Ok(())
    }

    fn enter_block(&mut self, to: VirtualOffset) -> io::Result<()> {
        let in_block = usize::from(to.in_block());
        if in_block > 0 {
            self.next_block()?;
            if in_block > self.len {
                return Err(io::Error::new(io::ErrorKind::InvalidData, BgzfError::Damaged));
            }
            self.at = in_block;
        }
        Ok(())
    }

    /// The file itself; its position is lost, so that a seek must follow.
    pub fn get_mut(&mut self) -> &mut R {
        (self.from, self.to, self.at, self.len) = (0, 0, 0, 0);
        &mut self.inner
    }
}

impl<R: Read> Read for BgzfReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill()?;
        let n = bytes.len().min(buf.len());
        buf[..n].copy_from_slice(&bytes[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: Read> io::BufRead for BgzfReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.fill()
    }

    fn consume(&mut self, n: usize) {
        Self::consume(self, n);
    }
}

#[cfg(test)]
mod tests {
    use super::super::bgzf::{EOF_BLOCK, bgzip};
    use super::*;
    use std::io::Cursor;

    /// Gives one byte at a time, as a pipe may.
    struct Trickle<R>(R);

    impl<R: Read> Read for Trickle<R> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = buf.len().min(1);
            self.0.read(&mut buf[..n])
        }
    }

    fn text() -> Vec<u8> {
        (0..200_000_u32).flat_map(|i| [b"0|0\t"[i as usize % 4], (i % 251) as u8]).collect()
    }

    #[test]
    fn blocks_are_joined_however_they_arrive() {
        let text = text();
        let mut bytes = bgzip(&text, 60_000);
        bytes.extend(bgzip(&text[..10], 3));
        let want = [&text[..], &text[..10]].concat();
        let mut got = Vec::new();
        BgzfReader::new(Cursor::new(&bytes)).read_to_end(&mut got).unwrap();
        assert_eq!(got, want);
        got.clear();
        BgzfReader::new(Trickle(Cursor::new(&bytes))).read_to_end(&mut got).unwrap();
        assert_eq!(got, want);
    }

    #[test]
    fn the_file_may_be_looked_at_between_seeks() {
        let text = text();
        let mut reader = BgzfReader::new(Cursor::new(bgzip(&text, 60_000)));
        reader.fill().unwrap();
        reader.get_mut().seek(SeekFrom::Start(7)).unwrap();
        reader.seek(VirtualOffset::new(0, 3)).unwrap();
        let mut got = Vec::new();
        reader.read_to_end(&mut got).unwrap();
        assert!(got == text[3..]);
    }

    #[test]
    fn every_address_leads_back_to_its_byte() {
        let text = text();
        let mut reader = BgzfReader::new(Cursor::new(bgzip(&text, 60_000)));
        let mut seen = Vec::new();
        let mut at = 0;
        while !reader.fill().unwrap().is_empty() {
            let n = reader.fill().unwrap().len().min(7001);
            seen.push((reader.address(), at));
            reader.consume(n);
            at += n;
        }
        for &(address, at) in seen.iter().rev() {
            reader.seek(address).unwrap();
            assert_eq!(reader.fill().unwrap()[0], text[at]);
            assert_eq!(reader.address(), address);
        }
    }

    #[test]
    fn no_changed_byte_gives_other_bytes_and_a_lost_one_is_told() {
        let whole = bgzip(b"one, two and three", 5);
        let read = |bytes: &[u8]| {
            let mut out = Vec::new();
            BgzfReader::new(Cursor::new(bytes)).read_to_end(&mut out).map(|_| out)
        };
        // Some bits mean nothing: a header's time and system, a stored block's padding.
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            assert!(read(&bytes).map_or(true, |out| out == b"one, two and three"), "byte {at}");
        }
        let start = whole.len() - EOF_BLOCK.len();
        for len in start + 1..whole.len() {
            assert!(read(&whole[..len]).is_err(), "{len} bytes");
        }
    }
}
