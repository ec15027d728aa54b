//! Tables of several files as one: proteins by their ID. A file adds to the first measurement of a sample in which none of its
//! proteins has a value yet (another panel, another chromosome, another batch); where there is none, it is a further measurement.

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
    let n_before = a.measurements.len();
    let shared: Vec<usize> = rows.iter().flatten().copied().collect();
    let is_free = |column: usize| shared.iter().all(|&row| a.values[row * n_before + column].is_nan());
    let columns = columns(&mut a.measurements, &b.measurements, is_free);
    let n = a.measurements.len();
    let panels: Vec<Vec<u32>> = (0..b.panels.len()).map(|panel| panels_of(&mut a, &b, panel, &rows)).collect();
    let mut plates = Names::default();
    a.plates.iter().for_each(|plate| _ = plates.intern(plate.as_bytes()));
    let plate_of: Vec<u32> = b.plates.iter().map(|plate| plates.intern(plate.as_bytes()).0).collect();
    a.panels.iter_mut().for_each(|panel| panel.plate_of.resize(n, RawTable::NO_PLATE));
    for (panel, to) in b.panels.iter().zip(&panels) {
        for (i, &plate) in panel.plate_of.iter().enumerate().filter(|(_, plate)| **plate != RawTable::NO_PLATE) {
            to.iter().for_each(|&to| a.panels[to as usize].plate_of[columns[i]] = plate_of[plate as usize]);
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
            protein.panel = panels[protein.panel as usize][0];
            a.proteins.push(protein);
        }
    }
    batches(&mut a, &b, &columns);
    let place = Place { n_before, n, n_rows: a.proteins.len(), columns: &columns, rows: &to };
    a.values = place.joined(a.values, &b.values, f64::NAN);
    a.lod = place.joined_maybe(a.lod, b.lod, f32::NAN);
    a.flags = place.joined_maybe(a.flags, b.flags, 0);
    a.messages.extend(b.messages);
    a.warnings.extend(b.warnings);
    for (what, n) in b.dropped {
        match a.dropped.iter_mut().find(|(known, _)| *known == what) {
            Some((_, known)) => *known += n,
            None => a.dropped.push((what, n)),
        }
    }
    a.n_records += b.n_records;
    a
}

/// Where the second table's measurements go: each to a free one of its sample, none to one that another has taken.
fn columns(all: &mut Vec<Measurement>, new: &[Measurement], is_free: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut of: HashMap<String, Vec<usize>> = HashMap::new();
    for (i, one) in all.iter().enumerate() {
        of.entry(one.sample.clone()).or_default().push(i);
    }
    let (n_before, mut is_taken) = (all.len(), vec![false; all.len()]);
    let mut columns = Vec::with_capacity(new.len());
    for one in new {
        let known = of.entry(one.sample.clone()).or_default();
        if let Some(&free) = known.iter().find(|&&i| i < n_before && !is_taken[i] && is_free(i)) {
            is_taken[free] = true;
            all[free].qc = worst(all[free].qc, one.qc);
            columns.push(free);
            continue;
        }
        columns.push(all.len());
        all.push(Measurement { replicate: known.len() as u32, batches: Vec::new(), ..one.clone() });
        known.push(columns[columns.len() - 1]);
    }
    columns
}

/// The first table's panels that have proteins of one of the second's; a new one where none has.
fn panels_of(a: &mut RawTable, b: &RawTable, panel: usize, rows: &[Option<usize>]) -> Vec<u32> {
    let of_panel = b.proteins.iter().zip(rows).filter(|(protein, _)| protein.panel as usize == panel);
    let mut panels: Vec<u32> = of_panel.filter_map(|(_, row)| Some(a.proteins[(*row)?].panel)).collect();
    panels.sort_unstable();
    panels.dedup();
    if panels.is_empty() {
        panels.push(a.panels.len() as u32);
        a.panels.push(Panel { name: b.panels[panel].name.clone(), plate_of: Vec::new() });
    }
    panels
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
