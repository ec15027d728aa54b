//! One (variant, trait) pair as people read it: plink2's column names, shortest digits that give the number back.

use norna_kernels::student;

use crate::sink::rows::VariantRow;
use crate::store::TraitInfo;

/// Columns of a variant; TRAIT follows where there are several, then A1_FREQ.
pub const VARIANT_COLUMNS: [&str; 6] = ["#CHROM", "POS", "ID", "REF", "ALT", "A1"];
/// Columns of the test.
pub const TEST_COLUMNS: [&str; 5] = ["OBS_CT", "BETA", "SE", "T_STAT", "LOG10_P"];

/// The numbers of a pair. Effects are per ALT copy; NaN where there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairStats {
    /// Samples with a trait value and a genotype.
    pub n_observed: u32,
    /// Effect, as stored.
    pub beta: f32,
    /// Standard error, as stored.
    pub se: f32,
    /// beta / se.
    pub t: f64,
    /// −log10 of the two-sided p.
    pub log10p: f64,
}

/// What a variant's missing genotypes take from a pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Missing {
    /// Missing genotypes among the trait's samples.
    pub n: u32,
    /// Ranks that the covariates lose with them.
    pub covariates: u16,
}

impl PairStats {
    /// The pair of a variant and a trait: t = β/se with [`degrees_of_freedom`].
    pub fn new(info: &TraitInfo, missing: Missing, beta: f32, se: f32) -> Self {
        let n_observed = info.n.saturating_sub(missing.n);
        let df = degrees_of_freedom(info, missing);
        let t = if se > 0.0 { f64::from(beta) / f64::from(se) } else { f64::NAN };
        let log10p = if t.is_finite() && df >= 1.0 { student::log10_p(t, df) } else { f64::NAN };
        Self { n_observed, beta, se, t, log10p }
    }
}

/// Degrees of freedom of a pair: OBS_CT − (df_covariates − those lost) − 1; infinite for a score test.
pub fn degrees_of_freedom(info: &TraitInfo, missing: Missing) -> f64 {
    if info.normal {
        return f64::INFINITY;
    }
    let n_covariates = f64::from(info.df_covariates) - f64::from(missing.covariates);
    f64::from(info.n) - f64::from(missing.n) - n_covariates - 1.0
}

/// Appends the header line. `more`: columns behind the test's.
pub fn push_header(line: &mut Vec<u8>, with_trait: bool, more: impl Iterator<Item = &'static str>) {
    let columns = VARIANT_COLUMNS.iter().chain(with_trait.then_some(&"TRAIT")).chain([&"A1_FREQ"]).chain(&TEST_COLUMNS);
    for (i, column) in columns.copied().chain(more).enumerate() {
        if i > 0 {
            line.push(b'\t');
        }
        line.extend_from_slice(column.as_bytes());
    }
    line.push(b'\n');
}

/// Appends the variant's columns to `line`, and A1_FREQ to `freq`, each with a tab after it.
pub fn push_variant(line: &mut Vec<u8>, freq: &mut Vec<u8>, variant: &VariantRow) {
    let mut integers = itoa::Buffer::new();
    let texts = [&variant.chrom, "", &variant.id, &variant.reference, &variant.alternate, &variant.alternate];
    for (i, text) in texts.into_iter().enumerate() {
        let text = if i == 1 { integers.format(variant.pos) } else { text };
        line.extend_from_slice(text.as_bytes());
        line.push(b'\t');
    }
    push_real(freq, variant.a1_freq as f32);
    freq.push(b'\t');
}

/// Appends the test's columns and the end of the line.
pub fn push_stats(line: &mut Vec<u8>, stats: &PairStats) {
    line.extend_from_slice(itoa::Buffer::new().format(stats.n_observed).as_bytes());
    // t and −log10 p come from f32 numbers: their nine digits as f32 say all that is known.
    for value in [stats.beta, stats.se, stats.t as f32, stats.log10p as f32] {
        line.push(b'\t');
        push_real(line, value);
    }
    line.push(b'\n');
}

/// Appends the shortest digits that read back as `value`; NA for NaN.
pub fn push_real(line: &mut Vec<u8>, value: f32) {
    if value.is_nan() {
        line.extend_from_slice(b"NA");
        return;
    }
    let mut digits = zmij::Buffer::new();
    let digits = digits.format(value);
    line.extend_from_slice(digits.strip_suffix(".0").unwrap_or(digits).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn real(value: f32) -> String {
        let mut line = Vec::new();
        push_real(&mut line, value);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn reals_read_back() {
        for value in [0.1, -0.25, 1.0, 0.0, 1e-7, 3.4e38, 1e-45, 123456.79, 16777216.0, 0.012_345_678] {
            assert_eq!(real(value).parse::<f32>().unwrap(), value, "{}", real(value));
        }
        assert_eq!((real(1.0).as_str(), real(0.5).as_str(), real(f32::NAN).as_str()), ("1", "0.5", "NA"));
    }

    #[test]
    fn a_pair_without_a_number_is_na() {
        let info = TraitInfo {
            name: "t".into(),
            n: 10,
            mask: 0,
            df_covariates: 2,
            status: 0,
            mean: 0.0,
            sd: 1.0,
            normal: false,
        };
        let missing = |n, covariates| Missing { n, covariates };
        let stats = PairStats::new(&info, missing(1, 0), f32::NAN, f32::NAN);
        let mut line = Vec::new();
        push_stats(&mut line, &stats);
        assert_eq!(line, b"9\tNA\tNA\tNA\tNA\n");
        assert!(PairStats::new(&info, missing(7, 0), 1.0, 1.0).log10p.is_nan());
        assert!(PairStats::new(&info, missing(6, 0), 1.0, 1.0).log10p > 0.0);
        assert_eq!(
            PairStats::new(&info, missing(7, 1), 1.0, 1.0).log10p,
            PairStats::new(&info, missing(6, 0), 1.0, 1.0).log10p
        );
        assert!(PairStats::new(&info, missing(0, 0), 1.0, 0.0).log10p.is_nan());
    }
}
