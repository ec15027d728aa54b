//! Paths that only one node sees: results there would go with the job.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// The entry of `places` (folders, or `$VARIABLES` that name one) under which `path` lies; variables are looked up by
/// `value`, and a path that spells one out counts as well.
pub fn place_of<'a>(path: &Path, places: &'a [String], value: &dyn Fn(&str) -> Option<OsString>) -> Option<&'a str> {
    let paths = [plain(path), real(path)];
    let under = |place: &&String| match place.strip_prefix('$') {
        None => paths.iter().any(|path| path.starts_with(place.as_str())),
        Some(name) => {
            let braces = format!("${{{name}}}");
            let named = |part: Component<'_>| part.as_os_str() == place.as_str() || part.as_os_str() == braces.as_str();
            let folder = value(name).filter(|folder| !folder.is_empty() && folder != "/").map(PathBuf::from);
            path.components().any(named)
                || folder.is_some_and(|folder| paths.iter().any(|path| path.starts_with(&folder)))
        }
    };
    places.iter().find(under).map(String::as_str)
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// With the links of its folder followed.
fn real(path: &Path) -> PathBuf {
    let folder = path.parent().and_then(|folder| std::fs::canonicalize(folder).ok());
    folder.unwrap_or_else(|| plain(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_under_ram_or_a_nodes_disk_are_found() {
        let places = ["/tmp".to_owned(), "$SNIC_TMP".to_owned()];
        let value = |name: &str| (name == "SNIC_TMP").then(|| OsString::from("/scratch/local/77"));
        let place = |path: &str| place_of(Path::new(path), &places, &value);
        for (path, expected) in [
            ("/tmp/r.h5", Some("/tmp")),
            ("/proj/../tmp/r.h5", Some("/tmp")),
            ("/tmpfs/r.h5", None),
            ("/proj/x/r.h5", None),
            ("/scratch/local/77/r.h5", Some("$SNIC_TMP")),
            ("/scratch/local/778/r.h5", None),
            ("/home/me/$SNIC_TMP/r.h5", Some("$SNIC_TMP")),
            ("/home/me/${SNIC_TMP}/r.h5", Some("$SNIC_TMP")),
        ] {
            assert_eq!(place(path), expected, "{path}");
        }
    }

    #[test]
    fn links_to_such_places_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (ram, home) = (dir.path().join("ram"), dir.path().join("home"));
        std::fs::create_dir(&ram).unwrap();
        std::os::unix::fs::symlink(&ram, &home).unwrap();
        let places = [std::fs::canonicalize(&ram).unwrap().to_str().unwrap().to_owned()];
        assert!(place_of(&home.join("r.h5"), &places, &|_| None).is_some());
    }
}
