//! `norna export`, `top` and `info` of a cis.h5.

use norna::qtl::Signal;
use norna_kernels::student;

use super::made::*;
use super::store_common;

/// A table's rows by column name.
fn table(text: &str) -> Vec<std::collections::BTreeMap<&str, &str>> {
    let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    lines
        .map(|cells| {
            assert_eq!(cells.len(), header.len());
            header.iter().copied().zip(cells).collect()
        })
        .collect()
}

#[track_caller]
fn near(cell: &str, value: f64, tolerance: f64) {
    let found: f64 = cell.parse().unwrap();
    assert!((found - value).abs() <= tolerance * value.abs(), "{cell} where {value} is expected");
}

#[test]
fn phenotypes_are_exported_with_the_columns_that_are_promised() {
    let (folder, path) = written(true);
    let path = path.to_str().unwrap();
    let (code, text, said) = norna(&["export", path]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(text.starts_with(
        "phenotype\tn_variants\tvariant\ttss_distance\tbeta\tse\tp_nominal\tp_perm\tp_beta\tbeta_shape1\tbeta_shape2\tdf\t\
         q_value\t"
    ));
    let rows = table(&text);
    assert_eq!(rows.len(), N_PHENOTYPES);
    for (i, row) in rows.iter().enumerate() {
        let found = phenotype(i);
        assert_eq!((row["phenotype"], row["status"]), (info(i).id.as_str(), found.status.name()));
        let Some(lead) = found.lead else {
            assert_eq!([row["variant"], row["p_nominal"], row["chrom"], row["q_value"]], ["NA"; 4]);
            continue;
        };
        assert_eq!((row["variant"], row["alt"]), (lead.variant.id.as_str(), lead.variant.alternate.as_str()));
        assert_eq!(row["tss_distance"].parse::<i64>().unwrap(), lead.tss_distance);
        near(row["beta"], lead.beta, 1e-8);
        near(row["se"], lead.se, 1e-8);
        near(row["p_nominal"], 10_f64.powf(-lead.log10p), 1e-8);
        match found.permuted {
            Some(permuted) => {
                near(row["p_beta"], 10_f64.powf(-permuted.log10p_beta), 1e-8);
                near(row["q_value"], q_value(i), 1e-8);
            }
            None => assert_eq!([row["p_beta"], row["beta_shape1"], row["q_value"]], ["NA"; 3]),
        }
    }
    let out = folder.path().join("cis.tsv.gz");
    let out = out.to_str().unwrap();
    assert_eq!(norna(&["export", path, "--format", "tsv", "-o", out]).0, 0);
    let unpacked = std::process::Command::new("gzip").args(["-dc", out]).output().unwrap().stdout;
    assert_eq!(String::from_utf8(unpacked).unwrap(), text);
    let (_, some, _) = norna(&["export", path, "--trait", "OID0001*"]);
    assert_eq!(table(&some).len(), 10);
    let (code, _, said) = norna(&["export", path, "--trait", "OIX*"]);
    assert_eq!((code, said.lines().count()), (1, 1));
}

#[test]
fn pairs_and_signals_are_exported() {
    let (_folder, path) = written(true);
    let path = path.to_str().unwrap();
    let (code, text, _) = norna(&["export", path, "--what", "nominal", "--trait", "OID00004", "--trait", "OID00037"]);
    assert_eq!(code, 0);
    let rows = table(&text);
    assert_eq!(rows.len(), IN_WINDOW);
    for (k, (row, pair)) in rows.iter().zip(pairs(4)).enumerate() {
        let key = variant(pair.variant_idx as usize).key;
        assert_eq!((row["variant"], row["alt"], row["n"]), (key.id.as_str(), key.alternate.as_str(), "358"));
        assert_eq!(row["tss_distance"].parse::<i64>().unwrap(), i64::from(key.pos) - i64::from(info(4).tss));
        if k == 11 {
            assert_eq!([row["beta"], row["se"], row["p_nominal"]], ["NA"; 3]);
            continue;
        }
        assert_eq!(row["beta"].parse::<f32>().unwrap(), pair.beta);
        let log10p = student::log10_p(f64::from(pair.beta) / f64::from(pair.se), DF);
        near(row["p_nominal"], 10_f64.powf(-log10p), 1e-8);
    }
    let region = format!("22:{}-{}", variant(first_of(4)).key.pos, variant(first_of(4) + 9).key.pos);
    let (_, text, _) = norna(&["export", path, "--what", "nominal", "--trait", "OID00004", "--region", &region]);
    assert_eq!(table(&text).len(), 10);
    let (_, text, _) = norna(&["export", path, "--what", "nominal", "--p", "0.01"]);
    let expected: usize = (0..N_PHENOTYPES)
        .filter(|&i| has_result(i))
        .map(|i| {
            pairs(i).iter().filter(|pair| student::log10_p((pair.beta as f64) / (pair.se as f64), DF) >= 2.0).count()
        })
        .sum();
    assert_eq!((table(&text).len(), expected > 100), (expected, true));
    let (_, text, _) = norna(&["export", path, "--what", "signals"]);
    let signals: Vec<Signal> = (0..N_PHENOTYPES).flat_map(signals).collect();
    let rows = table(&text);
    assert_eq!(rows.len(), signals.len());
    for (row, signal) in rows.iter().zip(&signals) {
        assert_eq!(row["phenotype"], info(signal.phenotype_idx as usize).id);
        assert_eq!((row["rank"], row["variant"]), (signal.rank.to_string().as_str(), signal.lead.variant.id.as_str()));
    }
}

#[test]
fn a_table_that_is_not_there_is_told() {
    let (folder, path) = written(false);
    for what in ["nominal", "signals"] {
        let (code, _, said) = norna(&["export", path.to_str().unwrap(), "--what", what]);
        assert_eq!((code, said.lines().count()), (1, 1), "{said}");
        assert!(said.contains("run norna qtl again with --"), "{said}");
    }
    let results = folder.path().join("results.h5");
    store_common::write(&results, 50, 2, 50);
    let (code, _, said) = norna(&["export", results.to_str().unwrap(), "--what", "cis", "--trait", "*"]);
    assert_eq!(code, 2);
    assert!(said.contains("is no cis.h5"), "{said}");
}

#[test]
fn the_best_phenotypes_and_the_contents_are_told() {
    let (_folder, path) = written(true);
    let path = path.to_str().unwrap();
    let (code, text, _) = norna(&["top", path, "-n", "5", "--json"]);
    assert_eq!(code, 0);
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut expected: Vec<(f64, usize)> =
        (0..N_PHENOTYPES).filter_map(|i| Some((phenotype(i).permuted?.log10p_beta, i))).collect();
    expected.sort_by(|a, b| b.0.total_cmp(&a.0));
    let ids: Vec<&str> = found.as_array().unwrap().iter().map(|row| row["phenotype"].as_str().unwrap()).collect();
    assert_eq!(ids, expected[..5].iter().map(|&(_, i)| info(i).id.clone()).collect::<Vec<_>>());
    let (_, text, _) = norna(&["top", path, "-n", "99"]);
    let rows = table(&text);
    assert_eq!(rows.len(), (0..N_PHENOTYPES).filter(|&i| has_result(i)).count());
    assert_eq!(rows.last().unwrap()["phenotype"], info(6).id, "the one without p_beta comes last");
    let (code, text, _) = norna(&["info", path, "--json"]);
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, found["format"].as_str(), found["seed"].as_u64()), (0, Some("norna-cis"), Some(u64::MAX - 1)));
    assert_eq!(found["phenotypes_by_status"]["no_gene"], 4);
    assert_eq!(found["nominal_pairs"], IN_WINDOW * rows.len());
    let (_, text, _) = norna(&["info", path]);
    assert!(
        text.contains("35 ok, 4 no_gene, 1 constant_phenotype") && text.contains("share of true nulls 0.85"),
        "{text}"
    );
}
