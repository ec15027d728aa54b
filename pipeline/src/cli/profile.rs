//! `norna profile`: what is known of clusters.

use std::io::Write;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::slurm::profiles;

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
}

/// Runs `norna profile`.
///
/// # Errors
/// One line.
pub fn run(args: &ProfileArgs) -> Result<()> {
    match &args.command {
        ProfileCommand::List { json } => list(*json),
        ProfileCommand::Show { name, json } => show(name, *json),
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
