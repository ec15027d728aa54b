//! results.h5 written and read back: by the reader, by h5py, whole and damaged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod store_common;

use std::path::Path;
use std::process::Command;

use norna::store::{ResultsReader, Store, StoreError, publish};
use serde_json::json;
use store_common::{FileWriter, HIT, batch, cell, covariates_lost, header, missing, qc, variant, write};

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

#[test]
fn round_trip_keeps_every_cell() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    // 40 traits in 20 masks: chunks of 1,024 × 20 cells of effects, of 2,048 × 20 counts.
    let (n_variants, n_traits) = (5003, 40);
    let expected = write(&path, n_variants, n_traits, 700);
    let reader = ResultsReader::open(&path).unwrap();
    assert_eq!((reader.n_variants(), reader.chunk()), (n_variants, (1024, 20)));
    assert_eq!(format!("{:?}", reader.header()), format!("{expected:?}"));
    for (i, row) in reader.variants(1000..3100).unwrap().iter().enumerate() {
        let mut expected = variant(1000 + i);
        assert!(same(row.a1_freq, expected.a1_freq));
        expected.a1_freq = row.a1_freq;
        assert!(*row == expected || row.a1_freq.is_nan());
    }
    let (beta, se) = reader.block(0..n_variants, 0..n_traits).unwrap();
    for v in 0..n_variants {
        for t in 0..n_traits {
            let (b, s) = cell(v, t);
            let i = v * n_traits + t;
            assert!(b.to_bits() == beta[i].to_bits() || b.is_nan() && beta[i].is_nan(), "{v} {t}");
            assert!(s.to_bits() == se[i].to_bits() || s.is_nan() && se[i].is_nan(), "{v} {t}");
        }
    }
    let (beta, _) = reader.trait_column(33, 900..1100).unwrap();
    assert!((0..200).all(|i| same(f64::from(beta[i]), f64::from(cell(900 + i, 33).0))));
    let counts = reader.n_missing(0..n_variants, 3..20).unwrap().unwrap();
    let lost = reader.covariates_lost(0..n_variants, 3..20).unwrap().unwrap();
    assert_eq!(lost.iter().filter(|&&n| n > 0).count(), 24);
    for v in 0..n_variants {
        for mask in 3..20 {
            assert_eq!(counts[v * 17 + mask - 3], missing(v, mask));
            assert_eq!(lost[v * 17 + mask - 3], covariates_lost(v, mask));
        }
    }
    let statuses = reader.statuses(0..reader.n_statuses()).unwrap();
    assert!(statuses.iter().all(|s| s.code == 4 && cell(s.variant as usize, s.trait_idx as usize).0.is_nan()));
    assert_eq!(
        statuses.len(),
        (0..n_variants * n_traits).filter(|i| cell(i / n_traits, i % n_traits).0.is_nan()).count()
    );
    let hits = reader.hits(0..reader.n_hits()).unwrap();
    assert!(hits.len() > 100 && hits.iter().all(|hit| hit.log10p >= HIT));
    assert!(hits.windows(2).all(|w| (w[0].variant, w[0].trait_idx) < (w[1].variant, w[1].trait_idx)));
    let stored = reader.qc().unwrap();
    assert_eq!((&stored.ledger, &stored.eigenvalues), (&qc(&expected).ledger, &vec![1.5, 0.5]));
    assert_eq!(stored.case_counts.unwrap(), vec![7; n_traits]);
    assert!(stored.genomic_control.iter().all(|lambda| (0.85..1.15).contains(lambda)), "{:?}", stored.genomic_control);
    for (t, bins) in stored.p_histogram.iter().enumerate() {
        assert_eq!(bins.iter().sum::<u64>(), (0..n_variants).filter(|&v| !cell(v, t).0.is_nan()).count() as u64);
    }
    assert_eq!(reader.provenance().unwrap()["inputs"][0]["bytes"], 12);
}

#[test]
fn batches_do_not_change_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &str, step: usize| {
        let path = folder.path().join(name);
        let header = header(3);
        let mut writer = FileWriter::create(&path, &header, 20_000).unwrap();
        for start in (0..20_000).step_by(step) {
            writer.append(&batch(&header, start..20_000.min(start + step))).unwrap();
        }
        writer.finish(&qc(&header), &json!({})).unwrap();
        std::fs::read(path).unwrap()
    };
    let whole = bytes("a", 20_000);
    assert!(whole == bytes("b", 1) && whole == bytes("c", 8192) && whole == bytes("d", 333));
}

#[test]
fn missing_counts_take_room_only_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let size = |name: &str, rows: &[u32]| {
        let path = folder.path().join(name);
        let header = header(40);
        let mut writer = FileWriter::create(&path, &header, 8192).unwrap();
        let mut batch = batch(&header, 0..8192);
        batch.n_missing = rows.iter().map(|&row| (row, 19, 5)).collect();
        batch.covariates_lost.clear();
        writer.append(&batch).unwrap();
        writer.finish(&qc(&header), &json!({})).unwrap();
        let reader = ResultsReader::open(&path).unwrap();
        let counts = reader.n_missing(0..8192, 19..20).unwrap();
        assert_eq!(counts.is_some(), !rows.is_empty());
        assert!(reader.covariates_lost(0..8192, 0..20).unwrap().is_none());
        let expected = (0..8192).map(|row| if rows.contains(&row) { 5 } else { 0 }).collect::<Vec<u32>>();
        assert_eq!(counts.unwrap_or_else(|| vec![0; 8192]), expected);
        std::fs::metadata(path).unwrap().len()
    };
    let (none, one, two) = (size("none", &[]), size("one", &[5000]), size("two", &[17, 5000]));
    // The table of checksums grows with the file.
    let chunk = (two - one).abs_diff(1024 * 20 * 4);
    assert!(one - none < 100_000 + 2048 * 20 * 4 && chunk < 4096, "{none} {one} {two}");
}

#[test]
fn zero_rows_make_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    write(&path, 0, 2, 1);
    let reader = ResultsReader::open(&path).unwrap();
    assert_eq!((reader.n_variants(), reader.n_hits()), (0, 0));
    assert!(reader.qc().unwrap().genomic_control.iter().all(|lambda| lambda.is_nan()));
    assert!(reader.variants(0..0).unwrap().is_empty() && reader.block(0..0, 0..2).unwrap().0.is_empty());
    assert!(reader.variants(0..1).is_err() && reader.block(0..0, 0..3).is_err());
}

#[test]
fn writer_refuses_what_it_was_not_made_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    let header = header(3);
    let mut writer = FileWriter::create(&path, &header, 10).unwrap();
    assert!(writer.append(&batch(&header, 0..11)).is_err());
    let mut outside = batch(&header, 0..5);
    outside.statuses.push((5, 0, 1));
    assert!(writer.append(&outside).is_err());
    let mut outside = batch(&header, 0..5);
    outside.covariates_lost.push((0, 2, 1));
    assert!(writer.append(&outside).is_err());
    writer.append(&batch(&header, 0..5)).unwrap();
    let error = writer.finish(&qc(&header), &json!({})).unwrap_err();
    assert!(error.to_string().contains("5 rows were appended to a file made for 10"), "{error}");
    assert!(ResultsReader::open(&path).is_err());
    assert!(FileWriter::create(&path, &store_common::header(0), 1).is_err());
}

#[test]
fn publish_replaces_in_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let (temporary, path) = (folder.path().join(".r.tmp"), folder.path().join("r.h5"));
    std::fs::write(&path, "old").unwrap();
    write(&temporary, 10, 1, 3);
    publish(&temporary, &path).unwrap();
    assert!(!temporary.exists());
    assert_eq!(ResultsReader::open(&path).unwrap().n_variants(), 10);
    assert!(publish(&temporary, &path).is_err());
}

fn open_error(path: &Path) -> String {
    let error = match ResultsReader::open(path) {
        Ok(_) => panic!("{} was read", path.display()),
        Err(error) => error.to_string(),
    };
    assert!(error.lines().count() == 1 && error.contains(path.to_str().unwrap()), "{error}");
    error
}

#[test]
fn what_is_not_a_whole_results_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(open_error(&at("nothing")).contains("cannot open"));
    assert!(open_error(folder.path()).contains("not a results file"));
    write(&at("good"), 3000, 3, 1000);
    let good = std::fs::read(at("good")).unwrap();
    for end in [0, 1, 7, 100, 1000, good.len() / 2, good.len() - 1] {
        std::fs::write(at("short"), &good[..end]).unwrap();
        let said = if end < 8 { "not a results file" } else { "the file is truncated or damaged" };
        assert!(open_error(&at("short")).contains(said), "{end}");
    }
    let noise: Vec<u8> = (0..100_000).map(|i| (store_common::uniform(i) * 256.0) as u8).collect();
    std::fs::write(at("noise"), &noise).unwrap();
    assert!(open_error(&at("noise")).contains("not a results file"));
    let unfinished = FileWriter::create(&at("unfinished"), &header(2), 5).unwrap();
    drop(unfinished);
    assert!(open_error(&at("unfinished")).contains("not a results file"));
}

/// Reads everything there is; whether all of it was read.
fn read_all(path: &Path) -> Result<(), StoreError> {
    let reader = ResultsReader::open(path)?;
    let (rows, traits) = (0..reader.n_variants().min(1000), 0..reader.header().traits.len());
    reader.variants(rows.clone())?;
    reader.block(rows.clone(), traits)?;
    reader.n_missing(rows.clone(), 0..reader.header().n_masks())?;
    reader.covariates_lost(rows, 0..reader.header().n_masks())?;
    reader.hits(0..reader.n_hits().min(1000))?;
    reader.statuses(0..reader.n_statuses().min(1000))?;
    reader.chi2_histogram(0)?;
    reader.qc()?;
    reader.provenance().map(drop)
}

fn damage_and_read(good: &[u8], bad: &Path) {
    let mut n_errors = 0;
    for seed in 0..600 {
        let draw = |k: u64| store_common::uniform(seed * 1000 + k);
        let mut bytes = good.to_vec();
        for k in 0..1 + seed % 4 {
            // Half of the damage goes to the first 16 KiB, where metadata are dense.
            let span = if draw(4 * k) < 0.5 { 16_384 } else { bytes.len() };
            let at = (draw(4 * k + 1) * span as f64) as usize;
            bytes[at] = match (draw(4 * k + 2) * 4.0) as u8 {
                0 => 0xff,
                1 => 0,
                2 => bytes[at] ^ (1 << (at % 8)),
                _ => (draw(4 * k + 3) * 256.0) as u8,
            };
        }
        std::fs::write(bad, &bytes).unwrap();
        if let Err(error) = read_all(bad) {
            assert_eq!(error.to_string().lines().count(), 1, "seed {seed}: {error}");
            n_errors += 1;
        }
    }
    assert!(n_errors > 50, "{n_errors}");
}

#[test]
fn damaged_bytes_never_bring_the_process_down() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("good");
    write(&path, 40, 2, 40);
    damage_and_read(&std::fs::read(&path).unwrap(), &folder.path().join("bad"));
}

#[test]
fn damaged_bytes_of_a_compact_store_never_bring_the_process_down() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("good");
    store_common::write_compact(&path, 40, 2);
    read_all(&path).unwrap();
    damage_and_read(&std::fs::read(&path).unwrap(), &folder.path().join("bad"));
}

#[test]
fn exact_pairs_stand_for_their_scores() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    store_common::write_compact(&path, 9000, 5);
    let reader = ResultsReader::open(&path).unwrap();
    for (rows, traits) in [(0..9000, 0..5), (8191..8193, 0..5), (123..4567, 1..3), (50..51, 0..1)] {
        let (beta, se) = reader.block(rows.clone(), traits.clone()).unwrap();
        for (i, (&beta, &se)) in beta.iter().zip(&se).enumerate() {
            let (v, t) = (rows.start + i / traits.len(), traits.start + i % traits.len());
            let score = cell(v, t).0;
            match (v * 5 + t).is_multiple_of(50) {
                true => assert_eq!((beta, se), (7.0, 0.5)),
                false => assert!(beta == score || (beta.is_nan() && score.is_nan()), "{v} {t}"),
            }
        }
    }
}

/// Bytes that this thread has read.
fn bytes_read() -> u64 {
    let io = std::fs::read_to_string("/proc/thread-self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

#[test]
fn one_trait_of_3000_reads_at_most_two_percent_of_the_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    write(&path, 2048, 3000, 2048);
    let reader = ResultsReader::open(&path).unwrap();
    let before = bytes_read();
    reader.trait_column(1234, 0..2048).unwrap();
    let share = (bytes_read() - before) as f64 / (2048.0 * 3000.0 * 8.0);
    assert!(share > 0.0 && share <= 0.02, "{share}");
}

/// Runs h5py on a script; `None` where it is not installed.
fn h5py(script: &str, arguments: &[&Path]) -> Option<String> {
    let probe = Command::new("/usr/bin/python3").args(["-c", "import h5py"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: /usr/bin/python3 has no h5py (apt-get install python3-h5py)");
        return None;
    }
    let output = Command::new("/usr/bin/python3").arg("-c").arg(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn h5py_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    write(&path, 5003, 40, 1000);
    let script = r#"
import h5py, json, numpy as np, sys
with h5py.File(sys.argv[1], "r") as f:
    assert f.attrs["format"] == "norna-results" and f.attrs["format_version"] == 1 and f.attrs["store"] == "full"
    v, t, a = f["variants"], f["traits"], f["assoc"]
    assert v["chrom"].asstr()[:2].tolist() == ["chr22", "X"] and v["id"].asstr()[1] == "rs1é"
    assert v["pos"].dtype == np.uint32 and v["a1_freq"].dtype == np.float64 and v["pos"][7] == 1007
    assert a["beta"].shape == (5003, 40) and a["beta"].dtype == np.float32 and a["beta"].compression is None
    k = t["name"].asstr()[:].tolist().index("trait33")
    obs = t["n"][k] - a["n_missing"][:, t["mask"][k]]
    print(obs[:4].tolist(), np.isnan(a["beta"][:, k]).sum())
    h = f["hits"]
    assert (h["log10p"][:] >= h.attrs["threshold_log10p"]).all()
    i = 5
    assert np.float32(h["beta"][i]) == a["beta"][h["variant"][i], h["trait"][i]]
    assert f["qc/chi2_histogram"].shape == (40, 514) and f["qc/p_histogram"].shape == (40, 20)
    assert v["status"].attrs["codes"][0] == "ok"
    assert json.loads(f["provenance/inputs"].asstr()[()])[0]["bytes"] == 12
"#;
    let Some(said) = h5py(script, &[&path]) else { return };
    let n = header(40).traits[33].n;
    let obs: Vec<u32> = (0..4).map(|v| n - missing(v, 16)).collect();
    let n_nan = (0..5003).filter(|&v| cell(v, 33).0.is_nan()).count();
    assert_eq!(said.trim(), format!("{obs:?} {n_nan}"));
}

#[test]
fn other_formats_and_parts_that_do_not_fit_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    let cases = [
        ("f.attrs['signature'] = np.bytes_('norna-depth 1')", "its signature is \"norna-depth 1\""),
        ("del f.attrs['signature']", "no root attribute"),
        ("f.attrs['signature'] = 'norna-results 1 full 0.1.0'", "no root attribute"),
        (
            "f.attrs['signature'] = np.bytes_('norna-results 9 full 7.0')",
            "format version 9, and this norna reads version 1",
        ),
        (
            "f.attrs['signature'] = np.bytes_('norna-results 1 tiny 0.1.0')",
            "store \"tiny\" is none that this norna reads",
        ),
        ("f.attrs['signature'] = np.bytes_('norna-results 1 compact 0.1.0')", "/assoc/score"),
        ("del f['assoc/se']", "/assoc/se"),
        ("del f['variants/mac']; f['variants/mac'] = np.zeros(7)", "/variants/mac: shape [7] differs"),
        ("del f['traits/n']; f['traits/n'] = np.zeros((2, 2))", "/traits/n: shape [2, 2]"),
        ("f['traits/mask'][0] = 77", "/traits/mask: 77 with 2 traits"),
        (
            "del f['traits/name']; f.create_dataset('traits/name', (1 << 40,), h5py.string_dtype())",
            "/traits/name: shape",
        ),
        ("del f['traits/name']; f['traits/name'] = np.zeros(2)", "/traits/name: its type is not a string"),
        (
            "del f['traits/name']; f.create_dataset('traits/name', data=['a', 'b'], chunks=(2,))",
            "not laid out in one piece",
        ),
        ("del f['hits/se']; f['hits/se'] = np.zeros(3)", "/hits/se: shape [3] differs"),
    ];
    for (change, message) in cases {
        write(&path, 50, 2, 50);
        let script = format!("import h5py, numpy as np, sys\nwith h5py.File(sys.argv[1], 'a') as f:\n    {change}\n");
        if h5py(&script, &[&path]).is_none() {
            return;
        }
        let error = open_error(&path);
        assert!(error.contains(message), "{change}: {error}");
    }
    write(&path, 50, 2, 50);
    let script = "import h5py, sys\nwith h5py.File(sys.argv[1], 'a') as f:\n    f['assoc/status_variant'][0] = 50\n";
    h5py(script, &[&path]);
    let error = ResultsReader::open(&path).unwrap().statuses(0..1).unwrap_err();
    assert!(matches!(error, StoreError::Malformed { .. }), "{error}");
}

#[test]
fn the_estimated_size_is_near_the_real_one() {
    let folder = tempfile::tempdir().unwrap();
    for (n_variants, n_traits) in [(30_000, 1), (5003, 40), (20_000, 70)] {
        let path = folder.path().join("r.h5");
        write(&path, n_variants, n_traits, n_variants);
        let real = std::fs::metadata(&path).unwrap().len() as f64;
        let size = (n_traits as u64, 1);
        let range = norna::store::results_bytes(Store::Full, n_variants as u64, size, 10f64.powf(-HIT), true);
        let estimate = range.least as f64;
        assert!(range.most > range.least);
        assert!((estimate / real - 1.0).abs() < 0.1, "{n_variants} x {n_traits}: {estimate} for {real}");
    }
}
