//! `norna verify` of a cis.h5: sound ones, and damage of every kind.

use std::path::Path;

use super::made::*;
use super::store_common::uniform;
use super::support;
use super::support::need;
use super::support::tools::Need;

#[test]
fn a_whole_file_is_sound() {
    for has_nominal in [false, true] {
        let (_folder, path) = written(has_nominal);
        let (code, text, said) = norna(&["verify", path.to_str().unwrap(), "-q"]);
        assert_eq!((code, said.as_str()), (0, ""), "{text}");
        assert!(text.contains("cis results of 40 phenotypes") && text.trim_end().ends_with(": sound"), "{text}");
    }
}

/// What verify finds wrong, a line each.
fn findings(path: &Path) -> Vec<String> {
    let found = norna::store::verify_cis(path, &norna::store::VerifyProgress::default());
    match found {
        Ok(found) => found.findings.kinds.iter().flat_map(|kind| &kind.first).map(ToString::to_string).collect(),
        Err(error) => vec![error.to_string()],
    }
}

/// What every reader says of a damaged file: one line, no panic.
#[track_caller]
fn survived(path: &Path, what: &str) {
    let said = findings(path);
    assert!(!said.is_empty(), "{what}: passes");
    assert!(said.iter().all(|line| line.lines().count() == 1), "{what}: {said:?}");
    if let Err(error) = norna::cli::info::describe(path, true) {
        assert_eq!(error.to_string().lines().count(), 1, "{what}: {error}");
    }
}

#[test]
fn a_file_that_ends_early_is_refused() {
    let (_folder, path) = written(true);
    let whole = std::fs::read(&path).unwrap();
    for k in 0..12 {
        let length = whole.len() * k / 12 + k;
        std::fs::write(&path, &whole[..length]).unwrap();
        survived(&path, &format!("{length} bytes"));
        for command in ["verify", "info", "top", "export"] {
            if k % 6 == 1 {
                let (code, _, said) = norna(&[command, path.to_str().unwrap()]);
                assert_eq!((code, said.lines().count()), (1, 1), "{command}, {length} bytes: {said}");
            }
        }
    }
}

#[test]
fn no_flipped_bit_passes() {
    let (_folder, path) = written(true);
    let whole = std::fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    for k in 0..64_u64 {
        // Half of them among the library's own bytes at the start.
        let within = if k % 2 == 0 { 20_000 } else { whole.len() };
        let at = (uniform(k * 31 + 7) * within as f64) as usize;
        damaged[at] ^= 1 << (k % 8);
        std::fs::write(&path, &damaged).unwrap();
        survived(&path, &format!("byte {at}"));
        damaged[at] = whole[at];
    }
}

#[test]
fn numbers_that_no_run_writes_are_refused() {
    need!(Need::H5py);
    let (_folder, path) = written(true);
    let whole = std::fs::read(&path).unwrap();
    let cases = [
        ("cis", "f['cis/se'][8] = -1", "/cis/se: row 8: -1 where a standard error above 0 or NaN fits"),
        ("cis", "f['cis/log10p'][8] = np.inf", "/cis/log10p: row 8: inf"),
        ("cis", "f['cis/p_perm'][8] = 0", "/cis/p_perm: row 8: 0 where a p above 0"),
        ("cis", "f['cis/q_value'][8] = 7", "/cis/q_value: row 8: 7"),
        ("cis", "f['phenotypes/status'][8] = 99", "/phenotypes/status: row 8: 99 where a status fits"),
        ("cis", "del f['cis/df']", "/cis/df"),
        ("cis", "del f['phenotypes/n']; f['phenotypes/n'] = np.zeros(7, 'u4')", "/phenotypes/n: shape [7]"),
        ("nominal", "f['nominal/se'][8] = -1", "row 8: "),
        ("nominal", "f['nominal/variant'][8] = 1 << 31", "/nominal/variant: row 8: 2147483648 where one of 70000"),
        ("nominal", "f['nominal/count'][8] = 1 << 40", "/nominal/count: row 8: 1099511627776 from"),
        ("nominal", "f['nominal/start'][8] = (1 << 64) - 1", "/nominal/count: row 8"),
        ("nominal", "f['variants/a1_freq'][3] = 3", "/variants/a1_freq: row 3: 3"),
        ("signals", "f['signals/phenotype'][0] = 40", "/signals/phenotype: row 0: 40 where one of 40 phenotypes fits"),
        ("signals", "f['signals/pos'][0] = 0", "/signals/pos: row 0"),
    ];
    for (what, line, message) in cases {
        std::fs::write(&path, &whole).unwrap();
        let program = format!("import sys, h5py, numpy as np\nwith h5py.File(sys.argv[1], 'a') as f:\n    {line}\n");
        support::bits::python_run(&program, &[path.to_str().unwrap()]);
        let (code, _, said) = norna(&["export", path.to_str().unwrap(), "--what", what]);
        assert_eq!((code, said.lines().count()), (1, 1), "{line}: {said}");
        assert!(said.contains(message) && said.contains("the file is damaged"), "{line}: {said}");
        assert!(!findings(&path).is_empty(), "{line}");
    }
}

#[test]
fn what_can_be_computed_again_is() {
    need!(Need::H5py);
    let (_folder, path) = written(true);
    let whole = std::fs::read(&path).unwrap();
    for (line, object) in [
        ("f['cis/log10p'][8] += 0.01", "/cis/log10p: row 8"),
        ("f['cis/tss_distance'][8] += 1", "/cis/tss_distance: row 8"),
        ("f['cis/n_tied'][8] = 0", "/cis/n_tied: row 8"),
        ("f['nominal/beta'][8] = 100", "/nominal/beta: row 8: it is better than phenotype 0's lead"),
        ("f['nominal/start'][8] += 1", "/nominal/start: "),
        ("f['variants/pos'][5] = 200000000", "/nominal/variant: row 5"),
        ("f['signals/rank'][1] = 9; f['signals/phenotype'][1] = 30", "/signals: row 2"),
        ("f['qc/ledger/phenotypes/count'][1] = 41", "/qc/ledger/phenotypes: "),
        ("f['cis/pos'][8] = 0", "/cis/pos: row 8: 0 where the status is ok"),
        ("f['phenotypes/below_lod'][1] = 3", "/phenotypes/below_lod: row 1"),
    ] {
        std::fs::write(&path, &whole).unwrap();
        let program = format!("import sys, h5py, numpy as np\nwith h5py.File(sys.argv[1], 'a') as f:\n    {line}\n");
        support::bits::python_run(&program, &[path.to_str().unwrap()]);
        let said = findings(&path);
        assert!(said.iter().any(|found| found.starts_with(object)), "{line}: {said:?}");
    }
}
