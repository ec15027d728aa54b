//! `norna verify`: whole files are sound, and no flipped bit, cut or changed number passes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod store_common;
mod support;

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use norna::store::{Store, StoreError, Verification, VerifyProgress, verify};
use store_common::{FileWriter, batch, header, qc, uniform};
use support::need;
use support::simulate;
use support::study::Study;
use support::tools::{self, Need};

const STORES: [&str; 3] = ["full", "compact", "hits"];

/// 60 people, 400 variants some of which miss genotypes, 6 traits of which two have missing values of their own.
fn study() -> Study {
    let genotypes = simulate::calls(501, 60, 400, 0.01);
    let covariates = simulate::covariates(502, &genotypes.samples, 2);
    let rate = |k: usize| if k.is_multiple_of(3) { 0.1 } else { 0.0 };
    let traits = simulate::traits(503, &genotypes, &covariates, 6, rate);
    let mut study = Study::write(&genotypes, &traits, Some(&covariates));
    study.flags.extend(["--p-threshold", "0.05"].map(str::to_owned));
    study
}

fn check(path: &Path) -> Result<Verification, StoreError> {
    verify(path, &VerifyProgress::default())
}

/// What is wrong with a file, a line each; nothing if it is sound.
fn lines(path: &Path) -> Vec<String> {
    match check(path) {
        Ok(found) => found.findings.kinds.iter().flat_map(|kind| &kind.first).map(ToString::to_string).collect(),
        Err(error) => vec![error.to_string()],
    }
}

fn python(program: &str, args: &[&Path]) -> String {
    let args: Vec<&str> = args.iter().map(|path| path.to_str().unwrap()).collect();
    support::bits::python_run(program, &args)
}

/// Where the bytes of every dataset lie: `name offset size` a line.
const EXTENTS: &str = r#"
import sys, h5py
def visit(name, item):
    if not isinstance(item, h5py.Dataset):
        return
    at = item.id.get_offset()
    if at is not None:
        print(name, at, item.id.get_storage_size())
    elif item.chunks:
        for i in range(item.id.get_num_chunks()):
            info = item.id.get_chunk_info(i)
            print(name, info.byte_offset, info.size)
with h5py.File(sys.argv[1]) as f:
    f.visititems(visit)
"#;

fn flip(path: &Path, at: u64, bit: u32) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ (1 << bit)], at).unwrap();
}

/// Flips a bit, looks, and flips it back.
#[track_caller]
fn found(path: &Path, at: u64, bit: u32, what: &str) {
    flip(path, at, bit);
    let said = lines(path);
    assert!(!said.is_empty(), "{what}: bit {bit} of byte {at} passes");
    assert!(said.iter().all(|line| line.lines().count() == 1), "{what}: byte {at}: {said:?}");
    flip(path, at, bit);
}

#[test]
fn no_flipped_bit_passes() {
    need!(Need::H5py);
    let study = study();
    for store in STORES {
        let path = study.assoc(&format!("{store}.h5"), &["--store", store]);
        let length = std::fs::metadata(&path).unwrap().len();
        for i in 0..200 {
            let at = (uniform(i) * length as f64) as u64;
            found(&path, at, (i % 8) as u32, store);
        }
        let mut n = 0;
        for (i, line) in python(EXTENTS, &[&path]).lines().enumerate() {
            let words: Vec<&str> = line.split(' ').collect();
            let (start, size): (u64, u64) = (words[1].parse().unwrap(), words[2].parse().unwrap());
            if size > 0 {
                let at = start + (uniform(1000 + i as u64) * size as f64) as u64;
                found(&path, at, (i % 8) as u32, words[0]);
                n += 1;
            }
        }
        assert!(n > 45, "{n} datasets with bytes");
        for (at, what) in [(0, "first byte"), (length - 1, "last byte")] {
            found(&path, at, 0, what);
        }
        assert_eq!(lines(&path), [""; 0], "{store}");
    }
}

#[test]
fn a_file_that_was_cut_or_appended_to_is_found() {
    let study = study();
    for store in STORES {
        let path = study.assoc(&format!("{store}.h5"), &["--store", store]);
        let bytes = std::fs::read(&path).unwrap();
        for i in 0..12 {
            let n = if i == 0 { bytes.len() - 1 } else { (uniform(i) * bytes.len() as f64) as usize };
            std::fs::write(&path, &bytes[..n]).unwrap();
            assert!(!lines(&path).is_empty(), "{store}: {n} of {} bytes pass", bytes.len());
        }
        for more in [&b"\0"[..], b"something else", &[0; 1 << 17]] {
            std::fs::write(&path, [&bytes, more].concat()).unwrap();
            let said = lines(&path);
            assert!(said[0].starts_with("file: ") && said[0].contains("where its superblock says"), "{said:?}");
        }
    }
}

#[test]
fn files_of_all_stores_and_of_1_and_3_ranks_are_sound() {
    need!(Need::H5py, Need::Mpirun);
    let study = study();
    for store in STORES {
        let flags = ["--store", store, "--shard-bytes", "10000"];
        let one = study.assoc(&format!("{store}.1.h5"), &flags);
        let three = study.assoc_ranks(3, &format!("{store}.3.h5"), &flags);
        for path in [&one, &three] {
            let found = check(path).unwrap();
            assert_eq!(lines(path), [""; 0]);
            assert!(found.has_checksums && found.failed_regions.is_empty() && found.n_variants > 300);
            assert_eq!((found.store.name(), found.n_traits), (store, 6));
            let run = tools::run(&mut tools::norna([Path::new("verify"), path])).ok();
            assert!(run.stdout.ends_with(": sound\n") && run.stdout.contains("datasets"), "{}", run.stdout);
        }
        let bits = [&one, &three].map(|path| support::bits::everything(path));
        support::bits::assert_equal(store, &bits[0], &bits[1]);
        assert!(bits[0].contains_key("checksums/bands"));
    }
}

/// Changes a file as the line of Python says, and gives what is found then.
fn changed(path: &Path, copy: &Path, line: &str) -> Vec<String> {
    std::fs::copy(path, copy).unwrap();
    let program = format!(
        "import sys\nimport h5py, numpy as np\nwith h5py.File(sys.argv[1], 'r+') as f:\n    a = f['assoc']\n    {line}\n"
    );
    python(&program, &[copy]);
    lines(copy)
}

fn all_found(store: &str, cases: &[(&str, &str)]) {
    let study = study();
    let path = study.assoc("r.h5", &["--store", store]);
    for (line, expected) in cases {
        let said = changed(&path, &study.path("changed.h5"), line);
        assert!(said.iter().any(|line| line.contains(expected)), "{line}: {said:#?}");
    }
}

#[test]
fn changed_numbers_and_sums_are_told_one_by_one() {
    need!(Need::H5py);
    let cases = [
        ("f['qc/ledger/samples/count'][0] = 61", "/qc/ledger/samples: 61 read is not 60 kept and 0 dropped"),
        ("f['qc/ledger/variants/count'][0] = 7", "/qc/ledger/variants: 7 read is not"),
        ("f['qc/ledger/traits/count'][1] = 5", "/qc/ledger/traits: 5 kept where the file has 6"),
        ("f['qc/chi2_histogram'][2, 9] += 1", "/qc/chi2_histogram, p_histogram: trait 2: "),
        ("f['qc/p_histogram'][3, 9] += 1", "/qc/chi2_histogram, p_histogram: trait 3: "),
        ("f['qc/genomic_control'][1] = 1.5", "/qc/genomic_control: trait 1: 1.5 where the histogram makes "),
        ("f['qc/eigenvalues'][5] = 100", "/qc/eigenvalues: row 5: 100"),
        ("f['qc/chi2_lower_edges'][5] = 100", "/qc/chi2_lower_edges: row 5: 100"),
        ("f['variants/missing'][4] += 1", "/variants/n, missing: row 4: "),
        ("f['variants/pos'][4] = 1 << 31", "/variants/pos: row 4: 2147483648"),
        ("f['variants/a1_freq'][4] = 2", "/variants/a1_freq: row 4: 2 where a frequency"),
        ("f['variants/a1_freq'][4] = np.nan", "/variants/a1_freq: row 4: NaN with"),
        ("f['variants/mac'][4] = 77", "/variants/mac: row 4: 77 where at most the "),
        ("f['variants/status'][4] = 99", "/variants/status: row 4: 99 where a status fits"),
        ("f['traits/sd'][2] = -1", "/traits/mean, sd: row 2: "),
        ("f['traits/n'][4] -= 1", "/traits/n, df_covariates: row "),
        ("f['assoc/n_missing'][3, 0] = 60", "/assoc/n_missing: row 3, mask 0: 60 where at most"),
        ("f['hits/log10p'][1] = 1.5", "/hits/log10p: row 1: 1.5 where beta, se and obs_ct make "),
        ("f['hits/beta'][1] *= -1", "/hits/beta, se: variant "),
        ("f['hits/trait'][1] = 77", "trait 77: there is no such pair"),
        ("f['hits/variant'][0] = f['hits/variant'][9]", "out of order"),
        ("a['se'][5, 1] = -1", "/assoc/se: row 5, trait 1: -1 where a standard error above 0"),
        ("a['beta'][5, 1] = np.inf", "/assoc/beta: row 5, trait 1: inf where a finite effect"),
        ("a['beta'][5, 1] = a['se'][5, 1] = np.nan", "/assoc/se: row 5, trait 1: NaN without a status"),
        ("a['beta'][5, 1] *= 1.0001", "/assoc/beta: rows 0 to 399: the numbers are not those that were written"),
        ("f.attrs.modify('store', 'hits')", "attribute store: \"hits\" where the signature has \"full\""),
        ("f['provenance/isa'][()] = 'x'", "/provenance/isa"),
    ];
    all_found("full", &cases);
    let cases = [
        ("a['score'][5, 1] *= 1.5", "/assoc/score: rows 0 to "),
        ("a['d'][5, 0] = -1", "/assoc/d: row 5: -1 where"),
        ("a['full_se'][0, 1] = -1", "/assoc/full_se: rows 0 to "),
        ("f['hits/se'][1] *= 1.01", "/hits/beta, se: variant "),
    ];
    all_found("compact", &cases);
    all_found("hits", &[("f['hits/obs_ct'][1] = 61", "/hits/obs_ct: row 1: 61 where at most")]);
}

/// A made-up file whose numbers could be a run's.
fn write_sound(path: &Path, failed_regions: &[&str]) {
    const N: usize = 200;
    let mut header = header(3);
    header.store = Store::Full;
    let mut writer = FileWriter::create(path, &header, N as u64).unwrap();
    let mut batch = batch(&header, 0..N);
    for variant in &mut batch.variants {
        (variant.n, variant.missing, variant.status) = (95, 5, 0);
        variant.mac = variant.mac.min(40.0);
        if variant.a1_freq.is_nan() {
            variant.a1_freq = 0.25;
        }
    }
    writer.append(&batch).unwrap();
    let mut qc = qc(&header);
    qc.ledger.variants.entries[0].count = N as u64;
    qc.ledger.variants.entries[1].count = N as u64;
    qc.ledger.traits.push("chosen", norna::store::LedgerRole::Input, 3);
    qc.ledger.traits.push("tested", norna::store::LedgerRole::Kept, 3);
    qc.failed_regions = failed_regions.iter().map(|region| (*region).to_owned()).collect();
    writer.finish(&qc, &serde_json::json!({ "command": "assoc" })).unwrap();
}

fn norna(args: &[&str], path: &Path) -> tools::Run {
    tools::run(tools::norna(args.iter().copied()).arg(path))
}

#[test]
fn failed_shards_make_a_file_incomplete_and_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    write_sound(&path, &["22:17000000-17100000", "cohort.bcf from byte 4096"]);
    assert_eq!(lines(&path), [""; 0]);
    let run = norna(&["verify"], &path);
    assert_eq!(run.code, 3, "{}", run.stdout);
    let told = "incomplete: 2 shards failed: regions 22:17000000-17100000, cohort.bcf from byte 4096\n";
    assert!(run.stdout.contains(told) && run.stdout.ends_with(": incomplete\n"), "{}", run.stdout);
    let run = norna(&["verify", "--json"], &path);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (run.code, &json["result"], json["failed_regions"].as_array().unwrap().len()),
        (3, &"incomplete".into(), 2)
    );
    let info = norna(&["info"], &path).ok().stdout;
    assert!(info.contains("2 shards failed") && info.contains("22:17000000-17100000"), "{info}");
    for command in [&["top"][..], &["export", "--trait", "trait1"]] {
        let run = norna(command, &path).ok();
        assert!(run.stderr.contains("warning: the file is incomplete: 2 shards failed"), "{}", run.stderr);
    }
    write_sound(&path, &[]);
    let run = norna(&["verify"], &path).ok();
    assert!(run.stdout.ends_with(": sound\n"), "{}", run.stdout);
    assert!(!norna(&["top"], &path).ok().stderr.contains("incomplete"));
}

#[test]
fn findings_are_told_as_text_and_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    // Its n and missing do not add up to the samples, nor its ledger.
    store_common::write(&path, 500, 2, 500);
    let run = norna(&["verify"], &path);
    let of_kind = |start: &str| run.stdout.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!(run.code, 1);
    assert_eq!((of_kind("/variants/n, missing: row "), of_kind("/variants/n, missing: and 430 more")), (20, 1));
    assert!(run.stdout.contains("/qc/ledger/variants: 10 read is not 9 kept and 0 dropped\n"), "{}", run.stdout);
    let run = norna(&["verify", "--json"], &path);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let kinds = json["findings"].as_array().unwrap();
    let sums = kinds.iter().find(|kind| kind["kind"] == "sum").unwrap();
    assert!(sums["n"] == 450 && sums["first"].as_array().unwrap().len() == 20);
    assert_eq!((run.code, &json["result"], &json["checksums"]), (1, &"damaged".into(), &true.into()));
    let none = norna(&["verify"], &folder.path().join("none.h5"));
    assert!(none.code == 1 && none.stderr.starts_with("error: ") && none.stderr.lines().count() == 1);
}

#[test]
fn a_file_without_checksums_is_checked_for_the_rest() {
    need!(Need::H5py);
    let folder = tempfile::tempdir().unwrap();
    let (path, copy): (PathBuf, PathBuf) = (folder.path().join("r.h5"), folder.path().join("changed.h5"));
    write_sound(&path, &[]);
    let line = "s = f.attrs['signature'].split(b' '); s[5] = s[5].replace(b's', b''); del f['checksums']; \
                del f.attrs['signature']; f.attrs.create('signature', np.bytes_(b' '.join(s)), dtype='S64')";
    assert_eq!(changed(&path, &copy, line), [""; 0]);
    let run = norna(&["verify"], &copy).ok();
    assert!(
        run.stdout.contains("no checksums: written by norna ") && run.stdout.ends_with(": sound\n"),
        "{}",
        run.stdout
    );
    let said = changed(&path, &copy, &format!("{line}; f['qc/ledger/samples/count'][0] = 111"));
    assert_eq!(said, ["/qc/ledger/samples: 111 read is not 100 kept and 10 dropped"]);
    let said = changed(&path, &copy, "del f['checksums']");
    assert!(said[0].contains("/checksums: it is missing"), "{said:?}");
}

#[test]
fn shapes_that_the_file_has_no_bytes_for_are_found_at_once() {
    need!(Need::H5py);
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("r.h5"), folder.path().join("changed.h5"));
    write_sound(&path, &[]);
    let huge = "n = 1 << 40; names = [k for k in f['variants'] if k != 'text']; types = {k: f['variants'][k].dtype for k in names}; \
                [f['variants'].__delitem__(k) for k in names]; \
                [f['variants'].create_dataset(k, (n,), types[k]) for k in names]; del a['beta'], a['se'], a['n_missing'], a['covariates_lost']; \
                a.create_dataset('n_missing', (n, 2), 'u4', chunks=(1024, 2)); \
                a.create_dataset('covariates_lost', (n, 2), 'u2', chunks=(1024, 2)); [a.create_dataset(k, (n, 3), 'f4', chunks=(1024, 3)) for k in ('beta', 'se')]";
    let said = changed(&path, &copy, huge);
    let told = |name: &str| said.iter().any(|line| line.starts_with(&format!("/{name}: shape [1099511627776")));
    assert!(told("variants/pos") && told("assoc/se"), "{said:#?}");
    let hits = "[f['hits'][k].resize((1 << 40,)) for k in f['hits']]";
    let said = changed(&path, &copy, hits);
    assert!(said.iter().any(|line| line.starts_with("/hits/beta: shape [1099511627776]")), "{said:#?}");
}
