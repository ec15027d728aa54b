//! Where test data lie.

use std::path::{Path, PathBuf};

/// The top of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// A file of datasets/, which is always there.
pub fn dataset(path: &str) -> PathBuf {
    workspace().join("datasets").join(path)
}

/// The folder of test data: $NORNA_SHARED, or shared/ beside the repository.
pub fn shared() -> Option<PathBuf> {
    let chosen = std::env::var_os("NORNA_SHARED").map(PathBuf::from);
    let beside = workspace().parent().map(|above| above.join("shared"));
    chosen.or(beside).map(|top| top.join("data")).filter(|data| data.is_dir())
}

/// A file of the test data; ask `need!(Need::SharedData)` before.
pub fn shared_file(path: &str) -> PathBuf {
    shared().expect("checked by need!").join(path)
}
