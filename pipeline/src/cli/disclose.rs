//! `norna disclose`: whether a file may leave a secure environment, by a policy.

use std::path::PathBuf;

use crate::disclosure::{self, DEFAULT_POLICY, Policy, Verdict};
use crate::report::stdout;
use crate::run::UsageError;

/// Exit code where somebody should look.
pub const EXIT_REVIEW: u8 = 4;
/// Exit code where a file should not go out.
pub const EXIT_REFUSE: u8 = 5;

/// Flags of `norna disclose`.
#[derive(Debug, Clone, clap::Args)]
pub struct DiscloseArgs {
    /// results.h5 or cis.h5; files of single people's data are refused by kind.
    #[arg(required_unless_present = "print_policy")]
    pub file: Option<PathBuf>,
    /// Policy: default, or a TOML file of the same keys.
    #[arg(long, value_name = "NAME|FILE", default_value = "default")]
    pub policy: String,
    /// Other results that are out already or go out with it: small differences in samples are looked for. Repeatable.
    #[arg(long, value_name = "FILE")]
    pub against: Vec<PathBuf>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
    /// Print the default policy, to be changed and given by --policy.
    #[arg(long, conflicts_with_all = ["file", "against", "json"])]
    pub print_policy: bool,
}

/// Runs `norna disclose`; the exit code says the verdict.
///
/// # Errors
/// One line: a policy that cannot be gone by, a file of no known kind, a damaged one.
pub fn run(args: &DiscloseArgs) -> anyhow::Result<u8> {
    if args.print_policy {
        stdout::print(DEFAULT_POLICY)?;
        return Ok(super::EXIT_OK);
    }
    let Some(file) = &args.file else { return Err(UsageError("a file is required".to_owned()).into()) };
    let report = disclosure::judge_sound(file, &Policy::load(&args.policy)?, &args.against)?;
    stdout::print(&if args.json { format!("{:#}\n", report.json()) } else { report.text() })?;
    Ok(match report.verdict() {
        Verdict::Pass => super::EXIT_OK,
        Verdict::Review => EXIT_REVIEW,
        Verdict::Refuse => EXIT_REFUSE,
    })
}
