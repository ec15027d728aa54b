//! What `norna submit` says: a line for each choice, the scripts, JSON.

use std::io::Write;

use serde_json::{Value, json};

use crate::slurm::choice::Choice;
use crate::slurm::jobs::Job;
use crate::slurm::profile::Profile;
use crate::slurm::submit;

/// What was chosen and why, on standard error.
pub(super) fn explain(choice: &Choice, warnings: &[String]) {
    let mut text: Vec<String> = warnings.iter().map(|warning| format!("warning: {warning}")).collect();
    let jobs = choice.array.map_or(String::new(), |jobs| format!("{jobs} jobs of "));
    text.push(format!(
        "{jobs}{} × {} × {}, {} MB a node, {}",
        crate::report::words::count(choice.nodes.into(), "node"),
        crate::report::words::count(choice.ranks_per_node.into(), "rank"),
        crate::report::words::count(choice.threads.into(), "thread"),
        choice.memory_per_node_mb,
        choice.time
    ));
    text.extend(choice.reasons.iter().map(|reason| format!("  {reason}")));
    if let Some(price) = &choice.charge {
        text.push(format!(
            "  charge: {:.2} {} expected, {:.2} at most: {}",
            price.expected, price.unit, price.at_most, price.formula
        ));
    }
    // Nobody need read it.
    let _ = writeln!(std::io::stderr(), "{}", text.join("\n"));
}

/// One script as it is, so that it can be piped to sbatch; several with a line before each.
pub(super) fn print_scripts(jobs: &[Job]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for job in jobs {
        if jobs.len() > 1 {
            let flags = submit::flags(job, &[]);
            let flags: Vec<String> = flags.iter().map(|flag| flag.to_string_lossy().into_owned()).collect();
            writeln!(out, "# {}: sbatch {}", job.role.name(), flags.join(" ").replace('\n', "?"))?;
        }
        out.write_all(&job.script)?;
    }
    Ok(())
}

/// The same for a machine.
pub(super) fn print_json(
    profile: &Profile,
    choice: &Choice,
    warnings: &[String],
    jobs: &[Job],
    ids: &[String],
) -> std::io::Result<()> {
    let job = |(i, job): (usize, &Job)| {
        json!({
            "role": job.role,
            "id": ids.get(i),
            "file": job.file.to_string_lossy(),
            "after": job.after.map(|(kind, idx)| json!({"job": jobs[idx].role, "ended": kind})),
            "script": String::from_utf8_lossy(&job.script),
        })
    };
    let mut value = serde_json::to_value(choice)?;
    if let Value::Object(map) = &mut value {
        map.insert("profile".into(), json!(profile.name));
        map.insert("warnings".into(), json!(warnings));
        map.insert("time_seconds".into(), json!(choice.time.0));
        map.insert("jobs".into(), jobs.iter().enumerate().map(job).collect());
    }
    writeln!(std::io::stdout().lock(), "{value:#}")
}
