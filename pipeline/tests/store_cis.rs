//! cis.h5: what is written comes back, here and in h5py; a damaged file is refused in one line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod store_common;
mod support;

use std::path::{Path, PathBuf};

use norna::proteins::Strand;
use norna::qtl::{CisPhenotype, CisStatus, Lead, NominalPair, Permuted, Signal, VariantKey};
use norna::store::{
    CisHeader, CisPhenotypeInfo, CisReader, CisVariant, CisWriter, Ledger, LedgerRole, ResultsReader, StoreError,
};
use norna_kernels::student;
use serde_json::json;
use store_common::uniform;
use support::need;
use support::tools::Need;

const N_SAMPLES: u32 = 358;
const N_COVARIATES: u32 = 13;
const DF: f64 = (N_SAMPLES - N_COVARIATES - 1) as f64;
const N_PHENOTYPES: usize = 40;
const N_VARIANTS: usize = 70_000;
/// Variants in the window of a phenotype that has one.
const IN_WINDOW: usize = 2_000;

fn info(i: usize) -> CisPhenotypeInfo {
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

fn header(has_nominal: bool) -> CisHeader {
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

fn variant(i: usize) -> CisVariant {
    let long = "ACGT".repeat(100 + i % 50);
    let alternate = if i % 4000 == 17 { long } else { ["A", "C", "GT"][i % 3].into() };
    let id = if i.is_multiple_of(5) { ".".into() } else { format!("rs{i}") };
    let key = VariantKey { chrom: "22".into(), pos: i as u32 * 10 + 1, id, reference: "T".into(), alternate };
    CisVariant { key, a1_freq: uniform(i as u64) }
}

fn first_of(phenotype: usize) -> usize {
    phenotype * (N_VARIANTS - IN_WINDOW) / N_PHENOTYPES
}

fn pairs(phenotype: usize) -> Vec<NominalPair> {
    let pair = |k: usize| {
        let seed = (phenotype * 7919 + k) as u64;
        let se = 0.05 + 0.01 * uniform(seed);
        let t = 6.0 * (uniform(!seed) - 0.5);
        let (beta, se) = if k == 11 { (f32::NAN, f32::NAN) } else { ((t * se) as f32, se as f32) };
        NominalPair { variant_idx: (first_of(phenotype) + k) as u64, beta, se }
    };
    (0..IN_WINDOW).map(pair).collect()
}

fn lead(phenotype: usize, k: usize) -> Lead {
    let pair = pairs(phenotype)[k];
    let CisVariant { key, a1_freq } = variant(pair.variant_idx as usize);
    let (beta, se) = (f64::from(pair.beta), f64::from(pair.se));
    let tss_distance = i64::from(key.pos) - i64::from(info(phenotype).tss);
    let log10p = student::log10_p(beta / se, DF);
    Lead { variant: key, tss_distance, a1_freq, n_tied: 1 + (phenotype % 3 == 0) as u32, beta, se, log10p }
}

fn t(pair: &NominalPair) -> f64 {
    f64::from(pair.beta / pair.se).abs()
}

fn best(phenotype: usize) -> usize {
    let pairs = pairs(phenotype);
    let with_number = (0..pairs.len()).filter(|&k| !pairs[k].se.is_nan());
    with_number.max_by(|&a, &b| t(&pairs[a]).total_cmp(&t(&pairs[b]))).unwrap()
}

fn permuted(log10p: f64) -> Permuted {
    Permuted { n: 1000, p_perm: 1.0 / 1001.0, df: 331.5, shape1: 1.02, shape2: 410.7, log10p_beta: log10p * 0.8 }
}

fn phenotype(i: usize) -> CisPhenotype {
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

fn signals(i: usize) -> Vec<Signal> {
    let signal = |rank: u32| {
        let lead = lead(i, best(i) % 500 + 100 * rank as usize);
        let permuted = permuted(lead.log10p);
        Signal { phenotype_idx: i as u32, rank, lead, permuted }
    };
    if has_result(i) { (1..=1 + i as u32 % 3).map(signal).collect() } else { Vec::new() }
}

fn has_result(i: usize) -> bool {
    phenotype(i).lead.is_some()
}

fn q_value(i: usize) -> f64 {
    if has_result(i) { 0.001 * (1 + i) as f64 } else { f64::NAN }
}

fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.samples.push("in the genotype files", LedgerRole::Input, 400);
    ledger.samples.push("no proteins", LedgerRole::Dropped, 42);
    ledger.samples.push("analysed", LedgerRole::Kept, u64::from(N_SAMPLES));
    ledger.variants.push("read", LedgerRole::Input, 70_100);
    ledger.variants.push("monomorphic", LedgerRole::Dropped, 100);
    ledger.variants.push("kept", LedgerRole::Kept, N_VARIANTS as u64);
    ledger.traits.push("in the file", LedgerRole::Input, N_PHENOTYPES as u64);
    ledger.traits.push("tested", LedgerRole::Kept, N_PHENOTYPES as u64);
    ledger
}

fn consequence(i: usize) -> String {
    if i == 2 { "missense_variant|GENE2".into() } else { String::new() }
}

fn write(path: &Path, has_nominal: bool) -> Result<(), StoreError> {
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

fn written(has_nominal: bool) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cis.h5");
    write(&path, has_nominal).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    (folder, path)
}

#[test]
fn what_is_written_is_read() {
    let (_folder, path) = written(true);
    assert!(CisReader::is_cis(&path));
    let reader = CisReader::open(&path).unwrap();
    // NaN is not itself.
    assert_eq!(format!("{:?}", reader.header()), format!("{:?}", header(true)));
    assert_eq!((reader.n_variants(), reader.pi0(), reader.fdr()), (N_VARIANTS, 0.85, 0.05));
    let stored = reader.phenotypes(0..N_PHENOTYPES).unwrap();
    for (i, stored) in stored.iter().enumerate() {
        assert_eq!(stored.found, phenotype(i));
        assert_eq!(stored.q_value.to_bits(), q_value(i).to_bits());
        assert_eq!(stored.consequence, consequence(i));
        let found = reader.pairs(reader.stretch(i)).unwrap();
        let expected = if has_result(i) { pairs(i) } else { Vec::new() };
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "phenotype {i}");
    }
    assert_eq!(reader.phenotypes(9..11).unwrap()[1].found, phenotype(10));
    for rows in [0..3, 32_767..32_770, 65_000..N_VARIANTS] {
        assert_eq!(reader.variants(rows.clone()).unwrap(), rows.map(variant).collect::<Vec<_>>());
    }
    let expected: Vec<Signal> = (0..N_PHENOTYPES).flat_map(signals).collect();
    let found = reader.signals(0..reader.n_signals()).unwrap();
    assert_eq!(found.into_iter().map(|stored| stored.signal).collect::<Vec<_>>(), expected);
    assert_eq!(reader.ledger().unwrap(), ledger());
    assert_eq!(reader.provenance().unwrap()["inputs"][0]["path"], "cohort.vcf.gz");
    assert!(reader.variants(0..N_VARIANTS + 1).is_err() && reader.pairs(1..usize::MAX).is_err());
}

#[test]
fn without_pairs_there_are_none() {
    let (_folder, path) = written(false);
    let reader = CisReader::open(&path).unwrap();
    assert_eq!((reader.n_variants(), reader.n_pairs(), reader.n_signals(), reader.stretch(3)), (0, 0, 0, 0..0));
    assert_eq!(reader.phenotypes(2..3).unwrap()[0].found, phenotype(2));
}

#[test]
fn the_same_contents_are_the_same_bytes() {
    let (_first, first) = written(true);
    let (_second, second) = written(true);
    assert!(std::fs::read(first).unwrap() == std::fs::read(second).unwrap());
}

#[test]
fn h5py_reads_the_same() {
    need!(Need::H5py);
    let (_folder, path) = written(true);
    let program = r#"
import sys, h5py
with h5py.File(sys.argv[1]) as f:
    assert f.attrs['format'] == 'norna-cis' and f.attrs['format_version'] == 1
    assert list(f['phenotypes/status'].attrs['codes'])[1] == 'no_gene'
    s, n = f['nominal/start'][8], f['nominal/count'][8]
    v = f['nominal/variant'][s:s + n]
    assert len(v) == 2000 and v[0] + 1999 == v[-1]
    text = lambda name, row: f[name][row].decode()
    print(text('variants/id', v[1]), text('variants/alt', 32017)[:8], f['variants/pos'][v[1]], text('cis/id', 8),
          text('phenotypes/name', 8), text('cis/consequence', 2), f['signals/rank'][-1])
"#;
    let said = support::bits::python_run(program, &[path.to_str().unwrap()]);
    let (second, lead) = (variant(first_of(8) + 1).key, phenotype(8).lead.unwrap());
    let long: String = variant(32_017).key.alternate.chars().take(8).collect();
    let last = (0..N_PHENOTYPES).flat_map(signals).last().unwrap().rank;
    let expected =
        format!("{} {long} {} {} protein 8é missense_variant|GENE2 {last}", second.id, second.pos, lead.variant.id);
    assert_eq!(said.trim(), expected);
}

#[test]
fn a_writer_refuses_what_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cis.h5");
    assert!(CisWriter::create(&path, CisHeader::default()).is_err());
    let mut writer = CisWriter::create(&path, header(true)).unwrap();
    assert!(writer.push_phenotype(phenotype(1)).is_err());
    assert!(writer.push_nominal(0, &[NominalPair::default()]).is_err(), "a variant that was not told");
    writer.push_variants(&[variant(0)]).unwrap();
    writer.push_nominal(0, &[NominalPair::default()]).unwrap();
    writer.push_nominal(1, &[NominalPair::default()]).unwrap();
    assert!(writer.push_nominal(0, &[NominalPair::default()]).is_err(), "others' between");
    assert!(writer.push_nominal(N_PHENOTYPES as u32, &[]).is_err());
    assert!(writer.set_q_values(1.0, &[0.5]).is_err());
    assert!(writer.seal(&ledger(), &json!({})).is_err(), "phenotypes are missing");
    let refused = CisReader::open(&path).err().unwrap().to_string();
    assert!(refused.lines().count() == 1 && refused.starts_with(path.to_str().unwrap()), "{refused}");
    let mut writer = CisWriter::create(&path, header(false)).unwrap();
    assert!(writer.push_variants(&[variant(0)]).is_err() && writer.push_nominal(0, &[]).is_err());
    assert!(writer.push_signal(signals(0).remove(0)).is_err());
}

#[test]
fn files_of_other_formats_are_told_apart() {
    let (folder, path) = written(false);
    let error = ResultsReader::open(&path).err().unwrap().to_string();
    assert!(error.contains("not a results file of norna") && error.contains("norna-cis 1"), "{error}");
    let results = folder.path().join("results.h5");
    store_common::write(&results, 50, 2, 50);
    assert!(!CisReader::is_cis(&results) && !CisReader::is_cis(folder.path()));
    let error = CisReader::open(&results).err().unwrap().to_string();
    assert!(error.contains("that of a cis search is wanted") && error.lines().count() == 1, "{error}");
}
