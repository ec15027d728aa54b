//! Strings of variable length, written by ourselves: the library makes a heap collection of 4 KiB at a time and takes 40
//! bytes and a microsecond for every string. Here the strings of a band of rows make one piece of collections, in which
//! a short string stands once; a piece is an ordinary dataset of bytes, so that its room in the file is accounted for.
//!
//! The format is told in [`heap`](super::heap), which reads it.

use std::collections::HashMap;

use super::heap::{HEADER, REFERENCE};

/// Bytes of a collection, unless a string is longer. HDF5 reads a collection whole.
const COLLECTION: usize = 1 << 16;
/// The least that HDF5 takes for a collection.
const LEAST_COLLECTION: usize = 4096;
/// Strings up to this length, and chromosomes, are looked up before they are written again.
const SHORT: usize = 8;

/// A string in a piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextRef {
    length: u32,
    /// Of its collection, from the start of the piece.
    collection: usize,
    index: u32,
}

/// Collections that will lie together.
#[derive(Debug, Default)]
pub(super) struct TextPiece {
    bytes: Vec<u8>,
    /// Where the open collection starts.
    start: usize,
    n_objects: u32,
    known: HashMap<Box<[u8]>, TextRef>,
}

impl TextPiece {
    /// Puts a string, or finds it; a NUL, which would end it early, becomes U+FFFD.
    pub(super) fn put(&mut self, text: &str, often: bool) -> TextRef {
        if text.contains('\0') {
            return self.put(&text.replace('\0', "\u{fffd}"), often);
        }
        let text = text.as_bytes();
        if text.is_empty() {
            return TextRef { length: 0, collection: 0, index: 0 };
        }
        let looked_up = often || text.len() <= SHORT;
        if looked_up && let Some(&found) = self.known.get(text) {
            return found;
        }
        let put = self.put_object(text);
        if looked_up {
            self.known.insert(text.into(), put);
        }
        put
    }

    fn put_object(&mut self, text: &[u8]) -> TextRef {
        let size = HEADER + text.len().next_multiple_of(8);
        let is_open = self.bytes.len() > self.start;
        // There is always room for the header of the free rest.
        if is_open && self.bytes.len() - self.start + size + HEADER > COLLECTION {
            self.close(COLLECTION);
        }
        if self.bytes.len() == self.start {
            self.bytes.resize(self.start + HEADER, 0);
            self.n_objects = 0;
        }
        self.n_objects += 1;
        self.bytes.extend_from_slice(&(self.n_objects as u16).to_le_bytes());
        self.bytes.extend_from_slice(&[1, 0, 0, 0, 0, 0]);
        self.bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.bytes.extend_from_slice(text);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        TextRef { length: text.len() as u32, collection: self.start, index: self.n_objects }
    }

    /// Ends the open collection at `size` bytes or more, the rest of it free.
    fn close(&mut self, size: usize) {
        let used = self.bytes.len() - self.start;
        let size = size.max(used + HEADER);
        let header = &mut self.bytes[self.start..];
        header[..8].copy_from_slice(b"GCOL\x01\0\0\0");
        header[8..HEADER].copy_from_slice(&(size as u64).to_le_bytes());
        self.bytes.extend_from_slice(&[0; 8]);
        self.bytes.extend_from_slice(&((size - used) as u64).to_le_bytes());
        self.bytes.resize(self.start + size, 0);
        self.start = self.bytes.len();
    }

    /// The piece, to be written somewhere; empty if no string needs it. The next piece is begun.
    pub(super) fn take(&mut self) -> Vec<u8> {
        if self.bytes.len() > self.start {
            self.close(LEAST_COLLECTION);
        }
        self.known.clear();
        self.start = 0;
        std::mem::take(&mut self.bytes)
    }
}

/// References as they stand in a dataset, to strings of a piece that lies at `address`.
pub(super) fn references(texts: &[TextRef], address: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(REFERENCE * texts.len());
    for text in texts {
        let address = if text.length == 0 { 0 } else { address + text.collection as u64 };
        out.extend_from_slice(&text.length.to_le_bytes());
        out.extend_from_slice(&address.to_le_bytes());
        out.extend_from_slice(&text.index.to_le_bytes());
    }
    out
}
