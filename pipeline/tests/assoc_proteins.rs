//! `norna assoc --proteins`: the rows of proteins.h5 or of a BED as traits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use norna::proteins::{Gene, Protein, ProteinMatrix, Strand};
use norna::store::ProteinsWriter;
use serde_json::json;
use support::bed;
use support::bits;
use support::need;
use support::study::Study;
use support::table::{Table, number};
use support::tools::{self, Need};

/// Every gene of the slice starts where its variants lie, but for every fourth.
fn tss(k: usize) -> u32 {
    if k.is_multiple_of(4) { 40_000_000 } else { 17_000_000 + 10_000 * k as u32 }
}

fn with_bed() -> (Study, PathBuf) {
    let study = Study::geuvadis_slice();
    let bed = study.path("proteins.bed");
    bed::write_bed(&bed, &Table::read(&study.pheno), tss);
    (study, bed)
}

/// The slice's traits as a matrix, samples backwards.
fn matrix(traits: &Table) -> ProteinMatrix {
    let rows: Vec<&Vec<String>> = traits.rows.iter().rev().collect();
    let protein = |(k, name): (usize, &String)| Protein {
        id: name.clone(),
        name: format!("assay{k}"),
        uniprot: String::new(),
        panel: "panel".into(),
        gene: (k != 3).then(|| Gene {
            chrom: "22".into(),
            tss: tss(k),
            strand: Strand::Plus,
            id: name.clone(),
            name: format!("GENE{k}"),
        }),
        below_lod: 0.25,
    };
    ProteinMatrix {
        samples: rows.iter().map(|row| row[0].clone()).collect(),
        proteins: traits.header[1..].iter().enumerate().map(protein).collect(),
        values: (1..traits.header.len()).flat_map(|k| rows.iter().map(move |row| number(&row[k]))).collect(),
        covariates: Vec::new(),
        build: None,
    }
}

fn write_h5(path: &Path, matrix: &ProteinMatrix) {
    let writer = ProteinsWriter::create(path, matrix).unwrap();
    writer.seal(&json!([]), &json!({"command": "test"})).unwrap();
}

/// What does not speak of where traits came from.
fn numbers(results: &Path) -> BTreeMap<String, String> {
    let is_place = |name: &str| {
        let column = name.strip_prefix("traits/").unwrap_or_default();
        name.starts_with("qc/ledger") || name.starts_with('@') || {
            let places = ["assay", "uniprot", "panel", "chrom", "tss", "strand", "gene_id", "gene_name", "below_lod"];
            places.iter().any(|place| column == *place || column.starts_with(&format!("{place}@")))
        }
    };
    bits::everything(results).into_iter().filter(|(name, _)| !is_place(name)).collect()
}

#[test]
fn a_bed_and_proteins_h5_give_the_bits_of_a_table_of_traits() {
    need!(Need::H5py);
    let (study, bed) = with_bed();
    let h5 = study.path("proteins.h5");
    write_h5(&h5, &matrix(&Table::read(&study.pheno)));
    for store in ["full", "hits"] {
        let flags = ["--store", store, "--p-threshold", "1e-3", "--rint", "--force"];
        let expected = numbers(&study.assoc("table.h5", &flags));
        bits::assert_equal("BED", &expected, &numbers(&bed::run(&study, &bed, "bed.h5", &flags)));
        bits::assert_equal("proteins.h5", &expected, &numbers(&bed::run(&study, &h5, "h5.h5", &flags)));
    }
}

#[test]
fn a_protein_alone_equals_the_protein_among_all_and_has_its_place() {
    need!(Need::H5py);
    let study = Study::geuvadis_slice();
    let h5 = study.path("proteins.h5");
    let mut matrix = matrix(&Table::read(&study.pheno));
    // Values of its own that are missing: another mask.
    matrix.values[..40].fill(f64::NAN);
    write_h5(&h5, &matrix);
    let all = bed::run(&study, &h5, "all.h5", &["--p-threshold", "1e-3"]);
    for k in [0, 5] {
        let id = &matrix.proteins[k].id;
        for name in [id, &format!("assay{k}")] {
            let alone = bed::run(&study, &h5, "alone.h5", &["--p-threshold", "1e-3", "--pheno-name", name, "--force"]);
            bits::assert_equal(id, &bits::one_trait(&all, id), &bits::one_trait(&alone, id));
        }
    }
    let reader = norna::store::ResultsReader::open(&all).unwrap();
    assert_eq!(reader.header().proteins.len(), matrix.proteins.len());
    for (found, expected) in reader.header().proteins.iter().zip(&matrix.proteins) {
        assert_eq!((&found.gene, found.below_lod, &found.name), (&expected.gene, expected.below_lod, &expected.name));
    }
}

#[test]
fn samples_without_a_column_are_not_analysed_and_counted() {
    need!(Need::H5py);
    let study = Study::geuvadis_slice();
    let h5 = study.path("proteins.h5");
    let traits = Table::read(&study.pheno);
    let mut fewer = traits.clone();
    let left_out = fewer.rows.split_off(300);
    fewer.rows.push(fewer.rows[0].clone());
    fewer.rows[300][0] = "SENTINEL_NOT_GENOTYPED".into();
    write_h5(&h5, &matrix(&fewer));
    let run = bed::try_run(&study, &h5, "fewer.h5", &["-v"]).ok();
    assert!(run.stderr.contains("58 not in --proteins"), "{}", run.stderr);
    assert!(run.stderr.contains("58 not in proteins = 300 analysed"), "{}", run.stderr);
    let list = study.path("keep.txt");
    std::fs::write(&list, traits.rows[..300].iter().map(|row| row[0].clone() + "\n").collect::<String>()).unwrap();
    let expected = study.assoc("table.h5", &["--keep", list.to_str().unwrap()]);
    bits::assert_equal("300 people", &numbers(&expected), &numbers(&study.path("fewer.h5")));
    let said = run.stderr + &std::fs::read_to_string(study.path("fewer.h5.log")).unwrap_or_default();
    assert!(!said.contains("SENTINEL") && !said.contains(&left_out[0][0]) && !said.contains(&traits.rows[0][0]));
    let bytes = std::fs::read(study.path("fewer.h5")).unwrap();
    for id in ["SENTINEL_NOT_GENOTYPED", &left_out[0][0], &traits.rows[0][0]] {
        assert!(memchr::memmem::find(&bytes, id.as_bytes()).is_none(), "a sample's ID is in the results");
    }
}

#[test]
fn covariates_of_the_file_are_used_unless_left_out() {
    need!(Need::H5py);
    let mut study = Study::geuvadis_slice();
    let covars = Table::read(study.covar.as_ref().unwrap());
    let traits = Table::read(&study.pheno);
    let mut matrix = matrix(&traits);
    let of = |id: &String| covars.rows.iter().find(|row| row[0] == *id).unwrap();
    for (k, name) in covars.header.iter().enumerate().skip(1) {
        let values = matrix.samples.iter().map(|id| number(&of(id)[k])).collect();
        matrix.covariates.push((name.clone(), values));
    }
    let h5 = study.path("proteins.h5");
    write_h5(&h5, &matrix);
    let expected = numbers(&study.assoc("table.h5", &[]));
    let refused = bed::try_run(&study, &h5, "twice.h5", &[]);
    assert!(refused.code == 1 && refused.stderr.contains("--no-protein-covariates"), "{}", refused.stderr);
    bits::assert_equal(
        "left out",
        &expected,
        &numbers(&bed::run(&study, &h5, "without.h5", &["--no-protein-covariates"])),
    );
    study.covar = None;
    let run = bed::try_run(&study, &h5, "own.h5", &[]).ok();
    assert!(run.stderr.contains("12 covariates of its own"), "{}", run.stderr);
    bits::assert_equal("its own", &expected, &numbers(&study.path("own.h5")));
}

#[test]
fn what_cannot_be_meant_is_refused_in_one_line() {
    let (study, bed) = with_bed();
    let refuse = |extra: &[&str], code: i32, words: &str| {
        let run = bed::try_run(&study, &bed, "refused.h5", extra);
        assert!(run.code == code && run.stderr.contains(words), "{extra:?}: {} {}", run.code, run.stderr);
        assert!(!study.path("refused.h5").exists());
    };
    refuse(&["--pheno", study.pheno.to_str().unwrap()], 2, "--pheno and --proteins exclude each other");
    refuse(&["--trans-window", "1000"], 2, "--store hits");
    refuse(&["--pheno-name", "nothing"], 1, "--pheno-name");
    let run = study.try_assoc("refused.h5", &["--no-protein-covariates"]);
    assert!(run.code == 2, "{}", run.stderr);
    // The header's lengths are those of b37; nothing of b37 lies behind 51,304,566 on 22.
    let far = study.path("far.bed");
    bed::write_bed(&far, &Table::read(&study.pheno), |k| 51_400_000 + k as u32);
    let vcf_has_lengths = tools::run(tools::command("bcftools").args(["view", "-h"]).arg(&study.vcf)).stdout;
    if vcf_has_lengths.contains("51304566") {
        assert_eq!(bed::try_run(&study, &far, "refused.h5", &[]).code, 1);
    }
    let mut matrix = matrix(&Table::read(&study.pheno));
    matrix.build = Some(norna::format::chromosome::Build::B38);
    let h5 = study.path("b38.h5");
    write_h5(&h5, &matrix);
    let run = bed::try_run(&study, &h5, "refused.h5", &[]);
    assert!(run.code == 1 && run.stderr.contains("b38") && run.stderr.contains("b37"), "{}", run.stderr);
}

#[test]
fn proteins_of_two_values_are_tested_as_they_are() {
    let study = Study::geuvadis_slice();
    let mut traits = Table::read(&study.pheno);
    for (i, row) in traits.rows.iter_mut().enumerate() {
        row[1] = if i.is_multiple_of(3) { "0" } else { "1" }.into();
    }
    let bed = study.path("proteins.bed");
    bed::write_bed(&bed, &traits, tss);
    let run = bed::try_run(&study, &bed, "two.h5", &[]).ok();
    assert!(run.stderr.contains("1 of 20 have two values and are tested linearly ("), "{}", run.stderr);
}

#[test]
fn top_and_export_tell_of_genes_and_distances() {
    let study = Study::geuvadis_slice();
    let h5 = study.path("proteins.h5");
    write_h5(&h5, &matrix(&Table::read(&study.pheno)));
    for store in ["full", "hits"] {
        let results = bed::run(&study, &h5, "places.h5", &["--store", store, "--p-threshold", "1e-2", "--force"]);
        let top = |extra: &[&str]| {
            let mut command = tools::norna(["top", "-n", "2000", "--json"]);
            let run = tools::run(command.args(extra).arg(&results)).ok();
            serde_json::from_str::<Vec<serde_json::Value>>(&run.stdout).unwrap()
        };
        let rows = top(&[]);
        assert!(rows.len() > 100);
        let number_of = |row: &serde_json::Value| -> usize {
            let traits = Table::read(&study.pheno);
            traits.header[1..].iter().position(|name| *name == row["TRAIT"].as_str().unwrap()).unwrap()
        };
        for row in rows.iter().take(60) {
            let k = number_of(row);
            if k == 3 {
                assert!(row["GENE"].is_null() && row["CIS_TRANS"].is_null() && row["TSS_DISTANCE"].is_null(), "{row}");
                continue;
            }
            let distance = row["POS"].as_i64().unwrap() - i64::from(tss(k));
            assert_eq!(row["TSS_DISTANCE"], distance, "{row}");
            assert_eq!(row["GENE"], format!("GENE{k}"));
            assert_eq!(row["CIS_TRANS"], if distance.abs() <= 1_000_000 { "cis" } else { "trans" });
            assert_eq!(row["BELOW_LOD"], 0.25);
        }
        let narrow = top(&["--cis-window", "1000"]);
        let n_cis = |rows: &[serde_json::Value]| rows.iter().filter(|row| row["CIS_TRANS"] == "cis").count();
        assert!(n_cis(&narrow) < n_cis(&rows));
        let name = Table::read(&study.pheno).header[2].clone();
        let table = study.export(&results, &name);
        let (pos, distance) = (table.column("POS"), table.column("TSS_DISTANCE"));
        assert!(table.rows.iter().all(|row| number(&row[pos]) - f64::from(tss(1)) == number(&row[distance])));
        assert!(table.rows.iter().all(|row| row[table.column("GENE")] == "GENE1"));
    }
}
