//! Which reads and bases count, as samtools and bcftools name their options.

use crate::format::alignment::{
    AlignmentRecord, DUPLICATE, NO_QUALITY, PAIRED, PROPER_PAIR, QC_FAIL, SECONDARY, SUPPLEMENTARY, UNMAPPED,
};

use super::ledger::ReadCount;

/// How the part of the genome counts that both mates of a pair cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlaps {
    /// Once: the two are one observation of one molecule.
    #[default]
    Once,
    /// Twice.
    Both,
}

/// Which reads and bases are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadFilter {
    /// Reads with any of these flags are left out. By default those not placed, secondary, failed, duplicates and
    /// supplementary.
    pub exclude_flags: u16,
    /// Reads without all of these flags are left out.
    pub include_flags: u16,
    /// Lowest mapping quality; 255, which says that it is not known, passes.
    pub min_mapq: u8,
    /// Lowest base quality.
    pub min_baseq: u8,
    /// Whether reads of pairs that are not proper are left out; reads that are not paired stay.
    pub proper_pairs: bool,
    /// Most bases of one file at one site, 0 for no limit. Later ones in the file's order are left out.
    pub max_depth: u32,
    /// Mates that overlap.
    pub overlaps: Overlaps,
}

impl Default for ReadFilter {
    fn default() -> Self {
        Self {
            exclude_flags: UNMAPPED | SECONDARY | QC_FAIL | DUPLICATE | SUPPLEMENTARY,
            include_flags: 0,
            min_mapq: 20,
            min_baseq: 13,
            proper_pairs: false,
            max_depth: 250,
            overlaps: Overlaps::Once,
        }
    }
}

impl ReadFilter {
    /// Why a whole read is left out; none if it is used.
    pub fn reason(&self, record: &AlignmentRecord) -> Option<ReadCount> {
        let excluded = record.flags & self.exclude_flags;
        if excluded != 0 {
            let by_flag = [
                (DUPLICATE, ReadCount::Duplicate),
                (SECONDARY, ReadCount::Secondary),
                (SUPPLEMENTARY, ReadCount::Supplementary),
                (QC_FAIL, ReadCount::QcFail),
            ];
            let named = by_flag.into_iter().find(|(flag, _)| excluded & flag != 0);
            return Some(named.map_or(ReadCount::ExcludedFlag, |(_, count)| count));
        }
        if record.flags & self.include_flags != self.include_flags {
            return Some(ReadCount::ExcludedFlag);
        }
        if record.mapq < self.min_mapq {
            return Some(ReadCount::LowMapq);
        }
        if self.proper_pairs && record.flags & (PAIRED | PROPER_PAIR) == PAIRED {
            return Some(ReadCount::NotProperPair);
        }
        None
    }

    /// Why a base of this quality is left out; none if it is used.
    pub fn base_reason(&self, quality: u8) -> Option<ReadCount> {
        match quality {
            NO_QUALITY => Some(ReadCount::NoQuality),
            q if q < self.min_baseq => Some(ReadCount::LowBaseq),
            _ => None,
        }
    }
}
