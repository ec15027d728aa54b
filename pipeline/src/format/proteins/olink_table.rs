//! The table that Olink's rows make.

use super::error::ProteinFileError;
use super::long::check_filled;
use super::olink::{DROPPED, Olink};
use super::runs::Measured;
use crate::proteins::{Measurement, Panel, RawTable, Scale, TableLayout};

/// More sample IDs of controls than one in this many are warned of.
const MAX_CONTROLS: usize = 10;

impl Olink {
    /// proteins × measurements.
    ///
    /// # Errors
    /// Where there is no protein or measurement left, or hardly a value.
    pub(super) fn table(mut self, path: &str) -> Result<RawTable, ProteinFileError> {
        let measured = self.runs.measurements(self.samples.len());
        let n = measured.len();
        let wrong = |problem: String| ProteinFileError::file(path, problem);
        check_filled((n * self.proteins.len()) as u64, self.n_records).map_err(wrong)?;
        if n == 0 || self.proteins.is_empty() {
            let by_id = if self.dropped[1] > 0 { " by their IDs; --keep-controls keeps them" } else { "" };
            return Err(wrong(format!("all {} rows are of controls{by_id}", self.n_records)));
        }
        let mut values = Vec::with_capacity(n * self.proteins.len());
        let mut lod = Vec::with_capacity(if self.has_lod { values.capacity() } else { 0 });
        let mut flags = Vec::with_capacity(if self.has_flags { values.capacity() } else { 0 });
        for (row, protein) in self.proteins.iter().enumerate() {
            let cells = self.cells.take(row as u32);
            for one in &measured {
                let cell = one.runs[protein.panel as usize].and_then(|(column, _)| cells.get(column as usize));
                values.push(cell.map_or(f64::NAN, |cell| cell.value));
                if self.has_lod {
                    lod.push(cell.map_or(f32::NAN, |cell| cell.lod));
                }
                if self.has_flags {
                    flags.push(cell.map_or(0, |cell| cell.flags));
                }
            }
        }
        self.tell(&measured);
        self.tell_controls();
        let dropped = DROPPED.iter().zip(self.dropped).filter(|(_, n)| *n > 0).map(|(what, n)| (what.to_string(), n));
        Ok(RawTable {
            layout: TableLayout::OlinkLong,
            scale: if self.is_linear == Some(true) { Scale::Linear } else { Scale::Log2 },
            panels: self.panels(&measured),
            measurements: measured.iter().map(|one| self.measurement(one)).collect(),
            proteins: self.proteins,
            values,
            lod: self.has_lod.then_some(lod),
            flags: self.has_flags.then_some(flags),
            plates: self.plates.texts(),
            batch_names: if self.has_projects { vec!["Project".into()] } else { Vec::new() },
            messages: self.messages,
            warnings: self.warnings,
            dropped: dropped.collect(),
            n_records: self.n_records,
        })
    }

    fn tell(&mut self, measured: &[Measured]) {
        let n_samples = measured.iter().filter(|one| one.replicate == 0).count();
        self.messages.push(format!(
            "{} assays of {} panels, {} measurements of {n_samples} samples",
            self.proteins.len(),
            self.panels.len(),
            measured.len()
        ));
        if self.n_repeated > 0 {
            self.messages.push(format!(
                "{} rows repeat a sample and assay on one plate without a well that tells them apart: taken as further \
                 measurements in the order of the file; {} of them have a value that was there already",
                self.n_repeated, self.n_equal
            ));
        }
    }

    /// Many IDs of controls are rather those of a study of cases and controls.
    fn tell_controls(&mut self) {
        if self.dropped[1] == 0 {
            return;
        }
        let n_controls = self.is_control.iter().filter(|is| **is).count();
        let n_samples = self.samples.len();
        let told = format!(
            "{n_controls} of {n_samples} sample IDs have the word CONTROL, CTRL, NEG or IPC and no type of sample: left out as the \
             laboratory's controls ({} rows)",
            self.dropped[1]
        );
        if n_controls * MAX_CONTROLS > n_samples {
            self.warnings.push(format!("{told}; where they are people of the study, say --keep-controls"));
        } else {
            self.messages.push(told);
        }
    }

    fn measurement(&self, one: &Measured) -> Measurement {
        let project = self.projects.text(one.place.project);
        Measurement {
            sample: self.samples.text(one.sample),
            replicate: one.replicate,
            file: one.place.file,
            batches: if self.has_projects { vec![project] } else { Vec::new() },
            ..Measurement::default()
        }
    }

    fn panels(&self, measured: &[Measured]) -> Vec<Panel> {
        let plate = |one: &Measured, panel: usize| match one.runs[panel] {
            Some((_, plate)) if !self.plates.text(plate).is_empty() => plate,
            _ => RawTable::NO_PLATE,
        };
        let panel = |(idx, name): (usize, String)| {
            let plate_of = measured.iter().map(|one| plate(one, idx)).collect();
            Panel { name, plate_of }
        };
        self.panels.texts().into_iter().enumerate().map(panel).collect()
    }
}
