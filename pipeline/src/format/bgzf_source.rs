//! Inflated bytes with their place in the file, over every way in which a file can be wrapped.
//!
//! Record readers need three things that `BufRead` alone lacks: the address of the next byte (to stop at a shard's
//! end), lines and buffers with a bound, and one type for sought files, streams and batches in memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::bgzf::{Compression, EofGuard, VirtualOffset, first_block_from};
use super::bgzf_reader::BgzfReader;

/// Longest line or record that is read: past it the file is taken to be damaged.
pub const MAX_RECORD_LEN: usize = 1 << 30;

/// A source of inflated bytes.
pub enum ByteSource {
    /// A BGZF file.
    Bgzf(Box<BgzfReader<File>>),
    /// An uncompressed file and the offset of the next byte.
    Plain(BufReader<File>, u64),
    /// What can only be read once, from its start, and the inflated offset of the next byte.
    Stream(Box<dyn BufRead + Send>, u64),
    /// A batch of whole records and the offset of the next byte in it.
    Memory(Vec<u8>, usize),
}

impl ByteSource {
    /// `file` from its start. A plain gzip file becomes a stream.
    pub fn open(mut file: File, compression: Compression) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        Ok(match compression {
            Compression::Bgzf => Self::Bgzf(Box::new(BgzfReader::new(file))),
            Compression::Plain => Self::Plain(BufReader::with_capacity(1 << 16, file), 0),
            Compression::Gzip => {
                let inflated = flate2::read::MultiGzDecoder::new(BufReader::new(file));
                Self::Stream(Box::new(BufReader::with_capacity(1 << 16, inflated)), 0)
            }
        })
    }

    /// Bytes that come once, such as standard input; they are still wrapped as `compression` says.
    pub fn stream(inner: impl Read + Send + 'static, compression: Compression) -> Self {
        let reader: Box<dyn BufRead + Send> = match compression {
            Compression::Plain => Box::new(BufReader::with_capacity(1 << 16, inner)),
            Compression::Bgzf => Box::new(BgzfReader::new(EofGuard::new(inner))),
            Compression::Gzip => {
                let inflated = flate2::read::MultiGzDecoder::new(BufReader::new(inner));
                Box::new(BufReader::with_capacity(1 << 16, inflated))
            }
        };
        Self::Stream(reader, 0)
    }

    /// Goes to `to`. Streams and batches stay where they are.
    pub fn seek(&mut self, to: VirtualOffset) -> io::Result<()> {
        match self {
            Self::Bgzf(reader) => reader.seek(to),
            Self::Plain(reader, at) => {
                reader.seek(SeekFrom::Start(to.compressed()))?;
                *at = to.compressed();
                Ok(())
            }
            Self::Stream(..) | Self::Memory(..) => Err(io::Error::from(io::ErrorKind::Unsupported)),
        }
    }

    /// Goes to the first block (byte, in an uncompressed file) at or after `offset`; false where none follows.
    pub fn seek_block(&mut self, offset: u64, file_len: u64) -> io::Result<bool> {
        match self {
            Self::Bgzf(reader) => {
                let Some(start) = first_block_from(reader.get_mut(), offset, file_len)? else { return Ok(false) };
                reader.seek(VirtualOffset::new(start, 0)).map(|()| true)
            }
            Self::Plain(..) => self.seek(VirtualOffset::new(offset, 0)).map(|()| offset < file_len),
            Self::Stream(..) | Self::Memory(..) => Err(io::Error::from(io::ErrorKind::Unsupported)),
        }
    }

    /// Some bytes that follow; empty at the end.
    pub fn fill(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Bgzf(reader) => reader.fill(),
            Self::Plain(reader, _) => reader.fill_buf(),
            Self::Stream(reader, _) => reader.fill_buf(),
            Self::Memory(bytes, at) => Ok(&bytes[*at..]),
        }
    }

    /// Marks `n` of the bytes that [`ByteSource::fill`] gave as read.
    pub fn consume(&mut self, n: usize) {
        match self {
            Self::Bgzf(reader) => reader.consume(n),
            Self::Plain(reader, at) => {
                reader.consume(n);
                *at += n as u64;
            }
            Self::Stream(reader, at) => {
                reader.consume(n);
                *at += n as u64;
            }
            Self::Memory(_, at) => *at += n,
        }
    }

    /// Place of the next byte.
    pub fn address(&self) -> VirtualOffset {
        match self {
            Self::Bgzf(reader) => reader.address(),
            Self::Plain(_, at) | Self::Stream(_, at) => VirtualOffset::new(*at, 0),
            Self::Memory(_, at) => VirtualOffset::new(*at as u64, 0),
        }
    }

    /// File offset of the block that holds byte `n` of what [`ByteSource::fill`] just gave.
    fn block_of(&self, n: usize) -> u64 {
        let address = self.address();
        match self {
            Self::Bgzf(_) => address.compressed(),
            _ => address.compressed() + n as u64,
        }
    }

    /// Appends a line to `line` without its `\n`; gives the file offset of the block that held the `\n` (of the last
    /// byte, where the file ends without one), none at the end.
    pub fn read_line(&mut self, line: &mut Vec<u8>) -> io::Result<Option<u64>> {
        let mut last = None;
        loop {
            let bytes = match self.fill() {
                Ok(bytes) => bytes,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            if bytes.is_empty() {
                return Ok(last);
            }
            let (take, found) = match memchr::memchr(b'\n', bytes) {
                Some(at) => (at, true),
                None => (bytes.len(), false),
            };
            if line.len() + take > MAX_RECORD_LEN {
                return Err(too_long("line"));
            }
            line.extend_from_slice(&bytes[..take]);
            let used = take + usize::from(found);
            let block = self.block_of(used - 1);
            self.consume(used);
            if found {
                return Ok(Some(block));
            }
            last = Some(block);
        }
    }

    /// Appends whole lines, each with its `\n`, until `lines` has `target` bytes or more. Counts them in `n`, on errors too.
    pub fn read_lines(&mut self, target: usize, lines: &mut Vec<u8>, n: &mut u64) -> io::Result<()> {
        let mut line_start = lines.len();
        while lines.len() < target || line_start < lines.len() {
            let bytes = match self.fill() {
                Ok(bytes) => bytes,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            if bytes.is_empty() {
                if line_start < lines.len() {
                    lines.push(b'\n');
                    *n += 1;
                }
                break;
            }
            // The first line that ends at the target or after it is the last.
            let enough = target.saturating_sub(lines.len() + 1).min(bytes.len());
            let take = memchr::memchr(b'\n', &bytes[enough..]).map_or(bytes.len(), |at| enough + at + 1);
            let bytes = &bytes[..take];
            let start = lines.len();
            lines.extend_from_slice(bytes);
            if let Some(last) = memchr::memrchr(b'\n', bytes) {
                *n += memchr::memchr_iter(b'\n', bytes).count() as u64;
                line_start = start + last + 1;
            }
            if lines.len() - line_start > MAX_RECORD_LEN {
                return Err(too_long("line"));
            }
            self.consume(take);
        }
        Ok(())
    }

    /// Passes over the rest of a line; gives the file offset of the block that held its `\n`, none where no block before
    /// file offset `end` has one.
    pub fn skip_line(&mut self, end: u64) -> io::Result<Option<u64>> {
        loop {
            let bytes = match self.fill() {
                Ok(bytes) => bytes,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            let (n, newline) = (bytes.len(), memchr::memchr(b'\n', bytes));
            if n == 0 || self.block_of(0) >= end {
                return Ok(None);
            }
            if let Some(at) = newline {
                let block = self.block_of(at);
                self.consume(at + 1);
                return Ok(Some(block).filter(|&block| block < end));
            }
            self.consume(n);
        }
    }

    /// Appends `n` bytes to `out`, growing it only as bytes arrive; false where the input ends before the first of them.
    pub fn read_exactly(&mut self, n: usize, out: &mut Vec<u8>) -> io::Result<bool> {
        let mut left = n;
        while left > 0 {
            let bytes = match self.fill() {
                Ok(bytes) => bytes,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            if bytes.is_empty() {
                if left == n {
                    return Ok(false);
                }
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the input ends within a record"));
            }
            let take = bytes.len().min(left);
            out.extend_from_slice(&bytes[..take]);
            self.consume(take);
            left -= take;
        }
        Ok(true)
    }
}

/// The error of a line or record over [`MAX_RECORD_LEN`].
pub fn too_long(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a {what} of more than {MAX_RECORD_LEN} bytes; the file is damaged or is not a VCF"),
    )
}
