//! The pass over a results file that makes the charts of its traits, batch by batch along the file's chunks.

use norna_kernels::genomic_control::N_BINS;
use rayon::prelude::*;
use serde::Serialize;

use super::band::{Search, bands};
use super::edges::EdgeTables;
use super::genome::Genome;
use super::hits::take_hits;
use super::leads::{Found as FoundLead, Lead, LeadFinder};
use super::manhattan::{Manhattan, Point};
use super::qq::{Qq, QqBand, Tail};
use super::variants::variants_at;
use crate::store::{ResultsReader, StoreError};

/// Bands given out together, a thread.
const BANDS_A_THREAD: usize = 4;
/// Traits of a batch where the file holds hits only.
const HITS_BATCH: usize = 512;

/// What is drawn, and how finely.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScanOptions {
    /// −log10 p from which on pairs are kept one by one.
    pub floor_log10p: f64,
    /// About how many bins the genome is cut into.
    pub n_bins: u32,
    /// Pairs from the floor to a hit that a trait may have before they are thinned; hits may be twice as many.
    pub max_points: usize,
    /// −log10 p of a hit, of which leads are made.
    pub hit_log10p: f64,
    /// Bases on either side of a lead within which hits are its own.
    pub lead_bases: u32,
    /// Most tests of a QQ plot that are drawn one by one.
    pub n_tail: usize,
}

impl Default for ScanOptions {
    /// p of 1e-4 for the floor, 2,000 bins, 20,000 points, leads of p = 5e-8 with 500 kb on either side, 500 tests of a QQ plot.
    fn default() -> Self {
        let hit_log10p = -libm::log10(5e-8);
        Self { floor_log10p: 4.0, n_bins: 2_000, max_points: 20_000, hit_log10p, lead_bases: 500_000, n_tail: 500 }
    }
}

impl ScanOptions {
    /// The floor that is taken: hits are never below it.
    pub fn floor(&self) -> f64 {
        self.floor_log10p.min(self.hit_log10p)
    }
}

/// The charts of one trait.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TraitScan {
    /// Row of /traits.
    pub trait_idx: usize,
    /// Its name.
    pub name: String,
    /// Analysed samples with a value.
    pub n_samples: u32,
    /// Tests along the genome.
    pub manhattan: Manhattan,
    /// Tests by rank.
    pub qq: Qq,
    /// Leads in the order of the file.
    pub leads: Vec<Lead>,
}

/// Scans traits (rows of /traits, ascending) and gives the charts of each to `each`, in their order.
///
/// The result does not depend on the number of threads.
///
/// # Errors
/// The file cannot be read, or `each` fails.
pub fn scan<E: From<StoreError>>(
    (reader, genome): (&ResultsReader, &Genome),
    traits: &[usize],
    options: &ScanOptions,
    mut each: impl FnMut(TraitScan) -> Result<(), E>,
) -> Result<(), E> {
    let lambdas = reader.qc()?.genomic_control;
    let edges = EdgeTables::new(reader.header().n_samples, options.floor());
    let mut last_band = (0, QqBand::default());
    let (width, has_all) = (reader.chunk().1.max(1), reader.has_every_pair());
    let batches = traits.chunk_by(|a, b| if has_all { a / width == b / width } else { true });
    for traits in batches.flat_map(|batch| batch.chunks(HITS_BATCH)) {
        let mut batch = Batch::new((reader, genome), traits, options)?;
        if has_all {
            batch.take_all(reader, &edges)?;
        } else {
            take_hits(reader, &mut batch, options)?;
        }
        for scanned in batch.finish(reader, &lambdas, &mut last_band)? {
            each(scanned)?;
        }
    }
    Ok(())
}

/// The charts of a batch of traits while the file goes by.
pub(super) struct Batch<'a> {
    genome: &'a Genome,
    options: &'a ScanOptions,
    traits: &'a [usize],
    charts: Vec<Collected>,
}

struct Collected {
    manhattan: Manhattan,
    leads: LeadFinder,
    tail: Tail,
    histogram: Vec<u64>,
}

impl<'a> Batch<'a> {
    fn new(
        (reader, genome): (&ResultsReader, &'a Genome),
        traits: &'a [usize],
        options: &'a ScanOptions,
    ) -> Result<Self, StoreError> {
        let nothing_below = (!reader.has_every_pair()).then_some(reader.header().hit_log10p);
        let collected = |&trait_idx: &usize| -> Result<Collected, StoreError> {
            let histogram = reader.chi2_histogram(trait_idx)?;
            Ok(Collected {
                manhattan: Manhattan::new(options.floor(), nothing_below),
                leads: LeadFinder::new(options.lead_bases, genome.is_sorted),
                tail: Tail::new(&histogram, options.n_tail),
                histogram,
            })
        };
        let charts = traits.iter().map(collected).collect::<Result<_, _>>()?;
        Ok(Self { genome, options, traits, charts })
    }

    fn take_all(&mut self, reader: &ResultsReader, edges: &EdgeTables) -> Result<(), StoreError> {
        let tails: Vec<f64> = self.charts.iter().map(|charts| charts.tail.t2_floor).collect();
        let search = Search { reader, genome: self.genome, edges, traits: self.traits, tails: &tails };
        let bands = bands(reader, self.traits[self.traits.len() - 1] + 1 - self.traits[0]);
        for together in bands.chunks(BANDS_A_THREAD * rayon::current_num_threads()) {
            let found: Vec<_> = together.par_iter().map(|rows| search.band(rows.clone())).collect();
            for found in found {
                let found = found?;
                let of_bin = self.traits.len() * super::LOG10P_BINS;
                for (&bin, counts) in found.bins.iter().zip(found.counts.chunks(of_bin)) {
                    for (k, counts) in counts.chunks(super::LOG10P_BINS).enumerate() {
                        self.count(k, bin, counts);
                    }
                }
                found.points.into_iter().for_each(|(k, point)| self.push(k, point));
                found.tails.into_iter().for_each(|(k, log10p)| self.push_tail(k, log10p));
                self.settle();
            }
        }
        Ok(())
    }

    pub(super) fn genome(&self) -> &'a Genome {
        self.genome
    }

    /// The place of a trait in the batch.
    pub(super) fn place_of(&self, trait_idx: usize) -> Option<usize> {
        self.traits.binary_search(&trait_idx).ok()
    }

    pub(super) fn count(&mut self, k: usize, bin: u32, counts: &[u32]) {
        self.charts[k].manhattan.count(self.genome, bin, counts);
    }

    pub(super) fn push(&mut self, k: usize, point: Point) {
        let charts = &mut self.charts[k];
        charts.manhattan.push(point, self.options.hit_log10p);
        if point.log10p >= self.options.hit_log10p {
            charts.leads.push(point);
        }
    }

    pub(super) fn push_tail(&mut self, k: usize, log10p: f64) {
        self.charts[k].tail.push(log10p);
    }

    /// Keeps points within their bounds.
    pub(super) fn settle(&mut self) {
        let most = self.options.max_points;
        for charts in self.charts.iter_mut().filter(|charts| charts.manhattan.points.len() > 4 * most) {
            charts.manhattan.thin(self.genome, most, self.options.hit_log10p);
        }
    }

    fn finish(
        self,
        reader: &ResultsReader,
        lambdas: &[f64],
        last_band: &mut (u64, QqBand),
    ) -> Result<Vec<TraitScan>, StoreError> {
        let mut scanned = Vec::with_capacity(self.traits.len());
        let mut leads: Vec<Vec<FoundLead>> = Vec::with_capacity(self.traits.len());
        for (&trait_idx, mut charts) in self.traits.iter().zip(self.charts) {
            charts.manhattan.thin(self.genome, self.options.max_points, self.options.hit_log10p);
            leads.push(charts.leads.finish());
            let info = &reader.header().traits[trait_idx];
            debug_assert_eq!(charts.histogram.len(), N_BINS);
            let n_tests = charts.histogram.iter().sum();
            if last_band.0 != n_tests {
                *last_band = (n_tests, QqBand::new(n_tests));
            }
            let df = info.degrees_of_freedom();
            let qq = Qq::new(&charts.histogram, df, lambdas[trait_idx], charts.tail, last_band.1.clone());
            let (name, n_samples) = (info.name.clone(), info.n);
            scanned.push(TraitScan { trait_idx, name, n_samples, manhattan: charts.manhattan, qq, leads: Vec::new() });
        }
        let rows: Vec<u64> = leads.iter().flatten().map(|lead| lead.point.variant).collect();
        let mut variants = variants_at(reader, &rows)?.into_iter();
        for (scanned, leads) in scanned.iter_mut().zip(leads) {
            scanned.leads = leads.into_iter().zip(&mut variants).map(|(lead, variant)| lead.with(variant)).collect();
        }
        Ok(scanned)
    }
}
