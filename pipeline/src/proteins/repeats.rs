//! One column a sample: what becomes of samples that were measured several times.

use std::collections::HashMap;

use super::cut::n_observed;
use super::error::ProteinsError;
use super::options::RepeatsRule;
use super::raw::{Measurement, Panel, RawProtein, RawTable};
use super::step::Step;
use crate::report::words::count;

/// proteins × samples.
#[derive(Debug)]
pub struct SampleTable {
    /// IDs, each once, in the order of the input.
    pub samples: Vec<String>,
    /// Rows.
    pub proteins: Vec<RawProtein>,
    /// Share of a protein's values below the limit of detection.
    pub below_lod: Vec<f32>,
    /// proteins × samples; NaN missing.
    pub values: Vec<f64>,
    /// By sample: which of `measurements` it is made of.
    pub sources: Vec<Vec<u32>>,
    /// By panel and measurement: whether it has a value there.
    pub measured: Vec<Vec<bool>>,
    /// Measurements of the input.
    pub measurements: Vec<Measurement>,
    /// Panels, with the plates of the measurements.
    pub panels: Vec<Panel>,
    /// Names of plates.
    pub plates: Vec<String>,
    /// Names of batches.
    pub batch_names: Vec<String>,
}

impl SampleTable {
    /// A row's values.
    pub fn row(&self, protein: usize) -> &[f64] {
        let n = self.samples.len();
        &self.values[protein * n..(protein + 1) * n]
    }

    /// Leaves out proteins.
    pub fn keep_proteins(&mut self, keep: &[bool]) {
        super::cut::keep_rows(&mut self.values, keep, self.samples.len());
        super::cut::keep_items(&mut self.proteins, keep);
        super::cut::keep_items(&mut self.below_lod, keep);
    }

    /// Leaves out samples.
    pub fn keep_samples(&mut self, keep: &[bool]) {
        super::cut::keep_columns(&mut self.values, keep);
        super::cut::keep_items(&mut self.samples, keep);
        super::cut::keep_items(&mut self.sources, keep);
    }
}

/// Makes one column of each sample's measurements.
///
/// # Errors
/// There are repeats, and no rule for them.
pub fn apply(table: RawTable, below_lod: Vec<f32>, rule: RepeatsRule) -> Result<(SampleTable, Step), ProteinsError> {
    let mut step = Step::new("repeats", name(rule));
    let groups = groups(&table.measurements);
    let repeated: Vec<&Vec<u32>> = groups.iter().filter(|group| group.len() > 1).collect();
    let most = repeated.iter().map(|group| group.len()).max().unwrap_or(1);
    let bridging = |group: &&&Vec<u32>| group.iter().any(|&m| file(&table, m) != file(&table, group[0]));
    let n_bridging = repeated.iter().filter(bridging).count();
    if rule == RepeatsRule::Error && !repeated.is_empty() {
        return Err(refusal(repeated.len(), n_bridging, most));
    }
    step.count("measurements", table.measurements.len());
    step.count("samples", groups.len());
    step.count("samples with several measurements", repeated.len());
    step.count_some("of these in several files", n_bridging);
    step.count_some("measurements of one sample at most", if most > 1 { most } else { 0 });
    let sources = chosen(&table, groups, rule);
    let measured = measured(&table);
    let n = table.measurements.len();
    let mut values = table.values;
    let (mut to, mut several) = (0, Vec::new());
    for row in 0..table.proteins.len() {
        // A row's columns are only taken together, so what is written never reaches what is still to be read.
        let columns = values[row * n..(row + 1) * n].to_vec();
        for group in &sources {
            several.clear();
            several.extend(group.iter().map(|&m| columns[m as usize]).filter(|value| !value.is_nan()));
            values[to] = joined(&mut several, rule);
            to += 1;
        }
    }
    values.truncate(to);
    values.shrink_to_fit();
    let samples = sources.iter().map(|group| table.measurements[group[0] as usize].sample.clone()).collect();
    let made = SampleTable {
        samples,
        proteins: table.proteins,
        below_lod,
        values,
        sources,
        measured,
        measurements: table.measurements,
        panels: table.panels,
        plates: table.plates,
        batch_names: table.batch_names,
    };
    Ok((made, step))
}

/// By panel and measurement: whether any protein of the panel has a value.
fn measured(table: &RawTable) -> Vec<Vec<bool>> {
    let mut found = vec![vec![false; table.measurements.len()]; table.panels.len()];
    for (row, protein) in table.proteins.iter().enumerate() {
        if let Some(panel) = found.get_mut(protein.panel as usize) {
            table.row(row).iter().zip(panel).for_each(|(value, is_there)| *is_there |= !value.is_nan());
        }
    }
    found
}

fn file(table: &RawTable, measurement: u32) -> u32 {
    table.measurements[measurement as usize].file
}

/// Measurements by sample, samples in the order of their first.
fn groups(measurements: &[Measurement]) -> Vec<Vec<u32>> {
    let mut group_of: HashMap<&str, usize> = HashMap::new();
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for (i, measurement) in measurements.iter().enumerate() {
        let group = *group_of.entry(&measurement.sample).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(i as u32);
    }
    groups
}

fn refusal(n: usize, n_bridging: usize, most: usize) -> ProteinsError {
    let bridging = match n_bridging {
        0 => String::new(),
        n => format!(", {n} of them in several files (bridging samples)"),
    };
    ProteinsError::Refused(format!(
        "{} measured several times, up to {most} times{bridging}: say with --repeats what becomes of them: \
         mean or median of a protein's values, first, last, or least-missing (the measurement with the fewest missing \
         values); or leave measurements out of the input",
        count(n as u64, "sample")
    ))
}

/// The measurements that count, by sample.
fn chosen(table: &RawTable, groups: Vec<Vec<u32>>, rule: RepeatsRule) -> Vec<Vec<u32>> {
    let n = table.measurements.len();
    let observed: Vec<usize> = match rule {
        RepeatsRule::LeastMissing => {
            let mut observed = vec![0; n];
            for row in table.values.chunks_exact(n) {
                row.iter().zip(&mut observed).for_each(|(value, n)| *n += usize::from(!value.is_nan()));
            }
            observed
        }
        _ => Vec::new(),
    };
    let choose = |group: Vec<u32>| match rule {
        RepeatsRule::Error | RepeatsRule::Mean | RepeatsRule::Median => group,
        RepeatsRule::First => group[..1].to_vec(),
        RepeatsRule::Last => group[group.len() - 1..].to_vec(),
        RepeatsRule::LeastMissing => {
            let best = group.iter().copied().reduce(|best, m| match observed[m as usize] > observed[best as usize] {
                true => m,
                false => best,
            });
            best.into_iter().collect()
        }
    };
    groups.into_iter().map(choose).collect()
}

/// One value of several that are not missing.
fn joined(values: &mut [f64], rule: RepeatsRule) -> f64 {
    match values {
        [] => f64::NAN,
        [value] => *value,
        _ if rule == RepeatsRule::Median => median(values),
        _ => values.iter().sum::<f64>() / n_observed(values) as f64,
    }
}

/// The median; the mean of the two in the middle. Sorts.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n == 0 { f64::NAN } else { values[(n - 1) / 2].midpoint(values[n / 2]) }
}

fn name(rule: RepeatsRule) -> &'static str {
    match rule {
        RepeatsRule::Error => "error",
        RepeatsRule::Mean => "mean",
        RepeatsRule::Median => "median",
        RepeatsRule::First => "first",
        RepeatsRule::Last => "last",
        RepeatsRule::LeastMissing => "least-missing",
    }
}
