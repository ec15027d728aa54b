//! A compact store gives the numbers of a full one back, pair by pair: β within 1e-6 SE, SE within 1e-6 of itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;

use norna::store::{ResultsReader, Store};
use support::need;
use support::places::shared_file;
use support::simulate::{self, Grid, SplitMix};
use support::study::Study;
use support::table::Table;
use support::tools::{self, Need};

const TOLERANCE: f64 = 1e-6;

/// What two files were found to have.
#[derive(Debug)]
struct Compared {
    n_pairs: usize,
    n_full: usize,
    n_exact: usize,
}

/// Every pair of two files, read in blocks of odd sizes.
#[track_caller]
fn compare(full: &Path, compact: &Path) -> Compared {
    let (full, compact) = (ResultsReader::open(full).unwrap(), ResultsReader::open(compact).unwrap());
    assert_eq!((full.header().store, compact.header().store), (Store::Full, Store::Compact));
    let (n, n_traits) = (full.n_variants(), full.header().traits.len());
    assert_eq!((compact.n_variants(), &compact.header().traits), (n, &full.header().traits));
    let near = |a: f32, b: f32, allowed: f64| {
        let (a, b) = (f64::from(a), f64::from(b));
        (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= allowed
    };
    for start in (0..n).step_by(1777) {
        let rows = start..n.min(start + 1777);
        for first in (0..n_traits).step_by(37) {
            let traits = first..n_traits.min(first + 37);
            let (beta, se) = full.block(rows.clone(), traits.clone()).unwrap();
            let (b, s) = compact.block(rows.clone(), traits.clone()).unwrap();
            for i in 0..beta.len() {
                let (row, trait_idx) = (start + i / traits.len(), first + i % traits.len());
                let allowed = TOLERANCE * f64::from(se[i]);
                let same = near(b[i], beta[i], allowed) && near(s[i], se[i], allowed);
                assert!(same, "{row}, {trait_idx}: {} {} for {} {}", b[i], s[i], beta[i], se[i]);
            }
        }
    }
    let hits = |reader: &ResultsReader| reader.hits(0..reader.n_hits()).unwrap();
    assert_eq!(hits(&full), hits(&compact));
    let statuses = |reader: &ResultsReader| reader.statuses(0..reader.n_statuses()).unwrap();
    assert_eq!(statuses(&full), statuses(&compact));
    let (a, b) = (full.qc().unwrap(), compact.qc().unwrap());
    assert_eq!((&a.p_histogram, &a.ledger, &a.eigenvalues), (&b.p_histogram, &b.ledger, &b.eigenvalues));
    for t in 0..n_traits {
        assert_eq!(a.genomic_control[t].to_bits(), b.genomic_control[t].to_bits());
        assert_eq!(full.chi2_histogram(t).unwrap(), compact.chi2_histogram(t).unwrap());
    }
    let (n_full, n_exact) = compact.n_full_and_exact().unwrap();
    Compared { n_pairs: n * n_traits, n_full, n_exact }
}

#[track_caller]
fn both(study: &Study, flags: &[&str]) -> Compared {
    let run = |store: &str| {
        let flags: Vec<&str> = flags.iter().copied().chain(["--store", store, "--force"]).collect();
        study.assoc(&format!("{store}.h5"), &flags)
    };
    let compared = compare(&run("full"), &run("compact"));
    tools::say(&format!("{flags:?}: {compared:?}"));
    compared
}

#[test]
fn compact_gives_back_geuvadis() {
    let study = Study::geuvadis_slice();
    let compared = both(&study, &[]);
    assert!(compared.n_full == 0 && compared.n_exact * 1000 < compared.n_pairs, "{compared:?}");
}

/// The slice and the whole of chr22, values missing in most genes in their own places.
#[test]
fn compact_gives_back_geuvadis_with_masks() {
    need!(Need::SharedData);
    let study = Study::geuvadis_slice();
    let mut traits = Table::read(&study.pheno);
    let mut rng = SplitMix::new(5);
    for row in &mut traits.rows {
        for (k, cell) in row.iter_mut().enumerate().skip(1) {
            if k % 3 != 0 && rng.chance(0.08) {
                *cell = "NA".to_owned();
            }
        }
    }
    let mut own = Study::of_files(&study.vcf, &study.path("own.tsv"), study.covar.as_deref());
    own.pheno = own.path("own.tsv");
    traits.write(&own.pheno);
    let slice = both(&own, &[]);
    assert!(slice.n_exact * 1000 < slice.n_pairs, "{slice:?}");
    let whole = shared_file("geuvadis/genotypes.chr22.vcf.gz");
    if whole.exists() {
        own.vcf = whole;
        let compared = both(&own, &[]);
        assert!(compared.n_pairs > 10 * slice.n_pairs, "{compared:?}");
    }
}

#[test]
fn compact_gives_back_missing_genotypes_under_both_policies() {
    let genotypes = simulate::calls(601, 300, 3000, 0.003);
    let covariates = simulate::covariates(602, &genotypes.samples, 4);
    let rate = |k: usize| if k.is_multiple_of(3) { 0.1 } else { 0.0 };
    let study = Study::write(&genotypes, &simulate::traits(603, &genotypes, &covariates, 70, rate), Some(&covariates));
    let dropped = both(&study, &[]);
    assert!((500..2500).contains(&dropped.n_full), "{dropped:?}");
    let mean = both(&study, &["--missing-genotype", "mean"]);
    assert_eq!(mean.n_full, 0);
    assert!(mean.n_exact * 200 < mean.n_pairs, "{mean:?}");
}

#[test]
fn compact_gives_back_dosages_and_few_samples() {
    for n_samples in [8, 12, 40, 300] {
        let genotypes = simulate::dosages(611, n_samples, 1500, Grid::Thousandths, 0.01);
        let covariates = simulate::covariates(612, &genotypes.samples, 3);
        let rate = |k: usize| if k.is_multiple_of(2) { 0.1 } else { 0.0 };
        let traits = simulate::traits(613, &genotypes, &covariates, 30, rate);
        both(&Study::write(&genotypes, &traits, Some(&covariates)), &[]);
    }
}

/// Traits that are a genotype, or nearly, or of another scale: perfect fits, r² near 1, t of thousands.
#[test]
fn compact_gives_back_pairs_that_fit_perfectly() {
    let genotypes = simulate::calls(621, 60, 800, 0.02);
    let covariates = simulate::covariates(622, &genotypes.samples, 2);
    let mut traits = simulate::traits(623, &genotypes, &covariates, 12, |_| 0.0);
    let mut rng = SplitMix::new(624);
    for (k, noise) in [0.0, 1e-9, 1e-6, 1e-3, 0.03, 0.3].into_iter().enumerate() {
        let dosages = &genotypes.records[100 * k + 50].dosages;
        for (row, dosage) in traits.rows.iter_mut().zip(dosages) {
            row[1 + k] = format!("{:.17e}", dosage + noise * rng.normal());
            row[7 + k] = format!("{:.17e}", 10f64.powi(8 * k as i32 - 20) * (dosage + 0.1 * rng.normal()));
        }
    }
    let study = Study::write(&genotypes, &traits, Some(&covariates));
    for policy in ["drop", "mean"] {
        let compared = both(&study, &["--linear-on-binary", "--missing-genotype", policy]);
        assert!(compared.n_exact > 0, "{compared:?}");
    }
}

#[test]
fn compact_gives_back_each_chromosome_with_its_own_predictions() {
    let genotypes = simulate::calls(631, 200, 2500, 0.002);
    let covariates = simulate::covariates(632, &genotypes.samples, 3);
    let traits = simulate::traits(633, &genotypes, &covariates, 6, |k| if k == 2 { 0.1 } else { 0.0 });
    let study = Study::write(&genotypes, &traits, Some(&covariates));
    let chroms: std::collections::BTreeSet<&str> = genotypes.records.iter().map(|r| r.chrom.as_str()).collect();
    assert!(chroms.len() > 1);
    let (mut rng, mut list) = (SplitMix::new(634), String::new());
    for name in &traits.header[1..] {
        let joined: Vec<String> = genotypes.samples.iter().map(|id| format!("{id}_{id}")).collect();
        let mut text = format!("FID_IID {}\n", joined.join(" "));
        for chrom in &chroms {
            let cells: Vec<String> = joined.iter().map(|_| format!("{:.6}", 0.5 * rng.normal())).collect();
            text += &format!("{} {}\n", chrom.trim_start_matches("chr"), cells.join(" "));
        }
        let path = study.path(&format!("{name}.loco"));
        std::fs::write(&path, text).unwrap();
        list += &format!("{name} {}\n", path.display());
    }
    let pred = study.path("pred.list");
    std::fs::write(&pred, list).unwrap();
    both(&study, &["--pred", pred.to_str().unwrap()]);
    both(&study, &["--pred", pred.to_str().unwrap(), "--shard-bytes", "30000"]);
}

/// Bits of a column, of β and of SE.
fn column(reader: &ResultsReader, name: &str) -> Vec<(u32, u32)> {
    let k = reader.header().traits.iter().position(|info| info.name == name).unwrap();
    let (beta, se) = reader.trait_column(k, 0..reader.n_variants()).unwrap();
    beta.iter().zip(&se).map(|(beta, se)| (beta.to_bits(), se.to_bits())).collect()
}

#[test]
fn a_trait_alone_reads_the_same_from_a_compact_store() {
    let genotypes = simulate::calls(641, 150, 2000, 0.004);
    let covariates = simulate::covariates(642, &genotypes.samples, 3);
    let rate = |k: usize| if k.is_multiple_of(5) { 0.1 } else { 0.0 };
    let traits = simulate::traits(643, &genotypes, &covariates, 60, rate);
    let study = Study::write(&genotypes, &traits, Some(&covariates));
    let many = ResultsReader::open(&study.assoc("many.h5", &["--store", "compact"])).unwrap();
    for name in ["t0", "t7", "t59"] {
        let flags = ["--store", "compact", "--pheno-name", name, "--force"];
        let alone = ResultsReader::open(&study.assoc("alone.h5", &flags)).unwrap();
        assert_eq!(column(&alone, name), column(&many, name), "{name}");
    }
}

#[test]
fn commands_say_the_same_of_full_and_compact_and_hits() {
    let study = Study::geuvadis_slice();
    let files = Store::ALL.map(|store| study.assoc(&format!("{}.h5", store.name()), &["--store", store.name()]));
    let table = |file: &Path, flags: &[&str]| {
        let run = tools::run(tools::norna(["export"]).arg(file).args(["--trait", "*"]).args(flags)).ok();
        let rows: Vec<Vec<String>> =
            run.stdout.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect();
        (rows, run.stderr)
    };
    let near = |a: &str, b: &str, tolerance: f64| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= tolerance * a.abs().max(1.0),
        _ => a == b,
    };
    let [(full, _), (compact, _)] = [&files[0], &files[1]].map(|file| table(file, &[]));
    assert_eq!((full.len(), compact.len()), (84_221, 84_221));
    for (a, b) in full.iter().zip(&compact) {
        assert!(a[..9] == b[..9] && a[9..].iter().zip(&b[9..]).all(|(a, b)| near(a, b, 2e-6)), "{a:?} {b:?}");
    }
    let (hits, said) = table(&files[2], &[]);
    let (expected, _) = table(&files[0], &["--p", "1e-5"]);
    assert!(said.contains("hits only (--store hits)") && said.lines().count() == 1, "{said}");
    assert!(hits.len() > 100 && hits.len() == expected.len());
    for (a, b) in expected.iter().zip(&hits) {
        assert!(a[..9] == b[..9] && a[9..].iter().zip(&b[9..]).all(|(a, b)| near(a, b, 2e-6)), "{a:?} {b:?}");
    }
    let few = ["--p", "1e-9", "--region", "chr22:18000000-19000000"];
    let (hits, said) = table(&files[2], &few);
    assert_eq!((hits.len(), said.as_str()), (table(&files[0], &few).0.len(), ""));
    let top = |file: &Path, n: &str| tools::run(tools::norna(["top", "-n", n]).arg(file)).ok();
    assert_eq!(top(&files[0], "50").stdout, top(&files[1], "50").stdout);
    let of_hits = top(&files[2], "50");
    assert_eq!((top(&files[0], "50").stdout, of_hits.stderr.as_str()), (of_hits.stdout, ""));
    assert!(top(&files[2], "100000").stderr.contains("hits only"));
    for (store, file) in Store::ALL.iter().zip(&files) {
        let info = tools::run(tools::norna(["info", "--json"]).arg(file)).ok();
        let info: serde_json::Value = serde_json::from_str(&info.stdout).unwrap();
        assert_eq!((info["store"].as_str(), info["pairs_with_number"].as_u64()), (Some(store.name()), Some(84_220)));
    }
    let error = ResultsReader::open(&files[2]).unwrap().block(0..1, 0..1).unwrap_err().to_string();
    assert!(error.contains("hits only (--store hits)") && error.lines().count() == 1, "{error}");
}

#[test]
fn h5py_computes_compact_as_the_manual_says() {
    need!(Need::H5py);
    let genotypes = simulate::calls(651, 120, 1500, 0.004);
    let covariates = simulate::covariates(652, &genotypes.samples, 3);
    let traits = simulate::traits(653, &genotypes, &covariates, 8, |k| if k > 4 { 0.1 } else { 0.0 });
    let study = Study::write(&genotypes, &traits, Some(&covariates));
    let [full, compact] = ["full", "compact"].map(|store| study.assoc(&format!("{store}.h5"), &["--store", store]));
    let manual = std::fs::read_to_string(support::places::workspace().join("docs/formats.md")).unwrap();
    let start = manual.find("def compact_column").expect("docs/formats.md has the function");
    let function = &manual[start..start + manual[start..].find("```").unwrap()];
    let program = format!(
        "import sys\nimport h5py, numpy as np\n{function}\n\
         with h5py.File(sys.argv[1]) as full, h5py.File(sys.argv[2]) as compact:\n    \
         for k in range(8):\n        \
         beta, se = compact_column(compact, k)\n        \
         b, s = full['assoc/beta'][:, k], full['assoc/se'][:, k]\n        \
         assert (np.isnan(beta) == np.isnan(b)).all() and (np.isnan(se) == np.isnan(s)).all()\n        \
         with np.errstate(invalid='ignore'):\n            \
         assert not (np.abs(beta - b) > 1.2e-6 * s).any() and not (np.abs(se - s) > 1.2e-6 * s).any()\n    \
         print('ok')\n"
    );
    let said = support::bits::python_run(&program, &[full.to_str().unwrap(), compact.to_str().unwrap()]);
    assert_eq!(said.trim(), "ok");
}

#[test]
fn the_estimate_spans_what_missing_genotypes_take() {
    let genotypes = simulate::calls(661, 100, 4000, 0.02);
    let traits = simulate::traits(662, &genotypes, &simulate::covariates(663, &genotypes.samples, 2), 40, |_| 0.05);
    let study = Study::write(&genotypes, &traits, None);
    for store in ["full", "compact"] {
        let run = study.try_assoc("none.h5", &["--dry-run", "--json", "--store", store]).ok();
        let estimate: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let [least, most] = ["output_bytes", "output_bytes_at_most"].map(|name| estimate[name].as_f64().unwrap());
        let real = std::fs::metadata(study.assoc(&format!("{store}.h5"), &["--store", store])).unwrap().len() as f64;
        // The lists' chunks and a started chunk of each matrix come on top: much of so small a file.
        assert!(least < real && real < most + 6e5 && real > 0.6 * most, "{store}: {least} {real} {most}");
    }
    for p in ["0", "1e-400", "1.5", "nan"] {
        let run = study.try_assoc("p.h5", &["--p-threshold", p]);
        assert!(run.code == 2 && run.stderr.contains("must lie above 0"), "{p}: {}", run.stderr);
    }
}
