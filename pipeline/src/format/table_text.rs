//! Lines of text files as people have them: plain, gzip or bgzip, with a byte-order mark, with CRLF. Every reader of
//! small text inputs (tables, lists, predictions) stands on this one, so that all of them accept and refuse the same.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use thiserror::Error;

/// Longest line read; a guard against damaged or hostile files (a table of 500,000 samples on one line has 10 MB).
pub const MAX_LINE_BYTES: usize = 1 << 28;

/// The empty block that ends every whole BGZF file (SAM specification, section 4.1.2).
const BGZF_EOF: [u8; 28] = [
    0x1f, 0x8b, 0x08, 0x04, 0, 0, 0, 0, 0, 0xff, 0x06, 0, 0x42, 0x43, 0x02, 0, 0x1b, 0, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// Why the bytes of a text file could not be read as lines.
#[derive(Debug, Error)]
pub enum TextError {
    /// The file could not be opened or read.
    #[error("{path}: {source}")]
    Io {
        /// The file as named by the user.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is compressed or packed in a way that is not read.
    #[error("{path}: this is a {kind} file; save it as plain text or gzip")]
    Packed {
        /// The file.
        path: String,
        /// What its first bytes say it is.
        kind: &'static str,
    },
    /// The gzip or bgzip stream is damaged or ends early.
    #[error("{path}: after line {line}: damaged or truncated gzip data ({source}); copy or compress the file again")]
    Gzip {
        /// The file.
        path: String,
        /// The last whole line read, 1-based; 0 when none was.
        line: u64,
        /// What the decompressor said.
        source: io::Error,
    },
    /// A bgzip file without its end marker.
    #[error("{path}: truncated: the end-of-file block of bgzip is missing; copy or compress the file again")]
    TruncatedBgzf {
        /// The file.
        path: String,
    },
    /// Text in UTF-16, as spreadsheets save "Unicode text".
    #[error("{path}: the text is UTF-16; save it as UTF-8 or plain text")]
    Utf16 {
        /// The file.
        path: String,
    },
    /// A NUL byte.
    #[error("{path}: line {line}: holds a NUL byte, so this is not a text file")]
    Binary {
        /// The file.
        path: String,
        /// 1-based.
        line: u64,
    },
    /// A line over [`MAX_LINE_BYTES`].
    #[error("{path}: line {line}: longer than {} MiB; is this a text table?", MAX_LINE_BYTES >> 20)]
    LongLine {
        /// The file.
        path: String,
        /// 1-based.
        line: u64,
    },
    /// Line ends of one carriage return.
    #[error("{path}: line {line}: line ends are bare carriage returns (old Mac); convert them to newlines")]
    BareCr {
        /// The file.
        path: String,
        /// 1-based.
        line: u64,
    },
    /// No byte, or nothing but blank lines and comments.
    #[error("{path}: the file is empty")]
    Empty {
        /// The file.
        path: String,
    },
}

/// Lines of one text file. Coordinates: `line_number` is 1-based and counts every line of the file.
pub struct LineReader {
    path: String,
    reader: Box<dyn BufRead + Send>,
    is_gzip: bool,
    line_number: u64,
    offset: u64,
    buffer: Vec<u8>,
}

impl LineReader {
    /// Opens a plain, gzip or bgzip file by its first bytes (not by its name).
    pub fn open(path: &Path) -> Result<Self, TextError> {
        let name = path.display().to_string();
        let io_error = |source| TextError::Io { path: name.clone(), source };
        let kind = std::fs::metadata(path).map_err(io_error)?.file_type();
        if kind.is_fifo() || kind.is_socket() {
            let problem =
                "a pipe: tables and lists are read by every process, some parts twice; write it into a file first";
            return Err(io_error(io::Error::other(problem)));
        }
        let mut file = File::open(path).map_err(io_error)?;
        let mut magic = [0u8; 18];
        let n = read_up_to(&mut file, &mut magic).map_err(io_error)?;
        let magic = &magic[..n];
        if let Some(kind) = packed_kind(magic) {
            return Err(TextError::Packed { path: name, kind });
        }
        if magic.starts_with(&[0xff, 0xfe]) || magic.starts_with(&[0xfe, 0xff]) {
            return Err(TextError::Utf16 { path: name });
        }
        let is_gzip = magic.starts_with(&[0x1f, 0x8b]);
        if is_gzip && is_bgzf(magic) && !ends_with_eof_block(&mut file).map_err(io_error)? {
            return Err(TextError::TruncatedBgzf { path: name });
        }
        file.seek(SeekFrom::Start(0)).map_err(io_error)?;
        let file = BufReader::with_capacity(1 << 18, file);
        let reader: Box<dyn BufRead + Send> = if is_gzip {
            Box::new(BufReader::with_capacity(1 << 18, MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        Ok(Self { path: name, reader, is_gzip, line_number: 0, offset: 0, buffer: Vec::new() })
    }

    /// Opens an uncompressed file at the start of a line, as [`LineReader::offset`] gave it. Lines count from there.
    pub fn open_at(path: &Path, offset: u64) -> Result<Self, TextError> {
        let name = path.display().to_string();
        let io_error = |source| TextError::Io { path: name.clone(), source };
        let mut file = File::open(path).map_err(io_error)?;
        file.seek(SeekFrom::Start(offset)).map_err(io_error)?;
        let reader = Box::new(BufReader::with_capacity(1 << 18, file));
        Ok(Self { path: name, reader, is_gzip: false, line_number: 0, offset, buffer: Vec::new() })
    }

    /// Byte of the (uncompressed) text at which the next line starts.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The file as named by the user.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the file is compressed (so that a byte offset in the text is no offset in the file).
    pub fn is_gzip(&self) -> bool {
        self.is_gzip
    }

    /// Number of the line last returned, 1-based; 0 before the first.
    pub fn line_number(&self) -> u64 {
        self.line_number
    }

    /// The next line without its end; `None` after the last. A byte-order mark before the first line is left out.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, TextError> {
        self.buffer.clear();
        let limit = MAX_LINE_BYTES as u64 + 2;
        let n = match self.reader.by_ref().take(limit).read_until(b'\n', &mut self.buffer) {
            Ok(n) => n,
            Err(source) if self.is_gzip => {
                return Err(TextError::Gzip { path: self.path.clone(), line: self.line_number, source });
            }
            Err(source) => return Err(TextError::Io { path: self.path.clone(), source }),
        };
        if n == 0 {
            return Ok(None);
        }
        self.line_number += 1;
        self.offset += n as u64;
        let line = self.line_number;
        if n as u64 == limit && self.buffer.last() != Some(&b'\n') {
            return Err(TextError::LongLine { path: self.path.clone(), line });
        }
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
        }
        if self.buffer.last() == Some(&b'\r') {
            self.buffer.pop();
        }
        if line == 1 && self.buffer.starts_with(&[0xff, 0xfe]) {
            return Err(TextError::Utf16 { path: self.path.clone() });
        }
        match memchr::memchr2(0, b'\r', &self.buffer) {
            Some(at) if self.buffer[at] == 0 => return Err(TextError::Binary { path: self.path.clone(), line }),
            Some(_) => return Err(TextError::BareCr { path: self.path.clone(), line }),
            None => {}
        }
        if line == 1 && self.buffer.starts_with(&[0xef, 0xbb, 0xbf]) {
            self.buffer.drain(..3);
        }
        Ok(Some(&self.buffer))
    }

    /// The next line that is neither blank nor, with `comments`, starts with `##`.
    pub fn next_content_line(&mut self, comments: bool) -> Result<Option<&[u8]>, TextError> {
        loop {
            let skip = match self.next_line()? {
                None => return Ok(None),
                Some(line) => line.iter().all(u8::is_ascii_whitespace) || (comments && line.starts_with(b"##")),
            };
            if !skip {
                return Ok(Some(&self.buffer));
            }
        }
    }
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match file.read(&mut buffer[n..])? {
            0 => break,
            m => n += m,
        }
    }
    Ok(n)
}

fn packed_kind(magic: &[u8]) -> Option<&'static str> {
    let kinds: [(&[u8], &str); 6] = [
        (b"PK\x03\x04", "zip or Excel"),
        (&[0xd0, 0xcf, 0x11, 0xe0], "Excel"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
        (&[0xfd, b'7', b'z', b'X', b'Z'], "xz"),
        (b"BZh", "bzip2"),
        (b"PAR1", "Parquet"),
    ];
    kinds.iter().find(|(bytes, _)| magic.starts_with(bytes)).map(|(_, kind)| *kind)
}

fn is_bgzf(magic: &[u8]) -> bool {
    magic.len() >= 18 && magic[3] & 4 != 0 && magic[12..14] == *b"BC"
}

fn ends_with_eof_block(file: &mut File) -> io::Result<bool> {
    let length = file.seek(SeekFrom::End(0))?;
    if length < BGZF_EOF.len() as u64 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-(BGZF_EOF.len() as i64)))?;
    let mut tail = [0u8; BGZF_EOF.len()];
    file.read_exact(&mut tail)?;
    Ok(tail == BGZF_EOF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn lines(bytes: &[u8]) -> Result<Vec<String>, TextError> {
        let file = file(bytes);
        let mut reader = LineReader::open(file.path())?;
        let mut out = Vec::new();
        while let Some(line) = reader.next_line()? {
            out.push(String::from_utf8(line.to_vec()).unwrap());
        }
        Ok(out)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn pipes_are_refused_before_they_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let message = LineReader::open(&path).err().unwrap().to_string();
        assert!(message.contains("fifo: a pipe: "), "{message}");
    }

    #[test]
    fn reads_bom_crlf_and_a_last_line_without_end() {
        assert_eq!(lines(b"\xef\xbb\xbfa\tb\r\n1\t2").unwrap(), ["a\tb", "1\t2"]);
    }

    #[test]
    fn reads_gzip_of_several_members_whatever_the_name() {
        let mut bytes = gzip(b"a b\n1 ");
        bytes.extend(gzip(b"2\n"));
        assert_eq!(lines(&bytes).unwrap(), ["a b", "1 2"]);
    }

    #[test]
    fn truncated_gzip_is_an_error() {
        let bytes = gzip(b"a b\n1 2\n");
        let message = lines(&bytes[..bytes.len() - 9]).unwrap_err().to_string();
        assert!(message.contains("damaged or truncated gzip data"), "{message}");
    }

    #[test]
    fn bgzip_without_its_end_is_an_error() {
        let mut writer = noodles::bgzf::io::Writer::new(Vec::new());
        writer.write_all(b"a b\n1 2\n").unwrap();
        let bytes = writer.finish().unwrap();
        assert_eq!(lines(&bytes).unwrap(), ["a b", "1 2"]);
        let message = lines(&bytes[..bytes.len() - 28]).unwrap_err().to_string();
        assert!(message.ends_with("the end-of-file block of bgzip is missing; copy or compress the file again"));
    }

    #[test]
    fn names_what_is_not_text() {
        let message = |bytes: &[u8]| lines(bytes).unwrap_err().to_string();
        assert!(message(b"PK\x03\x04xxxx").contains("this is a zip or Excel file"));
        assert!(message(b"\xff\xfeI\0I\0D\0").contains("the text is UTF-16"));
        assert!(message(b"a\x00b\n").contains("line 1: holds a NUL byte"));
        assert!(message(b"a b\r1 2\r").contains("bare carriage returns"));
    }
}
