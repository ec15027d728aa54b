//! `norna identity`, and the gate of an association from reads: reads at the sites of a panel by cells, whose they are at rank 0.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::begin::input_stamps;
use super::grid::{self, Cells, GridRun};
use super::identity_job::{BATCH, IdentityJob};
use super::options::RunOptions;
use super::reads::reads_stamp;
use super::run_record::{PlanStamp, RunRecord};
use super::session::{self, Session};
use super::stop::Phase;
use super::workdir::{Claimed, Workdir, create_private};
use crate::comm::{broadcast, consensus};
use crate::identity::{
    DepthCounts, Findings, Observations, Panel, PanelOptions, Report, SampleNames, Scored, SexFromReads, Status,
    Thresholds, Window, score, sex_from_depth, window_bases, windows,
};
use crate::report::words::count;
use crate::sink::spool::SpoolError;
use crate::source::reads::{ReadInput, ReadsOptions, Site};
use crate::store::publish;

/// Share of bases at sites that are neither REF nor ALT from which VCF and reads are of different genomes.
const MAX_OTHER_BASES: f64 = 0.25;
/// Bases from which that is believed.
const MIN_BASES: u64 = 1000;

/// What is asked of the reads.
#[derive(Debug)]
pub struct IdentityOptions {
    /// Sites and people.
    pub panel: PanelOptions,
    /// Table of names, where they differ.
    pub pairs: Option<PathBuf>,
    /// What decides.
    pub thresholds: Thresholds,
}

/// A validated `norna identity`.
#[derive(Debug)]
pub struct IdentityConfig {
    /// The table, and how the run comes to it.
    pub run: RunOptions,
    /// Alignment files.
    pub reads: ReadsOptions,
    /// What is asked of them.
    pub options: IdentityOptions,
    /// Print the report as JSON.
    pub json: bool,
}

/// Runs the command on this rank. Gives whether a sample's reads are not those of the person named.
///
/// # Errors
/// As [`session::run`].
pub fn run(config: &IdentityConfig) -> Result<bool> {
    let mut is_refused = false;
    session::run(&config.run, |session, workdir| {
        is_refused = run_rank(config, session, workdir)?;
        Ok(())
    })?;
    Ok(is_refused)
}

fn run_rank(config: &IdentityConfig, session: &Session<'_>, workdir: &mut Option<Workdir>) -> Result<bool> {
    let reads = consensus(session.comm, ReadInput::open(&config.reads))?;
    reads.messages().iter().for_each(|message| log::info!("{message}"));
    reads.warnings().iter().for_each(|message| log::warn!("{message}"));
    let report = find(session, workdir, &reads, &config.options)?;
    session.stop.enter(Phase::Done);
    if let (Some(report), true) = (&report, config.json) {
        consensus(session.comm, crate::report::stdout::print(&format!("{:#}\n", report.json())))?;
    } else if config.json {
        consensus(session.comm, Ok::<_, std::io::Error>(()))?;
    }
    let is_refused = vec![u8::from(report.is_some_and(|report| report.summary.refusal().is_some()))];
    Ok(broadcast(session.comm, is_refused) == [1])
}

/// What a command needs to know of its samples' reads: the same on every rank. Counts are of the samples asked about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Verdict {
    /// Why the command must not go on, if it must not.
    pub(super) refusal: Option<String>,
    /// Samples with reads of a second person.
    pub(super) n_mixture: u64,
    /// Samples with too few reads to tell.
    pub(super) n_low_coverage: u64,
    /// Samples that are not in the VCF.
    pub(super) n_absent: u64,
    /// Samples asked about.
    pub(super) n_samples: u64,
    /// Samples of the VCF without reads: of those asked about by name, if some are.
    pub(super) vcf_without_reads: u64,
}

impl Verdict {
    fn of(report: &Report, only: Option<&HashSet<String>>) -> Self {
        let summary = report.summary_of(only);
        let n = |status| summary.n(status) as u64;
        Self {
            refusal: summary.refusal(),
            n_mixture: n(Status::Mixture),
            n_low_coverage: n(Status::LowCoverage),
            n_absent: n(Status::Absent),
            n_samples: summary.n_samples() as u64,
            vcf_without_reads: summary.n_without_reads as u64,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let counts = [self.n_mixture, self.n_low_coverage, self.n_absent, self.n_samples, self.vcf_without_reads];
        let mut bytes: Vec<u8> = counts.iter().flat_map(|n| n.to_le_bytes()).collect();
        bytes.extend_from_slice(self.refusal.as_deref().unwrap_or_default().as_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (counts, refusal) = bytes.split_at_checked(40)?;
        let (counts, _) = counts.as_chunks::<8>();
        let [n_mixture, n_low_coverage, n_absent, n_samples, vcf_without_reads] =
            <[[u8; 8]; 5]>::try_from(counts).ok()?.map(u64::from_le_bytes);
        let refusal = (!refusal.is_empty()).then(|| String::from_utf8_lossy(refusal).into_owned());
        Some(Self { refusal, n_mixture, n_low_coverage, n_absent, n_samples, vcf_without_reads })
    }
}

/// Makes the table of `options.out`, as `norna identity` would, within another command's session. Gives what that command
/// needs to know: the same on every rank. `only`: samples (by their names among the reads) that count for it; the others stand
/// in the table.
///
/// # Errors
/// One line, the same on every rank; [`super::Stopped`].
pub(super) fn gate(
    session: &Session<'_>,
    run: &RunOptions,
    reads: &ReadInput,
    options: &IdentityOptions,
    only: Option<&HashSet<String>>,
) -> Result<Verdict> {
    let own = Session {
        options: run,
        comm: session.comm,
        stop: session.stop,
        pool: session.pool,
        start: session.start,
        hosts: session.hosts.clone(),
    };
    let claimed = own.is_root().then(|| Workdir::claim(&run.out, run.kind, run.manner));
    let claimed = consensus(own.comm, claimed.transpose())?;
    let mut workdir = match claimed {
        Some(Claimed::Ours(workdir)) => (Some(workdir), String::new()),
        Some(Claimed::Busy(why)) => (None, why),
        None => (None, String::new()),
    };
    let busy = broadcast(own.comm, std::mem::take(&mut workdir.1).into_bytes());
    if !busy.is_empty() {
        bail!("{}", String::from_utf8_lossy(&busy));
    }
    let report = find(&own, &mut workdir.0, reads, options)?;
    let found = report.map(|report| Verdict::of(&report, only).to_bytes()).unwrap_or_default();
    let found = Verdict::from_bytes(&broadcast(own.comm, found));
    let mut found = found.ok_or_else(|| anyhow!("the answer of rank 0 is not whole: this is a defect of norna"))?;
    found.refusal = found.refusal.map(|refusal| format!("{refusal} (see {})", run.out.display()));
    Ok(found)
}

/// Everything up to the finished table; the report at rank 0.
fn find(
    session: &Session<'_>,
    workdir: &mut Option<Workdir>,
    reads: &ReadInput,
    options: &IdentityOptions,
) -> Result<Option<Report>> {
    if let Some(workdir) = workdir {
        workdir.make_private();
    }
    let study = consensus(session.comm, session.pool.install(|| Study::open(reads, options)))?;
    study.log();
    let job = IdentityJob { reads, sites: &study.sites, windows: &study.windows };
    let record = || study.record(session.options);
    let GridRun { cells, begun } = grid::run(session, workdir, record, &job, ("piling up", "sites"))?;
    session.stop.enter(Phase::Writing);
    let found = workdir.as_ref().map(|workdir| {
        let report = session.pool.install(|| study.report(&cells))?;
        workdir.check_still_free(&begun.orders.digest)?;
        write_private(&workdir.unfinished_output(), report.tsv().as_bytes())?;
        publish(&workdir.unfinished_output(), workdir.out())?;
        Ok::<_, anyhow::Error>(report)
    });
    let report = consensus(session.comm, found.transpose())?;
    drop(begun);
    if let Some(report) = &report {
        report.summary.lines().iter().for_each(|line| log::info!("{line}"));
        if let Some(refusal) = report.summary.refusal() {
            log::warn!("{refusal}");
        }
        log::info!("written: {} (individual-level data, readable by its owner only)", session.options.out.display());
    }
    if let Some(workdir) = workdir {
        workdir.remove();
    }
    Ok(report)
}

/// Writes a file that its owner alone can read.
fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = || -> std::io::Result<()> {
        let mut file = create_private(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    written().with_context(|| format!("{}", path.display()))
}

/// What every rank has open.
struct Study<'a> {
    reads: &'a ReadInput,
    panel: Panel,
    sites: Vec<Site>,
    names: SampleNames,
    /// Of each sample of the alignment files.
    columns: Vec<Option<usize>>,
    windows: Vec<Window>,
    thresholds: Thresholds,
}

impl<'a> Study<'a> {
    fn open(reads: &'a ReadInput, options: &IdentityOptions) -> Result<Self> {
        let names = options.pairs.as_deref().map(SampleNames::read).transpose()?.unwrap_or_default();
        let references: Vec<(&str, u32)> = reads.references().iter().map(|r| (r.name.as_str(), r.length)).collect();
        let mut panel = Panel::read(&options.panel, &references)?;
        let columns = names.columns(reads.samples(), &panel.samples);
        panel.warnings.extend(names.check(reads.samples(), &panel.samples)?);
        let site = |site: &crate::identity::PanelSite| Site {
            chrom: Arc::clone(&site.chrom),
            pos: site.pos,
            id: site.id.clone(),
            reference: site.reference,
            alternate: site.alternate,
        };
        let sites: Vec<Site> = panel.sites.iter().map(site).collect();
        check_reference(reads, &sites)?;
        let windows = windows(&references);
        Ok(Self { reads, panel, sites, names, columns, windows, thresholds: options.thresholds })
    }

    fn log(&self) {
        self.panel.messages.iter().for_each(|message| log::info!("{message}"));
        self.panel.warnings.iter().for_each(|message| log::warn!("{message}"));
        let told: Vec<String> = self.panel.counts.named().iter().map(|(name, n)| format!("{name} {n}")).collect();
        log::info!("sites of the VCF: {}", told.join(", "));
        let n_named = self.columns.iter().flatten().count();
        let n_samples = self.columns.len();
        log::info!(
            "{} of the alignment files, {n_named} of them in the VCF by name; {} of the VCF",
            count(n_samples as u64, "sample"),
            count(self.panel.samples.len() as u64, "sample")
        );
        if n_named == 0 {
            log::warn!("no sample has the name of one in the VCF: all are absent; --pairs says which is which");
        }
    }

    /// What makes this run the one that it is.
    fn record(&self, options: &RunOptions) -> Result<RunRecord> {
        let mut hasher = Sha256::new();
        for site in &self.sites {
            hasher.update(format!("{}:{}:{}:{};", site.chrom, site.pos, site.reference, site.alternate));
        }
        self.windows.iter().for_each(|window| hasher.update(format!("{window:?}")));
        let job = IdentityJob { reads: self.reads, sites: &self.sites, windows: &self.windows };
        let (n_chunks, n_batches) = grid::GridJob::shape(&job);
        let plan =
            PlanStamp { n_shards: n_chunks * n_batches, n_streams: 0, batch_bytes: 0, sha256: hex(&hasher.finalize()) };
        let mut inputs = input_stamps(&options.files)?;
        inputs.push(reads_stamp(self.reads)?);
        Ok(RunRecord::new(&options.resolved, inputs, plan))
    }

    /// Scores everyone, some batches at a time.
    fn report(&self, cells: &Cells) -> Result<Report> {
        let n_samples = self.reads.samples().len();
        let mut scored: Vec<Scored> = Vec::with_capacity(n_samples);
        let mut sexes: Vec<SexFromReads> = Vec::with_capacity(n_samples);
        let mut site_has_reads = vec![false; self.sites.len()];
        let (mut n_bases, mut n_other) = (0u64, 0u64);
        let mut batch_reads = Observations::default();
        let job = IdentityJob { reads: self.reads, sites: &self.sites, windows: &self.windows };
        for batch in 0..n_samples.div_ceil(BATCH) {
            let samples = job.samples(batch);
            batch_reads.reset(samples.len(), self.sites.len());
            let depths = self.take(cells, &job, batch, &mut batch_reads)?;
            for sample in 0..samples.len() {
                for (has_reads, read) in site_has_reads.iter_mut().zip(batch_reads.of_sample(sample)) {
                    *has_reads |= read.depth > 0;
                    n_bases += u64::from(read.depth);
                    n_other += u64::from(read.depth.saturating_sub(read.n_ref).saturating_sub(read.n_alt));
                }
            }
            let of_sample = |i: usize| {
                let own = self.columns[samples.start + i];
                score(&self.panel, own, batch_reads.of_sample(i), &self.thresholds)
            };
            scored.par_extend((0..samples.len()).into_par_iter().map(of_sample));
            sexes.extend(depths.iter().map(sex_from_depth));
        }
        if n_bases >= MIN_BASES && n_other as f64 > MAX_OTHER_BASES * n_bases as f64 {
            bail!(
                "{:.0} % of the bases at the VCF's sites are neither REF nor ALT: the VCF and the reads are of different genome \
                 builds; lift one over",
                100.0 * n_other as f64 / n_bases as f64
            );
        }
        let findings = Findings {
            samples: self.reads.samples(),
            vcf_samples: &self.panel.samples,
            names: &self.names,
            scored: &scored,
            sexes: &sexes,
            site_has_reads: &site_has_reads,
        };
        Ok(Report::new(&findings, &self.thresholds))
    }

    /// The observations of a batch, and its samples' reads by windows.
    fn take(
        &self,
        cells: &Cells,
        job: &IdentityJob<'_>,
        batch: usize,
        into: &mut Observations,
    ) -> Result<Vec<DepthCounts>> {
        let damaged = || anyhow!("a finished shard is not of this run's shape: this is a defect of norna");
        let n_samples = job.samples(batch).len();
        let bases = window_bases(&self.windows);
        let mut depths = vec![DepthCounts { reads: [0; 3], bases }; n_samples];
        let mut payload = Vec::new();
        for chunk in 0..job.n_site_chunks() {
            let mut is_whole = true;
            let first = job.sites_of(chunk).start;
            let take = |bytes: &[u8]| {
                is_whole &= into.take(first, bytes);
                Ok::<_, SpoolError>(())
            };
            cells.for_each_part((chunk, batch), &mut payload, take)?;
            if !is_whole {
                return Err(damaged());
            }
        }
        if !self.windows.is_empty() {
            let mut is_whole = true;
            let take = |bytes: &[u8]| {
                let (reads, rest) = bytes.as_chunks::<8>();
                is_whole &= rest.is_empty() && reads.len() == 3 * n_samples;
                for (n, place) in reads.iter().zip(depths.iter_mut().flat_map(|depth| &mut depth.reads)) {
                    *place = u64::from_le_bytes(*n);
                }
                Ok::<_, SpoolError>(())
            };
            cells.for_each_part((job.n_site_chunks(), batch), &mut payload, take)?;
            if !is_whole {
                return Err(damaged());
            }
        }
        Ok(depths)
    }
}

/// REF of every site against the reference, if one was given.
fn check_reference(reads: &ReadInput, sites: &[Site]) -> Result<()> {
    let Some(fasta) = reads.fasta() else { return Ok(()) };
    for site in sites {
        let found = fasta.fetch(&site.chrom, site.pos - 1..site.pos)?;
        let found = found.first().copied().unwrap_or(b'N');
        if found != site.reference {
            bail!(
                "--vcf: {}:{}: REF is {} where --fasta has {}: they are of different genome builds",
                site.chrom,
                site.pos,
                char::from(site.reference),
                char::from(found)
            );
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
