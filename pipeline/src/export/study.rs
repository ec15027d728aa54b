//! What GWAS-SSF's metadata tell beside what norna knows: facts of the study, from a TOML file and flags; and the YAML.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::ExportError;

/// The file of `--study`. Names are those of the GWAS Catalog's metadata.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Study {
    /// Such as GRCh38.
    pub genome_assembly: Option<String>,
    /// Such as "Genome-wide genotyping array".
    pub genotyping_technology: Vec<String>,
    /// Reference panel.
    pub imputation_panel: Option<String>,
    /// Such as "IMPUTE5".
    pub imputation_software: Option<String>,
    /// M, F, combined or NR.
    pub sex: Option<Sex>,
    /// Least minor allele frequency that was tested.
    pub minor_allele_freq_lower_limit: Option<f64>,
    /// Instead of the run's covariates.
    pub adjusted_covariates: Option<Vec<String>>,
    /// Anything else.
    pub author_notes: Option<String>,
    /// Who they are.
    pub samples: Samples,
    /// By a trait's name in the results.
    pub traits: BTreeMap<String, StudyTrait>,
}

/// Sex of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub enum Sex {
    M,
    F,
    #[serde(rename = "combined")]
    Combined,
    #[serde(rename = "NR")]
    NotReported,
}

/// Facts of the samples.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Samples {
    /// Such as European.
    pub sample_ancestry_category: Vec<String>,
    /// As told by the authors.
    pub sample_ancestry: Vec<String>,
    /// Such as self-reported.
    pub ancestry_method: Vec<String>,
}

/// Facts of a trait.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StudyTrait {
    /// Instead of its name.
    pub trait_description: Option<String>,
    /// Such as EFO_0004340.
    pub ontology_mapping: Vec<String>,
}

/// Genomes that the GWAS Catalog's own program knows (`gwas-sumstats-tools`, 1.0.25).
pub const ASSEMBLIES: [&str; 3] = ["GRCh36", "GRCh37", "GRCh38"];

/// Whether a name is of [`ASSEMBLIES`].
pub fn is_assembly(name: &str) -> bool {
    ASSEMBLIES.contains(&name)
}

impl Study {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, ExportError> {
        let bad = |what: String| ExportError::Study { path: path.to_path_buf(), what };
        let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
        let study: Self = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            bad(format!("line {line}: {}", error.message().replace('\n', " ")))
        })?;
        if let Some(name) = study.genome_assembly.as_ref().filter(|name| !is_assembly(name)) {
            return Err(bad(format!("genome_assembly = {name:?}: {} is meant", ASSEMBLIES.join(", "))));
        }
        match study.minor_allele_freq_lower_limit {
            Some(limit) if !(0.0..=0.5).contains(&limit) => {
                Err(bad(format!("minor_allele_freq_lower_limit = {limit}: a frequency from 0 to 0.5 is meant")))
            }
            _ => Ok(study),
        }
    }
}

impl Sex {
    /// As in the metadata.
    pub fn name(self) -> &'static str {
        match self {
            Self::M => "M",
            Self::F => "F",
            Self::Combined => "combined",
            Self::NotReported => "NR",
        }
    }
}

/// Facts of one file that norna knows.
#[derive(Debug, Clone, Default)]
pub struct FileFacts {
    /// Name of the data file.
    pub file: String,
    /// Its MD5.
    pub md5: String,
    /// Trait.
    pub trait_name: String,
    /// Samples with a value.
    pub n: u32,
    /// Cases, for a binary trait.
    pub n_cases: Option<u32>,
    /// Whether rows ascend by chromosome and position.
    pub is_sorted: bool,
    /// Covariates of the run.
    pub covariates: Vec<String>,
    /// norna and its version.
    pub software: String,
    /// Lines for the notes: what was left out.
    pub notes: Vec<String>,
}

/// The metadata of a file as YAML, in the order of the GWAS Catalog's template. `today`: YYYY-MM-DD.
pub fn metadata(study: &Study, facts: &FileFacts, assembly: &str, today: &str) -> String {
    let of_trait = study.traits.get(&facts.trait_name).cloned().unwrap_or_default();
    let described = of_trait.trait_description.unwrap_or_else(|| facts.trait_name.clone());
    let notes: Vec<String> = study.author_notes.iter().cloned().chain(facts.notes.iter().cloned()).collect();
    let mut sample = json!({
        "sample_ancestry_category": study.samples.sample_ancestry_category,
        "sample_ancestry": study.samples.sample_ancestry,
        "sample_size": facts.n,
        "ancestry_method": study.samples.ancestry_method,
        "case_control_study": facts.n_cases.is_some(),
    });
    if let Some(n_cases) = facts.n_cases {
        sample["case_count"] = json!(n_cases);
        sample["control_count"] = json!(facts.n.saturating_sub(n_cases));
    }
    let covariates = study.adjusted_covariates.as_ref().unwrap_or(&facts.covariates);
    let entries = [
        ("author_notes", json!((!notes.is_empty()).then(|| notes.join("; ")))),
        ("date_metadata_last_modified", json!(today)),
        ("trait_description", json!([described])),
        ("ontology_mapping", json!(of_trait.ontology_mapping)),
        ("genome_assembly", json!(assembly)),
        ("coordinate_system", json!("1-based")),
        ("genotyping_technology", json!(study.genotyping_technology)),
        ("imputation_panel", json!(study.imputation_panel)),
        ("imputation_software", json!(study.imputation_software)),
        ("samples", json!([sample])),
        ("sex", json!(study.sex.map(Sex::name))),
        ("data_file_name", json!(facts.file)),
        ("file_type", json!("GWAS-SSF v1.0")),
        ("data_file_md5sum", json!(facts.md5)),
        ("analysis_software", json!(facts.software)),
        ("adjusted_covariates", json!(covariates)),
        ("minor_allele_freq_lower_limit", json!(study.minor_allele_freq_lower_limit)),
        ("is_harmonised", json!(false)),
        ("is_sorted", json!(facts.is_sorted)),
    ];
    let mut text = String::new();
    for (key, value) in &entries {
        push_entry(&mut text, "", key, value);
    }
    text
}

/// Appends a key and its value; what is empty is left out. Strings are written as JSON's, which are YAML's as well.
fn push_entry(text: &mut String, indent: &str, key: &str, value: &Value) {
    // Writing to a string cannot fail.
    let _ = match value {
        Value::Null => Ok(()),
        Value::Array(items) if items.is_empty() => Ok(()),
        Value::Array(items) => {
            let _ = writeln!(text, "{indent}{key}:");
            for item in items {
                match item {
                    Value::Object(fields) => {
                        let mut inner = String::new();
                        fields
                            .iter()
                            .for_each(|(key, value)| push_entry(&mut inner, &format!("{indent}    "), key, value));
                        let _ = write!(text, "{indent}  - {}", inner.trim_start());
                    }
                    item => {
                        let _ = writeln!(text, "{indent}  - {item}");
                    }
                }
            }
            Ok(())
        }
        value => writeln!(text, "{indent}{key}: {value}"),
    };
}
