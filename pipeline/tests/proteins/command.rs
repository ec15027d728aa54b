//! `norna proteins` from the command line.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use norna::proteins;
use serde_json::Value;

use super::support::need;
use super::support::places::shared_file;
use super::support::tools::{self, Need, Run};

/// Bash with its flags.
fn bash(script: &str, folder: &Path) -> Run {
    tools::run(tools::command("bash").args(["-c", script]).arg(env!("CARGO_BIN_EXE_norna")).current_dir(folder))
}

/// Samples that no message may name.
const SENTINEL: &str = "SUBJX";

fn bed(n_proteins: usize, n_samples: usize) -> String {
    let samples: Vec<String> = (0..n_samples).map(|j| format!("{SENTINEL}{j}")).collect();
    let mut text = format!("#chr\tstart\tend\tid\t{}\n", samples.join("\t"));
    for i in 0..n_proteins {
        let values: Vec<String> = (0..n_samples).map(|j| format!("{}", ((i + 3) * (j * j + 7)) % 101)).collect();
        text += &format!("chr1\t{}\t{}\tprotein{i}\t{}\n", 100 * i, 100 * i + 1, values.join("\t"));
    }
    text
}

struct Made(tempfile::TempDir);

impl Made {
    fn new() -> Self {
        let made = Self(tempfile::tempdir().unwrap());
        made.write("p.bed", &bed(12, 30));
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn run(&self, args: &[&str]) -> Run {
        tools::run(tools::norna(["proteins"]).args(args).current_dir(self.0.path()))
    }

    /// Files beside the inputs, hidden ones too.
    fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[track_caller]
fn assert_no_ids(run: &Run) {
    assert!(!run.stderr.contains(SENTINEL) && !run.stdout.contains(SENTINEL), "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_bed_becomes_a_private_file_that_says_what_was_done() {
    let made = Made::new();
    let flags = ["p.bed", "-o", "p.h5", "--transform", "rint", "--pcs", "3", "--build", "b37", "--json"];
    let run = made.run(&flags).ok();
    assert_no_ids(&run);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(told["proteins"], 12);
    assert_eq!((told["samples"].as_u64(), told["with_gene"].as_u64()), (Some(30), Some(12)));
    assert_eq!(told["genome_build"], "b37");
    let path = made.path("p.h5");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let matrix = proteins::open(&path).unwrap();
    assert_eq!((matrix.covariates.len(), matrix.samples[4].as_str()), (3, "SUBJX4"));
    assert_eq!(made.names(), ["p.bed", "p.h5"]);
    for command in ["verify", "info"] {
        assert_no_ids(&tools::run(tools::norna([command]).arg(&path)).ok());
    }
    let told = tools::run(tools::norna(["info", "--json"]).arg(&path)).ok();
    assert_no_ids(&told);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let steps: Vec<&str> =
        told["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(
        (steps[0], steps[steps.len() - 1], told["provenance"]["command"].as_str()),
        ("read", "genes", Some("proteins"))
    );
    assert_eq!(told["provenance"]["configuration"]["transform"], "rint");
}

#[test]
fn the_same_bits_come_of_any_number_of_threads() {
    let made = Made::new();
    made.write("large.bed", &bed(700, 560));
    for (threads, out) in [("1", "a.h5"), ("3", "b.h5")] {
        made.run(&["large.bed", "-o", out, "--threads", threads, "--pcs", "4", "--transform", "standardize"]).ok();
    }
    let [a, b] = ["a.h5", "b.h5"].map(|name| proteins::open(&made.path(name)).unwrap());
    let bits = |matrix: &proteins::ProteinMatrix| -> Vec<u64> {
        let covariates = matrix.covariates.iter().flat_map(|(_, values)| values);
        matrix.values.iter().chain(covariates).map(|value| value.to_bits()).collect()
    };
    assert_eq!(bits(&a), bits(&b));
    assert_eq!(a.covariates.len(), 4);
}

#[test]
fn force_replaces_files_of_proteins_alone() {
    let made = Made::new();
    made.run(&["p.bed", "-o", "p.h5"]).ok();
    let before = std::fs::read(made.path("p.h5")).unwrap();
    let refused = made.run(&["p.bed", "-o", "p.h5"]);
    assert!(refused.code != 0 && refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(std::fs::read(made.path("p.h5")).unwrap(), before);
    made.run(&["p.bed", "-o", "p.h5", "--force", "--transform", "rint"]).ok();
    assert_ne!(std::fs::read(made.path("p.h5")).unwrap(), before);
    made.write("notes.txt", "mine");
    let refused = made.run(&["p.bed", "-o", "notes.txt", "--force"]);
    assert!(refused.code != 0 && refused.stderr.contains("no HDF5 file"), "{}", refused.stderr);
    // Another HDF5 file: its signature and no more.
    std::fs::write(made.path("results.h5"), b"\x89HDF\r\n\x1a\nresults").unwrap();
    let refused = made.run(&["p.bed", "-o", "results.h5", "--force"]);
    assert!(refused.code == 1 && refused.stderr.contains("no file of norna proteins"), "{}", refused.stderr);
    std::fs::remove_file(made.path("results.h5")).unwrap();
    let itself = made.run(&["p.bed", "-o", "p.bed", "--force"]);
    assert!(itself.code == 2 && itself.stderr.contains("--out is an input (proteins)"), "{}", itself.stderr);
    let nowhere = made.run(&["p.bed", "-o", "no/p.h5"]);
    assert!(nowhere.code != 0 && nowhere.stderr.contains("no such folder"), "{}", nowhere.stderr);
    assert_eq!(made.names(), ["notes.txt", "p.bed", "p.h5"]);
}

#[test]
fn broken_inputs_leave_nothing_and_one_line() {
    let made = Made::new();
    made.write("cut.bed", &bed(3, 5).replace("\t44", "\tx y"));
    made.write("map.tsv", &format!("{SENTINEL}0\tA\n{SENTINEL}1\tA\n"));
    made.write("nobody.txt", "somebody\n");
    made.write("case.txt", &format!("{}1\n{}2\n", SENTINEL.to_lowercase(), SENTINEL.to_lowercase()));
    made.write("bad.gtf", "chr1\tH\tgene\t5\t2\t.\t+\t.\tgene_id \"E\";\n");
    let before = made.names();
    let cases: [(&[&str], &str); 13] = [
        (&["none.bed"], "none.bed"),
        (&["map.tsv", "--format", "bed"], "map.tsv"),
        (&["p.bed", "--sample-map", "map.tsv"], "map.tsv: line 2: the ID in the genotypes is that of line 1"),
        (&["p.bed", "--keep", "nobody.txt"], "none of its 1 sample (--keep) is among the 30 of the proteins"),
        (&["p.bed", "--remove", "nobody.txt"], "none of its 1 sample (--remove) is among the 30 of the proteins"),
        (&["p.bed", "--remove", "case.txt"], "2 match when upper and lower case are not told apart"),
        (&["p.bed", "--annotation", "map.tsv"], "its first line, of 2 columns, is without chrom"),
        (&["p.bed", "-o", "-"], "cannot go to standard output"),
        (&["p.bed", "--annotation", "bad.gtf"], "bad.gtf: "),
        (&["p.bed", "--annotation", "none.gtf"], "none.gtf"),
        (&["p.bed", "--plate-covariates"], "does not tell plates"),
        (&["p.bed", "--max-missing-protein", "1.5"], "a share from 0 to 1"),
        (&["p.bed", "--uniprot-map", "map.tsv"], "--uniprot-map needs --annotation"),
    ];
    for (flags, words) in cases {
        let out: &[&str] = if flags.contains(&"-o") { &["-q"] } else { &["-o", "out.h5", "-q"] };
        let run = made.run(&[flags, out].concat());
        assert!(run.code != 0 && run.stderr.contains(words), "{flags:?}: {}", run.stderr);
        assert!(!run.stderr.to_lowercase().contains(&SENTINEL.to_lowercase()), "{}", run.stderr);
        assert!(!run.stderr.contains("panicked") && run.stdout.is_empty(), "{}", run.stderr);
        assert_no_ids(&run);
        assert_eq!(made.names(), before, "{flags:?}");
    }
    let several = tools::run(
        tools::norna(["proteins", "p.bed", "-o", "out.h5"]).current_dir(made.0.path()).env("OMPI_COMM_WORLD_SIZE", "2"),
    );
    assert!(several.code == 2 && several.stderr.contains("norna proteins was started 2 times"), "{}", several.stderr);
}

#[test]
fn a_full_disk_leaves_no_values_of_people() {
    let made = Made::new();
    made.write("large.bed", &bed(300, 60));
    let limited = bash("ulimit -f 10; exec \"$0\" proteins large.bed -o p.h5 -q", made.0.path());
    assert!(limited.code == 1 && limited.stderr.contains("p.h5"), "{} {}", limited.code, limited.stderr);
    assert_no_ids(&limited);
    assert_eq!(made.names(), ["large.bed", "p.bed"]);
    let told = bash("exec \"$0\" proteins p.bed -o p.h5 -q --json > /dev/full", made.0.path());
    assert!(told.code == 1 && told.stderr.contains("standard output (--json; p.h5 is whole)"), "{}", told.stderr);
}

#[test]
fn what_a_killed_run_left_is_removed_or_named() {
    let made = Made::new();
    // No process has such a number.
    let (old, young) = (".p.h5.4194305.tmp", ".p.h5.4194306.tmp");
    made.write(young, "values");
    let past = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    std::fs::File::options().write(true).open(made.write(old, "values")).unwrap().set_modified(past).unwrap();
    let run = made.run(&["p.bed", "-o", "p.h5"]).ok();
    assert!(run.stderr.contains(&format!("removed {old}")), "{}", run.stderr);
    assert!(run.stderr.contains(&format!("warning: {young} is there")), "{}", run.stderr);
    assert!(!run.stderr.contains("error"), "{}", run.stderr);
    assert_eq!(made.names(), [young, "p.bed", "p.h5"]);
}

#[test]
fn commands_for_results_say_what_the_file_is() {
    let made = Made::new();
    made.run(&["p.bed", "-o", "p.h5", "-v"]).ok();
    for command in ["top", "export", "status"] {
        let run = tools::run(tools::norna([command]).arg(made.path("p.h5")));
        assert!(
            run.code != 0 && run.stderr.contains("a file of proteins, not of results; see norna info"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn samples_are_mapped_kept_and_removed() {
    let made = Made::new();
    let map: String = (0..29).map(|j| format!("{SENTINEL}{j}\tSUBJXG{j}\n")).collect();
    made.write("map.tsv", &format!("Plasma ID\tDNA ID\n{map}SUBJXnone\tSUBJXq\nSUBJXnone\tSUBJXq\n"));
    made.write("keep.txt", "SUBJXG0\nSUBJXG2\nSUBJXG4\nSUBJXG6\nSUBJXother\n");
    made.write("remove.txt", "#IID\nSUBJXG4\n");
    let run = made
        .run(&[
            "p.bed",
            "-o",
            "p.h5",
            "--sample-map",
            "map.tsv",
            "--keep",
            "keep.txt",
            "--remove",
            "remove.txt",
            "--json",
        ])
        .ok();
    assert_no_ids(&run);
    let matrix = proteins::open(&made.path("p.h5")).unwrap();
    assert_eq!(matrix.samples, ["SUBJXG0", "SUBJXG2", "SUBJXG6"]);
    let source = proteins::open(&made.path("p.bed")).unwrap();
    for (row, _) in matrix.proteins.iter().enumerate() {
        let expected: Vec<f64> = [0, 2, 6].iter().map(|&j| source.row(row)[j]).collect();
        assert_eq!(matrix.row(row), expected);
    }
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    let counts = told["steps"][1]["counts"].as_array().unwrap();
    let count = |what: &str| counts.iter().find(|pair| pair[0] == what).map(|pair| pair[1].as_u64().unwrap());
    assert_eq!(count("samples"), Some(30));
    assert_eq!(count("samples left out that the map does not have"), Some(1));
    assert_eq!(count("IDs of the map that the proteins do not have"), Some(1));
    assert_eq!(count("samples left out by --keep"), Some(25));
    assert_eq!(count("IDs of --keep that the proteins do not have"), Some(1));
    assert_eq!((count("samples left out by --remove"), count("samples kept")), (Some(1), Some(3)));
}

#[test]
fn geuvadis_equals_what_python_makes_of_it() {
    need!(Need::SharedData, Need::H5py);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("p.h5");
    let [bed, gtf] = ["genes.50percent.chr22.bed.gz", "gencode.v19.annotation.chr22.gtf.gz"]
        .map(|name| shared_file(&format!("geuvadis/{name}")));
    let args = ["--transform", "rint", "--pcs", "5", "--outlier-sd", "4", "--annotation"];
    let run =
        tools::run(tools::norna(["proteins"]).arg(&bed).args(args).arg(&gtf).arg("-o").arg(&out).arg("--json")).ok();
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(told["genome_build"], "b37");
    let steps = told["steps"].as_array().unwrap();
    let outliers = steps.iter().find(|step| step["step"] == "outliers").unwrap()["counts"].clone();
    check_with_python(&out, &bed, &outliers);
}

/// RINT, components and outliers over again, with numpy, which h5py brings.
fn check_with_python(out: &Path, bed: &Path, outliers: &Value) {
    let script = r#"
import gzip, json, sys
from statistics import NormalDist
import h5py, numpy as np
rows = [line.rstrip("\n").split("\t") for line in gzip.open(sys.argv[2], "rt")]
x = np.array([[float(v) for v in row[6:]] for row in rows[1:]])
f = h5py.File(sys.argv[1], "r")
assert [s.decode() for s in f["samples/id"][:]] == rows[0][6:]
assert [s.decode() for s in f["proteins/id"][:]] == [row[3] for row in rows[1:]]
assert list(f["proteins/tss"][:]) == [int(row[2]) for row in rows[1:]]
n = x.shape[1]
quantile = NormalDist().inv_cdf
def rint(row):
    order = sorted(row)
    first, last = {}, {}
    for i, v in enumerate(order):
        first.setdefault(v, i + 1)
        last[v] = i + 1
    return [quantile(((first[v] + last[v]) / 2 - 0.375) / (n + 0.25)) for v in row]
y = np.array([rint(row) for row in x])
assert np.abs(y - f["values"][:]).max() < 1e-9
def scores(m):
    z = (m - m.mean(axis=1, keepdims=True)) / m.std(axis=1, ddof=1, keepdims=True)
    u, s, vt = np.linalg.svd(z, full_matrices=False)
    return s[:, None] * vt
pcs, found = scores(y)[:5], f["covariates/values"][:]
for a, b in zip(pcs, found):
    a = a * np.sign(a[np.abs(a).argmax()])
    assert np.abs(a - b).max() < 2e-3 * np.abs(a).max(), np.abs(a - b).max()
def far(v):
    return set(np.nonzero(np.abs(v - v.mean()) > 4 * v.std(ddof=1))[0])
median = far(np.median(x, axis=0))
iqr = far(np.percentile(x, 75, axis=0) - np.percentile(x, 25, axis=0))
pca = set().union(*(far(s) for s in scores(x)[:2]))
counts = dict(json.loads(sys.argv[3]))
expected = [len(median), len(iqr), len(pca), len(median | iqr | pca)]
names = ["by the median of a panel", "by the interquartile range of a panel", "by the first two principal components", "outliers"]
assert [counts[name] for name in names] == expected, (counts, expected)
"#;
    let python = tools::python().unwrap();
    let mut command = tools::command(python);
    tools::run(command.args(["-c", script]).arg(out).arg(bed).arg(outliers.to_string())).ok();
}
