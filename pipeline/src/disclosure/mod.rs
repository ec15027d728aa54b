//! Whether results may leave a secure environment: what output checkers look at, by a policy.

use crate::sink::rows::VariantRow;

/// What becomes of a pair on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes out as it is.
    Keep,
    /// Its row is left out, for the reason of this index in [`Filter::reasons`].
    Drop(usize),
    /// Its numbers are left out and its row stays, likewise.
    Mask(usize),
}

/// What an export asks of every pair before it writes it.
pub trait Filter {
    /// Short names of the reasons, such as `minor_allele_count`.
    fn reasons(&self) -> &[&'static str];

    /// Whether a trait goes out at all: the index of the reason why not.
    fn trait_refused(&self, trait_idx: usize) -> Option<usize>;

    /// What becomes of a pair; `n_observed`: samples with a trait value and a genotype, `beta` of one copy of ALT.
    fn fate(&mut self, variant: &VariantRow, trait_idx: usize, n_observed: u32, beta: f32) -> Fate;
}
