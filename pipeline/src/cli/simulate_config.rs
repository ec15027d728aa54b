//! From flags of `norna simulate` to a validated configuration.

use std::path::{Path, PathBuf};

use crate::format::chromosome::canonical;
use crate::run::UsageError;
use crate::simulate::reads::ReadsConfig;
use crate::simulate::{
    COVARIATE_SHARE, Contig, Fields, MARK, MAX_CONTIG_LEN, MAX_SAMPLES, OutputFormat, SimulateConfig, TraitsConfig,
    file_name, mean_tree_length,
};

use super::simulate::{PatternArg, SimulateArgs};

const MAX_THREADS: usize = 1024;
/// Most columns of a table, and most effects of a trait.
const MAX_COLUMNS: usize = 1_000_000;

fn usage<T>(text: String) -> Result<T, UsageError> {
    Err(UsageError(text))
}

/// A number in as few digits as say it: 1e-8 rather than 0.00000001.
pub(super) fn shown(value: f64) -> String {
    let size = value.abs();
    if size > 0.0 && !(1e-3..1e15).contains(&size) { format!("{value:e}") } else { value.to_string() }
}

impl SimulateArgs {
    /// Checks the flags.
    ///
    /// # Errors
    /// One line that names the flag.
    pub fn validate(&self) -> Result<SimulateConfig, UsageError> {
        let format = self.output_format()?;
        let fields = self.fields()?;
        self.check_ranges()?;
        let contigs = self.contigs()?;
        let reads = self.reads.validate()?;
        self.check_folder_of(reads.as_ref())?;
        Ok(SimulateConfig {
            out: self.out(),
            format,
            compression_level: self.compression_level,
            force: self.force,
            threads: self.threads(),
            log_level: self.log_level(),
            seed: self.seed,
            n_samples: self.n_samples(),
            fields,
            missing_genotypes: self.missing_genotypes,
            population_size: self.population_size,
            recombination_rate: self.recombination_rate,
            traits: self.traits(),
            reads,
            mark: self.mark(fields) + &self.reads.mark(),
            contigs,
        })
    }

    /// Refuses a folder of reads that has the name of another output.
    fn check_folder_of(&self, reads: Option<&ReadsConfig>) -> Result<(), UsageError> {
        let Some(reads) = reads else { return Ok(()) };
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let folder = absolute(&reads.folder);
        match crate::simulate::output_names(&self.out()).iter().any(|output| absolute(output) == folder) {
            true => usage(format!("--reads {}: --out has an output of that name", reads.folder.display())),
            false => Ok(()),
        }
    }

    /// Checks the flags of a run that takes the genotypes of a file; its threads.
    ///
    /// # Errors
    /// One line that names the flag.
    pub fn validate_reads(&self) -> Result<(ReadsConfig, usize), UsageError> {
        let Some(reads) = self.reads.validate()? else {
            return usage("--genotypes: --reads DIR is missing, where the reads go".into());
        };
        let threads = self.threads.unwrap_or(1);
        if !(1..=MAX_THREADS).contains(&threads) {
            return usage(format!("--threads {threads}: must lie between 1 and {MAX_THREADS}"));
        }
        Ok((reads, self.threads()))
    }

    /// What standard error shows.
    pub fn log_level(&self) -> log::LevelFilter {
        if self.quiet { log::LevelFilter::Warn } else { log::LevelFilter::Info }
    }

    fn threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(all).min(MAX_THREADS)
    }

    // The command line does not go without these three where a cohort is made.
    fn out(&self) -> PathBuf {
        self.out.clone().unwrap_or_default()
    }

    fn n_samples(&self) -> usize {
        self.n_samples.unwrap_or(0)
    }

    fn n_variants(&self) -> u64 {
        self.n_variants.unwrap_or(0)
    }

    fn traits(&self) -> TraitsConfig {
        TraitsConfig {
            n_quantitative: self.n_traits,
            n_null: self.n_null_traits,
            n_binary: self.n_binary_traits,
            prevalence: self.prevalence,
            n_causal: self.n_causal,
            heritability: if self.n_causal == 0 { 0.0 } else { self.heritability },
            min_causal_maf: self.min_causal_maf,
            missing: self.missing_traits,
            missing_shared: self.missing_pattern == PatternArg::Shared,
            n_covariates: self.n_covariates,
        }
    }

    /// One line for the outputs: what they are and how to make them again; no path.
    fn mark(&self, fields: Fields) -> String {
        format!(
            "{MARK} {}; simulated, no real person; --seed {} --n-samples {} --n-variants {} --contig {} \
             --format-fields {} --missing-genotypes {} --population-size {} --recombination-rate {} --mutation-rate {} \
             --n-traits {} --n-null-traits {} --n-binary-traits {} --prevalence {} --n-causal {} --heritability {} \
             --min-causal-maf {} --missing-traits {} --missing-pattern {} --n-covariates {}",
            env!("CARGO_PKG_VERSION"),
            self.seed,
            self.n_samples(),
            self.n_variants(),
            self.contig.join(","),
            fields.names(),
            shown(self.missing_genotypes),
            shown(self.population_size),
            shown(self.recombination_rate),
            shown(self.mutation_rate),
            self.n_traits,
            self.n_null_traits,
            self.n_binary_traits,
            shown(self.prevalence),
            self.n_causal,
            shown(self.heritability),
            shown(self.min_causal_maf),
            shown(self.missing_traits),
            if self.missing_pattern == PatternArg::Own { "own" } else { "shared" },
            self.n_covariates,
        )
    }

    fn output_format(&self) -> Result<OutputFormat, UsageError> {
        let name = file_name(&self.out());
        let ends = [
            (".vcf.gz", OutputFormat::VcfGz),
            (".vcf.bgz", OutputFormat::VcfGz),
            (".bcf", OutputFormat::Bcf),
            (".vcf", OutputFormat::Vcf),
        ];
        match ends.iter().find(|(end, _)| name.len() > end.len() && name.ends_with(end)) {
            Some(&(_, format)) => Ok(format),
            None => usage(format!(
                "--out {}: end the name in .vcf.gz, .vcf.bgz, .bcf or .vcf, in small letters",
                self.out().display()
            )),
        }
    }

    fn fields(&self) -> Result<Fields, UsageError> {
        let mut fields = Fields::default();
        for name in self.format_fields.split([':', ',']) {
            let field = match name.to_ascii_uppercase().as_str() {
                "GT" => &mut fields.gt,
                "DS" => &mut fields.ds,
                "GP" => &mut fields.gp,
                _ => return usage(format!("--format-fields {}: GT, DS and GP are known", self.format_fields)),
            };
            if std::mem::replace(field, true) {
                return usage(format!("--format-fields {}: a field twice", self.format_fields));
            }
        }
        Ok(fields)
    }

    fn check_ranges(&self) -> Result<(), UsageError> {
        let covariates = if self.n_covariates > 0 { COVARIATE_SHARE } else { 0.0 };
        for (flag, value, low, high) in [
            ("--missing-genotypes", self.missing_genotypes, 0.0, 0.99),
            ("--missing-traits", self.missing_traits, 0.0, 0.99),
            ("--prevalence", self.prevalence, 1e-6, 1.0 - 1e-6),
            ("--heritability", self.heritability, 0.0, 1.0 - covariates),
            ("--min-causal-maf", self.min_causal_maf, 0.0, 0.5),
            ("--population-size", self.population_size, 1.0, 1e9),
            ("--recombination-rate", self.recombination_rate, 0.0, 1e-3),
            ("--mutation-rate", self.mutation_rate, 1e-15, 1e-2),
        ] {
            if !(low..=high).contains(&value) {
                let [value, low, high] = [value, low, high].map(shown);
                return usage(format!("{flag} {value}: must lie between {low} and {high}"));
            }
        }
        let n_traits = self.n_traits.saturating_add(self.n_null_traits).saturating_add(self.n_binary_traits);
        for (flag, value, low, high) in [
            ("--n-samples", self.n_samples(), 1, MAX_SAMPLES),
            ("--n-traits, --n-null-traits and --n-binary-traits:", n_traits, 1, MAX_COLUMNS),
            ("--n-covariates", self.n_covariates, 0, MAX_COLUMNS),
            ("--n-causal", self.n_causal, 0, MAX_COLUMNS),
            ("--threads", self.threads.unwrap_or(1), 1, MAX_THREADS),
        ] {
            if !(low..=high).contains(&value) {
                return usage(format!("{flag} {value}: must lie between {low} and {high}"));
            }
        }
        if !(1..=1 << 40).contains(&self.n_variants()) {
            return usage(format!("--n-variants {}: must lie between 1 and {}", self.n_variants(), 1_u64 << 40));
        }
        Ok(())
    }

    /// Contigs with lengths; variants in proportion to lengths, or in equal parts where none are given.
    fn contigs(&self) -> Result<Vec<Contig>, UsageError> {
        let given = split_list(&self.contig).iter().map(|text| parse_contig(text)).collect::<Result<Vec<_>, _>>()?;
        for (i, (name, _)) in given.iter().enumerate() {
            match given[..i].iter().find(|(other, _)| canonical(other) == canonical(name)) {
                Some((other, _)) if other == name => return usage(format!("--contig: {name} twice")),
                Some((other, _)) => return usage(format!("--contig: {other} and {name} are one chromosome")),
                None => {}
            }
        }
        let n_given = given.iter().filter(|(_, length)| length.is_some()).count();
        if n_given != 0 && n_given != given.len() {
            return usage("--contig: give a length to all contigs or to none".into());
        }
        let total: u64 = given.iter().map(|(_, length)| u64::from(length.unwrap_or(1))).sum();
        let (mut so_far, mut n_before) = (0, 0);
        let density = 2.0 * self.population_size * self.mutation_rate * mean_tree_length(self.n_samples());
        let mut contigs = Vec::with_capacity(given.len());
        for (name, length) in given {
            so_far += u64::from(length.unwrap_or(1));
            let n_after = (u128::from(self.n_variants()) * u128::from(so_far) / u128::from(total)) as u64;
            let n_variants = n_after - std::mem::replace(&mut n_before, n_after);
            let needed = (n_variants as f64 / density).ceil().max(n_variants as f64).max(1.0);
            let length = length.map_or(needed, f64::from);
            if length > f64::from(MAX_CONTIG_LEN) {
                let length = shown(length);
                return usage(format!(
                    "--contig {name}: its {n_variants} variants take {length} bases, over {MAX_CONTIG_LEN}: name more contigs, \
                     or a LENGTH"
                ));
            }
            if n_variants as f64 > length {
                return usage(format!("--contig {name}: {n_variants} variants do not fit in {length} bases"));
            }
            contigs.push(Contig { name, length: length as u32, n_variants });
        }
        Ok(contigs)
    }
}

/// The pieces between commas, those apart that separate thousands of a length as in `21:1,000,000,22:2,000,000`.
fn split_list(given: &[String]) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for piece in given.iter().flat_map(|text| text.split(',')).map(str::trim) {
        let thousands = piece.len() == 3 && piece.bytes().all(|b| b.is_ascii_digit());
        match pieces.last_mut() {
            Some(last) if thousands && last.contains(':') => last.extend([",", piece]),
            _ => pieces.push(piece.to_owned()),
        }
    }
    pieces
}

fn parse_contig(text: &str) -> Result<(String, Option<u32>), UsageError> {
    let (name, length) = text.split_once(':').map_or((text, None), |(name, length)| (name, Some(length)));
    if text.is_empty() {
        return usage("--contig: an empty name in the list".into());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return usage(format!("--contig '{text}': a name of letters, digits, '.', '_' and '-' is meant"));
    }
    let chromosome = canonical(name);
    let has_name = chromosome.bytes().any(|b| b.is_ascii_alphanumeric() && b != b'0');
    if !has_name || ["X", "Y", "XY", "PAR1", "PAR2", "MT"].contains(&chromosome.as_str()) {
        return usage(format!("--contig {name}: only autosomes are simulated"));
    }
    let length = length.map(|length| parse_length(text, length)).transpose()?;
    Ok((name.to_owned(), length))
}

/// A length with or without commas between thousands.
fn parse_length(text: &str, length: &str) -> Result<u32, UsageError> {
    if length.is_empty() {
        return usage(format!("--contig '{text}': a length is missing after ':'"));
    }
    let grouped = length.split_once(',').is_none_or(|(first, _)| (1..=3).contains(&first.len()));
    match length.replace(',', "").parse() {
        Ok(length @ 1..=MAX_CONTIG_LEN) if grouped => Ok(length),
        _ => usage(format!("--contig '{text}': the length must be a number between 1 and {MAX_CONTIG_LEN}")),
    }
}
