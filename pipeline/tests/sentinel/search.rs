//! Looks for names in files, inside what is compressed too.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::support::tools::python_env;

/// Stands in every name, and nowhere else.
pub const SENTINEL: &str = "ZQSENTINEL";

/// Whether the word is among the bytes, in any case.
pub fn holds(bytes: &[u8]) -> bool {
    bytes.windows(SENTINEL.len()).any(|window| window.eq_ignore_ascii_case(SENTINEL.as_bytes()))
}

/// Permissions of a file.
pub fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Files and folders under `folder` whose name or content has the word, relative to it.
pub fn files_with_names(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    let mut n_files = 0;
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let in_name = holds(path.file_name().unwrap().as_encoded_bytes());
            if path.is_dir() {
                folders.push(path.clone());
            } else {
                n_files += 1;
            }
            if in_name || (path.is_file() && holds(&content(&path))) {
                found.push(path.strip_prefix(folder).unwrap().to_path_buf());
            }
        }
    }
    assert!(n_files > 0, "nothing lies in {}", folder.display());
    found
}

/// The bytes of a file, and behind them what they hold compressed.
fn content(path: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(path).unwrap();
    if bytes.starts_with(b"\x1f\x8b") {
        bytes.extend(output(Command::new("gzip").arg("-dc").arg(path)));
    } else if bytes.starts_with(b"PAR1") {
        let program = "import sys, pyarrow.parquet as p; f = p.ParquetFile(sys.argv[1]); print(f.metadata.metadata); \
                       [print(b.to_pydict()) for b in f.iter_batches()]";
        bytes.extend(output(Command::new(python_env("recipes").join("python")).args(["-c", program]).arg(path)));
    }
    bytes
}

fn output(command: &mut Command) -> Vec<u8> {
    let done = command.stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}
