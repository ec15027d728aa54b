//! Whether files and the FASTA are about the same sequences.

use crate::format::alignment::Reference;
use crate::format::fasta::Fasta;

use super::Site;
use super::error::ReadError;
use super::input::ReadInput;

/// Names the first difference between a file's references and those of the first file (its line and references).
pub(super) fn check_equal(references: &[Reference], (line, first): (usize, &[Reference])) -> Result<(), String> {
    let advice = "reads of one run are aligned to one reference";
    if references.len() != first.len() {
        let (n, m) = (references.len(), first.len());
        return Err(format!("{n} reference sequences against {m} of line {line}; {advice}"));
    }
    for (own, other) in references.iter().zip(first) {
        if own.name != other.name {
            let (own, other) = (&own.name, &other.name);
            return Err(format!("reference sequence {own} stands where line {line} has {other}; {advice}"));
        }
        if own.length != other.length {
            let (a, b) = (own.length, other.length);
            return Err(format!("{} has {a} bases, and {b} in line {line}; {advice}", own.name));
        }
        if let (Some(a), Some(b)) = (own.md5, other.md5)
            && a != b
        {
            return Err(format!("{} has other bases (M5) than in line {line}; {advice}", own.name));
        }
    }
    Ok(())
}

/// Names the first difference in length between the references of the files and the FASTA.
pub(super) fn check_against_fasta(references: &[Reference], fasta: &Fasta) -> Result<(), String> {
    let path = fasta.path().display();
    let mut n_found = 0;
    for reference in references {
        let Some(length) = fasta.length(&reference.name) else { continue };
        n_found += 1;
        if length != reference.length {
            let (name, own) = (&reference.name, reference.length);
            return Err(format!("{name} has {own} bases, and {length} in {path}"));
        }
    }
    if n_found == 0 && !references.is_empty() {
        let example = fasta.sequences().first().map_or("nothing", |(name, _)| name.as_str());
        return Err(format!(
            "none of its reference sequences ({}, ...) is in {path} (which has {example}, ...)",
            references[0].name
        ));
    }
    Ok(())
}

impl ReadInput {
    /// Whether a reference has in the FASTA the bases that the headers tell by their M5, where they do; what to warn of, if it
    /// has not and that is allowed. Reads the sequence from end to end.
    pub fn check_md5(&self, chrom: &str) -> Result<Option<String>, ReadError> {
        let Some(fasta) = self.fasta() else { return Ok(None) };
        let found = self.reference_idx(chrom).map(|idx| &self.references()[idx]);
        let Some((reference, md5)) = found.and_then(|r| Some((r, r.md5?))) else { return Ok(None) };
        if fasta.length(&reference.name).is_none() || fasta.md5(&reference.name)? == md5 {
            return Ok(None);
        }
        let problem = format!("{chrom} has other bases (M5 in the header) than in {}", fasta.path().display());
        let file = self.file(0).name();
        if self.allow_reference_mismatch {
            Ok(Some(format!("{file}: {problem}")))
        } else {
            Err(ReadError::Mismatch { file, problem })
        }
    }

    /// Number of the reference that a site is on.
    pub(super) fn reference_of(&self, site: &Site) -> Result<usize, ReadError> {
        let idx = self.reference_idx(&site.chrom).ok_or_else(|| {
            let example = self.references().first().map_or("none", |r| r.name.as_str());
            ReadError::Sites(format!(
                "--sites: chromosome {} is no reference sequence of the reads (which have {example}, ...); bcftools annotate \
                 --rename-chrs changes names",
                site.chrom
            ))
        })?;
        let length = self.references()[idx].length;
        if site.pos == 0 || site.pos > length {
            let problem =
                format!("--sites: {}:{} is beyond the {length} bases of the reads' reference", site.chrom, site.pos);
            return Err(ReadError::Sites(problem));
        }
        Ok(idx)
    }
}
