//! `norna bench compare` and `norna bench scaling`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::bench::output::{self, Kind};
use crate::bench::scaling::{self, ScalingOptions, launcher_words};
use crate::bench::{chart, compare};
use crate::report::{logger, stdout};
use crate::run::UsageError;

/// What norna bench does beside measuring a machine.
#[derive(Debug, Clone, Subcommand)]
pub enum BenchCommand {
    /// Two cards side by side: what differs by more than a tenth
    Compare(CompareArgs),
    /// Runs norna assoc on several numbers of ranks: strong and weak scaling, as a table, JSON and a chart
    Scaling(ScalingArgs),
}

impl BenchCommand {
    /// Runs it.
    ///
    /// # Errors
    /// One line.
    pub fn run(&self) -> Result<()> {
        match self {
            Self::Compare(args) => args.run(),
            Self::Scaling(args) => args.run(),
        }
    }
}

/// Flags of `norna bench compare`.
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// A card
    #[arg(value_name = "A.json")]
    pub a: PathBuf,
    /// Another card
    #[arg(value_name = "B.json")]
    pub b: PathBuf,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

impl CompareArgs {
    fn run(&self) -> Result<()> {
        logger::start(log::LevelFilter::Warn);
        let comparison = compare::run(&self.a, &self.b)?;
        comparison.warnings.iter().for_each(|warning| log::warn!("{warning}"));
        let json = serde_json::to_string_pretty(&comparison)?;
        stdout::print(&if self.json { json + "\n" } else { comparison.to_string() })?;
        Ok(())
    }
}

/// Flags of `norna bench scaling`.
#[derive(Debug, Clone, Args)]
pub struct ScalingArgs {
    /// Numbers of ranks
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1,2,4")]
    pub ranks: Vec<u32>,
    /// What starts ranks; {} stands for their number: "srun -n {}"
    #[arg(long, value_name = "WORDS", default_value = "mpirun -n {}")]
    pub launcher: String,
    /// Threads of a rank
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads_per_rank: usize,
    /// Runs of each, of which the median counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub repeats: usize,
    /// Samples of the simulated cohort
    #[arg(long, value_name = "N", default_value_t = 5000)]
    pub n_samples: usize,
    /// Its variants (weak scaling: for each rank)
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    pub n_variants: u64,
    /// Its traits
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub n_traits: usize,
    /// Folder for cohorts and results while they are needed, shared by all nodes
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// JSON of what was measured
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Chart of efficiency
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Replace what --out and --svg name, if norna bench scaling made it; other files are never replaced
    #[arg(long)]
    pub force: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// Only warnings and errors
    #[arg(long, short)]
    pub quiet: bool,
}

impl ScalingArgs {
    fn validate(&self) -> Result<ScalingOptions, UsageError> {
        let mut ranks = self.ranks.clone();
        ranks.sort_unstable();
        ranks.dedup();
        if ranks.is_empty() || ranks[0] == 0 {
            return Err(UsageError("--ranks: at least 1 each, such as 1,2,4".to_owned()));
        }
        if ranks[0] != 1 {
            ranks.insert(0, 1);
        }
        launcher_words(&self.launcher, 1)?;
        for (flag, value) in [
            ("--threads-per-rank", self.threads_per_rank),
            ("--repeats", self.repeats),
            ("--n-traits", self.n_traits),
            ("--n-variants", self.n_variants as usize),
        ] {
            if value == 0 {
                return Err(UsageError(format!("{flag} 0: must be at least 1")));
            }
        }
        if self.n_samples < 20 {
            return Err(UsageError(format!("--n-samples {}: must be at least 20", self.n_samples)));
        }
        Ok(ScalingOptions {
            ranks,
            launcher: self.launcher.clone(),
            threads_per_rank: self.threads_per_rank,
            repeats: self.repeats,
            n_samples: self.n_samples,
            n_variants: self.n_variants,
            n_traits: self.n_traits,
            dir: self.dir.clone(),
        })
    }

    fn check_outputs(&self) -> Result<(), UsageError> {
        for (flag, path, kind) in [("--out", &self.out, Kind::Scaling), ("--svg", &self.svg, Kind::Chart)] {
            path.as_deref().map_or(Ok(()), |path| output::check(flag, path, kind, self.force))?;
        }
        if self.out.is_some() && self.out == self.svg {
            return Err(UsageError("--out and --svg: are one file; give two".to_owned()));
        }
        output::check_folder(&self.dir)
    }

    fn run(&self) -> Result<()> {
        logger::start(if self.quiet { log::LevelFilter::Warn } else { log::LevelFilter::Info });
        let options = self.validate()?;
        self.check_outputs()?;
        let scaling = scaling::run(&options)?;
        let json = serde_json::to_string_pretty(&scaling)?;
        if let Some(out) = &self.out {
            std::fs::write(out, format!("{json}\n")).with_context(|| format!("{}", out.display()))?;
            log::info!("written: {}", out.display());
        }
        if let Some(svg) = &self.svg {
            chart::write(&scaling, svg)?;
            log::info!("written: {}", svg.display());
        }
        stdout::print(&if self.json { json + "\n" } else { scaling.to_string() })?;
        Ok(())
    }
}
