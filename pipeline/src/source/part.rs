//! A stretch of the genome out of indexed files, as cis windows are read.

use std::sync::Arc;

use crate::shard::{Shard, ShardPlan};

use super::VariantSource;
use super::error::SourceError;
use super::input::{Context, Input};
use super::reader::BlockReader;

/// The rows of an interval, file by file.
pub struct Part {
    context: Arc<Context>,
    shards: Vec<Shard>,
}

impl Input {
    /// Refuses files out of which no stretch can be read by an index, and indices that end before their files.
    ///
    /// # Errors
    /// [`SourceError::NotIndexed`], [`SourceError::NotCovered`].
    pub fn check_indexed(&self) -> Result<(), SourceError> {
        for file in &self.context.files {
            if !file.is_indexed() {
                return Err(SourceError::NotIndexed { path: file.path.display().to_string() });
            }
            if !file.is_covered()? {
                return Err(SourceError::NotCovered { path: file.path.display().to_string() });
            }
        }
        Ok(())
    }

    /// Chromosomes that more than one file has.
    pub fn shared_chromosomes(&self) -> Vec<String> {
        let mut names: Vec<String> = self.context.files.iter().flat_map(|file| file.chromosomes_indexed()).collect();
        names.sort();
        let mut shared: Vec<String> =
            names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
        shared.dedup();
        shared
    }

    /// The rows with POS in `interval` (1-based, inclusive) of a chromosome by its canonical name, among those that the whole
    /// input has.
    pub fn part(&self, chrom: &str, interval: (u32, u32)) -> Part {
        let mut context = Context::clone(&self.context);
        context.area = context.area.within(chrom, interval);
        let layouts: Vec<_> = context.files.iter().map(|file| file.layout(&context.area)).collect();
        let shards = ShardPlan::new(&layouts, u64::MAX).shards;
        Part { context: Arc::new(context), shards }
    }
}

impl Part {
    /// What is to be read, in order: of each file at least nothing.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// A reader of one of [`Self::shards`].
    ///
    /// # Errors
    /// As [`Input::reader`].
    pub fn reader(&self, shard: &Shard) -> Result<Box<dyn VariantSource + Send>, SourceError> {
        let file = &self.context.files[shard.file_idx];
        let reader = BlockReader::new(Arc::clone(&self.context), shard.file_idx, file.shard(shard)?);
        Ok(Box::new(reader.doubting(file.index_doubt(shard))))
    }
}
