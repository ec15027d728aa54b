//! Molecular phenotypes as traits: the rows and covariates of a matrix, brought into the order of the analysed samples.
//!
//! A sample is analysed if the matrix has a column for it, whichever proteins are run and whatever they miss.

use std::path::Path;

use super::Column;
use super::columns::{RawColumn, TableData, Targets};
use super::error::CohortError;
use super::explain;
use super::ids::{RowMatch, RowMatcher, SampleIndex};
use super::ledger::{CohortLedger, FileLedger};
use super::select::Selector;
use super::traits::RawTraits;
use crate::format::chromosome::Build;
use crate::proteins::{Protein, ProteinMatrix};
use crate::report::words::count;

const NONE: u32 = u32::MAX;
/// Rows after which the memory of a matrix that has been taken apart is given back.
const ROWS_AT_ONCE: usize = 64;
/// What the covariates of a matrix are told apart by in messages.
const WITHOUT: &str = "--no-protein-covariates";

/// A matrix whose columns are matched to the genotyped samples.
#[derive(Debug)]
pub struct ProteinTable {
    path: String,
    matrix: ProteinMatrix,
    /// By genotyped sample: its column.
    column_of: Vec<u32>,
    n_matched: usize,
}

impl ProteinTable {
    /// Opens a file of proteins and matches its samples.
    pub fn open(
        path: &Path,
        index: &SampleIndex<'_>,
        ledger: &mut CohortLedger,
        messages: &mut Vec<String>,
    ) -> Result<Self, CohortError> {
        let matrix = crate::proteins::open(path)?;
        Self::new(path.display().to_string(), matrix, index, ledger, messages)
    }

    fn new(
        path: String,
        matrix: ProteinMatrix,
        index: &SampleIndex<'_>,
        ledger: &mut CohortLedger,
        messages: &mut Vec<String>,
    ) -> Result<Self, CohortError> {
        let mut matcher = RowMatcher::new(index);
        let found: Vec<RowMatch> =
            (1..).zip(&matrix.samples).map(|(column, id)| matcher.row(None, id.as_bytes(), column)).collect();
        let (n_rows, n_genotyped) = (matrix.samples.len(), index.len());
        let Some(join) = matcher.join_used() else {
            let cause = explain::cause(&matcher.iids().collect::<Vec<_>>(), index);
            let cause = cause.map_or_else(String::new, |cause| format!("; {cause}"));
            return Err(CohortError::NoOverlap { path, n_rows, n_genotyped, cause });
        };
        if let Some((first, second)) = matcher.repeated(Some(join)) {
            return Err(CohortError::RepeatedSampleColumn { path, first, second });
        }
        let mut column_of = vec![NONE; n_genotyped];
        for (column, found) in (0..).zip(found) {
            if let Some(idx) = found.under(join) {
                column_of[idx as usize] = column;
            }
        }
        let n_matched = matcher.n_matched();
        messages.extend(explain::partial(&path, &matcher, index, join));
        ledger.files.push(FileLedger {
            role: "proteins".to_owned(),
            path: path.clone(),
            n_samples: n_rows,
            n_genotyped: n_matched,
        });
        Ok(Self { path, matrix, column_of, n_matched })
    }

    /// Genome build of the genes' places, as far as it is known.
    pub fn build(&self) -> Option<Build> {
        self.matrix.build
    }

    /// Leaves out samples that have no column.
    pub fn keep(&self, kept: &mut Vec<u32>, ledger: &mut CohortLedger) {
        let before = kept.len();
        kept.retain(|&idx| self.column_of[idx as usize] != NONE);
        ledger.n_not_in_proteins = Some(before - kept.len());
    }

    /// The covariates that processing made, as a table; `None` without any.
    pub fn take_covariates(&mut self, targets: &Targets, messages: &mut Vec<String>) -> Option<TableData> {
        let covariates = std::mem::take(&mut self.matrix.covariates);
        if covariates.is_empty() {
            return None;
        }
        messages.push(format!(
            "{}: {} of its own: {} ({WITHOUT} leaves them out)",
            self.path,
            count(covariates.len() as u64, "covariate"),
            some_names(&covariates)
        ));
        let order = self.order(targets);
        let column = |(name, values): (String, Vec<f64>)| {
            let values = order.iter().map(|&column| at(&values, column)).collect();
            RawColumn { name, values, ..RawColumn::default() }
        };
        Some(TableData {
            path: self.path.clone(),
            columns: covariates.into_iter().map(column).collect(),
            has_row: order.iter().map(|&column| column != NONE).collect(),
            fids: None,
            n_rows: self.matrix.samples.len(),
            n_matched: self.n_matched,
            messages: Vec::new(),
        })
    }

    /// The chosen proteins and their values, untransformed. A pattern may name a protein's key, or its assay.
    pub fn into_traits(
        self,
        patterns: &[String],
        targets: &Targets,
        index: &SampleIndex<'_>,
    ) -> Result<(RawTraits, Vec<Protein>), CohortError> {
        let order = self.order(targets);
        let ProteinMatrix { samples, proteins, mut values, .. } = self.matrix;
        let mut selector = Selector::new("--pheno-name", patterns);
        let mut chooses = |protein: &Protein| {
            let by_key = selector.chooses(&protein.id);
            by_key | (!protein.name.is_empty() && selector.chooses(&protein.name))
        };
        let is_chosen: Vec<bool> = proteins.iter().map(&mut chooses).collect();
        selector.finish(|name| index.get(name.as_bytes()).is_some())?;
        // From the last row on, so that the matrix shrinks while its copy grows.
        let mut columns = Vec::new();
        for (row, protein) in proteins.iter().enumerate().rev() {
            let of_row = values.get(row * samples.len()..).unwrap_or_default();
            if is_chosen[row] {
                let values = order.iter().map(|&column| at(of_row, column)).collect();
                columns.push(Column { name: protein.id.clone(), values });
            }
            values.truncate(row * samples.len());
            if row % ROWS_AT_ONCE == 0 {
                values.shrink_to_fit();
            }
        }
        columns.reverse();
        let proteins = proteins.into_iter().zip(is_chosen).filter(|(_, is_chosen)| *is_chosen).map(|(p, _)| p);
        Ok((RawTraits { columns, fids: vec![None; targets.len()] }, proteins.collect()))
    }

    /// The column of each target.
    fn order(&self, targets: &Targets) -> Vec<u32> {
        let mut order = vec![NONE; targets.len()];
        for (idx, &column) in (0..).zip(&self.column_of) {
            if let Some(slot) = targets.slot(Some(idx)) {
                order[slot] = column;
            }
        }
        order
    }
}

fn at(values: &[f64], column: u32) -> f64 {
    values.get(column as usize).copied().unwrap_or(f64::NAN)
}

fn some_names(covariates: &[(String, Vec<f64>)]) -> String {
    const MAX_NAMED: usize = 5;
    let names: Vec<&str> = covariates.iter().take(MAX_NAMED).map(|(name, _)| name.as_str()).collect();
    names.join(", ") + if covariates.len() > MAX_NAMED { ", ..." } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn matrix() -> ProteinMatrix {
        let protein = |id: &str, name: &str| Protein {
            id: id.into(),
            name: name.into(),
            uniprot: String::new(),
            panel: String::new(),
            gene: None,
            below_lod: f32::NAN,
        };
        ProteinMatrix {
            samples: ids("c a x b"),
            proteins: vec![protein("OID1", "IL6"), protein("OID2", "CRP"), protein("OID3", "IL8")],
            values: (0..12).map(f64::from).collect(),
            covariates: vec![("plate".into(), vec![1.0, 2.0, 3.0, f64::NAN])],
            build: None,
        }
    }

    fn table(index: &SampleIndex<'_>) -> (ProteinTable, CohortLedger, Vec<String>) {
        let (mut ledger, mut messages) = (CohortLedger::default(), Vec::new());
        let table = ProteinTable::new("p.h5".into(), matrix(), index, &mut ledger, &mut messages).unwrap();
        (table, ledger, messages)
    }

    #[test]
    fn samples_without_a_column_are_left_out_and_counted() {
        let genotyped = ids("a b c d e");
        let index = SampleIndex::new(&genotyped).unwrap();
        let (table, mut ledger, messages) = table(&index);
        assert!(
            messages[0].contains("4 samples, 3 of them genotyped; 2 genotyped samples are not in it"),
            "{messages:?}"
        );
        let mut kept = vec![0, 1, 2, 3];
        table.keep(&mut kept, &mut ledger);
        assert_eq!((kept, ledger.n_not_in_proteins), (vec![0, 1, 2], Some(1)));
        assert_eq!((ledger.files[0].n_samples, ledger.files[0].n_genotyped), (4, 3));
    }

    #[test]
    fn rows_come_in_the_order_of_the_samples_by_key_or_assay() {
        let genotyped = ids("a b c d");
        let index = SampleIndex::new(&genotyped).unwrap();
        let targets = Targets::new(4, &[0, 1, 2]);
        let choose = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(|&p| p.to_owned()).collect();
            table(&index).0.into_traits(&patterns, &targets, &index)
        };
        let (raw, proteins) = choose(&[]).unwrap();
        assert_eq!(proteins.len(), 3);
        assert_eq!(raw.columns[1], Column { name: "OID2".into(), values: vec![5.0, 7.0, 4.0] });
        let (raw, proteins) = choose(&["IL*"]).unwrap();
        assert_eq!((raw.columns[1].name.as_str(), proteins[1].name.as_str()), ("OID3", "IL8"));
        assert_eq!(raw.columns[1].values, [9.0, 11.0, 8.0]);
        assert_eq!(choose(&["OID2"]).unwrap().1[0].name, "CRP");
        assert!(choose(&["IL7"]).unwrap_err().to_string().contains("IL7"));
    }

    #[test]
    fn covariates_keep_what_is_missing() {
        let genotyped = ids("a b c d");
        let index = SampleIndex::new(&genotyped).unwrap();
        let (mut table, _, mut messages) = table(&index);
        let data = table.take_covariates(&Targets::new(4, &[0, 1, 2]), &mut messages).unwrap();
        assert_eq!(data.columns[0].name, "plate");
        assert!(data.columns[0].values[1].is_nan() && data.columns[0].values[..1] == [2.0]);
        assert!(messages.last().unwrap().contains("plate"));
    }

    #[test]
    fn nobody_in_common_is_refused_without_an_id() {
        let genotyped = ids("A B C");
        let index = SampleIndex::new(&genotyped).unwrap();
        let (mut ledger, mut messages) = (CohortLedger::default(), Vec::new());
        let error = ProteinTable::new("p.h5".into(), matrix(), &index, &mut ledger, &mut messages).unwrap_err();
        assert!(error.to_string().starts_with("p.h5: none of its 4 samples is among the 3 genotyped ones"), "{error}");
    }
}
