//! `norna submit`: from a command line to Slurm jobs that fit the cluster.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser};

use self::checks::{check_output, doubtful_flags, local_inputs};
use self::print::{explain, print_json, print_scripts};
use super::assoc::AssocArgs;
use super::profile::printed;
use super::qtl::QtlStudy;
use super::{Cli, Command};
use crate::bench::card::Card;
use crate::plan::{self, CisSize, NodeLayout, Rates};
use crate::run::UsageError;
use crate::slurm::choice::{Wishes, choose};
use crate::slurm::jobs::Order;
use crate::slurm::profile::{Launcher, Profile};
use crate::slurm::script::Launch;
use crate::slurm::time::SlurmTime;
use crate::slurm::{date, profiles, submit};

mod checks;
mod print;

/// Most jobs of an array: each leaves a spool and a log, and projects may have few files.
const MAX_ARRAY: u32 = 100;

/// Flags of `norna submit`.
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// What is known of the cluster: a name (norna profile list), or a file ending in .toml
    #[arg(long, value_name = "NAME|FILE")]
    profile: String,
    /// The account (project) that pays
    #[arg(long, short = 'A')]
    account: Option<String>,

    /// Partition [default: the cheapest of the profile that holds the job]
    #[arg(long, short, help_heading = "What is chosen otherwise")]
    partition: Option<String>,
    /// Quality of service
    #[arg(long, short, help_heading = "What is chosen otherwise")]
    qos: Option<String>,
    /// Features of nodes
    #[arg(long, short = 'C', help_heading = "What is chosen otherwise")]
    constraint: Option<String>,
    /// The card of a node of the cluster (norna bench --out card.json) [default: a typical node]
    #[arg(long, value_name = "FILE", help_heading = "What is chosen otherwise")]
    card: Option<PathBuf>,
    /// Time limit, as Slurm takes it: minutes, HH:MM:SS, D-HH:MM:SS
    #[arg(long, short, value_name = "TIME", help_heading = "What is chosen otherwise")]
    time: Option<SlurmTime>,
    /// Nodes
    #[arg(long, short = 'N', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096),
          help_heading = "What is chosen otherwise")]
    nodes: Option<u32>,
    /// Memory of a node, as Slurm takes it: MB, or with K, M, G, T
    #[arg(long, value_name = "SIZE", value_parser = megabytes, help_heading = "What is chosen otherwise")]
    mem: Option<u64>,
    /// MPI ranks on a node
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024),
          help_heading = "What is chosen otherwise")]
    ranks_per_node: Option<u32>,
    /// Threads of a rank (cores)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024),
          help_heading = "What is chosen otherwise")]
    threads: Option<u32>,
    /// Take as many nodes as it needs to end within this once it runs: a time as in --time
    #[arg(long, value_name = "TIME", conflicts_with = "wish_hours", help_heading = "What is chosen otherwise")]
    within: Option<SlurmTime>,
    /// The same in hours
    #[arg(long, value_name = "H", help_heading = "What is chosen otherwise")]
    wish_hours: Option<f64>,
    /// What starts ranks, with its flags: "srun --mpi=pmix", "mpirun", or "none" for one process
    #[arg(long, value_name = "COMMAND", help_heading = "What is chosen otherwise")]
    launcher: Option<String>,
    /// Modules to load, by blanks or commas; "none" for none [default: the profile's]
    #[arg(long, value_name = "LIST", value_delimiter = ',', num_args = 1.., help_heading = "What is chosen otherwise")]
    modules: Option<Vec<String>>,
    /// The norna that the job runs [default: this one]
    #[arg(long, value_name = "PATH", help_heading = "What is chosen otherwise")]
    norna: Option<PathBuf>,
    /// How often a stopped job puts itself back into the queue at most
    #[arg(long, value_name = "N", default_value_t = 20, help_heading = "What is chosen otherwise")]
    max_requeue: u32,

    /// Many small jobs without MPI instead of one, which share the work through the output's folder
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_ARRAY as i64), help_heading = "Several jobs")]
    array: Option<u32>,
    /// Three jobs, each after the one before ended well: check, run, verify
    #[arg(long, help_heading = "Several jobs")]
    chain: bool,

    /// Print the script, submit nothing
    #[arg(long)]
    dry_run: bool,
    /// Say what was chosen as JSON
    #[arg(long)]
    json: bool,

    /// The command: -- assoc --vcf ... --pheno ... --out ...
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs `norna submit`.
///
/// # Errors
/// One line that says what was wrong and what would do.
pub fn run(args: SubmitArgs) -> Result<()> {
    let (profile, _) = profiles::find(&args.profile)?;
    let mut warnings: Vec<String> = Vec::new();
    warnings.extend(profile.past(date::today()));
    warnings.extend(profile.unverified());
    let usage = |message| UsageError(message);
    profile.check_account(args.account.as_deref()).map_err(usage)?;

    let study = Study::of(&args.command)?;
    let launcher = launcher(&profile, args.launcher.as_deref())?;
    let wishes = wishes(&args, launcher.is_some())?;
    if args.array.is_some() && study.fresh {
        bail!(UsageError(
            "--fresh: the jobs of an array join what is there; remove the output's .norna folder instead".into()
        ));
    }
    if args.array.is_some() && study.words.first().is_some_and(|word| word == "qtl") {
        bail!(UsageError("--array: its jobs work side by side, which norna qtl does not; leave it out".into()));
    }
    let folder = std::env::current_dir().context("the working folder")?;
    check_output(&profile, &study, &folder)?;
    let config = study.args.clone().validate()?;
    warnings.extend(local_inputs(&profile, &config.run.files, &folder));
    if study.args.bam_list.is_some() {
        if args.array.is_some() {
            bail!(UsageError(
                "--array: its jobs work side by side, which reads (--bam-list) do not; leave it out".into()
            ));
        }
        warnings.push(
            "the time that reading alignment files takes is not in the prediction: give --time, from a run on one region".into(),
        );
    }
    let size = crate::run::assoc::study_size(&config)?;
    let wishes = Wishes { size_known: size.n_variants > 0, ..wishes };
    let card = args.card.as_deref().map(Card::read).transpose()?;
    let rates = card.map_or_else(Rates::default, |card| card.plan_rates());
    let cis = study.cis.map(|(window, permutations)| CisSize::of(&size, window, permutations.into()));
    let predict = |layout: &NodeLayout| match &cis {
        Some(cis) => cis.predict(&size, &rates, layout),
        None => plan::predict(&size, &rates, layout),
    };
    let choice = choose(&profile, &wishes, &predict)?;
    warnings.extend(doubtful_flags(&args, &choice));

    let norna = args.norna.clone().map_or_else(|| std::env::current_exe().context("this program's path"), Ok)?;
    let modules = modules(&args, &profile);
    let order = Order {
        profile: &profile,
        account: args.account.as_deref(),
        launcher,
        modules: &modules,
        norna: &norna,
        assoc: &study.words,
        fresh: study.fresh,
        out: &study.out,
        folder: &folder,
        max_requeue: args.max_requeue,
        chain: args.chain,
    };
    let jobs = order.jobs(&choice, &wishes, &predict)?;
    let ids = if args.dry_run { Vec::new() } else { submit::submit(&jobs, &folder, submit::Slurm::default())? };
    if args.json {
        return printed(print_json(&profile, &choice, &warnings, &jobs, &ids));
    }
    explain(&choice, &warnings);
    if args.dry_run {
        return printed(print_scripts(&jobs));
    }
    let mut out = std::io::stdout().lock();
    let mut lines = jobs.iter().zip(&ids);
    printed(
        lines.try_for_each(|(job, id)| {
            writeln!(out, "submitted job {id} ({}): {}", job.role.name(), job.file.display())
        }),
    )
}

/// What stands behind --.
struct Study {
    /// With what its --config holds.
    args: AssocArgs,
    /// `assoc` and its flags as typed, but for --fresh.
    words: Vec<OsString>,
    /// Of norna qtl near genes: bases to either side, permutations.
    cis: Option<(u32, u32)>,
    /// Whether --fresh was among them: a requeued job must not start over.
    fresh: bool,
    out: PathBuf,
}

impl Study {
    fn of(words: &[OsString]) -> Result<Self> {
        let parsed = Cli::try_parse_from(std::iter::once(&OsString::from("norna")).chain(words));
        let command = parsed.unwrap_or_else(|error| error.exit()).command;
        let (args, cis) = match command {
            Command::Assoc(args) => (args.with_config_file()?, None),
            Command::Qtl(args) => {
                let QtlStudy { assoc, cis } = args.study()?;
                (assoc, cis)
            }
            _ => bail!(UsageError(
                "after -- stands the command to run: assoc or qtl and its flags; others are not submitted".into()
            )),
        };
        let has = |flag: &str| words.iter().any(|word| word == flag);
        let refused = [
            (args.dry_run, "--dry-run belongs before --: it prints the script (the estimate: norna assoc --dry-run)"),
            (args.threads.is_some(), "--threads belongs before --: the job's cores follow from it"),
            (has("--join"), "--join comes with --array N, before --"),
            (args.vcf.iter().any(|path| path.as_os_str() == "-"), "--vcf -: a job has no standard input; name a file"),
        ];
        if let Some((_, why)) = refused.iter().find(|(is, _)| *is) {
            bail!(UsageError((*why).into()));
        }
        let Some(out) = args.out.clone() else {
            bail!(UsageError("--out is required (after --, or in --config)".into()))
        };
        let fresh = has("--fresh");
        let words = words.iter().filter(|word| *word != "--fresh").cloned().collect();
        Ok(Self { args, words, cis, fresh, out })
    }
}

/// What starts ranks: the flag, else the profile's; `None` for one process.
fn launcher(profile: &Profile, flag: Option<&str>) -> Result<Option<Launch>> {
    let launch = |words: Vec<String>| match words.split_first() {
        Some((first, flags)) if first == "srun" => Launch::Srun(flags.to_vec()),
        _ => Launch::Forward(words),
    };
    Ok(match flag {
        Some("none") => None,
        Some(flag) => {
            let Some(words) = shlex::split(flag) else {
                bail!(UsageError(format!("--launcher {flag:?}: a quote is not closed, or a backslash ends it")));
            };
            if words.is_empty() {
                bail!(UsageError("--launcher: is empty; \"none\" starts one process".into()));
            }
            Some(launch(words))
        }
        None => profile.launcher.map(|launcher: Launcher| {
            launch(std::iter::once(launcher.name().to_owned()).chain(profile.launcher_args.iter().cloned()).collect())
        }),
    })
}

fn wishes(args: &SubmitArgs, has_launcher: bool) -> Result<Wishes> {
    if let Some(hours) = args.wish_hours.filter(|hours| !(*hours > 0.0 && *hours <= 87_600.0)) {
        bail!(UsageError(format!("--wish-hours {hours}: must lie above 0, and be at most ten years")));
    }
    let hours = args.wish_hours.map(|hours| SlurmTime((hours * 3600.0).ceil() as u64));
    Ok(Wishes {
        partition: args.partition.clone(),
        qos: args.qos.clone(),
        constraint: args.constraint.clone(),
        time: args.time.map(SlurmTime::whole_minutes),
        nodes: args.nodes,
        mem_mb: args.mem,
        ranks_per_node: args.ranks_per_node,
        threads: args.threads,
        within: args.within.or(hours),
        array: args.array,
        has_launcher,
        size_known: true,
    })
}

fn modules(args: &SubmitArgs, profile: &Profile) -> Vec<String> {
    match &args.modules {
        None => profile.modules.clone(),
        Some(list) => {
            let words = list.iter().flat_map(|text| text.split_whitespace());
            words.filter(|word| *word != "none").map(str::to_owned).collect()
        }
    }
}

/// A size as Slurm takes it, in MB.
fn megabytes(text: &str) -> Result<u64, String> {
    let bad = || format!("{text:?} is not a size: MB, or a number with K, M, G or T");
    let last = text.chars().next_back().ok_or_else(bad)?;
    let (number, kilobytes) = match last.to_ascii_uppercase() {
        'K' => (&text[..text.len() - 1], 1),
        'M' => (&text[..text.len() - 1], 1 << 10),
        'G' => (&text[..text.len() - 1], 1 << 20),
        'T' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1 << 10),
    };
    let number: u64 = number.parse().map_err(|_| bad())?;
    let kilobytes: u64 = number.checked_mul(kilobytes).ok_or_else(bad)?;
    match kilobytes {
        0 => Err(bad()),
        1..1024 => Err(format!("{text:?} is less than 1 MB, which no job can do with")),
        _ => Ok(kilobytes.div_ceil(1024)),
    }
}
