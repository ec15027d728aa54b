//! Judgements of the laboratory: values of samples and assays that failed become missing.

use super::cut;
use super::options::QcRule;
use super::raw::{Qc, RawTable, flag};
use super::step::Step;

/// Whether a judgement leads to missing values.
fn drops(rule: QcRule, qc: Qc) -> bool {
    match rule {
        QcRule::Keep => false,
        QcRule::DropFail => qc == Qc::Fail,
        QcRule::DropWarn => qc != Qc::Pass,
    }
}

/// Applies what the whole sample, or the whole assay, was judged; then what each value was.
pub fn apply(table: &mut RawTable, sample_rule: QcRule, assay_rule: QcRule) -> [Step; 2] {
    let mut samples = Step::new("sample_qc", name(sample_rule));
    let mut assays = Step::new("assay_qc", name(assay_rule));
    samples.count("measurements", table.measurements.len());
    assays.count("proteins", table.proteins.len());
    let by_qc = |step: &mut Step, what: &str, all: &[Qc], rule| {
        let n = |qc: Qc| all.iter().filter(|&&found| found == qc).count();
        step.count_some(format!("{what} failed as a whole"), n(Qc::Fail));
        step.count_some(format!("{what} warned of as a whole"), n(Qc::Warn));
        let keep: Vec<bool> = all.iter().map(|&qc| !drops(rule, qc)).collect();
        step.count(format!("{what} dropped"), keep.iter().filter(|&&kept| !kept).count());
        keep
    };
    let of_measurements: Vec<Qc> = table.measurements.iter().map(|measurement| measurement.qc).collect();
    let keep = by_qc(&mut samples, "measurements", &of_measurements, sample_rule);
    cut::measurements(table, &keep);
    let of_proteins: Vec<Qc> = table.proteins.iter().map(|protein| protein.qc).collect();
    let keep = by_qc(&mut assays, "proteins", &of_proteins, assay_rule);
    cut::proteins(table, &keep);
    let Some(flags) = &table.flags else { return [samples, assays] };
    let [sample_bits, assay_bits] = [(flag::SAMPLE_FAIL, flag::SAMPLE_WARN), (flag::ASSAY_FAIL, flag::ASSAY_WARN)];
    for (step, bits, rule) in [(&mut samples, sample_bits, sample_rule), (&mut assays, assay_bits, assay_rule)] {
        let mask = match rule {
            QcRule::Keep => 0,
            QcRule::DropFail => bits.0,
            QcRule::DropWarn => bits.0 | bits.1,
        };
        let mut n = [0; 3];
        for (value, flags) in table.values.iter_mut().zip(flags) {
            let observed = !value.is_nan();
            n[0] += usize::from(observed && flags & bits.0 != 0);
            n[1] += usize::from(observed && flags & (bits.0 | bits.1) == bits.1);
            if observed && flags & mask != 0 {
                *value = f64::NAN;
                n[2] += 1;
            }
        }
        step.count_some("values failed", n[0]);
        step.count_some("values warned of", n[1]);
        step.count("values set missing", n[2]);
    }
    [samples, assays]
}

/// As on the command line.
fn name(rule: QcRule) -> &'static str {
    match rule {
        QcRule::Keep => "keep",
        QcRule::DropFail => "drop-fail",
        QcRule::DropWarn => "drop-warn",
    }
}
