//! Writing bgzip: what tabix and bcftools can index, and any gunzip can read.

use std::io::{self, Write};

use noodles::bgzf::io::writer::{Builder, CompressionLevel};

use super::bgzf::VirtualOffset;

/// Compresses what is written into BGZF blocks.
pub struct BgzipWriter<W: Write> {
    inner: noodles::bgzf::io::Writer<W>,
}

impl<W: Write> BgzipWriter<W> {
    /// A writer onto `inner`, at the default level.
    pub fn new(inner: W) -> Self {
        Self { inner: noodles::bgzf::io::Writer::new(inner) }
    }

    /// Writes the last block and the end-of-file block, and gives the inner writer back.
    pub fn finish(self) -> io::Result<W> {
        self.inner.finish()
    }
}

impl<W: Write> Write for BgzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Part of a BGZF file, made on its own so that parts can be compressed in parallel: whole blocks, without the
/// end-of-file block.
#[derive(Debug, Clone, Default)]
pub struct BgzipPart {
    /// The blocks.
    pub bytes: Vec<u8>,
    /// Where each record ends, as if the part began the file.
    pub ends: Vec<VirtualOffset>,
}

/// Compresses `bytes` at `level`, 1 (fast) to 12. `ends`: offsets in `bytes` at which records end, ascending.
///
/// # Errors
/// The compressor's.
pub fn compress_part(bytes: &[u8], ends: &[usize], level: u8) -> io::Result<BgzipPart> {
    let sink = Vec::with_capacity(bytes.len() / 4);
    let level = CompressionLevel::new(level).unwrap_or(CompressionLevel::FAST);
    let mut writer = Builder::default().set_compression_level(level).build_from_writer(sink);
    let mut places = Vec::with_capacity(ends.len());
    let mut from = 0;
    for &end in ends {
        writer.write_all(&bytes[from..end])?;
        places.push(VirtualOffset(u64::from(writer.virtual_position())));
        from = end;
    }
    writer.write_all(&bytes[from..])?;
    writer.flush()?;
    // The end of the last block is the start of the next part.
    let whole = VirtualOffset(u64::from(writer.virtual_position()));
    if let Some(last) = places.last_mut().filter(|_| from == bytes.len()) {
        *last = whole;
    }
    Ok(BgzipPart { bytes: writer.into_inner(), ends: places })
}
