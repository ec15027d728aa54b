//! `norna diff`: in what two files differ, with the exit codes of diff(1).

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::EXIT_OK;
use crate::diff::{compare, kinds};
use crate::report::progress::Progress;
use crate::report::stdout;
use crate::run::UsageError;

/// Exit code where the files differ.
const EXIT_DIFFERENT: u8 = 1;
/// Exit code of trouble, as diff(1) has it.
pub const EXIT_TROUBLE: u8 = 2;

/// Flags of `norna diff`.
#[derive(Debug, Clone, clap::Args)]
pub struct DiffArgs {
    /// A file of norna assoc, qtl, depth or proteins.
    pub a: PathBuf,
    /// Another of the same kind.
    pub b: PathBuf,
    /// Numbers are equal up to so much: effects in standard errors, standard errors in their own size; 1e-5 for a full store
    /// against a compact one.
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    pub tolerance: f64,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs `norna diff`; the exit code says whether they differ.
///
/// # Errors
/// One line: a file that cannot be read, or files of two kinds.
pub fn run(args: &DiffArgs) -> Result<u8> {
    if !(args.tolerance >= 0.0 && args.tolerance.is_finite()) {
        return Err(UsageError(format!("--tolerance {}: must be a number from 0", args.tolerance)).into());
    }
    let mut progress = Progress::start(("comparing", "bytes and rows"), None, args.json);
    let mut done = 0;
    let comparison = compare(&args.a, &args.b, args.tolerance, &mut |n| {
        done += n;
        progress.update(done);
    })?;
    progress.finish();
    let [a, b] = kinds(&args.a, &args.b);
    if a != b {
        bail!("{} is {a} and {} is {b}: files of one kind are compared", args.a.display(), args.b.display());
    }
    stdout::print(&if args.json { format!("{:#}\n", comparison.json()) } else { comparison.text() })?;
    Ok(if comparison.is_equal() { EXIT_OK } else { EXIT_DIFFERENT })
}
