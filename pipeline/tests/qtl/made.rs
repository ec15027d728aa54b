//! A cohort with phenotypes: variants of two chromosomes with missing calls, genes among them, planted effects, missing values.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::support::simulate::{self, Genotypes, SplitMix};
use super::support::tools::{self, Run};

/// Base pairs between variants.
const STEP: u32 = 1_000;
/// `--cis-window` of the runs.
pub(crate) const WINDOW: &str = "40000";

/// A folder with cohort.vcf.gz, genes.bed, covars.tsv.
pub(crate) struct Made {
    folder: tempfile::TempDir,
}

impl Made {
    /// 150 people, 2 × 200 variants, 24 genes (of which the last chromosome has none), two covariates.
    pub(crate) fn new() -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap() };
        let mut genotypes = simulate::calls(11, 150, 400, 0.03);
        for (i, record) in genotypes.records.iter_mut().enumerate() {
            record.chrom = if i < 200 { "chr2" } else { "10" }.to_owned();
            record.pos = 1_000_000 + (i as u32 % 200) * STEP;
        }
        genotypes.write_vcf(&made.path("cohort.vcf"));
        tools::bgzip_indexed(&made.path("cohort.vcf"));
        simulate::covariates(12, &genotypes.samples, 2).write(&made.path("covars.tsv"));
        std::fs::write(made.path("genes.bed"), bed(&genotypes)).unwrap();
        made
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Arguments of `norna qtl` with output `out`.
    pub(crate) fn args(&self, out: &str, extra: &[&str]) -> Vec<String> {
        let text = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let mut args: Vec<String> = vec!["qtl".into(), "--vcf".into(), text("cohort.vcf.gz")];
        args.extend(["--proteins".into(), text("genes.bed"), "--covar".into(), text("covars.tsv")]);
        args.extend(["--cis-window".into(), WINDOW.into(), "--out".into(), text(out)]);
        args.extend(extra.iter().map(|&flag| flag.to_owned()));
        args
    }

    pub(crate) fn run(&self, ranks: usize, out: &str, extra: &[&str]) -> Run {
        let args = self.args(out, extra);
        tools::run(&mut if ranks == 1 { tools::norna(args) } else { tools::mpirun(ranks, args) })
    }

    /// Runs, which must work, and the file must be sound.
    #[track_caller]
    pub(crate) fn qtl(&self, ranks: usize, out: &str, extra: &[&str]) -> PathBuf {
        self.run(ranks, out, extra).ok();
        verified(&self.path(out))
    }
}

#[track_caller]
pub(crate) fn verified(path: &Path) -> PathBuf {
    tools::run(&mut tools::norna(["verify", path.to_str().unwrap()])).ok();
    path.to_path_buf()
}

/// Genes every 15 kb, the names of chromosomes not always those of the VCF; every second one is moved by one or two variants
/// nearby, and every third one misses values.
fn bed(genotypes: &Genotypes) -> String {
    let mut rng = SplitMix::new(13);
    let mut text = format!("#chr\tstart\tend\tid\t{}\n", genotypes.samples.join("\t"));
    for gene in 0..24usize {
        let (chrom, first) = if gene < 12 { ("2", 0) } else { ("chr10", 200) };
        let tss = 1_000_000 + (gene as u32 % 12) * 15 * STEP + 500;
        let near = first + (gene % 12) * 15;
        write!(text, "{chrom}\t{}\t{tss}\tGENE{gene:02}", tss - 1).unwrap();
        for person in 0..genotypes.samples.len() {
            let copies = |variant: usize| genotypes.records[variant].dosages[person];
            let effect = match gene % 4 {
                0 => 0.8 * copies(near + 3),
                2 => 0.7 * copies(near + 5) - 0.9 * copies(near + 12),
                _ => 0.0,
            };
            let value = 3.0 + effect + rng.normal();
            if gene % 3 == 0 && rng.chance(0.1) { text += "\tNA" } else { write!(text, "\t{value:.6}").unwrap() }
        }
        text += "\n";
    }
    text
}
