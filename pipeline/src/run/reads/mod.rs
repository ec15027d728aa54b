//! Reads of many files as genotypes: sites × samples are piled up cell by cell into spools, and what the cells hold is put
//! together again by site, for the tests or for gl.bcf.

mod bcf;
mod cells;
mod command;
mod job;
mod source;

pub use command::{ReadsCommand, run};
pub(super) use job::{LikelihoodJob, reads_stamp};
pub(super) use source::{LikelihoodReader, ReadsStudy};

use std::ops::Range;

use anyhow::Result;
use rayon::prelude::*;

use super::session::Session;
use crate::comm::consensus;

use crate::source::reads::{ReadError, ReadInput, Site, SiteInput};
use crate::source::{InputOptions, SourceError};

/// Bytes of likelihoods and of what is made of them that a thread holds for a piece of sites.
const PIECE_BYTES: usize = 16 << 20;
/// Bytes of a sample at a site: three likelihoods, an expected genotype, its variance.
const SAMPLE_BYTES: usize = 24;

/// Compressed bytes of the files of sites that make a shard, unless chosen otherwise: some thousands of sites, so that
/// opening every file of the list for each is worth it.
pub(super) fn site_shard_bytes(bytes_of_sites: u64) -> u64 {
    (bytes_of_sites / 128).clamp(8 << 10, 64 << 10)
}

/// Samples of a batch, unless chosen otherwise: some dozens of batches, so that all threads have work where sites are few.
pub(super) fn default_batch(n_samples: usize) -> usize {
    (n_samples / 64).clamp(4, 64)
}

/// What is shown while reads are piled up.
pub(super) const PILING_UP: (&str, &str) = ("piling up reads", "sites by batch of samples");

/// Opens the sites for the reads; filters that look at genotypes are left to who has some.
pub(super) fn open_sites(options: &InputOptions, reads: &ReadInput) -> Result<SiteInput, SourceError> {
    let of_sites =
        InputOptions { maf: None, max_maf: None, mac: None, max_mac: None, geno: None, hwe: None, ..options.clone() };
    let sites = SiteInput::open(&of_sites)?;
    Ok(match reads.fasta() {
        Some(fasta) => sites.with_fasta(fasta.clone()),
        None => sites,
    })
}

/// Compares the bases of the reference with the M5 of the files' headers, on rank 0: all of a chromosome that is read are.
pub(super) fn check_bases(session: &Session<'_>, reads: &ReadInput, sites: &SiteInput) -> Result<()> {
    let check = || {
        let names: Vec<String> =
            sites.chromosomes().into_iter().filter(|name| reads.reference_idx(name).is_some()).collect();
        let checked: Result<Vec<_>, ReadError> = names.par_iter().map(|name| reads.check_md5(name)).collect();
        checked.map(|warnings| warnings.into_iter().flatten().for_each(|warning| log::warn!("{warning}")))
    };
    let checked = if session.is_root() { session.pool.install(check) } else { Ok(()) };
    Ok(consensus(session.comm, checked)?)
}

/// Sites that are held at a time for all samples: by their number alone, so that pieces are the same in every batch.
pub(super) fn piece_sites(n_samples: usize) -> usize {
    (PIECE_BYTES / (SAMPLE_BYTES * n_samples).max(1)).clamp(16, 1024)
}

/// Cuts sites into pieces of one chromosome and of at most `len` sites.
pub(super) fn pieces(sites: &[Site], len: usize) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        let first = sites.get(start)?;
        let same = sites[start..].iter().take(len).take_while(|site| site.chrom == first.chrom).count();
        start += same;
        Some(start - same..start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_of_one_chromosome() {
        let site =
            |chrom: &str, pos| Site { chrom: chrom.into(), pos, id: ".".into(), reference: b'A', alternate: b'C' };
        let sites = [site("1", 1), site("1", 2), site("1", 3), site("2", 1), site("X", 5)];
        assert_eq!(pieces(&sites, 2).collect::<Vec<_>>(), [0..2, 2..3, 3..4, 4..5]);
        assert_eq!(pieces(&sites, 100).collect::<Vec<_>>(), [0..3, 3..4, 4..5]);
        assert_eq!(pieces(&[], 7).count(), 0);
    }
}
