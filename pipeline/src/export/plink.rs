//! plink2's layout of `--glm` on quantitative traits: the default columns of `.glm.linear`, which is what these tests are
//! for binary traits too.

use super::layout::{Front, Layout};
use super::number::push_p;
use super::pair::push_real;
use super::rows::Pair;
use crate::sink::rows::VariantRow;

/// Columns; A1_FREQ is in them where wanted, as by plink2's `cols=+a1freq`.
const COLUMNS: [&str; 14] =
    ["#CHROM", "POS", "ID", "REF", "ALT", "A1", "A1_FREQ", "TEST", "OBS_CT", "BETA", "SE", "T_STAT", "P", "ERRCODE"];

/// The layout.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plink {
    /// Whether A1_FREQ is written.
    pub with_freq: bool,
}

impl Layout for Plink {
    fn header(&self) -> Vec<u8> {
        let columns = COLUMNS.into_iter().filter(|&column| self.with_freq || column != "A1_FREQ");
        (columns.collect::<Vec<_>>().join("\t") + "\n").into_bytes()
    }

    fn variant(&self, variant: &VariantRow, front: &mut Front) -> Result<(), usize> {
        super::pair::push_variant(&mut front.start, &mut front.freq, variant);
        Ok(())
    }

    fn pair(&self, line: &mut Vec<u8>, front: &Front, _: &VariantRow, _: usize, pair: &Pair) -> Result<(), usize> {
        line.extend_from_slice(&front.start);
        let stats = &pair.stats;
        if self.with_freq {
            line.extend_from_slice(if pair.masked { b"NA\t" } else { &front.freq });
        }
        line.extend_from_slice(b"ADD\t");
        if pair.masked {
            line.extend_from_slice(b"NA\tNA\tNA\tNA\tNA\tMASKED\n");
            return Ok(());
        }
        line.extend_from_slice(itoa::Buffer::new().format(stats.n_observed).as_bytes());
        for value in [stats.beta, stats.se, stats.t as f32] {
            line.push(b'\t');
            push_real(line, value);
        }
        line.push(b'\t');
        push_p(line, stats.log10p);
        line.extend_from_slice(if stats.log10p.is_nan() { b"\tNA_RESULT\n" } else { b"\t.\n" });
        Ok(())
    }
}
