//! `norna rerun`: the command that makes a file again, out of its provenance; run, and its content compared.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::provenance::{Found, InputCheck, check_inputs, kept_in};
use crate::report::provenance::version;
use crate::report::stdout;
use crate::store::content_digest;

/// Exit code where a run gives another content than the file has.
const EXIT_DIFFERENT: u8 = 4;

/// Flags of `norna rerun`.
#[derive(Debug, Clone, clap::Args)]
pub struct RerunArgs {
    /// results.h5, cis.h5, depth.h5 or proteins.h5.
    pub file: PathBuf,
    /// Print the command and how its inputs are found, and run nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Folder where inputs are. Repeatable [default: the working folder, and what the file says if it keeps folders].
    #[arg(long, value_name = "FOLDER")]
    pub dir: Vec<PathBuf>,
    /// File to write [default: with --dry-run as it was, else NAME.rerun.h5 in the working folder].
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Threads of the run; change no result.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Run although inputs are not those that the file was made of.
    #[arg(long)]
    pub changed_inputs: bool,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// What is to be run.
struct Plan {
    arguments: Vec<String>,
    inputs: Vec<InputCheck>,
    /// What people should know.
    notes: Vec<String>,
}

/// Runs `norna rerun`.
///
/// # Errors
/// One line: a file without a command, inputs that are missing or others, a run that failed.
pub fn run(args: &RerunArgs) -> Result<u8> {
    let provenance = kept_in(&args.file)?;
    let plan = plan(args, &provenance)?;
    let line = command_line(&plan.arguments)?;
    for input in plan.inputs.iter().filter(|_| !args.json) {
        eprintln!("{}", in_words(input));
    }
    plan.notes.iter().filter(|_| !args.json).for_each(|note| eprintln!("{note}"));
    if args.dry_run {
        let told = json!({ "command": line, "arguments": plan.arguments, "inputs": plan.inputs, "notes": plan.notes });
        stdout::print(&if args.json { format!("{told:#}\n") } else { format!("{line}\n") })?;
        return Ok(super::EXIT_OK);
    }
    let bad = plan.inputs.iter().find(|input| match input.found {
        Found::Same => false,
        Found::OtherSize | Found::OtherContent => !args.changed_inputs,
        Found::Missing | Found::Stream => true,
    });
    if let Some(input) = bad {
        bail!(
            "{}: nothing was run; --dir FOLDER says where inputs are, --changed-inputs takes others",
            in_words(input)
        );
    }
    let program = std::env::current_exe().context("this program")?;
    let status = Command::new(program).args(&plan.arguments).status().context("running norna")?;
    if !status.success() {
        // It has said why itself, unless something else ended it.
        if status.code().is_some() {
            return Ok(super::EXIT_FAILED);
        }
        bail!("the run ended with {status}: {line}");
    }
    let out = out_of(&plan.arguments).context("the command has no --out")?;
    compare(args, &out)
}

fn plan(args: &RerunArgs, provenance: &Value) -> Result<Plan> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let (named, whole) = (texts(&provenance["arguments"]), texts(&provenance["paths"]["arguments"]));
    let command = named.first().cloned().unwrap_or_default();
    if !["assoc", "qtl", "depth", "proteins"].contains(&command.as_str()) {
        bail!("{}: the file does not say how it was made: an older norna wrote it", args.file.display());
    }
    let mut folders = args.dir.clone();
    folders.push(PathBuf::new());
    let known: Vec<PathBuf> = match args.dir.is_empty() {
        true => whole.iter().filter(|text| Path::new(text).is_absolute()).map(PathBuf::from).collect(),
        false => Vec::new(),
    };
    let inputs = check_inputs(provenance, &known, &folders);
    let keeps_folders = whole.len() == named.len();
    let mut arguments = if keeps_folders && args.dir.is_empty() { whole } else { named };
    place_inputs(&mut arguments, &inputs);
    let mut notes = Vec::new();
    if !keeps_folders {
        notes.push("the file keeps no folders: names are of the working folder, or of --dir".to_owned());
    }
    let then = provenance["norna_version"].as_str().unwrap_or_default();
    if then != version() {
        notes.push(format!("it was made by norna {}, and this is norna {}", shown(then), version()));
    }
    if provenance["numeric_version"] != json!(norna_kernels::NUMERIC_VERSION) {
        notes.push("numbers may come out otherwise: kernels have changed since".to_owned());
    }
    let out = match (&args.out, args.dry_run) {
        (Some(out), _) => Some(out.clone()),
        (None, true) => None,
        (None, false) => {
            let stem = args.file.file_stem().unwrap_or_default().to_string_lossy();
            Some(PathBuf::from(format!("{stem}.rerun.h5")))
        }
    };
    if let Some(out) = out {
        set(&mut arguments, "--out", &out.to_string_lossy());
    }
    if let Some(threads) = args.threads {
        set(&mut arguments, "--threads", &threads.to_string());
    }
    Ok(Plan { arguments, inputs, notes })
}

/// Puts inputs that were found in the place of their names.
fn place_inputs(arguments: &mut [String], inputs: &[InputCheck]) {
    let mut flag = String::new();
    let mut used = vec![false; inputs.len()];
    for argument in arguments.iter_mut().skip(1) {
        if let Some(name) = argument.strip_prefix("--") {
            flag = name.to_owned();
            continue;
        }
        let name = Path::new(argument.as_str()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let of_flag = |input: &InputCheck| input.role == flag || flag.is_empty();
        let fits = |(i, input): &(usize, &InputCheck)| !used[*i] && of_flag(input) && input.name == name;
        let Some((i, input)) = inputs.iter().enumerate().find(fits) else { continue };
        used[i] = true;
        if matches!(input.found, Found::Same | Found::OtherSize | Found::OtherContent) {
            *argument = input.path.to_string_lossy().into_owned();
        }
    }
}

/// Sets a flag of one value.
fn set(arguments: &mut Vec<String>, flag: &str, value: &str) {
    match arguments.iter().position(|argument| argument == flag) {
        Some(at) if at + 1 < arguments.len() => arguments[at + 1] = value.to_owned(),
        _ => arguments.extend([flag.to_owned(), value.to_owned()]),
    }
}

fn out_of(arguments: &[String]) -> Option<PathBuf> {
    let at = arguments.iter().position(|argument| argument == "--out")?;
    arguments.get(at + 1).map(PathBuf::from)
}

/// As a shell takes it.
fn command_line(arguments: &[String]) -> Result<String> {
    let quoted = |argument: &String| match argument.chars().any(is_unseen) {
        true => Ok(format!("$'{}'", argument.chars().map(escaped).collect::<String>())),
        false => shlex::try_quote(argument).map(|quoted| quoted.into_owned()),
    };
    let words: Result<Vec<String>, _> = arguments.iter().map(quoted).collect();
    Ok(format!("norna {}", words.context("an argument holds a NUL byte")?.join(" ")))
}

/// Whether a terminal does something with it instead of showing it: control characters, and what changes the direction of text or
/// has no width.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// As bash and zsh take it between `$'` and `'`.
fn escaped(c: char) -> String {
    match c {
        '\\' | '\'' => format!("\\{c}"),
        c if is_unseen(c) => c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\x{byte:02x}")).collect(),
        c => c.to_string(),
    }
}

/// A foreign file's text, safe on a terminal.
fn shown(text: &str) -> String {
    text.chars().map(|c| if is_unseen(c) { escaped(c) } else { c.to_string() }).collect()
}

fn in_words(input: &InputCheck) -> String {
    let InputCheck { role, name, found, path } = input;
    let (role, name, path) = (shown(role), shown(name), shown(&path.to_string_lossy()));
    match found {
        Found::Same => format!("--{role} {name}: the same ({path})"),
        Found::OtherSize => format!("--{role} {name}: of another size ({path})"),
        Found::OtherContent => format!("--{role} {name}: of another content ({path})"),
        Found::Missing => format!("--{role} {name}: not found"),
        Found::Stream => format!("--{role} {name}: it was a stream, of which nothing is kept"),
    }
}

fn compare(args: &RerunArgs, out: &Path) -> Result<u8> {
    if std::io::stderr().is_terminal() {
        eprintln!("comparing contents");
    }
    let (before, now) = (content_digest(&args.file, &mut |_| ())?, content_digest(out, &mut |_| ())?);
    let equal = before == now;
    let (file, out): (OsString, OsString) = (args.file.clone().into(), out.to_path_buf().into());
    let (file, out) = (file.to_string_lossy(), out.to_string_lossy());
    let told = json!({ "equal": equal, "out": out, "content_digest": { "before": before, "now": now } });
    let text = match equal {
        true => format!("equal: {out} has the content of {file} ({now})"),
        false => {
            format!("different: {out} has the content {now}, {file} {before}: norna diff {file} {out} says in what")
        }
    };
    stdout::print(&if args.json { format!("{told:#}\n") } else { format!("{text}\n") })?;
    Ok(if equal { super::EXIT_OK } else { EXIT_DIFFERENT })
}
