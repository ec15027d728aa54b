//! Bytes and pages of a Parquet file, each length checked against what is there before the decoder reserves memory for it.

use std::fs::File;
use std::io::BufReader;

use bytes::Bytes;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// Most bytes of a page once it is inflated; writers make them of a few MB at most.
const MAX_PAGE: usize = 1 << 29;

/// A file that gives no bytes behind its end.
pub(super) struct Bounded {
    file: File,
    len: u64,
}

impl Bounded {
    pub fn new(file: File) -> std::io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }
}

impl Length for Bounded {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Bounded {
    type T = BufReader<File>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        if start > self.len {
            return Err(ParquetError::EOF(format!("byte {start} of a file of {}", self.len)));
        }
        self.file.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.len) {
            return Err(ParquetError::EOF(format!("{length} bytes from byte {start} of a file of {}", self.len)));
        }
        self.file.get_bytes(start, length)
    }
}

/// Pages whose counts fit their bytes.
pub(super) struct CheckedPages(pub Box<dyn PageReader>);

impl CheckedPages {
    fn checked(page: Page) -> Result<Page> {
        let (len, n_values) = match &page {
            // A value of a dictionary takes a byte at least.
            Page::DictionaryPage { buf, num_values, .. } => (buf.len(), *num_values as usize),
            Page::DataPage { buf, .. } | Page::DataPageV2 { buf, .. } => (buf.len(), 0),
        };
        if n_values > len || len > MAX_PAGE {
            return Err(ParquetError::General(format!("a page of {len} bytes says it holds {n_values} values")));
        }
        Ok(page)
    }
}

impl Iterator for CheckedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.0.get_next_page()?.map(Self::checked).transpose()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.0.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.0.skip_next_page()
    }
}
