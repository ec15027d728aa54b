//! From flags to a validated configuration: what can be refused without opening a file is refused here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use norna_kernels::MissingPolicy;

use super::assoc::{AssocArgs, BuildArg, FieldArg, HalfCallArg, Minus9Arg, MissingGenotypeArg, ReadsTestArg, StoreArg};
use super::identity::PeopleArgs;
use super::reads_args::{ReadFilterArgs, ReadsArgs, check_batch};
use super::recorded::recorded;
use super::run_args::{RunArgs, is_requeued};
use crate::cohort::{CohortConfig, Minus9};
use crate::format::chromosome::Build;
use crate::identity::TABLE_START;
use crate::run::UsageError;
use crate::run::assoc::{AssocConfig, GateConfig, ReadsConfig, TransConfig};
use crate::run::join::LEASE;
use crate::run::options::RunOptions;
use crate::run::tester::ReadsMethod;
use crate::run::workdir::{Manner, OutputKind, resolve_links};
use crate::slurm::time::SlurmTime;
use crate::source::{Field, HalfCall, InputOptions, MaleX, expand_paths};
use crate::store::Store;

/// Most threads of a rank: more than any node has cores.
pub(super) const MAX_THREADS: usize = 1024;
/// Hits are kept under this p unless --p-threshold says otherwise.
const DEFAULT_P_THRESHOLD: f64 = 1e-5;

impl AssocArgs {
    /// Checks what flags alone can tell and names the inputs.
    ///
    /// # Errors
    /// One line that names the flag.
    pub fn validate(self) -> Result<AssocConfig> {
        self.check_required()?;
        self.check_proteins()?;
        self.check_ranges()?;
        let command = serde_json::to_value(&self)?;
        let resolved = without_folders(serde_json::to_value(&self)?);
        let p_threshold = self.p_threshold.unwrap_or(DEFAULT_P_THRESHOLD);
        let log_level = match (self.quiet, self.verbose) {
            (true, _) => log::LevelFilter::Warn,
            (_, true) => log::LevelFilter::Debug,
            // The estimate is the output then, and may be piped.
            _ if self.dry_run && self.json => log::LevelFilter::Warn,
            _ => log::LevelFilter::Info,
        };
        let reads = self.reads()?;
        let paths = expand_paths(if reads.is_some() { &self.sites } else { &self.vcf })?;
        let gate = self.gate()?;
        let files = self.files(&paths);
        let run = RunOptions {
            recorded: recorded("assoc", &command, &files),
            files,
            kind: OutputKind::Hdf5,
            manner: Manner { force: self.force, fresh: self.fresh, join: self.join, requeued: is_requeued() },
            time_limit: self.time_limit.as_deref().map(parse_limit).transpose()?,
            threads: self.threads,
            dry_run: self.dry_run,
            log_level,
            resolved,
            command,
            out: resolve_links(self.out.as_deref().unwrap_or(Path::new(""))),
        };
        Ok(AssocConfig {
            run,
            reads,
            gate,
            cohort: self.cohort(),
            input: self.input(paths),
            missing: match self.missing_genotype {
                Some(MissingGenotypeArg::Mean) => MissingPolicy::Mean,
                Some(MissingGenotypeArg::Drop) | None => MissingPolicy::Drop,
            },
            trans: self.trans_window.map(|window| TransConfig { window }),
            lease: self.lease.map_or(LEASE, Duration::from_secs),
            merge_only: false,
            store: match self.store {
                Some(StoreArg::Full) | None => Store::Full,
                Some(StoreArg::Compact) => Store::Compact,
                Some(StoreArg::Hits) => Store::Hits,
            },
            hit_log10p: -p_threshold.log10(),
            shard_bytes: self.shard_bytes,
            json: self.json,
        })
    }

    /// What --bam-list beside --vcf asks for.
    fn gate(&self) -> Result<Option<GateConfig>> {
        let Some(bam_list) = self.bam_list.as_ref().filter(|_| !self.vcf.is_empty()) else { return Ok(None) };
        let out = self.out.clone().unwrap_or_default();
        let mut table = out.into_os_string();
        table.push(".identity.tsv");
        let people = PeopleArgs { vcf: self.vcf.clone(), pairs: self.pairs.clone(), ..PeopleArgs::default() };
        let options = people.options()?;
        let mut files = vec![("bam-list", bam_list.clone())];
        files.extend(people.files(&options));
        let reads = self.reads_args(bam_list);
        let run = RunArgs { force: true, fresh: true, threads: self.threads, ..RunArgs::default() };
        let command = serde_json::to_value((&reads, &people))?;
        Ok(Some(GateConfig {
            run: run.options(table.as_ref(), OutputKind::Table(TABLE_START), command, files)?,
            reads: reads.options()?,
            options,
            allow_swaps: self.allow_swaps,
        }))
    }

    fn reads_args(&self, bam_list: &Path) -> ReadsArgs {
        ReadsArgs {
            bam_list: bam_list.to_owned(),
            fasta: self.fasta.clone(),
            allow_cram: self.allow_cram,
            allow_reference_mismatch: self.allow_reference_mismatch,
            filter: ReadFilterArgs {
                min_mq: self.min_mq,
                min_bq: self.min_bq,
                excl_flags: self.excl_flags.clone(),
                incl_flags: self.incl_flags.clone(),
                max_depth: self.max_depth,
                proper_pairs: self.proper_pairs,
                count_overlaps_twice: self.count_overlaps_twice,
            },
        }
    }

    /// What --bam-list with --sites asks for.
    fn reads(&self) -> Result<Option<ReadsConfig>, UsageError> {
        let with_sites = !self.sites.is_empty() || self.vcf.is_empty();
        let Some(bam_list) = self.bam_list.as_ref().filter(|_| with_sites) else {
            let without = [
                ("--sites", !self.sites.is_empty()),
                ("--reads-test", self.reads_test.is_some()),
                ("--bt", self.bt),
                ("--batch", self.batch.is_some()),
            ];
            return match without.into_iter().find(|(_, given)| *given) {
                Some((flag, _)) if self.bam_list.is_some() => {
                    Err(UsageError(format!("{flag} needs --sites: it is for genotypes from reads")))
                }
                Some((flag, _)) => Err(UsageError(format!("{flag} needs --bam-list: it is for genotypes from reads"))),
                None => Ok(None),
            };
        };
        let method = match self.reads_test {
            Some(ReadsTestArg::Expected) => ReadsMethod::Expected,
            Some(ReadsTestArg::Score) | None => ReadsMethod::Score,
        };
        let refused = [
            ("--field", self.field.is_some(), "reads have no FORMAT fields"),
            ("--hwe", self.hwe.is_some(), "Hardy-Weinberg proportions are what genotypes are taken to have"),
            ("--missing-genotype", self.missing_genotype.is_some(), "a sample without reads takes part with its prior"),
            ("--vcf-half-call", self.vcf_half_call.is_some(), "reads have no calls"),
            ("--min-info", self.min_info.is_some(), "it is for imputed genotypes"),
            ("--xchr-model", self.xchr_model.is_some(), "sites on X are left out"),
            ("--build", self.build.is_some(), "sites on X are left out"),
            ("--par-file", self.par_file.is_some(), "sites on X are left out"),
            ("--pred", self.bt && self.pred.is_some(), "predictions are for quantitative traits"),
        ];
        if let Some((flag, _, why)) = refused.into_iter().find(|(_, given, _)| *given) {
            return Err(UsageError(format!("{flag} does not go with --bam-list: {why}")));
        }
        if self.store == Some(StoreArg::Compact) && (self.bt || method == ReadsMethod::Score) {
            let why = "the standard error of a score test is each pair's own; use full or hits";
            return Err(UsageError(format!("--store compact does not go with --bam-list: {why}")));
        }
        let reads = self.reads_args(bam_list);
        let batch = self.batch.map(check_batch).transpose()?;
        Ok(Some(ReadsConfig { options: reads.options()?, method, batch }))
    }

    /// Flags of reads without their list, and flags of the gate without the genotypes that it compares with.
    fn check_reads_flags(&self) -> Result<(), UsageError> {
        let of_list = [
            ("--allow-cram", self.allow_cram),
            ("--fasta", self.fasta.is_some()),
            ("--allow-reference-mismatch", self.allow_reference_mismatch),
            ("--min-MQ", self.min_mq.is_some()),
            ("--min-BQ", self.min_bq.is_some()),
            ("--excl-flags", self.excl_flags.is_some()),
            ("--incl-flags", self.incl_flags.is_some()),
            ("--max-depth", self.max_depth.is_some()),
            ("--proper-pairs", self.proper_pairs),
            ("--count-overlaps-twice", self.count_overlaps_twice),
        ];
        if let Some((flag, _)) = of_list.into_iter().find(|(_, given)| *given && self.bam_list.is_none()) {
            return Err(UsageError(format!("{flag} needs --bam-list: it is for reads")));
        }
        let of_gate = [("--pairs", self.pairs.is_some()), ("--allow-swaps", self.allow_swaps)];
        if let Some((flag, _)) = of_gate.into_iter().find(|(_, given)| *given && self.vcf.is_empty()) {
            return Err(UsageError(format!(
                "{flag} needs --vcf: the genotypes of the people whose reads these should be"
            )));
        }
        Ok(())
    }

    fn check_required(&self) -> Result<(), UsageError> {
        self.check_reads_flags()?;
        if self.bam_list.is_some() && self.sites.is_empty() && self.vcf.is_empty() {
            let why =
                "--bam-list needs --sites, at which genotypes are taken from reads, or --vcf, whose genotypes they are";
            return Err(UsageError(why.into()));
        }
        for (flag, absent) in [
            ("--vcf", self.vcf.is_empty() && self.bam_list.is_none()),
            ("--pheno or --proteins", self.pheno.is_empty() && self.proteins.is_none()),
            ("--out", self.out.is_none() && !self.dry_run),
        ] {
            if absent {
                return Err(UsageError(format!("{flag} is required (on the command line or in --config)")));
            }
        }
        Ok(())
    }

    /// What does not go with --proteins, and what needs it.
    fn check_proteins(&self) -> Result<(), UsageError> {
        if self.proteins.is_none() {
            let needs = [
                ("--no-protein-covariates", self.no_protein_covariates),
                ("--trans-window", self.trans_window.is_some()),
            ];
            return match needs.into_iter().find(|(_, given)| *given) {
                Some((flag, _)) => Err(UsageError(format!("{flag} needs --proteins: it is for proteins"))),
                None => Ok(()),
            };
        }
        if !self.pheno.is_empty() {
            let why = "--pheno and --proteins exclude each other: a run has the traits of one of them";
            return Err(UsageError(why.into()));
        }
        if self.bt {
            return Err(UsageError("--bt does not go with --proteins: proteins are quantitative traits".into()));
        }
        if self.trans_window.is_some() && self.store != Some(StoreArg::Hits) {
            let why =
                "--trans-window needs --store hits: a file of every pair has no place for pairs that are left out";
            return Err(UsageError(why.into()));
        }
        Ok(())
    }

    fn check_ranges(&self) -> Result<(), UsageError> {
        if let Some(p) = self.p_threshold.filter(|&p| !(p > 0.0 && p <= 1.0)) {
            return Err(UsageError(format!("--p-threshold {p}: must lie above 0 and be at most 1")));
        }
        if let Some(threads) = self.threads.filter(|n| !(1..=MAX_THREADS).contains(n)) {
            return Err(UsageError(format!("--threads {threads}: must lie between 1 and {MAX_THREADS}")));
        }
        for (flag, names) in [("--covar-name", &self.covar_name), ("--covar-cat", &self.covar_cat)] {
            if self.covar.is_empty() && !names.is_empty() {
                return Err(UsageError(format!("{flag} needs --covar: there is no table of covariates")));
            }
        }
        if self.shard_bytes == Some(0) {
            return Err(UsageError("--shard-bytes 0: must be at least 1".into()));
        }
        if self.rint && self.standardize {
            return Err(UsageError(
                "--rint and --standardize exclude each other: --rint gives mean 0 and standard deviation near 1".into(),
            ));
        }
        Ok(())
    }

    fn input(&self, paths: Vec<PathBuf>) -> InputOptions {
        InputOptions {
            paths,
            field: self.field.map(|field| match field {
                FieldArg::Gt => Field::Gt,
                FieldArg::Ds => Field::Ds,
                FieldArg::Gp => Field::Gp,
            }),
            half_call: self.vcf_half_call.map_or(HalfCall::Missing, |half_call| match half_call {
                HalfCallArg::Missing => HalfCall::Missing,
                HalfCallArg::Reference => HalfCall::Reference,
                HalfCallArg::Haploid => HalfCall::Haploid,
                HalfCallArg::Error => HalfCall::Error,
            }),
            build: self.build.map(|build| match build {
                BuildArg::B37 => Build::B37,
                BuildArg::B38 => Build::B38,
            }),
            par_file: self.par_file.clone(),
            male_x: if self.xchr_model == Some(1) { MaleX::OneCopy } else { MaleX::TwoCopies },
            chroms: self.chr.clone(),
            regions: self.region.clone(),
            regions_file: self.regions_file.clone(),
            in_parts: false,
            pass_only: self.pass_only,
            extract: self.extract.clone(),
            exclude: self.exclude.clone(),
            min_info: self.min_info,
            maf: self.maf,
            max_maf: self.max_maf,
            mac: self.mac,
            max_mac: self.max_mac,
            geno: self.geno,
            hwe: self.hwe,
        }
    }

    fn cohort(&self) -> CohortConfig {
        CohortConfig {
            pheno: self.pheno.clone(),
            proteins: self.proteins.clone(),
            no_protein_covariates: self.no_protein_covariates,
            pheno_name: self.pheno_name.clone(),
            covar: self.covar.clone(),
            covar_name: self.covar_name.clone(),
            covar_cat: self.covar_cat.clone(),
            keep: self.keep.clone(),
            remove: self.remove.clone(),
            sex_file: self.sex.clone(),
            pred: self.pred.clone(),
            rint: self.rint,
            standardize: self.standardize,
            linear_on_binary: self.linear_on_binary,
            two_valued: self.bt,
            minus9: match self.minus9 {
                Some(Minus9Arg::Value) => Minus9::Value,
                Some(Minus9Arg::Missing) | None => Minus9::Missing,
            },
        }
    }

    /// Every input file by role.
    fn files(&self, vcf: &[PathBuf]) -> Vec<(&'static str, PathBuf)> {
        let single = [
            ("proteins", &self.proteins),
            ("bam-list", &self.bam_list),
            ("fasta", &self.fasta),
            ("sex", &self.sex),
            ("par-file", &self.par_file),
            ("regions-file", &self.regions_file),
            ("extract", &self.extract),
            ("exclude", &self.exclude),
            ("keep", &self.keep),
            ("remove", &self.remove),
            ("pred", &self.pred),
            ("pairs", &self.pairs),
        ];
        let genotypes = if self.sites.is_empty() { "vcf" } else { "sites" };
        let lists = [(genotypes, vcf), ("pheno", &self.pheno[..]), ("covar", &self.covar[..])];
        let lists = lists.into_iter().flat_map(|(role, paths)| paths.iter().map(move |path| (role, path)));
        let single = single.into_iter().filter_map(|(role, path)| Some((role, path.as_ref()?)));
        lists.chain(single).map(|(role, path)| (role, path.clone())).collect()
    }
}

pub(super) fn parse_limit(text: &str) -> Result<Duration, UsageError> {
    let limit: SlurmTime = text.parse().map_err(|e| UsageError(format!("--time-limit: {e}")))?;
    Ok(Duration::from_secs(limit.0))
}

/// The flags that were given, paths cut to file names.
pub(super) fn without_folders(mut flags: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    let name_of = |value: &mut Value| {
        if let Value::String(path) = value {
            let name = std::path::Path::new(path.as_str()).file_name();
            *path = name.map_or_else(|| path.clone(), |name| name.to_string_lossy().into_owned());
        }
    };
    if let Value::Object(map) = &mut flags {
        map.retain(|_, value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Array(list) => !list.is_empty(),
            _ => true,
        });
        for flag in super::recorded::PATH_FLAGS {
            match map.get_mut(flag) {
                Some(Value::Array(list)) => list.iter_mut().for_each(name_of),
                Some(value) => name_of(value),
                None => {}
            }
        }
    }
    flags
}
