//! Clumping of many traits at once, in waves: every index variant that no stronger one of its trait is near is settled, and those that
//! are left are looked at again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rayon::prelude::*;
use serde::Serialize;

use super::linkage::{Genotype, Linkage, key_of, key_of_row};
use super::stretch::{Piece, pieces};
use super::{Clump, ClumpError, ClumpOptions, Member};
use crate::charts::{Genome, Point, ScanOptions, scan, variants_at};
use crate::sink::rows::VariantRow;
use crate::source::Variant;
use crate::store::{ResultsReader, StoreError};

/// Bytes of index variants' genotypes that are held together.
const GENOTYPE_BYTES: usize = 256 << 20;
/// −log10 of the p between the classes that other variants are counted by.
const CLASSES: [f64; 4] = [1.301_029_995_663_981_2, 2.0, 3.0, 4.0];

/// The pairs of a trait that may be index variants.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidates {
    /// Row of /traits.
    pub trait_idx: usize,
    /// All its pairs with p at or under p1, in the order of the file.
    pub points: Vec<Point>,
}

/// What became of the candidates.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ClumpReport {
    /// Pairs with p at or under p1.
    pub n_candidates: u64,
    /// Those of them whose variant is not in the genotype files, which are left out.
    pub n_not_in_files: u64,
    /// One of the strongest of those, as CHROM:POS:REF:ALT.
    pub strongest_not_in_files: Option<String>,
    /// Clumps.
    pub n_clumps: u64,
    /// The file holds nothing below this −log10 p, so that no weaker variant is counted in a clump.
    pub nothing_below: Option<f64>,
}

impl ClumpReport {
    /// Adds what became of other traits' candidates.
    pub fn add(&mut self, other: Self) {
        self.n_candidates += other.n_candidates;
        self.n_not_in_files += other.n_not_in_files;
        self.strongest_not_in_files = self.strongest_not_in_files.take().or(other.strongest_not_in_files);
        self.n_clumps += other.n_clumps;
        self.nothing_below = other.nothing_below;
    }
}

/// Finds the candidates of traits (rows of /traits, ascending) in one pass, and gives those of each trait to `each`.
///
/// # Errors
/// The file cannot be read, or `each` fails.
pub fn candidates<E: From<StoreError>>(
    (reader, genome): (&ResultsReader, &Genome),
    traits: &[usize],
    index_log10p: f64,
    mut each: impl FnMut(Candidates) -> Result<(), E>,
) -> Result<(), E> {
    let options = ScanOptions {
        floor_log10p: index_log10p,
        hit_log10p: f64::INFINITY,
        max_points: usize::MAX / 8,
        n_tail: 0,
        ..ScanOptions::default()
    };
    scan((reader, genome), traits, &options, |one| {
        let points = one.manhattan.points;
        each(Candidates { trait_idx: one.trait_idx, points })
    })
}

/// A trait on its way.
struct State {
    trait_idx: usize,
    /// Candidates that are not settled, strongest first.
    rest: Vec<Point>,
    /// Rows that belong to a clump.
    taken: HashSet<u64>,
    clumps: Vec<Clump>,
}

/// An index variant of one or more traits.
struct Index {
    row: u64,
    chrom: u32,
    pos: u32,
    /// `None` where distance alone decides.
    genotype: Option<Genotype>,
    /// Places of traits, with their clumps.
    clumps: Vec<(usize, Clump)>,
}

/// Makes the clumps of traits, each trait's strongest first, in the order of `traits`. Without `linkage` everything within the distance
/// belongs to a clump.
///
/// # Errors
/// [`ClumpError`]: a file cannot be read, positions are not sorted, or no index variant is in the genotype files.
pub fn clump(
    study: (&ResultsReader, &Genome),
    traits: Vec<Candidates>,
    linkage: Option<&Linkage>,
    options: &ClumpOptions,
) -> Result<(Vec<Vec<Clump>>, ClumpReport), ClumpError> {
    let (reader, genome) = study;
    if !genome.is_sorted {
        return Err(ClumpError::Unsorted { path: reader.path().to_path_buf() });
    }
    let mut waves = Waves {
        reader,
        genome,
        linkage,
        options,
        states: traits.into_iter().map(State::new).collect(),
        checked: BTreeSet::new(),
        strongest_missing: None,
        report: ClumpReport::default(),
    };
    let nothing_below = (!reader.has_every_pair()).then_some(reader.header().hit_log10p);
    waves.report.nothing_below = nothing_below;
    waves.report.n_candidates = waves.states.iter().map(|state| state.rest.len() as u64).sum();
    while waves.settle_ready()? {}
    waves.finish()
}

impl State {
    fn new(candidates: Candidates) -> Self {
        let Candidates { trait_idx, points: mut rest } = candidates;
        rest.sort_by(|a, b| b.log10p.total_cmp(&a.log10p).then(a.variant.cmp(&b.variant)));
        Self { trait_idx, rest, taken: HashSet::new(), clumps: Vec::new() }
    }

    /// Candidates without a stronger one within `reach`.
    fn ready(&self, reach: u32) -> Vec<Point> {
        let mut stronger = BTreeSet::new();
        let mut ready = Vec::new();
        for point in &self.rest {
            let (from, to) = (point.pos.saturating_sub(reach), point.pos.saturating_add(reach));
            if stronger.range((point.chrom, from)..=(point.chrom, to)).next().is_none() {
                ready.push(*point);
            }
            stronger.insert((point.chrom, point.pos));
        }
        ready
    }
}

struct Waves<'a> {
    reader: &'a ResultsReader,
    genome: &'a Genome,
    linkage: Option<&'a Linkage>,
    options: &'a ClumpOptions,
    states: Vec<State>,
    /// Chromosomes whose candidates are known to be in the files.
    checked: BTreeSet<u32>,
    strongest_missing: Option<Point>,
    report: ClumpReport,
}

impl Waves<'_> {
    /// Settles what can be settled; false where nothing was left.
    fn settle_ready(&mut self) -> Result<bool, ClumpError> {
        let reach = self.options.bases.saturating_mul(2);
        let mut by_row: BTreeMap<u64, Vec<(usize, Point)>> = BTreeMap::new();
        for (place, state) in self.states.iter().enumerate() {
            for point in state.ready(reach) {
                by_row.entry(point.variant).or_default().push((place, point));
            }
        }
        if by_row.is_empty() {
            return Ok(false);
        }
        let all: Vec<(u64, Vec<(usize, Point)>)> = by_row.into_iter().collect();
        let bytes = self.linkage.map_or(0, |linkage| 4 * linkage.n_samples());
        for together in all.chunks((GENOTYPE_BYTES / bytes.max(1)).clamp(1, 4096)) {
            let mut indices = self.open(together)?;
            self.sweep(&mut indices)?;
            for (place, clump) in indices.into_iter().flat_map(|index| index.clumps) {
                self.states[place].clumps.push(clump);
            }
        }
        for state in &mut self.states {
            let taken = &state.taken;
            state.rest.retain(|point| !taken.contains(&point.variant));
        }
        Ok(true)
    }

    /// Index variants with their genotypes; those that no file has are left out, with all such candidates of their chromosomes.
    fn open(&mut self, wanted: &[(u64, Vec<(usize, Point)>)]) -> Result<Vec<Index>, ClumpError> {
        let rows: Vec<u64> = wanted.iter().map(|&(row, _)| row).collect();
        let variants = variants_at(self.reader, &rows)?;
        let genotypes = match self.linkage {
            Some(linkage) => linkage.genotypes_of(&variants.iter().collect::<Vec<_>>())?,
            None => vec![None; variants.len()],
        };
        let mut missing = BTreeSet::new();
        let mut indices = Vec::with_capacity(wanted.len());
        for (((row, points), variant), genotype) in wanted.iter().zip(&variants).zip(genotypes) {
            let (chrom, pos) = (points[0].1.chrom, points[0].1.pos);
            if self.linkage.is_some() && genotype.is_none() {
                missing.insert(chrom);
                continue;
            }
            let clumps = points.iter().map(|(place, point)| {
                let state = &mut self.states[*place];
                state.taken.insert(*row);
                (*place, begin(state.trait_idx, point, variant))
            });
            indices.push(Index { row: *row, chrom, pos, genotype, clumps: clumps.collect() });
        }
        for chrom in missing {
            if self.checked.insert(chrom) {
                self.drop_missing(chrom)?;
            }
        }
        Ok(indices)
    }

    /// Drops the candidates on a chromosome that are not in the genotype files.
    fn drop_missing(&mut self, chrom: u32) -> Result<(), ClumpError> {
        let Some(linkage) = self.linkage else { return Ok(()) };
        let on_it = self.states.iter().flat_map(|state| &state.rest).filter(|point| point.chrom == chrom);
        let rows: Vec<u64> = on_it.map(|point| point.variant).collect::<BTreeSet<_>>().into_iter().collect();
        let mut absent = HashSet::new();
        for rows in rows.chunks(1 << 14) {
            let variants = variants_at(self.reader, rows)?;
            let there = linkage.are_there(&variants.iter().collect::<Vec<_>>())?;
            absent.extend(rows.iter().zip(there).filter(|(_, there)| !there).map(|(&row, _)| row));
        }
        for state in &mut self.states {
            for point in state.rest.extract_if(.., |point| absent.contains(&point.variant)) {
                self.report.n_not_in_files += 1;
                if self.strongest_missing.is_none_or(|strongest| point.log10p > strongest.log10p) {
                    self.strongest_missing = Some(point);
                }
            }
        }
        Ok(())
    }

    /// Goes through the stretches around index variants and gives them their members.
    fn sweep(&mut self, indices: &mut [Index]) -> Result<(), ClumpError> {
        let bases = self.options.bases;
        indices.sort_by_key(|index| (index.chrom, index.pos, index.row));
        let reach = |index: &Index| (index.pos.saturating_sub(bases), index.pos.saturating_add(bases));
        for near in indices.chunk_by_mut(|a, b| a.chrom == b.chrom && reach(a).1 >= reach(b).0) {
            let (Some(first), Some(last)) = (near.first(), near.last()) else { continue };
            let (chrom, interval) = (first.chrom, (reach(first).0, reach(last).1));
            let Some(rows) = self.genome.rows_within(self.reader, chrom, interval)? else { continue };
            for rows in pieces(self.reader, rows)? {
                let ends = [rows.start, rows.end - 1].map(|row| self.reader.positions(row..row + 1));
                let [from, to] = ends;
                let (from, to) = (from?[0], to?[0]);
                let start = near.partition_point(|index| reach(index).1 < from);
                let end = near.partition_point(|index| reach(index).0 <= to);
                if start < end {
                    self.join(&mut near[start..end], rows)?;
                }
            }
        }
        Ok(())
    }

    /// Gives index variants those members that lie in a piece.
    fn join(&mut self, indices: &mut [Index], rows: std::ops::Range<usize>) -> Result<(), ClumpError> {
        let places: BTreeSet<usize> = indices.iter().flat_map(|index| index.clumps.iter().map(|c| c.0)).collect();
        let traits: Vec<usize> = places.iter().map(|&place| self.states[place].trait_idx).collect();
        let piece = Piece::read(self.reader, rows, &traits)?;
        let Some(linkage) = self.linkage else {
            for row in piece.rows.clone() {
                let pos = piece.variants[row - piece.rows.start].pos;
                let near: Vec<usize> =
                    (0..indices.len()).filter(|&i| indices[i].pos.abs_diff(pos) <= self.options.bases).collect();
                near.into_iter().for_each(|i| self.add(&mut indices[i], (&piece, row), None));
            }
            return Ok(());
        };
        let mut rows_of: HashMap<_, Vec<usize>> = HashMap::new();
        for (row, variant) in piece.rows.clone().zip(&piece.variants) {
            rows_of.entry(key_of_row(variant)).or_default().push(row);
        }
        let (Some(first), Some(last)) = (piece.variants.first(), piece.variants.last()) else { return Ok(()) };
        linkage.visit(&first.chrom, (first.pos, last.pos), |variants, genotypes| {
            let linked = self.linked(linkage, indices, (variants, genotypes), &rows_of);
            for (variant, linked) in variants.iter().zip(linked) {
                // The first record of a variant stands for it.
                let Some(rows) = rows_of.remove(&key_of(variant)) else { continue };
                for (i, r2) in linked {
                    rows.iter().for_each(|&row| self.add(&mut indices[i], (&piece, row), Some(r2)));
                }
            }
            Ok(())
        })
    }

    /// Of each variant: the index variants that it is linked with.
    fn linked(
        &self,
        linkage: &Linkage,
        indices: &[Index],
        (variants, genotypes): (&[Variant], &[Genotype]),
        wanted: &HashMap<(u32, String, String), Vec<usize>>,
    ) -> Vec<Vec<(usize, f64)>> {
        let options = self.options;
        let of_one = |(variant, genotype): (&Variant, &Genotype)| -> Vec<(usize, f64)> {
            if !wanted.contains_key(&key_of(variant)) {
                return Vec::new();
            }
            let near = indices.iter().enumerate().filter(|(_, index)| index.pos.abs_diff(variant.pos) <= options.bases);
            let r2 = near.filter_map(|(i, index)| Some((i, linkage.r2(index.genotype.as_ref()?, genotype))));
            r2.filter(|&(_, r2)| r2 >= options.r2).collect()
        };
        variants.par_iter().zip(genotypes).map(of_one).collect()
    }

    /// Adds a row to the clumps of an index variant, where its trait has a p there and no other clump has it.
    fn add(&mut self, index: &mut Index, (piece, row): (&Piece<'_>, usize), r2: Option<f64>) {
        for (place, clump) in &mut index.clumps {
            let state = &mut self.states[*place];
            let log10p = piece.log10p(row, state.trait_idx);
            if log10p.is_nan() || !state.taken.insert(row as u64) {
                continue;
            }
            let variant = &piece.variants[row - piece.rows.start];
            clump.by_p[CLASSES.partition_point(|&class| log10p > class)] += 1;
            clump.span = (clump.span.0.min(variant.pos), clump.span.1.max(variant.pos));
            if log10p >= self.options.listed_log10p {
                let member = Member { variant: row as u64, pos: variant.pos, id: name_of(variant), log10p, r2 };
                clump.members.push(member);
            }
        }
    }

    fn finish(mut self) -> Result<(Vec<Vec<Clump>>, ClumpReport), ClumpError> {
        if let Some(strongest) = self.strongest_missing {
            let variant = variants_at(self.reader, &[strongest.variant])?;
            self.report.strongest_not_in_files = variant.first().map(place_of);
        }
        self.report.n_clumps = self.states.iter().map(|state| state.clumps.len() as u64).sum();
        if self.report.n_clumps == 0 && self.report.n_not_in_files > 0 {
            let example = self.report.strongest_not_in_files.unwrap_or_default();
            return Err(ClumpError::OtherVariants { n: self.report.n_not_in_files as usize, example });
        }
        let mut all: Vec<Vec<Clump>> = self.states.into_iter().map(|state| state.clumps).collect();
        for clump in all.iter_mut().flatten() {
            clump.members.sort_by_key(|member| member.variant);
        }
        for clumps in &mut all {
            clumps.sort_by(|a, b| b.log10p.total_cmp(&a.log10p).then(a.variant.cmp(&b.variant)));
        }
        Ok((all, self.report))
    }
}

fn begin(trait_idx: usize, point: &Point, variant: &VariantRow) -> Clump {
    let variant = variant.clone();
    Clump {
        trait_idx,
        variant: point.variant,
        chrom: variant.chrom,
        pos: variant.pos,
        id: variant.id,
        reference: variant.reference,
        alternate: variant.alternate,
        a1_freq: variant.a1_freq,
        log10p: point.log10p,
        beta: point.beta,
        se: point.se,
        by_p: [0; 5],
        span: (point.pos, point.pos),
        members: Vec::new(),
    }
}

/// The ID, or the place where there is none.
pub(super) fn name_of(variant: &VariantRow) -> String {
    if variant.id == "." { place_of(variant) } else { variant.id.clone() }
}

fn place_of(variant: &VariantRow) -> String {
    format!("{}:{}:{}:{}", variant.chrom, variant.pos, variant.reference, variant.alternate)
}
