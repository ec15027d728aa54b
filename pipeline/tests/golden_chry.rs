//! chrY, and variants that a whole batch lacks: covariates that lose rank with the missing calls, against plink2.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::PathBuf;

use support::need;
use support::oracle::{self, Row, SAME_INPUT};
use support::simulate::{self, Genotypes, Record, SplitMix};
use support::study::Study;
use support::table::Table;
use support::tools::Need;

const N_SAMPLES: usize = 150;
const N_EACH: u32 = 40;

fn is_male(sample: usize) -> bool {
    sample % 5 < 2
}

/// The samples of the third batch lack every fourth variant of chr1.
fn batch(sample: usize) -> usize {
    sample / 3 % 3
}

/// chr1, diploid, then chrY: haploid in males, missing in females.
fn genotypes(seed: u64) -> Genotypes {
    let mut rng = SplitMix::new(seed);
    let places = (0..N_EACH).map(|i| ("1", i)).chain((0..N_EACH).map(|i| ("Y", i)));
    let records = places.map(|(chrom, i)| {
        let f = 0.1 + 0.8 * rng.uniform();
        let mut record = Record {
            chrom: chrom.to_owned(),
            pos: 2_800_000 + 1000 * i,
            reference: "A".to_owned(),
            alternate: "G".to_owned(),
            format: "GT".to_owned(),
            fields: Vec::new(),
            dosages: Vec::new(),
        };
        for sample in 0..N_SAMPLES {
            let (first, second) = (u8::from(rng.chance(f)), u8::from(rng.chance(f)));
            let missing = rng.chance(0.03) || (chrom == "1" && i % 4 == 0 && batch(sample) == 2);
            let (text, copies) = match (chrom, is_male(sample)) {
                ("1", _) if missing => ("./.".to_owned(), 0),
                ("1", _) => (format!("{first}/{second}"), first + second),
                (_, true) if !missing => (first.to_string(), 2 * first),
                _ => (".".to_owned(), 0),
            };
            record.fields.push(text);
            record.dosages.push(f64::from(copies));
        }
        record
    });
    let records = records.collect();
    Genotypes { samples: (0..N_SAMPLES).map(|i| format!("SUBJ{i:05}")).collect(), records }
}

fn sex(sample: usize) -> String {
    if is_male(sample) { "1" } else { "2" }.to_owned()
}

fn study() -> (Study, PathBuf) {
    let genotypes = genotypes(401);
    let mut covariates = simulate::covariates(402, &genotypes.samples, 3);
    covariates.header.extend(["sex", "batch2", "batch3"].map(str::to_owned));
    for (i, row) in covariates.rows.iter_mut().enumerate() {
        row.extend([sex(i), u8::from(batch(i) == 1).to_string(), u8::from(batch(i) == 2).to_string()]);
    }
    let traits = simulate::traits(403, &genotypes, &covariates, 3, |k| if k == 0 { 0.0 } else { 0.04 });
    let mut study = Study::write(&genotypes, &traits, Some(&covariates));
    let sexes = study.path("sexes.psam");
    let rows = genotypes.samples.iter().enumerate().map(|(i, sample)| vec![sample.clone(), sex(i)]).collect();
    Table { header: vec!["#IID".to_owned(), "SEX".to_owned()], rows }.write(&sexes);
    study.flags = vec!["--sex".to_owned(), sexes.to_str().unwrap().to_owned()];
    (study, sexes)
}

/// plink2's chrY effect is that of one allele, norna's of half of it: males count 0/2.
fn per_half(row: &Row) -> Row {
    let unit = if row.chrom == "Y" { 0.5 } else { 1.0 };
    Row { beta: row.beta * unit, se: row.se * unit, ..row.clone() }
}

#[test]
fn golden_matches_plink2_on_chry_with_a_sex_covariate() {
    need!(Need::Plink2);
    let (study, sexes) = study();
    let results = study.assoc("norna.h5", &[]);
    let plink2 = oracle::plink2(&study, "plink2", &["--psam", sexes.to_str().unwrap()], &[]);
    for name in ["t0", "t1", "t2"] {
        let ours = oracle::rows(&study.export(&results, name));
        let theirs: Vec<Row> = oracle::plink2_rows(&plink2, name).iter().map(per_half).collect();
        let worst = oracle::compare(name, &ours, &theirs, SAME_INPUT, false);
        worst.report(&format!("chrY {name}"));
        // Every pair has a number from norna; plink2 has none where a batch is missing.
        assert!(ours.iter().all(|row| row.se > 0.0 && row.log10p.is_finite()));
        assert_eq!((worst.numbers, worst.only_norna), (70, 10));
        assert!(ours.iter().filter(|row| row.chrom == "Y").all(|row| row.obs_ct < 61));
    }
}

#[test]
fn a_variant_that_a_batch_lacks_is_tested_as_without_the_batch() {
    let (study, _) = study();
    let whole = oracle::rows(&study.export(&study.assoc("whole.h5", &[]), "t1"));
    let keep = study.path("keep.txt");
    let samples: Vec<String> = (0..N_SAMPLES).filter(|&i| batch(i) != 2).map(|i| format!("SUBJ{i:05}\n")).collect();
    std::fs::write(&keep, samples.concat()).unwrap();
    let results = study.assoc("kept.h5", &["--keep", keep.to_str().unwrap()]);
    let kept = oracle::rows(&study.export(&results, "t1"));
    for (a, b) in whole.iter().zip(&kept).take(N_EACH as usize).step_by(4) {
        assert_eq!((&a.pos, a.obs_ct), (&b.pos, b.obs_ct));
        assert!((a.beta - b.beta).abs() <= 2e-6 * a.se.max(a.beta.abs()) && (a.se - b.se).abs() <= 2e-6 * a.se);
        assert!((a.log10p - b.log10p).abs() <= 1e-5 * a.log10p.max(1.0), "{a:?} {b:?}");
    }
}
