//! `norna bench`: what this machine does, for plans and for comparing machines.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::bench_commands::BenchCommand;
use crate::bench::card::Card;
use crate::bench::output::{self, Kind};
use crate::bench::{self, BenchOptions, messages};
use crate::comm::{self, Communicator};
use crate::report::{logger, stdout};
use crate::run::UsageError;

/// Flags of `norna bench`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:
  norna bench --out card.json
  norna plan --samples 50000 --variants 20e6 --traits 3000 --format bcf --card card.json
  mpirun -n 4 norna bench --out card-4.json        (messages between the ranks as well)
  norna bench compare card.json card-4.json
  norna bench scaling --ranks 1,2,4 --svg scaling.svg")]
#[command(args_conflicts_with_subcommands = true)]
pub struct BenchArgs {
    /// Something else than measuring this machine
    #[command(subcommand)]
    pub command: Option<BenchCommand>,
    /// Card: JSON for norna plan --card
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace a card that --out names; other files are never replaced
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Threads [default: the cores that this process is bound to]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Seconds instead of a minute or two
    #[arg(long)]
    pub quick: bool,
    /// Folder for simulated data while they are needed; on the file system that is to be measured [default: the folder of
    /// --out, or the present one]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Print the card as JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// Only warnings and errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// Runs `norna bench`.
///
/// # Errors
/// One line.
pub fn run(args: &BenchArgs) -> Result<()> {
    if let Some(command) = &args.command {
        return command.run();
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.unwrap_or(cores);
    if !(1..=4096).contains(&threads) {
        return Err(UsageError(format!("--threads {threads}: must lie between 1 and 4096")).into());
    }
    let comm = comm::join()?;
    if comm.rank() > 0 {
        messages::serve(&*comm);
        return Ok(());
    }
    logger::start(if args.quiet { log::LevelFilter::Warn } else { log::LevelFilter::Info });
    let measured = args.measure(&*comm, threads);
    if measured.is_err() {
        messages::end(&*comm);
    }
    let mut card = measured?;
    log::info!("messages");
    card.messages = messages::measure(&*comm, args.quick);
    if let Some(out) = &args.out {
        card.write(out)?;
        log::info!("written: {}", out.display());
    }
    let json = serde_json::to_string_pretty(&card)?;
    stdout::print(&if args.json { json + "\n" } else { card.to_string() })?;
    Ok(())
}

impl BenchArgs {
    /// What one process can measure, once it is clear that the card can be written.
    fn measure(&self, comm: &dyn Communicator, threads: usize) -> Result<Card> {
        if let Some(out) = &self.out {
            output::check("--out", out, Kind::Card, self.force)?;
        }
        let beside = self.out.as_deref().and_then(|out| out.parent()).filter(|folder| !folder.as_os_str().is_empty());
        let dir = self.dir.clone().or_else(|| beside.map(Into::into)).unwrap_or_else(|| PathBuf::from("."));
        output::check_folder(&dir)?;
        bench::measure(&BenchOptions { threads, ranks: comm.size(), quick: self.quick, dir })
    }
}
