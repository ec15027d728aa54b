//! An sbatch that answers otherwise than it should.

use super::*;
use crate::slurm::jobs::Role;

fn program(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    let path = path.to_str().unwrap();
    // By another process: a file that this one has open for writing may not be started meanwhile by its threads.
    let mut bash = Command::new("bash");
    bash.args(["-c", "printf '#!/bin/bash\\n%s\\n' \"$2\" >\"$1\" && chmod +x \"$1\"", "-", path, text]);
    assert!(bash.status().unwrap().success());
    path.to_owned()
}

/// What comes of two jobs, the second after the first, and which scripts are left.
fn submitted(sbatch: &str, scancel: &str, millis: u64) -> (Result<Vec<String>, String>, usize) {
    let dir = tempfile::tempdir().unwrap();
    let job = |role, file: &str, after| Job { role, file: file.into(), script: HEAD.into(), after };
    let jobs = [job(Role::Run, "a.sbatch", None), job(Role::Verify, "b.sbatch", Some((After::Ok, 0)))];
    let (sbatch, scancel) = (program(dir.path(), "sbatch", sbatch), program(dir.path(), "scancel", scancel));
    let limits = Limits { time: Duration::from_millis(millis), bytes: 1 << 20 };
    let result = submit(&jobs, dir.path(), Slurm { sbatch: &sbatch, scancel: &scancel, limits });
    let left = ["a.sbatch", "b.sbatch"].iter().filter(|name| dir.path().join(name).exists()).count();
    (result.map_err(|error| error.to_string()), left)
}

const SECOND: &str = "[[ $2 == --dependency* ]] || { echo 41; exit; }";

#[test]
fn a_refused_chain_is_taken_back_with_its_scripts() {
    let refusing = format!("{SECOND}; echo 'no money' >&2; exit 1");
    let (result, left) = submitted(&refusing, "[[ $* == 41 ]]", 60_000);
    let error = result.unwrap_err();
    assert!(error.contains("b.sbatch: sbatch refused it: no money; no script was left"), "{error}");
    assert!(error.ends_with("submitted before it and cancelled: 41") && left == 0, "{error}");
    let (result, _) = submitted(&refusing, "echo 'no such job' >&2; exit 1", 60_000);
    let error = result.unwrap_err();
    assert!(error.contains("(scancel: no such job); scancel 41 takes them back"), "{error}");
}

#[test]
fn an_answer_without_a_job_id_is_shown() {
    for (answer, shown) in [("0", "\"0\""), ("", "\"\""), ("-1", "\"-1\""), ("queued\\nfine", "\"queued fine\"")] {
        let (result, left) = submitted(&format!("printf -- '{answer}'"), "exit 0", 60_000);
        let error = result.unwrap_err();
        assert!(error.contains(shown) && error.contains("may or may not have been submitted"), "{error}");
        assert_eq!((left, error.lines().count()), (2, 1));
    }
    assert_eq!(submitted("echo '17;alpha'", "exit 0", 60_000), (Ok(vec!["17".into(), "17".into()]), 2));
}

#[test]
fn an_sbatch_that_hangs_is_not_waited_for() {
    let (result, left) = submitted("exec sleep 60", "exit 0", 300);
    let error = result.unwrap_err();
    assert!(
        error.contains("no answer within 0.3 s") && error.contains("may or may not have been submitted"),
        "{error}"
    );
    assert_eq!(left, 2);
}
