//! `norna profile`: what is known of clusters.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::slurm::tool::{self, Limits};
use crate::slurm::{date, probe, profiles};

/// scontrol shows even large clusters within this.
const LIMITS: Limits = Limits { time: Duration::from_secs(60), bytes: 64 << 20 };

/// Arguments of `norna profile`.
#[derive(Debug, Args)]
pub struct ProfileArgs {
    #[command(subcommand)]
    command: ProfileCommand,
}

#[derive(Debug, Subcommand)]
enum ProfileCommand {
    /// List the profiles that norna carries
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a profile as TOML, to look at or to change in a copy
    Show {
        /// Its name, or a file ending in .toml
        name: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Draft a profile of this cluster from what scontrol shows
    Probe {
        /// Read this instead: the output of scontrol show partition, show node and show config, one after the other
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs `norna profile`.
///
/// # Errors
/// One line.
pub fn run(args: &ProfileArgs) -> Result<()> {
    match &args.command {
        ProfileCommand::List { json } => list(*json),
        ProfileCommand::Show { name, json } => show(name, *json),
        ProfileCommand::Probe { from, json } => draft(from.as_deref(), *json),
    }
}

/// Who reads no further has read enough.
pub(super) fn printed(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn list(as_json: bool) -> Result<()> {
    let profiles = profiles::all()?;
    if as_json {
        let rows: Vec<_> = profiles
            .iter()
            .map(|profile| {
                json!({
                    "name": profile.name, "title": profile.title, "source_date": profile.source_date,
                    "valid_until": profile.valid_until, "verified": profile.verified,
                    "partitions": profile.partitions.iter().map(|partition| &partition.name).collect::<Vec<_>>(),
                })
            })
            .collect();
        return print(&format!("{:#}\n", json!(rows)));
    }
    let mut text = format!("{:<15}{:<40}{:<9}{:<12}verified\n", "name", "cluster", "facts of", "valid until");
    for profile in &profiles {
        let until = profile.valid_until.as_deref().unwrap_or("");
        let verified = if profile.verified { "yes" } else { "no" };
        let row = (&profile.name, &profile.title, &profile.source_date);
        text.push_str(&format!("{:<15}{:<40}{:<9}{until:<12}{verified}\n", row.0, row.1, row.2));
    }
    print(&text)
}

fn show(name: &str, as_json: bool) -> Result<()> {
    let (profile, text) = profiles::find(name)?;
    match as_json {
        true => print(&format!("{:#}\n", serde_json::to_value(&profile)?)),
        false => print(&text),
    }
}

fn draft(from: Option<&Path>, as_json: bool) -> Result<()> {
    let (origin, text) = match from {
        Some(path) => {
            let bytes = std::fs::read(path).with_context(|| format!("{}", path.display()))?;
            (path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned())
        }
        None => ("scontrol".to_owned(), shown()?),
    };
    let draft = probe::draft(&text, date::today()).map_err(|why| anyhow!("{origin}: {why}"))?;
    match as_json {
        true => {
            let value = json!({"profile": draft.profile, "unknown": draft.unknown, "unread": draft.unread});
            print(&format!("{value:#}\n"))
        }
        false => print(&draft.to_toml()?),
    }
}

fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    printed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// What scontrol shows here.
fn shown() -> Result<String> {
    let mut text = String::new();
    for [program, args @ ..] in probe::COMMANDS {
        let output = match tool::output(Command::new(program).args(args), LIMITS) {
            Err(tool::ToolError::Start(error)) => {
                bail!("{program}: is this a cluster's login node? --from reads a file: {error}")
            }
            output => output.with_context(|| format!("{program} {}", args.join(" ")))?,
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{program} {}: {}", args.join(" "), said.trim().replace('\n', " "));
        }
        text.push_str(&String::from_utf8_lossy(&output.stdout));
        text.push('\n');
    }
    Ok(text)
}
