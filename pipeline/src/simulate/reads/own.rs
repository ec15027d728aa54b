//! Which files of a folder this command made: by what is in them, never by their names alone. Whatever is in doubt was not.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use md5::{Digest, Md5};

use super::super::output::MARK;
use super::folder::{LIST, REFERENCE, REFERENCE_INDEX, SITES, SITES_INDEX, TRUTH};
use crate::format::bam_write::header_text;
use crate::format::bgzf::Compression;
use crate::format::bgzf_source::ByteSource;

/// Longest line of a genome that is looked at; those that are made have 60 bases, or the name of a contig.
const MAX_FASTA_LINE: u64 = 1 << 16;

/// A file that was not made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// By its name, which no sample gave it.
    File(OsString),
    /// The BAM of a row of the table, or its index, by the row from 1.
    OfRow(usize),
}

/// The first of `names` in `folder` that was not made here.
pub fn first_foreign(folder: &Path, names: &[OsString]) -> Option<Foreign> {
    let Some(truth) = Truth::read(&folder.join(TRUTH)) else {
        let table = names.iter().find(|name| *name == TRUTH);
        return table.or(names.first()).cloned().map(Foreign::File);
    };
    let is_own = |name: &OsString| {
        let is_file = fs::symlink_metadata(folder.join(name)).is_ok_and(|metadata| metadata.is_file());
        is_file && truth.has_made(folder, name).unwrap_or(false)
    };
    let name = names.iter().find(|name| !is_own(name))?;
    Some(truth.row_of(name).map_or_else(|| Foreign::File(name.clone()), |row| Foreign::OfRow(row + 1)))
}

/// The table of what the files hold.
struct Truth {
    /// The line that marks it and all files that can have a line.
    mark: String,
    /// Samples and names of their files.
    rows: Vec<(String, String)>,
}

impl Truth {
    fn read(path: &Path) -> Option<Self> {
        if !fs::symlink_metadata(path).ok()?.is_file() {
            return None;
        }
        let text = fs::read_to_string(path).ok()?;
        let mut lines = text.lines();
        let mark = lines.next().filter(|line| line.strip_prefix("##").is_some_and(|line| line.starts_with(MARK)))?;
        lines.next().filter(|line| line.starts_with("#IID\tBAM\t"))?;
        let row = |line: &str| {
            let mut fields = line.split('\t').map(str::to_owned);
            Some((fields.next()?, fields.next()?))
        };
        Some(Self { mark: mark.to_owned(), rows: lines.map(row).collect::<Option<_>>()? })
    }

    /// The row whose BAM or index has this name.
    fn row_of(&self, name: &OsStr) -> Option<usize> {
        let name = name.to_str()?;
        let bam = name.strip_suffix(".bai").unwrap_or(name);
        self.rows.iter().position(|(_, of_row)| of_row == bam)
    }

    fn has_made(&self, folder: &Path, name: &OsStr) -> io::Result<bool> {
        let path = folder.join(name);
        match name.to_str().unwrap_or_default() {
            TRUTH => Ok(true),
            LIST => Ok(self.is_list(&fs::read_to_string(path)?)),
            REFERENCE => is_genome(&path, &self.contigs(folder)),
            REFERENCE_INDEX => Ok(is_index(&fs::read_to_string(path)?, &self.contigs(folder))),
            SITES => {
                let head = inflated_head(&path)?;
                let head = String::from_utf8_lossy(&head);
                // Whoever has changed it with bcftools has made it theirs.
                Ok(head.lines().any(|line| line == self.mark) && !head.contains("\n##bcftools"))
            }
            SITES_INDEX => Ok(inflated_head(&path)?.starts_with(b"TBI\x01")),
            name => match self.row_of(OsStr::new(name)) {
                Some(_) if name.ends_with(".bai") => Ok(first_bytes(&path)? == *b"BAI\x01"),
                Some(row) => Ok(self.is_bam(row, &header_text(&path)?)),
                None => Ok(false),
            },
        }
    }

    /// Samples and files as in the table, in its order; folders before the names do not matter.
    fn is_list(&self, text: &str) -> bool {
        let is_row = |(line, (sample, bam)): (&str, &(String, String))| {
            let fields = line.split_once('\t');
            fields.is_some_and(|(of, path)| of == sample && Path::new(path).file_name() == Some(OsStr::new(bam)))
        };
        text.lines().count() == self.rows.len() && text.lines().zip(&self.rows).all(is_row)
    }

    /// By the header: of that sample, with the table's mark, and no other program had a hand in it.
    fn is_bam(&self, row: usize, header: &str) -> bool {
        let programs: Vec<&str> = header.lines().filter(|line| line.starts_with("@PG\t")).collect();
        let is_norna = matches!(programs[..], [one] if has_field(one, "ID:norna") && has_field(one, "PN:norna"));
        let has_mark = header.lines().any(|line| line.strip_prefix("@CO\t") == Some(&self.mark));
        let sample = format!("SM:{}", self.rows[row].0);
        let mut groups = header.lines().filter(|line| line.starts_with("@RG\t"));
        is_norna && has_mark && groups.all(|line| has_field(line, &sample))
    }

    /// Contigs by the header of the first BAM that was made here: name, length and MD5, as text.
    fn contigs(&self, folder: &Path) -> Vec<[String; 3]> {
        let of_row = |(row, (_, bam)): (usize, &(String, String))| {
            let header = header_text(&folder.join(bam)).ok()?;
            self.is_bam(row, &header).then_some(header)
        };
        let header = self.rows.iter().enumerate().find_map(of_row).unwrap_or_default();
        let contigs = header.lines().filter(|line| line.starts_with("@SQ\t")).map(|line| {
            ["SN:", "LN:", "M5:"]
                .map(|key| line.split('\t').find_map(|field| field.strip_prefix(key)).unwrap_or_default().to_owned())
        });
        contigs.collect()
    }
}

fn has_field(line: &str, wanted: &str) -> bool {
    line.split('\t').any(|field| field == wanted)
}

/// Whether the index of a genome is of these contigs.
fn is_index(text: &str, contigs: &[[String; 3]]) -> bool {
    let is_of = |(line, [name, length, _]): (&str, &[String; 3])| line.starts_with(&format!("{name}\t{length}\t"));
    !contigs.is_empty() && text.lines().count() == contigs.len() && text.lines().zip(contigs).all(is_of)
}

/// Whether a FASTA file holds these contigs, by the MD5 of their bases, and nothing else.
fn is_genome(path: &Path, contigs: &[[String; 3]]) -> io::Result<bool> {
    let mut reader = BufReader::with_capacity(1 << 18, File::open(path)?);
    let mut contigs = contigs.iter();
    let mut contig: Option<(&[String; 3], Md5)> = None;
    let is_whole = |contig: Option<(&[String; 3], Md5)>| {
        contig.is_none_or(|([_, _, wanted], sum)| {
            let sum: String = sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            sum == *wanted
        })
    };
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(MAX_FASTA_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let Some(text) = line.strip_suffix(b"\n") else { return Ok(false) };
        match (text.strip_prefix(b">"), &mut contig) {
            (Some(name), _) => {
                let next = contigs.next().filter(|[wanted, ..]| wanted.as_bytes() == name);
                let Some(next) = next else { return Ok(false) };
                if !is_whole(contig.replace((next, Md5::new()))) {
                    return Ok(false);
                }
            }
            (None, Some((_, sum))) => sum.update(text),
            (None, None) => return Ok(false),
        }
    }
    Ok(contig.is_some() && contigs.next().is_none() && is_whole(contig))
}

fn first_bytes(path: &Path) -> io::Result<[u8; 4]> {
    let mut bytes = [0; 4];
    File::open(path)?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The first bytes of a file as they were before it was compressed.
fn inflated_head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(18).read_to_end(&mut head)?;
    let mut source = ByteSource::open(File::open(path)?, Compression::of(&head))?;
    source.fill().map(<[u8]>::to_vec)
}
