//! `norna profile`: what is known of clusters.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::slurm::{date, probe, profiles};

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

fn list(as_json: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
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
        writeln!(out, "{:#}", json!(rows))?;
        return Ok(());
    }
    writeln!(out, "{:<15}{:<40}{:<9}{:<12}verified", "name", "cluster", "facts of", "valid until")?;
    for profile in &profiles {
        let until = profile.valid_until.as_deref().unwrap_or("");
        let verified = if profile.verified { "yes" } else { "no" };
        writeln!(out, "{:<15}{:<40}{:<9}{until:<12}{verified}", profile.name, profile.title, profile.source_date)?;
    }
    Ok(())
}

fn show(name: &str, as_json: bool) -> Result<()> {
    let (profile, text) = profiles::find(name)?;
    let mut out = std::io::stdout().lock();
    if as_json {
        writeln!(out, "{:#}", serde_json::to_value(&profile)?)?;
    } else {
        out.write_all(text.as_bytes())?;
    }
    Ok(())
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
    let mut out = std::io::stdout().lock();
    if as_json {
        let value = json!({"profile": draft.profile, "unknown": draft.unknown});
        writeln!(out, "{value:#}")?;
    } else {
        out.write_all(draft.to_toml()?.as_bytes())?;
    }
    Ok(())
}

/// What scontrol shows here.
fn shown() -> Result<String> {
    let mut text = String::new();
    for [program, args @ ..] in probe::COMMANDS {
        let output = Command::new(program).args(args).output();
        let output =
            output.with_context(|| format!("{program}: is this a cluster's login node? --from reads a file"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{program} {}: {}", args.join(" "), said.trim().replace('\n', " "));
        }
        text.push_str(&String::from_utf8_lossy(&output.stdout));
        text.push('\n');
    }
    Ok(text)
}
