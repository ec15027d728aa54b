//! The root attributes that are strings, for other readers, against the signature.
//!
//! The library crashes on damaged strings, so their messages are read by ourselves, from the root's object header: version 2,
//! in blocks of messages, of which type 12 is an attribute and 16 says where the next block lies (HDF5 File Format
//! Specification 3.0, IV.A.1.b, IV.A.2.m, IV.A.2.q).

use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::super::heap::{REFERENCE, Strings};
use super::super::reader::ResultsReader;
use super::super::schema::FORMAT;
use super::Findings;

/// Bytes of the superblock, versions 2 and 3, at which the root's address stands.
const ROOT_AT: u64 = 36;
/// Blocks of messages that are looked into.
const MAX_BLOCKS: usize = 16;
/// Bytes of a block that are read.
const MAX_BLOCK: u64 = 1 << 16;
/// Types of messages.
const ATTRIBUTE: u8 = 12;
const CONTINUATION: u8 = 16;

/// Looks at `store`, `norna_version` and `format` of a results file.
pub(super) fn check(reader: &ResultsReader, findings: &mut Findings) {
    let name = reader.header.store.name();
    let expected = [("store", name), ("norna_version", reader.norna_version()), ("format", FORMAT)];
    check_texts(&reader.strings, &expected, findings);
}

/// Looks whether root attributes have the text that the signature tells of.
pub(super) fn check_texts(strings: &Strings, expected: &[(&str, &str)], findings: &mut Findings) {
    for &(attribute, expected) in expected {
        match root_text(strings, attribute) {
            Ok(Some(found)) if found == expected => {}
            Ok(found) => findings.add("shape", &format!("attribute {attribute}"), || {
                format!(
                    "{} where the signature has {expected:?}",
                    found.map_or("none".to_owned(), |text| format!("{text:?}"))
                )
            }),
            Err(error) => {
                findings.add("shape", &format!("attribute {attribute}"), || format!("cannot be read: {error}"))
            }
        }
    }
}

/// The text of a root attribute that is one string; `None` if there is none of this name.
pub(in crate::store) fn root_text(strings: &Strings, name: &str) -> io::Result<Option<String>> {
    let file = strings.file();
    let mut root = [0; 8];
    file.read_exact_at(&mut root, ROOT_AT)?;
    let root = u64::from_le_bytes(root);
    let mut head = [0; 34];
    file.read_exact_at(&mut head, root)?;
    let flags = head[5];
    let size_at = 6 + if flags & 0x20 != 0 { 16 } else { 0 } + if flags & 0x10 != 0 { 4 } else { 0 };
    let size_bytes = 1 << (flags & 3);
    let size = little(&head[size_at..size_at + size_bytes]);
    if head[..5] != *b"OHDR\x02" {
        return Err(bad("the root's header is not one that norna writes"));
    }
    let mut blocks = vec![(root + (size_at + size_bytes) as u64, size)];
    let mut next = 0;
    while let Some(&(address, size)) = blocks.get(next).filter(|_| next < MAX_BLOCKS) {
        let mut block = vec![0; size.min(MAX_BLOCK) as usize];
        file.read_exact_at(&mut block, address)?;
        for (kind, message) in messages(&block, flags & 4 != 0) {
            let message = &block[message];
            match kind {
                ATTRIBUTE => {
                    if let Some(reference) = reference(message, name) {
                        return strings.one(reference).map(Some);
                    }
                }
                CONTINUATION if message.len() >= 16 => {
                    // "OCHK" before and a checksum behind.
                    let (at, size) = (little(&message[..8]), little(&message[8..16]));
                    blocks.push((at.saturating_add(4), size.saturating_sub(8)));
                }
                _ => {}
            }
        }
        next += 1;
    }
    Ok(None)
}

/// Types and places of the messages in a block.
fn messages(block: &[u8], ordered: bool) -> Vec<(u8, Range<usize>)> {
    let header = 4 + if ordered { 2 } else { 0 };
    let (mut found, mut at) = (Vec::new(), 0);
    while at + header <= block.len() {
        let data = at + header;
        let end = data + little(&block[at + 1..at + 3]) as usize;
        if end > block.len() {
            break;
        }
        found.push((block[at], data..end));
        at = end;
    }
    found
}

/// The reference to the heap in an attribute's message, version 3, if it has this name.
fn reference<'a>(message: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let sizes = message.get(..9).filter(|head| head[0] == 3)?;
    let size = |at: usize| little(&sizes[at..at + 2]) as usize;
    let (name_end, data) = (9 + size(2), 9 + size(2) + size(4) + size(6));
    let found = message.get(9..name_end)?.split(|&byte| byte == 0).next()?;
    (found == name.as_bytes()).then(|| message.get(data..data + REFERENCE)).flatten()
}

fn little(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

fn bad(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}
