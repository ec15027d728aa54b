//! Plates and batches as covariates: a column of 0 and 1 for each plate but the one with most samples.
//!
//! A sample is on different plates for different panels, so that each panel divides the samples its own way; panels that
//! divide them alike share their terms. A sample that is the mean of measurements on two plates counts half to each; a
//! measurement without values on a panel says nothing of the panel's plates.

use std::collections::BTreeMap;

use super::error::ProteinsError;
use super::raw::RawTable;
use super::repeats::SampleTable;
use super::step::Step;
use crate::report::words::count;

/// Level of samples whose plate or batch is not known.
const UNKNOWN: &str = "(not known)";

/// A way to divide the samples.
struct Partition {
    /// "plate", "plate of Inflammation", "SlideId".
    name: String,
    /// By measurement.
    levels: Vec<String>,
    /// By measurement: whether it has values on the panel; of batches all do.
    has_values: Vec<bool>,
}

/// Columns, each with its name, and what was done.
pub struct Terms {
    /// As covariates.
    pub columns: Vec<(String, Vec<f64>)>,
    /// What was counted.
    pub step: Step,
}

/// Terms of plates.
///
/// # Errors
/// No plate is known, or more terms than samples can bear.
pub fn of_plates(table: &SampleTable) -> Result<Terms, ProteinsError> {
    let used: Vec<u32> = (0..table.panels.len() as u32)
        .filter(|&panel| table.proteins.iter().any(|protein| protein.panel == panel))
        .collect();
    let mut partitions = Vec::new();
    for &of in &used {
        let panel = &table.panels[of as usize];
        if panel.plate_of.iter().all(|&plate| plate == RawTable::NO_PLATE) {
            continue;
        }
        let level = |&plate: &u32| table.plates.get(plate as usize).map_or(UNKNOWN, String::as_str).to_owned();
        let name = if used.len() == 1 { "plate".to_owned() } else { format!("plate of {}", panel.name) };
        let has_values = table.measured[of as usize].clone();
        partitions.push(Partition { name, levels: panel.plate_of.iter().map(level).collect(), has_values });
    }
    if partitions.is_empty() {
        let problem = "--plate-covariates: the file does not tell plates";
        return Err(ProteinsError::Refused(problem.to_owned()));
    }
    terms(table, "plate_covariates", partitions)
}

/// Terms of batches: those named, or all; the files are one where there are several.
///
/// # Errors
/// A name that no batch has; as [`of_plates`].
pub fn of_batches(table: &SampleTable, chosen: &[String]) -> Result<Terms, ProteinsError> {
    let mut known: Vec<Partition> = Vec::new();
    let all = || vec![true; table.measurements.len()];
    for (i, name) in table.batch_names.iter().enumerate() {
        let level = |batches: &Vec<String>| match batches.get(i).map(String::as_str) {
            None | Some("") => UNKNOWN.to_owned(),
            Some(level) => level.to_owned(),
        };
        let levels = table.measurements.iter().map(|measurement| level(&measurement.batches)).collect();
        known.push(Partition { name: name.clone(), levels, has_values: all() });
    }
    if table.measurements.iter().any(|measurement| measurement.file > 0) {
        let levels = table.measurements.iter().map(|measurement| format!("{}", measurement.file + 1)).collect();
        known.push(Partition { name: "file".to_owned(), levels, has_values: all() });
    }
    let names = known.iter().map(|partition| partition.name.clone()).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = chosen.iter().find(|name| !known.iter().any(|partition| partition.name == **name)) {
        let there = if names.is_empty() { "it has none".to_owned() } else { format!("it has {names}") };
        return Err(ProteinsError::Refused(format!(
            "--batch-covariates {unknown}: the file has no such batch; {there}"
        )));
    }
    if known.is_empty() {
        return Err(ProteinsError::Refused("--batch-covariates: the file tells no batches".to_owned()));
    }
    known.retain(|partition| chosen.is_empty() || chosen.contains(&partition.name));
    terms(table, "batch_covariates", known)
}

fn terms(table: &SampleTable, name: &'static str, partitions: Vec<Partition>) -> Result<Terms, ProteinsError> {
    let mut step = Step::new(name, partitions.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(", "));
    let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
    let (mut n_same, mut n_single) = (0, 0);
    let mut seen: Vec<Vec<Vec<f64>>> = Vec::new();
    for partition in &partitions {
        let levels = weights(table, partition);
        let mut shape: Vec<Vec<f64>> = levels.values().cloned().collect();
        shape.sort_by(|a, b| {
            a.iter().zip(b).map(|(a, b)| b.total_cmp(a)).find(|o| o.is_ne()).unwrap_or(a.len().cmp(&b.len()))
        });
        if seen.contains(&shape) {
            n_same += 1;
            continue;
        }
        seen.push(shape);
        n_single += levels.values().filter(|column| column.iter().sum::<f64>() <= 1.0).count();
        // The reference: most samples, the first name of these.
        let size = |column: &Vec<f64>| column.iter().sum::<f64>();
        let reference = levels.iter().reduce(|best, level| if size(level.1) > size(best.1) { level } else { best });
        let reference = reference.map(|(level, _)| level.clone());
        for (level, column) in levels.into_iter().filter(|(level, _)| Some(level) != reference.as_ref()) {
            if columns.iter().all(|(_, other)| *other != column) {
                columns.push((format!("{}={level}", partition.name), column));
            }
        }
    }
    step.count("ways to divide the samples", partitions.len());
    step.count_some("of these the same as another", n_same);
    step.count("terms", columns.len());
    step.count_some("levels with one sample only", n_single);
    if n_single > 0 {
        step.notes.push(format!(
            "{} with one sample only: such terms take their sample out of every test",
            count(n_single as u64, "level")
        ));
    }
    if columns.len() + 2 >= table.samples.len() {
        return Err(ProteinsError::Refused(format!(
            "{name}: {} terms for {} samples leave nothing to test; choose batches by name, or none",
            columns.len(),
            table.samples.len()
        )));
    }
    Ok(Terms { columns, step })
}

/// By level: the share of each sample that is of it. A sample without values on the panel is where its known plates are.
fn weights(table: &SampleTable, partition: &Partition) -> BTreeMap<String, Vec<f64>> {
    let mut levels: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let n = table.samples.len();
    for (sample, sources) in table.sources.iter().enumerate() {
        let of = |counts: &dyn Fn(usize) -> bool| -> Vec<usize> {
            sources.iter().map(|&source| source as usize).filter(|&source| counts(source)).collect()
        };
        let mut counted = of(&|source| partition.has_values[source]);
        if counted.is_empty() {
            counted = of(&|source| partition.levels[source] != UNKNOWN);
        }
        if counted.is_empty() {
            counted = of(&|_| true);
        }
        for &source in &counted {
            let level = &partition.levels[source];
            levels.entry(level.clone()).or_insert_with(|| vec![0.0; n])[sample] += 1.0 / counted.len() as f64;
        }
    }
    levels
}
