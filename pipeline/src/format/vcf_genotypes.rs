//! Sample columns of a VCF line, decoded from bytes without splitting them into strings: the general decoder, which knows
//! every shape of a value and reports the errors. What most lines look like is scanned faster by [`super::vcf_scan`].

use super::table_cell::shape;
use super::vcf_call::{Call, FieldError, SampleMap, dosages_from_probabilities};
use super::vcf_scan::{Samples, Scratch};
use super::vcf_site::FieldSet;

/// One FORMAT key's values within the sample columns of a line.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    /// The line after FORMAT and its tab.
    pub bytes: &'a [u8],
    /// Whether there was such a tab.
    pub has_samples: bool,
    /// The key.
    pub key: &'static str,
    /// Its place in FORMAT.
    pub idx: usize,
}

/// The genotype fields that a FORMAT column names.
pub fn fields_of(format: &[u8]) -> FieldSet {
    let mut set = FieldSet::default();
    for key in format.split(|&b| b == b':') {
        match key {
            b"GT" => set.gt = true,
            b"DS" => set.ds = true,
            b"GP" => set.gp = true,
            b"LGT" => set.lgt = true,
            _ => {}
        }
    }
    set
}

/// Calls `each(file column, output index, value)` for every analysed sample, with an empty value where trailing fields
/// were dropped. The line must have the header's number of samples.
fn for_each<'a>(
    column: Column<'a>,
    samples: &SampleMap,
    tabs: &'a mut Vec<u32>,
    mut each: impl FnMut(usize, usize, &'a [u8]) -> Result<(), FieldError>,
) -> Result<(), FieldError> {
    let n_file = samples.n_file();
    if !column.has_samples {
        return if n_file == 0 { Ok(()) } else { Err(another_number_of_samples(0, n_file)) };
    }
    let wrong = || another_number_of_samples(1 + memchr::memchr_iter(b'\t', column.bytes).count(), n_file);
    let columns = Samples::find(column.bytes, n_file, tabs).ok_or_else(wrong)?;
    for (out_idx, &sample) in samples.analysed().iter().enumerate() {
        each(sample as usize, out_idx, columns.value(sample, column.idx))?;
    }
    Ok(())
}

/// The error of a line of other samples than the header's.
pub(crate) fn another_number_of_samples(n: usize, expected: usize) -> FieldError {
    FieldError::new("columns", format!("{n} samples, where the header has {expected}"))
}

/// GT of any ploidy, one call per analysed sample.
pub fn calls(
    column: Column<'_>,
    n_alleles: usize,
    samples: &SampleMap,
    scratch: &mut Scratch,
    out: &mut [Call],
) -> Result<(), FieldError> {
    for_each(column, samples, &mut scratch.tabs, |sample_idx, out_idx, value| {
        out[out_idx] = call(value, n_alleles).map_err(|problem| FieldError::sample("GT", sample_idx, problem))?;
        Ok(())
    })
}

/// One GT value. VCF 4.4 allows a phase mark before the first allele too.
fn call(value: &[u8], n_alleles: usize) -> Result<Call, String> {
    if let [a @ b'0'..=b'9', b'/' | b'|', b @ b'0'..=b'9'] = value {
        let (a, b) = (u16::from(a - b'0'), u16::from(b - b'0'));
        if usize::from(a.max(b)) < n_alleles {
            return Ok(Call { a, b });
        }
    }
    let bare = match value {
        [b'/' | b'|', rest @ ..] if !rest.is_empty() => rest,
        _ => value,
    };
    if bare.is_empty() || bare == b"." {
        return Ok(Call::NONE);
    }
    let mut alleles = [Call::MISSING, Call::ABSENT];
    let mut ploidy = 0;
    for text in bare.split(|&b| b == b'/' || b == b'|') {
        let allele = allele(text, n_alleles).map_err(|problem| problem.unwrap_or_else(|| no_genotype(value)))?;
        if let Some(slot) = alleles.get_mut(ploidy) {
            *slot = allele;
        }
        ploidy += 1;
    }
    Ok(match ploidy {
        1 | 2 => Call { a: alleles[0], b: alleles[1] },
        _ => Call::POLYPLOID,
    })
}

fn no_genotype(value: &[u8]) -> String {
    format!("a value of the shape {} is not a genotype such as 0/1", shape(value))
}

fn no_number(text: &[u8]) -> String {
    format!("a value of the shape {} is not a number", shape(text))
}

/// An allele's number, or what is wrong with it; nothing where it is no number at all.
fn allele(text: &[u8], n_alleles: usize) -> Result<u16, Option<String>> {
    if text == b"." {
        return Ok(Call::MISSING);
    }
    let number = match text {
        [] => None,
        _ if text.len() > 9 || !text.iter().all(u8::is_ascii_digit) => None,
        _ => Some(text.iter().fold(0_usize, |n, b| n * 10 + usize::from(b - b'0'))),
    };
    match number {
        Some(n) if n < n_alleles => u16::try_from(n).map_err(|_| Some("an allele number that is too high".into())),
        Some(n) => Err(Some(format!("allele number {n}, but the record's alleles end at {}", n_alleles - 1))),
        None => Err(None),
    }
}

/// DS, analysed samples × ALT alleles. One value for several ALT alleles (DS declared as Number=1: their sum) says nothing
/// of each: missing.
pub fn dosages(
    column: Column<'_>,
    n_alts: usize,
    samples: &SampleMap,
    scratch: &mut Scratch,
    out: &mut [f32],
) -> Result<(), FieldError> {
    for_each(column, samples, &mut scratch.tabs, |sample_idx, out_idx, value| {
        let row = &mut out[out_idx * n_alts..(out_idx + 1) * n_alts];
        dosages_of(value, row).map_err(|problem| FieldError::sample("DS", sample_idx, problem))
    })
}

/// One sample's DS, a value for each ALT allele.
pub(crate) fn dosages_of(value: &[u8], row: &mut [f32]) -> Result<(), String> {
    row.fill(f32::NAN);
    if value.is_empty() || value == b"." {
        return Ok(());
    }
    let mut n_values = 0;
    for text in value.split(|&b| b == b',') {
        let number = number(text).ok_or_else(|| no_number(text))?;
        if let Some(slot) = row.get_mut(n_values) {
            *slot = number as f32;
        }
        n_values += 1;
    }
    if n_values == 1 && row.len() > 1 {
        row.fill(f32::NAN);
    } else if n_values != row.len() {
        return Err(format!("{n_values} values for {} ALT alleles", row.len()));
    }
    Ok(())
}

/// GP as ALT copies, analysed samples × ALT alleles.
pub fn probabilities(
    column: Column<'_>,
    n_alts: usize,
    samples: &SampleMap,
    scratch: &mut Scratch,
    out: &mut [f32],
) -> Result<(), FieldError> {
    let Scratch { tabs, values, .. } = scratch;
    for_each(column, samples, tabs, |sample_idx, out_idx, value| {
        let row = &mut out[out_idx * n_alts..(out_idx + 1) * n_alts];
        probabilities_of(value, values, row).map_err(|problem| FieldError::sample("GP", sample_idx, problem))
    })
}

/// One sample's GP as copies of each ALT allele.
pub(crate) fn probabilities_of(value: &[u8], values: &mut Vec<f32>, row: &mut [f32]) -> Result<(), String> {
    values.clear();
    if !value.is_empty() && value != b"." {
        for text in value.split(|&b| b == b',') {
            values.push(number(text).ok_or_else(|| no_number(text))? as f32);
        }
    }
    dosages_from_probabilities(values, row)
}

/// A decimal number; `.` is NaN; none if it is no number. NaN and infinities as words are no numbers here.
pub fn number(text: &[u8]) -> Option<f64> {
    const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    if text == b"." {
        return Some(f64::NAN);
    }
    // Up to 15 digits the quotient of two exact doubles is the correctly rounded number.
    if text.len() <= 16 {
        let (mut mantissa, mut n_digits, mut n_decimals, mut point) = (0_u64, 0, 0, false);
        let simple = text.iter().all(|&b| match b {
            b'0'..=b'9' => {
                mantissa = mantissa * 10 + u64::from(b - b'0');
                n_digits += 1;
                n_decimals += usize::from(point);
                true
            }
            b'.' => !std::mem::replace(&mut point, true),
            _ => false,
        });
        if simple && (1..=15).contains(&n_digits) {
            return Some(mantissa as f64 / POWERS[n_decimals]);
        }
    }
    let text = std::str::from_utf8(text).ok()?;
    text.parse().ok().filter(|v: &f64| v.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(n: usize) -> SampleMap {
        SampleMap::new(n, None).unwrap()
    }

    fn column(bytes: &[u8], key: &'static str, idx: usize) -> Column<'static> {
        Column { bytes: bytes.to_vec().leak(), has_samples: true, key, idx }
    }

    #[test]
    fn calls_of_every_shape() {
        let c = |a, b| Ok(Call { a, b });
        for (text, want) in [
            ("0/1", c(0, 1)),
            ("2|1", c(2, 1)),
            ("|0|1", c(0, 1)),
            ("/1", c(1, Call::ABSENT)),
            ("1", c(1, Call::ABSENT)),
            (".", Ok(Call::NONE)),
            ("", Ok(Call::NONE)),
            ("./.", Ok(Call::NONE)),
            ("./1", c(Call::MISSING, 1)),
            ("0|.", c(0, Call::MISSING)),
            ("0/1/1", Ok(Call::POLYPLOID)),
            ("././.", Ok(Call::POLYPLOID)),
            ("0/3", Err(())),
            ("0/", Err(())),
            ("/", Err(())),
            ("0//1", Err(())),
            ("a/b", Err(())),
            ("-1/0", Err(())),
            ("0/99999999999999999999", Err(())),
        ] {
            assert_eq!(call(text.as_bytes(), 3).map_err(|_| ()), want, "{text}");
        }
        assert_eq!(call(b"10/0", 12), Ok(Call { a: 10, b: 0 }));
    }

    #[test]
    fn dropped_fields_are_missing_and_counts_are_checked() {
        let mut out = [0.0; 2];
        dosages(column(b"0/1\t0/1:0.5", "DS", 1), 1, &all(2), &mut Scratch::default(), &mut out).unwrap();
        assert!(out[0].is_nan() && out[1] == 0.5);
        assert!(dosages(column(b"0/1:1,2\t0/1:0.5", "DS", 1), 1, &all(2), &mut Scratch::default(), &mut out).is_err());
        assert!(dosages(column(b"0/1:x\t0/1:0.5", "DS", 1), 1, &all(2), &mut Scratch::default(), &mut out).is_err());
        let error = dosages(column(b"0/1", "DS", 1), 1, &all(2), &mut Scratch::default(), &mut out).unwrap_err();
        assert!(error.problem.contains("1 samples, where the header has 2"), "{}", error.problem);
    }

    #[test]
    fn numbers() {
        for text in ["0", "1", "2.", ".5", "0.013", "1.9999", "1e-3", "0.12345678901234567", "-0.5", "+1"] {
            assert_eq!(number(text.as_bytes()), text.parse::<f64>().ok(), "{text}");
        }
        for text in ["", "nan", "inf", "1.2.3", "x", "1,2", "-"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
        assert!(number(b".").unwrap().is_nan());
    }
}
