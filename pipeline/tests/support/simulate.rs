//! Seeded cohorts for tests: genotypes with the allele frequencies of a real sample (most variants rare), as the text of
//! a VCF, and traits with planted effects.

use std::fmt::Write as _;
use std::path::Path;

use super::table::Table;

/// SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub struct SplitMix(u64);

impl SplitMix {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About standard normal: the sum of twelve uniforms.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    pub fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }
}

/// One VCF record.
#[derive(Debug, Clone)]
pub struct Record {
    pub chrom: String,
    pub pos: u32,
    pub reference: String,
    pub alternate: String,
    pub format: String,
    /// One field a sample, as the file has it.
    pub fields: Vec<String>,
    /// ALT copies behind `fields`, missing or not.
    pub dosages: Vec<f64>,
}

/// A cohort's genotypes.
#[derive(Debug, Clone)]
pub struct Genotypes {
    pub samples: Vec<String>,
    pub records: Vec<Record>,
}

/// ALT frequency: many rare, a few common, some with ALT as the major allele.
fn frequency(rng: &mut SplitMix, n_samples: usize) -> f64 {
    let rare = 0.5 / n_samples as f64 + 0.5 * rng.uniform().powi(3);
    if rng.chance(0.15) { 1.0 - rare } else { rare }
}

fn sample_names(n_samples: usize) -> Vec<String> {
    (0..n_samples).map(|i| format!("SUBJ{i:05}")).collect()
}

fn alleles(rng: &mut SplitMix) -> (String, String) {
    let bases = ["A", "C", "G", "T"];
    let first = (rng.next() % 4) as usize;
    let second = (first + 1 + (rng.next() % 3) as usize) % 4;
    (bases[first].to_owned(), bases[second].to_owned())
}

/// A field of a diploid call: `0/1` or phased `1|0`.
fn call_text(rng: &mut SplitMix, copies: u8) -> String {
    let mark = if rng.chance(0.5) { '|' } else { '/' };
    let (first, second) = match copies {
        0 => (0, 0),
        1 if mark == '|' && rng.chance(0.5) => (1, 0),
        1 => (0, 1),
        _ => (1, 1),
    };
    format!("{first}{mark}{second}")
}

/// Hard calls over two chromosomes; each variant has its own rate of missing calls up to `max_missing`.
pub fn calls(seed: u64, n_samples: usize, n_variants: usize, max_missing: f64) -> Genotypes {
    let mut rng = SplitMix::new(seed);
    let records = (0..n_variants).map(|v| {
        let f = frequency(&mut rng, n_samples);
        let missing = if rng.chance(0.2) { 0.0 } else { rng.uniform() * max_missing };
        let (reference, alternate) = alleles(&mut rng);
        let mut record = blank_record(v, n_variants, reference, alternate, "GT");
        for _ in 0..n_samples {
            let copies = u8::from(rng.chance(f)) + u8::from(rng.chance(f));
            record.dosages.push(f64::from(copies));
            let text = call_text(&mut rng, copies);
            record.fields.push(if rng.chance(missing) { "./.".to_owned() } else { text });
        }
        record
    });
    let records = records.collect();
    Genotypes { samples: sample_names(n_samples), records }
}

/// Where the values of DS lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grid {
    /// Multiples of 1/16384, which is what plink2 keeps.
    Plink2,
    /// Three decimals, as imputation servers write.
    Thousandths,
}

/// GT:DS records: imputed dosages around a call. With `max_missing`, a DS is sometimes missing beside a call, and
/// sometimes both are.
pub fn dosages(seed: u64, n_samples: usize, n_variants: usize, grid: Grid, max_missing: f64) -> Genotypes {
    let mut rng = SplitMix::new(seed);
    let records = (0..n_variants).map(|v| {
        let f = (0.05 + 0.9 * rng.uniform()).min(0.95);
        let blur = 0.3 * rng.uniform();
        let missing = rng.uniform() * max_missing;
        let (reference, alternate) = alleles(&mut rng);
        let mut record = blank_record(v, n_variants, reference, alternate, "GT:DS");
        for _ in 0..n_samples {
            let copies = u8::from(rng.chance(f)) + u8::from(rng.chance(f));
            let value = (f64::from(copies) + blur * rng.normal()).clamp(0.0, 2.0);
            let (value, text) = match grid {
                Grid::Plink2 => {
                    let value = (value * 16384.0).round() / 16384.0;
                    (value, format!("{value}"))
                }
                Grid::Thousandths => {
                    let value = (value * 1000.0).round() / 1000.0;
                    (value, format!("{value:.3}"))
                }
            };
            let call = call_text(&mut rng, value.round() as u8);
            record.fields.push(match (rng.chance(missing), rng.chance(0.5)) {
                (true, true) => "./.:.".to_owned(),
                (true, false) => format!("{call}:."),
                _ => format!("{call}:{text}"),
            });
            record.dosages.push(value);
        }
        record
    });
    let records = records.collect();
    Genotypes { samples: sample_names(n_samples), records }
}

fn blank_record(v: usize, n_variants: usize, reference: String, alternate: String, format: &str) -> Record {
    let on_first = v < n_variants * 2 / 3;
    let (chrom, start) = if on_first { ("1", 0) } else { ("2", n_variants * 2 / 3) };
    Record {
        chrom: chrom.to_owned(),
        pos: 10_000 + 5_003 * (v - start) as u32,
        reference,
        alternate,
        format: format.to_owned(),
        fields: Vec::new(),
        dosages: Vec::new(),
    }
}

impl Genotypes {
    /// The VCF as text.
    pub fn to_vcf(&self) -> String {
        let mut text = String::from("##fileformat=VCFv4.2\n##FILTER=<ID=PASS,Description=\"All filters passed\">\n");
        let mut chroms: Vec<&str> = self.records.iter().map(|record| record.chrom.as_str()).collect();
        chroms.dedup();
        for chrom in chroms {
            writeln!(text, "##contig=<ID={chrom},length=250000000>").unwrap();
        }
        text.push_str("##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n");
        text.push_str("##FORMAT=<ID=DS,Number=A,Type=Float,Description=\"ALT dosage\">\n");
        text.push_str("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t");
        writeln!(text, "{}", self.samples.join("\t")).unwrap();
        for record in &self.records {
            let Record { chrom, pos, reference, alternate, format, fields, .. } = record;
            write!(text, "{chrom}\t{pos}\tv{chrom}_{pos}\t{reference}\t{alternate}\t.\tPASS\t.\t{format}").unwrap();
            for field in fields {
                text.push('\t');
                text.push_str(field);
            }
            text.push('\n');
        }
        text
    }

    pub fn write_vcf(&self, path: &Path) {
        std::fs::write(path, self.to_vcf()).unwrap();
    }
}

/// Covariates c1, c2, ... of which c1 is 0 or 1; complete.
pub fn covariates(seed: u64, samples: &[String], n_covariates: usize) -> Table {
    let mut rng = SplitMix::new(seed);
    let header = std::iter::once("IID".to_owned()).chain((1..=n_covariates).map(|i| format!("c{i}"))).collect();
    let row = |sample: &String| {
        let mut row = vec![sample.clone()];
        for i in 0..n_covariates {
            let value = if i == 0 { f64::from(u8::from(rng.chance(0.45))) } else { 3.0 * rng.normal() + i as f64 };
            row.push(format!("{value:.5}"));
        }
        row
    };
    Table { header, rows: samples.iter().map(row).collect() }
}

/// Traits t0, t1, ...: noise, an effect of two variants and of the first covariate. `missing(k)` is the rate of NA in
/// trait k, each trait with its own pattern.
pub fn traits(
    seed: u64,
    genotypes: &Genotypes,
    covariates: &Table,
    n_traits: usize,
    missing: impl Fn(usize) -> f64,
) -> Table {
    let n_samples = genotypes.samples.len();
    let mut rows: Vec<Vec<String>> = genotypes.samples.iter().map(|sample| vec![sample.clone()]).collect();
    for k in 0..n_traits {
        let mut rng = SplitMix::new(seed ^ (k as u64 + 1).wrapping_mul(0xd1b5_4a32_d192_ed03));
        let mut pick = || &genotypes.records[(rng.next() % genotypes.records.len().max(1) as u64) as usize].dosages;
        let causal = if genotypes.records.is_empty() { None } else { Some((pick(), pick())) };
        let rate = missing(k);
        for i in 0..n_samples {
            let genetic = causal.map_or(0.0, |(first, second)| 0.5 * first[i] - 0.2 * second[i]);
            let value = 10.0 + genetic + 0.3 * covariates.rows[i][1].parse::<f64>().unwrap() + rng.normal();
            rows[i].push(if rng.chance(rate) { "NA".to_owned() } else { format!("{value:.6}") });
        }
    }
    let header = std::iter::once("IID".to_owned()).chain((0..n_traits).map(|k| format!("t{k}"))).collect();
    Table { header, rows }
}
