//! `norna assoc`: flags as plink2 and regenie users know them.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// Flags of `norna assoc`; a TOML file given by --config holds the same names.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[command(allow_negative_numbers = true)]
pub struct AssocArgs {
    /// TOML file of these flags by their long names, but for --config, --force, --dry-run, --json, -q and -v; the command
    /// line wins
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// VCF or BCF files (plain, bgzip, gzip, "-" for standard input), or a .list/.txt file of paths, one a line
    #[arg(long, alias = "bcf", value_name = "FILE", num_args = 1.., help_heading = "Genotypes")]
    #[serde(deserialize_with = "one_or_more")]
    pub vcf: Vec<PathBuf>,
    /// FORMAT field to read [default: DS if there is one, else GT]
    #[arg(long, value_enum, ignore_case = true, help_heading = "Genotypes")]
    pub field: Option<FieldArg>,
    /// What a half-missing call such as 0/. is taken for [default: missing]
    #[arg(long, value_enum, help_heading = "Genotypes")]
    pub vcf_half_call: Option<HalfCallArg>,
    /// Samples missing a genotype: leave them out of that variant's model (exact), or the variant's mean [default: drop]
    #[arg(long, value_enum, help_heading = "Genotypes")]
    pub missing_genotype: Option<MissingGenotypeArg>,
    /// Sexes: IID and SEX (1/M, 2/F), or a .psam or .fam
    #[arg(long, value_name = "FILE", help_heading = "Genotypes")]
    pub sex: Option<PathBuf>,
    /// Genome build, for the pseudo-autosomal regions of chrX
    #[arg(long, value_enum, help_heading = "Genotypes")]
    pub build: Option<BuildArg>,
    /// Pseudo-autosomal regions: CHROM FROM TO, 1-based (BED if it ends in .bed)
    #[arg(long, value_name = "FILE", help_heading = "Genotypes")]
    pub par_file: Option<PathBuf>,
    /// Males outside the pseudo-autosomal regions: 0/2 (2) or 0/1 (1) [default: 2]
    #[arg(long, value_name = "1|2", value_parser = clap::value_parser!(u8).range(1..=2), help_heading = "Genotypes")]
    pub xchr_model: Option<u8>,

    /// BAM files, one a line: PATH, or SAMPLE<TAB>PATH. With --sites genotypes are taken from their reads; with --vcf it is
    /// looked first whose the reads are
    #[arg(long, value_name = "FILE", help_heading = "Reads")]
    pub bam_list: Option<PathBuf>,
    /// Sites at which reads are looked at: the biallelic SNPs of these VCF or BCF files, with samples or without
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Reads")]
    #[serde(deserialize_with = "one_or_more")]
    pub sites: Vec<PathBuf>,
    /// Reference the reads were aligned to, with its .fai: checked against files and sites, and needed for CRAM
    #[arg(long, short = 'f', value_name = "FILE", help_heading = "Reads")]
    pub fasta: Option<PathBuf>,
    /// Read CRAM files too: their decoders are the most attacked ones, so only from people you trust
    #[arg(long, help_heading = "Reads")]
    pub allow_cram: bool,
    /// Go on although the reference is not the one that the headers of the files name (lengths, checksums)
    #[arg(long, help_heading = "Reads")]
    pub allow_reference_mismatch: bool,
    /// With --vcf: which sample of the VCF each sample of the reads is, where names differ: two columns
    #[arg(long, value_name = "FILE", requires = "bam_list", help_heading = "Reads")]
    pub pairs: Option<PathBuf>,
    /// With --vcf: go on although reads are not those of the person named (OUT.identity.tsv says whose they are)
    #[arg(long, requires = "bam_list", help_heading = "Reads")]
    pub allow_swaps: bool,
    /// How reads are tested: by the score that knows how sure each genotype is, or as expected genotypes [default: score]
    #[arg(long, value_enum, value_name = "METHOD", help_heading = "Reads")]
    pub reads_test: Option<ReadsTestArg>,
    /// Samples whose files a thread reads in one sweep [default: from their number, 4 to 64]
    #[arg(long, value_name = "N", help_heading = "Reads")]
    pub batch: Option<usize>,
    /// Lowest mapping quality of a read [default: 20]
    #[arg(long = "min-MQ", value_name = "Q", help_heading = "Reads")]
    #[serde(rename = "min-MQ")]
    pub min_mq: Option<u8>,
    /// Lowest base quality [default: 13]
    #[arg(long = "min-BQ", value_name = "Q", help_heading = "Reads")]
    #[serde(rename = "min-BQ")]
    pub min_bq: Option<u8>,
    /// Leave out reads with any of these flags: a number, or names by commas [default: UNMAP,SECONDARY,QCFAIL,DUP,SUPPLEMENTARY]
    #[arg(long, value_name = "FLAGS", help_heading = "Reads")]
    pub excl_flags: Option<String>,
    /// Leave out reads without all of these flags
    #[arg(long, value_name = "FLAGS", help_heading = "Reads")]
    pub incl_flags: Option<String>,
    /// Most bases of a file at a site, 0 for as many as can be counted (65,535) [default: 250]
    #[arg(long, value_name = "N", help_heading = "Reads")]
    pub max_depth: Option<u32>,
    /// Leave out paired reads that are not of a proper pair
    #[arg(long, help_heading = "Reads")]
    pub proper_pairs: bool,
    /// Count bases that both mates of a pair cover twice
    #[arg(long, help_heading = "Reads")]
    pub count_overlaps_twice: bool,

    /// Keep variants with a minor allele frequency of at least this
    #[arg(long, value_name = "FREQ", help_heading = "Variant filters")]
    pub maf: Option<f64>,
    /// Keep variants with a minor allele frequency of at most this
    #[arg(long, value_name = "FREQ", help_heading = "Variant filters")]
    pub max_maf: Option<f64>,
    /// Keep variants with a minor allele count of at least this
    #[arg(long, value_name = "COUNT", help_heading = "Variant filters")]
    pub mac: Option<f64>,
    /// Keep variants with a minor allele count of at most this
    #[arg(long, value_name = "COUNT", help_heading = "Variant filters")]
    pub max_mac: Option<f64>,
    /// Keep variants with at most this share of calls missing
    #[arg(long, value_name = "SHARE", help_heading = "Variant filters")]
    pub geno: Option<f64>,
    /// Keep variants with a Hardy-Weinberg exact p of at least this
    #[arg(long, value_name = "P", help_heading = "Variant filters")]
    pub hwe: Option<f64>,
    /// Keep variants with an imputation quality (INFO/INFO, R2 or DR2) of at least this
    #[arg(long, value_name = "INFO", help_heading = "Variant filters")]
    pub min_info: Option<f64>,
    /// Keep variants whose FILTER is PASS or "."
    #[arg(long, help_heading = "Variant filters")]
    pub pass_only: bool,
    /// Chromosomes: 1-22,X
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Variant filters")]
    #[serde(deserialize_with = "one_or_many")]
    pub chr: Vec<String>,
    /// Regions by POS, 1-based inclusive, several by commas: 22:17000000-18000000
    #[arg(long, value_name = "CHR:FROM-TO", help_heading = "Variant filters")]
    #[serde(deserialize_with = "one_or_more")]
    pub region: Vec<String>,
    /// Regions, CHROM FROM TO, 1-based (BED if it ends in .bed or .bed.gz)
    #[arg(long, value_name = "FILE", help_heading = "Variant filters")]
    pub regions_file: Option<PathBuf>,
    /// Keep variants whose ID (or CHROM:POS:REF:ALT) is in this list
    #[arg(long, value_name = "FILE", help_heading = "Variant filters")]
    pub extract: Option<PathBuf>,
    /// Drop variants whose ID (or CHROM:POS:REF:ALT) is in this list
    #[arg(long, value_name = "FILE", help_heading = "Variant filters")]
    pub exclude: Option<PathBuf>,

    /// Keep the samples in this list (IID, or FID IID)
    #[arg(long, value_name = "FILE", help_heading = "Samples, traits and covariates")]
    pub keep: Option<PathBuf>,
    /// Drop the samples in this list
    #[arg(long, value_name = "FILE", help_heading = "Samples, traits and covariates")]
    pub remove: Option<PathBuf>,
    /// Tables of traits, one column a trait
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Samples, traits and covariates")]
    #[serde(deserialize_with = "one_or_more")]
    pub pheno: Vec<PathBuf>,
    /// Proteins to test instead of a table of traits: proteins.h5 of norna proteins, or a BED of phenotypes
    #[arg(long, value_name = "FILE", help_heading = "Samples, traits and covariates")]
    pub proteins: Option<PathBuf>,
    /// Leave out the covariates (plates, principal components) that the file of proteins holds
    #[arg(long, requires = "proteins", help_heading = "Samples, traits and covariates")]
    pub no_protein_covariates: bool,
    /// Leave out pairs within so many bases of the TSS of the protein's gene (norna qtl --trans)
    #[arg(
        long,
        value_name = "BASES",
        requires = "proteins",
        hide = true,
        help_heading = "Samples, traits and covariates"
    )]
    pub trans_window: Option<u32>,
    /// Traits to test: names or globs, by commas [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Samples, traits and covariates")]
    #[serde(deserialize_with = "one_or_many")]
    pub pheno_name: Vec<String>,
    /// Tables of covariates
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Samples, traits and covariates")]
    #[serde(deserialize_with = "one_or_more")]
    pub covar: Vec<PathBuf>,
    /// Covariates to use: names or globs, by commas [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Samples, traits and covariates")]
    #[serde(deserialize_with = "one_or_many")]
    pub covar_name: Vec<String>,
    /// Covariates whose numbers are codes of categories: names or globs
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Samples, traits and covariates")]
    #[serde(deserialize_with = "one_or_many")]
    pub covar_cat: Vec<String>,
    /// What -9 means in traits and covariates [default: missing, as in plink]
    #[arg(long, value_enum, help_heading = "Samples, traits and covariates")]
    pub minus9: Option<Minus9Arg>,
    /// Rank-based inverse normal transform of each trait
    #[arg(long, help_heading = "Samples, traits and covariates")]
    pub rint: bool,
    /// Scale each trait to mean 0 and standard deviation 1
    #[arg(long, conflicts_with = "rint", help_heading = "Samples, traits and covariates")]
    pub standardize: bool,
    /// Traits are of two values, 0/1 or 1/2: with reads, tested by the logistic model's score
    #[arg(long, conflicts_with_all = ["rint", "standardize", "linear_on_binary"], help_heading = "Samples, traits and covariates")]
    pub bt: bool,
    /// Test traits of two values with the linear model all the same
    #[arg(long, help_heading = "Samples, traits and covariates")]
    pub linear_on_binary: bool,
    /// regenie step 1's list of LOCO predictions (_pred.list)
    #[arg(long, value_name = "FILE", help_heading = "Samples, traits and covariates")]
    pub pred: Option<PathBuf>,

    /// Results file (HDF5); a log is written beside it
    #[arg(long, short, value_name = "FILE", help_heading = "Output and run")]
    pub out: Option<PathBuf>,
    /// Replace an existing results file
    #[arg(long, help_heading = "Output and run")]
    #[serde(skip)]
    pub force: bool,
    /// What is kept of the pairs: full, compact (half the bytes) or hits [default: full]
    #[arg(long, value_enum, value_name = "STORE", help_heading = "Output and run")]
    pub store: Option<StoreArg>,
    /// Pairs with p at or under this are kept in /hits [default: 1e-5]
    #[arg(long, value_name = "P", help_heading = "Output and run")]
    pub p_threshold: Option<f64>,
    /// Threads per rank [default: the cores this rank is bound to]
    #[arg(long, value_name = "N", help_heading = "Output and run")]
    pub threads: Option<usize>,
    /// Go on from finished shards of an earlier attempt, with any number of ranks (the default)
    #[arg(long, conflicts_with = "fresh", help_heading = "Output and run")]
    #[serde(skip)]
    pub resume: bool,
    /// Drop finished shards of an earlier attempt and start over
    #[arg(long, help_heading = "Output and run")]
    #[serde(skip)]
    pub fresh: bool,
    /// Stop at a shard's end before this time is over: minutes, MM:SS, HH:MM:SS or D-HH:MM:SS [default: what Slurm leaves]
    #[arg(long, value_name = "TIME", help_heading = "Output and run")]
    pub time_limit: Option<String>,
    /// Work beside other single processes with the same flags: each takes shards, the last writes the results
    #[arg(long, conflicts_with = "fresh", help_heading = "Output and run")]
    #[serde(skip)]
    pub join: bool,
    /// With --join: seconds without a sign of life after which a job's shards are taken over
    #[arg(long, value_name = "SECONDS", hide = true, help_heading = "Output and run")]
    #[serde(skip)]
    pub lease: Option<u64>,
    /// Input bytes of a shard; changes no result [default: from the input's size]
    #[arg(long, value_name = "BYTES", help_heading = "Output and run")]
    pub shard_bytes: Option<u64>,
    /// Keep folders, user and hosts in /provenance too, so that norna rerun prints a command that works as it stands
    #[arg(long, help_heading = "Output and run")]
    pub provenance_paths: bool,
    /// Read inputs whole for their checksums in /provenance, not their first MiB alone
    #[arg(long, help_heading = "Output and run")]
    pub full_checksums: bool,
    /// Open everything, match IDs, count, estimate memory and bytes, compute nothing
    #[arg(long, help_heading = "Output and run")]
    #[serde(skip)]
    pub dry_run: bool,
    /// With --dry-run: print the estimate as JSON
    #[arg(long, requires = "dry_run", help_heading = "Output and run")]
    #[serde(skip)]
    pub json: bool,
    /// Only warnings and errors
    #[arg(long, short, conflicts_with = "verbose", help_heading = "Output and run")]
    #[serde(skip)]
    pub quiet: bool,
    /// More about what is being done
    #[arg(long, short, help_heading = "Output and run")]
    #[serde(skip)]
    pub verbose: bool,
}

/// FORMAT fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FieldArg {
    /// Hard calls
    #[value(name = "GT")]
    Gt,
    /// Dosages
    #[value(name = "DS")]
    Ds,
    /// Genotype probabilities, taken as expected dosages
    #[value(name = "GP")]
    Gp,
}

/// What a half-missing call is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HalfCallArg {
    /// No call
    Missing,
    /// The missing allele is REF
    Reference,
    /// The called allele twice
    Haploid,
    /// An error
    Error,
}

/// What happens to samples without a genotype.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MissingGenotypeArg {
    /// Left out of the variant's model, as plink2 does
    Drop,
    /// The mean over analysed samples with a call, as regenie does
    Mean,
}

/// How reads are tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadsTestArg {
    /// The score test with genotype uncertainty
    Score,
    /// Regression on expected genotypes
    Expected,
}

/// What a results file keeps of the pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreArg {
    /// Effect and standard error of every pair: 8 bytes a test
    Full,
    /// The score of every pair, from which both come back: 4 bytes a test, and 8 of variants with missing genotypes and
    /// of traits with missing values of their own
    Compact,
    /// Pairs under --p-threshold, and histograms
    Hits,
}

/// What -9 means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Minus9Arg {
    /// A missing value
    Missing,
    /// A value
    Value,
}

/// Genome builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildArg {
    /// GRCh37, hg19
    #[value(alias = "hg19", alias = "grch37", alias = "37")]
    B37,
    /// GRCh38, hg38
    #[value(alias = "hg38", alias = "grch38", alias = "38")]
    B38,
}

/// Runs `norna assoc`.
///
/// # Errors
/// One line that says what was wrong; empty where the log has said it.
pub fn run(args: AssocArgs) -> Result<()> {
    let config = args.with_config_file()?.validate()?;
    crate::run::assoc::run(&config)
}

/// A TOML list, or a single text for a list of one.
fn one_or_more<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: From<String>,
{
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text, a whole number, or a list of them")]
    enum Item {
        Text(String),
        Number(i64),
    }
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text, a whole number, or a list of them")]
    enum OneOrMore {
        One(Item),
        More(Vec<Item>),
    }
    let text = |item| match item {
        Item::Text(text) => T::from(text),
        Item::Number(number) => T::from(number.to_string()),
    };
    Ok(match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(item) => vec![text(item)],
        OneOrMore::More(list) => list.into_iter().map(text).collect(),
    })
}

/// As [`one_or_more`], where a text may hold several values between commas, as on the command line.
fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: From<String>,
{
    let texts: Vec<String> = one_or_more(deserializer)?;
    Ok(texts.iter().flat_map(|text| text.split(',')).map(|part| T::from(part.trim().to_owned())).collect())
}

fn config_error(path: &std::path::Path, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let message = error.message().replace('\n', " ");
    let message = near_name(&message).unwrap_or(message);
    anyhow::anyhow!("{}: line {line}: {message}", path.display())
}

/// Of "unknown field `a`, expected one of `b`, `c`, ..." the first part and the name most like it.
fn near_name(message: &str) -> Option<String> {
    let (unknown, known) = message.strip_prefix("unknown field `")?.split_once("`, expected one of ")?;
    let alike = |name: &&str| strsim::jaro_winkler(unknown, name);
    let names = known.split(',').map(|name| name.trim().trim_matches('`'));
    let near = names.max_by(|a, b| alike(a).total_cmp(&alike(b)))?;
    Some(format!(
        "unknown name `{unknown}`; names are those of the flags without dashes before them; the nearest is `{near}`"
    ))
}

impl AssocArgs {
    /// These flags, with what they leave open taken from the file of --config.
    pub(super) fn with_config_file(self) -> Result<Self> {
        let Some(path) = self.config.clone() else { return Ok(self) };
        let text = std::fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
        let file = toml::from_str(&text).map_err(|e| config_error(&path, &text, &e))?;
        Ok(self.over(file))
    }

    /// These flags, with what they leave open taken from `file`.
    fn over(self, file: Self) -> Self {
        fn list<T>(mine: Vec<T>, file: Vec<T>) -> Vec<T> {
            if mine.is_empty() { file } else { mine }
        }
        Self {
            config: self.config,
            vcf: list(self.vcf, file.vcf),
            field: self.field.or(file.field),
            vcf_half_call: self.vcf_half_call.or(file.vcf_half_call),
            missing_genotype: self.missing_genotype.or(file.missing_genotype),
            sex: self.sex.or(file.sex),
            build: self.build.or(file.build),
            par_file: self.par_file.or(file.par_file),
            xchr_model: self.xchr_model.or(file.xchr_model),
            bam_list: self.bam_list.or(file.bam_list),
            sites: list(self.sites, file.sites),
            fasta: self.fasta.or(file.fasta),
            allow_cram: self.allow_cram || file.allow_cram,
            allow_reference_mismatch: self.allow_reference_mismatch || file.allow_reference_mismatch,
            pairs: self.pairs.or(file.pairs),
            allow_swaps: self.allow_swaps || file.allow_swaps,
            reads_test: self.reads_test.or(file.reads_test),
            batch: self.batch.or(file.batch),
            min_mq: self.min_mq.or(file.min_mq),
            min_bq: self.min_bq.or(file.min_bq),
            excl_flags: self.excl_flags.or(file.excl_flags),
            incl_flags: self.incl_flags.or(file.incl_flags),
            max_depth: self.max_depth.or(file.max_depth),
            proper_pairs: self.proper_pairs || file.proper_pairs,
            count_overlaps_twice: self.count_overlaps_twice || file.count_overlaps_twice,
            bt: self.bt || file.bt,
            maf: self.maf.or(file.maf),
            max_maf: self.max_maf.or(file.max_maf),
            mac: self.mac.or(file.mac),
            max_mac: self.max_mac.or(file.max_mac),
            geno: self.geno.or(file.geno),
            hwe: self.hwe.or(file.hwe),
            min_info: self.min_info.or(file.min_info),
            pass_only: self.pass_only || file.pass_only,
            chr: list(self.chr, file.chr),
            region: list(self.region, file.region),
            regions_file: self.regions_file.or(file.regions_file),
            extract: self.extract.or(file.extract),
            exclude: self.exclude.or(file.exclude),
            keep: self.keep.or(file.keep),
            remove: self.remove.or(file.remove),
            pheno: list(self.pheno, file.pheno),
            proteins: self.proteins.or(file.proteins),
            no_protein_covariates: self.no_protein_covariates || file.no_protein_covariates,
            trans_window: self.trans_window.or(file.trans_window),
            pheno_name: list(self.pheno_name, file.pheno_name),
            covar: list(self.covar, file.covar),
            covar_name: list(self.covar_name, file.covar_name),
            covar_cat: list(self.covar_cat, file.covar_cat),
            minus9: self.minus9.or(file.minus9),
            rint: self.rint || file.rint,
            standardize: self.standardize || file.standardize,
            linear_on_binary: self.linear_on_binary || file.linear_on_binary,
            pred: self.pred.or(file.pred),
            out: self.out.or(file.out),
            force: self.force,
            store: self.store.or(file.store),
            p_threshold: self.p_threshold.or(file.p_threshold),
            threads: self.threads.or(file.threads),
            resume: self.resume,
            fresh: self.fresh,
            time_limit: self.time_limit.or(file.time_limit),
            join: self.join,
            lease: self.lease,
            shard_bytes: self.shard_bytes.or(file.shard_bytes),
            provenance_paths: self.provenance_paths || file.provenance_paths,
            full_checksums: self.full_checksums || file.full_checksums,
            dry_run: self.dry_run,
            json: self.json,
            quiet: self.quiet,
            verbose: self.verbose,
        }
    }
}
