//! What became of every record and row that was read: the counts add up to the input.

/// Why a row was dropped. Site filters come first, in this order; a row counts under its first reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum DropReason {
    /// ALT is `.`, `<*>` or `<NON_REF>`: no alternative allele is named.
    NoAlternate,
    /// `--pass-only`, and a filter failed.
    NotPass,
    /// `--min-info`, and the record has no such value.
    InfoMissing,
    /// Under `--min-info`.
    LowInfo,
    /// Not in `--extract`.
    NotExtracted,
    /// In `--exclude`.
    Excluded,
    /// The record has none of the fields that genotypes can be taken from.
    NoField,
    /// Over `--geno`.
    Missingness,
    /// Under `--maf`.
    LowMaf,
    /// Over `--max-maf`.
    HighMaf,
    /// Under `--mac`.
    LowMac,
    /// Over `--max-mac`.
    HighMac,
    /// Under `--hwe`.
    HardyWeinberg,
    /// Of reads: several ALT alleles, or alleles that are no single base.
    NotSnp,
    /// Of reads: on X, Y or MT.
    NotAutosomal,
}

impl DropReason {
    /// Every reason, in order.
    pub const ALL: [Self; 15] = [
        Self::NoAlternate,
        Self::NotPass,
        Self::InfoMissing,
        Self::LowInfo,
        Self::NotExtracted,
        Self::Excluded,
        Self::NoField,
        Self::Missingness,
        Self::LowMaf,
        Self::HighMaf,
        Self::LowMac,
        Self::HighMac,
        Self::HardyWeinberg,
        Self::NotSnp,
        Self::NotAutosomal,
    ];

    /// Name in /qc and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoAlternate => "no_alternate_allele",
            Self::NotPass => "filter_not_pass",
            Self::InfoMissing => "info_missing",
            Self::LowInfo => "info_below_minimum",
            Self::NotExtracted => "not_in_extract",
            Self::Excluded => "in_exclude",
            Self::NoField => "no_genotype_field",
            Self::Missingness => "missingness_above_geno",
            Self::LowMaf => "maf_below_minimum",
            Self::HighMaf => "maf_above_maximum",
            Self::LowMac => "mac_below_minimum",
            Self::HighMac => "mac_above_maximum",
            Self::HardyWeinberg => "hwe_below_minimum",
            Self::NotSnp => "reads_not_biallelic_snp",
            Self::NotAutosomal => "reads_not_autosomal",
        }
    }
}

/// Genotypes that were not taken as they stand. Counted over analysed samples of records that passed the site filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Note {
    /// Calls with one of two alleles missing.
    HalfCalls,
    /// Calls of three alleles or more, set missing.
    PolyploidCalls,
    /// Haploid calls where two alleles belong (autosomes, females' X), counted as two copies.
    HaploidAsDiploid,
    /// Haploid calls on X without sexes, counted as two copies.
    HaploidXWithoutSex,
    /// Males' heterozygous calls on X outside the pseudo-autosomal regions, set missing.
    MaleXHets,
    /// Heterozygous calls on Y and MT, set missing.
    HaploidHets,
    /// Females' calls on Y, set missing.
    FemaleYCalls,
    /// Genotypes without a value of the chosen field, taken from GT.
    FromGt,
    /// Records without the chosen field, taken from GT.
    RecordsFromGt,
    /// Records of X that were read without sexes.
    XRecordsWithoutSex,
    /// Records of X that were taken to lie outside the pseudo-autosomal regions, for want of a build.
    XRecordsWithoutBuild,
}

impl Note {
    /// Every note, in order.
    pub const ALL: [Self; 11] = [
        Self::HalfCalls,
        Self::PolyploidCalls,
        Self::HaploidAsDiploid,
        Self::HaploidXWithoutSex,
        Self::MaleXHets,
        Self::HaploidHets,
        Self::FemaleYCalls,
        Self::FromGt,
        Self::RecordsFromGt,
        Self::XRecordsWithoutSex,
        Self::XRecordsWithoutBuild,
    ];

    /// Name in /qc and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::HalfCalls => "half_calls",
            Self::PolyploidCalls => "polyploid_calls_set_missing",
            Self::HaploidAsDiploid => "haploid_calls_counted_twice",
            Self::HaploidXWithoutSex => "haploid_x_calls_without_sex",
            Self::MaleXHets => "male_x_hets_set_missing",
            Self::HaploidHets => "y_mt_hets_set_missing",
            Self::FemaleYCalls => "female_y_calls_set_missing",
            Self::FromGt => "genotypes_taken_from_gt",
            Self::RecordsFromGt => "records_taken_from_gt",
            Self::XRecordsWithoutSex => "x_records_without_sex",
            Self::XRecordsWithoutBuild => "x_records_without_build",
        }
    }
}

/// Counts of records (lines of the input within `--chr` and `--region`) and rows (a record's ALT alleles; one for a record
/// that names none).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VariantLedger {
    /// Records read.
    pub records: u64,
    /// Rows kept.
    pub kept: u64,
    dropped: [u64; DropReason::ALL.len()],
    notes: [u64; Note::ALL.len()],
}

impl VariantLedger {
    /// Rows read: those kept and those dropped.
    pub fn rows(&self) -> u64 {
        self.kept + self.dropped.iter().sum::<u64>()
    }

    /// Rows dropped for a reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// Count of a note.
    pub fn note(&self, note: Note) -> u64 {
        self.notes[note as usize]
    }

    /// Counts `n` rows dropped.
    pub(crate) fn drop_rows(&mut self, reason: DropReason, n: u64) {
        self.dropped[reason as usize] += n;
    }

    /// Adds to a note.
    pub(crate) fn add_note(&mut self, note: Note, n: u64) {
        self.notes[note as usize] += n;
    }

    /// Adds another ledger's counts.
    pub fn merge(&mut self, other: &Self) {
        self.records += other.records;
        self.kept += other.kept;
        self.dropped.iter_mut().zip(other.dropped).for_each(|(a, b)| *a += b);
        self.notes.iter_mut().zip(other.notes).for_each(|(a, b)| *a += b);
    }

    /// The counts as numbers: records, kept, dropped by reason, notes.
    pub fn to_vec(&self) -> Vec<u64> {
        let mut counts = vec![self.records, self.kept];
        counts.extend(self.dropped);
        counts.extend(self.notes);
        counts
    }

    /// The ledger of such numbers; none if they are too few or too many.
    pub fn from_slice(counts: &[u64]) -> Option<Self> {
        let (&[records, kept], rest) = counts.split_first_chunk()?;
        let (dropped, notes) = rest.split_first_chunk()?;
        Some(Self { records, kept, dropped: *dropped, notes: notes.try_into().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_back() {
        let mut ledger = VariantLedger { records: 5, kept: 3, ..Default::default() };
        ledger.drop_rows(DropReason::HardyWeinberg, 2);
        ledger.add_note(Note::XRecordsWithoutBuild, 7);
        assert_eq!(VariantLedger::from_slice(&ledger.to_vec()), Some(ledger));
        assert_eq!(VariantLedger::from_slice(&ledger.to_vec()[1..]), None);
        let mut twice = ledger;
        twice.merge(&ledger);
        assert_eq!((twice.rows(), twice.dropped(DropReason::HardyWeinberg)), (10, 4));
        assert!(DropReason::ALL.iter().enumerate().all(|(i, &r)| r as usize == i));
        assert!(Note::ALL.iter().enumerate().all(|(i, &n)| n as usize == i));
    }
}
