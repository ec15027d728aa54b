//! From a file's bytes to blocks of genotypes: inflating alone, and all of what a worker does to read its shards.

use std::io::Cursor;

use anyhow::{Context, Result, bail};

use super::cohort::Cohort;
use super::timer::Effort;
use crate::format::bgzf_reader::BgzfReader;
use crate::plan::block_variants;
use crate::source::{Field, Input, InputOptions, SampleSelection, VariantBlock};

/// Bytes a second of one thread: (compressed, inflated).
///
/// # Errors
/// The file does not read.
pub fn inflate(cohort: &Cohort, effort: Effort) -> Result<(f64, f64)> {
    let shown = cohort.genotypes.display();
    let bytes = std::fs::read(&cohort.genotypes).with_context(|| format!("{shown}"))?;
    let mut n_inflated = 0;
    let seconds = effort.try_least(|| -> std::io::Result<()> {
        let mut reader = BgzfReader::new(Cursor::new(&bytes));
        n_inflated = 0;
        loop {
            let n = reader.fill()?.len();
            if n == 0 {
                return Ok(());
            }
            reader.consume(n);
            n_inflated += n;
        }
    })?;
    Ok((bytes.len() as f64 / seconds, n_inflated as f64 / seconds))
}

/// CPU seconds to read all genotypes of a cohort, the file being in the page cache.
///
/// # Errors
/// The file does not read.
pub fn read(cohort: &Cohort, effort: Effort) -> Result<f64> {
    let reader = Reader::open(cohort)?;
    effort.try_least(|| reader.read())
}

/// An opened cohort.
pub struct Reader {
    input: Input,
    plan: crate::shard::ShardPlan,
    n_samples: usize,
    n_variants: u64,
}

impl Reader {
    /// Opens it.
    ///
    /// # Errors
    /// The file does not open.
    pub fn open(cohort: &Cohort) -> Result<Self> {
        let field = if cohort.spec.dosages { Field::Ds } else { Field::Gt };
        let paths = vec![cohort.genotypes.clone()];
        let mut input = Input::open(&InputOptions { paths, field: Some(field), ..InputOptions::default() })?;
        let n_samples = input.samples().len();
        input.select(SampleSelection { analysed: (0..n_samples as u32).collect(), sex: None })?;
        let plan = input.plan(512 << 10)?;
        Ok(Self { input, plan, n_samples, n_variants: cohort.spec.n_variants })
    }

    /// Reads every block of every shard.
    ///
    /// # Errors
    /// The file does not read, or not all of it came.
    pub fn read(&self) -> Result<()> {
        let kind = self.input.kind();
        let mut block = VariantBlock::new(kind, self.n_samples, block_variants(kind, self.n_samples));
        let mut n_read = 0;
        for shard in &self.plan.shards {
            let mut reader = self.input.reader(shard)?;
            loop {
                let n = reader.read_block(&mut block)?;
                if n == 0 {
                    break;
                }
                n_read += n as u64;
            }
        }
        if n_read != self.n_variants {
            bail!("{n_read} of {} simulated variants were read: this is a defect of norna", self.n_variants);
        }
        Ok(())
    }
}
