//! Flags back to a command line: as clap knows them, so that what is printed is what is taken.

use std::path::{Path, PathBuf};

use clap::{ArgAction, CommandFactory};
use serde_json::Value;

use super::Cli;
use crate::provenance::Recorded;

/// Flags that say how the record is kept, or where flags came from.
const NOT_TOLD: [&str; 5] = ["config", "provenance-paths", "full-checksums", "force", "json"];
/// Flags that name files, whose folders are nobody's business in a results file.
pub(super) const PATH_FLAGS: [&str; 23] = [
    "input",
    "bam-list",
    "sites",
    "fasta",
    "by",
    "pairs",
    "vcf",
    "pheno",
    "proteins",
    "covar",
    "sex",
    "par-file",
    "regions-file",
    "extract",
    "exclude",
    "keep",
    "remove",
    "pred",
    "out",
    "sample-map",
    "annotation",
    "uniprot-map",
    "config",
];

/// The command as the provenance tells it. `flags`: by their long names, files with their folders; `inputs`: by role, lists of
/// files taken apart.
pub(super) fn recorded(command: &'static str, flags: &Value, inputs: &[(&'static str, PathBuf)]) -> Recorded {
    let is_set = |flag: &str| flags[flag] == Value::Bool(true);
    let plain = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let whole = |path: &Path| match std::path::absolute(path) {
        Ok(absolute) if path.as_os_str() != "-" => absolute.to_string_lossy().into_owned(),
        _ => path.to_string_lossy().into_owned(),
    };
    Recorded {
        command,
        arguments: arguments(command, flags, inputs, &plain),
        with_paths: is_set("provenance-paths").then(|| arguments(command, flags, inputs, &whole)),
        full_checksums: is_set("full-checksums"),
    }
}

fn arguments(
    command: &str,
    flags: &Value,
    inputs: &[(&'static str, PathBuf)],
    path_text: &dyn Fn(&Path) -> String,
) -> Vec<String> {
    let mut told = vec![command.to_owned()];
    let cli = Cli::command();
    let Some(subcommand) = cli.find_subcommand(command) else { return told };
    let mut positional = Vec::new();
    for arg in subcommand.get_arguments() {
        let name = arg.get_long().unwrap_or(arg.get_id().as_str());
        if NOT_TOLD.contains(&name) {
            continue;
        }
        let values = match name {
            // A list of files is told as the files in it.
            "vcf" | "sites" => {
                let of_role = inputs.iter().filter(|(role, _)| *role == name);
                of_role.map(|(_, path)| path_text(path)).collect()
            }
            name => values_of(&flags[name], name, path_text),
        };
        if values.is_empty() {
            continue;
        }
        if arg.is_positional() {
            positional = values;
        } else if matches!(arg.get_action(), ArgAction::SetTrue) {
            told.push(format!("--{name}"));
        } else if arg.get_value_delimiter().is_some() || values.len() == 1 {
            let value = values.join(",");
            if arg.is_require_equals_set() || value.starts_with('-') && value != "-" {
                told.push(format!("--{name}={value}"));
            } else {
                told.extend([format!("--{name}"), value]);
            }
        } else if arg.get_num_args().is_some_and(|range| range.max_values() > 1) {
            told.push(format!("--{name}"));
            told.extend(values);
        } else {
            values.into_iter().for_each(|value| told.extend([format!("--{name}"), value]));
        }
    }
    // Behind the command, where no flag of many values is before them.
    told.splice(1..1, positional);
    told
}

/// The texts of a flag's values; none where it is not given.
fn values_of(value: &Value, name: &str, path_text: &dyn Fn(&Path) -> String) -> Vec<String> {
    let is_file = PATH_FLAGS.contains(&name);
    let text = |value: &Value| match value {
        Value::String(text) if is_file => path_text(Path::new(text)),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match value {
        Value::Null | Value::Bool(false) => Vec::new(),
        // A width, and no file.
        Value::String(width) if name == "by" && width.bytes().all(|byte| byte.is_ascii_digit()) => vec![width.clone()],
        Value::Array(items) => items.iter().map(text).collect(),
        value => vec![text(value)],
    }
}
