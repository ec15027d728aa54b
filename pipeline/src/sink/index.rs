//! What is finished: each process knows what it wrote or has scanned, rank 0 puts the shards in order and adds up their ends.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::bytes::{Cursor, DecodeError, put_f64, put_text, put_u32, put_u64};
use super::rows::RowCounts;
use super::spool::ShardEnd;
use super::tally::{add_tally, encode_tally};
use crate::shard::ShardId;

/// A part of a shard in a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Number of the spool in its run.
    pub spool: u32,
    /// Where its frame of rows starts.
    pub offset: u64,
    /// Payload bytes of that frame.
    pub rows_len: u64,
    /// Its rows.
    pub rows: RowCounts,
}

/// Where the frame that ends a shard lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndFrame {
    /// Number of the spool in its run.
    pub spool: u32,
    /// Where the frame starts.
    pub offset: u64,
    /// Payload bytes.
    pub len: u64,
}

/// A finished shard.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FinishedShard {
    parts: Vec<Part>,
    end: EndFrame,
    /// What was read and dropped, as the source counts it.
    counts: Vec<u64>,
    /// The run that it belongs to.
    pub stamp: u64,
    /// CRC-32 of the batch of a stream.
    pub batch_crc: u32,
    /// Wall time of one thread.
    pub seconds: f64,
    /// When it ended, seconds since 1970.
    pub ended: f64,
}

impl FinishedShard {
    /// From its parts, whose rows are known, and what its end tells.
    pub fn new(parts: Vec<Part>, end: EndFrame, told: ShardEnd) -> Self {
        let ShardEnd { stamp, seconds, ended, batch_crc, counts, .. } = told;
        Self { parts, end, counts, stamp, batch_crc, seconds, ended }
    }

    /// Its parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What was read and dropped.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Rows of /variants.
    pub fn n_rows(&self) -> u64 {
        self.parts.iter().map(|part| u64::from(part.rows.all)).sum()
    }
}

/// Rows of all parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TotalRows {
    /// Rows of /variants.
    pub all: u64,
    /// Full ones among them.
    pub full: u64,
}

/// The finished shards that a process, or all of them, know of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Finished {
    shards: BTreeMap<u64, FinishedShard>,
}

impl Finished {
    /// Shards.
    pub fn n_shards(&self) -> usize {
        self.shards.len()
    }

    /// By id.
    pub fn shards(&self) -> &BTreeMap<u64, FinishedShard> {
        &self.shards
    }

    /// Takes the cells of grids out; shards are left.
    pub fn take_cells(&mut self) -> Self {
        let first_cell = ShardId::cell(0, 0, 0).0;
        Self { shards: self.shards.split_off(&first_cell) }
    }

    /// Takes the cells of a grid and of those after it out.
    pub fn take_grids(&mut self, from: usize) -> Self {
        Self { shards: self.shards.split_off(&ShardId::cell(from, 0, 0).0) }
    }

    /// Adds a shard, unless it is there: who computes a shard again gets the same rows.
    pub fn add(&mut self, id: u64, shard: FinishedShard) {
        if let Entry::Vacant(place) = self.shards.entry(id) {
            place.insert(shard);
        }
    }

    /// Rows of all shards: in all, and full ones.
    pub fn n_rows(&self) -> TotalRows {
        let parts = self.shards.values().flat_map(|shard| &shard.parts);
        parts.fold(TotalRows::default(), |sum, part| TotalRows {
            all: sum.all + u64::from(part.rows.all),
            full: sum.full + u64::from(part.rows.full),
        })
    }

    /// What each shard read and dropped, in order.
    pub fn counts(&self) -> impl Iterator<Item = &[u64]> {
        self.shards.values().map(|shard| shard.counts.as_slice())
    }

    /// As a message.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_u64(&mut out, self.shards.len() as u64);
        for (&id, shard) in &self.shards {
            put_u64(&mut out, id);
            put_u64(&mut out, shard.stamp);
            put_u32(&mut out, shard.batch_crc);
            put_f64(&mut out, shard.seconds);
            put_f64(&mut out, shard.ended);
            put_u64(&mut out, shard.counts.len() as u64);
            shard.counts.iter().for_each(|&count| put_u64(&mut out, count));
            put_end(&shard.end, &mut out);
            put_parts(&shard.parts, &mut out);
        }
        out
    }

    /// Adds what another process's [`to_bytes`](Self::to_bytes) says.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn add_bytes(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut r = Cursor::new(bytes);
        for _ in 0..r.count(72)? {
            let (id, stamp, batch_crc, seconds, ended) = (r.u64()?, r.u64()?, r.u32()?, r.f64()?, r.f64()?);
            let counts = (0..r.count(8)?).map(|_| r.u64()).collect::<Result<_, _>>()?;
            let (end, parts) = (take_end(&mut r)?, take_parts(&mut r)?);
            self.add(id, FinishedShard { parts, end, counts, stamp, batch_crc, seconds, ended });
        }
        Ok(())
    }

    /// Ends and parts in the order of the results, as a message for [`SpoolIndex::open`](super::spool_index::SpoolIndex::open).
    pub fn index(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_u64(&mut out, self.shards.len() as u64);
        self.shards.values().for_each(|shard| put_end(&shard.end, &mut out));
        let parts: Vec<Part> = self.shards.values().flat_map(|shard| &shard.parts).copied().collect();
        put_parts(&parts, &mut out);
        out
    }
}

/// What ends of shards add up to.
#[derive(Debug, Clone, PartialEq)]
pub struct Sums {
    n_bins: usize,
    /// Traits × bins: histograms.
    pub tally: Vec<u64>,
    /// ỹᵀỹ by trait of the chromosomes with a null model of their own.
    pub models: BTreeMap<String, Vec<f64>>,
}

impl Sums {
    /// Nothing yet, of `n_traits` traits with histograms of `n_bins` bins.
    pub fn new(n_traits: usize, n_bins: usize) -> Self {
        Self { n_bins, tally: vec![0; n_traits * n_bins], models: BTreeMap::new() }
    }

    /// Adds the rest of an end frame after its [`ShardEnd`], or of a [`to_bytes`](Self::to_bytes).
    pub(super) fn add_from(&mut self, mut r: Cursor<'_>) -> Result<(), DecodeError> {
        for _ in 0..r.count(16)? {
            let chrom = r.text()?.to_owned();
            let squares = (0..r.count(8)?).map(|_| r.f64()).collect::<Result<Vec<_>, _>>()?;
            if squares.len() * self.n_bins != self.tally.len() {
                return Err(DecodeError);
            }
            self.models.insert(chrom, squares);
        }
        add_tally(r.rest(), self.n_bins, &mut self.tally)
    }

    /// As a message.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_u64(&mut out, self.models.len() as u64);
        for (chrom, squares) in &self.models {
            put_text(&mut out, chrom);
            put_u64(&mut out, squares.len() as u64);
            squares.iter().for_each(|&square| put_f64(&mut out, square));
        }
        encode_tally(&self.tally, self.n_bins, &mut out);
        out
    }

    /// Adds what another process's [`to_bytes`](Self::to_bytes) says.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.add_from(Cursor::new(bytes))
    }
}

fn put_end(end: &EndFrame, out: &mut Vec<u8>) {
    put_u32(out, end.spool);
    put_u64(out, end.offset);
    put_u64(out, end.len);
}

pub(super) fn take_end(r: &mut Cursor<'_>) -> Result<EndFrame, DecodeError> {
    Ok(EndFrame { spool: r.u32()?, offset: r.u64()?, len: r.u64()? })
}

fn put_parts(parts: &[Part], out: &mut Vec<u8>) {
    put_u64(out, parts.len() as u64);
    for part in parts {
        put_u32(out, part.spool);
        put_u64(out, part.offset);
        put_u64(out, part.rows_len);
        put_u32(out, part.rows.all);
        put_u32(out, part.rows.full);
    }
}

pub(super) fn take_parts(r: &mut Cursor<'_>) -> Result<Vec<Part>, DecodeError> {
    (0..r.count(28)?)
        .map(|_| {
            let (spool, offset, rows_len) = (r.u32()?, r.u64()?, r.u64()?);
            Ok(Part { spool, offset, rows_len, rows: RowCounts { all: r.u32()?, full: r.u32()? } })
        })
        .collect()
}

#[cfg(test)]
mod tests;
