//! FORMAT values of a BCF record, decoded from raw bytes.
//!
//! GT (section 6.3.3): value = (allele + 1) << 1 | phase. The first allele can carry the phase bit too (VCF 4.4), so it is
//! always shifted off. The lowest value of each integer type is "missing", the next "end of vector".

use super::bcf::TypedLen;
use super::vcf_call::{Call, FieldError, SampleMap, dosages_from_probabilities};

/// One FORMAT key's values over all samples of the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    /// The key.
    pub(crate) key: &'static str,
    /// Type, and values per sample.
    pub(crate) typed: TypedLen,
    /// Samples × values.
    pub(crate) bytes: &'a [u8],
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Missing,
    End,
    Integer(i32),
    Float(f32),
}

/// Float patterns of a missing value and of the end of a vector.
pub(crate) const FLOAT_MISSING: u32 = 0x7f80_0001;
pub(crate) const FLOAT_END: u32 = 0x7f80_0002;

fn value(code: u8, bytes: &[u8]) -> Result<Value, &'static str> {
    let integer = |v: i32, lowest: i32| match v.wrapping_sub(lowest) {
        0 => Value::Missing,
        1 => Value::End,
        _ => Value::Integer(v),
    };
    match (code, bytes) {
        (1, &[a]) => Ok(integer(i32::from(a as i8), i32::from(i8::MIN))),
        (2, &[a, b]) => Ok(integer(i32::from(i16::from_le_bytes([a, b])), i32::from(i16::MIN))),
        (3, &[a, b, c, d]) => Ok(integer(i32::from_le_bytes([a, b, c, d]), i32::MIN)),
        (5, &[a, b, c, d]) => match u32::from_le_bytes([a, b, c, d]) {
            FLOAT_MISSING => Ok(Value::Missing),
            FLOAT_END => Ok(Value::End),
            bits if f32::from_bits(bits).is_finite() => Ok(Value::Float(f32::from_bits(bits))),
            _ => Err("a value is not a finite number"),
        },
        _ => Err("text where numbers belong"),
    }
}

impl<'a> Values<'a> {
    fn width(&self) -> usize {
        match self.typed.code {
            2 => 2,
            3 | 5 => 4,
            _ => 1,
        }
    }

    fn sample(&self, sample_idx: usize) -> impl Iterator<Item = Result<Value, FieldError>> + 'a {
        let stride = self.width() * self.typed.len;
        let start = sample_idx * stride;
        let bytes = self.bytes.get(start..start + stride).unwrap_or_default();
        let (code, key) = (self.typed.code, self.key);
        bytes
            .chunks_exact(self.width())
            .map(move |b| value(code, b).map_err(|p| FieldError::sample(key, sample_idx, p)))
    }
}

/// GT of any ploidy and integer type.
pub(crate) fn calls(
    values: Values<'_>,
    n_alleles: usize,
    samples: &SampleMap,
    out: &mut [Call],
) -> Result<(), FieldError> {
    for (&column, out) in samples.analysed().iter().zip(out) {
        let sample_idx = column as usize;
        let mut alleles = [Call::MISSING, Call::ABSENT];
        let mut ploidy = 0;
        for value in values.sample(sample_idx) {
            let allele = match value? {
                Value::End => break,
                Value::Missing => Call::MISSING,
                Value::Integer(v) => allele(v, n_alleles).map_err(|p| FieldError::sample("GT", sample_idx, p))?,
                Value::Float(_) => return Err(FieldError::sample("GT", sample_idx, "a decimal number")),
            };
            if let Some(slot) = alleles.get_mut(ploidy) {
                *slot = allele;
            }
            ploidy += 1;
        }
        *out = match ploidy {
            0 => Call::NONE,
            1 if alleles[0] == Call::MISSING => Call::NONE,
            1 | 2 => Call { a: alleles[0], b: alleles[1] },
            _ => Call::POLYPLOID,
        };
    }
    Ok(())
}

fn allele(value: i32, n_alleles: usize) -> Result<u16, String> {
    match value >> 1 {
        0 => Ok(Call::MISSING),
        n if n > 0 && (n as usize) <= n_alleles => u16::try_from(n - 1).map_err(|e| e.to_string()),
        n if n > 0 => Err(format!("allele number {}, but the record's alleles end at {}", n - 1, n_alleles - 1)),
        _ => Err("a value that is no allele".into()),
    }
}

/// DS, analysed samples × ALT alleles; one value for several ALT alleles is missing.
pub(crate) fn dosages(
    values: Values<'_>,
    n_alts: usize,
    samples: &SampleMap,
    out: &mut [f32],
) -> Result<(), FieldError> {
    for (&column, row) in samples.analysed().iter().zip(out.chunks_exact_mut(n_alts.max(1))) {
        let sample_idx = column as usize;
        row.fill(f32::NAN);
        let (mut n_values, mut n_missing) = (0, 0);
        for value in values.sample(sample_idx) {
            let number = match value? {
                Value::End => break,
                Value::Missing => {
                    n_missing += 1;
                    f32::NAN
                }
                Value::Integer(v) => v as f32,
                Value::Float(v) => v,
            };
            if let Some(slot) = row.get_mut(n_values) {
                *slot = number;
            }
            n_values += 1;
        }
        if n_values == 1 && n_alts > 1 {
            row.fill(f32::NAN);
        } else if n_values != n_alts && n_missing != n_values {
            let problem = format!("{n_values} values for {n_alts} ALT alleles");
            return Err(FieldError::sample("DS", sample_idx, problem));
        }
    }
    Ok(())
}

/// GP as ALT copies, analysed samples × ALT alleles.
pub(crate) fn probabilities(
    values: Values<'_>,
    n_alts: usize,
    samples: &SampleMap,
    numbers: &mut Vec<f32>,
    out: &mut [f32],
) -> Result<(), FieldError> {
    for (&column, row) in samples.analysed().iter().zip(out.chunks_exact_mut(n_alts.max(1))) {
        let sample_idx = column as usize;
        numbers.clear();
        for value in values.sample(sample_idx) {
            numbers.push(match value? {
                Value::End => break,
                Value::Missing => f32::NAN,
                Value::Integer(v) => v as f32,
                Value::Float(v) => v,
            });
        }
        dosages_from_probabilities(numbers, row).map_err(|p| FieldError::sample("GP", sample_idx, p))?;
    }
    Ok(())
}

/// Values of an INFO key, NaN where missing.
pub(crate) fn numbers(typed: TypedLen, bytes: &[u8], out: &mut Vec<f64>) -> Result<(), String> {
    let values = Values { key: "INFO", typed, bytes };
    for chunk in bytes.chunks_exact(values.width()) {
        out.push(match value(typed.code, chunk)? {
            Value::End => break,
            Value::Missing => f64::NAN,
            Value::Integer(v) => f64::from(v),
            Value::Float(v) => f64::from(v),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(n: usize) -> SampleMap {
        SampleMap::new(n, None).unwrap()
    }

    fn decode(code: u8, len: usize, n: usize, bytes: &[u8]) -> Result<Vec<Call>, FieldError> {
        let mut out = vec![Call::NONE; n];
        calls(Values { key: "GT", typed: TypedLen { code, len }, bytes }, 3, &all(n), &mut out)?;
        Ok(out)
    }

    #[test]
    fn gt_of_every_width_and_phase() {
        let want = [Call { a: 0, b: 1 }, Call { a: 2, b: Call::ABSENT }, Call { a: Call::MISSING, b: 1 }, Call::NONE];
        // Phase bits on first alleles too; haploid by end of vector; half-missing; field missing.
        let values: [i32; 8] = [3, 4, 7, -127, 1, 4, -128, -127];
        let int8: Vec<u8> = values.iter().map(|&v| v as i8 as u8).collect();
        assert_eq!(decode(1, 2, 4, &int8).unwrap(), want);
        let widen = |v: i32, lowest: i32| if v < -100 { lowest + (v + 128) } else { v };
        let int16: Vec<u8> = values.iter().flat_map(|&v| (widen(v, -32768) as i16).to_le_bytes()).collect();
        assert_eq!(decode(2, 2, 4, &int16).unwrap(), want);
        let int32: Vec<u8> = values.iter().flat_map(|&v| widen(v, i32::MIN).to_le_bytes()).collect();
        assert_eq!(decode(3, 2, 4, &int32).unwrap(), want);
    }

    #[test]
    fn gt_oddities() {
        assert_eq!(decode(1, 3, 2, &[2, 4, 4, 2, 5, 0x81]).unwrap(), [Call::POLYPLOID, Call { a: 0, b: 1 }]);
        assert_eq!(decode(1, 1, 2, &[4, 0]).unwrap(), [Call { a: 1, b: Call::ABSENT }, Call::NONE]);
        assert_eq!(decode(1, 0, 2, &[]).unwrap(), [Call::NONE; 2]);
        assert!(decode(1, 2, 1, &[2, 8]).unwrap_err().problem.contains("allele number 3"));
        assert!(decode(1, 2, 1, &[0x90, 2]).is_err());
        assert!(decode(7, 2, 1, b"ab").is_err());
    }

    #[test]
    fn dosages_and_their_missing_values() {
        let bytes: Vec<u8> = [1.5_f32.to_bits(), 0.25_f32.to_bits(), FLOAT_MISSING, FLOAT_END]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        let mut out = [0.0; 4];
        let values = Values { key: "DS", typed: TypedLen { code: 5, len: 2 }, bytes: &bytes };
        dosages(values, 2, &all(2), &mut out).unwrap();
        assert_eq!(out[..2], [1.5, 0.25]);
        assert!(out[2].is_nan() && out[3].is_nan());
        assert!(dosages(values, 1, &all(2), &mut out[..2]).is_err());
    }
}
