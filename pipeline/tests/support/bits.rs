//! The bits of a results file as Python's h5py sees them, so that two files can be said to be equal.

use std::collections::BTreeMap;
use std::path::Path;

use super::tools::{command, python, run};

/// Prints `name TAB type and shape TAB sha256` for every dataset and attribute outside /provenance, and without the checksums
/// that it is among.
const EVERYTHING: &str = r#"
import hashlib, sys
import h5py, numpy as np

def raw(value):
    value = np.asarray(value)
    if value.dtype.kind == "O":
        cells = [c if isinstance(c, bytes) else str(c).encode() for c in value.ravel()]
        return b"".join(len(c).to_bytes(8, "little") + c for c in cells)
    return np.ascontiguousarray(value).tobytes()

def line(name, value, kind):
    print(name, kind, hashlib.sha256(raw(value)).hexdigest(), sep="\t")

def visit(name, item):
    if name.split("/")[0] == "provenance" or name == "checksums/rest":
        return
    for key in sorted(item.attrs):
        line(f"{name}@{key}", item.attrs[key], "attribute")
    if isinstance(item, h5py.Dataset):
        line(name, item[()], f"{item.dtype}{list(item.shape)}")

with h5py.File(sys.argv[1]) as f:
    for key in sorted(f.attrs):
        line(f"@{key}", f.attrs[key], "attribute")
    f.visititems(visit)
"#;

/// The same for everything that belongs to one trait, and for /variants.
const ONE_TRAIT: &str = r#"
import hashlib, sys
import h5py, numpy as np

def line(name, value):
    value = np.ascontiguousarray(value)
    print(name, f"{value.dtype}{list(value.shape)}", hashlib.sha256(value.tobytes()).hexdigest(), sep="\t")

with h5py.File(sys.argv[1]) as f:
    names = [n.decode() for n in f["traits/name"][()]]
    k = names.index(sys.argv[2])
    for name in ("beta", "se"):
        line(f"assoc/{name}", f[f"assoc/{name}"][:, k])
    mask = int(f["traits/mask"][k])
    n = f["variants/pos"].shape[0]
    for name, kind in (("n_missing", np.uint32), ("covariates_lost", np.uint16)):
        line(f"assoc/{name}", f["assoc"][name][:, mask] if name in f["assoc"] else np.zeros(n, kind))
    for name in ("n", "df_covariates", "mean", "sd", "status"):
        line(f"traits/{name}", f[f"traits/{name}"][k])
    mine = f["assoc/status_trait"][()] == k
    for name in ("status_variant", "status_code"):
        line(f"assoc/{name}", f[f"assoc/{name}"][()][mine])
    mine = f["hits/trait"][()] == k
    for name in ("variant", "beta", "se", "log10p"):
        line(f"hits/{name}", f[f"hits/{name}"][()][mine])
    for name in ("genomic_control", "chi2_histogram", "p_histogram"):
        line(f"qc/{name}", f[f"qc/{name}"][k])
    for name in ("pos", "a1_freq", "n", "mac", "missing", "status"):
        line(f"variants/{name}", f[f"variants/{name}"][()])
"#;

const RANK_SHARDS: &str = r#"
import json, sys
import h5py
with h5py.File(sys.argv[1]) as f:
    print(*[rank["shards"] for rank in json.loads(f["provenance/ranks"][()])])
"#;

/// Runs a Python program on its arguments; its standard output.
pub fn python_run(program: &str, args: &[&str]) -> String {
    run(command(python().expect("checked by need!")).args(["-c", program]).args(args)).ok().stdout
}

fn digest(program: &str, args: &[&str]) -> BTreeMap<String, String> {
    let text = python_run(program, args);
    let lines = text.lines().map(|line| line.split_once('\t').expect("name, then the rest"));
    lines.map(|(name, rest)| (name.to_owned(), rest.to_owned())).collect()
}

/// What is in any file besides /provenance: a digest by name.
pub fn contents(file: &Path) -> BTreeMap<String, String> {
    digest(EVERYTHING, &[file.to_str().unwrap()])
}

/// The same of a results file, whose groups must be there.
pub fn everything(results: &Path) -> BTreeMap<String, String> {
    let digests = contents(results);
    for group in ["variants/pos", "traits/name", "assoc/status_code", "hits/log10p", "qc/genomic_control"] {
        assert!(digests.contains_key(group), "no {group} in {}", results.display());
    }
    digests
}

/// What belongs to one trait.
pub fn one_trait(results: &Path, name: &str) -> BTreeMap<String, String> {
    digest(ONE_TRAIT, &[results.to_str().unwrap(), name])
}

/// Shards that each rank computed, by the file's own word.
pub fn rank_shards(results: &Path) -> Vec<u64> {
    let text = python_run(RANK_SHARDS, &[results.to_str().unwrap()]);
    text.split_whitespace().map(|count| count.parse().unwrap()).collect()
}

/// Panics with the names of what differs.
#[track_caller]
pub fn assert_equal(label: &str, expected: &BTreeMap<String, String>, found: &BTreeMap<String, String>) {
    let names = expected.keys().chain(found.keys()).collect::<std::collections::BTreeSet<_>>();
    let differ: Vec<_> = names.into_iter().filter(|&name| expected.get(name) != found.get(name)).collect();
    assert!(differ.is_empty(), "{label}: not the same bits in {differ:?}");
}
