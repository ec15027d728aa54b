//! `norna reads`: what reads show at sites, as a BCF file.

use std::path::Path;

use anyhow::{Result, bail};

use super::super::begin::input_stamps;
use super::super::grid::{self, GridJob};
use super::super::options::RunOptions;
use super::super::run_record::{PlanStamp, RunRecord};
use super::super::session::{self, Session};
use super::super::stop::Phase;
use super::super::workdir::Workdir;
use super::bcf::GlBcf;
use super::{
    LikelihoodJob, PILING_UP, check_bases, default_batch, open_sites, piece_sites, reads_stamp, site_shard_bytes,
};
use crate::comm::consensus;
use crate::report::resources::{Resources, human_bytes};
use crate::report::words::count;
use crate::source::InputOptions;
use crate::source::reads::{ReadInput, ReadsOptions};
use crate::store::publish;

/// A validated `norna reads`.
#[derive(Debug)]
pub struct ReadsCommand {
    /// Output, and how the run comes to it.
    pub run: RunOptions,
    /// Alignment files and filters.
    pub reads: ReadsOptions,
    /// Sites.
    pub sites: InputOptions,
    /// Samples of a batch; from their number otherwise.
    pub batch: Option<usize>,
    /// Compressed bytes of sites of a shard; from the size of the files otherwise.
    pub shard_bytes: Option<u64>,
    /// Level of compression.
    pub level: u8,
}

/// Runs `norna reads` on this rank.
///
/// # Errors
/// As the main job's.
pub fn run(command: &ReadsCommand) -> Result<()> {
    session::run(&command.run, |session, workdir| run_rank(command, session, workdir))
}

fn run_rank(command: &ReadsCommand, session: &Session<'_>, workdir: &mut Option<Workdir>) -> Result<()> {
    let comm = session.comm;
    workdir.iter().for_each(Workdir::make_private);
    consensus(comm, workdir.as_ref().map_or(Ok(()), |workdir| check_index(workdir.out())))?;
    log::info!("opening the files of reads");
    let reads = consensus(comm, ReadInput::open(&command.reads))?;
    let sites = consensus(comm, open_sites(&command.sites, &reads))?;
    reads.messages().iter().chain(sites.messages()).for_each(|m| log::info!("{m}"));
    reads.warnings().iter().chain(sites.warnings()).for_each(|m| log::warn!("{m}"));
    check_bases(session, &reads, &sites)?;
    let bytes = consensus(comm, sites.input().estimate())?.bytes;
    let plan = consensus(comm, sites.plan(command.shard_bytes.unwrap_or_else(|| site_shard_bytes(bytes))))?;
    let n_samples = reads.samples().len();
    let (batch, piece) = (command.batch.unwrap_or_else(|| default_batch(n_samples)), piece_sites(n_samples));
    let job = LikelihoodJob { reads: &reads, sites: &sites, plan: &plan, batch, piece };
    let record = || {
        let mut inputs = input_stamps(&command.run.files)?;
        inputs.push(reads_stamp(&reads)?);
        Ok(RunRecord::new(&command.run.resolved, inputs, PlanStamp::of_grid(&plan, job.batch, job.shape().1)))
    };
    let grid = grid::run(session, workdir, record, &job, PILING_UP)?;
    session.stop.enter(Phase::Writing);
    let written = workdir.as_mut().map(|workdir| {
        log::info!("writing {}", count(n_samples as u64, "sample"));
        let gl = GlBcf {
            reads: &reads,
            sites: &sites,
            plan: &plan,
            cells: &grid.cells,
            batch: job.batch,
            piece,
            source: format!("reads {}", crate::report::provenance::version()),
            level: command.level,
            threads: session.threads(),
        };
        write(&gl, workdir, &grid.begun.orders.digest)
    });
    let written = consensus(comm, written.transpose())?;
    session.stop.enter(Phase::Done);
    drop(grid.begun);
    if let (Some(n_records), Some(workdir)) = (written, workdir) {
        job.log(&grid.cells);
        summary(command, session, n_records);
        workdir.remove();
    }
    Ok(())
}

fn write(gl: &GlBcf<'_>, workdir: &Workdir, digest: &str) -> Result<u64> {
    let (bcf, csi) = (workdir.dir().join("unfinished.bcf"), workdir.dir().join("unfinished.bcf.csi"));
    let n_records = gl.write(&bcf, &csi)?;
    workdir.check_still_free(digest)?;
    let out = workdir.out();
    publish(&csi, &with_csi(out))?;
    publish(&bcf, out)?;
    Ok(n_records)
}

/// The index beside `out`.
fn with_csi(out: &Path) -> std::path::PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".csi");
    name.into()
}

/// Refuses an index beside an output that is not there: it is somebody else's.
fn check_index(out: &Path) -> Result<()> {
    let index = with_csi(out);
    if index.exists() && !out.exists() {
        bail!("{}: exists, without {}: move it away or choose another --out", index.display(), out.display());
    }
    Ok(())
}

fn summary(command: &ReadsCommand, session: &Session<'_>, n_records: u64) {
    let bytes = std::fs::metadata(&command.run.out).map_or(0, |meta| meta.len());
    let used = Resources::now();
    log::info!(
        "{}: {}, {}; {:.1} s, {:.1} s CPU on this rank, {} of memory at the peak",
        command.run.out.display(),
        count(n_records, "site"),
        human_bytes(bytes),
        session.start.elapsed().as_secs_f64(),
        used.cpu_seconds,
        human_bytes(used.peak_memory)
    );
}
