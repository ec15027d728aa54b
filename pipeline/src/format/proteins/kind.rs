//! What a file that is no table is, by its first bytes, plain or within gzip.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::error::ProteinFileError;

/// First bytes, what they are, and what to do.
const KINDS: [(&[u8], &str); 13] = [
    (b"\x89HDF\r\n\x1a\n", "HDF5 (norna writes proteins.h5 so: give the laboratory's file)"),
    (b"PK\x03\x04", "zip or Excel: unpack it, or save the sheet as CSV"),
    (b"PK\x05\x06", "an empty zip"),
    (b"PK\x07\x08", "zip: unpack it"),
    (b"\xd0\xcf\x11\xe0", "Excel: save the sheet as CSV"),
    (b"ARROW1", "Arrow or Feather: write it as Parquet or CSV"),
    (b"SQLite format 3", "SQLite: export the table as CSV"),
    (b"RDX", "R's: write the table as CSV"),
    (b"X\n\0\0\0", "R's: write the table as CSV"),
    (b"BAM\x01", "BAM, which holds reads"),
    (b"BCF\x02", "BCF, which holds variants"),
    (b"##fileformat=VCF", "VCF, which holds variants"),
    (b"%PDF", "PDF"),
];
/// What is no text within gzip, though it is read as it is.
const WITHIN: [(&[u8], &str); 2] =
    [(b"PAR1", "Parquet: unpack it first"), (b"\x1f\x8b", "gzip within gzip: unpack it once")];
const TAR_AT: usize = 257;

/// Refuses what is known to be another kind of file. Damage is left to the readers.
pub(super) fn refuse_other(path: &Path) -> Result<(), ProteinFileError> {
    let Some(start) = File::open(path).ok().filter(|_| path.is_file()).map(first_bytes) else { return Ok(()) };
    let mut found = known(&start, &KINDS);
    let mut packing = "";
    if start.starts_with(b"\x1f\x8b") {
        let within = File::open(path).map(|file| first_bytes(MultiGzDecoder::new(file))).unwrap_or_default();
        let is_tar = within.get(TAR_AT..TAR_AT + 5) == Some(b"ustar");
        packing = "gzip of ";
        found = known(&within, &KINDS).or(known(&within, &WITHIN)).or(is_tar.then_some("tar: unpack it"));
    }
    match found {
        Some(kind) => Err(ProteinFileError::file(&path.display().to_string(), format!("no table but {packing}{kind}"))),
        None => Ok(()),
    }
}

fn known(start: &[u8], kinds: &[(&[u8], &'static str)]) -> Option<&'static str> {
    kinds.iter().find(|(bytes, _)| start.starts_with(bytes)).map(|(_, kind)| *kind)
}

/// Up to 512 bytes; fewer where the file ends or is damaged.
fn first_bytes(from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What was read before an error stays.
    let _ = from.take(512).read_to_end(&mut bytes);
    bytes
}
