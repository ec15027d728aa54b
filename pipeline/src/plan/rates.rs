//! What one core does in a second, as seconds for each thing done: the machine's part of the cost model.

use serde::{Deserialize, Serialize};

use super::GenotypeFormat;

/// CPU seconds of one core, other cores at work too. [`Rates::default`] is a Zen 5 EPYC core with AVX-512 at some 3.5 GHz,
/// measured by `norna bench` on 2026-11-22; a card holds those of another machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// A rank: program, libraries, opening files and index.
    pub start: f64,
    /// A cell of the tables of traits and covariates, read.
    pub table_cell: f64,
    /// A (sample, trait) of the null model, whatever the covariates.
    pub null_value: f64,
    /// A (sample, trait, covariate) of the null model.
    pub null_product: f64,
    /// A (sample, trait) of the traits' Gram matrix.
    pub gram_value: f64,
    /// A (sample, trait, trait) of the traits' Gram matrix, half of which is computed.
    pub gram_product: f64,
    /// Traits cubed, for eigenvalues.
    pub eigen: f64,
    /// A variant, however many samples: its line read, its row made.
    pub variant: f64,
    /// A genotype inflated and decoded, of VCF GT.
    pub vcf: f64,
    /// Of VCF DS.
    pub vcf_dosage: f64,
    /// Of BCF GT.
    pub bcf: f64,
    /// Of BCF DS.
    pub bcf_dosage: f64,
    /// Times that reading a variant takes that misses some of its calls.
    pub gaps: f64,
    /// A call looked at by the test: carriers listed or calls packed.
    pub call: f64,
    /// A dosage looked at by the test.
    pub dosage: f64,
    /// A genotype of a variant on the dense path, packed.
    pub packed: f64,
    /// A (sample, trait) of a variant in the dense score product: two operations.
    pub dense_product: f64,
    /// A (sample, covariate) of a variant in the dense projection, f64.
    pub dense_project: f64,
    /// A carrier of a variant that is summed over carriers, listed.
    pub carrier: f64,
    /// A (carrier, trait) of a variant that is summed over carriers.
    pub carrier_product: f64,
    /// A (carrier, covariate) of such a variant.
    pub carrier_project: f64,
    /// A (carrier, pattern that misses it, covariate), where traits have patterns of their own.
    pub mask_entry: f64,
    /// A (variant, pattern), likewise.
    pub mask: f64,
    /// A (variant, pattern, covariate, covariate), likewise.
    pub mask_square: f64,
    /// A (missing genotype, covariate, covariate or trait) that is taken off.
    pub missing_product: f64,
    /// A (variant with missing genotypes, trait), beside that.
    pub missing_pair: f64,
    /// A (variant with missing genotypes, pattern).
    pub missing_mask: f64,
    /// A (variant with missing genotypes, pattern, covariate³).
    pub missing_cube: f64,
    /// A (sample, trait) whose residual comes from memory, once for each block of variants.
    pub stream: f64,
    /// A pair: effect, standard error, histogram.
    pub pair: f64,
    /// A byte of spool: encoded, checked, written.
    pub spool_byte: f64,
    /// A byte of matrices in results.h5: read from spools and written.
    pub result_byte: f64,
    /// A variant in results.h5, on rank 0.
    pub result_row: f64,
    /// A byte of memory touched for the first time.
    pub fresh_byte: f64,
    /// Times that all this takes when every core of a node works: they share memory, caches and power.
    pub crowding: f64,
    /// Bytes a second that the file system takes from a node.
    pub file_system: f64,
    /// Times more or less that CPU times may turn out to be.
    pub doubt: f64,
}

impl Rates {
    /// A rate that is no positive number, by its name.
    pub fn bad(&self) -> Option<(String, f64)> {
        let rates = serde_json::to_value(self).ok()?;
        let rates = rates.as_object()?.iter().map(|(name, value)| (name.clone(), value.as_f64().unwrap_or(f64::NAN)));
        rates.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0))
    }

    /// Seconds a genotype for reading a format.
    pub fn genotype(&self, format: GenotypeFormat) -> f64 {
        match format {
            GenotypeFormat::Vcf => self.vcf,
            GenotypeFormat::VcfDosage => self.vcf_dosage,
            GenotypeFormat::Bcf => self.bcf,
            GenotypeFormat::BcfDosage => self.bcf_dosage,
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            start: 0.01,
            table_cell: 2.9e-08,
            null_value: 1.3e-08,
            null_product: 1.6e-10,
            gram_value: 7.1e-09,
            gram_product: 5.5e-12,
            eigen: 1.9e-10,
            variant: 2.4e-07,
            vcf: 1.6e-09,
            vcf_dosage: 7e-09,
            bcf: 1e-09,
            bcf_dosage: 4.4e-09,
            gaps: 1.1,
            call: 5.6e-11,
            dosage: 1.7e-09,
            packed: 2.8e-10,
            dense_product: 1e-11,
            dense_project: 4.9e-11,
            carrier: 3.3e-09,
            carrier_product: 5.6e-11,
            carrier_project: 6.5e-11,
            mask_entry: 2.3e-10,
            mask: 1.3e-07,
            mask_square: 2.7e-10,
            missing_product: 4.1e-11,
            missing_pair: 2e-08,
            missing_mask: 3.2e-07,
            missing_cube: 3.2e-10,
            stream: 1.9e-10,
            pair: 5.6e-09,
            spool_byte: 6.8e-10,
            result_byte: 1e-09,
            result_row: 1.4e-06,
            fresh_byte: 4.8e-10,
            crowding: 1.25,
            file_system: 1e9,
            doubt: 2.0,
        }
    }
}
