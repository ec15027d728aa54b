//! One file per subcommand: parse → validated configuration → run. Errors end here.

pub mod assoc;
mod assoc_config;
pub mod bench;
mod bench_commands;
pub mod clump;
pub mod depth;
pub mod diff;
pub mod disclose;
pub mod export;
mod export_cis;
mod export_folder;
mod export_ssf;
pub mod identity;
pub mod info;
mod info_cis;
mod info_depth;
mod info_proteins;
pub mod merge;
pub mod plan;
mod plan_machine;
pub mod plot;
pub mod profile;
pub mod proteins;
mod proteins_args;
pub mod qtl;
pub mod reads;
mod reads_args;
mod recorded;
pub mod report;
pub mod rerun;
mod run_args;
pub mod simulate;
mod simulate_config;
mod simulate_from;
mod simulate_reads;
pub mod status;
pub mod submit;
pub mod top;
mod top_cis;
pub mod verify;

use clap::{Parser, Subcommand};

use crate::run::{Incomplete, Stopped, UsageError};

/// Exit code of success.
pub const EXIT_OK: u8 = 0;
/// Exit code of a run that failed.
pub const EXIT_FAILED: u8 = 1;
/// Exit code of a command line that cannot be meant, as clap's own.
pub const EXIT_USAGE: u8 = 2;
/// Exit code of a run that finished but for shards that failed.
pub const EXIT_INCOMPLETE: u8 = 3;
/// Exit code of a run that was stopped (a signal, a time limit, another attempt) and that the same command goes on with.
pub const EXIT_STOPPED: u8 = 75;

/// Association of variants with many traits, over MPI ranks, into one HDF5 file.
#[derive(Debug, Parser)]
#[command(name = "norna", version = crate::report::provenance::version(), max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Test every variant of VCF/BCF files against every trait of a table (exact linear regression).
    Assoc(Box<assoc::AssocArgs>),
    /// Write genotype likelihoods of many samples at sites, from their reads (BAM), as BCF.
    Reads(Box<reads::ReadsCommandArgs>),
    /// Count the depth of BAM files in windows or regions and by chromosome.
    Depth(Box<depth::DepthArgs>),
    /// Say whose reads BAM files hold: match, swap, duplicate, mixture, low coverage, absent.
    ///
    /// Reads are held against the genotypes of everyone in the VCF. Exit code 0 once the table is written; with --check 1 if a
    /// sample is a swap or a duplicate.
    Identity(Box<identity::IdentityArgs>),
    /// Make the matrix of proteins that is tested out of a laboratory's file.
    ///
    /// Reads Olink NPX, SomaScan ADAT, DIA-NN, MaxQuant, wide tables and BED; writes samples, proteins, the places of their genes,
    /// covariates and what was done to one HDF5 file, for norna qtl and norna assoc. The steps go in the order of the flags' help.
    Proteins(Box<proteins_args::ProteinsArgs>),
    /// Find the variants that move each protein: near its gene, with permutation p-values (cis), or anywhere else (--trans).
    Qtl(Box<qtl::QtlArgs>),
    /// Say what a results file holds.
    Info(info::InfoArgs),
    /// List the strongest associations of a results file.
    Top(top::TopArgs),
    /// Write rows of a results file as a table.
    Export(export::ExportArgs),
    /// Say whether a file may leave a secure environment, by a policy: pass, review or refuse, rule by rule.
    ///
    /// Exit code 0: pass; 4: review; 5: refuse; 1: it could not be judged. It supports a decision that people make.
    Disclose(disclose::DiscloseArgs),
    /// Say in what two files differ: what was run, traits, variants, ledgers, numbers.
    ///
    /// Exit code 0: equal contents; 1: different ones; 2: they could not be compared.
    Diff(diff::DiffArgs),
    /// Print the command that makes a file again, or run it and compare.
    ///
    /// Inputs are looked for by name, size and checksum. Exit code 0: the same content; 4: another; 1: it could not be run.
    Rerun(rerun::RerunArgs),
    /// Make a folder that shows a results file in any browser, offline: traits, Manhattan and QQ plots, leads, regions, the drop
    /// ledger.
    Report(report::ReportArgs),
    /// Find the index variants of each trait's hits and what is linked with them, as plink --clump does.
    ///
    /// Linkage comes from --vcf, read around index variants by its index. Columns are plink2's, with TRAIT: TOTAL other variants,
    /// of which NONSIG with p from 0.05, S0.05 from 0.01, S0.01 from 0.001, S0.001 from 0.0001, S0.0001 below; SP2: those with p
    /// at or under --p2.
    Clump(clump::ClumpArgs),
    /// Draw one chart of a trait as SVG: Manhattan, QQ, or the region around a lead.
    Plot(Box<plot::PlotArgs>),
    /// Say how far a run is: shards, rate, expected end, attempts; while it runs or after.
    Status(status::StatusArgs),
    /// Make results.h5 of what jobs with `norna assoc --join` have finished.
    Merge(merge::MergeArgs),
    /// Check a results file: checksums, shapes, numbers, ledger sums.
    ///
    /// Reads everything. Exit code 0: sound; 1: something is wrong, a line each; 3: sound, but shards of the run failed.
    Verify(verify::VerifyArgs),
    /// Say what a study would cost: time, core-hours, memory, bytes, money, and what an application form asks for.
    Plan(Box<plan::PlanArgs>),
    /// Measure what this machine does with the stages of a run, for norna plan.
    Bench(bench::BenchArgs),
    /// Make a cohort of simulated people: genotypes, traits with planted effects, covariates.
    ///
    /// Genotypes come from a coalescent with recombination: allele counts follow 1/i and every haplotype is a mosaic of its
    /// ancestors', so linkage falls with distance as in real data. Beside the genotypes and their index go STEM.pheno.tsv,
    /// STEM.covar.tsv and STEM.truth.tsv (what was planted). The same seed and flags give the same bytes whatever --threads.
    Simulate(Box<simulate::SimulateArgs>),
    /// Make a Slurm job of a study that fits the cluster, and submit it.
    ///
    /// What follows -- is the command as it would be typed without Slurm: norna submit --profile lumi-c --account ... -- assoc
    /// --vcf ... The study is opened here, so that mistakes show before the job waits; what it needs is predicted; nodes, ranks,
    /// threads, memory and time are chosen so that the partition holds them.
    Submit(Box<submit::SubmitArgs>),
    /// What is known of clusters: list and show profiles, draft one of an unknown cluster.
    Profile(profile::ProfileArgs),
}

/// Runs what the command line asks for and returns the exit code.
pub fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Assoc(args) => assoc::run(*args),
        Command::Reads(args) => reads::run(&args),
        Command::Depth(args) => depth::run(&args),
        Command::Identity(args) => match identity::run(*args) {
            Ok(code) => return std::process::ExitCode::from(code),
            Err(error) => Err(error),
        },
        Command::Proteins(args) => proteins::run(&args),
        Command::Qtl(args) => qtl::run(*args),
        Command::Info(args) => info::run(&args),
        Command::Top(args) => top::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Disclose(args) => match disclose::run(&args) {
            Ok(code) => return std::process::ExitCode::from(code),
            Err(error) => Err(error),
        },
        Command::Diff(args) => match diff::run(&args) {
            Ok(code) => return std::process::ExitCode::from(code),
            Err(error) => {
                eprintln!("error: {}", crate::report::words::with_causes(&error));
                return std::process::ExitCode::from(diff::EXIT_TROUBLE);
            }
        },
        Command::Rerun(args) => match rerun::run(&args) {
            Ok(code) => return std::process::ExitCode::from(code),
            Err(error) => Err(error),
        },
        Command::Report(args) => report::run(&args),
        Command::Clump(args) => clump::run(&args),
        Command::Plot(args) => plot::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Verify(args) => match verify::run(&args) {
            Ok(code) => return std::process::ExitCode::from(code),
            Err(error) => Err(error),
        },
        Command::Bench(args) => bench::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Submit(args) => submit::run(*args),
        Command::Profile(args) => profile::run(&args),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            let code = exit_code(&error);
            // Empty where a log line has said it, as the log has where a run has stopped or is incomplete.
            let text = crate::report::words::with_causes(&error);
            if !text.is_empty() && !matches!(code, EXIT_STOPPED | EXIT_INCOMPLETE) {
                eprintln!("error: {text}");
            }
            std::process::ExitCode::from(code)
        }
    }
}

/// Whether nobody reads what is printed any more: an end, not a failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<UsageError>() {
        EXIT_USAGE
    } else if error.is::<Stopped>() {
        EXIT_STOPPED
    } else if error.is::<Incomplete>() {
        EXIT_INCOMPLETE
    } else {
        EXIT_FAILED
    }
}
