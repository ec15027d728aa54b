//! Allele counts of a variant over the analysed samples: what filters, frequencies and the shift of the genotypes inside
//! the tests are decided on. Never on which traits are observed.

use crate::block::{GenotypeBlock, GenotypeKind, MISSING_CALL};

/// Counts of one variant over the analysed samples.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct AlleleCounts {
    /// Samples with a call.
    pub n_called: u32,
    /// Samples without one.
    pub n_missing: u32,
    /// Sum of the dosages as coded, 0 to 2, over samples with a call.
    pub dosage_sum: f64,
    /// ALT alleles; a haploid sample has at most one.
    pub alt_count: f64,
    /// Alleles called; a haploid sample has one.
    pub allele_total: f64,
    /// Samples by call as coded, haploid or not (0 for dosages).
    pub n_by_call: [u32; 3],
    /// Diploid samples homozygous for REF (0 for dosages).
    pub hom_ref: u32,
    /// Diploid heterozygotes (0 for dosages).
    pub het: u32,
    /// Diploid samples homozygous for ALT (0 for dosages).
    pub hom_alt: u32,
}

impl AlleleCounts {
    /// Frequency of ALT among called alleles; NaN without calls.
    #[must_use]
    pub fn a1_freq(&self) -> f64 {
        self.alt_count / self.allele_total
    }

    /// Frequency of the rarer allele; NaN without calls.
    #[must_use]
    pub fn maf(&self) -> f64 {
        let f = self.a1_freq();
        if f > 0.5 { 1.0 - f } else { f }
    }

    /// Count of the rarer allele (a real number for dosages).
    #[must_use]
    pub fn mac(&self) -> f64 {
        self.alt_count.min(self.allele_total - self.alt_count)
    }
}

/// Counts variant `v` of `block`. `haploid[sample]`: the sample has one allele here (a male on chrX outside the PAR): a
/// nonzero call is one ALT allele, a dosage is halved, and it is left out of the three genotype counts.
#[must_use]
pub fn allele_counts(block: &GenotypeBlock, v: usize, haploid: Option<&[bool]>) -> AlleleCounts {
    match block.kind() {
        GenotypeKind::Calls => count_calls(block.calls(v), haploid),
        GenotypeKind::Dosages => count_dosages(block.dosages(v), haploid),
    }
}

fn count_calls(calls: &[u8], haploid: Option<&[bool]>) -> AlleleCounts {
    let mut n = [0u32; 3];
    let mut missing = 0u32;
    for chunk in calls.chunks(255) {
        let (mut n1, mut n2, mut m) = (0u8, 0u8, 0u8);
        for &call in chunk {
            n1 += u8::from(call == 1);
            n2 += u8::from(call == 2);
            m += u8::from(call == MISSING_CALL);
        }
        n[1] += u32::from(n1);
        n[2] += u32::from(n2);
        missing += u32::from(m);
    }
    let n_called = calls.len() as u32 - missing;
    n[0] = n_called - n[1] - n[2];
    let mut haploid_n = [0u32; 3];
    for (&call, _) in calls.iter().zip(haploid.unwrap_or(&[])).filter(|(call, haploid)| **haploid && **call <= 2) {
        haploid_n[usize::from(call)] += 1;
    }
    let n_haploid = haploid_n[0] + haploid_n[1] + haploid_n[2];
    let [hom_ref, het, hom_alt] = [0, 1, 2].map(|g| n[g] - haploid_n[g]);
    AlleleCounts {
        n_called,
        n_missing: missing,
        n_by_call: n,
        dosage_sum: f64::from(n[1]) + 2.0 * f64::from(n[2]),
        alt_count: f64::from(het) + 2.0 * f64::from(hom_alt) + f64::from(haploid_n[1] + haploid_n[2]),
        allele_total: 2.0 * f64::from(n_called - n_haploid) + f64::from(n_haploid),
        hom_ref,
        het,
        hom_alt,
    }
}

fn count_dosages(dosages: &[f32], haploid: Option<&[bool]>) -> AlleleCounts {
    let mut missing = 0u32;
    let mut lanes = [0f64; 8];
    for chunk in dosages.chunks(8) {
        for (lane, &g) in lanes.iter_mut().zip(chunk) {
            let called = !g.is_nan();
            missing += u32::from(!called);
            *lane += if called { f64::from(g) } else { 0.0 };
        }
    }
    let dosage_sum = lanes.iter().sum::<f64>();
    let (mut haploid_sum, mut n_haploid) = (0f64, 0u32);
    for (&g, _) in dosages.iter().zip(haploid.unwrap_or(&[])).filter(|(g, haploid)| **haploid && !g.is_nan()) {
        haploid_sum += f64::from(g);
        n_haploid += 1;
    }
    let n_called = dosages.len() as u32 - missing;
    AlleleCounts {
        n_called,
        n_missing: missing,
        dosage_sum,
        alt_count: dosage_sum - 0.5 * haploid_sum,
        allele_total: 2.0 * f64::from(n_called) - f64::from(n_haploid),
        ..AlleleCounts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn haploid_samples_count_one_allele() {
        let mut block = GenotypeBlock::new(GenotypeKind::Calls, 6, 1);
        block.push_calls().copy_from_slice(&[0, 1, 2, 2, 0, MISSING_CALL]);
        let all = allele_counts(&block, 0, None);
        assert_eq!((all.n_called, all.n_missing, all.hom_ref, all.het, all.hom_alt), (5, 1, 2, 1, 2));
        assert_eq!((all.alt_count, all.allele_total, all.dosage_sum), (5.0, 10.0, 5.0));
        let males = [false, false, false, true, true, true];
        let some = allele_counts(&block, 0, Some(&males));
        assert_eq!((some.hom_ref, some.het, some.hom_alt), (1, 1, 1));
        assert_eq!((some.alt_count, some.allele_total, some.dosage_sum), (4.0, 8.0, 5.0));
        assert_eq!((some.a1_freq(), some.maf(), some.mac()), (0.5, 0.5, 4.0));
    }

    #[test]
    fn dosages_sum_without_the_missing() {
        let mut block = GenotypeBlock::new(GenotypeKind::Dosages, 4, 1);
        block.push_dosages().copy_from_slice(&[0.25, f32::NAN, 1.5, 2.0]);
        let counts = allele_counts(&block, 0, Some(&[false, false, false, true]));
        assert_eq!((counts.n_called, counts.n_missing, counts.dosage_sum), (3, 1, 3.75));
        assert_eq!((counts.alt_count, counts.allele_total), (2.75, 5.0));
        assert!(allele_counts(&block_of_missing(), 0, None).a1_freq().is_nan());
    }

    fn block_of_missing() -> GenotypeBlock {
        let mut block = GenotypeBlock::new(GenotypeKind::Dosages, 1, 1);
        block.push_dosages()[0] = f32::NAN;
        block
    }
}
