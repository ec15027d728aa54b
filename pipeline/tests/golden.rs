//! Every row of norna's output against plink2's, on real and on simulated data.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::need;
use support::oracle::{self, SAME_INPUT, Tolerance, Worst};
use support::places::{dataset, shared_file};
use support::simulate::{self, Grid, SplitMix};
use support::study::Study;
use support::table::Table;
use support::tools::{self, Need};

/// Runs both programs on a study and compares every row of every trait; norna's results file.
#[track_caller]
fn compare_all(
    label: &str,
    study: &Study,
    import: &[&str],
    tolerance: Tolerance,
    frequencies: bool,
) -> std::path::PathBuf {
    let results = study.assoc("norna.h5", &["--threads", "2"]);
    let plink2 = oracle::plink2(study, "plink2", import, &[]);
    let mut worst = Worst::default();
    for name in &Table::read(&study.pheno).header[1..] {
        let ours = oracle::rows(&study.export(&results, name));
        let theirs = oracle::plink2_rows(&plink2, name);
        worst.join(&oracle::compare(&format!("{label} {name}"), &ours, &theirs, tolerance, frequencies));
    }
    worst.report(label);
    results
}

#[test]
fn golden_matches_plink2_on_geuvadis() {
    need!(Need::Plink2, Need::SharedData);
    let vcf = shared_file("geuvadis/genotypes.chr22.vcf.gz");
    let study = Study::of_files(&vcf, &dataset("geuvadis/traits.tsv"), Some(&dataset("geuvadis/covars.tsv")));
    compare_all("geuvadis chr22, 20 genes", &study, &[], SAME_INPUT, true);
}

/// Columns before the samples in the GEUVADIS BED: chromosome, start, end, gene, length, strand.
const BED_COLUMNS: usize = 6;
/// Genes in a run: plink2 writes a table of 8 MB for each.
const GENES_AT_A_TIME: usize = 38;

#[test]
#[ignore = "52 million rows: make bench runs it"]
fn golden_matches_plink2_on_all_608_genes() {
    need!(Need::Plink2, Need::SharedData);
    let vcf = shared_file("geuvadis/genotypes.chr22.vcf.gz");
    let bed = Table::read(&shared_file("geuvadis/genes.50percent.chr22.bed.gz"));
    for (i, genes) in bed.rows.chunks(GENES_AT_A_TIME).enumerate() {
        let mut study = Study::of_files(&vcf, &vcf, Some(&dataset("geuvadis/covars.tsv")));
        let name = std::iter::once("IID".to_owned());
        let traits = Table {
            header: name.chain(genes.iter().map(|gene| gene[3].clone())).collect(),
            rows: (BED_COLUMNS..bed.header.len())
                .map(|c| std::iter::once(&bed.header[c]).chain(genes.iter().map(|gene| &gene[c])).cloned().collect())
                .collect(),
        };
        study.pheno = study.path("traits.tsv");
        traits.write(&study.pheno);
        compare_all(&format!("geuvadis chr22, genes from {}", i * GENES_AT_A_TIME + 1), &study, &[], SAME_INPUT, true);
    }
}

#[test]
fn golden_matches_plink2_on_the_slice_as_bcf() {
    need!(Need::Plink2);
    let mut study = Study::geuvadis_slice();
    let plink2 = oracle::plink2(&study, "plink2", &[], &[]);
    study.vcf = dataset("geuvadis/chr22.bcf");
    let results = study.assoc("norna.h5", &[]);
    let name = "ENSG00000131100";
    let (ours, theirs) = (oracle::rows(&study.export(&results, name)), oracle::plink2_rows(&plink2, name));
    oracle::compare("slice as BCF", &ours, &theirs, SAME_INPUT, true).report("slice as BCF");
}

/// 1000 Genomes chr22 with its multi-allelic records split, and traits simulated for its people.
fn kg_study() -> (Study, std::path::PathBuf) {
    let whole = shared_file("kg-chr22/genotypes.10k.vcf.gz");
    let mut study = Study::of_files(&whole, &whole, None);
    let split = study.path("split.vcf.gz");
    let mut norm = tools::command("bcftools");
    tools::run(norm.args(["norm", "-m-", "-Oz", "-o"]).arg(&split).arg(&whole)).ok();
    let listed = tools::run(tools::command("bcftools").args(["query", "-l"]).arg(&whole)).ok().stdout;
    let samples: Vec<String> = listed.lines().map(str::to_owned).collect();
    let covariates = simulate::covariates(71, &samples, 4);
    let nobody = simulate::Genotypes { samples, records: Vec::new() };
    let traits = simulate::traits(72, &nobody, &covariates, 3, |k| 0.1 * k as f64);
    (study.pheno, study.covar) = (study.path("traits.tsv"), Some(study.path("covars.tsv")));
    traits.write(&study.pheno);
    covariates.write(study.covar.as_ref().unwrap());
    study.vcf = split;
    (study, whole)
}

#[test]
fn golden_matches_plink2_on_kg_split_to_biallelic() {
    need!(Need::Plink2, Need::Bcftools, Need::SharedData);
    let (mut study, whole) = kg_study();
    compare_all("1000 Genomes chr22, split", &study, &[], SAME_INPUT, false);

    // One row per ALT of the records as they came says the same as the split records.
    let split = sorted_rows(&study.export(&study.path("norna.h5"), "t1"));
    study.vcf = whole;
    let joint = sorted_rows(&study.export(&study.assoc("whole.h5", &[]), "t1"));
    assert_eq!(joint.len(), split.len());
    let differ = joint.iter().zip(&split).filter(|(joint, split)| joint != split).count();
    assert_eq!(differ, 0, "rows of multi-allelic records that differ from the split ones");
}

fn sorted_rows(table: &Table) -> Vec<Vec<String>> {
    let mut rows = table.rows.clone();
    rows.sort();
    rows
}

#[test]
fn golden_matches_plink2_with_missing_genotypes_and_traits() {
    need!(Need::Plink2, Need::Bgzip);
    let genotypes = simulate::calls(101, 300, 3000, 0.05);
    let covariates = simulate::covariates(102, &genotypes.samples, 5);
    // Complete, then each its own pattern, the last with most people missing.
    let traits =
        simulate::traits(103, &genotypes, &covariates, 8, |k| [0.0, 0.01, 0.03, 0.05, 0.05, 0.05, 0.2, 0.8][k]);
    let mut study = Study::write(&genotypes, &traits, Some(&covariates));
    study.bgzip();
    compare_all("missing genotypes and traits", &study, &[], SAME_INPUT, false);
}

#[test]
fn golden_matches_plink2_without_covariates_and_with_few_samples() {
    need!(Need::Plink2);
    let genotypes = simulate::calls(111, 12, 400, 0.1);
    let covariates = simulate::covariates(112, &genotypes.samples, 1);
    let traits = simulate::traits(113, &genotypes, &covariates, 2, |k| 0.2 * k as f64);
    compare_all("12 samples, no covariates", &Study::write(&genotypes, &traits, None), &[], SAME_INPUT, false);
}

#[test]
fn golden_matches_plink2_where_samples_and_covariates_are_few_and_shuffled() {
    need!(Need::Plink2);
    let genotypes = simulate::calls(121, 250, 800, 0.02);
    let mut covariates = simulate::covariates(122, &genotypes.samples, 3);
    let mut traits = simulate::traits(123, &genotypes, &covariates, 3, |_| 0.05);
    // Tables in another order; some people in one table only; a covariate missing for others.
    shuffle(&mut covariates.rows, 124);
    shuffle(&mut traits.rows, 125);
    covariates.rows.truncate(230);
    traits.rows.truncate(240);
    for row in covariates.rows.iter_mut().step_by(25) {
        row[2] = "NA".to_owned();
    }
    let study = Study::write(&genotypes, &traits, Some(&covariates));
    compare_all("shuffled tables", &study, &[], SAME_INPUT, false);
}

fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut rng = SplitMix::new(seed);
    for last in (1..items.len()).rev() {
        items.swap(last, (rng.next() % (last as u64 + 1)) as usize);
    }
}

fn dosage_study(seed: u64, grid: Grid, missing: f64) -> Study {
    let genotypes = simulate::dosages(seed, 400, 1200, grid, missing);
    let covariates = simulate::covariates(seed + 1, &genotypes.samples, 4);
    let traits = simulate::traits(seed + 2, &genotypes, &covariates, 4, |k| 0.03 * k as f64);
    let mut study = Study::write(&genotypes, &traits, Some(&covariates));
    study.flags = vec!["--field".to_owned(), "DS".to_owned()];
    study
}

#[test]
fn golden_matches_plink2_on_dosages_of_its_grid() {
    need!(Need::Plink2);
    let study = dosage_study(201, Grid::Plink2, 0.05);
    compare_all("dosages on plink2's grid", &study, &["dosage=DS"], SAME_INPUT, false);
}

/// plink2 rounds each dosage to 1/16384: an error of 1.8e-5 (SD) a person, which moves beta by 1.8e-5/sd(g) SE, and at
/// frequencies from 5 % sd(g) ≥ 0.25 or so.
#[test]
fn golden_matches_plink2_on_dosages_off_its_grid() {
    need!(Need::Plink2);
    let study = dosage_study(211, Grid::Thousandths, 0.0);
    let rounded = Tolerance { beta: 4e-4, se: 4e-4, log10p: 1e-3 };
    compare_all("dosages off plink2's grid", &study, &["dosage=DS"], rounded, false);
}

#[test]
fn mean_imputation_equals_a_file_with_the_means_filled_in() {
    let mut genotypes = simulate::calls(221, 200, 300, 0.05);
    let covariates = simulate::covariates(222, &genotypes.samples, 2);
    let traits = simulate::traits(223, &genotypes, &covariates, 1, |_| 0.0);
    let study = Study::write(&genotypes, &traits, Some(&covariates));
    let imputed = study.assoc("mean.h5", &["--missing-genotype", "mean"]);
    let imputed = oracle::rows(&study.export(&imputed, "t0"));

    for record in &mut genotypes.records {
        let called = record.fields.iter().zip(&record.dosages).filter(|(field, _)| *field != "./.");
        let (n, sum) = called.fold((0.0, 0.0), |(n, sum), (_, dosage)| (n + 1.0, sum + dosage));
        record.format = "DS".to_owned();
        for (field, dosage) in record.fields.iter_mut().zip(&record.dosages) {
            *field = if field == "./." { format!("{:.9}", sum / n) } else { format!("{dosage}") };
        }
    }
    let filled = Study::write(&genotypes, &traits, Some(&covariates));
    let filled = oracle::rows(&filled.export(&filled.assoc("filled.h5", &["--field", "DS"]), "t0"));
    let mut n_compared = 0;
    for (imputed, filled) in imputed.iter().zip(&filled).filter(|(_, filled)| filled.beta.is_finite()) {
        let scale = filled.beta.abs().max(filled.se);
        assert!((imputed.beta - filled.beta).abs() <= 1e-5 * scale, "{imputed:?}\n{filled:?}");
        assert!((imputed.se - filled.se).abs() <= 1e-5 * filled.se, "{imputed:?}\n{filled:?}");
        n_compared += 1;
    }
    assert!(n_compared > 200);
}
