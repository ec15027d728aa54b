//! One study on disk: its inputs in a folder of its own, and norna run on them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::simulate::Genotypes;
use super::table::Table;
use super::tools::{self, Run};

/// Inputs of the main job.
#[derive(Debug)]
pub struct Study {
    folder: tempfile::TempDir,
    pub vcf: PathBuf,
    pub pheno: PathBuf,
    pub covar: Option<PathBuf>,
    /// Flags of every run.
    pub flags: Vec<String>,
}

impl Study {
    /// Files that are already there.
    pub fn of_files(vcf: &Path, pheno: &Path, covar: Option<&Path>) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            vcf: vcf.to_path_buf(),
            pheno: pheno.to_path_buf(),
            covar: covar.map(Path::to_path_buf),
            flags: Vec::new(),
        }
    }

    /// Writes the inputs; the VCF as plain text.
    pub fn write(genotypes: &Genotypes, traits: &Table, covariates: Option<&Table>) -> Self {
        let mut study = Self::of_files(Path::new(""), Path::new(""), None);
        study.vcf = study.path("cohort.vcf");
        genotypes.write_vcf(&study.vcf);
        study.pheno = study.path("traits.tsv");
        traits.write(&study.pheno);
        study.covar = covariates.map(|table| {
            let path = study.path("covars.tsv");
            table.write(&path);
            path
        });
        study
    }

    /// 358 people, 4,211 variants, 20 genes, 12 covariates of datasets/.
    pub fn geuvadis_slice() -> Self {
        let file = |name: &str| super::places::dataset(&format!("geuvadis/{name}"));
        Self::of_files(&file("chr22.vcf.gz"), &file("traits.tsv"), Some(&file("covars.tsv")))
    }

    /// A file name in the study's own folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the plain VCF by a bgzip one with an index.
    pub fn bgzip(&mut self) {
        self.vcf = tools::bgzip_indexed(&self.vcf);
    }

    /// Arguments of `norna assoc` with output `out` in the study's folder.
    pub fn assoc_args(&self, out: &str, extra: &[&str]) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec!["assoc".into(), "--vcf".into(), self.vcf.clone().into()];
        args.extend(["--pheno".into(), self.pheno.clone().into()]);
        if let Some(covar) = &self.covar {
            args.extend(["--covar".into(), covar.clone().into()]);
        }
        args.extend(["--out".into(), self.path(out).into()]);
        args.extend(self.flags.iter().map(Into::into));
        args.extend(extra.iter().map(Into::into));
        args
    }

    /// Runs the main job as one process, whatever comes of it.
    pub fn try_assoc(&self, out: &str, extra: &[&str]) -> Run {
        tools::run(&mut tools::norna(self.assoc_args(out, extra)))
    }

    /// Runs the main job as one process, and it must work; the results file.
    #[track_caller]
    pub fn assoc(&self, out: &str, extra: &[&str]) -> PathBuf {
        self.try_assoc(out, extra).ok();
        tools::run(&mut tools::norna([OsString::from("verify"), self.path(out).into()])).ok();
        self.path(out)
    }

    /// Runs the main job over MPI, and it must work; the results file.
    #[track_caller]
    pub fn assoc_ranks(&self, ranks: usize, out: &str, extra: &[&str]) -> PathBuf {
        tools::run(&mut tools::mpirun(ranks, self.assoc_args(out, extra))).ok();
        tools::run(&mut tools::norna([OsString::from("verify"), self.path(out).into()])).ok();
        self.path(out)
    }

    /// `norna export` of one trait as a table.
    #[track_caller]
    pub fn export(&self, results: &Path, name: &str) -> Table {
        let out = self.path(&format!("export.{name}.tsv"));
        let mut command = tools::norna(["export"]);
        command.arg(results).args(["--trait", name, "--format", "tsv", "--force", "-o"]).arg(&out);
        tools::run(&mut command).ok();
        Table::read(&out)
    }
}
