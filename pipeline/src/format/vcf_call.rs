//! One sample's genotype as the file states it, before any policy on ploidy, sex or half calls.

/// Dosages may miss their bounds by this much, as printed decimals do.
pub const DOSAGE_SLACK: f32 = 1e-3;

/// A dosage that is within the slack, within 0 to 2: never −0, whose sign clamping alone may keep or not.
#[inline(always)]
pub(crate) fn within_0_to_2(dosage: f32) -> f32 {
    dosage.clamp(0.0, 2.0) + 0.0
}

/// A genotype of up to two alleles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// First allele: 0 is REF, or one of the codes below.
    pub a: u16,
    /// Second allele, or one of the codes below.
    pub b: u16,
}

impl Call {
    /// Code of an allele written `.`.
    pub const MISSING: u16 = u16::MAX;
    /// Code of a second allele that is not there: a haploid call.
    pub const ABSENT: u16 = u16::MAX - 1;
    /// Code of a call of three or more alleles, which are not kept.
    pub const MANY: u16 = u16::MAX - 2;
    /// Highest allele number that can be told from the codes.
    pub const MAX_ALLELE: u16 = u16::MAX - 3;

    /// No call at all: `.`, `./.`, an absent field.
    pub const NONE: Self = Self { a: Self::MISSING, b: Self::MISSING };
    /// Three alleles or more.
    pub const POLYPLOID: Self = Self { a: Self::MANY, b: Self::MANY };

    /// A haploid call of a known allele.
    pub fn is_haploid(self) -> bool {
        self.b == Self::ABSENT && self.a <= Self::MAX_ALLELE
    }
}

/// Which file columns are analysed, in file order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleMap {
    n_file: usize,
    analysed: Vec<u32>,
}

impl SampleMap {
    /// `analysed`: columns of the file's `n_file` samples, ascending and distinct, or none for all. None where they are not.
    pub fn new(n_file: usize, analysed: Option<Vec<u32>>) -> Option<Self> {
        let analysed = match analysed {
            Some(columns) => columns,
            None => (0..u32::try_from(n_file).ok()?).collect(),
        };
        let ascending = analysed.windows(2).all(|w| w[0] < w[1]);
        let inside = analysed.last().is_none_or(|&last| (last as usize) < n_file);
        (ascending && inside).then_some(Self { n_file, analysed })
    }

    /// Samples in the file.
    pub fn n_file(&self) -> usize {
        self.n_file
    }

    /// Analysed samples.
    pub fn len(&self) -> usize {
        self.analysed.len()
    }

    /// Whether no sample is analysed.
    pub fn is_empty(&self) -> bool {
        self.analysed.is_empty()
    }

    /// Analysed columns, ascending.
    pub fn analysed(&self) -> &[u32] {
        &self.analysed
    }

    /// Values of the analysed samples out of those of all.
    pub fn pick<T: Copy>(&self, all: &[T], out: &mut [T]) {
        for (&column, out) in self.analysed.iter().zip(out) {
            *out = all[column as usize];
        }
    }

    /// Whether every sample is analysed.
    pub fn is_identity(&self) -> bool {
        self.analysed.len() == self.n_file
    }
}

/// What is wrong with one field of a record. Samples are named by their number in the file, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The column or FORMAT key.
    pub field: &'static str,
    /// The problem; with the value, unless it is a sample's.
    pub problem: String,
}

impl FieldError {
    /// An error in `field`.
    pub fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }

    /// An error in `field` of the sample in file column `sample_idx` (from 0). `problem` tells the kind or shape of a
    /// value and never repeats it: it is a person's genotype, or in a shifted table perhaps an ID.
    pub fn sample(field: &'static str, sample_idx: usize, problem: impl std::fmt::Display) -> Self {
        Self { field, problem: format!("sample {}: {problem}", sample_idx + 1) }
    }
}

/// A value from a file as an error may show it: short, on one line, printable.
pub fn shown(value: &[u8]) -> String {
    let mut text: String = String::from_utf8_lossy(&value[..value.len().min(32)]).escape_debug().collect();
    if value.len() > 32 {
        text.push_str("...");
    }
    format!("'{text}'")
}

/// ALT copies from genotype probabilities in the order of the VCF specification (Number=G: j/k at k(k+1)/2 + j).
///
/// `values`: one sample's, as many as diploid genotypes or, for a haploid call, alleles; NaN is missing. `out`: one dosage
/// per ALT, 0 to 2 (haploid calls count 0/2), NaN if any value is missing. Divided by their sum, which must be near 1.
pub fn dosages_from_probabilities(values: &[f32], out: &mut [f32]) -> Result<(), String> {
    let n_alleles = out.len() + 1;
    out.fill(f32::NAN);
    if values.is_empty() || values.iter().any(|v| v.is_nan()) {
        return Ok(());
    }
    let diploid = n_alleles * (n_alleles + 1) / 2;
    if values.len() != diploid && values.len() != n_alleles {
        return Err(format!(
            "{} values where {n_alleles} alleles want {diploid} (or {n_alleles} in a haploid)",
            values.len()
        ));
    }
    if values.iter().any(|v| !(-1e-3..=1.001).contains(v)) {
        return Err("a number that is no probability from 0 to 1 (is GP phred-scaled here? use another --field)".into());
    }
    let sum: f64 = values.iter().map(|&v| f64::from(v)).sum();
    if sum <= 0.0 {
        return Ok(());
    }
    if (sum - 1.0).abs() > 0.1 {
        return Err("probabilities that do not add up to 1".into());
    }
    for (alt_idx, dosage) in out.iter_mut().enumerate() {
        let alt = alt_idx + 1;
        let mut copies = 0.0;
        if values.len() == n_alleles {
            copies = 2.0 * f64::from(values[alt]);
        } else {
            let mut at = 0;
            for k in 0..n_alleles {
                for j in 0..=k {
                    copies += f64::from(values[at]) * (f64::from(u8::from(j == alt)) + f64::from(u8::from(k == alt)));
                    at += 1;
                }
            }
        }
        *dosage = within_0_to_2((copies / sum) as f32);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_become_dosages() {
        let mut one = [0.0];
        dosages_from_probabilities(&[0.25, 0.5, 0.25], &mut one).unwrap();
        assert_eq!(one, [1.0]);
        dosages_from_probabilities(&[0.25, 0.75], &mut one).unwrap();
        assert_eq!(one, [1.5]);
        let mut two = [0.0; 2];
        // 00 01 11 02 12 22
        dosages_from_probabilities(&[0.0, 0.0, 0.5, 0.0, 0.25, 0.25], &mut two).unwrap();
        assert_eq!(two, [1.25, 0.75]);
        dosages_from_probabilities(&[f32::NAN, 0.0, 0.0], &mut one).unwrap();
        assert!(one[0].is_nan());
        dosages_from_probabilities(&[0.0, 0.0, 0.0], &mut one).unwrap();
        assert!(one[0].is_nan());
        assert!(dosages_from_probabilities(&[0.5, 0.5, 0.0, 0.0], &mut one).is_err());
        assert!(dosages_from_probabilities(&[30.0, 0.0, 12.0], &mut one).is_err());
        assert!(dosages_from_probabilities(&[0.2, 0.2, 0.2], &mut one).is_err());
    }

    #[test]
    fn sample_maps_are_checked() {
        assert!(SampleMap::new(3, None).unwrap().is_identity());
        assert!(!SampleMap::new(3, Some(vec![0, 2])).unwrap().is_identity());
        assert!(SampleMap::new(3, Some(vec![2, 0])).is_none());
        assert!(SampleMap::new(3, Some(vec![1, 1])).is_none());
        assert!(SampleMap::new(3, Some(vec![3])).is_none());
    }
}
