//! p(g | reads, f) of a block of sites: the expected genotype as a dosage, and the variance that is left.

use super::block::LikelihoodBlock;
use super::frequency::{hardy_weinberg, most_likely};
use crate::arch::likelihoods::{GROUP, Group, LikelihoodScans};
use crate::arch::{Isa, isa};
use crate::block::{GenotypeBlock, GenotypeKind};
use crate::counts::{AlleleCounts, allele_counts};

/// What the reads say of one site over the analysed samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SiteFrequency {
    /// ALT frequency of highest likelihood; NaN where no sample has reads.
    pub alt: f64,
    /// Samples with reads: those whose three likelihoods differ.
    pub n_with_reads: u32,
    /// Σ Var(g | reads): what the reads leave open.
    pub variance: f64,
    /// 2n·f(1−f) − Σ Var(g | reads): the information on f, times (f(1−f))².
    pub information: f64,
}

/// Posteriors of a block of sites under Hardy–Weinberg proportions at each site's ALT frequency. Diploid: on chrX, Y and MT
/// the prior is wrong for whoever has one copy. A sample without reads has the prior. Where no sample has reads, every
/// dosage is NaN and every variance 0.
#[derive(Debug, Clone)]
pub struct Posteriors {
    dosages: GenotypeBlock,
    /// [site][sample].
    variances: Vec<f32>,
    sites: Vec<SiteFrequency>,
    counts: Vec<AlleleCounts>,
    groups: Vec<Group>,
    isa: Isa,
}

impl Posteriors {
    /// Memory for `capacity_sites` sites of `n_samples` samples.
    #[must_use]
    pub fn new(n_samples: usize, capacity_sites: usize) -> Self {
        Self {
            dosages: GenotypeBlock::new(GenotypeKind::Dosages, n_samples, capacity_sites),
            variances: Vec::with_capacity(n_samples * capacity_sites),
            sites: Vec::with_capacity(capacity_sites),
            counts: Vec::with_capacity(capacity_sites),
            groups: vec![[[0.0; GROUP]; 3]; n_samples.div_ceil(GROUP)],
            isa: isa(),
        }
    }

    /// The same on a given instruction set; `None` where the CPU lacks it. The results are the same bits.
    #[must_use]
    pub fn with_isa(self, isa: Isa) -> Option<Self> {
        isa.is_supported().then_some(Self { isa, ..self })
    }

    /// Takes the place of what was there with the posteriors of `block`, which has this one's number of samples. No site
    /// depends on another.
    pub fn set(&mut self, block: &LikelihoodBlock) {
        let (scans, n) = (LikelihoodScans::of(self.isa), block.n_samples());
        self.dosages.clear();
        self.sites.clear();
        self.counts.clear();
        self.variances.clear();
        self.variances.resize(block.len() * n, 0.0);
        for v in 0..block.len() {
            let n_with_reads = (scans.weights)(block.site(v), &mut self.groups);
            let alt = most_likely(scans, &self.groups, n, n_with_reads);
            let (dosages, variances) = (self.dosages.push_dosages(), &mut self.variances[v * n..(v + 1) * n]);
            let variance = if alt.is_nan() {
                dosages.fill(f32::NAN);
                0.0
            } else {
                (scans.posterior)(&self.groups, hardy_weinberg(alt), dosages, variances).1
            };
            let information = 2.0 * n as f64 * alt * (1.0 - alt) - variance;
            self.sites.push(SiteFrequency { alt, n_with_reads: n_with_reads as u32, variance, information });
            self.counts.push(allele_counts(&self.dosages, v, None));
        }
    }

    /// Sites held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sites.len()
    }

    /// Whether there is no site.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }

    /// Samples of every site.
    #[must_use]
    pub fn n_samples(&self) -> usize {
        self.dosages.n_samples()
    }

    /// E\[g | reads] of every sample, ALT copies, NaN at sites without reads: with [`Self::counts`] what
    /// [`crate::LinearTest`] takes for the regression on expected genotypes.
    #[must_use]
    pub fn dosages(&self) -> &GenotypeBlock {
        &self.dosages
    }

    /// [`allele_counts`] of [`Self::dosages`].
    #[must_use]
    pub fn counts(&self) -> &[AlleleCounts] {
        &self.counts
    }

    /// Var(g | reads) at site `v` by sample.
    #[must_use]
    pub fn variances(&self, v: usize) -> &[f32] {
        &self.variances[v * self.n_samples()..(v + 1) * self.n_samples()]
    }

    /// Frequency and information of site `v`.
    #[must_use]
    pub fn site(&self, v: usize) -> SiteFrequency {
        self.sites[v]
    }
}
