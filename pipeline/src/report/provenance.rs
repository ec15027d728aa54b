//! What was run, on what, with what: enough to run it again, without paths, users or hosts.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Bytes of a file's head that its digest covers: input can be terabytes.
const HEAD: u64 = 1 << 20;

/// An input file as it was when it was opened.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct InputFile {
    /// What it was given as: "vcf", "pheno", ...
    pub role: &'static str,
    /// Its name without folders.
    pub name: String,
    /// Its size in bytes; absent for a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// SHA-256 of its first MiB, of all of it when it is no longer; absent for a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256_head: Option<String>,
    /// SHA-256 of all of it, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl InputFile {
    /// Describes a file; "-" is standard input.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn describe(role: &'static str, path: &Path) -> io::Result<Self> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let meta = if name == "-" { None } else { Some(std::fs::metadata(path)?) };
        let Some(meta) = meta.filter(std::fs::Metadata::is_file) else {
            return Ok(Self { role, name, bytes: None, sha256_head: None, sha256: None });
        };
        let mut head = Vec::new();
        File::open(path)?.take(HEAD).read_to_end(&mut head)?;
        let digest = Sha256::digest(&head);
        let sha256_head = hex(&digest);
        Ok(Self { role, name, bytes: Some(meta.len()), sha256_head: Some(sha256_head), sha256: None })
    }

    /// With the digest of the whole file, unless it is a stream.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn with_whole_digest(mut self, path: &Path) -> io::Result<Self> {
        if self.bytes.is_some() {
            let (mut file, mut hasher, mut buffer) = (File::open(path)?, Sha256::new(), vec![0; 1 << 20]);
            loop {
                match file.read(&mut buffer)? {
                    0 => break,
                    n => hasher.update(&buffer[..n]),
                }
            }
            self.sha256 = Some(hex(&hasher.finalize()));
        }
        Ok(self)
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How this program was built.
pub fn version() -> &'static str {
    if cfg!(feature = "mpi") {
        concat!(env!("CARGO_PKG_VERSION"), " (with MPI)")
    } else {
        concat!(env!("CARGO_PKG_VERSION"), " (without MPI: one process only)")
    }
}
