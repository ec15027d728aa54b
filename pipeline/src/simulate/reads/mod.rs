//! Reads of people whose genotypes are known: one BAM a sample with its index, the genome that they are of, and the sites.
//!
//! Genotypes come site by site into a [`Collector`]; then files are made side by side, each by one thread as a stream.

mod bases;
mod config;
mod folder;
mod fragments;
mod genome;
mod own;
mod panel;
mod people;
mod sites;

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::atomic::AtomicBool;

pub use config::{MIN_FRAGMENT, ReadsConfig, SampleDepth};
pub use sites::SiteRecord;

use super::claim::Claim;
use super::config::Contig;
use super::output::SimulateError;
use super::random::{Purpose, Stream};
use super::{go_on, in_order};
use crate::format::bam_write::{BamHeader, BamRecord, BamWriter, MAX_REFERENCE_LEN};
use crate::report::progress::Progress;
use bases::BaseModel;
use folder::{Folder, LIST, REFERENCE, REFERENCE_INDEX, TRUTH};
use fragments::{Reads, Source};
use genome::{Genome, Strip};
use panel::{Panel, PanelSite, PanelWriter};
use people::Content;
use sites::SiteLines;

/// What a run of the command gives every step.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// What is asked.
    pub config: &'a ReadsConfig,
    /// Seed of all streams.
    pub seed: u64,
    /// Worker threads.
    pub threads: usize,
    /// Level of BGZF.
    pub level: u8,
    /// One line of parameters that marks the outputs.
    pub mark: &'a str,
    /// Shows no progress.
    pub quiet: bool,
    /// Set where it is to stop.
    pub stop: &'a AtomicBool,
}

/// What was made.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ReadsSummary {
    /// BAM files.
    pub n_files: usize,
    /// Records in them.
    pub n_records: u64,
    /// Sites.
    pub n_sites: usize,
    /// Bases of the genome.
    pub n_bases: u64,
    /// Files with reads of another than the sample.
    pub n_swapped: usize,
    /// Files with reads of two.
    pub n_contaminated: usize,
    /// Bytes of all files in the folder.
    pub n_bytes: u64,
}

/// A folder's lock, held while this lives.
pub struct Lock(#[expect(dead_code, reason = "held, not read")] Claim);

/// Takes the lock of the folder for a run that makes nothing else, and removes what killed runs left of it.
///
/// # Errors
/// As [`check`]; [`SimulateError::Locked`].
pub fn lock(config: &ReadsConfig, force: bool) -> Result<Lock, SimulateError> {
    check(config, force)?;
    let claim = Claim::take(&config.folder)?;
    // Once more under the lock: the run that held it may just have published.
    check(config, force)?;
    clear_leftovers(&config.folder);
    Ok(Lock(claim))
}

/// Deals the ALT of heterozygous calls without phase to one haplotype or the other.
pub struct Phase(Stream);

impl Phase {
    /// By the seed.
    pub fn new(seed: u64) -> Self {
        Self(Stream::new(seed, Purpose::Phase, 0, 0))
    }

    /// The two bits of a call of 0, 1 or 2.
    pub fn bits(&mut self, call: u8) -> u64 {
        match call {
            0 => 0,
            1 => 1 << (self.0.bits32() & 1),
            _ => 3,
        }
    }
}

/// Refuses a folder that cannot be made or must not be replaced.
///
/// # Errors
/// As [`Folder::check`].
pub fn check(config: &ReadsConfig, force: bool) -> Result<(), SimulateError> {
    Folder::check(&config.folder, force)
}

/// Removes what killed runs left of this folder.
pub fn clear_leftovers(folder: &Path) {
    Folder::clear_leftovers(folder);
}

/// Takes the genotypes, site by site.
pub struct Collector {
    folder: Folder,
    panel: PanelWriter,
    lines: SiteLines,
    samples: Vec<String>,
}

impl Collector {
    /// For `samples` and the contigs that are known.
    ///
    /// # Errors
    /// [`SimulateError::Io`].
    pub fn new(config: &ReadsConfig, contigs: &[Contig], samples: Vec<String>) -> Result<Self, SimulateError> {
        let folder = Folder::create(&config.folder)?;
        let panel = PanelWriter::new(folder.scratch_file("haplotypes")?, contigs, samples.len());
        let panel = panel.map_err(|error| folder.error("haplotypes", error))?;
        let lines = SiteLines::new(folder.scratch_file("lines")?);
        Ok(Self { folder, panel, lines, samples })
    }

    /// Samples.
    pub fn n_samples(&self) -> usize {
        self.samples.len()
    }

    /// Adds a contig; its number. It ends [`ReadsConfig::max_fragment`] bases after its last site.
    pub fn add_contig(&mut self, name: &str) -> usize {
        self.panel.add_contig(name)
    }

    /// Adds a site after all others of its contig. `carriers`: two bits a sample, 32 samples a word; the lower bit is the
    /// first haplotype's.
    ///
    /// # Errors
    /// [`SimulateError::Io`].
    pub fn push(&mut self, contig_idx: usize, site: &SiteRecord<'_>, carriers: &[u64]) -> Result<(), SimulateError> {
        let at = PanelSite { pos: site.pos - 1, reference: site.reference, alternate: site.alternate };
        let kept = self.panel.push(contig_idx, at, carriers).and_then(|()| self.lines.push(site));
        kept.map_err(|error| self.folder.error("haplotypes", error))
    }

    /// Has the genome agree with the REF of a record that is no site, at 1-based `pos`.
    pub fn fix(&mut self, contig_idx: usize, pos: u32, bases: &[u8]) {
        let contig = &mut self.panel.contigs_mut()[contig_idx];
        let last = contig.fixed.last().map_or(0, |&(pos, _)| pos + 1);
        let new = (pos - 1..).zip(bases).filter(|&(pos, base)| pos >= last && b"ACGT".contains(base));
        contig.fixed.extend(new.map(|(pos, &base)| (pos, base)));
    }

    /// Makes all files under the folder's hidden name.
    ///
    /// # Errors
    /// [`SimulateError`]; nothing is left then.
    pub fn make(mut self, run: &Run<'_>) -> Result<(MadeFolder, ReadsSummary), SimulateError> {
        let reach = run.config.max_fragment();
        for contig in self.panel.contigs_mut().iter_mut().filter(|contig| contig.length == 0) {
            let last = contig.sites.last().map_or(0, |site| site.pos + 1);
            let fixed = contig.fixed.last().map_or(0, |&(pos, _)| pos + 1);
            contig.length = (last + reach).max(fixed).max(1);
        }
        let panel = self.panel.finish().map_err(|error| self.folder.error("haplotypes", error))?;
        check_panel(&panel)?;
        let contents = people::contents(run.config, &self.samples, run.seed)?;
        let mut summary = ReadsSummary {
            n_files: contents.len(),
            n_sites: panel.n_sites(),
            n_bases: panel.contigs.iter().map(|contig| u64::from(contig.length)).sum(),
            n_swapped: contents.iter().enumerate().filter(|(i, content)| content.person != *i).count(),
            n_contaminated: contents.iter().filter(|content| content.contaminant.is_some()).count(),
            n_bytes: self.lines.write(&self.folder, &panel, run.mark, run.level)?,
            ..ReadsSummary::default()
        };
        let maker = Maker {
            run,
            folder: &self.folder,
            model: BaseModel::new(&run.config.qualities),
            sums: write_reference(&self.folder, Genome::new(&panel, run.seed), &mut summary)?,
            files: file_names(&self.samples),
            samples: &self.samples,
            contents,
            panel,
        };
        maker.make_files(&mut summary)?;
        Ok((MadeFolder(self.folder), summary))
    }
}

/// A folder that is whole and has not got its name yet.
pub struct MadeFolder(Folder);

impl MadeFolder {
    /// Gives it its name.
    ///
    /// # Errors
    /// [`SimulateError::Io`], [`SimulateError::Publish`].
    pub fn publish(self) -> Result<(), SimulateError> {
        self.0.publish()
    }
}

fn check_panel(panel: &Panel) -> Result<(), SimulateError> {
    if panel.n_sites() == 0 {
        return Err(SimulateError::Reads("there is no SNP of two alleles to make reads at".into()));
    }
    match panel.contigs.iter().find(|contig| contig.length > MAX_REFERENCE_LEN) {
        Some(contig) => Err(SimulateError::Reads(format!(
            "{}: its sites reach base {}, and the index of a BAM goes to {MAX_REFERENCE_LEN}",
            contig.name, contig.length
        ))),
        None => Ok(()),
    }
}

fn write_reference(
    folder: &Folder,
    genome: Genome<'_>,
    summary: &mut ReadsSummary,
) -> Result<Vec<[u8; 16]>, SimulateError> {
    let mut out = BufWriter::with_capacity(1 << 18, folder.file(REFERENCE)?);
    let written = genome.write_fasta(&mut out).and_then(|made| {
        out.flush()?;
        out.get_ref().sync_all()?;
        Ok((made, out.get_ref().metadata()?.len()))
    });
    let ((index, sums), n_bytes) = written.map_err(|error| folder.error(REFERENCE, error))?;
    summary.n_bytes += n_bytes + folder.write(REFERENCE_INDEX, index.as_bytes())?;
    Ok(sums)
}

/// Names of files: the samples' where all of them can be names of files, else numbers.
fn file_names(samples: &[String]) -> Vec<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_name = |name: &String| name.len() <= 200 && !name.starts_with(['.', '-']) && name.chars().all(plain);
    let by_name = samples.iter().all(is_name);
    let name = |(i, sample): (usize, &String)| if by_name { format!("{sample}.bam") } else { format!("{}.bam", i + 1) };
    samples.iter().enumerate().map(name).collect()
}

/// Makes the files of reads.
struct Maker<'a> {
    run: &'a Run<'a>,
    folder: &'a Folder,
    model: BaseModel,
    panel: Panel,
    sums: Vec<[u8; 16]>,
    files: Vec<String>,
    samples: &'a [String],
    contents: Vec<Content>,
}

/// What a thread keeps from file to file.
#[derive(Default)]
struct Scratch {
    own: Vec<u8>,
    other: Vec<u8>,
}

impl Maker<'_> {
    fn make_files(&self, summary: &mut ReadsSummary) -> Result<(), SimulateError> {
        let mut progress = Progress::start(("reads", "files"), Some(self.files.len() as u64), self.run.quiet);
        let mut truth =
            format!("##{}\n#IID\tBAM\tREADS_OF\tDEPTH\tCONTAMINATION\tCONTAMINANT\tN_RECORDS\n", self.run.mark);
        let mut list = String::new();
        let mut units = 0..self.files.len();
        let mut n_done = 0;
        let write = |(file_idx, n_records, n_bytes): (usize, u64, u64)| {
            summary.n_records += n_records;
            summary.n_bytes += n_bytes;
            self.push_rows(file_idx, n_records, &mut truth, &mut list);
            n_done += 1;
            progress.update(n_done);
            Ok(())
        };
        let result = in_order::run(self.run.threads, || units.next(), |scratch, i| self.make_file(scratch, i), write);
        progress.finish();
        result?;
        summary.n_bytes += self.folder.write(LIST, list.as_bytes())?;
        summary.n_bytes += self.folder.write(TRUTH, truth.as_bytes())?;
        Ok(())
    }

    fn push_rows(&self, file_idx: usize, n_records: u64, truth: &mut String, list: &mut String) {
        let (sample, file, content) = (&self.samples[file_idx], &self.files[file_idx], &self.contents[file_idx]);
        let (share, contaminant) = match content.contaminant {
            Some((person, share)) => (share, self.samples[person].as_str()),
            None => (0.0, "."),
        };
        let (reads_of, depth) = (&self.samples[content.person], content.depth);
        // Writing to a string cannot fail.
        let _ = writeln!(list, "{sample}\t{file}");
        let _ = writeln!(truth, "{sample}\t{file}\t{reads_of}\t{depth}\t{share}\t{contaminant}\t{n_records}");
    }

    /// The file's number, its records and the bytes of it and its index.
    fn make_file(&self, scratch: &mut Scratch, file_idx: usize) -> Result<(usize, u64, u64), SimulateError> {
        let name = &self.files[file_idx];
        let io = |error| self.folder.error_of_file(file_idx, error);
        let references = self.panel.contigs.iter().zip(&self.sums);
        let references: Vec<_> = references.map(|(c, &sum)| (c.name.as_str(), c.length, sum)).collect();
        let header = BamHeader {
            references: &references,
            read_group: "rg1",
            sample: &self.samples[file_idx],
            comment: &format!("##{}", self.run.mark),
            version: env!("CARGO_PKG_VERSION"),
        };
        let out = BufWriter::with_capacity(1 << 18, self.folder.create_file(name).map_err(io)?);
        let mut writer = BamWriter::new(out, &header, self.run.level).map_err(io)?;
        let (mut n_records, mut n_fragments) = (0_u64, 0);
        for contig_idx in 0..self.panel.contigs.len() {
            let mut reads = self.reads(scratch, (file_idx, contig_idx), n_fragments).map_err(io)?;
            reads.draw(|record: &BamRecord| {
                n_records += 1;
                if n_records % 4096 == 0 {
                    go_on(self.run.stop)?;
                }
                writer.write(record).map_err(io)
            })?;
            n_fragments = reads.n_fragments;
        }
        go_on(self.run.stop)?;
        let (mut out, index) = writer.finish().map_err(io)?;
        let n_bytes = out.flush().and_then(|()| {
            out.get_ref().sync_all()?;
            Ok(out.get_ref().metadata()?.len())
        });
        let n_bytes = n_bytes.map_err(io)? + self.folder.write_file(&format!("{name}.bai"), &index).map_err(io)?;
        Ok((file_idx, n_records, n_bytes))
    }

    fn reads<'b>(
        &'b self,
        scratch: &'b mut Scratch,
        (file_idx, contig_idx): (usize, usize),
        n_fragments: u64,
    ) -> io::Result<Reads<'b>> {
        let content = &self.contents[file_idx];
        self.panel.haplotypes(contig_idx, content.person, &mut scratch.own)?;
        let mut other = None;
        if let Some((person, share)) = content.contaminant {
            self.panel.haplotypes(contig_idx, person, &mut scratch.other)?;
            other = Some((scratch.other.as_slice(), share));
        }
        let source = Source {
            file_number: file_idx as u64 + 1,
            config: self.run.config,
            model: &self.model,
            contig: &self.panel.contigs[contig_idx],
            contig_idx,
            own: &scratch.own,
            other,
            depth: content.depth,
        };
        let strip = Strip::new(Genome::new(&self.panel, self.run.seed), contig_idx);
        let stream = Stream::new(self.run.seed, Purpose::Reads, file_idx as u64, contig_idx as u64);
        Ok(Reads::new(source, strip, stream, n_fragments))
    }
}
