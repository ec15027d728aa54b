//! A genome of random bases that agrees with REF at every site. Any window of it is drawn from the seed when it is needed,
//! so that none is held.

use std::fmt::Write as _;
use std::io::{self, Write};

use md5::{Digest, Md5};

use super::super::random::{Purpose, Stream};
use super::panel::{Panel, PanelContig};

/// Bases of a window.
const WINDOW: u32 = 4096;
/// Bases of a line of FASTA.
const LINE: usize = 60;

/// The genome of a panel.
#[derive(Clone, Copy)]
pub struct Genome<'a> {
    panel: &'a Panel,
    seed: u64,
}

impl<'a> Genome<'a> {
    /// That of `seed`.
    pub fn new(panel: &'a Panel, seed: u64) -> Self {
        Self { panel, seed }
    }

    /// Adds the bases of a window of a contig; the last one is shorter.
    fn push_window(&self, contig_idx: usize, window_idx: u32, out: &mut Vec<u8>) {
        let contig = &self.panel.contigs[contig_idx];
        let first = window_idx * WINDOW;
        let end = contig.length.min(first.saturating_add(WINDOW));
        let start = out.len();
        let mut stream = Stream::new(self.seed, Purpose::Reference, contig_idx as u64, u64::from(window_idx));
        let (mut bits, mut n_left) = (0, 0);
        for _ in first..end {
            if n_left == 0 {
                (bits, n_left) = (stream.bits32(), 16);
            }
            out.push(b"ACGT"[(bits & 3) as usize]);
            bits >>= 2;
            n_left -= 1;
        }
        overlay(contig, first, end, &mut out[start..]);
    }

    /// Writes all contigs as FASTA; the index of the file and the MD5 of each contig.
    ///
    /// # Errors
    /// The file's.
    pub fn write_fasta(&self, mut out: impl Write) -> io::Result<(String, Vec<[u8; 16]>)> {
        let (mut index, mut sums, mut offset) = (String::new(), Vec::new(), 0);
        let mut bases = Vec::new();
        for (contig_idx, contig) in self.panel.contigs.iter().enumerate() {
            writeln!(out, ">{}", contig.name)?;
            offset += contig.name.len() + 2;
            let length = contig.length as usize;
            // Writing to a string cannot fail.
            let _ = writeln!(index, "{}\t{length}\t{offset}\t{LINE}\t{}", contig.name, LINE + 1);
            offset += length + length.div_ceil(LINE);
            let mut sum = Md5::new();
            bases.clear();
            for window_idx in 0..contig.length.div_ceil(WINDOW) {
                let start = bases.len();
                self.push_window(contig_idx, window_idx, &mut bases);
                sum.update(&bases[start..]);
                let whole = bases.len() / LINE * LINE;
                for line in bases[..whole].chunks_exact(LINE) {
                    out.write_all(line)?;
                    out.write_all(b"\n")?;
                }
                bases.drain(..whole);
            }
            if !bases.is_empty() {
                out.write_all(&bases)?;
                out.write_all(b"\n")?;
            }
            sums.push(sum.finalize().into());
        }
        Ok((index, sums))
    }
}

fn overlay(contig: &PanelContig, first: u32, end: u32, bases: &mut [u8]) {
    let from = contig.fixed.partition_point(|&(pos, _)| pos < first);
    for &(pos, base) in contig.fixed[from..].iter().take_while(|&&(pos, _)| pos < end) {
        bases[(pos - first) as usize] = base;
    }
    let from = contig.sites.partition_point(|site| site.pos < first);
    for site in contig.sites[from..].iter().take_while(|site| site.pos < end) {
        bases[(site.pos - first) as usize] = site.reference;
    }
}

/// The part of a contig that a walk along it is at.
pub struct Strip<'a> {
    genome: Genome<'a>,
    contig_idx: usize,
    first_window: u32,
    bases: Vec<u8>,
}

impl<'a> Strip<'a> {
    /// At the start of a contig.
    pub fn new(genome: Genome<'a>, contig_idx: usize) -> Self {
        Self { genome, contig_idx, first_window: 0, bases: Vec::new() }
    }

    /// Nothing before `start` will be asked for.
    pub fn advance(&mut self, start: u32) {
        let window = start / WINDOW;
        if window > self.first_window {
            let n = ((window - self.first_window) as usize).saturating_mul(WINDOW as usize).min(self.bases.len());
            self.bases.drain(..n);
            self.first_window = window;
        }
    }

    /// The bases from `start` to before `end`, within the contig.
    pub fn bases(&mut self, start: u32, end: u32) -> &[u8] {
        let first = self.first_window * WINDOW;
        while first + (self.bases.len() as u32) < end {
            let next = self.first_window + self.bases.len() as u32 / WINDOW;
            self.genome.push_window(self.contig_idx, next, &mut self.bases);
        }
        &self.bases[(start - first) as usize..(end - first) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::config::Contig;
    use super::super::panel::{PanelSite, PanelWriter};
    use super::*;

    #[test]
    fn the_genome_agrees_with_the_sites_wherever_it_is_read() {
        let contigs = [("one", 10_001), ("two", 60), ("three", 4096)];
        let contigs = contigs.map(|(name, length)| Contig { name: name.into(), length, n_variants: 0 });
        let mut writer = PanelWriter::new(tempfile::tempfile().unwrap(), &contigs, 1).unwrap();
        for pos in [0, 4095, 4096, 10_000] {
            writer.push(0, PanelSite { pos, reference: b'R', alternate: b'N' }, &[0]).unwrap();
        }
        writer.contigs_mut()[0].fixed.push((77, b'F'));
        let panel = writer.finish().unwrap();
        let genome = Genome::new(&panel, 5);
        let mut text = Vec::new();
        let (index, sums) = genome.write_fasta(&mut text).unwrap();
        assert_eq!(index, "one\t10001\t5\t60\t61\ntwo\t60\t10178\t60\t61\nthree\t4096\t10246\t60\t61\n");
        let mut strip = Strip::new(genome, 0);
        let whole: Vec<u8> = strip.bases(0, 10_001).to_vec();
        assert_eq!([0, 77, 4095, 4096, 10_000].map(|at| whole[at]), *b"RFRRR");
        let first: Vec<u8> = text[5..].iter().copied().filter(|&b| b != b'\n').take(10_001).collect();
        assert_eq!(first, whole);
        assert_eq!(<[u8; 16]>::from(Md5::digest(&whole)), sums[0]);
        let mut strip = Strip::new(genome, 0);
        for (start, end) in [(3, 10), (4000, 4100), (4090, 8200), (9000, 9001), (9000, 10_001)] {
            strip.advance(start);
            assert_eq!(strip.bases(end - 1, end), &whole[end as usize - 1..end as usize]);
            assert_eq!(strip.bases(start, end), &whole[start as usize..end as usize]);
        }
        assert_eq!(sums.len(), 3);
    }
}
