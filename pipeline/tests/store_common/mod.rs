//! A made-up results file for the store's tests: effects are a hash of (variant, trait), so any cell can be checked.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use norna::export::pair::{Missing, PairStats};
use norna::sink::rows::{ExactRow, HitRow, RowBatch, VariantRow};
use norna::store::{
    BandWriter, Bins, Extent, LedgerRole, Qc, ResultsHeader, ResultsWriter, Store, StoreError, TraitInfo,
    pairs_with_number,
};
use norna_kernels::Status;
use serde_json::json;

pub const HIT: f64 = 2.5;

pub fn uniform(seed: u64) -> f64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// (β, se) of a cell: t is about normal; every 97th cell has no number.
pub fn cell(variant: usize, trait_idx: usize) -> (f32, f32) {
    let seed = (variant * 1009 + trait_idx) as u64;
    if seed % 97 == 5 {
        return (f32::NAN, f32::NAN);
    }
    let radius = (-2.0 * (1.0 - uniform(seed)).ln()).sqrt();
    let t = radius * (std::f64::consts::TAU * uniform(!seed)).cos();
    let se = 0.05 + 0.01 * uniform(seed ^ 77);
    ((t * se) as f32, se as f32)
}

pub fn missing(variant: usize, mask: usize) -> u32 {
    if variant % 5000 < 3 { ((variant + mask) % 4) as u32 } else { 0 }
}

/// At most `missing`, as in a run.
pub fn covariates_lost(variant: usize, mask: usize) -> u16 {
    if variant % 5000 == 1 { missing(variant, mask).min(2) as u16 } else { 0 }
}

/// Both.
pub fn taken(variant: usize, mask: usize) -> Missing {
    Missing { n: missing(variant, mask), covariates: covariates_lost(variant, mask) }
}

pub fn header(n_traits: usize) -> ResultsHeader {
    let info = |i: usize| TraitInfo {
        name: format!("trait{i}"),
        n: 100 - (i / 2) as u32 % 7,
        mask: (i / 2) as u32,
        df_covariates: 3,
        status: 0,
        mean: i as f64,
        sd: if i == 0 { f64::NAN } else { 1.5 },
        normal: false,
    };
    ResultsHeader {
        traits: (0..n_traits).map(info).collect(),
        n_samples: 100,
        hit_log10p: HIT,
        store: Store::Full,
        proteins: Vec::new(),
        left_out_window: None,
    }
}

pub fn variant(i: usize) -> VariantRow {
    VariantRow {
        chrom: if i.is_multiple_of(2) { "chr22".into() } else { "X".into() },
        pos: 1000 + i as u32,
        id: if i.is_multiple_of(3) { ".".into() } else { format!("rs{i}é") },
        reference: "A".into(),
        alternate: "C".repeat(1 + i % 4),
        a1_freq: if i.is_multiple_of(11) { f64::NAN } else { uniform(i as u64) },
        n: 90 + (i % 10) as u32,
        mac: (i % 50) as f64 + 0.25,
        missing: (i % 10) as u32,
        status: if i.is_multiple_of(11) { 1 } else { 0 },
    }
}

pub fn batch(header: &ResultsHeader, rows: std::ops::Range<usize>) -> RowBatch {
    let n_traits = header.traits.len();
    let mut batch = RowBatch::default();
    for v in rows.clone() {
        let row = (v - rows.start) as u32;
        batch.variants.push(variant(v));
        for mask in 0..header.n_masks() {
            if missing(v, mask) > 0 {
                batch.n_missing.push((row, mask as u32, missing(v, mask)));
            }
            if covariates_lost(v, mask) > 0 {
                batch.covariates_lost.push((row, mask as u32, covariates_lost(v, mask).into()));
            }
        }
        for t in 0..n_traits {
            let (beta, se) = cell(v, t);
            batch.matrices[0].push(beta);
            batch.matrices[1].push(se);
            if beta.is_nan() {
                batch.statuses.push((row, t as u32, 4));
            }
            let info = &header.traits[t];
            let stats = PairStats::new(info, taken(v, info.mask as usize), beta, se);
            if stats.log10p >= HIT {
                let (beta, se) = (f64::from(beta), f64::from(se));
                let PairStats { log10p, n_observed, .. } = stats;
                batch.hits.push(HitRow { variant_idx: row, trait_idx: t as u32, beta, se, log10p, n_observed });
            }
        }
    }
    batch
}

pub fn qc(header: &ResultsHeader) -> Qc {
    let mut qc = Qc { eigenvalues: vec![1.5, 0.5], case_counts: Some(vec![7; header.traits.len()]), ..Qc::default() };
    qc.ledger.samples.push("in the genotype files", LedgerRole::Input, 110);
    qc.ledger.samples.push("no covariates", LedgerRole::Dropped, 10);
    qc.ledger.samples.push("analysed", LedgerRole::Kept, 100);
    qc.ledger.variants.push("rows", LedgerRole::Input, 10);
    qc.ledger.variants.push("tested", LedgerRole::Kept, 9);
    qc
}

/// A whole file from batches: rows through the library, matrices in bands.
pub struct FileWriter {
    path: PathBuf,
    writer: ResultsWriter,
    store: Store,
    bins: Bins,
    tally: Vec<u32>,
    cells: [Vec<u8>; 4],
}

impl FileWriter {
    pub fn create(path: &Path, header: &ResultsHeader, n_variants: u64) -> Result<Self, StoreError> {
        let models = vec![(String::new(), vec![1.0; header.traits.len()])];
        let writer = ResultsWriter::create(path, header, Extent { n_variants, n_full: 0, models })?;
        let bins = Bins::new(&header.traits);
        let tally = bins.tally();
        Ok(Self { path: path.to_path_buf(), writer, store: header.store, bins, tally, cells: Default::default() })
    }

    pub fn append(&mut self, batch: &RowBatch) -> Result<(), StoreError> {
        self.writer.append(batch)?;
        for (cells, matrix) in self.cells.iter_mut().zip(&batch.matrices) {
            cells.extend(matrix.iter().flat_map(|cell| cell.to_le_bytes()));
        }
        if self.store == Store::Full {
            self.bins.count(&batch.matrices[0], &batch.matrices[1], &mut self.tally);
        }
        Ok(())
    }

    fn tally(&self) -> Vec<u64> {
        let mut tally = self.tally.clone();
        self.bins.close(&mut tally);
        tally.into_iter().map(u64::from).collect()
    }

    pub fn n_pairs_with_number(&self) -> u64 {
        pairs_with_number(&self.tally())
    }

    pub fn status_counts(&self) -> Vec<(Status, u64)> {
        self.writer.status_counts()
    }

    pub fn finish(mut self, qc: &Qc, provenance: &serde_json::Value) -> Result<(), StoreError> {
        let tally = self.tally();
        self.writer.complete((&self.bins, &tally), qc)?;
        let bands = BandWriter::open(&self.path)?;
        let (mut band, mut sums) = (Vec::new(), Vec::new());
        for (matrix, cells) in self.writer.layout().matrices.iter().zip(&self.cells) {
            let row_bytes = 4 * matrix.shape.columns;
            let mut of_bands = Vec::new();
            for idx in 0..matrix.n_bands() {
                let rows = matrix.rows(idx);
                matrix.clear(&mut band);
                matrix.put(&mut band, 0, &cells[rows.start as usize * row_bytes..rows.end as usize * row_bytes]);
                of_bands.push(bands.write(matrix, idx, &mut band)?);
            }
            sums.push(of_bands);
        }
        bands.sync()?;
        self.writer.seal(provenance, &sums)
    }
}

/// Writes a compact file whose scores are the effects of [`cell`], d is 1 and every 50th pair is exact.
pub fn write_compact(path: &Path, n_variants: usize, n_traits: usize) {
    let mut header = header(n_traits);
    header.store = Store::Compact;
    let mut writer = FileWriter::create(path, &header, n_variants as u64).unwrap();
    let mut batch = batch(&header, 0..n_variants);
    for i in (0..n_variants * n_traits).step_by(50) {
        let (variant_idx, trait_idx) = ((i / n_traits) as u32, (i % n_traits) as u32);
        batch.exact.push(ExactRow { variant_idx, trait_idx, beta: 7.0, se: 0.5 });
    }
    batch.matrices[1] = vec![1.0; n_variants * header.n_masks()];
    writer.append(&batch).unwrap();
    writer.finish(&qc(&header), &json!({})).unwrap();
}

/// Writes a file in batches of `step` rows.
pub fn write(path: &Path, n_variants: usize, n_traits: usize, step: usize) -> ResultsHeader {
    let header = header(n_traits);
    let mut writer = FileWriter::create(path, &header, n_variants as u64).unwrap();
    for start in (0..n_variants).step_by(step) {
        writer.append(&batch(&header, start..n_variants.min(start + step))).unwrap();
    }
    let provenance = json!({
        "inputs": [{ "path": "cohort.vcf.gz", "bytes": 12 }],
        "timings": { "wall_s": 1.5, "step": step },
    });
    writer.finish(&qc(&header), &provenance).unwrap();
    header
}
