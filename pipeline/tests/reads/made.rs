//! A simulated cohort with reads, made once.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::tools::{self, Run};

/// Files of a cohort: genotypes c.vcf.gz, traits c.pheno.tsv, covariates c.covar.tsv, reads in bams/.
pub struct Cohort {
    folder: tempfile::TempDir,
}

/// 60 people at 3×, 1,500 sites, quantitative and two-valued traits.
pub fn cohort() -> &'static Cohort {
    static COHORT: OnceLock<Cohort> = OnceLock::new();
    COHORT.get_or_init(|| {
        let cohort = Cohort { folder: tempfile::tempdir().unwrap() };
        let flags = "--n-samples 60 --n-variants 1500 --contig 21:300000,22:300000 --n-traits 6 --n-binary-traits 2 \
                     --prevalence 0.4 --missing-traits 0.05 --n-covariates 2 --depth 3 --seed 5 -q";
        let mut args = vec!["simulate"];
        args.extend(flags.split_whitespace());
        let (out, bams) = (cohort.text("c.vcf.gz"), cohort.text("bams"));
        args.extend(["--out", &out, "--reads", &bams]);
        tools::run(&mut tools::norna(args)).ok();
        cohort
    })
}

impl Cohort {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// `--bam-list --sites --fasta` and the output.
    pub fn reads_args(&self, command: &str, list: &str, out: &str) -> Vec<String> {
        let flags = [
            ("--bam-list", list.to_owned()),
            ("--sites", self.text("bams/sites.vcf.gz")),
            ("--fasta", self.text("bams/reference.fa")),
            ("--out", self.text(out)),
        ];
        let mut args = vec![command.to_owned()];
        args.extend(flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]));
        args
    }

    /// Flags of an association with the quantitative traits.
    pub fn assoc_args(&self, out: &str, extra: &[&str]) -> Vec<String> {
        let mut args = self.reads_args("assoc", &self.text("bams/bams.txt"), out);
        args.extend(["--pheno", &self.text("c.pheno.tsv"), "--covar", &self.text("c.covar.tsv")].map(str::to_owned));
        if !extra.contains(&"--pheno-name") {
            args.extend(["--pheno-name", "T*"].map(str::to_owned));
        }
        args.extend(extra.iter().map(|&flag| flag.to_owned()));
        args
    }

    #[track_caller]
    pub fn assoc(&self, ranks: usize, out: &str, extra: &[&str]) -> PathBuf {
        self.run(ranks, self.assoc_args(out, extra)).ok();
        self.path(out)
    }

    pub fn run(&self, ranks: usize, args: Vec<String>) -> Run {
        let mut command = if ranks == 1 { tools::norna(args) } else { tools::mpirun(ranks, args) };
        tools::run(&mut command)
    }
}

/// Lines of a BCF's records by bcftools query.
pub fn query(path: &Path, format: &str) -> Vec<String> {
    let mut command = tools::command("bcftools");
    command.args(["query", "-f", format]).arg(path);
    tools::run(&mut command).ok().stdout.lines().map(str::to_owned).collect()
}
