//! Which test a run applies to its blocks: least squares of calls and dosages, or the score test of reads.

use norna_kernels::{LinearRows, LinearScratch, LinearTest, MissingPolicy, NullModel, ReadsScratch, ReadsTest};

use crate::source::VariantBlock;

/// What a run tests by, whatever the null model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Method {
    /// Samples without a genotype.
    pub(super) missing: MissingPolicy,
    /// Hits are pairs with −log10 p of at least this.
    pub(super) hit_log10p: f64,
    /// Whether the store keeps scores.
    pub(super) with_scores: bool,
    /// Genotypes are what reads say of them, tested by the score that knows how sure they are.
    pub(super) by_reads: bool,
}

/// The test of one null model.
pub(super) enum Tester<'a> {
    Linear(LinearTest<'a>),
    Reads(Box<ReadsTest<'a>>),
}

/// Memory of a [`Tester`]; one per thread.
pub(super) enum TesterScratch {
    Linear(LinearScratch),
    Reads(Box<ReadsScratch>),
}

impl<'a> Tester<'a> {
    pub(super) fn new(null: &'a NullModel, method: Method) -> Self {
        if method.by_reads {
            return Self::Reads(Box::new(ReadsTest::new(null, method.hit_log10p)));
        }
        let test = LinearTest::new(null, method.missing, method.hit_log10p);
        Self::Linear(if method.with_scores { test.with_scores() } else { test })
    }

    pub(super) fn null(&self) -> &'a NullModel {
        match self {
            Self::Linear(test) => test.null(),
            Self::Reads(test) => test.null(),
        }
    }

    pub(super) fn scratch(&self) -> TesterScratch {
        match self {
            Self::Linear(test) => TesterScratch::Linear(LinearScratch::new(test)),
            Self::Reads(test) => TesterScratch::Reads(Box::new(ReadsScratch::new(test))),
        }
    }

    /// Tests all variants of `block` against all traits.
    pub(super) fn test(&self, block: &VariantBlock, scratch: &mut TesterScratch, rows: &mut LinearRows) {
        match (self, scratch, &block.posteriors) {
            (Self::Reads(test), TesterScratch::Reads(scratch), Some(posteriors)) => {
                test.test_block(posteriors, scratch, rows);
            }
            (Self::Linear(test), TesterScratch::Linear(scratch), Some(posteriors)) => {
                test.test_block(posteriors.dosages(), posteriors.counts(), scratch, rows);
            }
            (Self::Linear(test), TesterScratch::Linear(scratch), None) => {
                test.test_block(&block.genotypes, &block.counts, scratch, rows);
            }
            // A scratch is made by the tester of the same method, and blocks of reads by their source.
            _ => unreachable!("a block or a scratch of another test"),
        }
    }
}
