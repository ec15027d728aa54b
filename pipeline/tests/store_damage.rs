//! Results files with numbers that no run writes: `info`, `top` and `export` refuse them where they read them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod store_common;
mod support;

use std::path::Path;

use norna::cli::export::{ExportArgs, ExportFormat};
use norna::export::hits::hits_only;
use norna::export::top::best_pairs;
use norna::store::{ResultsReader, Store, StoreError};
use store_common::{FileWriter, batch, header, qc, write, write_compact};
use support::need;
use support::tools::Need;

const N_VARIANTS: usize = 600;

/// Changes a file as the line of Python says.
fn change(path: &Path, line: &str) {
    let program = format!(
        "import sys\nimport h5py, numpy as np\nwith h5py.File(sys.argv[1], 'a') as f:\n    {line}\n    print('ok')\n"
    );
    assert_eq!(support::bits::python_run(&program, &[path.to_str().unwrap()]).trim(), "ok", "{line}");
}

fn top(path: &Path) -> Result<(), StoreError> {
    let reader = ResultsReader::open(path)?;
    let traits: Vec<usize> = (0..reader.header().traits.len()).collect();
    best_pairs(&reader, 2 * N_VARIANTS, &traits).map(drop)
}

fn info(path: &Path) -> Result<(), StoreError> {
    norna::cli::info::describe(path, false).map(drop)
}

fn export(path: &Path) -> anyhow::Result<()> {
    norna::cli::export::run(&ExportArgs {
        cis_window: None,
        file: path.to_path_buf(),
        traits: vec!["*".into()],
        what: None,
        format: ExportFormat::Tsv,
        out: path.with_extension("tsv"),
        force: true,
        chr: Vec::new(),
        region: Vec::new(),
        p: None,
        log10p: None,
        a1_freq: false,
        policy: None,
        genome_assembly: None,
        study: None,
        neg_log10_p: false,
    })
}

fn write_hits(path: &Path, log10p: f64) {
    let mut header = header(2);
    (header.store, header.hit_log10p) = (Store::Hits, log10p);
    let mut writer = FileWriter::create(path, &header, N_VARIANTS as u64).unwrap();
    let mut batch = batch(&header, 0..N_VARIANTS);
    batch.matrices.iter_mut().for_each(Vec::clear);
    writer.append(&batch).unwrap();
    writer.finish(&qc(&header), &serde_json::json!({})).unwrap();
}

/// After each change export fails, with one line that holds the message; so does `also`.
#[track_caller]
fn refused(write: impl Fn(&Path), also: fn(&Path) -> Result<(), StoreError>, cases: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    write(&path);
    export(&path).unwrap();
    also(&path).unwrap();
    for (line, message) in cases {
        write(&path);
        change(&path, line);
        let errors = [export(&path).unwrap_err().to_string(), also(&path).unwrap_err().to_string()];
        for error in errors {
            assert!(error.contains(message), "{line}: {error}");
            assert!(error.contains("the file is damaged") && error.lines().count() == 1, "{line}: {error}");
            assert!(error.starts_with(path.to_str().unwrap()), "{line}: {error}");
        }
    }
}

#[test]
fn numbers_that_cannot_be_are_refused_in_a_full_store() {
    need!(Need::H5py);
    let cases = [
        ("f['assoc/se'][7, 1] = 0", "/assoc/se: row 7, trait 1: 0 where a standard error above 0 or NaN fits"),
        ("f['assoc/se'][7, 1] = -1", "/assoc/se: row 7, trait 1: -1 where"),
        ("f['assoc/se'][7, 1] = np.inf", "/assoc/se: row 7, trait 1: inf where"),
        ("f['assoc/beta'][8, 0] = -np.inf", "/assoc/beta: row 8, trait 0: -inf where a finite effect"),
        ("f['assoc/beta'][8, 0] = np.nan", "/assoc/se: row 8, trait 0: "),
        ("f['assoc/se'][12, 1] = np.nan", "/assoc/se: row 12, trait 1: NaN without a status"),
        ("f['variants/a1_freq'][5] = 7", "/variants/a1_freq: row 5: 7 where a frequency from 0 to 1 fits"),
        ("f['variants/mac'][5] = -1", "/variants/mac: row 5: -1"),
        ("f['variants/n'][5] = 101", "/variants/n: row 5: 101 where at most 100 samples"),
        ("f['variants/status'][5] = 200", "/variants/status: row 5: 200 where a status fits"),
        ("f['assoc/n_missing'][2, 0] = 1 << 31", "/assoc/n_missing: row 2: 2147483648"),
    ];
    refused(|path| drop(write(path, N_VARIANTS, 2, N_VARIANTS)), top, &cases);
}

#[test]
fn numbers_that_cannot_be_are_refused_at_opening() {
    need!(Need::H5py);
    let cases = [
        ("f['traits/status'][1] = 200", "/traits/status: row 1: 200"),
        ("f['traits/df_covariates'][0] = 1 << 31", "/traits/df_covariates: row 0: 2147483648 where at most 100"),
        ("f['traits/n'][0] = 101", "/traits/n: row 0: 101"),
        ("f.attrs['n_samples'] = np.uint32(101)", "n_samples: 101 where the signature has 100"),
        ("f.attrs['format_version'] = np.uint32(2)", "format_version: 2 where the signature has 1"),
        ("f['hits'].attrs['threshold_log10p'] = -1.0", "/hits: threshold_log10p is -1"),
        ("del f['assoc/n_missing']", "/assoc/n_missing: it is missing"),
        ("del f['assoc/covariates_lost']", "/assoc/covariates_lost: it is missing"),
        ("del f['qc/case_counts']", "/qc/case_counts: it is missing"),
    ];
    refused(|path| drop(write(path, N_VARIANTS, 2, N_VARIANTS)), info, &cases);
    let cases = [
        ("f['assoc/exact_variant'][3] = 9999", "/assoc/exact_variant: row 3: variant 9999, trait 0: there is no such"),
        ("f['assoc/exact_trait'][3] = 2", "/assoc/exact_variant: row 3: variant 75, trait 2: there is no such pair"),
        ("f['assoc/exact_variant'][3] = 500", "/assoc/exact_variant: row 4: variant 100, trait 0: out of order"),
    ];
    refused(|path| write_compact(path, N_VARIANTS, 2), info, &cases);
}

#[test]
fn numbers_that_cannot_be_are_refused_in_a_compact_store() {
    need!(Need::H5py);
    let cases = [
        ("f['assoc/d'][9, 0] = 0", "/assoc/d: row 9: 0 where a number above 0 or NaN fits"),
        ("f['assoc/d'][9, 0] = -5", "/assoc/d: row 9: -5"),
        ("f['assoc/score'][9, 1] = np.inf", "/assoc/score: row 9, trait 1: "),
        ("f['assoc/exact_se'][4] = -1", "/assoc/score: row 100, trait 0: -1"),
        ("f['traits/residual_square'][0, 1] = -2", "/traits/residual_square: row 0, trait 1: -2"),
    ];
    refused(|path| write_compact(path, N_VARIANTS, 2), top, &cases);
}

#[test]
fn numbers_that_cannot_be_are_refused_among_hits() {
    need!(Need::H5py);
    let cases = [
        ("f['hits/log10p'][1] = 2.4", "/hits/log10p: row 1: 2.4 where at least the threshold 2.5"),
        ("f['hits/log10p'][1] = 1e300", "/hits/log10p: row 1: 1000"),
        ("f['hits/log10p'][1] = np.nan", "/hits/log10p: row 1: NaN"),
        ("f['hits/se'][1] = 0", "/hits/se: row 1: 0"),
        ("f['hits/beta'][1] = np.inf", "/hits/beta: row 1: inf"),
        ("f['hits/obs_ct'][1] = 101", "/hits/obs_ct: row 1: 101"),
        ("f['hits/variant'][0] = f['hits/variant'][2]", "/hits/variant: row 1: variant"),
        ("f['hits/trait'][1] = 77", "there is no such pair"),
    ];
    refused(|path| write_hits(path, store_common::HIT), top, &cases);
}

#[test]
fn damaged_objects_are_told_in_plain_words() {
    need!(Need::H5py);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    write(&path, N_VARIANTS, 2, N_VARIANTS);
    change(&path, "del f['assoc/se']");
    let error = info(&path).unwrap_err().to_string();
    assert!(error.contains("/assoc/se: ") && error.contains("the file is damaged"), "{error}");
    assert!(!error.contains("H5"), "{error}");
}

#[test]
fn hits_of_every_p_are_every_pair() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    for (log10p, says) in [(0.0, false), (-0.0, false), (2.5, true)] {
        write_hits(&path, log10p);
        assert_eq!(hits_only(&ResultsReader::open(&path).unwrap(), None).is_some(), says, "{log10p}");
    }
}
