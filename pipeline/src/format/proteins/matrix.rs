//! What the layouts that are matrices share: unique proteins, samples with their replicates, one panel.

use std::collections::HashMap;

use super::error::ProteinFileError;
use crate::proteins::{Measurement, Panel, RawProtein, RawTable, Scale, TableLayout};

/// A table as it is read.
pub(super) struct MatrixBuilder {
    path: String,
    layout: TableLayout,
    scale: Scale,
    proteins: Vec<RawProtein>,
    /// By protein: its line or column.
    seen: HashMap<String, u64>,
    pub measurements: Vec<Measurement>,
    /// proteins × measurements.
    pub values: Vec<f64>,
    pub dropped: Vec<(String, u64)>,
    pub messages: Vec<String>,
    pub warnings: Vec<String>,
    pub n_records: u64,
    pub plates: Vec<String>,
    pub plate_of: Option<Vec<u32>>,
    pub batch_names: Vec<String>,
}

impl MatrixBuilder {
    pub fn new(path: &str, layout: TableLayout, scale: Scale) -> Self {
        Self {
            path: path.to_string(),
            layout,
            scale,
            proteins: Vec::new(),
            seen: HashMap::new(),
            measurements: Vec::new(),
            values: Vec::new(),
            dropped: Vec::new(),
            messages: Vec::new(),
            warnings: Vec::new(),
            n_records: 0,
            plates: Vec::new(),
            plate_of: None,
            batch_names: Vec::new(),
        }
    }

    /// The measurements by their samples; one that comes again is a further measurement.
    pub fn samples(&mut self, samples: Vec<String>) -> Result<(), ProteinFileError> {
        let mut n_of: HashMap<String, u32> = HashMap::new();
        for (i, sample) in samples.into_iter().enumerate() {
            if sample.is_empty() {
                return Err(ProteinFileError::file(&self.path, format!("sample {} has no name", i + 1)));
            }
            let n = n_of.entry(sample.clone()).or_default();
            self.measurements.push(Measurement { sample, replicate: *n, ..Measurement::default() });
            *n += 1;
        }
        Ok(())
    }

    /// The protein of a line; its values are pushed by the caller.
    pub fn protein(&mut self, protein: RawProtein, line: u64) -> Result<(), ProteinFileError> {
        if let Some(first) = self.seen.insert(protein.id.clone(), line) {
            let problem = format!("the same protein as on line {first}; rename or remove one");
            return Err(ProteinFileError::line(&self.path, line, problem));
        }
        self.proteins.push(protein);
        Ok(())
    }

    /// The protein of a column, from 1, whose name is on line `line`.
    pub fn protein_column(&mut self, protein: RawProtein, line: u64, column: u64) -> Result<(), ProteinFileError> {
        if let Some(first) = self.seen.insert(protein.id.clone(), column) {
            let problem = format!("column {column}: the same protein as in column {first}; rename or remove one");
            return Err(ProteinFileError::line(&self.path, line, problem));
        }
        self.proteins.push(protein);
        Ok(())
    }

    /// Counts what is left out, unless it is nothing.
    pub fn drop_count(&mut self, what: &str, n: u64) {
        if n > 0 {
            self.dropped.push((what.to_string(), n));
        }
    }

    /// The table, with a message that starts with `what`.
    pub fn table(mut self, what: &str) -> RawTable {
        let n = self.measurements.len();
        let n_missing = self.values.iter().filter(|value| value.is_nan()).count();
        let n_again = self.measurements.iter().filter(|one| one.replicate > 0).count();
        let again = if n_again > 0 { format!(" ({n_again} repeat a sample)") } else { String::new() };
        let message = format!(
            "{}: {what}: {} proteins, {n} measurements{again}, {n_missing} values missing",
            self.path,
            self.proteins.len()
        );
        self.messages.insert(0, message);
        RawTable {
            layout: self.layout,
            scale: self.scale,
            proteins: self.proteins,
            panels: vec![Panel {
                name: String::new(),
                plate_of: self.plate_of.unwrap_or_else(|| vec![RawTable::NO_PLATE; n]),
            }],
            measurements: self.measurements,
            values: self.values,
            lod: None,
            flags: None,
            plates: self.plates,
            batch_names: self.batch_names,
            messages: self.messages,
            warnings: self.warnings,
            dropped: self.dropped,
            n_records: self.n_records,
        }
    }
}
