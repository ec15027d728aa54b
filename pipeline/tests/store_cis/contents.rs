//! What is written comes back, in any reader.

use norna::format::consequence::Consequence;
use norna::qtl::{NominalPair, Signal};
use norna::store::{CisHeader, CisReader, CisWriter, ResultsReader};
use serde_json::json;

use super::made::*;
use super::store_common;
use super::support;
use super::support::need;
use super::support::tools::Need;

#[test]
fn what_is_written_is_read() {
    let (_folder, path) = written(true);
    assert!(CisReader::is_cis(&path));
    let reader = CisReader::open(&path).unwrap();
    // NaN is not itself.
    assert_eq!(format!("{:?}", reader.header()), format!("{:?}", header(true)));
    assert_eq!((reader.n_variants(), reader.pi0(), reader.fdr()), (N_VARIANTS, 0.85, 0.05));
    let stored = reader.phenotypes(0..N_PHENOTYPES).unwrap();
    for (i, stored) in stored.iter().enumerate() {
        assert_eq!(stored.found, phenotype(i));
        assert_eq!(stored.q_value.to_bits(), q_value(i).to_bits());
        assert_eq!(stored.consequence, consequence(i).map_or("", Consequence::term));
        assert_eq!(stored.changes_protein, i == 2);
        let found = reader.pairs(reader.stretch(i)).unwrap();
        let expected = if has_result(i) { pairs(i) } else { Vec::new() };
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "phenotype {i}");
    }
    assert_eq!(reader.phenotypes(9..11).unwrap()[1].found, phenotype(10));
    for rows in [0..3, 32_767..32_770, 65_000..N_VARIANTS] {
        assert_eq!(reader.variants(rows.clone()).unwrap(), rows.map(variant).collect::<Vec<_>>());
    }
    let expected: Vec<Signal> = (0..N_PHENOTYPES).flat_map(signals).collect();
    let found = reader.signals(0..reader.n_signals()).unwrap();
    assert_eq!(found.into_iter().map(|stored| stored.signal).collect::<Vec<_>>(), expected);
    assert_eq!(reader.ledger().unwrap(), ledger());
    assert_eq!(reader.provenance().unwrap()["inputs"][0]["path"], "cohort.vcf.gz");
    assert!(reader.variants(0..N_VARIANTS + 1).is_err() && reader.pairs(1..usize::MAX).is_err());
}

#[test]
fn without_pairs_there_are_none() {
    let (_folder, path) = written(false);
    let reader = CisReader::open(&path).unwrap();
    assert_eq!((reader.n_variants(), reader.n_pairs(), reader.n_signals(), reader.stretch(3)), (0, 0, 0, 0..0));
    assert_eq!(reader.phenotypes(2..3).unwrap()[0].found, phenotype(2));
}

#[test]
fn the_same_contents_are_the_same_bytes() {
    let (_first, first) = written(true);
    let (_second, second) = written(true);
    assert!(std::fs::read(first).unwrap() == std::fs::read(second).unwrap());
}

#[test]
fn h5py_reads_the_same() {
    need!(Need::H5py);
    let (_folder, path) = written(true);
    let program = r#"
import sys, h5py
with h5py.File(sys.argv[1]) as f:
    assert f.attrs['format'] == 'norna-cis' and f.attrs['format_version'] == 1
    assert list(f['phenotypes/status'].attrs['codes'])[1] == 'no_gene'
    s, n = f['nominal/start'][8], f['nominal/count'][8]
    v = f['nominal/variant'][s:s + n]
    assert len(v) == 2000 and v[0] + 1999 == v[-1]
    text = lambda name, row: f[name][row].decode()
    print(text('variants/id', v[1]), text('variants/alt', 32017)[:8], f['variants/pos'][v[1]], text('cis/id', 8),
          text('phenotypes/name', 8), text('cis/consequence', 2), f['signals/rank'][-1])
"#;
    let said = support::bits::python_run(program, &[path.to_str().unwrap()]);
    let (second, lead) = (variant(first_of(8) + 1).key, phenotype(8).lead.unwrap());
    let long: String = variant(32_017).key.alternate.chars().take(8).collect();
    let last = (0..N_PHENOTYPES).flat_map(signals).last().unwrap().rank;
    let term = consequence(2).unwrap().term();
    let expected = format!("{} {long} {} {} protein 8é {term} {last}", second.id, second.pos, lead.variant.id);
    assert_eq!(said.trim(), expected);
}

#[test]
fn a_writer_refuses_what_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cis.h5");
    assert!(CisWriter::create(&path, CisHeader::default()).is_err());
    let mut writer = CisWriter::create(&path, header(true)).unwrap();
    assert!(writer.push_phenotype(phenotype(1)).is_err());
    assert!(writer.push_nominal(0, &[NominalPair::default()]).is_err(), "a variant that was not told");
    writer.push_variants(&[variant(0)]).unwrap();
    writer.push_nominal(0, &[NominalPair::default()]).unwrap();
    writer.push_nominal(1, &[NominalPair::default()]).unwrap();
    assert!(writer.push_nominal(0, &[NominalPair::default()]).is_err(), "others' between");
    assert!(writer.push_nominal(N_PHENOTYPES as u32, &[]).is_err());
    assert!(writer.set_q_values(1.0, &[0.5]).is_err());
    assert!(writer.seal(&ledger(), &json!({})).is_err(), "phenotypes are missing");
    let refused = CisReader::open(&path).err().unwrap().to_string();
    assert!(refused.lines().count() == 1 && refused.starts_with(path.to_str().unwrap()), "{refused}");
    let mut writer = CisWriter::create(&path, header(false)).unwrap();
    assert!(writer.push_variants(&[variant(0)]).is_err() && writer.push_nominal(0, &[]).is_err());
    assert!(writer.push_signal(signals(0).remove(0)).is_err());
}

#[test]
fn files_of_other_formats_are_told_apart() {
    let (folder, path) = written(false);
    let error = ResultsReader::open(&path).err().unwrap().to_string();
    assert!(error.contains("not a results file of norna") && error.contains("norna-cis 1"), "{error}");
    let results = folder.path().join("results.h5");
    store_common::write(&results, 50, 2, 50);
    assert!(!CisReader::is_cis(&results) && !CisReader::is_cis(folder.path()));
    let error = CisReader::open(&results).err().unwrap().to_string();
    assert!(error.contains("that of a cis search is wanted") && error.lines().count() == 1, "{error}");
}
