//! `norna qtl`: the flags of `norna assoc`, and those of QTL mapping as FastQTL, QTLtools and tensorQTL users know them.

use anyhow::Result;
use clap::{Arg, Args};
use serde::Serialize;

use super::assoc::{AssocArgs, MissingGenotypeArg, StoreArg};
use super::recorded::recorded;
use crate::run::UsageError;
use crate::run::assoc::AssocConfig;
use crate::run::qtl::CisConfig;

/// Permutations unless --permute or --nominal says otherwise, as tensorQTL has them.
const DEFAULT_PERMUTATIONS: u32 = 10_000;
/// Seed unless --seed says otherwise.
const DEFAULT_SEED: u64 = 1;
/// False discovery rate unless --fdr says otherwise.
const DEFAULT_FDR: f64 = 0.05;
/// Most permutations: their best r² are kept in memory.
const MAX_PERMUTATIONS: u32 = 10_000_000;
/// Pairs of --trans are kept under this p unless --p-threshold says otherwise.
const TRANS_P: f64 = 1e-8;

/// Flags of `norna qtl`.
#[derive(Debug, Clone, Args)]
#[command(
    mut_args(hide_foreign),
    after_help = "Examples:
  norna qtl --vcf cohort.vcf.gz --proteins proteins.h5 --covar c.tsv --permute 10000 --out cis.h5
  norna qtl --vcf cohort.vcf.gz --proteins phenotypes.bed.gz --covar c.tsv --nominal --out pairs.h5
  norna qtl --vcf cohort.vcf.gz --proteins proteins.h5 --covar c.tsv --trans --p-threshold 1e-8 --out trans.h5"
)]
pub struct QtlArgs {
    #[command(flatten)]
    assoc: AssocArgs,
    #[command(flatten)]
    own: OwnArgs,
}

/// What only `norna qtl` has.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
struct OwnArgs {
    /// Bases to either side of a gene's transcription start that are cis
    #[arg(long, alias = "window", value_name = "BASES", default_value_t = 1_000_000, help_heading = "QTL")]
    cis_window: u32,
    /// Permutations of each phenotype: p-values of its best variant [default: 10000, without --nominal]
    #[arg(long, value_name = "N", help_heading = "QTL")]
    permute: Option<u32>,
    /// Seed of the permutations, with the phenotype's name [default: 1]
    #[arg(long, value_name = "N", help_heading = "QTL")]
    seed: Option<u64>,
    /// Permute residuals (Freedman and Lane) instead of phenotypes, of which residuals are taken afterwards (as FastQTL and
    /// tensorQTL do)
    #[arg(long, help_heading = "QTL")]
    permute_residuals: bool,
    /// Keep every pair of a phenotype and a variant of its window
    #[arg(long, help_heading = "QTL")]
    nominal: bool,
    /// Seek independent signals of the phenotypes that pass --fdr, by stepwise regression
    #[arg(long, alias = "independent", help_heading = "QTL")]
    conditional: bool,
    /// False discovery rate (q-value) up to which a phenotype counts [default: 0.05]
    #[arg(long, value_name = "Q", help_heading = "QTL")]
    fdr: Option<f64>,
    /// Test all pairs outside of the cis windows instead, and keep those under --p-threshold [default: 1e-8]
    #[arg(long, conflicts_with_all = ["permute", "permute_residuals", "seed", "fdr", "nominal", "conditional"], help_heading = "QTL")]
    trans: bool,
    /// Phenotypes of a shard at most, for tests: changes no result
    #[arg(long, value_name = "N", hide = true)]
    #[serde(skip)]
    group: Option<usize>,
    /// Bytes of genotypes that a thread keeps, for tests: changes no result
    #[arg(long, value_name = "BYTES", hide = true)]
    #[serde(skip)]
    window_bytes: Option<usize>,
}

/// Flags of `norna assoc` that QTL mapping has not.
const FOREIGN: [&str; 23] = [
    "config",
    "bam_list",
    "sites",
    "fasta",
    "allow_cram",
    "allow_reference_mismatch",
    "pairs",
    "allow_swaps",
    "reads_test",
    "batch",
    "min_mq",
    "min_bq",
    "excl_flags",
    "incl_flags",
    "max_depth",
    "proper_pairs",
    "count_overlaps_twice",
    "pheno",
    "minus9",
    "bt",
    "pred",
    "store",
    "join",
];

/// Flags of `norna assoc` that are set here and not given.
const SET_HERE: [&str; 3] = ["store", "trans-window", "linear-on-binary"];

/// The flags of `norna assoc` as they are here.
fn hide_foreign(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        id if FOREIGN.contains(&id) => arg.hide(true),
        "missing_genotype" => arg.help(
            "Samples missing a genotype: the variant's mean, or with --trans leave them out of that variant's model [default: mean]",
        ),
        "p_threshold" => arg.help("With --trans: pairs with p at or under this are kept [default: 1e-8]"),
        "shard_bytes" => arg.help("With --trans: input bytes of a shard; changes no result [default: from the input's size]"),
        "json" => arg.help("With --trans --dry-run: print the estimate as JSON"),
        "out" => arg.help("File to write (HDF5): cis.h5, or with --trans a results file; a log is written beside it"),
        _ => arg,
    }
}

/// Flags that were not given.
fn is_unset(value: &serde_json::Value) -> bool {
    value.is_null() || *value == serde_json::Value::Bool(false)
}

/// Runs `norna qtl`.
///
/// # Errors
/// One line that says what was wrong; empty where the log has said it.
pub fn run(args: QtlArgs) -> Result<()> {
    args.check()?;
    let QtlArgs { assoc, own } = args;
    if own.trans {
        return crate::run::assoc::run(&own.trans(assoc)?);
    }
    crate::run::qtl::run(&own.cis(assoc)?)
}

/// A study of QTL mapping, for who plans a job of it.
pub(super) struct QtlStudy {
    /// The flags of `norna assoc` that open the same files.
    pub(super) assoc: AssocArgs,
    /// Of cis windows: bases to either side, permutations.
    pub(super) cis: Option<(u32, u32)>,
}

impl QtlArgs {
    /// The study that these flags mean.
    ///
    /// # Errors
    /// One line that names the flag.
    pub(super) fn study(self) -> Result<QtlStudy, UsageError> {
        self.check()?;
        let Self { assoc, own } = self;
        let cis = (!own.trans).then(|| (own.cis_window, own.permutations()));
        let assoc = if own.trans { own.trans_flags(assoc) } else { AssocArgs { store: Some(StoreArg::Hits), ..assoc } };
        Ok(QtlStudy { assoc: OwnArgs::shared_flags(assoc), cis })
    }

    fn check(&self) -> Result<(), UsageError> {
        let assoc = &self.assoc;
        let foreign = [
            ("--config", assoc.config.is_some()),
            ("--bam-list", assoc.bam_list.is_some()),
            ("--sites", !assoc.sites.is_empty()),
            ("--pheno", !assoc.pheno.is_empty()),
            ("--bt", assoc.bt),
            ("--pred", assoc.pred.is_some()),
            ("--store", assoc.store.is_some()),
            ("--join", assoc.join),
        ];
        if let Some((flag, _)) = foreign.into_iter().find(|(_, given)| *given) {
            return Err(UsageError(format!("{flag} is for norna assoc; norna qtl takes --vcf and --proteins")));
        }
        for (flag, absent) in [("--vcf", assoc.vcf.is_empty()), ("--out", assoc.out.is_none() && !assoc.dry_run)] {
            if absent {
                return Err(UsageError(format!("{flag} is required")));
            }
        }
        if assoc.trans_window.is_some() {
            return Err(UsageError("--trans-window: give --trans, and --cis-window BASES".to_owned()));
        }
        if assoc.proteins.is_none() {
            let why = "--proteins is required: a file of norna proteins, or a BED of phenotypes";
            return Err(UsageError(why.to_owned()));
        }
        if assoc.vcf.iter().any(|path| path.as_os_str() == "-") && !self.own.trans {
            return Err(UsageError("--vcf -: windows are read by an index; give bgzip files with one".to_owned()));
        }
        if self.own.cis_window == 0 && !self.own.trans {
            return Err(UsageError("--cis-window 0: must be at least 1".to_owned()));
        }
        self.own.check(assoc)
    }
}

impl OwnArgs {
    fn check(&self, assoc: &AssocArgs) -> Result<(), UsageError> {
        if let Some(n) = self.permute.filter(|n| !(1..=MAX_PERMUTATIONS).contains(n)) {
            return Err(UsageError(format!("--permute {n}: must lie between 1 and {MAX_PERMUTATIONS}")));
        }
        if let Some(fdr) = self.fdr.filter(|fdr| !(*fdr > 0.0 && *fdr <= 1.0)) {
            return Err(UsageError(format!("--fdr {fdr}: must lie above 0 and be at most 1")));
        }
        let of_permutations = [
            ("--seed", self.seed.is_some()),
            ("--fdr", self.fdr.is_some()),
            ("--permute-residuals", self.permute_residuals),
        ];
        let given = of_permutations.into_iter().find(|(_, given)| *given);
        if let Some((flag, _)) = given.filter(|_| !self.trans && !self.conditional && self.permutations() == 0) {
            return Err(UsageError(format!("{flag} needs --permute: --nominal alone makes no permutations")));
        }
        if self.conditional && self.permute.is_none() && self.nominal {
            let why = "--conditional needs --permute: signals are judged by permutations";
            return Err(UsageError(why.to_owned()));
        }
        if !self.trans && assoc.p_threshold.is_some() {
            let why = "--p-threshold is for --trans: of cis windows the best variant is kept, or all pairs (--nominal)";
            return Err(UsageError(why.to_owned()));
        }
        if !self.trans && assoc.missing_genotype == Some(MissingGenotypeArg::Drop) {
            let why =
                "--missing-genotype drop is for --trans: in cis windows the variant's mean stands for a missing call";
            return Err(UsageError(why.to_owned()));
        }
        if !self.trans && assoc.shard_bytes.is_some() {
            return Err(UsageError("--shard-bytes is for --trans: cis windows are shards of their own".to_owned()));
        }
        if !self.trans && assoc.json {
            return Err(UsageError("--json is for --trans --dry-run".to_owned()));
        }
        Ok(())
    }

    fn permutations(&self) -> u32 {
        self.permute.unwrap_or(if self.nominal { 0 } else { DEFAULT_PERMUTATIONS })
    }

    /// What both kinds of search set.
    fn shared_flags(assoc: AssocArgs) -> AssocArgs {
        let missing_genotype = assoc.missing_genotype.or(Some(MissingGenotypeArg::Mean));
        // Values of proteins are measured: one of two values is odd, and no reason to stop.
        AssocArgs { missing_genotype, linear_on_binary: true, ..assoc }
    }

    fn trans_flags(&self, assoc: AssocArgs) -> AssocArgs {
        AssocArgs {
            store: Some(StoreArg::Hits),
            p_threshold: assoc.p_threshold.or(Some(TRANS_P)),
            trans_window: Some(self.cis_window),
            ..assoc
        }
    }

    /// The flags of `norna assoc` as the main job takes them, with these beside them in what is told of the run.
    fn config(&self, assoc: AssocArgs) -> Result<AssocConfig> {
        let mut config = Self::shared_flags(assoc).validate()?;
        let own = serde_json::to_value(self)?;
        for told in [&mut config.run.resolved, &mut config.run.command] {
            for (flag, value) in own.as_object().into_iter().flatten().filter(|(_, value)| !is_unset(value)) {
                told[flag] = value.clone();
            }
        }
        config.run.recorded = recorded("qtl", &self.told(&config.run.command), &config.run.files);
        Ok(config)
    }

    /// The flags as they are given to `norna qtl`: what it sets itself left out.
    fn told(&self, command: &serde_json::Value) -> serde_json::Value {
        let mut told = command.clone();
        for flag in SET_HERE {
            told[flag] = serde_json::Value::Null;
        }
        told["permute"] = self.permute.into();
        told
    }

    fn trans(self, assoc: AssocArgs) -> Result<AssocConfig> {
        self.config(self.trans_flags(assoc))
    }

    fn cis(self, assoc: AssocArgs) -> Result<CisConfig> {
        let n_permutations = self.permutations();
        let mut assoc = self.config(assoc)?;
        assoc.input.in_parts = true;
        for told in [&mut assoc.run.resolved, &mut assoc.run.command] {
            told["permute"] = n_permutations.into();
        }
        Ok(CisConfig {
            assoc,
            window: self.cis_window,
            n_permutations,
            seed: self.seed.unwrap_or(DEFAULT_SEED),
            permute_residuals: self.permute_residuals,
            nominal: self.nominal,
            conditional: self.conditional,
            fdr: self.fdr.unwrap_or(DEFAULT_FDR),
            group: self.group,
            window_bytes: self.window_bytes,
        })
    }
}
