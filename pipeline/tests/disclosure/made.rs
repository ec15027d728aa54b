//! Small results files whose every number is chosen.

use std::path::PathBuf;

use norna::disclosure::{Policy, Report, Verdict, judge};
use norna::sink::rows::{HitRow, RowBatch, VariantRow};
use norna::store::{LedgerRole, Qc, ResultsHeader, Store, TraitInfo};
use serde_json::{Value, json};

use crate::store_common::FileWriter;

/// What a file is made of; the default passes every rule.
pub struct Made {
    pub header: ResultsHeader,
    pub variants: Vec<VariantRow>,
    /// β and SE by variant and trait.
    pub cells: fn(usize, usize) -> (f32, f32),
    pub qc: Qc,
    pub provenance: Value,
    /// Status codes of pairs.
    pub statuses: Vec<(u32, u32, u8)>,
}

pub fn info(name: &str, n: u32, mask: u32) -> TraitInfo {
    TraitInfo { name: name.into(), n, mask, df_covariates: 1, status: 0, mean: 2.5, sd: 1.5, normal: false }
}

pub fn variant(pos: u32, n: u32, mac: f64) -> VariantRow {
    VariantRow {
        chrom: "22".into(),
        pos,
        id: format!("rs{pos}"),
        reference: "A".into(),
        alternate: "C".into(),
        a1_freq: mac / (2.0 * f64::from(n)),
        n,
        mac,
        missing: 0,
        status: 0,
    }
}

impl Made {
    /// 200 samples, 4 traits, 3 variants with 20, 50 and 100 minor alleles.
    pub fn good() -> Self {
        let mut qc = Qc { eigenvalues: vec![1.6, 1.2, 0.8, 0.4], ..Qc::default() };
        qc.ledger.samples.push("genotyped", LedgerRole::Input, 210);
        qc.ledger.samples.push("not_in_keep", LedgerRole::Dropped, 10);
        qc.ledger.samples.push("analysed", LedgerRole::Kept, 200);
        Self {
            header: ResultsHeader {
                traits: (0..4).map(|i| info(&format!("T{i}"), 200, 0)).collect(),
                n_samples: 200,
                hit_log10p: 5.0,
                store: Store::Full,
                proteins: Vec::new(),
                left_out_window: None,
            },
            variants: vec![variant(100, 200, 20.0), variant(200, 200, 50.0), variant(300, 200, 100.0)],
            cells: |v, t| (0.01 * (v + t) as f32, 0.1),
            qc,
            provenance: json!({ "arguments": ["assoc", "--vcf", "c.vcf.gz"], "norna_version": "0" }),
            statuses: Vec::new(),
        }
    }

    pub fn write(&self) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.h5");
        let mut writer = FileWriter::create(&path, &self.header, self.variants.len() as u64).unwrap();
        let mut batch =
            RowBatch { variants: self.variants.clone(), statuses: self.statuses.clone(), ..RowBatch::default() };
        for v in 0..self.variants.len() {
            for (t, info) in self.header.traits.iter().enumerate() {
                let (beta, se) = (self.cells)(v, t);
                batch.matrices[0].push(beta);
                batch.matrices[1].push(se);
                let pair = norna::export::pair::PairStats::new(info, Default::default(), beta, se);
                if pair.log10p >= self.header.hit_log10p {
                    let (variant_idx, trait_idx) = (v as u32, t as u32);
                    let (beta, se) = (f64::from(beta), f64::from(se));
                    let (log10p, n_observed) = (pair.log10p, pair.n_observed);
                    batch.hits.push(HitRow { variant_idx, trait_idx, beta, se, log10p, n_observed });
                }
            }
        }
        writer.append(&batch).unwrap();
        writer.finish(&self.qc, &self.provenance).unwrap();
        (folder, path)
    }

    pub fn judged(&self) -> Report {
        let (_folder, path) = self.write();
        judge(&path, &Policy::load("default").unwrap(), &[]).unwrap()
    }

    /// The verdicts of all rules but those that pass.
    pub fn tripped(&self) -> Vec<(&'static str, Verdict)> {
        let report = self.judged();
        let tripped = report.findings.iter().filter(|finding| finding.verdict != Verdict::Pass);
        tripped.map(|finding| (finding.rule, finding.verdict)).collect()
    }
}

/// A number that a rule measured.
pub fn measured(report: &Report, rule: &str, key: &str) -> Value {
    report.findings.iter().find(|finding| finding.rule == rule).unwrap().numbers[key].clone()
}
