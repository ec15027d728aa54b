//! `norna info` on a proteins.h5.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::info::{megabytes, text_provenance};
use crate::proteins::Protein;
use crate::report::words::count;
use crate::store::{PROTEINS_FORMAT, PROTEINS_FORMAT_VERSION, ProteinsReader, StoreError};

/// Proteins that are told one by one.
const PROTEINS_SHOWN: usize = 10;

/// Refuses a file of proteins where results are wanted.
///
/// # Errors
/// It is one.
pub fn refuse(path: &Path) -> anyhow::Result<()> {
    match ProteinsReader::is_proteins(path) {
        true => Err(anyhow::anyhow!("{}: a file of proteins, not of results; see norna info", path.display())),
        false => Ok(()),
    }
}

/// What `norna info` prints about a file of proteins: nothing of single people.
pub fn describe(path: &Path, as_json: bool) -> Result<String, StoreError> {
    let reader = ProteinsReader::open(path)?;
    let (steps, provenance) = (reader.steps()?, reader.provenance()?);
    let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    Ok(match as_json {
        true => format!("{:#}\n", json_info(&reader, steps, provenance, bytes)),
        false => text_info(path, &reader, &steps, (&provenance, bytes)),
    })
}

fn json_info(reader: &ProteinsReader, steps: Value, provenance: Value, bytes: u64) -> Value {
    let one = |(protein, n): (&Protein, &u32)| {
        let gene = protein.gene.as_ref().map(|gene| {
            let strand = crate::proteins::strand_sign(gene.strand);
            json!({ "chrom": gene.chrom, "tss": gene.tss, "strand": strand, "gene_id": gene.id, "gene_name": gene.name })
        });
        let below_lod = (!protein.below_lod.is_nan()).then_some(protein.below_lod);
        json!({
            "id": protein.id, "name": protein.name, "uniprot": protein.uniprot, "panel": protein.panel,
            "gene": gene, "below_lod": below_lod, "n_observed": n,
        })
    };
    let placed = reader.proteins().iter().filter(|protein| protein.gene.is_some()).count();
    json!({
        "format": PROTEINS_FORMAT,
        "format_version": PROTEINS_FORMAT_VERSION,
        "norna_version": reader.norna_version(),
        "individual_level": true,
        "file_bytes": bytes,
        "samples": reader.samples().len(),
        "covariates": reader.covariates(),
        "genome_build": reader.build().map(|build| build.name()),
        "with_gene": placed,
        "proteins": reader.proteins().iter().zip(reader.n_observed()).map(one).collect::<Vec<_>>(),
        "steps": steps,
        "provenance": provenance,
    })
}

fn text_info(path: &Path, reader: &ProteinsReader, steps: &Value, (provenance, bytes): (&Value, u64)) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<18}{value}");
    };
    let proteins = reader.proteins();
    line("file", format!("{} ({} MB)", path.display(), megabytes(bytes)));
    let version = reader.norna_version();
    line("format", format!("{PROTEINS_FORMAT} {PROTEINS_FORMAT_VERSION}, written by norna {version}"));
    line("", "individual-level data: protein levels of single people, by sample ID".to_owned());
    let sizes = [(proteins.len(), "protein"), (reader.samples().len(), "sample")];
    line("values", sizes.map(|(n, what)| count(n as u64, what)).join(" × "));
    let placed = proteins.iter().filter(|protein| protein.gene.is_some()).count();
    line("with a gene", format!("{placed} of {} (no cis window for others)", proteins.len()));
    line("genome build", reader.build().map_or("not known", |build| build.name()).to_owned());
    if !reader.covariates().is_empty() {
        line("covariates", reader.covariates().join(", "));
    }
    text_steps(&mut text, steps);
    text_proteins(&mut text, reader);
    if let Value::Object(parts) = provenance {
        text_provenance(&mut text, parts);
    }
    text
}

/// Of each step what was chosen, and what was counted.
fn text_steps(text: &mut String, steps: &Value) {
    let _ = writeln!(text, "\nsteps, in order");
    for step in steps.as_array().map(Vec::as_slice).unwrap_or_default() {
        let part = |key: &str| step.get(key).and_then(Value::as_str).unwrap_or_default();
        let counts: Vec<String> = step
            .get("counts")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|pair| Some(format!("{} {}", pair.get(1)?, pair.get(0)?.as_str()?)))
            .collect();
        let _ = writeln!(text, "  {:<18}{}", part("step"), part("choice"));
        if !counts.is_empty() {
            let _ = writeln!(text, "  {:<18}  {}", "", counts.join(", "));
        }
    }
}

fn text_proteins(text: &mut String, reader: &ProteinsReader) {
    let _ = writeln!(text, "\n{:<20}{:<14}{:>10}{:>12}  gene", "protein", "name", "observed", "below LOD");
    for (protein, n) in reader.proteins().iter().zip(reader.n_observed()).take(PROTEINS_SHOWN) {
        let gene = protein.gene.as_ref().map_or("-".to_owned(), |gene| format!("{}:{}", gene.chrom, gene.tss));
        let below = if protein.below_lod.is_nan() { "-".to_owned() } else { format!("{:.3}", protein.below_lod) };
        let _ = writeln!(text, "{:<20}{:<14}{n:>10}{below:>12}  {gene}", protein.id, protein.name);
    }
    if reader.proteins().len() > PROTEINS_SHOWN {
        let _ = writeln!(text, "... and {} more (--json lists all)", reader.proteins().len() - PROTEINS_SHOWN);
    }
}
