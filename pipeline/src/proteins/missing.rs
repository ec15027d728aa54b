//! Proteins and samples with too few values: proteins first, so that a few bad assays cost no people.

use super::cut::n_observed;
use super::error::ProteinsError;
use super::repeats::SampleTable;
use super::step::Step;

/// Drops what has no value at all: it would only get in the way of looking for outliers.
///
/// # Errors
/// Nothing is left.
pub fn apply_empty(table: &mut SampleTable) -> Result<Step, ProteinsError> {
    apply_limits(table, Step::new("empty", "drop"), None, None)
}

/// Drops what misses more than a share, and in any case what has no value at all.
///
/// # Errors
/// Nothing is left.
pub fn apply(
    table: &mut SampleTable,
    max_protein: Option<f64>,
    max_sample: Option<f64>,
) -> Result<Step, ProteinsError> {
    let shown = |limit: Option<f64>| limit.map_or("none".to_owned(), |limit| limit.to_string());
    let step = Step::new("missing", format!("proteins {}, samples {}", shown(max_protein), shown(max_sample)));
    apply_limits(table, step, max_protein, max_sample)
}

fn apply_limits(
    table: &mut SampleTable,
    mut step: Step,
    max_protein: Option<f64>,
    max_sample: Option<f64>,
) -> Result<Step, ProteinsError> {
    step.count("proteins", table.proteins.len());
    step.count("samples", table.samples.len());
    let mut lost = drop_proteins(table, max_protein);
    let n = table.samples.len();
    let mut observed = vec![0_usize; n];
    for row in table.values.chunks_exact(n) {
        row.iter().zip(&mut observed).for_each(|(value, n)| *n += usize::from(!value.is_nan()));
    }
    let n_proteins = table.proteins.len();
    let keep: Vec<bool> = observed.iter().map(|&n| stays(n, n_proteins, max_sample)).collect();
    table.keep_samples(&keep);
    // Those that only the samples just dropped had.
    lost.extend(drop_proteins(table, None));
    step.count("proteins dropped", lost.len());
    step.count("samples dropped", n - table.samples.len());
    step.count("values missing of those left", table.values.len() - n_observed(&table.values));
    step.lists.push(("dropped", lost));
    match table.proteins.is_empty() || table.samples.is_empty() {
        true => {
            let counts = step.line();
            Err(ProteinsError::Refused(match max_protein.or(max_sample) {
                Some(_) => format!("nothing is left ({counts}): are the limits what was meant?"),
                None => format!(
                    "nothing is left ({counts}): every value is missing, in the file or by the steps before (judgements, \
                     limits of detection, logarithms)"
                ),
            }))
        }
        false => Ok(step),
    }
}

fn stays(n_observed: usize, n: usize, max_missing: Option<f64>) -> bool {
    let missing = n - n_observed;
    n_observed > 0 && max_missing.is_none_or(|max| missing as f64 <= max * n as f64)
}

fn drop_proteins(table: &mut SampleTable, max_missing: Option<f64>) -> Vec<String> {
    let n = table.samples.len();
    let keep: Vec<bool> =
        (0..table.proteins.len()).map(|row| stays(n_observed(table.row(row)), n, max_missing)).collect();
    let lost = table.proteins.iter().zip(&keep).filter(|(_, kept)| !**kept).map(|(protein, _)| protein.id.clone());
    let lost = lost.collect();
    table.keep_proteins(&keep);
    lost
}
