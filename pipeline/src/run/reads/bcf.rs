//! gl.bcf from the cells: site by site over all samples, made by rank 0's threads and written in the order of the sites.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use norna_kernels::{LikelihoodBlock, Posteriors};

use super::super::grid::Cells;
use super::super::workdir::create_private;
use super::cells::{self, Shown};
use super::pieces;
use crate::format::bgzf::VirtualOffset;
use crate::format::bgzip::{BgzipPart, BgzipWriter, compress_part};
use crate::format::chromosome::canonical;
use crate::format::gl_bcf::{LikelihoodRecord, header_bytes};
use crate::format::index_write::IndexBuilder;
use crate::in_order;
use crate::shard::ShardPlan;
use crate::source::reads::{ReadInput, Site, SiteInput};

/// The last base that a CSI of BCF can hold at its usual depth.
const MAX_POS: u32 = 1 << 29;

/// What gl.bcf is made of.
pub(super) struct GlBcf<'a> {
    pub(super) reads: &'a ReadInput,
    pub(super) sites: &'a SiteInput,
    pub(super) plan: &'a ShardPlan,
    pub(super) cells: &'a Cells,
    pub(super) batch: usize,
    pub(super) piece: usize,
    /// How it was made.
    pub(super) source: String,
    pub(super) level: u8,
    pub(super) threads: usize,
}

/// Contigs of the header, and how to find one.
struct Contigs {
    names: Vec<(String, u32)>,
    idx_of: HashMap<String, u32>,
}

/// Sites that are written together: a part of each cell of a shard.
struct Piece {
    chunk: usize,
    part: usize,
    sites: Vec<Site>,
}

/// Pieces in the order of the sites.
struct PieceQueue<'a> {
    gl: &'a GlBcf<'a>,
    chunks: Range<usize>,
    pieces: std::vec::IntoIter<Piece>,
}

impl PieceQueue<'_> {
    fn next_piece(&mut self) -> Result<Option<Piece>> {
        loop {
            if let Some(piece) = self.pieces.next() {
                return Ok(Some(piece));
            }
            let Some(chunk) = self.chunks.next() else { return Ok(None) };
            let mut sites = Vec::new();
            self.gl.sites.read(&self.gl.plan.shards[chunk], &mut sites)?;
            let cut = pieces(&sites, self.gl.piece).enumerate();
            let cut: Vec<Piece> =
                cut.map(|(part, range)| Piece { chunk, part, sites: sites[range].to_vec() }).collect();
            self.pieces = cut.into_iter();
        }
    }
}

/// The records of a piece.
struct Records {
    part: BgzipPart,
    /// Contig and POS of each.
    places: Vec<(u32, u32)>,
}

/// Memory of a thread.
#[derive(Default)]
struct Scratch {
    payload: Vec<u8>,
    shown: Vec<Shown>,
    block: Option<(LikelihoodBlock, Posteriors)>,
    row: Row,
    bytes: Vec<u8>,
}

/// One site by sample, as the record wants it.
#[derive(Default)]
struct Row {
    likelihoods: Vec<[f32; 3]>,
    posteriors: Vec<[f32; 3]>,
    allele_depths: Vec<[u16; 2]>,
    depths: Vec<u16>,
}

impl GlBcf<'_> {
    /// Writes BCF and index under the names given; the number of records.
    pub(super) fn write(&self, path: &Path, index: &Path) -> Result<u64> {
        let contigs = self.contigs();
        let create = |path: &Path| -> Result<BufWriter<File>> {
            Ok(BufWriter::new(create_private(path).with_context(|| path.display().to_string())?))
        };
        let mut file = create(path)?;
        let header = header_bytes(&contigs.names, self.reads.samples(), &self.source);
        let head = compress_part(&header, &[], self.level)?;
        file.write_all(&head.bytes)?;
        let (mut offset, mut builder) = (head.bytes.len() as u64, IndexBuilder::new(contigs.names.len()));
        let (mut last, mut n_records) = ((0, 0), 0);
        let mut queue = PieceQueue { gl: self, chunks: 0..self.plan.shards.len(), pieces: Vec::new().into_iter() };
        let write = |records: Records| {
            let mut start = VirtualOffset::new(offset, 0);
            for (&(contig, pos), end) in records.places.iter().zip(&records.part.ends) {
                if (contig, pos) < last {
                    let chrom = &contigs.names[contig as usize].0;
                    return Err(anyhow!(
                        "sites are not in the order of the genome of the reads at {chrom}:{pos}: sort them (bcftools sort), and give several \
                         files in that order"
                    ));
                }
                last = (contig, pos);
                let end = VirtualOffset::new(offset + end.compressed(), end.in_block());
                builder.push(contig as usize, pos, start, end);
                start = end;
            }
            n_records += records.places.len() as u64;
            offset += records.part.bytes.len() as u64;
            Ok(file.write_all(&records.part.bytes)?)
        };
        let make = || queue.next_piece().transpose();
        in_order::run(self.threads, make, |s: &mut Scratch, piece| self.records(&piece?, &contigs, s), write)?;
        file.write_all(&BgzipWriter::new(Vec::new()).finish()?)?;
        let file = file.into_inner().map_err(|e| anyhow!("{}: {}", path.display(), e.error()))?;
        file.sync_all().with_context(|| path.display().to_string())?;
        let mut writer = BgzipWriter::new(create(index)?);
        writer.write_all(&builder.to_csi())?;
        writer.finish()?.flush()?;
        Ok(n_records)
    }

    /// References of the alignment files, by the names that the sites have for them.
    fn contigs(&self) -> Contigs {
        let told: HashMap<String, String> =
            self.sites.input().contigs().into_iter().map(|name| (canonical(&name), name)).collect();
        let mut contigs = Contigs { names: Vec::new(), idx_of: HashMap::new() };
        for (idx, reference) in (0..).zip(self.reads.references()) {
            let known = canonical(&reference.name);
            let name = told.get(&known).unwrap_or(&reference.name).clone();
            contigs.idx_of.insert(known, idx);
            contigs.names.push((name, reference.length));
        }
        contigs
    }

    fn records(&self, piece: &Piece, contigs: &Contigs, scratch: &mut Scratch) -> Result<Records> {
        let Piece { chunk, part, sites } = piece;
        let n = self.reads.samples().len();
        let first = &sites[0];
        let contig = contigs.idx_of.get(&canonical(&first.chrom)).copied();
        let contig = contig.ok_or_else(|| anyhow!("{}: no such chromosome in the alignment files", first.chrom))?;
        scratch.shown.clear();
        scratch.shown.resize(sites.len() * n, Shown::default());
        for (batch, start) in (0..n).step_by(self.batch).enumerate() {
            let width = self.batch.min(n - start);
            let payload = self.cells.part((*chunk, batch), *part, &mut scratch.payload)?;
            let shown = &mut scratch.shown;
            cells::decode(payload, (sites.len(), width), |site, sample, cell| shown[site * n + start + sample] = cell)
                .map_err(|e| self.cells.error((*chunk, batch), *part, &e))?;
        }
        let (block, posteriors) =
            scratch.block.get_or_insert_with(|| (LikelihoodBlock::new(n, 0), Posteriors::new(n, self.piece)));
        block.clear();
        for row in scratch.shown.chunks(n) {
            block.push().iter_mut().zip(row).for_each(|(to, shown)| *to = shown.likelihoods);
        }
        posteriors.set(block);
        scratch.bytes.clear();
        let (mut ends, mut places) = (Vec::new(), Vec::new());
        for (v, (site, shown)) in sites.iter().zip(scratch.shown.chunks(n)).enumerate() {
            if site.pos > MAX_POS {
                return Err(anyhow!("{}:{}: beyond 2^29, where no usual index reaches", site.chrom, site.pos));
            }
            scratch.row.set(shown, posteriors.site(v).alt);
            let record = LikelihoodRecord {
                contig_idx: contig,
                pos: site.pos,
                id: &site.id,
                alleles: [site.reference, site.alternate],
                a1_freq: posteriors.site(v).alt,
                likelihoods: &scratch.row.likelihoods,
                posteriors: &scratch.row.posteriors,
                allele_depths: &scratch.row.allele_depths,
                depths: &scratch.row.depths,
            };
            record.encode(&mut scratch.bytes);
            ends.push(scratch.bytes.len());
            places.push((contig, site.pos));
        }
        Ok(Records { part: compress_part(&scratch.bytes, &ends, self.level)?, places })
    }
}

impl Row {
    /// `frequency`: of ALT; without one nothing is known of the genotypes before the reads.
    fn set(&mut self, shown: &[Shown], frequency: f64) {
        let f = if frequency.is_nan() { 0.5 } else { frequency };
        let prior = [(1.0 - f) * (1.0 - f), 2.0 * f * (1.0 - f), f * f];
        self.likelihoods.clear();
        self.likelihoods.extend(shown.iter().map(|shown| shown.likelihoods));
        self.posteriors.clear();
        self.posteriors.extend(shown.iter().map(|shown| posterior(prior, shown.likelihoods)));
        self.allele_depths.clear();
        self.allele_depths.extend(shown.iter().map(|shown| shown.allele_depths));
        self.depths.clear();
        self.depths.extend(shown.iter().map(|shown| shown.depth));
    }
}

fn posterior(prior: [f64; 3], likelihoods: [f32; 3]) -> [f32; 3] {
    let joint: [f64; 3] = std::array::from_fn(|g| prior[g] * libm::exp(f64::from(likelihoods[g])));
    let sum: f64 = joint.iter().sum();
    // A frequency of 0 or 1 may leave nothing of what the reads allow.
    if sum > 0.0 { joint.map(|p| (p / sum) as f32) } else { prior.map(|p| p as f32) }
}
