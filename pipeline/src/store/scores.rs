//! Reads a compact store: β and SE from scores, from full rows, and from the list of exact pairs, which comes last.

use std::ops::Range;

use hdf5::{Dataset, File};
use norna_kernels::ScoreScale;

use super::checked::{ROWS_AT_ONCE, dataset, first_of_variant, list, rectangle};
use super::columns::slice;
use super::error::{Place, StoreError};
use super::schema::{ASSOC_MODEL, ASSOC_ROW, MAX_MODELS, RESIDUAL_SQUARE, ResultsHeader};
use super::sound::{PairOrder, wrong};

/// The parts of a compact store.
pub(super) struct Scores {
    score: Dataset,
    d: Dataset,
    full_beta: Dataset,
    full_se: Dataset,
    n_scored: usize,
    n_full: usize,
    row: Option<Dataset>,
    model: Option<Dataset>,
    squares: Dataset,
    n_models: usize,
    /// Variant, trait, β, SE.
    exact: [Dataset; 4],
    n_exact: usize,
}

/// Rows of variants as rows of the matrices.
struct Rows {
    /// Of each variant: its place in `scored`, or −1 − its place in `full`.
    places: Vec<i64>,
    scored: Range<usize>,
    full: Range<usize>,
}

impl Scores {
    pub(super) fn open(
        place: &Place,
        file: &File,
        header: &ResultsHeader,
        n_variants: usize,
    ) -> Result<Self, StoreError> {
        let (n_traits, n_masks) = (header.traits.len(), header.n_masks());
        let rows_of = |name: &str| -> Result<usize, StoreError> {
            let shape = place.h5(name, file.dataset(name))?.shape();
            Ok(shape.first().copied().unwrap_or(0))
        };
        let (n_scored, n_full) = (rows_of("/assoc/score")?, rows_of("/assoc/full_beta")?);
        if n_scored.checked_add(n_full) != Some(n_variants) {
            let problem = format!("{n_scored} rows and {n_full} full ones of {n_variants} variants");
            return Err(place.malformed("/assoc/score", problem));
        }
        let n_models = rows_of(RESIDUAL_SQUARE)?;
        if n_models == 0 || n_models > MAX_MODELS {
            return Err(place.malformed(RESIDUAL_SQUARE, format!("{n_models} rows")));
        }
        let column = |name: &str, needed: bool| needed.then(|| dataset(place, file, name, &[n_variants])).transpose();
        let exact = ["/assoc/exact_variant", "/assoc/exact_trait", "/assoc/exact_beta", "/assoc/exact_se"];
        let (exact, n_exact) = list(place, file, exact)?;
        check_exact(place, &exact, n_exact, (n_variants, n_traits))?;
        Ok(Self {
            score: dataset(place, file, "/assoc/score", &[n_scored, n_traits])?,
            d: dataset(place, file, "/assoc/d", &[n_scored, n_masks])?,
            full_beta: dataset(place, file, "/assoc/full_beta", &[n_full, n_traits])?,
            full_se: dataset(place, file, "/assoc/full_se", &[n_full, n_traits])?,
            squares: dataset(place, file, RESIDUAL_SQUARE, &[n_models, n_traits])?,
            row: column(ASSOC_ROW, n_full > 0)?,
            model: column(ASSOC_MODEL, n_models > 1)?,
            n_scored,
            n_full,
            n_models,
            exact,
            n_exact,
        })
    }

    /// The matrix of scores, whose chunks reading should follow.
    pub(super) fn score(&self) -> &Dataset {
        &self.score
    }

    /// Variants with full rows.
    pub(super) fn n_full(&self) -> usize {
        self.n_full
    }

    /// Pairs in the list of exact ones.
    pub(super) fn n_exact(&self) -> usize {
        self.n_exact
    }

    /// β and SE of variants × traits, whose bounds the caller has checked.
    pub(super) fn block(
        &self,
        place: &Place,
        header: &ResultsHeader,
        variants: Range<usize>,
        traits: Range<usize>,
    ) -> Result<(Vec<f32>, Vec<f32>), StoreError> {
        let width = traits.len();
        let mut found = (vec![f32::NAN; variants.len() * width], vec![f32::NAN; variants.len() * width]);
        if variants.is_empty() || traits.is_empty() {
            return Ok(found);
        }
        let rows = self.rows(place, &variants)?;
        self.put_scored(place, header, (&variants, &traits), &rows, &mut found)?;
        if !rows.full.is_empty() {
            let read = |name, matrix| rectangle::<f32>(place, name, matrix, rows.full.clone(), traits.clone());
            let beta = read("/assoc/full_beta", &self.full_beta)?;
            let se = read("/assoc/full_se", &self.full_se)?;
            for (i, &row) in rows.places.iter().enumerate().filter(|(_, row)| **row < 0) {
                let (to, from) = (i * width, (-1 - row) as usize * width);
                found.0[to..to + width].copy_from_slice(&beta[from..from + width]);
                found.1[to..to + width].copy_from_slice(&se[from..from + width]);
            }
        }
        self.put_exact(place, (&variants, &traits), &mut found)?;
        Ok(found)
    }

    fn rows(&self, place: &Place, variants: &Range<usize>) -> Result<Rows, StoreError> {
        let Some(row) = &self.row else {
            let places = (0..variants.len() as i64).collect();
            return Ok(Rows { places, scored: variants.clone(), full: 0..0 });
        };
        let mut places = slice::<i64>(place, row, variants.clone())?;
        let mut ranges: [Range<usize>; 2] = [0..0, 0..0];
        for row in &mut places {
            let (range, n, at) = match *row {
                row if row >= 0 => (&mut ranges[0], self.n_scored, row as usize),
                row => (&mut ranges[1], self.n_full, (-1 - row) as usize),
            };
            if range.start == range.end {
                *range = at..at;
            }
            if at != range.end || at >= n {
                return Err(place.malformed(ASSOC_ROW, format!("{row} where rows follow one another")));
            }
            let within = (at - range.start) as i64;
            *row = if *row >= 0 { within } else { -1 - within };
            range.end += 1;
        }
        let [scored, full] = ranges;
        Ok(Rows { places, scored, full })
    }

    fn put_scored(
        &self,
        place: &Place,
        header: &ResultsHeader,
        (variants, traits): (&Range<usize>, &Range<usize>),
        rows: &Rows,
        found: &mut (Vec<f32>, Vec<f32>),
    ) -> Result<(), StoreError> {
        if rows.scored.is_empty() {
            return Ok(());
        }
        let infos = &header.traits[traits.clone()];
        let width = traits.len();
        let score = rectangle::<f32>(place, "/assoc/score", &self.score, rows.scored.clone(), traits.clone())?;
        let models = match &self.model {
            Some(model) => slice::<u32>(place, model, variants.clone())?,
            None => vec![0; variants.len()],
        };
        if models.iter().any(|&model| model as usize >= self.n_models) {
            return Err(
                place.malformed(ASSOC_MODEL, format!("a row beyond the {} of {RESIDUAL_SQUARE}", self.n_models))
            );
        }
        let squares = rectangle::<f64>(place, RESIDUAL_SQUARE, &self.squares, 0..self.n_models, traits.clone())?;
        if let Some(at) = squares.iter().position(|square| *square < 0.0 || square.is_infinite()) {
            let cell = (at / width, Some(traits.start + at % width));
            return Err(wrong(place, RESIDUAL_SQUARE, cell, squares[at], "a sum of squares"));
        }
        let mut from = 0;
        for same in infos.chunk_by(|a, b| a.mask == b.mask) {
            let (to, mask) = (from + same.len(), same[0].mask as usize);
            let d = rectangle::<f32>(place, "/assoc/d", &self.d, rows.scored.clone(), mask..mask + 1)?;
            let df = same[0].degrees_of_freedom();
            if let Some(row) = d.iter().position(|d| *d <= 0.0 || d.is_infinite()) {
                let fits = "a number above 0 or NaN";
                return Err(wrong(place, "/assoc/d", (rows.scored.start + row, None), d[row], fits));
            }
            for (i, &row) in rows.places.iter().enumerate().filter(|(_, row)| **row >= 0) {
                let (row, scale) = (row as usize, ScoreScale::new(d[row as usize], df));
                let squares = &squares[models[i] as usize * width..][from..to];
                for (k, &square) in (from..).zip(squares) {
                    let (beta, se) = scale.pair(score[row * width + k], square);
                    (found.0[i * width + k], found.1[i * width + k]) = (beta, se);
                }
            }
            from = to;
        }
        Ok(())
    }

    fn put_exact(
        &self,
        place: &Place,
        (variants, traits): (&Range<usize>, &Range<usize>),
        found: &mut (Vec<f32>, Vec<f32>),
    ) -> Result<(), StoreError> {
        let [variant, trait_idx, beta, se] = &self.exact;
        let first = first_of_variant(place, variant, self.n_exact, variants.start)?;
        let end = first_of_variant(place, variant, self.n_exact, variants.end)?;
        for start in (first..end).step_by(ROWS_AT_ONCE) {
            let pairs = start..end.min(start + ROWS_AT_ONCE);
            let variant = slice::<u64>(place, variant, pairs.clone())?;
            let trait_idx = slice::<u32>(place, trait_idx, pairs.clone())?;
            let beta = slice::<f32>(place, beta, pairs.clone())?;
            let se = slice::<f32>(place, se, pairs)?;
            for (i, (&variant, &trait_idx)) in variant.iter().zip(&trait_idx).enumerate() {
                let (variant, trait_idx) = (variant as usize, trait_idx as usize);
                if variants.contains(&variant) && traits.contains(&trait_idx) {
                    let cell = (variant - variants.start) * traits.len() + trait_idx - traits.start;
                    (found.0[cell], found.1[cell]) = (beta[i], se[i]);
                }
            }
        }
        Ok(())
    }
}

/// The list of exact pairs must be in order, since it is searched.
fn check_exact(
    place: &Place,
    exact: &[Dataset; 4],
    n_exact: usize,
    (n_variants, n_traits): (usize, usize),
) -> Result<(), StoreError> {
    let mut order = PairOrder { object: "/assoc/exact_variant", n_variants, n_traits, last: None };
    for start in (0..n_exact).step_by(ROWS_AT_ONCE) {
        let rows = start..n_exact.min(start + ROWS_AT_ONCE);
        let variants = slice::<u64>(place, &exact[0], rows.clone())?;
        order.check(place, start, &variants, &slice::<u32>(place, &exact[1], rows)?)?;
    }
    Ok(())
}
