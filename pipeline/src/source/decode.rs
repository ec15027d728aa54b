//! Genotypes of one record as ALT copies, decoded once however many ALT alleles it has.
//!
//! Plain diploid calls go straight from the file's bytes into the block's row; anything else goes through calls as stated
//! and the ploidy policy.

use norna_kernels::MISSING_CALL;

use crate::format::sex::Sex;
use crate::format::vcf_call::{Call, DOSAGE_SLACK, FieldError, within_0_to_2};
use crate::format::vcf_scan::Scratch;
use crate::format::vcf_site::{DosageField, RecordReader};

use super::input::Context;
use super::ledger::{Note, VariantLedger};
use super::options::Field;
use super::ploidy::{Locus, MISSING_PAIR, Pair, copies_of, resolve};

/// What of the current record is decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Decoded {
    Nothing,
    Pairs,
    Dosages,
}

/// The record that a reader stands on.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) records: &'a dyn RecordReader,
    pub(crate) context: &'a Context,
    pub(crate) locus: Locus,
}

impl Record<'_> {
    fn n_alts(&self) -> usize {
        self.records.site().alternates().len()
    }

    /// Whether plain diploid calls need no policy here.
    fn is_direct(&self) -> bool {
        let two_copies = match self.locus {
            Locus::Diploid => true,
            Locus::X => self.context.sexes.is_none(),
            Locus::Y | Locus::Mt => false,
        };
        two_copies && self.n_alts() == 1
    }

    /// File column of an analysed sample.
    fn column(&self, idx: usize) -> usize {
        self.context.samples.analysed()[idx] as usize
    }
}

/// Buffers for one record's genotypes.
pub(crate) struct Decoder {
    decoded: Decoded,
    calls: Vec<Call>,
    pairs: Vec<Pair>,
    codes: Vec<u8>,
    scratch: Scratch,
    /// Samples × ALT alleles.
    dosages: Vec<f32>,
}

impl Decoder {
    /// For `n` analysed samples.
    pub(crate) fn new(n: usize) -> Self {
        Self {
            decoded: Decoded::Nothing,
            calls: vec![Call::NONE; n],
            pairs: vec![MISSING_PAIR; n],
            codes: vec![0; n],
            scratch: Scratch::default(),
            dosages: Vec::new(),
        }
    }

    /// Forgets the last record.
    pub(crate) fn start_record(&mut self) {
        self.decoded = Decoded::Nothing;
    }

    /// Copies of an ALT allele: 0, 1, 2 or [`MISSING_CALL`].
    pub(crate) fn fill_calls(
        &mut self,
        record: &Record<'_>,
        alt_idx: usize,
        row: &mut [u8],
        ledger: &mut VariantLedger,
    ) -> Result<(), FieldError> {
        let direct = record.is_direct() && record.records.site().fields.gt;
        if direct && record.records.plain_calls(&record.context.samples, &mut self.scratch, row)? {
            return Ok(());
        }
        if self.decoded == Decoded::Nothing {
            self.decode_pairs(record, ledger)?;
            self.decoded = Decoded::Pairs;
        }
        copies_of(alt_number(alt_idx), &self.pairs, row);
        Ok(())
    }

    /// Copies of an ALT allele, 0 to 2, NaN missing.
    pub(crate) fn fill_dosages(
        &mut self,
        record: &Record<'_>,
        alt_idx: usize,
        row: &mut [f32],
        ledger: &mut VariantLedger,
    ) -> Result<(), FieldError> {
        if record.is_direct() && self.fill_plain_dosages(record, row, ledger)? {
            return Ok(());
        }
        if self.decoded == Decoded::Nothing {
            let has_field = self.decode_dosages(record, ledger)?;
            self.decoded = if has_field { Decoded::Dosages } else { Decoded::Pairs };
        }
        if self.decoded == Decoded::Dosages {
            let values = self.dosages.iter().skip(alt_idx).step_by(record.n_alts());
            row.iter_mut().zip(values).for_each(|(to, &from)| *to = from);
            return Ok(());
        }
        copies_of(alt_number(alt_idx), &self.pairs, &mut self.codes);
        widen(&self.codes, row);
        Ok(())
    }

    /// The chosen field of a record whose calls are plain, GT where the record lacks it; false if they are not plain.
    fn fill_plain_dosages(
        &mut self,
        record: &Record<'_>,
        row: &mut [f32],
        ledger: &mut VariantLedger,
    ) -> Result<bool, FieldError> {
        let fields = record.records.site().fields;
        let samples = &record.context.samples;
        let (field, present) = dosage_field(record);
        if present {
            let from_gt = record.records.plain_dosages(field, samples, &mut self.scratch, row);
            ledger.add_note(Note::FromGt, from_gt.unwrap_or(0));
            return Ok(from_gt.is_some());
        }
        if !fields.gt || !record.records.plain_calls(samples, &mut self.scratch, &mut self.codes)? {
            return Ok(false);
        }
        ledger.add_note(Note::RecordsFromGt, 1);
        widen(&self.codes, row);
        Ok(true)
    }

    /// GT by the policy, into `self.pairs`.
    fn decode_pairs(&mut self, record: &Record<'_>, ledger: &mut VariantLedger) -> Result<(), FieldError> {
        let fields = record.records.site().fields;
        if !fields.gt {
            if fields.lgt {
                let problem = "local alleles (LGT) without GT are not read; write GT into the file";
                return Err(FieldError::new("LGT", problem));
            }
            self.calls.fill(Call::NONE);
            self.pairs.fill(MISSING_PAIR);
            return Ok(());
        }
        let context = record.context;
        record.records.calls(&context.samples, &mut self.scratch, &mut self.calls)?;
        let sexes = context.sexes.as_deref();
        resolve(&self.calls, record.locus, sexes, context.half_call, &mut self.pairs, ledger).map_err(|idx| {
            let problem = "one of two alleles is missing; see --vcf-half-call";
            FieldError::sample("GT", record.column(idx), problem)
        })
    }

    /// The chosen field's values, with GT where a value is missing, into `self.dosages`; false where the record lacks the
    /// field, and GT alone is in `self.pairs`.
    fn decode_dosages(&mut self, record: &Record<'_>, ledger: &mut VariantLedger) -> Result<bool, FieldError> {
        let fields = record.records.site().fields;
        let (field, present) = dosage_field(record);
        if !present || fields.gt {
            self.decode_pairs(record, ledger)?;
        } else {
            self.calls.fill(Call::NONE);
            self.pairs.fill(MISSING_PAIR);
        }
        if !present {
            ledger.add_note(Note::RecordsFromGt, 1);
            return Ok(false);
        }
        let samples = &record.context.samples;
        self.dosages.resize(samples.len() * record.n_alts(), f32::NAN);
        record.records.dosages(field, samples, &mut self.scratch, &mut self.dosages)?;
        for idx in 0..samples.len() {
            let from_gt = self.settle_dosages(record, idx, record.context.field)?;
            ledger.add_note(Note::FromGt, u64::from(from_gt));
        }
        Ok(true)
    }

    /// Bounds, scale and fallback of one sample's dosages; whether any came from GT.
    fn settle_dosages(&mut self, record: &Record<'_>, idx: usize, field: Field) -> Result<bool, FieldError> {
        let n_alts = record.n_alts();
        let values = &mut self.dosages[idx * n_alts..(idx + 1) * n_alts];
        if record.locus == Locus::Y && record.context.sexes.as_ref().is_some_and(|s| s[idx] == Sex::Female) {
            values.fill(f32::NAN);
            return Ok(false);
        }
        // A haploid GT means that DS counts one allele, as in plink2; GP's values say so themselves.
        let scale = if field == Field::Ds && self.calls[idx].is_haploid() { 2.0 } else { 1.0 };
        let mut from_gt = false;
        for (alt_idx, value) in values.iter_mut().enumerate() {
            if value.is_nan() {
                let mut code = [0];
                copies_of(alt_number(alt_idx), &self.pairs[idx..=idx], &mut code);
                if code[0] != MISSING_CALL {
                    *value = f32::from(code[0]);
                    from_gt = true;
                }
                continue;
            }
            let dosage = *value * scale;
            if !(-DOSAGE_SLACK..=2.0 + DOSAGE_SLACK).contains(&dosage) {
                let problem = format!("a number that is no dosage from 0 to {}", 2.0 / scale);
                return Err(FieldError::sample(field.name(), record.column(idx), problem));
            }
            *value = within_0_to_2(dosage);
        }
        Ok(from_gt)
    }
}

/// The chosen field, and whether the record has it.
fn dosage_field(record: &Record<'_>) -> (DosageField, bool) {
    let fields = record.records.site().fields;
    match record.context.field {
        Field::Gp => (DosageField::Gp, fields.gp),
        _ => (DosageField::Ds, fields.ds),
    }
}

/// Codes as dosages, NaN missing.
fn widen(codes: &[u8], row: &mut [f32]) {
    for (to, &code) in row.iter_mut().zip(codes) {
        *to = if code == MISSING_CALL { f32::NAN } else { f32::from(code) };
    }
}

/// Number of an ALT allele in GT. Records have at most 32767 of them.
fn alt_number(alt_idx: usize) -> u16 {
    u16::try_from(alt_idx + 1).unwrap_or(Call::MAX_ALLELE)
}
