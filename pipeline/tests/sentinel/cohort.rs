//! Simulated people under names that hold a word which stands nowhere else, and tables that are wrong where a name stands.

use std::path::{Path, PathBuf};

use super::search::SENTINEL;
use super::support::tools;

const N_SAMPLES: usize = 24;

/// Folders `in` (sound), `bad` (each file wrong in its own way) and `out` (empty).
pub struct Cohort(tempfile::TempDir);

fn name(i: usize) -> String {
    format!("{SENTINEL}{i:03}")
}

/// Text of norna simulate with S1, S2, ... renamed where they stand alone between tabs and line ends.
fn renamed(text: &str) -> String {
    let rename = |cell: &str| match cell.strip_prefix('S').map(str::parse::<usize>) {
        Some(Ok(i)) => name(i),
        _ => cell.to_owned(),
    };
    let lines = text.lines().map(|line| line.split('\t').map(rename).collect::<Vec<_>>().join("\t") + "\n");
    lines.collect()
}

impl Cohort {
    pub fn new() -> Self {
        let cohort = Self(tempfile::tempdir().unwrap());
        for folder in ["in", "bad", "out"] {
            std::fs::create_dir(cohort.path(folder)).unwrap();
        }
        cohort.norna(&format!(
            "simulate --out in/drawn.vcf --n-samples {N_SAMPLES} --n-variants 300 --contig 22:200000 --n-traits 2 \
             --n-binary-traits 1 --prevalence 0.4 --n-covariates 2 --min-causal-maf 0.2 --heritability 0.8"
        ));
        for (from, to) in
            [("drawn.vcf", "people.vcf"), ("drawn.pheno.tsv", "traits.tsv"), ("drawn.covar.tsv", "covars.tsv")]
        {
            let text = std::fs::read_to_string(cohort.path("in").join(from)).unwrap();
            std::fs::write(cohort.path("in").join(to), renamed(&text)).unwrap();
        }
        tools::bgzip_indexed(&cohort.path("in/people.vcf"));
        cohort.norna("simulate --genotypes in/people.vcf.gz --reads in/reads --depth 3");
        cohort.write_lists();
        cohort.write_bad_tables();
        cohort.write_bad_files();
        cohort
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn norna(&self, words: &str) {
        tools::run(tools::norna(words.split_whitespace()).current_dir(self.0.path())).ok();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn write_lists(&self) {
        self.write("in/some.txt", (1..20).map(|i| name(i) + "\n").collect::<String>());
        let gene = |i: usize, trait_name: &str| {
            let (from, to) = (i * 40_000, i * 40_000 + 900);
            format!(
                "22\tsource\tgene\t{from}\t{to}\t.\t+\t.\tgene_id \"ENSG{i:011}\"; gene_name \"{trait_name}\"; \
                 gene_type \"protein_coding\";\n"
            )
        };
        self.write("in/genes.gtf", gene(1, "T1") + &gene(2, "T2") + &gene(3, "B1"));
        let bams = (1..=N_SAMPLES).map(|i| format!("{}\n", self.path(&format!("in/reads/{}.bam", name(i))).display()));
        self.write("in/bams.txt", bams.collect::<String>());
    }

    fn write_bad_tables(&self) {
        let traits = self.read("in/traits.tsv");
        let body: Vec<&str> = traits.lines().filter(|line| !line.starts_with("##")).collect();
        let table = |rows: &[String]| format!("{}\n{}\n", body[0], rows.join("\n"));
        let rows: Vec<String> = body[1..].iter().map(|row| (*row).to_owned()).collect();
        let with = |i: usize, row: String| {
            let mut rows = rows.clone();
            rows[i] = row;
            table(&rows)
        };
        self.write("bad/repeated.tsv", with(7, rows[6].clone()));
        self.write("bad/not-a-number.tsv", with(7, format!("{}\t{}\t1\t2", name(8), name(9))));
        self.write("bad/short-row.tsv", with(7, format!("{}\t1", name(8))));
        self.write("bad/no-header.tsv", rows.join("\n") + "\n");
        self.write("bad/strangers.tsv", table(&rows).replace(SENTINEL, &format!("other-{SENTINEL}")));
        self.write("bad/sex.txt", format!("#IID\tSEX\n{}\tperhaps\n", name(1)));
        self.write("bad/map.txt", format!("{}\tx\n{}\ty\n", name(1), name(1)));
        self.write("bad/pairs.txt", format!("{}\t{}-of-nobody\n", name(1), name(2)));
        self.write("bad/pred.list", format!("T1 {}\n", self.path("bad/T1.loco").display()));
        self.write("bad/T1.loco", format!("FID_IID {0}_{0} {0}_{0}\n22 1 2\n", name(1)));
    }

    fn write_bad_files(&self) {
        let vcf = self.read("in/people.vcf");
        let header = vcf.lines().find(|line| line.starts_with("#CHROM")).unwrap();
        self.write("bad/repeated.vcf", vcf.replace(header, &header.replace(&name(2), &name(1))));
        let (front, last) = vcf.trim_end().rsplit_once('\n').unwrap();
        let (fields, _) = last.rsplit_once('\t').unwrap();
        self.write("bad/genotype.vcf", format!("{front}\n{fields}\t{}\n", name(3)));
        self.write("bad/cut.vcf", format!("{front}\n{fields}\n"));
        let bam = |i: usize| self.path(&format!("in/reads/{}.bam", name(i)));
        let list = |more: &Path| format!("{}\n{}\n", bam(1).display(), more.display());
        self.write("bad/bams-missing.txt", list(&self.path(&format!("in/reads/{}-absent.bam", name(2)))));
        self.write("bad/bams-repeated.txt", list(&bam(1)));
        let cut = self.path(&format!("bad/{}.bam", name(2)));
        let bytes = std::fs::read(bam(2)).unwrap();
        std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
        std::fs::copy(bam(2).with_extension("bam.bai"), cut.with_extension("bam.bai")).unwrap();
        self.write("bad/bams-cut.txt", list(&cut));
        let bare = self.path(&format!("bad/{}.bam", name(3)));
        std::fs::copy(bam(3), &bare).unwrap();
        self.write("bad/bams-no-index.txt", list(&bare));
    }
}
