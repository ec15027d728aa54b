//! What became of every read at every site.

/// What became of a read at a site. Reads are counted once for each site between their first and last base, so that the
/// counts do not depend on how sites are cut into runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum ReadCount {
    /// The base is used.
    Used,
    /// The mate's base is used, with the better quality of the two.
    MateOverlap,
    /// Marked as a duplicate.
    Duplicate,
    /// A secondary alignment.
    Secondary,
    /// A supplementary alignment.
    Supplementary,
    /// Failed the sequencer's checks.
    QcFail,
    /// Another flag that is left out, or a flag is missing that was asked for.
    ExcludedFlag,
    /// Under the lowest mapping quality.
    LowMapq,
    /// Of a pair that is not proper, where proper ones were asked for.
    NotProperPair,
    /// Of a read group of no sample, in a file of several samples.
    NoSample,
    /// The read has a deletion or a skip here.
    NoBase,
    /// The read has no base qualities.
    NoQuality,
    /// Under the lowest base quality.
    LowBaseq,
    /// Beyond the greatest depth of a file at a site.
    OverDepth,
}

impl ReadCount {
    /// All of them, in order.
    pub const ALL: [Self; 14] = [
        Self::Used,
        Self::MateOverlap,
        Self::Duplicate,
        Self::Secondary,
        Self::Supplementary,
        Self::QcFail,
        Self::ExcludedFlag,
        Self::LowMapq,
        Self::NotProperPair,
        Self::NoSample,
        Self::NoBase,
        Self::NoQuality,
        Self::LowBaseq,
        Self::OverDepth,
    ];

    /// Name in /qc and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::MateOverlap => "mate_overlap",
            Self::Duplicate => "duplicate",
            Self::Secondary => "secondary",
            Self::Supplementary => "supplementary",
            Self::QcFail => "qc_fail",
            Self::ExcludedFlag => "excluded_flag",
            Self::LowMapq => "mapq_below_minimum",
            Self::NotProperPair => "not_proper_pair",
            Self::NoSample => "read_group_without_sample",
            Self::NoBase => "deletion_or_skip",
            Self::NoQuality => "no_base_qualities",
            Self::LowBaseq => "base_quality_below_minimum",
            Self::OverDepth => "over_max_depth",
        }
    }
}

/// Counts of reads at sites, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadLedger {
    counts: [u64; ReadCount::ALL.len()],
}

impl ReadLedger {
    /// Count of one kind.
    pub fn count(&self, what: ReadCount) -> u64 {
        self.counts[what as usize]
    }

    /// Reads at sites, whatever became of them.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Adds `n` of a kind.
    pub fn add(&mut self, what: ReadCount, n: u64) {
        self.counts[what as usize] += n;
    }

    /// Adds another ledger's counts.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(a, b)| *a += b);
    }

    /// The counts, in the order of [`ReadCount::ALL`].
    pub fn to_vec(&self) -> Vec<u64> {
        self.counts.to_vec()
    }

    /// The ledger of such counts; none if they are too few or too many.
    pub fn from_slice(counts: &[u64]) -> Option<Self> {
        Some(Self { counts: counts.try_into().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_back() {
        let mut ledger = ReadLedger::default();
        ledger.add(ReadCount::Used, 5);
        ledger.add(ReadCount::OverDepth, 2);
        assert_eq!(ReadLedger::from_slice(&ledger.to_vec()), Some(ledger));
        assert_eq!(ReadLedger::from_slice(&[0; 3]), None);
        let mut twice = ledger;
        twice.merge(&ledger);
        assert_eq!((twice.total(), twice.count(ReadCount::Used)), (14, 10));
        assert!(ReadCount::ALL.iter().enumerate().all(|(i, &c)| c as usize == i));
    }
}
