//! A folder to submit from, and programs that stand in for Slurm's.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::places::dataset;
use crate::support::tools::{self, Run};

/// Each profile with an account that fits it.
pub const CLUSTERS: [(&str, &str); 10] = [
    ("arrhenius", "naiss2026-1-23-cpu"),
    ("bianca", "sens2023598"),
    ("dardel", "naiss2026-1-23"),
    ("generic", "any"),
    ("kebnekaise", "hpc2n2025-151"),
    ("leonardo-dcgp", "EUHPC_D35_204"),
    ("local", "any"),
    ("lumi-c", "project_465000001"),
    ("mn5-gpp", "ehpc238"),
    ("pelle", "uppmax2025-2-1"),
];

/// A folder that no profile takes for memory of a node, as /tmp is on some.
pub struct Place(pub tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        let folders = [env!("CARGO_TARGET_TMPDIR"), "/var/tmp"];
        let seen_by_all = folders.into_iter().find(|folder| !folder.starts_with("/tmp")).unwrap();
        Self(tempfile::tempdir_in(seen_by_all).unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// norna in this folder.
    pub fn norna<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Run {
        let mut command = tools::norna(args);
        tools::run(command.current_dir(self.0.path()).env("NORNA_TODAY", "2026-11-20"))
    }

    /// `norna submit` of the study of datasets/.
    pub fn submit(&self, flags: &[&str]) -> Run {
        self.norna(submit_args(flags, &[]))
    }

    /// A program on the path of [`Place::with_path`].
    pub fn program(&self, name: &str, text: &str) -> PathBuf {
        let folder = self.path("bin");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/bash\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub fn search_path(&self) -> OsString {
        let mut path = self.path("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        path
    }

    /// Runs a script as Slurm would, with the programs of [`Place::program`].
    pub fn bash(&self, script: &Path, env: &[(&str, &str)]) -> Run {
        let mut command = tools::command("bash");
        command.arg(script).current_dir(self.0.path()).env("PATH", self.search_path());
        tools::run(command.envs(env.iter().copied()))
    }
}

pub fn submit_args(flags: &[&str], assoc: &[&str]) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["submit".into()];
    args.extend(flags.iter().map(Into::into));
    args.extend(["--", "assoc", "--out", "results.h5", "--vcf"].map(Into::into));
    args.push(dataset("geuvadis/chr22.vcf.gz").into());
    args.extend(["--pheno".into(), dataset("geuvadis/traits.tsv").into()]);
    args.extend(["--covar".into(), dataset("geuvadis/covars.tsv").into()]);
    args.extend(assoc.iter().map(Into::into));
    args
}

pub fn shellcheck(place: &Place, script: &str) {
    let path = place.path("checked.sh");
    std::fs::write(&path, script).unwrap();
    let run = tools::run(tools::command("shellcheck").arg(&path));
    assert_eq!(run.code, 0, "{}\n{script}", run.stdout);
}

/// The value of an #SBATCH option.
pub fn option<'a>(script: &'a str, name: &str) -> Option<&'a str> {
    let start = format!("#SBATCH --{name}=");
    script.lines().find_map(|line| line.strip_prefix(start.as_str()))
}

pub fn json(run: Run) -> Value {
    serde_json::from_str(&run.ok().stdout).unwrap()
}
