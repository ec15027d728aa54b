//! Writing bgzip: what tabix and bcftools can index, and any gunzip can read.

use std::io::{self, Write};

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
