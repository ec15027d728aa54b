//! The layout of regenie's step 2: space-separated, ALLELE1 is the effect allele.

use super::layout::{Front, Layout};
use super::pair::push_real;
use super::rows::Pair;
use crate::sink::rows::VariantRow;

const HEADER: &[u8] = b"CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ N TEST BETA SE CHISQ LOG10P EXTRA\n";

/// The layout. CHISQ is the square of the t statistic, of which LOG10P is by the t distribution.
#[derive(Debug, Clone, Copy, Default)]
pub struct Regenie;

impl Layout for Regenie {
    fn header(&self) -> Vec<u8> {
        HEADER.to_vec()
    }

    fn variant(&self, variant: &VariantRow, front: &mut Front) -> Result<(), usize> {
        let mut integers = itoa::Buffer::new();
        let pos = integers.format(variant.pos);
        for text in [&variant.chrom, pos, &variant.id, &variant.reference, &variant.alternate] {
            front.start.extend_from_slice(text.as_bytes());
            front.start.push(b' ');
        }
        push_real(&mut front.freq, variant.a1_freq as f32);
        Ok(())
    }

    fn pair(&self, line: &mut Vec<u8>, front: &Front, _: &VariantRow, _: usize, pair: &Pair) -> Result<(), usize> {
        line.extend_from_slice(&front.start);
        if pair.masked {
            line.extend_from_slice(b"NA NA ADD NA NA NA NA NA\n");
            return Ok(());
        }
        let stats = &pair.stats;
        line.extend_from_slice(&front.freq);
        line.push(b' ');
        line.extend_from_slice(itoa::Buffer::new().format(stats.n_observed).as_bytes());
        line.extend_from_slice(b" ADD");
        for value in [stats.beta, stats.se, (stats.t * stats.t) as f32, stats.log10p as f32] {
            line.push(b' ');
            push_real(line, value);
        }
        line.extend_from_slice(b" NA\n");
        Ok(())
    }
}
