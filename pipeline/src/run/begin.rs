//! How a run begins: rank 0 makes the folder the run's, tells everybody which run it is, and each rank opens its spool.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};

use super::attempt::Heart;
use super::join::{self, JoinError};
use super::run_record::{InputStamp, RunRecord};
use super::session::Session;
use super::workdir::{self, Adopted, Workdir};
use crate::comm::{broadcast, consensus};
use crate::sink::spool::{SpoolWriter, Writer, rank_spool, spool_names, unix_seconds};

/// What rank 0 tells all ranks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Orders {
    /// The results stand already.
    pub is_done: bool,
    /// There are spools to go on with.
    pub goes_on: bool,
    /// The run's digest.
    pub digest: String,
    /// The mark of its frames.
    pub stamp: u64,
    /// How often it was begun; 0 for jobs side by side.
    pub attempt: u32,
    /// All its spools, those of this attempt's ranks among them; a spool's number is its place here.
    pub spools: Vec<String>,
}

/// What a rank has once it has begun.
pub struct Begun {
    /// What rank 0 said.
    pub orders: Orders,
    /// This rank's spool.
    pub spool: Arc<Mutex<SpoolWriter>>,
    /// Its name.
    pub spool_name: String,
    /// Its number.
    pub spool_number: u32,
    /// Gives signs of life.
    _heart: Option<Arc<Heart>>,
}

impl Begun {
    /// The same, with its number among other names.
    pub fn renumbered(&self, spools: &[String]) -> Self {
        let number = spools.iter().position(|name| *name == self.spool_name).unwrap_or_default();
        Self {
            orders: self.orders.clone(),
            spool: Arc::clone(&self.spool),
            spool_name: self.spool_name.clone(),
            spool_number: number as u32,
            _heart: self._heart.clone(),
        }
    }
}

/// Begins; none where the results stand already. `record`, asked for on rank 0: what makes the run the one that it is.
///
/// # Errors
/// One line, the same on every rank.
pub fn begin(
    session: &Session<'_>,
    workdir: Option<&mut Workdir>,
    record: impl FnOnce() -> Result<RunRecord>,
) -> Result<Option<Begun>> {
    let (options, comm) = (session.options, session.comm);
    let mut turn = None;
    let orders = workdir.map(|workdir| {
        let orders = adopt(session, record()?, workdir)?;
        turn = workdir.attempt().cloned().map(|attempt| (attempt, workdir.dir().to_owned()));
        Ok::<_, anyhow::Error>(orders)
    });
    let orders = consensus(comm, orders.transpose())?.unwrap_or_default();
    let orders: Result<Orders, _> =
        serde_json::from_slice(&broadcast(comm, serde_json::to_vec(&orders).unwrap_or_default()));
    let orders = consensus(comm, orders)?;
    if orders.is_done {
        return Ok(None);
    }
    let writer = Writer {
        stamp: orders.stamp,
        attempt: orders.attempt,
        rank: comm.rank() as u32,
        n_ranks: comm.size() as u32,
        threads: session.threads() as u32,
        began: unix_seconds(),
        job: std::env::var("SLURM_JOB_ID").unwrap_or_default(),
    };
    let dir = workdir::folder_of(&options.out);
    let opened = if options.manner.join {
        join::open_spool(&dir, &writer)
    } else {
        let name = rank_spool(comm.rank());
        SpoolWriter::open(&dir, &name, &writer).map(|spool| (spool, name)).map_err(JoinError::from)
    };
    let (spool, spool_name) = consensus(comm, opened)?;
    let spool_number = orders.spools.iter().position(|name| *name == spool_name).unwrap_or_default() as u32;
    let spool = Arc::new(Mutex::new(spool));
    let heart = session.is_root().then(|| Heart::start(Arc::clone(&spool), turn, Arc::clone(session.stop)));
    let heart = consensus(comm, heart.transpose())?.map(Arc::new);
    Ok(Some(Begun { orders, spool, spool_name, spool_number, _heart: heart }))
}

/// What tells the input files from others.
///
/// # Errors
/// One of them cannot be read.
pub fn input_stamps(files: &[(&'static str, PathBuf)]) -> Result<Vec<InputStamp>> {
    let stamp = |(role, path): &(&'static str, PathBuf)| {
        InputStamp::of(role, path).map_err(|e| anyhow!("{}: {e}", path.display()))
    };
    files.iter().map(stamp).collect()
}

fn adopt(session: &Session<'_>, mut run: RunRecord, workdir: &mut Workdir) -> Result<Orders> {
    run.command = session.options.command.clone();
    run.folder = std::env::current_dir().map_err(|e| anyhow!("the current folder: {e}"))?;
    let adopted = workdir.adopt(&run)?;
    let mut spools = spool_names(workdir.dir()).map_err(|e| anyhow!("{}: {e}", workdir.dir().display()))?;
    for rank in 0..session.comm.size() {
        let name = rank_spool(rank);
        if !session.options.manner.join && !spools.contains(&name) {
            spools.push(name);
        }
    }
    Ok(Orders {
        is_done: adopted == Adopted::Done,
        goes_on: adopted == Adopted::Spools,
        stamp: run.stamp(),
        digest: run.digest,
        attempt: workdir.attempt().map_or(0, |attempt| attempt.number),
        spools,
    })
}
