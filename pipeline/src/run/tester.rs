//! Which test a run applies to its blocks: least squares of calls and dosages, or the score tests of reads.

use norna_kernels::{
    Genotypes, LinearRows, LinearScratch, LinearTest, LogisticNull, LogisticScratch, LogisticTest, MissingPolicy,
    NullModel, ReadsScratch, ReadsTest,
};

use crate::source::VariantBlock;

/// What is made of the genotypes that reads leave open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadsMethod {
    /// The score test that knows how sure each genotype is.
    #[default]
    Score,
    /// Expected genotypes as if they were known.
    Expected,
}

/// What a run tests by, whatever the null model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Method {
    /// Samples without a genotype.
    pub(super) missing: MissingPolicy,
    /// Hits are pairs with −log10 p of at least this.
    pub(super) hit_log10p: f64,
    /// Whether the store keeps scores.
    pub(super) with_scores: bool,
    /// Genotypes are those of reads.
    pub(super) reads: Option<ReadsMethod>,
}

impl Method {
    /// Whether β/SE is a standard normal number under the null, rather than Student's t.
    pub(super) fn is_normal(reads: Option<ReadsMethod>, two_valued: bool) -> bool {
        two_valued || reads == Some(ReadsMethod::Score)
    }
}

/// The test of one null model.
pub(super) enum Tester<'a> {
    Linear(Box<LinearTest<'a>>),
    Score(Box<ReadsTest<'a>>),
    Logistic(Box<LogisticTest<'a>>),
}

/// Memory of a [`Tester`]; one per thread.
pub(super) enum TesterScratch {
    Linear(Box<LinearScratch>),
    Score(Box<ReadsScratch>),
    Logistic(Box<LogisticScratch>),
}

impl<'a> Tester<'a> {
    /// The test of quantitative traits.
    pub(super) fn new(null: &'a NullModel, method: Method) -> Self {
        if method.reads == Some(ReadsMethod::Score) {
            return Self::Score(Box::new(ReadsTest::new(null, method.hit_log10p)));
        }
        let test = LinearTest::new(null, method.missing, method.hit_log10p);
        Self::Linear(Box::new(if method.with_scores { test.with_scores() } else { test }))
    }

    /// The test of two-valued traits by reads.
    pub(super) fn logistic(null: &'a LogisticNull, method: Method) -> Self {
        let genotypes = match method.reads {
            Some(ReadsMethod::Expected) => Genotypes::Expected,
            Some(ReadsMethod::Score) | None => Genotypes::Uncertain,
        };
        Self::Logistic(Box::new(LogisticTest::new(null, genotypes, method.hit_log10p)))
    }

    pub(super) fn scratch(&self) -> TesterScratch {
        match self {
            Self::Linear(test) => TesterScratch::Linear(Box::new(LinearScratch::new(test))),
            Self::Score(test) => TesterScratch::Score(Box::new(ReadsScratch::new(test))),
            Self::Logistic(test) => TesterScratch::Logistic(Box::new(LogisticScratch::new(test))),
        }
    }

    /// Tests all variants of `block` against all traits. `scratch`: of a tester of the same method.
    pub(super) fn test(&self, block: &VariantBlock, scratch: &mut TesterScratch, rows: &mut LinearRows) {
        match (self, scratch, &block.posteriors) {
            (Self::Score(test), TesterScratch::Score(scratch), Some(posteriors)) => {
                test.test_block(posteriors, scratch, rows);
            }
            (Self::Logistic(test), TesterScratch::Logistic(scratch), Some(posteriors)) => {
                test.test_block(posteriors, scratch, rows);
            }
            (Self::Linear(test), TesterScratch::Linear(scratch), Some(posteriors)) => {
                test.test_block(posteriors.dosages(), posteriors.counts(), scratch, rows);
            }
            (Self::Linear(test), TesterScratch::Linear(scratch), None) => {
                test.test_block(&block.genotypes, &block.counts, scratch, rows);
            }
            _ => unreachable!("a block or a scratch of another method"),
        }
    }
}
