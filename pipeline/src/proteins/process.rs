//! The steps in their order: samples, judgements, limit of detection, logarithm, repeats, outliers, missingness, transform,
//! covariates, genes (docs/proteins.md says why in this order).

use std::path::Path;

use rayon::prelude::*;

use super::build;
use super::components;
use super::cut::n_observed;
use super::error::ProteinsError;
use super::matrix::{Protein, ProteinMatrix};
use super::options::{ProcessOptions, Transform};
use super::places::{self, Annotation};
use super::raw::{RawProtein, RawTable, TableLayout};
use super::repeats::SampleTable;
use super::step::Step;
use super::{lod, logs, missing, outliers, qc, repeats, samples, terms};
use crate::cohort::transform::{rank_inverse_normal, standardize};
use crate::format::chromosome::Build;
use crate::format::{genes, uniprot_map};
use crate::report::words::count;

/// What processing made.
#[derive(Debug)]
pub struct Processed {
    /// The matrix.
    pub matrix: ProteinMatrix,
    /// What was done, in order.
    pub steps: Vec<Step>,
}

/// An annotation, read before the table so that its mistakes show first.
pub struct Genes {
    file: genes::GeneFile,
    name: String,
}

impl Genes {
    /// Reads the annotation of the options, if they have one.
    ///
    /// # Errors
    /// [`ProteinsError`].
    pub fn read(options: &ProcessOptions) -> Result<Option<Self>, ProteinsError> {
        let Some(path) = &options.annotation else {
            return match &options.uniprot_map {
                Some(_) => Err(ProteinsError::Refused("--uniprot-map without --annotation places no gene".to_owned())),
                None => Ok(None),
            };
        };
        let file = genes::read(path)?;
        file.messages.iter().for_each(|message| log::info!("{message}"));
        Ok(Some(Self { file, name: file_name(path) }))
    }
}

/// Makes the matrix of a table. `tell` hears of each step when it is done.
///
/// # Errors
/// What cannot be done with these data, in one line.
pub fn process(
    mut table: RawTable,
    genes: Option<Genes>,
    options: &ProcessOptions,
    tell: &mut dyn FnMut(&Step) -> Result<(), ProteinsError>,
) -> Result<Processed, ProteinsError> {
    let mut steps = Vec::new();
    let mut done = |step: Step| {
        tell(&step)?;
        steps.push(step);
        Ok::<(), ProteinsError>(())
    };
    let step = read_step(&table);
    if step.get("values") == 0 {
        return Err(ProteinsError::Refused(format!(
            "the input has no values: all of its {} in {} are missing",
            count(table.proteins.len() as u64, "protein"),
            count(table.measurements.len() as u64, "measurement")
        )));
    }
    done(step)?;
    done(samples::apply(&mut table, options)?)?;
    for step in qc::apply(&mut table, options.sample_qc, options.assay_qc) {
        done(step)?;
    }
    let (step, below_lod) = lod::apply(&mut table, options.lod, options.max_below_lod)?;
    done(step)?;
    // Neither is needed any more, and both are large.
    (table.lod, table.flags) = (None, None);
    done(logs::apply(&mut table, options.log))?;
    let (mut table, step) = repeats::apply(table, below_lod, options.repeats)?;
    done(step)?;
    done(missing::apply_empty(&mut table)?)?;
    done(outliers::apply(&mut table, options.outliers, options.outlier_sd)?)?;
    done(missing::apply(&mut table, options.max_missing_protein, options.max_missing_sample)?)?;
    done(transform(&mut table, options.transform))?;
    let mut covariates = Vec::new();
    let plates = options.plate_covariates.then(|| terms::of_plates(&table)).transpose()?;
    let batches = options.batch_covariates.as_ref().map(|names| terms::of_batches(&table, names)).transpose()?;
    for terms in plates.into_iter().chain(batches) {
        covariates.extend(terms.columns);
        done(terms.step)?;
    }
    if options.n_components > 0 {
        let terms = protein_components(&table, options.n_components)?;
        covariates.extend(terms.columns);
        done(terms.step)?;
    }
    let (places, found, step) = place(&table.proteins, genes, options)?;
    done(step)?;
    let panels = &table.panels;
    let protein = |((raw, gene), below_lod): ((RawProtein, _), f32)| {
        let panel = panels.get(raw.panel as usize).map_or(String::new(), |panel| panel.name.clone());
        Protein { id: raw.id, name: raw.name, uniprot: raw.uniprot, panel, gene, below_lod }
    };
    let proteins = table.proteins.into_iter().zip(places).zip(table.below_lod).map(protein).collect();
    let matrix = ProteinMatrix { samples: table.samples, proteins, values: table.values, covariates, build: found };
    Ok(Processed { matrix, steps })
}

/// What the reader said.
fn read_step(table: &RawTable) -> Step {
    let mut step = Step::new("read", in_words(table.layout));
    step.count("records", table.n_records as usize);
    step.count("proteins", table.proteins.len());
    step.count("measurements", table.measurements.len());
    step.count("values", n_observed(&table.values));
    for (what, n) in &table.dropped {
        step.count(format!("{what} left out"), *n as usize);
    }
    step.notes.extend(table.messages.iter().cloned());
    step.warnings.extend(table.warnings.iter().cloned());
    step
}

fn in_words(layout: TableLayout) -> &'static str {
    match layout {
        TableLayout::OlinkLong => "Olink NPX, long",
        TableLayout::Adat => "SomaScan ADAT",
        TableLayout::DiannMatrix => "DIA-NN, matrix",
        TableLayout::DiannReport => "DIA-NN, main report",
        TableLayout::MaxQuant => "MaxQuant proteinGroups",
        TableLayout::Wide => "a matrix",
        TableLayout::Bed => "BED",
    }
}

/// Whether all values that are there are one.
fn is_constant(row: &[f64]) -> bool {
    let mut values = row.iter().filter(|value| !value.is_nan());
    let first = values.next();
    values.all(|value| Some(value) == first)
}

fn transform(table: &mut SampleTable, rule: Transform) -> Step {
    let n = table.samples.len();
    let (name, apply): (_, fn(&mut [f64])) = match rule {
        Transform::None => ("none", |_| ()),
        Transform::Rint => ("rint", rank_inverse_normal),
        Transform::Standardize => ("standardize", standardize),
    };
    let mut step = Step::new("transform", name);
    let constant = |row: &usize| is_constant(table.row(*row));
    let constant: Vec<String> =
        (0..table.proteins.len()).filter(constant).map(|row| table.proteins[row].id.clone()).collect();
    table.values.par_chunks_exact_mut(n).for_each(apply);
    step.count("proteins", table.proteins.len());
    if !constant.is_empty() {
        step.count("proteins with one value only", constant.len());
        let n = count(constant.len() as u64, "protein");
        step.warnings.push(format!("{n} with the same value in every sample: nothing can be tested of them"));
        step.lists.push(("one value only", constant));
    }
    step
}

fn protein_components(table: &SampleTable, n: usize) -> Result<terms::Terms, ProteinsError> {
    let mut step = Step::new("components", n.to_string());
    let rows: Vec<&[f64]> = (0..table.proteins.len()).map(|row| table.row(row)).collect();
    if n + 1 >= rows.len().min(table.samples.len()) {
        return Err(ProteinsError::Refused(format!(
            "--pcs {n}: as many components of {} in {} leave nothing to test; choose fewer",
            count(rows.len() as u64, "protein"),
            count(table.samples.len() as u64, "sample")
        )));
    }
    let found = components::of_rows(&rows, n)?;
    step.count("components", found.scores.len());
    step.count("missing values taken as their protein's mean", found.n_imputed);
    let shares: Vec<String> = found.explained.iter().map(|share| format!("{:.4}", share)).collect();
    step.notes.push(format!("shares of variance: {}", shares.join(", ")));
    if found.scores.len() < n {
        step.notes.push(format!("the proteins have {} components only", found.scores.len()));
    }
    let named = found.scores.into_iter().enumerate().map(|(i, scores)| (format!("protein_PC{}", i + 1), scores));
    Ok(terms::Terms { columns: named.collect(), step })
}

type Places = (Vec<Option<super::Gene>>, Option<Build>, Step);

/// Genes, and the build that everything agrees on.
fn place(proteins: &[RawProtein], genes: Option<Genes>, options: &ProcessOptions) -> Result<Places, ProteinsError> {
    let choice = genes.as_ref().map_or("none".to_owned(), |genes| genes.name.clone());
    let named = genes.as_ref().and_then(|genes| genes.file.build);
    let map = match &options.uniprot_map {
        Some(path) => uniprot_map::read(path, &places::wanted_accessions(proteins))?,
        None => uniprot_map::UniprotMap::default(),
    };
    let annotation = genes.map(|genes| Annotation::new(genes.file.genes, &map));
    let (places, mut step) = places::place_all(proteins, annotation.as_ref(), &choice);
    step.count_some("UniProt accessions in the map", map.len());
    let tss = places.iter().flatten().map(|gene| (gene.chrom.as_str(), gene.tss));
    let (build, how) = match &annotation {
        Some(annotation) => build::of_places(options.build, named, annotation.ends().chain(tss)),
        None => build::of_places(options.build, named, tss),
    }
    .map_err(ProteinsError::Refused)?;
    if let Some(annotation) = &annotation {
        check_same_places(proteins, annotation)?;
    }
    let is_placed = |(protein, place): (&RawProtein, &Option<super::Gene>)| protein.gene.is_none() && place.is_some();
    let n_unplaced = proteins.iter().filter(|protein| protein.gene.is_none()).count();
    if annotation.is_some() && n_unplaced > 0 && !proteins.iter().zip(&places).any(is_placed) {
        let n = count(n_unplaced as u64, "protein");
        step.warnings.push(format!(
            "{choice}: none of {n} without a place is in the annotation by protein, Ensembl ID, UniProt accession or symbol"
        ));
    }
    if places.iter().any(Option::is_some) {
        step.notes.push(format!("genome build {}, {how}", build.map_or("of genes", |build| build.name())));
    }
    Ok((places, build, step))
}

/// Refuses an annotation whose genes lie elsewhere than the file says of the same genes.
fn check_same_places(proteins: &[RawProtein], annotation: &Annotation) -> Result<(), ProteinsError> {
    /// A TSS may be another transcript's.
    const MARGIN: u32 = 10_000;
    let both = proteins.iter().filter_map(|protein| Some((protein.gene.as_ref()?, annotation.by_ensembl(protein)?)));
    let (mut n, mut n_elsewhere) = (0, 0);
    for (gene, record) in both {
        n += 1;
        let near = record.start.saturating_sub(MARGIN)..=record.end.saturating_add(MARGIN);
        n_elsewhere += usize::from(!near.contains(&gene.tss));
    }
    match n >= 5 && 2 * n_elsewhere > n {
        true => Err(ProteinsError::Refused(format!(
            "{n_elsewhere} of {n} genes lie elsewhere in the annotation than in the file of phenotypes: they are of two \
             genome builds"
        ))),
        false => Ok(()),
    }
}

/// Without folders.
fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
