//! Two results files.

use std::collections::{BTreeMap, HashMap};

use super::merge::Merge;
use super::numbers::{Numbers, Pair};
use super::rows::name_of;
use super::{Comparison, VariantCounts, facts};
use crate::export::pair::{Missing, PairStats};
use crate::sink::rows::VariantRow;
use crate::store::{ResultsReader, StoreError, StoredHit, TraitInfo};

/// Cells of a band of both files at most, but for one row.
const CELLS: usize = 1 << 23;
/// Hits read at once.
const HITS: usize = 1 << 13;

pub(super) fn compare(
    comparison: &mut Comparison,
    readers: [&ResultsReader; 2],
    told: &mut dyn FnMut(u64),
) -> Result<(), StoreError> {
    let shared = headers(comparison, readers)?;
    let mut variants = VariantCounts::default();
    let mut bands = Bands::new(readers, shared, comparison.tolerance);
    let mut merge = Merge::new(readers)?;
    while let Some(position) = merge.next()? {
        told(position.shared.len() as u64);
        for (which, lone) in position.lone.iter().enumerate() {
            lone.iter().for_each(|row| variants.add_lone(which, row));
        }
        for ((a, row), (b, other)) in position.shared {
            variants.add_shared(&row, &other);
            bands.push((a, b), &row)?;
        }
    }
    comparison.variants = Some(variants);
    comparison.numbers = Some(bands.finish()?);
    Ok(())
}

/// Stores, samples, traits, /qc; the traits that both have, as their columns.
fn headers(comparison: &mut Comparison, readers: [&ResultsReader; 2]) -> Result<Vec<[usize; 2]>, StoreError> {
    let [a, b] = readers.map(ResultsReader::header);
    comparison.other_store = a.store != b.store;
    if comparison.other_store {
        comparison.run("store", a.store.name(), b.store.name());
    }
    if a.hit_log10p != b.hit_log10p {
        comparison.run("threshold of /hits (-log10 p)", a.hit_log10p, b.hit_log10p);
    }
    if a.n_samples != b.n_samples {
        comparison.content("samples", a.n_samples, b.n_samples);
    }
    let places: HashMap<&str, usize> = b.traits.iter().enumerate().map(|(i, info)| (info.name.as_str(), i)).collect();
    let mine: HashMap<&str, usize> = a.traits.iter().enumerate().map(|(i, info)| (info.name.as_str(), i)).collect();
    let shared: Vec<[usize; 2]> =
        a.traits.iter().enumerate().filter_map(|(i, info)| Some([i, *places.get(info.name.as_str())?])).collect();
    let lone = |traits: &[TraitInfo], others: &HashMap<&str, usize>| -> Vec<String> {
        let lone = traits.iter().filter(|info| !others.contains_key(info.name.as_str()));
        lone.map(|info| info.name.clone()).collect()
    };
    comparison.traits_only = [lone(&a.traits, &places), lone(&b.traits, &mine)];
    if let Some(pair) = shared.windows(2).find(|pair| pair[0][1] > pair[1][1]) {
        let [x, y] = [pair[0][0], pair[1][0]].map(|i| &a.traits[i].name);
        comparison.content("order of traits", format!("{x} before {y}"), format!("{y} before {x}"));
    }
    let bits = |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
    for &[i, j] in &shared {
        let (x, y) = (&a.traits[i], &b.traits[j]);
        let name = &x.name;
        let counts = [
            ("n", x.n, y.n),
            ("df_covariates", x.df_covariates, y.df_covariates),
            ("status", x.status.into(), y.status.into()),
        ];
        for (what, x, y) in counts.into_iter().filter(|(_, x, y)| x != y) {
            comparison.content(format!("{what} of {name}"), x, y);
        }
        if bits(x.mean) != bits(y.mean) || bits(x.sd) != bits(y.sd) {
            comparison.content(format!("mean and sd of {name}"), vec![x.mean, x.sd], vec![y.mean, y.sd]);
        }
    }
    let [of_a, of_b] = [readers[0].qc()?, readers[1].qc()?];
    let tables = [
        ("samples", &of_a.ledger.samples, &of_b.ledger.samples),
        ("variants", &of_a.ledger.variants, &of_b.ledger.variants),
        ("traits", &of_a.ledger.traits, &of_b.ledger.traits),
    ];
    for (name, x, y) in tables {
        facts::ledgers(comparison, name, [x, y]);
    }
    for &[i, j] in &shared {
        let (x, y) = (of_a.genomic_control[i], of_b.genomic_control[j]);
        if bits(x) != bits(y) && (comparison.tolerance == 0.0 || (x - y).abs() > comparison.tolerance * x.abs()) {
            comparison.content(format!("genomic control of {}", a.traits[i].name), x, y);
        }
    }
    Ok(shared)
}

/// Rows that both files have, waiting until there are enough of them.
struct Bands<'a> {
    sides: [Side<'a>; 2],
    /// Columns of the traits of both.
    traits: Vec<[usize; 2]>,
    /// The same by the column in either file.
    columns: [HashMap<usize, [usize; 2]>; 2],
    tolerance: f64,
    /// Rows in both files, and what to call the variant.
    waiting: Vec<([usize; 2], String)>,
    numbers: Numbers,
}

/// One file's pairs.
struct Side<'a> {
    reader: &'a ResultsReader,
    next_hit: usize,
    /// Hits read and not yet taken.
    hits: std::collections::VecDeque<StoredHit>,
}

impl<'a> Bands<'a> {
    fn new(readers: [&'a ResultsReader; 2], traits: Vec<[usize; 2]>, tolerance: f64) -> Self {
        let sides = readers.map(|reader| Side { reader, next_hit: 0, hits: Default::default() });
        let columns = [0, 1].map(|which| traits.iter().map(|&both| (both[which], both)).collect());
        Self { sides, traits, columns, tolerance, waiting: Vec::new(), numbers: Numbers::default() }
    }

    fn push(&mut self, (a, b): (usize, usize), row: &VariantRow) -> Result<(), StoreError> {
        let most = self.sides.iter().map(|side| side.reader.header().traits.len()).max().unwrap_or(1);
        let n_rows = (CELLS / most.max(1)).max(1);
        let is_far = |which: usize, row: usize| {
            self.waiting.first().is_some_and(|(rows, _)| row.abs_diff(rows[which]) >= n_rows)
        };
        if is_far(0, a) || is_far(1, b) {
            self.flush()?;
        }
        self.waiting.push(([a, b], name_of(row)));
        Ok(())
    }

    fn finish(mut self) -> Result<Numbers, StoreError> {
        self.flush()?;
        Ok(self.numbers)
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        match [0, 1].map(|which| self.sides[which].reader.has_every_pair()) {
            [true, true] => self.dense(&waiting),
            [false, false] => self.sparse(&waiting),
            [false, true] => self.mixed(&waiting, 0),
            [true, false] => self.mixed(&waiting, 1),
        }
    }

    /// Both have every pair.
    fn dense(&mut self, waiting: &[([usize; 2], String)]) -> Result<(), StoreError> {
        let mut blocks = Vec::with_capacity(2);
        for (which, side) in self.sides.iter().enumerate() {
            let rows = || waiting.iter().map(|(rows, _)| rows[which]);
            let range = rows().min().unwrap_or(0)..rows().max().map_or(0, |row| row + 1);
            let width = side.reader.header().traits.len();
            let cells = side.reader.block(range.clone(), 0..width)?;
            blocks.push((cells, range.start, width));
        }
        for (rows, name) in waiting {
            for traits in &self.traits {
                let pair = |which: usize| -> Pair {
                    let ((beta, se), start, width) = &blocks[which];
                    let cell = (rows[which] - start) * width + traits[which];
                    (beta[cell].into(), se[cell].into())
                };
                compare_pair(
                    &mut self.numbers,
                    &self.sides,
                    (*rows, *traits),
                    (pair(0), pair(1), self.tolerance),
                    name,
                )?;
            }
        }
        Ok(())
    }

    /// Side `which` has hits alone, the other every pair.
    fn mixed(&mut self, waiting: &[([usize; 2], String)], which: usize) -> Result<(), StoreError> {
        let hits = self.hits(waiting, which)?;
        for ((row, trait_idx), hit) in hits {
            let (rows, name) = &waiting[row];
            let Some(&traits) = self.columns[which].get(&trait_idx) else { continue };
            let other = &self.sides[1 - which];
            let (row, column) = (rows[1 - which], traits[1 - which]);
            let (beta, se) = other.reader.block(row..row + 1, column..column + 1)?;
            let theirs = (f64::from(beta[0]), f64::from(se[0]));
            // As the other file keeps them.
            let mine = (f64::from(hit.beta as f32), f64::from(hit.se as f32));
            let (a, b) = if which == 0 { (mine, theirs) } else { (theirs, mine) };
            compare_pair(&mut self.numbers, &self.sides, (*rows, traits), (a, b, self.tolerance), name)?;
        }
        Ok(())
    }

    /// Both have hits alone.
    fn sparse(&mut self, waiting: &[([usize; 2], String)]) -> Result<(), StoreError> {
        let (of_a, of_b) = (self.hits(waiting, 0)?, self.hits(waiting, 1)?);
        let threshold = self.sides.iter().map(|side| side.reader.header().hit_log10p).fold(0.0, f64::max);
        for (&(row, trait_idx), hit) in &of_a {
            let Some(traits) = self.columns[0].get(&trait_idx) else { continue };
            let Some(other) = of_b.get(&(row, traits[1])) else {
                // A hit by both thresholds that one file lacks.
                self.numbers.in_one_alone += u64::from(hit.log10p >= threshold);
                continue;
            };
            let at = || format!("{} {}", waiting[row].1, trait_name(&self.sides[0], traits[0]));
            if self.numbers.add((hit.beta, hit.se), (other.beta, other.se), self.tolerance, &at) {
                self.numbers.add_log10p(hit.log10p, other.log10p, &at);
            }
        }
        let is_lone = |&(row, trait_idx): &(usize, usize)| {
            self.columns[1].get(&trait_idx).is_some_and(|traits| !of_a.contains_key(&(row, traits[0])))
        };
        let lone = of_b.iter().filter(|(at, hit)| hit.log10p >= threshold && is_lone(at)).count();
        self.numbers.in_one_alone += lone as u64;
        Ok(())
    }

    /// Hits of the waiting rows, by their place among these and their trait.
    fn hits(
        &mut self,
        waiting: &[([usize; 2], String)],
        which: usize,
    ) -> Result<BTreeMap<(usize, usize), StoredHit>, StoreError> {
        let places: HashMap<usize, usize> =
            waiting.iter().enumerate().map(|(place, (rows, _))| (rows[which], place)).collect();
        let last = waiting.iter().map(|(rows, _)| rows[which]).max().unwrap_or(0);
        let mut found = BTreeMap::new();
        let side = &mut self.sides[which];
        while let Some(hit) = side.peek_hit()? {
            if hit.variant as usize > last {
                break;
            }
            side.hits.pop_front();
            if let Some(&place) = places.get(&(hit.variant as usize)) {
                found.insert((place, hit.trait_idx as usize), hit);
            }
        }
        Ok(found)
    }
}

impl Side<'_> {
    fn peek_hit(&mut self) -> Result<Option<StoredHit>, StoreError> {
        if self.hits.is_empty() && self.next_hit < self.reader.n_hits() {
            let rows = self.next_hit..self.reader.n_hits().min(self.next_hit + HITS);
            self.next_hit = rows.end;
            self.hits.extend(self.reader.hits(rows)?);
        }
        Ok(self.hits.front().copied())
    }

    fn log10p(&self, row: usize, trait_idx: usize, (beta, se): Pair) -> Result<f64, StoreError> {
        let info = &self.reader.header().traits[trait_idx];
        let mask = info.mask as usize;
        let n = self.reader.n_missing(row..row + 1, mask..mask + 1)?.map_or(0, |n| n[0]);
        let covariates = self.reader.covariates_lost(row..row + 1, mask..mask + 1)?.map_or(0, |n| n[0]);
        Ok(PairStats::new(info, Missing { n, covariates }, beta as f32, se as f32).log10p)
    }
}

fn trait_name<'a>(side: &'a Side<'_>, trait_idx: usize) -> &'a str {
    &side.reader.header().traits[trait_idx].name
}

fn compare_pair(
    numbers: &mut Numbers,
    sides: &[Side<'_>; 2],
    (rows, traits): ([usize; 2], [usize; 2]),
    (a, b, tolerance): (Pair, Pair, f64),
    name: &str,
) -> Result<(), StoreError> {
    let at = || format!("{name} {}", trait_name(&sides[0], traits[0]));
    if numbers.add(a, b, tolerance, &at) {
        let (p, q) = (sides[0].log10p(rows[0], traits[0], a)?, sides[1].log10p(rows[1], traits[1], b)?);
        numbers.add_log10p(p, q, &at);
    }
    Ok(())
}
