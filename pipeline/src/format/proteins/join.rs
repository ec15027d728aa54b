//! Tables of several files as one: proteins by their ID. A file that has none of the proteins before it (another panel, another
//! chromosome) adds to the same measurements; any other adds further measurements of its samples.

use std::collections::HashMap;

use super::error::ProteinFileError;
use super::names::Names;
use crate::proteins::{Measurement, Panel, Qc, RawTable};

/// Joins tables of one layout, in the order of the files.
pub(super) fn join(paths: &[String], tables: Vec<RawTable>) -> Result<RawTable, ProteinFileError> {
    let mut tables = tables.into_iter().enumerate();
    let Some((_, mut all)) = tables.next() else {
        return Err(ProteinFileError::file("the command", "names no file of proteins"));
    };
    for (file, mut table) in tables {
        if (table.layout, table.scale) != (all.layout, all.scale) {
            let problem = format!("its layout or scale is another than that of {}; read them one by one", paths[0]);
            return Err(ProteinFileError::file(&paths[file], problem));
        }
        table.measurements.iter_mut().for_each(|one| one.file = file as u32);
        all = join_two(all, table);
    }
    Ok(all)
}

fn worst(a: Qc, b: Qc) -> Qc {
    match (a, b) {
        (Qc::Fail, _) | (_, Qc::Fail) => Qc::Fail,
        (Qc::Warn, _) | (_, Qc::Warn) => Qc::Warn,
        _ => Qc::Pass,
    }
}

fn join_two(mut a: RawTable, b: RawTable) -> RawTable {
    let row_of: HashMap<&str, usize> = a.proteins.iter().enumerate().map(|(i, p)| (p.id.as_str(), i)).collect();
    let rows: Vec<Option<usize>> = b.proteins.iter().map(|p| row_of.get(p.id.as_str()).copied()).collect();
    let is_apart = rows.iter().all(Option::is_none);
    let n_before = a.measurements.len();
    let columns = columns(&mut a.measurements, &b.measurements, is_apart);
    let n = a.measurements.len();
    // Panels of a file that shares no protein are others than those before.
    let panels: Vec<u32> = b.panels.iter().map(|panel| panel_of(&mut a.panels, panel, is_apart)).collect();
    let mut plates = Names::default();
    a.plates.iter().for_each(|plate| _ = plates.intern(plate.as_bytes()));
    let plate_of: Vec<u32> = b.plates.iter().map(|plate| plates.intern(plate.as_bytes()).0).collect();
    a.panels.iter_mut().for_each(|panel| panel.plate_of.resize(n, RawTable::NO_PLATE));
    for (panel, &to) in b.panels.iter().zip(&panels) {
        for (i, &plate) in panel.plate_of.iter().enumerate().filter(|(_, plate)| **plate != RawTable::NO_PLATE) {
            a.panels[to as usize].plate_of[columns[i]] = plate_of[plate as usize];
        }
    }
    a.plates = plates.texts();
    let to: Vec<usize> = {
        let mut next = a.proteins.len();
        rows.iter().map(|row| row.unwrap_or_else(|| (next, next += 1).0)).collect()
    };
    for (protein, row) in b.proteins.iter().zip(&rows) {
        if row.is_none() {
            let mut protein = protein.clone();
            protein.panel = panels[protein.panel as usize];
            a.proteins.push(protein);
        }
    }
    batches(&mut a, &b, &columns);
    let place = Place { n_before, n, n_rows: a.proteins.len(), columns: &columns, rows: &to };
    a.values = place.joined(a.values, &b.values, f64::NAN);
    a.lod = place.joined_maybe(a.lod, b.lod, f32::NAN);
    a.flags = place.joined_maybe(a.flags, b.flags, 0);
    a.messages.extend(b.messages);
    for (what, n) in b.dropped {
        match a.dropped.iter_mut().find(|(known, _)| *known == what) {
            Some((_, known)) => *known += n,
            None => a.dropped.push((what, n)),
        }
    }
    a.n_records += b.n_records;
    a
}

/// Where the second table's measurements go.
fn columns(all: &mut Vec<Measurement>, new: &[Measurement], is_apart: bool) -> Vec<usize> {
    let mut n_of: HashMap<String, u32> = HashMap::new();
    let mut at: HashMap<(String, u32), usize> = HashMap::new();
    for (i, one) in all.iter().enumerate() {
        *n_of.entry(one.sample.clone()).or_default() += 1;
        at.insert((one.sample.clone(), one.replicate), i);
    }
    let mut columns = Vec::with_capacity(new.len());
    for one in new {
        let known = at.get(&(one.sample.clone(), one.replicate)).copied().filter(|_| is_apart);
        if let Some(known) = known {
            all[known].qc = worst(all[known].qc, one.qc);
            columns.push(known);
            continue;
        }
        let n = n_of.entry(one.sample.clone()).or_default();
        columns.push(all.len());
        all.push(Measurement { replicate: *n, batches: Vec::new(), ..one.clone() });
        *n += 1;
    }
    columns
}

fn panel_of(panels: &mut Vec<Panel>, panel: &Panel, is_apart: bool) -> u32 {
    let known = panels.iter().position(|known| known.name == panel.name && !is_apart);
    let idx = known.unwrap_or_else(|| {
        panels.push(Panel { name: panel.name.clone(), plate_of: Vec::new() });
        panels.len() - 1
    });
    idx as u32
}

fn batches(a: &mut RawTable, b: &RawTable, columns: &[usize]) {
    for name in &b.batch_names {
        if !a.batch_names.contains(name) {
            a.batch_names.push(name.clone());
        }
    }
    let n = a.batch_names.len();
    a.measurements.iter_mut().for_each(|one| one.batches.resize(n, String::new()));
    for (one, &column) in b.measurements.iter().zip(columns) {
        for (name, value) in b.batch_names.iter().zip(&one.batches) {
            let at = a.batch_names.iter().position(|known| known == name);
            if let Some(at) = at.filter(|&at| a.measurements[column].batches[at].is_empty()) {
                a.measurements[column].batches[at].clone_from(value);
            }
        }
    }
}

struct Place<'a> {
    n_before: usize,
    n: usize,
    n_rows: usize,
    columns: &'a [usize],
    rows: &'a [usize],
}

impl Place<'_> {
    fn joined<T: Copy>(&self, a: Vec<T>, b: &[T], empty: T) -> Vec<T> {
        let mut out = vec![empty; self.n * self.n_rows];
        for (row, values) in a.chunks_exact(self.n_before.max(1)).enumerate() {
            out[row * self.n..row * self.n + self.n_before].copy_from_slice(values);
        }
        for (&row, values) in self.rows.iter().zip(b.chunks_exact(self.columns.len().max(1))) {
            for (&column, &value) in self.columns.iter().zip(values) {
                out[row * self.n + column] = value;
            }
        }
        out
    }

    fn joined_maybe<T: Copy>(&self, a: Option<Vec<T>>, b: Option<Vec<T>>, empty: T) -> Option<Vec<T>> {
        match (a, b) {
            (None, None) => None,
            (a, b) => Some(self.joined(a.unwrap_or_default(), &b.unwrap_or_default(), empty)),
        }
    }
}
