//! From Olink's file to the matrix in one command, and the vendors' demonstration files.

use std::collections::BTreeMap;

use norna::proteins;
use serde_json::Value;

use super::made::assert_close;
use super::support::need;
use super::support::places::shared_file;
use super::support::tools::{self, Need};

const N_SAMPLES: usize = 24;
const N_ASSAYS: usize = 6;

/// NPX of an assay in a measurement; the last measurement is sample 5 once more.
fn npx(assay: usize, measurement: usize) -> f64 {
    ((7 * assay + 3) * (measurement * measurement + 5 * measurement + 11) % 97) as f64 / 16.0 - 1.5
}

fn lod(assay: usize) -> f64 {
    0.25 * assay as f64 - 0.5
}

fn judged(assay: usize, measurement: usize) -> &'static str {
    match (assay / 3, measurement) {
        (0, 2) => "FAIL",
        (1, 4) => "WARN",
        _ => "PASS",
    }
}

fn sample(measurement: usize) -> usize {
    if measurement == N_SAMPLES { 5 } else { measurement }
}

fn plate(assay: usize, measurement: usize) -> &'static str {
    if measurement < if assay < 3 { 10 } else { 16 } { "plate1" } else { "plate2" }
}

fn file() -> String {
    let mut text = "SampleID;SampleType;WellID;PlateID;OlinkID;UniProt;Assay;Panel;SampleQC;LOD;NPX\n".to_owned();
    for measurement in 0..=N_SAMPLES {
        for assay in 0..N_ASSAYS {
            let panel = if assay < 3 { "Left" } else { "Right" };
            text += &format!(
                "SUBJX{};SAMPLE;W{measurement};{};OID0000{assay};P0000{assay};GENE{assay};{panel};{};{};{}\n",
                sample(measurement),
                plate(assay, measurement),
                judged(assay, measurement),
                lod(assay),
                npx(assay, measurement)
            );
        }
    }
    for assay in 0..N_ASSAYS {
        text += &format!("ctrl;PLATE_CONTROL;W99;plate1;OID0000{assay};P0000{assay};GENE{assay};Left;PASS;0;99\n");
    }
    text
}

#[test]
fn npx_goes_through_every_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("npx.csv"), file()).unwrap();
    std::fs::write(
        path("genes.tsv"),
        "symbol\tchrom\tstart\tend\tstrand\nGENE0\tchr1\t10\t20\t-\nGENE3\tchr2\t30\t40\t+\n",
    )
    .unwrap();
    let run = |flags: &[&str]| {
        let mut command = tools::norna(["proteins", "npx.csv", "--json", "-o"]);
        tools::run(command.args(flags).current_dir(folder.path()))
    };
    let refused = run(&["p.h5"]);
    assert!(refused.stderr.contains("1 sample measured several times, up to 2 times"), "{}", refused.stderr);
    assert!(refused.code == 1 && !refused.stderr.contains("SUBJX") && !path("p.h5").exists());
    let flags = ["--lod", "sqrt2", "--repeats", "mean", "--plate-covariates", "--annotation", "genes.tsv"];
    let run = run(&[&["p.h5"], &flags[..]].concat()).ok();
    assert!(!run.stderr.contains("SUBJX") && !run.stdout.contains("SUBJX"), "{}", run.stderr);
    let matrix = proteins::open(&path("p.h5")).unwrap();
    assert_eq!(matrix.samples, (0..N_SAMPLES).map(|j| format!("SUBJX{j}")).collect::<Vec<_>>());
    for assay in 0..N_ASSAYS {
        let one = |measurement: usize| match (judged(assay, measurement), npx(assay, measurement)) {
            ("FAIL", _) => f64::NAN,
            (_, value) if value < lod(assay) => lod(assay) - 0.5,
            (_, value) => value,
        };
        let mut expected: Vec<f64> = (0..N_SAMPLES).map(one).collect();
        expected[5] = (one(5) + one(N_SAMPLES)) / 2.0;
        assert_close(matrix.row(assay), &expected, 1e-12);
        let known = (0..=N_SAMPLES).filter(|&m| judged(assay, m) != "FAIL");
        let below = known.clone().filter(|&m| npx(assay, m) < lod(assay)).count();
        let share = below as f32 / known.count() as f32;
        let found = &matrix.proteins[assay];
        assert!((found.below_lod - share).abs() < 1e-6 && below > 0 || share == 0.0, "{} {share}", found.below_lod);
        assert_eq!(
            (found.id.as_str(), found.panel.as_str()),
            (format!("OID0000{assay}").as_str(), if assay < 3 { "Left" } else { "Right" })
        );
        let tss = found.gene.as_ref().map(|gene| gene.tss);
        assert_eq!(
            tss,
            match assay {
                0 => Some(20),
                3 => Some(30),
                _ => None,
            }
        );
    }
    let names: Vec<&str> = matrix.covariates.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["plate of Left=plate1", "plate of Right=plate2"]);
    let left: Vec<f64> = (0..N_SAMPLES).map(|j| if j == 5 { 0.5 } else { f64::from(u8::from(j < 10)) }).collect();
    assert_close(&matrix.covariates[0].1, &left, 0.0);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    let counts: BTreeMap<&str, &Value> = told["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["step"].as_str().unwrap(), &step["counts"]))
        .collect();
    let count = |step: &str, what: &str| {
        counts[step].as_array().unwrap().iter().find(|pair| pair[0] == what).and_then(|pair| pair[1].as_u64())
    };
    assert_eq!(count("sample_qc", "values failed"), Some(3));
    assert_eq!(count("sample_qc", "values warned of"), Some(3));
    assert_eq!(count("sample_qc", "values set missing"), Some(3));
    assert_eq!((count("genes", "by symbol"), count("genes", "not found")), (Some(2), Some(4)));
}

#[test]
fn demonstration_files_of_vendors_become_matrices() {
    need!(Need::SharedData);
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("npx_data1.long.csv.gz", &["--repeats", "mean"][..], 184),
        ("npx_data_ext.parquet", &["--repeats", "mean"], 0),
        ("example_data10.adat", &["--pcs", "2"], 0),
        ("diann_input.tsv", &["--repeats", "mean"], 0),
        ("maxquant_proteinGroups.txt", &[], 0),
    ];
    for (file, flags, n_proteins) in files {
        let out = folder.path().join(format!("{file}.h5"));
        let input = shared_file(&format!("proteomics/{file}"));
        let run = tools::run(tools::norna(["proteins", "-o"]).arg(&out).arg(&input).args(flags)).ok();
        let matrix = proteins::open(&out).unwrap();
        assert!(!matrix.samples.is_empty() && !matrix.proteins.is_empty(), "{file}: {}", run.stderr);
        assert!(n_proteins == 0 || matrix.proteins.len() == n_proteins, "{file}: {}", matrix.proteins.len());
        assert!(matrix.values.iter().filter(|value| !value.is_nan()).all(|value| value.is_finite()));
        tools::run(tools::norna(["verify", "-q"]).arg(&out)).ok();
    }
}

#[test]
fn npx_of_olink_equals_what_python_makes_of_it() {
    need!(Need::SharedData, Need::H5py);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("p.h5");
    let input = shared_file("proteomics/npx_data1.long.csv.gz");
    let mut command = tools::norna(["proteins", "--repeats", "mean", "--lod", "sqrt2", "-o"]);
    tools::run(command.arg(&out).arg(&input)).ok();
    let script = r#"
import csv, gzip, sys
from collections import defaultdict
import h5py
values, known, below = defaultdict(list), defaultdict(int), defaultdict(int)
samples, assays = {}, {}
for row in csv.DictReader(gzip.open(sys.argv[2], "rt")):
    if "CONTROL" in row["SampleID"].upper() or row["NPX"] in ("", "NA"):
        continue
    samples[row["SampleID"]] = assays[row["OlinkID"]] = 1
    npx, lod, key = float(row["NPX"]), float(row["LOD"]), (row["OlinkID"], row["SampleID"])
    known[row["OlinkID"]] += 1
    below[row["OlinkID"]] += npx < lod
    values[key].append(lod - 0.5 if npx < lod else npx)
f = h5py.File(sys.argv[1], "r")
ids, names = [[v.decode() for v in f[n][:]] for n in ("proteins/id", "samples/id")]
assert sorted(ids) == sorted(assays) and sorted(names) == sorted(samples), (len(ids), len(assays), len(names), len(samples))
v, share = f["values"][:], f["proteins/below_lod"][:]
for i, assay in enumerate(ids):
    assert abs(share[i] - below[assay] / known[assay]) < 1e-6, assay
    for j, name in enumerate(names):
        mine = values[assay, name]
        assert abs(v[i, j] - sum(mine) / len(mine)) < 2e-6, (assay, mine, v[i, j])
"#;
    let python = tools::python().unwrap();
    tools::run(tools::command(python).args(["-c", script]).arg(&out).arg(&input)).ok();
}
