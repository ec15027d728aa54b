//! chrX: the pseudo-autosomal ends and the rest, with the sexes given, against plink2.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::PathBuf;

use support::need;
use support::oracle::{self, SAME_INPUT};
use support::simulate::{self, Genotypes, Record, SplitMix};
use support::study::Study;
use support::table::{Table, number};
use support::tools::{self, Need};

const N_SAMPLES: usize = 160;
/// How a male's call stands in the file outside the pseudo-autosomal regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Male {
    Haploid,
    Homozygous,
    Either,
    /// Diploid as in PAR.
    Par,
}

/// b37: both sides of each border of PAR1 (60,001 to 2,699,520) and PAR2 (154,931,044 to 155,260,560).
fn layout() -> Vec<(u32, Male)> {
    let mut rows = vec![(60_001, Male::Par), (1_000_000, Male::Par), (2_699_520, Male::Par)];
    let kinds = [Male::Haploid, Male::Homozygous, Male::Either];
    rows.extend((0..60).map(|i| (2_699_521 + 2_000_000 * i, kinds[i as usize % 3])));
    rows.extend([(154_931_043, Male::Haploid), (154_931_044, Male::Par), (155_260_560, Male::Par)]);
    rows
}

fn is_male(sample: usize) -> bool {
    sample % 5 < 2
}

fn chrx(seed: u64) -> Genotypes {
    let mut rng = SplitMix::new(seed);
    let records = layout().into_iter().map(|(pos, male)| {
        let f = 0.05 + 0.9 * rng.uniform();
        let mut record = Record {
            chrom: "X".to_owned(),
            pos,
            reference: "A".to_owned(),
            alternate: "G".to_owned(),
            format: "GT".to_owned(),
            fields: Vec::new(),
            dosages: Vec::new(),
        };
        for sample in 0..N_SAMPLES {
            let (first, second) = (u8::from(rng.chance(f)), u8::from(rng.chance(f)));
            let diploid = male == Male::Par || !is_male(sample);
            let short = male == Male::Haploid || (male == Male::Either && rng.chance(0.5));
            let (text, copies) = match (diploid, short) {
                (true, _) => (format!("{first}/{second}"), first + second),
                (false, true) => (format!("{first}"), 2 * first),
                (false, false) => (format!("{first}|{first}"), 2 * first),
            };
            let none = if diploid || !short { "./." } else { "." };
            record.fields.push(if rng.chance(0.03) { none.to_owned() } else { text });
            record.dosages.push(f64::from(copies));
        }
        record
    });
    let records = records.collect();
    let samples = (0..N_SAMPLES).map(|i| format!("SUBJ{i:05}")).collect();
    Genotypes { samples, records }
}

fn study(genotypes: &Genotypes) -> (Study, PathBuf) {
    let covariates = simulate::covariates(302, &genotypes.samples, 3);
    let traits = simulate::traits(303, genotypes, &covariates, 2, |k| 0.1 * k as f64);
    let mut study = Study::write(genotypes, &traits, Some(&covariates));
    let sexes = study.path("sexes.psam");
    let rows = genotypes.samples.iter().enumerate();
    let rows = rows.map(|(i, sample)| vec![sample.clone(), if is_male(i) { "1" } else { "2" }.to_owned()]);
    Table { header: vec!["#IID".to_owned(), "SEX".to_owned()], rows: rows.collect() }.write(&sexes);
    let path = sexes.to_str().unwrap();
    study.flags = ["--sex", path, "--build", "b37"].map(str::to_owned).to_vec();
    (study, sexes)
}

#[test]
fn golden_matches_plink2_on_chrx() {
    need!(Need::Plink2);
    let (study, sexes) = study(&chrx(301));
    let results = study.assoc("norna.h5", &[]);
    let import = ["--psam", sexes.to_str().unwrap(), "--split-par", "b37"];
    let plink2 = oracle::plink2(&study, "plink2", &import, &[]);
    for name in ["t0", "t1"] {
        let ours = oracle::rows(&study.export(&results, name));
        let theirs = oracle::plink2_rows(&plink2, name);
        oracle::compare(name, &ours, &theirs, SAME_INPUT, false).report(&format!("chrX {name}"));
    }

    // A1_FREQ counts one allele of a male outside PAR, as plink2 --freq does.
    let mut command = tools::command("plink2");
    command.arg("--vcf").arg(&study.vcf).args(import).args(["--freq", "counts", "--out"]).arg(study.path("freq"));
    tools::run(&mut command).ok();
    let counts = Table::read(&study.path("freq.acount"));
    let (alt, all) = (counts.column("ALT_CTS"), counts.column("OBS_CT"));
    for (ours, theirs) in oracle::rows(&study.export(&results, "t0")).iter().zip(&counts.rows) {
        let expected = number(&theirs[alt]) / number(&theirs[all]);
        assert!((ours.a1_freq - expected).abs() < 1e-6, "{ours:?}: plink2 has {expected}");
    }
}

#[test]
fn chrx_male_heterozygotes_count_as_missing() {
    let mut genotypes = chrx(311);
    let males = (0..N_SAMPLES).filter(|&i| is_male(i));
    let some: Vec<usize> = males.step_by(7).collect();
    let outside = |record: &Record| (2_699_521..=154_931_043).contains(&record.pos);
    let mut with = |text: &str| {
        for record in genotypes.records.iter_mut().filter(|record| outside(record)) {
            for &i in &some {
                record.fields[i] = text.to_owned();
            }
        }
        let (study, _) = study(&genotypes);
        let results = study.assoc("norna.h5", &[]);
        study.export(&results, "t0").to_tsv()
    };
    assert_eq!(with("0/1"), with("./."));
}

#[test]
fn chrx_without_sexes_runs_and_says_so() {
    let (mut study, _) = study(&chrx(321));
    study.flags.clear();
    let run = study.try_assoc("norna.h5", &[]).ok();
    let said = run.stderr.to_lowercase();
    assert!(said.contains("sex"), "nothing is said about the missing sexes: {said}");
}
