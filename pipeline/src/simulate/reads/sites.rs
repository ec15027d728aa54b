//! The sites as a VCF without samples: lines are kept in a file until all contigs are known.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};

use super::folder::{Folder, SITES, SITES_INDEX};
use super::panel::Panel;
use crate::format::bgzf::{EOF_BLOCK, VirtualOffset};
use crate::format::bgzip::compress_part;
use crate::format::index_write::{IndexBuilder, IndexedText};
use crate::format::vcf_write::{HeaderView, InfoValue, RecordView, VcfEncoder, header_text};
use crate::simulate::SimulateError;

const INFO: [[&str; 4]; 2] =
    [["AC", "A", "Integer", "Alleles that are ALT"], ["AN", "1", "Integer", "Alleles that are not missing"]];
/// Lines that are compressed together.
const PART_LEN: usize = 4096;

/// A site as a record.
#[derive(Debug, Clone, Copy)]
pub struct SiteRecord<'a> {
    /// Name of its contig.
    pub chrom: &'a str,
    /// 1-based.
    pub pos: u32,
    /// ID.
    pub id: &'a str,
    /// Base of REF.
    pub reference: u8,
    /// Base of ALT.
    pub alternate: u8,
    /// Haplotypes with ALT.
    pub n_carriers: u32,
    /// Haplotypes whose allele is known.
    pub n_alleles: u32,
}

/// Lines of the sites.
pub struct SiteLines {
    out: BufWriter<File>,
    encoder: VcfEncoder,
    line: Vec<u8>,
}

impl SiteLines {
    /// Kept in `file`.
    pub fn new(file: File) -> Self {
        Self { out: BufWriter::with_capacity(1 << 16, file), encoder: VcfEncoder::default(), line: Vec::new() }
    }

    /// Adds the next site.
    ///
    /// # Errors
    /// The file's.
    pub fn push(&mut self, site: &SiteRecord<'_>) -> io::Result<()> {
        let info =
            [("AC", InfoValue::Integer(site.n_carriers as i32)), ("AN", InfoValue::Integer(site.n_alleles as i32))];
        let record = RecordView {
            contig_idx: 0,
            chrom: site.chrom,
            pos: site.pos,
            id: site.id,
            reference: site.reference,
            alternate: site.alternate,
            info: &info,
            keys: &[],
            calls: &[],
            dosages: &[],
            probabilities: &[],
        };
        self.line.clear();
        self.encoder.encode(&record, &mut self.line);
        self.out.write_all(&self.line)
    }

    /// Writes the VCF and its index; their bytes.
    ///
    /// # Errors
    /// [`SimulateError::Io`].
    pub fn write(self, folder: &Folder, panel: &Panel, mark: &str, level: u8) -> Result<u64, SimulateError> {
        let io = |error| folder.error(SITES, error);
        let mut lines = self.out.into_inner().map_err(|error| io(error.into_error()))?;
        lines.rewind().map_err(io)?;
        let mut out = BufWriter::new(folder.file(SITES)?);
        let (n_bytes, index) = write_vcf(BufReader::new(lines), &mut out, panel, mark, level).map_err(io)?;
        out.flush().and_then(|()| out.get_ref().sync_all()).map_err(io)?;
        let names: Vec<&str> = panel.contigs.iter().map(|contig| contig.name.as_str()).collect();
        let mut index = compress_part(&index.to_tbi(IndexedText::Vcf, &names), &[], level).map_err(io)?.bytes;
        index.extend_from_slice(&EOF_BLOCK);
        Ok(n_bytes + folder.write(SITES_INDEX, &index)?)
    }
}

fn write_vcf(
    mut lines: impl BufRead,
    out: &mut impl Write,
    panel: &Panel,
    mark: &str,
    level: u8,
) -> io::Result<(u64, IndexBuilder)> {
    let contigs: Vec<(&str, u32)> = panel.contigs.iter().map(|c| (c.name.as_str(), c.length)).collect();
    let marks = [mark.to_owned()];
    let header = HeaderView { lines: &marks, contigs: &contigs, info: &INFO, keys: &[], samples: &[] };
    let head = compress_part(header_text(&header).as_bytes(), &[], level)?.bytes;
    out.write_all(&head)?;
    let mut n_bytes = head.len() as u64;
    let mut at = VirtualOffset::new(n_bytes, 0);
    let mut index = IndexBuilder::new(contigs.len());
    let sites = |(idx, contig): (usize, &super::panel::PanelContig)| {
        contig.sites.iter().map(move |site| (idx, site.pos + 1)).collect::<Vec<_>>()
    };
    let mut places = panel.contigs.iter().enumerate().flat_map(sites);
    let (mut text, mut ends) = (Vec::new(), Vec::new());
    loop {
        text.clear();
        ends.clear();
        while ends.len() < PART_LEN && lines.by_ref().read_until(b'\n', &mut text)? > 0 {
            ends.push(text.len());
        }
        if ends.is_empty() {
            break;
        }
        let part = compress_part(&text, &ends, level)?;
        for (end, (contig_idx, pos)) in part.ends.iter().zip(places.by_ref()) {
            let end = VirtualOffset((n_bytes << 16) + end.0);
            index.push(contig_idx, pos, std::mem::replace(&mut at, end), end);
        }
        out.write_all(&part.bytes)?;
        n_bytes += part.bytes.len() as u64;
    }
    out.write_all(&EOF_BLOCK)?;
    Ok((n_bytes + EOF_BLOCK.len() as u64, index))
}
