//! cis.h5: what is written comes back, here and in h5py; a damaged file is refused in one line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod store_common;
mod support;

use std::path::{Path, PathBuf};

use norna::format::consequence::Consequence;
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
    Lead { variant: key, tss_distance, a1_freq, n_tied: 1 + u32::from(phenotype.is_multiple_of(3)), beta, se, log10p }
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
    if phenotype(i).permuted.is_some() { 0.001 * (1 + i) as f64 } else { f64::NAN }
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
    ledger.traits.push("no_gene", LedgerRole::Dropped, 4);
    ledger.traits.push("constant_phenotype", LedgerRole::Dropped, 1);
    ledger.traits.push("tested", LedgerRole::Kept, N_PHENOTYPES as u64 - 5);
    ledger
}

/// Of phenotype 2 the first term that there is, which changes the protein.
fn consequence(i: usize) -> Option<Consequence> {
    if i == 2 { Consequence::from_code(1, true) } else { None }
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
        assert_eq!(stored.consequence, consequence(i).map_or("", Consequence::term));
        assert_eq!(stored.changes_protein, i == 2);
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
    let term = consequence(2).unwrap().term();
    let expected = format!("{} {long} {} {} protein 8é {term} {last}", second.id, second.pos, lead.variant.id);
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

fn norna(args: &[&str]) -> (i32, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_norna")).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// A table's rows by column name.
fn table(text: &str) -> Vec<std::collections::BTreeMap<&str, &str>> {
    let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    lines
        .map(|cells| {
            assert_eq!(cells.len(), header.len());
            header.iter().copied().zip(cells).collect()
        })
        .collect()
}

#[track_caller]
fn near(cell: &str, value: f64, tolerance: f64) {
    let found: f64 = cell.parse().unwrap();
    assert!((found - value).abs() <= tolerance * value.abs(), "{cell} where {value} is expected");
}

#[test]
fn phenotypes_are_exported_with_the_columns_that_are_promised() {
    let (folder, path) = written(true);
    let path = path.to_str().unwrap();
    let (code, text, said) = norna(&["export", path]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(text.starts_with(
        "phenotype\tn_variants\tvariant\ttss_distance\tbeta\tse\tp_nominal\tp_perm\tp_beta\tbeta_shape1\tbeta_shape2\tdf\t\
         q_value\t"
    ));
    let rows = table(&text);
    assert_eq!(rows.len(), N_PHENOTYPES);
    for (i, row) in rows.iter().enumerate() {
        let found = phenotype(i);
        assert_eq!((row["phenotype"], row["status"]), (info(i).id.as_str(), found.status.name()));
        let Some(lead) = found.lead else {
            assert_eq!([row["variant"], row["p_nominal"], row["chrom"], row["q_value"]], ["NA"; 4]);
            continue;
        };
        assert_eq!((row["variant"], row["alt"]), (lead.variant.id.as_str(), lead.variant.alternate.as_str()));
        assert_eq!(row["tss_distance"].parse::<i64>().unwrap(), lead.tss_distance);
        near(row["beta"], lead.beta, 1e-8);
        near(row["se"], lead.se, 1e-8);
        near(row["p_nominal"], 10_f64.powf(-lead.log10p), 1e-8);
        match found.permuted {
            Some(permuted) => {
                near(row["p_beta"], 10_f64.powf(-permuted.log10p_beta), 1e-8);
                near(row["q_value"], q_value(i), 1e-8);
            }
            None => assert_eq!([row["p_beta"], row["beta_shape1"], row["q_value"]], ["NA"; 3]),
        }
    }
    let out = folder.path().join("cis.tsv.gz");
    let out = out.to_str().unwrap();
    assert_eq!(norna(&["export", path, "--format", "tsv", "-o", out]).0, 0);
    let unpacked = std::process::Command::new("gzip").args(["-dc", out]).output().unwrap().stdout;
    assert_eq!(String::from_utf8(unpacked).unwrap(), text);
    let (_, some, _) = norna(&["export", path, "--trait", "OID0001*"]);
    assert_eq!(table(&some).len(), 10);
    let (code, _, said) = norna(&["export", path, "--trait", "OIX*"]);
    assert_eq!((code, said.lines().count()), (1, 1));
}

#[test]
fn pairs_and_signals_are_exported() {
    let (_folder, path) = written(true);
    let path = path.to_str().unwrap();
    let (code, text, _) = norna(&["export", path, "--what", "nominal", "--trait", "OID00004", "--trait", "OID00037"]);
    assert_eq!(code, 0);
    let rows = table(&text);
    assert_eq!(rows.len(), IN_WINDOW);
    for (k, (row, pair)) in rows.iter().zip(pairs(4)).enumerate() {
        let key = variant(pair.variant_idx as usize).key;
        assert_eq!((row["variant"], row["alt"], row["n"]), (key.id.as_str(), key.alternate.as_str(), "358"));
        assert_eq!(row["tss_distance"].parse::<i64>().unwrap(), i64::from(key.pos) - i64::from(info(4).tss));
        if k == 11 {
            assert_eq!([row["beta"], row["se"], row["p_nominal"]], ["NA"; 3]);
            continue;
        }
        assert_eq!(row["beta"].parse::<f32>().unwrap(), pair.beta);
        let log10p = student::log10_p(f64::from(pair.beta) / f64::from(pair.se), DF);
        near(row["p_nominal"], 10_f64.powf(-log10p), 1e-8);
    }
    let region = format!("22:{}-{}", variant(first_of(4)).key.pos, variant(first_of(4) + 9).key.pos);
    let (_, text, _) = norna(&["export", path, "--what", "nominal", "--trait", "OID00004", "--region", &region]);
    assert_eq!(table(&text).len(), 10);
    let (_, text, _) = norna(&["export", path, "--what", "nominal", "--p", "0.01"]);
    let expected: usize = (0..N_PHENOTYPES)
        .filter(|&i| has_result(i))
        .map(|i| {
            pairs(i).iter().filter(|pair| student::log10_p((pair.beta as f64) / (pair.se as f64), DF) >= 2.0).count()
        })
        .sum();
    assert_eq!((table(&text).len(), expected > 100), (expected, true));
    let (_, text, _) = norna(&["export", path, "--what", "signals"]);
    let signals: Vec<Signal> = (0..N_PHENOTYPES).flat_map(signals).collect();
    let rows = table(&text);
    assert_eq!(rows.len(), signals.len());
    for (row, signal) in rows.iter().zip(&signals) {
        assert_eq!(row["phenotype"], info(signal.phenotype_idx as usize).id);
        assert_eq!((row["rank"], row["variant"]), (signal.rank.to_string().as_str(), signal.lead.variant.id.as_str()));
    }
}

#[test]
fn a_table_that_is_not_there_is_told() {
    let (folder, path) = written(false);
    for what in ["nominal", "signals"] {
        let (code, _, said) = norna(&["export", path.to_str().unwrap(), "--what", what]);
        assert_eq!((code, said.lines().count()), (1, 1), "{said}");
        assert!(said.contains("run norna qtl again with --"), "{said}");
    }
    let results = folder.path().join("results.h5");
    store_common::write(&results, 50, 2, 50);
    let (code, _, said) = norna(&["export", results.to_str().unwrap(), "--what", "cis", "--trait", "*"]);
    assert_eq!(code, 1);
    assert!(said.contains("is no cis.h5"), "{said}");
}

#[test]
fn the_best_phenotypes_and_the_contents_are_told() {
    let (_folder, path) = written(true);
    let path = path.to_str().unwrap();
    let (code, text, _) = norna(&["top", path, "-n", "5", "--json"]);
    assert_eq!(code, 0);
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut expected: Vec<(f64, usize)> =
        (0..N_PHENOTYPES).filter_map(|i| Some((phenotype(i).permuted?.log10p_beta, i))).collect();
    expected.sort_by(|a, b| b.0.total_cmp(&a.0));
    let ids: Vec<&str> = found.as_array().unwrap().iter().map(|row| row["phenotype"].as_str().unwrap()).collect();
    assert_eq!(ids, expected[..5].iter().map(|&(_, i)| info(i).id.clone()).collect::<Vec<_>>());
    let (_, text, _) = norna(&["top", path, "-n", "99"]);
    let rows = table(&text);
    assert_eq!(rows.len(), (0..N_PHENOTYPES).filter(|&i| has_result(i)).count());
    assert_eq!(rows.last().unwrap()["phenotype"], info(6).id, "the one without p_beta comes last");
    let (code, text, _) = norna(&["info", path, "--json"]);
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, found["format"].as_str(), found["seed"].as_u64()), (0, Some("norna-cis"), Some(u64::MAX - 1)));
    assert_eq!(found["phenotypes_by_status"]["no_gene"], 4);
    assert_eq!(found["nominal_pairs"], IN_WINDOW * rows.len());
    let (_, text, _) = norna(&["info", path]);
    assert!(
        text.contains("35 ok, 4 no_gene, 1 constant_phenotype") && text.contains("share of true nulls 0.85"),
        "{text}"
    );
}

#[test]
fn a_whole_file_is_sound() {
    for has_nominal in [false, true] {
        let (_folder, path) = written(has_nominal);
        let (code, text, said) = norna(&["verify", path.to_str().unwrap(), "-q"]);
        assert_eq!((code, said.as_str()), (0, ""), "{text}");
        assert!(text.contains("cis results of 40 phenotypes") && text.trim_end().ends_with(": sound"), "{text}");
    }
}

/// What verify finds wrong, a line each.
fn findings(path: &Path) -> Vec<String> {
    let found = norna::store::verify_cis(path, &norna::store::VerifyProgress::default());
    match found {
        Ok(found) => found.findings.kinds.iter().flat_map(|kind| &kind.first).map(ToString::to_string).collect(),
        Err(error) => vec![error.to_string()],
    }
}

/// What every reader says of a damaged file: one line, no panic.
#[track_caller]
fn survived(path: &Path, what: &str) {
    let said = findings(path);
    assert!(!said.is_empty(), "{what}: passes");
    assert!(said.iter().all(|line| line.lines().count() == 1), "{what}: {said:?}");
    if let Err(error) = norna::cli::info::describe(path, true) {
        assert_eq!(error.to_string().lines().count(), 1, "{what}: {error}");
    }
}

#[test]
fn a_file_that_ends_early_is_refused() {
    let (_folder, path) = written(true);
    let whole = std::fs::read(&path).unwrap();
    for k in 0..12 {
        let length = whole.len() * k / 12 + k;
        std::fs::write(&path, &whole[..length]).unwrap();
        survived(&path, &format!("{length} bytes"));
        for command in ["verify", "info", "top", "export"] {
            if k % 6 == 1 {
                let (code, _, said) = norna(&[command, path.to_str().unwrap()]);
                assert_eq!((code, said.lines().count()), (1, 1), "{command}, {length} bytes: {said}");
            }
        }
    }
}

#[test]
fn no_flipped_bit_passes() {
    let (_folder, path) = written(true);
    let whole = std::fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    for k in 0..64_u64 {
        // Half of them among the library's own bytes at the start.
        let within = if k % 2 == 0 { 20_000 } else { whole.len() };
        let at = (uniform(k * 31 + 7) * within as f64) as usize;
        damaged[at] ^= 1 << (k % 8);
        std::fs::write(&path, &damaged).unwrap();
        survived(&path, &format!("byte {at}"));
        damaged[at] = whole[at];
    }
}

#[test]
fn numbers_that_no_run_writes_are_refused() {
    need!(Need::H5py);
    let (_folder, path) = written(true);
    let whole = std::fs::read(&path).unwrap();
    let cases = [
        ("cis", "f['cis/se'][8] = -1", "/cis/se: row 8: -1 where a standard error above 0 or NaN fits"),
        ("cis", "f['cis/log10p'][8] = np.inf", "/cis/log10p: row 8: inf"),
        ("cis", "f['cis/p_perm'][8] = 0", "/cis/p_perm: row 8: 0 where a p above 0"),
        ("cis", "f['cis/q_value'][8] = 7", "/cis/q_value: row 8: 7"),
        ("cis", "f['phenotypes/status'][8] = 99", "/phenotypes/status: row 8: 99 where a status fits"),
        ("cis", "del f['cis/df']", "/cis/df"),
        ("cis", "del f['phenotypes/n']; f['phenotypes/n'] = np.zeros(7, 'u4')", "/phenotypes/n: shape [7]"),
        ("nominal", "f['nominal/se'][8] = -1", "row 8: "),
        ("nominal", "f['nominal/variant'][8] = 1 << 31", "/nominal/variant: row 8: 2147483648 where one of 70000"),
        ("nominal", "f['nominal/count'][8] = 1 << 40", "/nominal/count: row 8: 1099511627776 from"),
        ("nominal", "f['nominal/start'][8] = (1 << 64) - 1", "/nominal/count: row 8"),
        ("nominal", "f['variants/a1_freq'][3] = 3", "/variants/a1_freq: row 3: 3"),
        ("signals", "f['signals/phenotype'][0] = 40", "/signals/phenotype: row 0: 40 where one of 40 phenotypes fits"),
        ("signals", "f['signals/pos'][0] = 0", "/signals/pos: row 0"),
    ];
    for (what, line, message) in cases {
        std::fs::write(&path, &whole).unwrap();
        let program = format!("import sys, h5py, numpy as np\nwith h5py.File(sys.argv[1], 'a') as f:\n    {line}\n");
        support::bits::python_run(&program, &[path.to_str().unwrap()]);
        let (code, _, said) = norna(&["export", path.to_str().unwrap(), "--what", what]);
        assert_eq!((code, said.lines().count()), (1, 1), "{line}: {said}");
        assert!(said.contains(message) && said.contains("the file is damaged"), "{line}: {said}");
        assert!(!findings(&path).is_empty(), "{line}");
    }
}

#[test]
fn what_can_be_computed_again_is() {
    need!(Need::H5py);
    let (_folder, path) = written(true);
    let whole = std::fs::read(&path).unwrap();
    for (line, object) in [
        ("f['cis/log10p'][8] += 0.01", "/cis/log10p: row 8"),
        ("f['cis/tss_distance'][8] += 1", "/cis/tss_distance: row 8"),
        ("f['cis/n_tied'][8] = 0", "/cis/n_tied: row 8"),
        ("f['nominal/beta'][8] = 100", "/nominal/beta: row 8: it is better than phenotype 0's lead"),
        ("f['nominal/start'][8] += 1", "/nominal/start: "),
        ("f['variants/pos'][5] = 200000000", "/nominal/variant: row 5"),
        ("f['signals/rank'][1] = 9; f['signals/phenotype'][1] = 30", "/signals: row 2"),
        ("f['qc/ledger/phenotypes/count'][1] = 41", "/qc/ledger/phenotypes: "),
        ("f['cis/pos'][8] = 0", "/cis/pos: row 8: 0 where the status is ok"),
        ("f['phenotypes/below_lod'][1] = 3", "/phenotypes/below_lod: row 1"),
    ] {
        std::fs::write(&path, &whole).unwrap();
        let program = format!("import sys, h5py, numpy as np\nwith h5py.File(sys.argv[1], 'a') as f:\n    {line}\n");
        support::bits::python_run(&program, &[path.to_str().unwrap()]);
        let said = findings(&path);
        assert!(said.iter().any(|found| found.starts_with(object)), "{line}: {said:?}");
    }
}
