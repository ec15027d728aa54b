//! Reads variable-length strings from HDF5's global heap by ourselves: it is the one part of a file without a checksum,
//! and libhdf5 (1.10.8) crashes on a damaged one. Every length here is checked, and it is faster too.
//!
//! On disk a string is (length u32, address of a heap collection u64, index in it u32), little-endian; a collection is
//! "GCOL", version 1, three bytes, size u64, then objects (index u16, references u16, four bytes, size u64, data padded
//! to 8), of which index 0 is the free rest. HDF5 File Format Specification 3.0, III.E and VIII.D.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use hdf5::Dataset;
use hdf5::types::TypeDescriptor;

use super::error::{Place, StoreError};

/// Bytes of a reference.
pub(super) const REFERENCE: usize = 16;
/// Bytes before the first object of a collection, and of each object's header.
pub(super) const HEADER: usize = 16;
/// Largest collection that is read: a collection is larger than 4 KiB only for a single larger string.
const MAX_COLLECTION: u64 = 1 << 28;
/// Most bytes of text that one call returns.
const MAX_TEXT: usize = 1 << 30;
/// Bytes of collections kept while a range is read, the last one aside.
const MAX_KEPT: usize = 1 << 22;

/// The file, beside the library's own handle on it.
pub(super) struct Strings {
    file: File,
    length: u64,
    /// Datasets with strings that are not UTF-8, and how many were read.
    not_utf8: Mutex<BTreeMap<String, u64>>,
}

/// Collections read last: neighbours in a column are mostly neighbours in the heap.
#[derive(Default)]
struct Kept {
    collections: BTreeMap<u64, Collection>,
    bytes: usize,
    /// Strings that are not UTF-8.
    n_not_utf8: u64,
}

struct Collection {
    bytes: Vec<u8>,
    /// Where the data of each index are.
    objects: Vec<Range<usize>>,
}

impl Strings {
    /// Takes the file if addresses and lengths in it are 8 bytes and count from its start, as norna writes them.
    pub(super) fn open(place: &Place) -> Result<Self, StoreError> {
        let failed = |error| place.io("cannot read", error);
        let file = File::open(&place.path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut superblock = [0; 20];
        file.read_exact_at(&mut superblock, 0).map_err(|_| place.not_norna("it is shorter than a superblock"))?;
        // Superblock versions 2 and 3: signature, version, size of offsets, size of lengths, flags, base address.
        if !matches!(superblock[8..11], [2 | 3, 8, 8]) || superblock[12..20] != [0; 8] {
            return Err(place.not_norna("its superblock is not one that norna writes"));
        }
        Ok(Self { file, length, not_utf8: Mutex::default() })
    }

    /// Datasets with strings that are not UTF-8, and how many of them were read so far.
    pub(super) fn not_utf8(&self) -> BTreeMap<String, u64> {
        self.not_utf8.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The file itself.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Strings of a range of a contiguous dataset, whose bounds the caller has checked; a scalar is 0..1. What is not
    /// UTF-8 is replaced.
    pub(super) fn read(
        &self,
        place: &Place,
        name: &str,
        dataset: &Dataset,
        rows: Range<usize>,
    ) -> Result<Vec<String>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let descriptor = place.h5(name, dataset.dtype().and_then(|dtype| dtype.to_descriptor()))?;
        if !matches!(descriptor, TypeDescriptor::VarLenUnicode | TypeDescriptor::VarLenAscii) {
            return Err(place.malformed(name, "its type is not a string of variable length"));
        }
        let damaged = |problem: &str| place.malformed(name, problem);
        let offset = dataset.offset().ok_or_else(|| damaged("it is not laid out in one piece"))?;
        let start = offset.checked_add((rows.start * REFERENCE) as u64).ok_or_else(|| damaged("it has no place"))?;
        if ((rows.len() * REFERENCE) as u64).checked_add(start).is_none_or(|end| end > self.length) {
            return Err(damaged("it ends after the file"));
        }
        let mut references = vec![0; rows.len() * REFERENCE];
        self.file.read_exact_at(&mut references, start).map_err(|error| place.io("cannot read", error))?;
        let mut kept = Kept::default();
        let mut room = MAX_TEXT;
        let text = |reference: &[u8]| self.text(&mut kept, &mut room, reference);
        let texts: io::Result<Vec<String>> = references.chunks_exact(REFERENCE).map(text).collect();
        if kept.n_not_utf8 > 0 {
            let mut not_utf8 = self.not_utf8.lock().unwrap_or_else(PoisonError::into_inner);
            *not_utf8.entry(name.to_owned()).or_default() += kept.n_not_utf8;
        }
        texts.map_err(|error| damaged(&error.to_string()))
    }

    /// The string that a reference of [`REFERENCE`] bytes is of.
    pub(super) fn one(&self, reference: &[u8]) -> io::Result<String> {
        let mut room = MAX_TEXT;
        self.text(&mut Kept::default(), &mut room, reference)
    }

    fn text(&self, kept: &mut Kept, room: &mut usize, reference: &[u8]) -> io::Result<String> {
        let length = u32_at(reference, 0)? as usize;
        if length == 0 {
            return Ok(String::new());
        }
        *room = room.checked_sub(length).ok_or_else(|| bad("more than 1 GiB of strings"))?;
        let (address, index) = (u64_at(reference, 4)?, u32_at(reference, 12)? as usize);
        if !kept.collections.contains_key(&address) {
            if kept.bytes > MAX_KEPT {
                *kept = Kept { n_not_utf8: kept.n_not_utf8, ..Kept::default() };
            }
            let collection = self.collection(address)?;
            kept.bytes += collection.bytes.len();
            kept.collections.insert(address, collection);
        }
        let collection = kept.collections.get(&address).ok_or_else(|| bad("a heap collection is missing"))?;
        let object = collection.objects.get(index).cloned().unwrap_or(0..0);
        let bytes = collection.bytes.get(object).and_then(|bytes| bytes.get(..length));
        let bytes = bytes.ok_or_else(|| bad("a string is longer than its place in the heap"))?;
        let text = String::from_utf8_lossy(bytes);
        if matches!(text, Cow::Owned(_)) {
            kept.n_not_utf8 += 1;
        }
        Ok(text.into_owned())
    }

    fn collection(&self, address: u64) -> io::Result<Collection> {
        let mut header = [0; HEADER];
        self.file.read_exact_at(&mut header, address).map_err(|_| bad("a heap collection is outside of the file"))?;
        let size = u64_at(&header, 8)?;
        let inside = address.checked_add(size).is_some_and(|end| end <= self.length);
        if header[..5] != *b"GCOL\x01" || size < HEADER as u64 || size > MAX_COLLECTION || !inside {
            return Err(bad("a string points to something that is no heap collection"));
        }
        let mut bytes = vec![0; size as usize];
        self.file.read_exact_at(&mut bytes, address)?;
        let mut objects = Vec::new();
        let mut at = HEADER;
        while at + HEADER <= bytes.len() {
            let index = usize::from(u16_at(&bytes, at)?);
            if index == 0 {
                break;
            }
            let data = at + HEADER;
            let end = usize::try_from(u64_at(&bytes, at + 8)?).ok().and_then(|size| data.checked_add(size));
            let end =
                end.filter(|&end| end <= bytes.len()).ok_or_else(|| bad("a heap object leaves its collection"))?;
            if objects.len() <= index {
                objects.resize(index + 1, 0..0);
            }
            objects[index] = data..end;
            at = end.next_multiple_of(8);
        }
        Ok(Collection { bytes, objects })
    }
}

fn bad(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> io::Result<[u8; N]> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<N>());
    found.copied().ok_or_else(|| bad("a heap collection ends early"))
}

fn u16_at(bytes: &[u8], at: usize) -> io::Result<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> io::Result<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> io::Result<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}
