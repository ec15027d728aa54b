//! Flags of `norna proteins`.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::format::chromosome::Build;
use crate::format::proteins::{Orientation, ReadOptions};
use crate::proteins::{LodRule, LogRule, OutlierRule, ProcessOptions, QcRule, RepeatsRule, TableLayout, Transform};
use crate::run::UsageError;

/// Flags of `norna proteins`, in the order of the steps.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
#[command(after_help = "Examples:
  norna proteins NPX.csv -o proteins.h5 --annotation gencode.gtf.gz --uniprot-map HUMAN_9606_idmapping.dat.gz
  norna proteins NPX.parquet -o proteins.h5 --annotation genes.tsv --repeats mean --lod sqrt2 --max-below-lod 0.5 \\
      --plate-covariates --pcs 20 --transform rint
  norna proteins phenotypes.bed.gz -o proteins.h5 --transform rint")]
pub struct ProteinsArgs {
    /// The laboratory's file; several of one layout are joined by sample and protein
    #[arg(value_name = "INPUT", required = true)]
    pub input: Vec<PathBuf>,
    /// HDF5 file to write
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,

    /// Layout of the input [default: recognised]
    #[arg(long, value_enum, value_name = "LAYOUT", help_heading = "1. Table")]
    #[serde(skip)]
    pub format: Option<TableLayout>,
    /// Column with the sample IDs [default: recognised]
    #[arg(long, value_name = "NAME", help_heading = "1. Table")]
    pub sample_column: Option<String>,
    /// Column with the values, of a long table [default: recognised]
    #[arg(long, value_name = "NAME", help_heading = "1. Table")]
    pub value_column: Option<String>,

    /// Which way a matrix lies [default: recognised]
    #[arg(long, value_enum, value_name = "WAY", help_heading = "1. Table")]
    #[serde(skip)]
    pub samples_in: Option<Orientation>,
    /// Drop rows of DIA-NN's report with a greater Q.Value or PG.Q.Value
    #[arg(long, value_name = "Q", default_value_t = 0.01, value_parser = share, help_heading = "1. Table")]
    pub max_q_value: f64,
    /// Olink without types of samples: keep those whose IDs have the word CONTROL, CTRL, NEG or IPC
    #[arg(long, help_heading = "1. Table")]
    pub keep_controls: bool,

    /// Two columns: ID in the protein file, ID in the genotypes; samples that it does not have are left out
    #[arg(long, value_name = "FILE", help_heading = "2. Samples")]
    pub sample_map: Option<PathBuf>,
    /// Keep these samples alone (IDs of the genotypes)
    #[arg(long, value_name = "FILE", help_heading = "2. Samples")]
    pub keep: Vec<PathBuf>,
    /// Leave these samples out
    #[arg(long, value_name = "FILE", help_heading = "2. Samples")]
    pub remove: Vec<PathBuf>,

    /// What the laboratory's judgement of a sample (QC_Warning, SampleQC, RowCheck) leads to
    #[arg(long, value_enum, default_value = "drop-fail", value_name = "RULE", help_heading = "3. Judgements")]
    pub sample_qc: QcRule,
    /// What its judgement of an assay (AssayQC, Assay_Warning, ColCheck) leads to
    #[arg(long, value_enum, default_value = "drop-fail", value_name = "RULE", help_heading = "3. Judgements")]
    pub assay_qc: QcRule,

    /// What becomes of values below the limit of detection
    #[arg(long, value_enum, default_value = "keep", value_name = "RULE", help_heading = "4. Limit of detection")]
    pub lod: LodRule,
    /// Drop proteins with a greater share of values below it
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "4. Limit of detection")]
    pub max_below_lod: Option<f64>,

    /// Logarithm of the values; auto: log10 of ADAT, log2 of other amounts, none of NPX and where nobody says
    #[arg(long, value_enum, default_value = "auto", value_name = "BASE", help_heading = "5. Logarithm")]
    pub log: LogRule,

    /// What becomes of several measurements of a sample
    #[arg(long, value_enum, default_value = "error", value_name = "RULE", help_heading = "6. Repeats")]
    pub repeats: RepeatsRule,

    /// What becomes of samples far off by median or interquartile range of a panel, or by two principal components
    #[arg(long, value_enum, default_value = "flag", value_name = "RULE", help_heading = "7. Outliers")]
    pub outliers: OutlierRule,
    /// Standard deviations that are far off
    #[arg(long, value_name = "N", default_value_t = 5.0, value_parser = positive, help_heading = "7. Outliers")]
    pub outlier_sd: f64,

    /// Drop proteins that miss a greater share of the samples
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "8. Missing values")]
    pub max_missing_protein: Option<f64>,
    /// Then drop samples that miss a greater share of the proteins
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "8. Missing values")]
    pub max_missing_sample: Option<f64>,

    /// Transform of each protein over the samples
    #[arg(long, value_enum, default_value = "none", value_name = "RULE", help_heading = "9. Transform")]
    pub transform: Transform,

    /// Terms of plates as covariates, one set for each way in which panels divide the samples
    #[arg(long, help_heading = "10. Covariates")]
    pub plate_covariates: bool,
    /// Terms of batches (slide, project, run day, file) as covariates: all, or =NAME,NAME
    #[arg(
        long,
        value_name = "NAMES",
        num_args = 0..=1,
        require_equals = true,
        value_delimiter = ',',
        default_missing_value = "all",
        help_heading = "10. Covariates"
    )]
    pub batch_covariates: Option<Vec<String>>,
    /// Principal components of the proteins as covariates
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "10. Covariates")]
    pub pcs: usize,

    /// Where genes are: GTF (GENCODE, Ensembl), or a table with gene_name or gene_id, chrom, start, end (or tss), strand and
    /// perhaps uniprot or protein
    #[arg(long, value_name = "FILE", help_heading = "11. Genes")]
    pub annotation: Option<PathBuf>,
    /// UniProt accessions and their genes, in two columns; or UniProt's idmapping.dat
    #[arg(long, value_name = "FILE", help_heading = "11. Genes")]
    pub uniprot_map: Option<PathBuf>,
    /// Genome build of the genes' places [default: what the annotation says]
    #[arg(long, value_name = "b37|b38", value_parser = parse_build, help_heading = "11. Genes")]
    #[serde(skip)]
    pub build: Option<Build>,

    /// Replace an existing file of norna proteins
    #[arg(long, help_heading = "Output and run")]
    #[serde(skip)]
    pub force: bool,
    /// Threads; changes no output [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Output and run")]
    #[serde(skip)]
    pub threads: Option<u16>,
    /// Tell in JSON what was done
    #[arg(long, help_heading = "Output and run")]
    #[serde(skip)]
    pub json: bool,
    /// Keep folders, user and hosts in /provenance too, so that norna rerun prints a command that works as it stands
    #[arg(long, help_heading = "Output and run")]
    #[serde(skip)]
    pub provenance_paths: bool,
    /// Read inputs whole for their checksums in /provenance, not their first MiB alone
    #[arg(long, help_heading = "Output and run")]
    #[serde(skip)]
    pub full_checksums: bool,
    /// Only warnings and errors
    #[arg(long, short, conflicts_with = "verbose", help_heading = "Output and run")]
    #[serde(skip)]
    pub quiet: bool,
    /// More about what is being done: names of proteins that were dropped or have no gene
    #[arg(long, short, help_heading = "Output and run")]
    #[serde(skip)]
    pub verbose: bool,
}

impl ProteinsArgs {
    /// How much is told.
    pub fn log_level(&self) -> log::LevelFilter {
        match (self.quiet, self.verbose) {
            (true, _) => log::LevelFilter::Warn,
            (_, true) => log::LevelFilter::Debug,
            _ => log::LevelFilter::Info,
        }
    }

    /// Inputs by their roles.
    pub fn files(&self) -> Vec<(&'static str, PathBuf)> {
        let some =
            [("annotation", &self.annotation), ("uniprot-map", &self.uniprot_map), ("sample-map", &self.sample_map)];
        let some = some.into_iter().filter_map(|(role, path)| Some((role, path.clone()?)));
        let lists = [("keep", &self.keep), ("remove", &self.remove)];
        let lists = lists.into_iter().flat_map(|(role, paths)| paths.iter().map(move |path| (role, path.clone())));
        self.input.iter().map(|path| ("proteins", path.clone())).chain(some).chain(lists).collect()
    }

    /// How the inputs are read.
    pub fn read_options(&self) -> ReadOptions {
        ReadOptions {
            layout: self.format,
            sample_column: self.sample_column.clone(),
            value_column: self.value_column.clone(),
            orientation: self.samples_in,
            max_q_value: self.max_q_value,
            keep_controls: self.keep_controls,
        }
    }

    /// What processing is asked to do.
    ///
    /// # Errors
    /// Flags that do not go together.
    pub fn options(&self) -> Result<ProcessOptions, UsageError> {
        if self.uniprot_map.is_some() && self.annotation.is_none() {
            return Err(UsageError(
                "--uniprot-map needs --annotation: it leads to genes, and that says where they are".into(),
            ));
        }
        if self.out.as_os_str() == "-" {
            return Err(UsageError("--out -: an HDF5 file cannot go to standard output; give a file's name".into()));
        }
        let mut batches = self.batch_covariates.clone();
        if let Some(names) = &mut batches {
            names.retain(|name| !name.is_empty());
            if names.iter().any(|name| name == "all") {
                names.clear();
            }
        }
        Ok(ProcessOptions {
            sample_map: self.sample_map.clone(),
            keep: self.keep.clone(),
            remove: self.remove.clone(),
            sample_qc: self.sample_qc,
            assay_qc: self.assay_qc,
            lod: self.lod,
            max_below_lod: self.max_below_lod,
            log: self.log,
            repeats: self.repeats,
            outliers: self.outliers,
            outlier_sd: self.outlier_sd,
            max_missing_protein: self.max_missing_protein,
            max_missing_sample: self.max_missing_sample,
            transform: self.transform,
            plate_covariates: self.plate_covariates,
            batch_covariates: batches,
            n_components: self.pcs,
            annotation: self.annotation.clone(),
            uniprot_map: self.uniprot_map.clone(),
            build: self.build,
        })
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share from 0 to 1 is meant".to_owned()),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("a number above 0 is meant".to_owned()),
    }
}

fn parse_build(text: &str) -> Result<Build, String> {
    match text.to_ascii_lowercase().as_str() {
        "b37" | "grch37" | "hg19" => Ok(Build::B37),
        "b38" | "grch38" | "hg38" => Ok(Build::B38),
        _ => Err("b37 or b38 is meant".to_owned()),
    }
}

/// Names and help of choices.
macro_rules! choices {
    ($kind:ty: $($choice:ident = $name:literal, $help:literal;)+) => {
        impl ValueEnum for $kind {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$choice),+]
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(match self {
                    $(Self::$choice => PossibleValue::new($name).help($help)),+
                })
            }
        }
    };
}

choices!(QcRule:
    Keep = "keep", "Everything stays";
    DropFail = "drop-fail", "What failed becomes missing";
    DropWarn = "drop-warn", "What failed or was warned of becomes missing";
);
choices!(LodRule:
    Keep = "keep", "They stay as they are";
    Nan = "nan", "They become missing";
    Sqrt2 = "sqrt2", "They become LOD/√2 in amounts: LOD − 1/2 of NPX";
);
choices!(LogRule:
    Auto = "auto", "By the kind of file";
    None = "none", "None";
    Log2 = "log2", "Base 2";
    Log10 = "log10", "Base 10";
    Ln = "ln", "Base e";
);
choices!(RepeatsRule:
    Error = "error", "Refuse, and say how many there are";
    Mean = "mean", "Mean, protein by protein";
    Median = "median", "Median, protein by protein";
    First = "first", "The first measurement";
    Last = "last", "The last measurement";
    LeastMissing = "least-missing", "The measurement with the fewest missing values";
);
choices!(OutlierRule:
    Keep = "keep", "Nobody looks";
    Flag = "flag", "They are counted";
    Drop = "drop", "They are left out";
);
choices!(Transform:
    None = "none", "None";
    Rint = "rint", "Rank-based inverse normal (Blom)";
    Standardize = "standardize", "Mean 0, standard deviation 1";
);
choices!(Orientation:
    SamplesInRows = "rows", "A row is a sample";
    ProteinsInRows = "columns", "A row is a protein";
);
choices!(TableLayout:
    OlinkLong = "olink", "Olink NPX, long: CSV or Parquet";
    Adat = "adat", "SomaScan ADAT";
    DiannMatrix = "diann-matrix", "DIA-NN, pg_matrix";
    DiannReport = "diann-report", "DIA-NN, main report";
    MaxQuant = "maxquant", "MaxQuant proteinGroups.txt";
    Wide = "wide", "A matrix";
    Bed = "bed", "FastQTL, QTLtools or tensorQTL BED";
);
