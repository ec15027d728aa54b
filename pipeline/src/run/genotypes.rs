//! Where a study's genotypes come from: files of them, or reads at sites.

use norna_kernels::GenotypeKind;

use super::reads::ReadsStudy;
use crate::shard::ShardPlan;
use crate::source::{Estimate, Input, SampleSelection, SourceError};

/// The genotypes of a study.
pub(super) enum Genotypes {
    /// VCF and BCF files.
    Files(Box<Input>),
    /// Alignment files, and sites.
    Reads(Box<ReadsStudy>),
}

impl Genotypes {
    /// The genotype files, or the files of sites.
    pub(super) fn input(&self) -> &Input {
        match self {
            Self::Files(input) => input,
            Self::Reads(study) => study.sites.input(),
        }
    }

    /// Sample IDs, in the order of the genotypes.
    pub(super) fn samples(&self) -> &[String] {
        match self {
            Self::Files(input) => input.samples(),
            Self::Reads(study) => study.reads.samples(),
        }
    }

    /// Restricts the genotypes to the analysed samples.
    pub(super) fn select(&mut self, selection: SampleSelection) -> Result<(), SourceError> {
        match self {
            Self::Files(input) => input.select(selection),
            Self::Reads(study) => {
                study.column_of = vec![None; study.reads.samples().len()];
                for (column, &sample) in (0..).zip(&selection.analysed) {
                    study.column_of[sample as usize] = Some(column);
                }
                Ok(())
            }
        }
    }

    /// What was chosen, and what is likely to be a mistake, for the log.
    pub(super) fn remarks(&self) -> (Vec<&String>, Vec<&String>) {
        let input = self.input();
        let (mut messages, mut warnings): (Vec<_>, Vec<_>) =
            (input.messages().iter().collect(), input.warnings().iter().collect());
        if let Self::Reads(study) = self {
            messages.extend(study.reads.messages());
            warnings.extend(study.reads.warnings());
        }
        (messages, warnings)
    }

    /// The kind of block that the tests are given.
    pub(super) fn kind(&self) -> GenotypeKind {
        match self {
            Self::Files(input) => input.kind(),
            Self::Reads(_) => GenotypeKind::Dosages,
        }
    }

    /// The field that genotypes are taken from.
    pub(super) fn field(&self) -> &'static str {
        match self {
            Self::Files(input) => input.field().name(),
            Self::Reads(_) => "reads",
        }
    }

    pub(super) fn estimate(&self) -> Result<Estimate, SourceError> {
        self.input().estimate()
    }

    pub(super) fn plan(&self, target_bytes: u64) -> Result<ShardPlan, SourceError> {
        match self {
            Self::Files(input) => input.plan(target_bytes),
            Self::Reads(study) => study.sites.plan(target_bytes),
        }
    }
}
