//! Haplotypes of all people at the sites: they come site by site and are needed person by person, so they are turned round
//! in blocks of sites and kept in a file that has no name.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use super::super::config::Contig;

/// Sites of a block.
const BLOCK_LEN: usize = 512;

/// A site of two alleles of one base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PanelSite {
    /// 0-based.
    pub pos: u32,
    /// Base of REF.
    pub reference: u8,
    /// Base of ALT.
    pub alternate: u8,
}

/// A contig with its sites.
#[derive(Debug, Clone, Default)]
pub struct PanelContig {
    /// Its name.
    pub name: String,
    /// Its bases.
    pub length: u32,
    /// Ascending.
    pub sites: Vec<PanelSite>,
    /// Bases that the reference has beside those of the sites, 0-based and ascending.
    pub fixed: Vec<(u32, u8)>,
    /// Where each block begins.
    blocks: Vec<u64>,
}

/// Sites and haplotypes.
pub struct Panel {
    /// Contigs in the order of the files.
    pub contigs: Vec<PanelContig>,
    n_samples: usize,
    file: File,
}

impl Panel {
    /// The haplotypes of `person` on a contig: two bits a site, the lower one the first haplotype's; 4 sites a byte.
    ///
    /// # Errors
    /// The file's.
    pub fn haplotypes(&self, contig_idx: usize, person: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let contig = &self.contigs[contig_idx];
        out.clear();
        for (block_idx, offset) in contig.blocks.iter().enumerate() {
            let n = (contig.sites.len() - block_idx * BLOCK_LEN).min(BLOCK_LEN).div_ceil(4);
            let start = out.len();
            out.resize(start + n, 0);
            self.file.read_exact_at(&mut out[start..], offset + (person * n) as u64)?;
        }
        Ok(())
    }

    /// Sites over all contigs.
    pub fn n_sites(&self) -> usize {
        self.contigs.iter().map(|contig| contig.sites.len()).sum()
    }
}

/// A panel in the making.
pub struct PanelWriter {
    panel: Panel,
    out: io::BufWriter<File>,
    n_bytes: u64,
    /// Of the sites that wait, the words of [`PanelWriter::push`].
    waiting: Vec<u64>,
    n_waiting: usize,
}

impl PanelWriter {
    /// Into `file`, for the contigs that are known.
    ///
    /// # Errors
    /// The file's.
    pub fn new(file: File, contigs: &[Contig], n_samples: usize) -> io::Result<Self> {
        let contigs = contigs.iter().map(|contig| PanelContig {
            name: contig.name.clone(),
            length: contig.length,
            ..PanelContig::default()
        });
        let out = io::BufWriter::with_capacity(1 << 18, file.try_clone()?);
        let panel = Panel { contigs: contigs.collect(), n_samples, file };
        Ok(Self { panel, out, n_bytes: 0, waiting: Vec::new(), n_waiting: 0 })
    }

    /// Adds a contig; its number.
    pub fn add_contig(&mut self, name: &str) -> usize {
        self.panel.contigs.push(PanelContig { name: name.to_owned(), ..PanelContig::default() });
        self.panel.contigs.len() - 1
    }

    /// The contigs so far.
    pub fn contigs_mut(&mut self) -> &mut [PanelContig] {
        &mut self.panel.contigs
    }

    /// Adds a site after all others of its contig; contigs come one after the other. `carriers`: two bits a sample, 32
    /// samples a word.
    ///
    /// # Errors
    /// The file's.
    pub fn push(&mut self, contig_idx: usize, site: PanelSite, carriers: &[u64]) -> io::Result<()> {
        let contig = &mut self.panel.contigs[contig_idx];
        if contig.sites.is_empty() || self.n_waiting == BLOCK_LEN {
            self.flush()?;
            let n_bytes = self.n_bytes;
            self.panel.contigs[contig_idx].blocks.push(n_bytes);
        }
        self.panel.contigs[contig_idx].sites.push(site);
        self.waiting.extend_from_slice(carriers);
        self.n_waiting += 1;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let n_sites = std::mem::take(&mut self.n_waiting);
        if n_sites == 0 {
            return Ok(());
        }
        let words = self.waiting.len() / n_sites;
        let mut row = vec![0_u8; n_sites.div_ceil(4)];
        for sample_idx in 0..self.panel.n_samples {
            row.fill(0);
            for (site_idx, carriers) in self.waiting.chunks_exact(words).enumerate() {
                let call = carriers[sample_idx / 32] >> (2 * (sample_idx % 32)) & 3;
                row[site_idx / 4] |= (call as u8) << (2 * (site_idx % 4));
            }
            self.out.write_all(&row)?;
        }
        self.n_bytes += (row.len() * self.panel.n_samples) as u64;
        self.waiting.clear();
        Ok(())
    }

    /// The panel.
    ///
    /// # Errors
    /// The file's.
    pub fn finish(mut self) -> io::Result<Panel> {
        self.flush()?;
        self.out.flush()?;
        Ok(self.panel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn haplotypes_come_back_person_by_person() {
        let n_samples = 41;
        let contigs = ["a", "b", "c"].map(|name| Contig { name: name.into(), length: 5000, n_variants: 0 });
        let mut writer = PanelWriter::new(tempfile::tempfile().unwrap(), &contigs, n_samples).unwrap();
        let call = |contig_idx: usize, site_idx: usize, person: usize| (contig_idx * 7 + site_idx * 5 + person * 3) % 4;
        let n_sites = [1030, 0, 3];
        for (contig_idx, &n) in n_sites.iter().enumerate() {
            for site_idx in 0..n {
                let mut bits = [0_u64; 2];
                for person in 0..n_samples {
                    bits[person / 32] |= (call(contig_idx, site_idx, person) as u64) << (2 * (person % 32));
                }
                let site = PanelSite { pos: site_idx as u32, reference: b'A', alternate: b'C' };
                writer.push(contig_idx, site, &bits).unwrap();
            }
        }
        let panel = writer.finish().unwrap();
        assert_eq!(panel.n_sites(), 1033);
        let mut found = Vec::new();
        for (contig_idx, &n) in n_sites.iter().enumerate() {
            for person in [0, 1, 31, 32, 40] {
                panel.haplotypes(contig_idx, person, &mut found).unwrap();
                for site_idx in 0..n {
                    let got = usize::from(found[site_idx / 4] >> (2 * (site_idx % 4)) & 3);
                    assert_eq!(got, call(contig_idx, site_idx, person), "{contig_idx} {site_idx} {person}");
                }
            }
        }
    }
}
