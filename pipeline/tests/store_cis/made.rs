//! A made-up cis.h5: every number follows from the phenotype and the variant, so any of them can be checked.

use std::path::{Path, PathBuf};

use norna::format::consequence::Consequence;
use norna::proteins::Strand;
use norna::qtl::{CisPhenotype, CisStatus, Lead, NominalPair, Permuted, Signal, VariantKey};
use norna::store::{CisHeader, CisPhenotypeInfo, CisVariant, CisWriter, Ledger, LedgerRole, StoreError};
use norna_kernels::student;
use serde_json::json;

use super::store_common::uniform;

pub const N_SAMPLES: u32 = 358;
pub const N_COVARIATES: u32 = 13;
pub const DF: f64 = (N_SAMPLES - N_COVARIATES - 1) as f64;
pub const N_PHENOTYPES: usize = 40;
pub const N_VARIANTS: usize = 70_000;
/// Variants in the window of a phenotype that has one.
pub const IN_WINDOW: usize = 2_000;

pub fn info(i: usize) -> CisPhenotypeInfo {
    let has_gene = i % 10 != 7;
    CisPhenotypeInfo {
        id: format!("OID{i:05}"),
        name: if i == 3 { String::new() } else { format!("protein {i}é") },
        chrom: if has_gene { "22".into() } else { String::new() },
        tss: if has_gene { first_of(i) as u32 * 10 + 10_000 } else { 0 },
        strand: [Strand::Plus, Strand::Minus, Strand::Unknown][i % 3],
        gene_id: if has_gene { format!("ENSG{i:011}.4") } else { String::new() },
        gene_name: if has_gene { format!("GENE{i}") } else { String::new() },
        below_lod: if i.is_multiple_of(2) { 0.25 } else { f32::NAN },
    }
}

pub fn header(has_nominal: bool) -> CisHeader {
    CisHeader {
        phenotypes: (0..N_PHENOTYPES).map(info).collect(),
        n_samples: N_SAMPLES,
        window: 1_000_000,
        n_permutations: 1000,
        seed: u64::MAX - 1,
        has_nominal,
        has_signals: has_nominal,
    }
}

pub fn variant(i: usize) -> CisVariant {
    let long = "ACGT".repeat(100 + i % 50);
    let alternate = if i % 4000 == 17 { long } else { ["A", "C", "GT"][i % 3].into() };
    let id = if i.is_multiple_of(5) { ".".into() } else { format!("rs{i}") };
    let key = VariantKey { chrom: "22".into(), pos: i as u32 * 10 + 1, id, reference: "T".into(), alternate };
    CisVariant { key, a1_freq: uniform(i as u64) }
}

pub fn first_of(phenotype: usize) -> usize {
    phenotype * (N_VARIANTS - IN_WINDOW) / N_PHENOTYPES
}

pub fn pairs(phenotype: usize) -> Vec<NominalPair> {
    let pair = |k: usize| {
        let seed = (phenotype * 7919 + k) as u64;
        let se = 0.05 + 0.01 * uniform(seed);
        let t = 6.0 * (uniform(!seed) - 0.5);
        let (beta, se) = if k == 11 { (f32::NAN, f32::NAN) } else { ((t * se) as f32, se as f32) };
        NominalPair { variant_idx: (first_of(phenotype) + k) as u64, beta, se }
    };
    (0..IN_WINDOW).map(pair).collect()
}

pub fn lead(phenotype: usize, k: usize) -> Lead {
    let pair = pairs(phenotype)[k];
    let CisVariant { key, a1_freq } = variant(pair.variant_idx as usize);
    let (beta, se) = (f64::from(pair.beta), f64::from(pair.se));
    let tss_distance = i64::from(key.pos) - i64::from(info(phenotype).tss);
    let log10p = student::log10_p(beta / se, DF);
    Lead { variant: key, tss_distance, a1_freq, n_tied: 1 + u32::from(phenotype.is_multiple_of(3)), beta, se, log10p }
}

pub fn t(pair: &NominalPair) -> f64 {
    f64::from(pair.beta / pair.se).abs()
}

pub fn best(phenotype: usize) -> usize {
    let pairs = pairs(phenotype);
    let with_number = (0..pairs.len()).filter(|&k| !pairs[k].se.is_nan());
    with_number.max_by(|&a, &b| t(&pairs[a]).total_cmp(&t(&pairs[b]))).unwrap()
}

pub fn permuted(log10p: f64) -> Permuted {
    Permuted { n: 1000, p_perm: 1.0 / 1001.0, df: 331.5, shape1: 1.02, shape2: 410.7, log10p_beta: log10p * 0.8 }
}

pub fn phenotype(i: usize) -> CisPhenotype {
    let none = CisPhenotype { phenotype_idx: i as u32, n_covariates: N_COVARIATES, n: N_SAMPLES, ..Default::default() };
    if info(i).tss == 0 {
        return CisPhenotype { status: CisStatus::NoGene, n: 0, n_covariates: 0, ..none };
    }
    if i == 5 {
        return CisPhenotype { status: CisStatus::ConstantPhenotype, ..none };
    }
    let lead = lead(i, best(i));
    let permuted = (i != 6).then(|| permuted(lead.log10p));
    CisPhenotype { n_variants: IN_WINDOW as u32 - 1, lead: Some(lead), permuted, ..none }
}

pub fn signals(i: usize) -> Vec<Signal> {
    let signal = |rank: u32| {
        let lead = lead(i, best(i) % 500 + 100 * rank as usize);
        let permuted = permuted(lead.log10p);
        Signal { phenotype_idx: i as u32, rank, lead, permuted }
    };
    if has_result(i) { (1..=1 + i as u32 % 3).map(signal).collect() } else { Vec::new() }
}

pub fn has_result(i: usize) -> bool {
    phenotype(i).lead.is_some()
}

pub fn q_value(i: usize) -> f64 {
    if phenotype(i).permuted.is_some() { 0.001 * (1 + i) as f64 } else { f64::NAN }
}

pub fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.samples.push("in the genotype files", LedgerRole::Input, 400);
    ledger.samples.push("no proteins", LedgerRole::Dropped, 42);
    ledger.samples.push("analysed", LedgerRole::Kept, u64::from(N_SAMPLES));
    ledger.variants.push("read", LedgerRole::Input, 70_100);
    ledger.variants.push("monomorphic", LedgerRole::Dropped, 100);
    ledger.variants.push("kept", LedgerRole::Kept, N_VARIANTS as u64);
    ledger.traits.push("in the file", LedgerRole::Input, N_PHENOTYPES as u64);
    ledger.traits.push("no_gene", LedgerRole::Dropped, 4);
    ledger.traits.push("constant_phenotype", LedgerRole::Dropped, 1);
    ledger.traits.push("tested", LedgerRole::Kept, N_PHENOTYPES as u64 - 5);
    ledger
}

/// Of phenotype 2 the first term that there is, which changes the protein.
pub fn consequence(i: usize) -> Option<Consequence> {
    if i == 2 { Consequence::from_code(1, true) } else { None }
}

pub fn write(path: &Path, has_nominal: bool) -> Result<(), StoreError> {
    let mut writer = CisWriter::create(path, header(has_nominal))?;
    if has_nominal {
        let variants: Vec<CisVariant> = (0..N_VARIANTS).map(variant).collect();
        let mut next = 0;
        for some in variants.chunks(9_973) {
            assert_eq!(writer.push_variants(some)?, next);
            next += some.len() as u64;
        }
    }
    for i in 0..N_PHENOTYPES {
        writer.push_phenotype(phenotype(i))?;
        if has_nominal {
            if has_result(i) {
                for some in pairs(i).chunks(700) {
                    writer.push_nominal(i as u32, some)?;
                }
            }
            signals(i).into_iter().try_for_each(|signal| writer.push_signal(signal))?;
        }
    }
    writer.set_q_values(0.85, &(0..N_PHENOTYPES).map(q_value).collect::<Vec<_>>())?;
    let thresholds: Vec<f64> = (0..N_PHENOTYPES).map(|i| if has_result(i) { 3.5 } else { f64::NAN }).collect();
    writer.set_thresholds(0.05, &thresholds)?;
    let of_signals = writer.signals().iter().map(|signal| consequence(signal.phenotype_idx as usize)).collect();
    writer.set_consequences((0..N_PHENOTYPES).map(consequence).collect(), of_signals)?;
    writer.seal(&ledger(), &json!({ "inputs": [{ "path": "cohort.vcf.gz" }], "timings": { "seconds": 1.5 } }))
}

pub fn written(has_nominal: bool) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cis.h5");
    write(&path, has_nominal).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    (folder, path)
}

/// Exit code, standard output and standard error.
pub fn norna(args: &[&str]) -> (i32, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_norna")).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}
