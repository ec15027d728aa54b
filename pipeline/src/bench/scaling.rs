//! Strong and weak scaling: the real `norna assoc` of this program under a launcher, at each number of ranks.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::card::{Machine, today};
use super::cohort::{Cohort, Scratch, Spec};
use crate::report::words::count;
use crate::run::UsageError;
use crate::simulate::OutputFormat;

/// What is to be run.
#[derive(Debug, Clone)]
pub struct ScalingOptions {
    /// Numbers of ranks, ascending, from 1.
    pub ranks: Vec<u32>,
    /// The launcher's words; `{}` is the number of ranks.
    pub launcher: String,
    /// Threads of a rank.
    pub threads_per_rank: usize,
    /// Runs of each, of which the median counts.
    pub repeats: usize,
    /// Samples of the cohort.
    pub n_samples: usize,
    /// Variants of the cohort: of all ranks (strong), for each rank (weak).
    pub n_variants: u64,
    /// Traits of the cohort.
    pub n_traits: usize,
    /// Where cohorts and results go while they are needed.
    pub dir: PathBuf,
}

/// Runs of one size on one number of ranks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Variants.
    pub n_variants: u64,
    /// From start to end, launcher included, each run.
    pub wall_seconds: Vec<f64>,
    /// Their median.
    pub median_seconds: f64,
    /// Strong: time of one rank / (ranks × time). Weak: time of one rank / time.
    pub efficiency: f64,
}

/// One number of ranks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Ranks.
    pub ranks: u32,
    /// The same cohort for all numbers of ranks.
    pub strong: Timing,
    /// As many times the variants as there are ranks.
    pub weak: Timing,
}

/// What was run and how long it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// "norna-scaling".
    pub format: String,
    /// Raised when a reader of the old one would misread the new one.
    pub format_version: u32,
    /// Version of norna.
    pub norna_version: String,
    /// Day, UTC.
    pub date: String,
    /// Where norna bench ran; the ranks may have run elsewhere.
    pub machine: Machine,
    /// The launcher.
    pub launcher: String,
    /// Threads of a rank.
    pub threads_per_rank: usize,
    /// Samples and traits of the cohorts.
    pub n_samples: usize,
    /// See above.
    pub n_traits: usize,
    /// By number of ranks.
    pub points: Vec<Point>,
}

impl Scaling {
    /// Of points that were measured here.
    pub fn of(threads_per_rank: usize, points: Vec<Point>) -> Self {
        Self {
            format: "norna-scaling".into(),
            format_version: 1,
            norna_version: crate::report::provenance::version().into(),
            date: today(),
            machine: Machine::here(threads_per_rank, points.last().map_or(1, |point| point.ranks as usize)),
            launcher: String::new(),
            threads_per_rank,
            n_samples: 0,
            n_traits: 0,
            points,
        }
    }
}

/// Runs everything. Tells on the log what it is at.
///
/// # Errors
/// The launcher does not start, a run fails or the ranks do not find one another.
pub fn run(options: &ScalingOptions) -> Result<Scaling> {
    let scratch = Scratch::new(&options.dir)?;
    // At one rank strong and weak are the same runs.
    let total = (options.ranks.len() * 2 - usize::from(options.ranks.contains(&1))) * options.repeats;
    let mut n_done = 0;
    let mut points: Vec<Point> = Vec::new();
    let strong_cohort = cohort(options, scratch.path(), "strong", 1)?;
    for &ranks in &options.ranks {
        let weak_cohort =
            if ranks == 1 { strong_cohort.clone() } else { cohort(options, scratch.path(), "weak", ranks)? };
        let mut time = |cohort: &Cohort, what: &str| {
            let mut seconds = Vec::new();
            for _ in 0..options.repeats {
                seconds.push(time_run(options, scratch.path(), cohort, ranks)?);
                n_done += 1;
                log::info!(
                    "{n_done} of {total} runs: {}, {what}, {:.2} s",
                    count(u64::from(ranks), "rank"),
                    seconds[seconds.len() - 1]
                );
            }
            Ok::<_, anyhow::Error>(seconds)
        };
        let strong = time(&strong_cohort, "strong")?;
        let weak = if ranks == 1 { strong.clone() } else { time(&weak_cohort, "weak")? };
        let (strong, weak) = (timing(&strong_cohort, strong), timing(&weak_cohort, weak));
        points.push(Point { ranks, strong, weak });
    }
    set_efficiency(&mut points);
    Ok(Scaling {
        launcher: options.launcher.clone(),
        n_samples: options.n_samples,
        n_traits: options.n_traits,
        ..Scaling::of(options.threads_per_rank, points)
    })
}

fn timing(cohort: &Cohort, wall_seconds: Vec<f64>) -> Timing {
    let mut sorted = wall_seconds.clone();
    sorted.sort_by(f64::total_cmp);
    let median_seconds = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
    Timing { n_variants: cohort.spec.n_variants, wall_seconds, median_seconds, efficiency: 1.0 }
}

/// Against the first point.
fn set_efficiency(points: &mut [Point]) {
    let Some((first, weak)) =
        points.first().map(|p| (p.strong.median_seconds * f64::from(p.ranks), p.weak.median_seconds))
    else {
        return;
    };
    for point in points {
        point.strong.efficiency = first / (f64::from(point.ranks) * point.strong.median_seconds);
        point.weak.efficiency = weak / point.weak.median_seconds;
    }
}

fn cohort(options: &ScalingOptions, folder: &Path, name: &str, times: u32) -> Result<Cohort> {
    let spec = Spec {
        name: "cohort",
        format: OutputFormat::VcfGz,
        dosages: false,
        missing: 0.0,
        n_samples: options.n_samples,
        n_variants: options.n_variants * u64::from(times),
        n_traits: options.n_traits,
        n_covariates: 5,
    };
    log::info!("simulating {} samples × {} variants", spec.n_samples, spec.n_variants);
    let folder = folder.join(name);
    // A smaller cohort of the same name is done with.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).with_context(|| format!("{}", folder.display()))?;
    Cohort::make(&folder, spec, std::thread::available_parallelism().map_or(1, usize::from))
}

/// The launcher's words for so many ranks.
///
/// # Errors
/// [`UsageError`] where it is empty or does not say where the number goes.
pub fn launcher_words(launcher: &str, ranks: u32) -> Result<Vec<String>, UsageError> {
    if !launcher.contains("{}") {
        return Err(UsageError(format!("--launcher {launcher:?}: {{}} is to stand for the number of ranks")));
    }
    Ok(launcher.split_whitespace().map(|word| word.replace("{}", &ranks.to_string())).collect())
}

/// Seconds of one run, from the launcher's start to its end.
fn time_run(options: &ScalingOptions, folder: &Path, cohort: &Cohort, ranks: u32) -> Result<f64> {
    let program = std::env::current_exe().context("where this program is")?;
    let words = launcher_words(&options.launcher, ranks)?;
    let out = folder.join("run.h5");
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg(program).arg("assoc").arg("--vcf").arg(&cohort.genotypes);
    command.arg("--pheno").arg(&cohort.traits).arg("--covar").arg(&cohort.covariates).arg("--out").arg(&out);
    command.args(["--force", "--threads", &options.threads_per_rank.to_string()]).stdin(Stdio::null());
    let start = Instant::now();
    let output = command.output().with_context(|| {
        format!("{}: did not start; --launcher names the command that starts ranks, such as \"srun -n {{}}\"", words[0])
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let why = said.lines().rev().find(|line| line.contains("error")).or(said.lines().last()).unwrap_or_default();
        bail!("norna assoc under {:?} on {ranks} ranks failed: {}", options.launcher, why.trim());
    }
    if ranks > 1 && !said.contains(&format!("{ranks} ranks over ")) {
        bail!(
            "{:?} started programs that are not {ranks} ranks of one run: is it the launcher of norna's MPI?",
            options.launcher
        );
    }
    Ok(seconds)
}

impl fmt::Display for Scaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, {}, {} a rank, {}",
            self.machine.cpu,
            self.machine.isa,
            count(self.threads_per_rank as u64, "thread"),
            self.date
        )?;
        writeln!(f, "{} samples × {} traits, {:?}\n", self.n_samples, self.n_traits, self.launcher)?;
        writeln!(f, "{:>6}{:>24}{:>12}{:>24}{:>12}", "", "strong", "", "weak", "")?;
        let head = ("variants", "seconds", "efficiency");
        writeln!(
            f,
            "{:>6}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}",
            "ranks", head.0, head.1, head.2, head.0, head.1, head.2
        )?;
        for Point { ranks, strong, weak } in &self.points {
            write!(f, "{ranks:>6}")?;
            for Timing { n_variants, median_seconds, efficiency, .. } in [strong, weak] {
                write!(f, "{n_variants:>12}{median_seconds:>12.2}{:>10.1} %", 100.0 * efficiency)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn efficiency_is_against_one_rank() {
        let timing = |median_seconds| Timing { n_variants: 1, wall_seconds: vec![], median_seconds, efficiency: 1.0 };
        let point = |ranks, strong, weak| Point { ranks, strong: timing(strong), weak: timing(weak) };
        let mut points = vec![point(1, 8.0, 8.0), point(2, 5.0, 8.0), point(4, 4.0, 10.0)];
        set_efficiency(&mut points);
        let of = |which: fn(&Point) -> f64| points.iter().map(which).collect::<Vec<_>>();
        assert_eq!(of(|p| p.strong.efficiency), [1.0, 0.8, 0.5]);
        assert_eq!(of(|p| p.weak.efficiency), [1.0, 1.0, 0.8]);
    }

    #[test]
    fn the_launcher_says_where_the_number_goes() {
        assert_eq!(launcher_words("mpirun -n {} --x", 12).unwrap(), ["mpirun", "-n", "12", "--x"]);
        assert!(launcher_words("mpirun", 2).unwrap_err().to_string().contains("number of ranks"));
    }
}
