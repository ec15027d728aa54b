//! Frames read from any spool of a run, by where they lie.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::frame::{FrameError, FrameHeader, FrameKind, HEADER_LEN};
use super::spool::{SpoolError, hint};

/// Spools that a rank has open at a time: thousands of ranks have thousands of spools.
const MAX_OPEN: usize = 64;

/// The spools of a run, opened as they are read.
#[derive(Debug)]
pub struct SpoolReader {
    spools: Vec<PathBuf>,
    /// The spools that were read last, by number.
    open: Mutex<VecDeque<(u32, Arc<File>)>>,
}

impl SpoolReader {
    /// Of the spools `names` of `dir`, by number.
    pub fn new(dir: &Path, names: &[String]) -> Self {
        Self { spools: names.iter().map(|name| dir.join(name)).collect(), open: Mutex::default() }
    }

    /// Whether there is a spool of that number.
    pub fn has(&self, spool: u32) -> bool {
        (spool as usize) < self.spools.len()
    }

    /// Reads and verifies a frame into `payload`, which only grows; its length.
    ///
    /// # Errors
    /// [`SpoolError::Read`] for a frame that does not verify.
    pub fn read_frame(
        &self,
        (spool, offset): (u32, u64),
        kind: FrameKind,
        payload: &mut Vec<u8>,
    ) -> Result<usize, SpoolError> {
        let fail = |what: &dyn std::fmt::Display| self.error((spool, offset), what);
        let file = self.file(spool).map_err(|e| fail(&format!("{e}{}", hint(&e))))?;
        let mut head = [0; HEADER_LEN];
        file.read_exact_at(&mut head, offset).map_err(|e| fail(&torn(e)))?;
        let header = FrameHeader::parse(&head).map_err(|e| fail(&e))?;
        let at = offset + HEADER_LEN as u64;
        let inside = file.metadata().is_ok_and(|meta| meta.len() >= at.saturating_add(header.len));
        if header.kind != kind || !inside {
            return Err(fail(if inside { &FrameError::Foreign } else { &FrameError::Torn }));
        }
        let len = header.len as usize;
        if payload.len() < len {
            payload.resize(len, 0);
        }
        file.read_exact_at(&mut payload[..len], at).map_err(|e| fail(&torn(e)))?;
        if header.matches(&payload[..len]) { Ok(len) } else { Err(fail(&FrameError::Corrupt)) }
    }

    /// The spool, opened if it is not one of the last [`MAX_OPEN`].
    fn file(&self, spool: u32) -> io::Result<Arc<File>> {
        let find = |open: &VecDeque<(u32, Arc<File>)>| {
            open.iter().find(|(number, _)| *number == spool).map(|(_, file)| Arc::clone(file))
        };
        if let Some(file) = find(&self.open.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(file);
        }
        let file = Arc::new(File::open(&self.spools[spool as usize])?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_OPEN {
            open.pop_front();
        }
        open.push_back((spool, Arc::clone(&file)));
        Ok(file)
    }

    /// Why what lies at a place of a spool cannot be used.
    pub fn error(&self, (spool, offset): (u32, u64), what: &dyn std::fmt::Display) -> SpoolError {
        read_error(&self.spools[spool as usize], offset, what)
    }
}

fn torn(error: io::Error) -> FrameError {
    if error.kind() == io::ErrorKind::UnexpectedEof { FrameError::Torn } else { FrameError::Io(error) }
}

pub(super) fn read_error(path: &Path, offset: u64, what: &dyn std::fmt::Display) -> SpoolError {
    SpoolError::Read { path: path.to_owned(), offset, what: what.to_string() }
}
