//! Where a table goes: standard output, or a file made under a temporary name so that one which exists is whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::ExportError;
use super::replace::Replace;
use crate::format::bgzip::BgzipWriter;

/// An open output; dropped without [`finish`](Self::finish), it leaves no file.
pub struct Output {
    sink: Option<Sink>,
    /// The temporary name and the final one.
    names: Option<(PathBuf, PathBuf)>,
}

enum Sink {
    Stdout(BufWriter<StdoutLock<'static>>),
    Plain(BufWriter<File>),
    Bgzip(BgzipWriter<BufWriter<File>>),
}

impl Output {
    /// Opens `path`: "-" is standard output, ".gz" or ".bgz" at the end means bgzip. A file that exists is refused
    /// unless it may be replaced, a symbolic link is followed, devices and pipes are written to as they are.
    pub fn create(path: &Path, replace: Replace) -> Result<Self, ExportError> {
        if ["-", "/dev/stdout"].iter().any(|stdout| path == Path::new(stdout)) {
            let sink = Sink::Stdout(BufWriter::with_capacity(1 << 16, io::stdout().lock()));
            return Ok(Self { sink: Some(sink), names: None });
        }
        if let Ok(metadata) = fs::metadata(path) {
            let kind = metadata.file_type();
            let refused = |what| Err(ExportError::NotAFile { path: path.to_path_buf(), what });
            if kind.is_char_device() || kind.is_fifo() {
                let file = File::options().write(true).open(path).map_err(|error| ExportError::write(path, error))?;
                return Ok(Self { sink: Some(Sink::plain_or_bgzip(path, file)), names: None });
            } else if kind.is_dir() {
                return refused("it is a folder");
            } else if !kind.is_file() {
                return refused("it is a socket or a disk");
            }
            replace.allow(path)?;
        }
        Self::create_hidden(&target(path)?)
    }

    fn create_hidden(path: &Path) -> Result<Self, ExportError> {
        let temporary = hidden_name(path)?;
        let file = File::create(&temporary).map_err(|error| ExportError::write(path, error))?;
        let sink = Sink::plain_or_bgzip(path, file);
        Ok(Self { sink: Some(sink), names: Some((temporary, path.to_path_buf())) })
    }

    /// Writes what waits, syncs and gives the file its name.
    pub fn finish(mut self) -> Result<(), ExportError> {
        let shown = self.names.as_ref().map_or(PathBuf::from("-"), |(_, path)| path.clone());
        let Some(sink) = self.sink.take() else { return Ok(()) };
        sink.close().map_err(|error| ExportError::write(&shown, error))?;
        if let Some((temporary, path)) = &self.names {
            crate::store::publish(temporary, path)?;
        }
        self.names = None;
        Ok(())
    }
}

/// The file that is meant: a symbolic link is followed.
pub(super) fn target(path: &Path) -> Result<PathBuf, ExportError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => {
            fs::canonicalize(path).map_err(|error| ExportError::write(path, error))
        }
        _ => Ok(path.to_path_buf()),
    }
}

/// The name under which `path` is made: beside it, with a dot in front.
pub(super) fn hidden_name(path: &Path) -> Result<PathBuf, ExportError> {
    let Some(name) = path.file_name() else {
        return Err(ExportError::write(path, io::Error::other("not the name of a file")));
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.tmp", std::process::id()));
    Ok(path.with_file_name(hidden))
}

/// Whether `path` gets a table that can have an index beside it: compressed by its name, and no device or pipe.
pub fn can_be_indexed(path: &Path) -> bool {
    is_compressed(path) && fs::metadata(path).map_or(true, |metadata| metadata.is_file())
}

fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "gz" || end == "bgz")
}

/// Refuses an output that is the input: the same file, by whatever name.
pub fn refuse_input(input: &Path, output: &Path) -> Result<(), ExportError> {
    let identity = |path: &Path| fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    match (identity(input), identity(output)) {
        (Some(input), Some(found)) if input == found => Err(ExportError::IsInput { path: output.to_path_buf() }),
        _ => Ok(()),
    }
}

impl Sink {
    fn plain_or_bgzip(path: &Path, file: File) -> Self {
        let file = BufWriter::with_capacity(1 << 16, file);
        if is_compressed(path) { Self::Bgzip(BgzipWriter::new(file)) } else { Self::Plain(file) }
    }

    fn close(self) -> io::Result<()> {
        match self {
            Self::Stdout(mut sink) => sink.flush(),
            Self::Plain(mut sink) => sink.flush(),
            Self::Bgzip(sink) => sink.finish()?.flush(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Some(Sink::Stdout(sink)) => sink.write(bytes),
            Some(Sink::Plain(sink)) => sink.write(bytes),
            Some(Sink::Bgzip(sink)) => sink.write(bytes),
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Some(Sink::Stdout(sink)) => sink.flush(),
            Some(Sink::Plain(sink)) => sink.flush(),
            Some(Sink::Bgzip(sink)) => sink.flush(),
            None => Ok(()),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.sink = None;
        if let Some((temporary, _)) = &self.names {
            // Nothing to do if it is gone already.
            let _ = fs::remove_file(temporary);
        }
    }
}

/// Whether an error says that nobody reads our output any more (`| head`): an end, not a failure.
pub fn is_closed_pipe(error: &ExportError) -> bool {
    matches!(error, ExportError::Write { cause, .. } if cause.kind() == io::ErrorKind::BrokenPipe)
}
