//! proteins.h5 as a file: what is written is read, by h5py too, and nothing damaged passes.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use norna::format::chromosome::Build;
use norna::proteins::{self, Gene, Protein, ProteinMatrix, Strand};
use norna::store::{ProteinsReader, ProteinsWriter, VerifyProgress, verify_proteins};
use serde_json::json;

use super::support::need;
use super::support::tools::{self, Need, Run};

fn protein(id: &str, gene: Option<Gene>, below_lod: f32) -> Protein {
    Protein {
        id: id.into(),
        name: format!("name of {id}"),
        uniprot: "P1;P2".into(),
        panel: "Panel".into(),
        gene,
        below_lod,
    }
}

fn matrix() -> ProteinMatrix {
    let gene = |tss, strand| Gene { chrom: "chr1".into(), tss, strand, id: "ENSG1.2".into(), name: "GENE".into() };
    ProteinMatrix {
        samples: vec!["SUBJ1".into(), "SUBJ2".into()],
        proteins: vec![
            protein("A", Some(gene(1000, Strand::Minus)), 0.25),
            protein("B", None, f32::NAN),
            protein("Ä µ", Some(gene(5, Strand::Unknown)), 0.0),
        ],
        values: vec![1.5, -2.25, f64::NAN, 7.75, 1e-300, 1e300],
        covariates: vec![("PC1".into(), vec![0.5, f64::NAN])],
        build: Some(Build::B38),
    }
}

fn write(folder: &Path, matrix: &ProteinMatrix) -> PathBuf {
    let path = folder.join("p.h5");
    let steps = json!([{ "step": "lod", "choice": "keep", "counts": [["values below it", 3]] }]);
    let writer = ProteinsWriter::create(&path, matrix).unwrap();
    writer.seal(&steps, &json!({ "command": "proteins", "inputs": [] })).unwrap();
    path
}

fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let written = matrix();
    let path = write(folder.path(), &written);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let read = proteins::open(&path).unwrap();
    assert_eq!(read.samples, written.samples);
    assert_eq!(format!("{:?}", read.proteins), format!("{:?}", written.proteins));
    assert!(same(&read.values, &written.values) && same(&read.covariates[0].1, &written.covariates[0].1));
    assert_eq!((read.covariates[0].0.as_str(), read.build), ("PC1", Some(Build::B38)));
    let reader = ProteinsReader::open(&path).unwrap();
    assert_eq!(reader.n_observed(), [2, 1, 2]);
    assert!(same(&reader.values(1..3).unwrap(), &written.values[2..]));
    assert!(reader.values(2..4).is_err());
    assert_eq!(reader.steps().unwrap()[0]["choice"], "keep");
}

#[test]
fn many_samples_and_proteins_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let (n_proteins, n_samples) = (300, 1000);
    let matrix = ProteinMatrix {
        samples: (0..n_samples).map(|i| format!("s{i}")).collect(),
        proteins: (0..n_proteins).map(|i| protein(&format!("p{i}"), None, f32::NAN)).collect(),
        values: (0..n_proteins * n_samples).map(|i| i as f64).collect(),
        covariates: Vec::new(),
        build: None,
    };
    let read = proteins::open(&write(folder.path(), &matrix)).unwrap();
    assert!(same(&read.values, &matrix.values) && read.build.is_none() && read.covariates.is_empty());
}

#[test]
fn what_cannot_be_held_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.h5");
    type Change = fn(&mut ProteinMatrix);
    let changes: [(&str, Change); 4] = [
        ("0 proteins", |m| (m.proteins, m.values) = (Vec::new(), Vec::new())),
        ("0 samples", |m| m.samples.clear()),
        ("not one a protein", |m| m.values.truncate(5)),
        ("infinite", |m| m.values[0] = f64::INFINITY),
    ];
    for (words, change) in changes {
        let mut matrix = matrix();
        change(&mut matrix);
        let error = ProteinsWriter::create(&path, &matrix).err().unwrap().to_string();
        assert!(error.contains(words) && !path.exists(), "{error}");
    }
}

#[test]
fn h5py_reads_it_as_documented() {
    need!(Need::H5py);
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &matrix());
    let script = r#"
import h5py, json, math, sys
f = h5py.File(sys.argv[1], "r")
a = f.attrs
assert (a["format"], a["format_version"], a["genome_build"]) == ("norna-proteins", 1, "b38")
assert a["individual_level"].startswith("yes")
text = lambda name: [v.decode() for v in f[name][:]]
assert text("samples/id") == ["SUBJ1", "SUBJ2"]
assert text("proteins/id") == ["A", "B", "Ä µ"]
assert text("proteins/chrom") == ["chr1", "", "chr1"] and text("proteins/gene_name") == ["GENE", "", "GENE"]
assert text("proteins/gene_id") == ["ENSG1.2", "", "ENSG1.2"] and text("proteins/uniprot")[1] == "P1;P2"
assert list(f["proteins/tss"]) == [1000, 0, 5] and list(f["proteins/strand"]) == [-1, 0, 0]
below = list(f["proteins/below_lod"])
assert below[0] == 0.25 and math.isnan(below[1]) and list(f["proteins/n_observed"]) == [2, 1, 2]
v = f["values"]
assert v.shape == (3, 2) and v.dtype == "float64" and v[0, 1] == -2.25 and math.isnan(v[1, 0]) and v[2, 1] == 1e300
assert text("covariates/name") == ["PC1"] and f["covariates/values"][0, 0] == 0.5
assert json.loads(f["steps"][()])[0]["step"] == "lod"
assert json.loads(f["provenance/command"][()]) == "proteins"
"#;
    let python = tools::python().unwrap();
    tools::run(tools::command(python).args(["-c", script]).arg(&path)).ok();
}

fn norna(command: &str, path: &Path, flags: &[&str]) -> Run {
    tools::run(tools::norna([command]).arg(path).args(flags))
}

#[test]
fn a_sound_file_passes_and_is_told_without_samples() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &matrix());
    let run = norna("verify", &path, &[]).ok();
    assert!(run.stdout.contains("3 proteins × 2 samples, 1 covariate"), "{}", run.stdout);
    assert!(run.stdout.ends_with("p.h5: sound\n"));
    let told: serde_json::Value = serde_json::from_str(&norna("verify", &path, &["--json"]).ok().stdout).unwrap();
    assert_eq!((told["result"].as_str(), told["proteins"].as_u64()), (Some("sound"), Some(3)));
    for flags in [&[][..], &["--json"]] {
        let told = norna("info", &path, flags).ok().stdout;
        assert!(told.contains("norna-proteins") && told.contains("b38") && !told.contains("SUBJ"), "{told}");
    }
    let told: serde_json::Value = serde_json::from_str(&norna("info", &path, &["--json"]).ok().stdout).unwrap();
    assert_eq!((told["with_gene"].as_u64(), told["proteins"][0]["gene"]["tss"].as_u64()), (Some(2), Some(1000)));
    assert!(told["proteins"][1]["gene"].is_null() && told["proteins"][1]["below_lod"].is_null());
}

#[test]
fn no_flipped_bit_and_no_cut_passes() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &matrix());
    let bytes = std::fs::read(&path).unwrap();
    let damaged = folder.path().join("damaged.h5");
    let values: Vec<u8> = [1.5_f64, -2.25].iter().flat_map(|value| value.to_ne_bytes()).collect();
    let mut places: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(&values)).collect();
    assert!(!places.is_empty(), "the values are not found");
    let mut state = 7_u64;
    places.extend((0..150).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % bytes.len()
    }));
    for (i, at) in places.into_iter().enumerate() {
        let mut other = bytes.clone();
        other[at] ^= 1 << (i % 8);
        std::fs::write(&damaged, &other).unwrap();
        let found = verify_proteins(&damaged, &VerifyProgress::default());
        assert!(found.is_err() || found.is_ok_and(|found| !found.findings.is_empty()), "byte {at} of {}", bytes.len());
        // Whatever is wrong, reading ends with an answer.
        let _ = proteins::open(&damaged);
    }
    std::fs::write(&damaged, &bytes[..bytes.len() - 1]).unwrap();
    let run = norna("verify", &damaged, &[]);
    assert!(run.code == 1 && !run.stderr.contains("panicked"), "{}{}", run.stdout, run.stderr);
    std::fs::write(&damaged, &bytes[..bytes.len() / 2]).unwrap();
    assert!(proteins::open(&damaged).unwrap_err().to_string().contains("truncated or damaged"));
}

#[test]
fn files_whose_shapes_lie_are_refused_before_memory_is_taken() {
    need!(Need::H5py);
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &matrix());
    let script = r#"
import h5py, sys
f = h5py.File(sys.argv[1], "r+", libver="v110")
what = sys.argv[2]
if what == "samples":
    del f["values"]; f.create_dataset("values", shape=(3, 3), dtype="f8")
elif what == "empty":
    del f["values"]; f.create_dataset("values", shape=(3, 2), dtype="f8", chunks=(3, 2))
elif what == "strand":
    f["proteins/strand"][0] = 3
elif what == "tss":
    f["proteins/tss"][1] = 3
elif what == "inf":
    f["values"][0, 0] = float("inf")
elif what == "count":
    f["proteins/n_observed"][0] = 1
"#;
    let python = tools::python().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for (what, words) in [
        ("samples", "/values: shape [3, 3]"),
        ("empty", "/values: shape [3, 2], of which the file has 0"),
        ("strand", "/proteins/strand: row 0"),
        ("tss", "/proteins/tss: row 1"),
        ("inf", "/values: row 0: a value is infinite"),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        tools::run(tools::command(python).args(["-c", script]).arg(&path).arg(what)).ok();
        let error = proteins::open(&path).unwrap_err().to_string();
        assert!(error.contains(words), "{what}: {error}");
    }
    std::fs::write(&path, &bytes).unwrap();
    tools::run(tools::command(python).args(["-c", script]).arg(&path).arg("count")).ok();
    let run = norna("verify", &path, &[]);
    assert!(run.code == 1 && run.stdout.contains("/proteins/n_observed: row 0: 1, and 2 are there"), "{}", run.stdout);
}

#[test]
fn a_bed_is_opened_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.bed");
    std::fs::write(&path, "#chr\tstart\tend\tid\ts1\ts2\nchr22\t9\t10\tA\t1.5\tNA\n").unwrap();
    let read = proteins::open(&path).unwrap();
    assert_eq!((read.samples.len(), read.proteins.len(), read.values[0]), (2, 1, 1.5));
    let gene = read.proteins[0].gene.as_ref().unwrap();
    assert_eq!((gene.chrom.as_str(), gene.tss, read.proteins[0].below_lod.is_nan()), ("chr22", 10, true));
    let missing = proteins::open(&folder.path().join("nothing")).unwrap_err().to_string();
    assert!(missing.contains("nothing") && missing.contains("No such file"), "{missing}");
    let results = folder.path().join("other.h5");
    std::fs::write(&results, b"\x89HDF\r\n\x1a\nnonsense").unwrap();
    assert!(proteins::open(&results).unwrap_err().to_string().contains("truncated or damaged"));
}
