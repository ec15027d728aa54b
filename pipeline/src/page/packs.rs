//! The charts of traits, packed many to a data file.

use super::data::{
    Axis, AxisChromosome, Band, Digits, LeadRow, OverviewLead, Pack, Points, QqPoints, StrongPair, TraitCharts,
};
use super::error::PageError;
use super::folder::ReportFolder;
use super::regions::Surroundings;
use super::{levels, write_script};
use crate::charts::{Genome, LOG10P_BINS, Lead, Point, QqBand, ScanOptions, TraitScan, scan, variants_at};
use crate::sink::rows::VariantRow;

/// Data files at most, so that a folder can be copied and unpacked.
const MAX_PACKS: usize = 160;
/// Traits of a data file at least.
const MIN_TRAITS: usize = 8;
/// The strongest pairs of a trait, which are told by name.
const N_STRONGEST: usize = 100;
/// Leads of a trait that are listed.
const MAX_LEADS: usize = 200;
/// Bins of the genome in a Manhattan plot: about one for each dot of a screen.
pub(super) const GENOME_BINS: u32 = 1_000;
/// Pairs that a trait may have drawn one by one; hits may be twice as many.
const MAX_POINTS: usize = 10_000;

/// What the scan leaves behind for the overview.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// The strongest pair of each trait.
    pub leads: Vec<Option<OverviewLead>>,
    /// First trait of each data file.
    pub packs: Vec<usize>,
    pub bytes: u64,
    /// Pairs that were thinned away.
    pub n_thinned: u64,
    pub n_leads: u64,
    pub n_regions: u64,
}

/// How traits are scanned. `lead`: −log10 p from which on a pair can be a lead, and bases on either side of it.
pub(super) fn scan_options(hit_log10p: f64, (lead_log10p, lead_bases): (f64, u32)) -> ScanOptions {
    ScanOptions {
        floor_log10p: ScanOptions::default().floor_log10p.min(hit_log10p),
        n_bins: GENOME_BINS,
        max_points: MAX_POINTS,
        hit_log10p: lead_log10p,
        lead_bases,
        ..ScanOptions::default()
    }
}

/// Scans the traits and writes their data files.
pub(super) fn write(
    around: &Surroundings<'_>,
    traits: &[usize],
    options: &ScanOptions,
    folder: &ReportFolder,
    mut progress: impl FnMut(u64),
) -> Result<Scanned, PageError> {
    let a_pack = traits.len().div_ceil(MAX_PACKS).max(MIN_TRAITS);
    let mut scanned = Scanned::default();
    let mut waiting: Vec<TraitScan> = Vec::new();
    let mut n_done = 0;
    scan((around.reader, around.genome), traits, options, |one| -> Result<(), PageError> {
        waiting.push(one);
        n_done += 1;
        progress(n_done);
        if waiting.len() == a_pack {
            write_pack(around, std::mem::take(&mut waiting), folder, &mut scanned)?;
        }
        Ok(())
    })?;
    if !waiting.is_empty() {
        write_pack(around, waiting, folder, &mut scanned)?;
    }
    Ok(scanned)
}

fn write_pack(
    around: &Surroundings<'_>,
    traits: Vec<TraitScan>,
    folder: &ReportFolder,
    scanned: &mut Scanned,
) -> Result<(), PageError> {
    let strongest: Vec<Vec<Point>> = traits.iter().map(|one| strongest(&one.manhattan.points)).collect();
    let rows: Vec<u64> = strongest.iter().flatten().map(|point| point.variant).collect();
    let mut variants = variants_at(around.reader, &rows)?.into_iter();
    let leads = around.leads(&traits)?;
    let number = scanned.packs.len();
    scanned.packs.push(scanned.leads.len());
    let mut pack = Pack::default();
    for ((one, mut leads), strongest) in traits.into_iter().zip(leads).zip(strongest) {
        let n_more_leads = leads.len().saturating_sub(MAX_LEADS);
        leads.truncate(MAX_LEADS);
        let regions = around.regions(one.trait_idx, &leads)?;
        scanned.n_leads += (leads.len() + n_more_leads) as u64;
        scanned.n_regions += regions.len() as u64;
        let strongest: Vec<StrongPair> =
            strongest.iter().zip(&mut variants).map(|(point, variant)| strong_pair(point, variant)).collect();
        let lead =
            strongest.first().map(|pair| OverviewLead(pair.0.clone(), pair.1, pair.2.clone(), f64::from(pair.8)));
        scanned.leads.push(lead);
        scanned.n_thinned += one.manhattan.n_thinned;
        let leads = leads.into_iter().map(|(_, lead)| lead).collect();
        let drawn = TraitCharts { leads, n_more_leads, regions, ..charts(one, strongest, &mut pack.bands) };
        pack.traits.push(drawn);
    }
    let name = format!("data/traits-{number:04}.js");
    scanned.bytes += write_script(folder, &name, "norna.receiveTraits", &(number, pack))?;
    Ok(())
}

/// The strongest points, strongest first; of equals the one that comes first in the file.
fn strongest(points: &[Point]) -> Vec<Point> {
    let mut sorted = points.to_vec();
    let order = |a: &Point, b: &Point| b.log10p.total_cmp(&a.log10p).then(a.variant.cmp(&b.variant));
    if sorted.len() > N_STRONGEST {
        sorted.select_nth_unstable_by(N_STRONGEST, order);
        sorted.truncate(N_STRONGEST);
    }
    sorted.sort_by(order);
    sorted
}

fn strong_pair(point: &Point, variant: VariantRow) -> StrongPair {
    let VariantRow { chrom, pos, id, reference, alternate, a1_freq, .. } = variant;
    StrongPair(
        chrom,
        pos,
        id,
        reference,
        alternate,
        freq(a1_freq),
        point.beta as f32,
        point.se as f32,
        point.log10p as f32,
    )
}

fn charts(one: TraitScan, strongest: Vec<StrongPair>, bands: &mut Vec<Band>) -> TraitCharts {
    let TraitScan { manhattan, qq, .. } = one;
    let band = band(&qq.band);
    let at = bands.iter().position(|known| *known == band).unwrap_or_else(|| {
        bands.push(band);
        bands.len() - 1
    });
    let digits = |values: &[f64]| values.iter().copied().map(Digits).collect();
    TraitCharts {
        floor: manhattan.floor,
        n_heights: LOG10P_BINS,
        below: levels::pack(&manhattan.counts),
        points: points(&manhattan.points),
        n_above: manhattan.n_at_or_above,
        n_thinned: manhattan.n_thinned,
        strongest,
        qq: QqPoints {
            expected: digits(&qq.expected),
            observed: digits(&qq.observed),
            n_tests: qq.n_tests,
            n_exact: qq.n_exact,
            band: at,
        },
        leads: Vec::new(),
        n_more_leads: 0,
        regions: Vec::new(),
    }
}

fn band(band: &QqBand) -> Band {
    let digits = |values: &[f64]| values.iter().copied().map(Digits).collect();
    Band { expected: digits(&band.expected), low: digits(&band.low), high: digits(&band.high) }
}

fn points(points: &[Point]) -> Points {
    let mut packed = Points::default();
    let mut last = 0;
    for point in points {
        match packed.chroms.last_mut() {
            Some((chrom, n)) if *chrom == point.chrom => *n += 1,
            _ => {
                packed.chroms.push((point.chrom, 1));
                last = 0;
            }
        }
        packed.steps.push(i64::from(point.pos) - last);
        last = i64::from(point.pos);
        packed.log10p.push(Digits(point.log10p));
    }
    packed
}

pub(super) fn lead_row(lead: &Lead) -> LeadRow {
    let (beta, se, log10p) = (lead.beta as f32, lead.se as f32, lead.log10p as f32);
    let [chrom, id, reference, alternate] =
        [&lead.chrom, &lead.id, &lead.reference, &lead.alternate].map(String::clone);
    let pair = StrongPair(chrom, lead.pos, id, reference, alternate, freq(lead.a1_freq), beta, se, log10p);
    LeadRow { pair, n_hits: lead.n_hits, span: lead.span }
}

/// A frequency, where there is one.
pub(super) fn freq(a1_freq: f64) -> Option<f32> {
    Some(a1_freq as f32).filter(|freq| freq.is_finite())
}

/// The genome as the page's scripts get it.
pub(super) fn axis(genome: &Genome) -> Axis {
    let chromosome = |chromosome: &crate::charts::Chromosome| {
        let (first, last) = (chromosome.first_pos, chromosome.last_pos);
        AxisChromosome(chromosome.name.clone(), first, last, chromosome.offset, chromosome.first_bin, chromosome.n_bins)
    };
    Axis {
        chromosomes: genome.chromosomes.iter().map(chromosome).collect(),
        bin_width: genome.bin_width,
        n_bins: genome.n_bins,
        length: genome.length,
    }
}
