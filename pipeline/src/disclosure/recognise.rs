//! What a file is, as far as its release goes: results, or single people's data.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::DisclosureError;
use crate::identity::TABLE_START;
use crate::store::{CisReader, DepthReader, ProteinsReader, is_individual_level};

/// Bytes of a file's head that are looked at.
const HEAD: u64 = 256;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// results.h5.
    Results,
    /// cis.h5.
    Cis,
    /// Single people's data, of this kind.
    Individual(&'static str),
}

/// Starts of files of single people's data.
const STARTS: [(&[u8], &str); 18] = [
    (b"##fileformat=VCF", "genotypes of single people (VCF)"),
    (b"BCF\x02", "genotypes or likelihoods of single people (BCF)"),
    (b"BAM\x01", "reads of a person (BAM)"),
    (b"CRAM", "reads of a person (CRAM)"),
    (TABLE_START.as_bytes(), "whose reads are whose (the table of norna identity)"),
    (b"#FID", "a table with a row a sample"),
    (b"#IID", "a table with a row a sample"),
    (b"FID\t", "a table with a row a sample"),
    (b"IID\t", "a table with a row a sample"),
    (b"FID,", "a table with a row a sample"),
    (b"IID,", "a table with a row a sample"),
    (b"FID ", "a table with a row a sample"),
    (b"IID ", "a table with a row a sample"),
    (b"SampleID", "a laboratory's table by sample"),
    (b"!Checksum", "a laboratory's table by sample (ADAT)"),
    (b"\x6c\x1b", "genotypes of single people (PLINK)"),
    (b"#chr\tstart\tend\t", "phenotypes by person (BED)"),
    (b"NFRM", "a spool of a run"),
];

/// Recognises a file by what is in it.
///
/// # Errors
/// It cannot be read, or is of no kind that is known.
pub fn recognise(path: &Path) -> Result<Content, DisclosureError> {
    let unknown = |what: String| DisclosureError::Unknown { path: path.to_path_buf(), what };
    let metadata = std::fs::metadata(path).map_err(|error| unknown(format!("cannot be opened ({error})")))?;
    if metadata.is_dir() {
        return match path.join("run.json").is_file() {
            true => Ok(Content::Individual("a working folder of a run: rows and likelihoods that are not results yet")),
            false => Err(unknown("a folder; give a file".to_owned())),
        };
    }
    let head = head(path).map_err(|error| unknown(format!("cannot be read ({error})")))?;
    if let Some((_, what)) = STARTS.iter().find(|(start, _)| starts_with(&head, start)) {
        return Ok(Content::Individual(what));
    }
    if !head.starts_with(b"\x89HDF\r\n\x1a\n") {
        return Err(unknown("of no kind that is known".to_owned()));
    }
    Ok(if DepthReader::is_depth(path) {
        Content::Individual("depth of coverage by person (depth.h5)")
    } else if ProteinsReader::is_proteins(path) {
        Content::Individual("proteins by person (proteins.h5)")
    } else if is_individual_level(path) {
        Content::Individual("a file that says of itself that it holds individual-level data")
    } else if CisReader::is_cis(path) {
        Content::Cis
    } else {
        Content::Results
    })
}

/// Names of columns are written in any case.
fn starts_with(head: &[u8], start: &[u8]) -> bool {
    head.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// The first bytes, inflated where the file is compressed.
fn head(path: &Path) -> io::Result<Vec<u8>> {
    let read = |file: &mut dyn Read| {
        let mut head = Vec::new();
        file.take(HEAD).read_to_end(&mut head).map(|_| head)
    };
    let plain = read(&mut File::open(path)?)?;
    if plain.starts_with(&[0x1f, 0x8b]) { read(&mut MultiGzDecoder::new(File::open(path)?)) } else { Ok(plain) }
}
