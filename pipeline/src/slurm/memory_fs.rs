//! Folders that are memory, whatever the profile says: results there would go with the machine's next start.

use std::path::{Path, PathBuf};

/// Memory wherever Linux runs.
const ALWAYS: [&str; 2] = ["/dev/shm", "/run"];
const KINDS: [&str; 4] = ["tmpfs", "ramfs", "devtmpfs", "hugetlbfs"];

/// The folder in memory under which `path` lies, with its file system's type, such as "/dev/shm (tmpfs)".
pub fn memory_of(path: &Path) -> Option<String> {
    // Without a mount table the names alone tell.
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    memory_in(&table, &existing(path))
}

/// The nearest folder above `path` that is there, its links followed.
fn existing(path: &Path) -> PathBuf {
    let folders = path.ancestors().skip(1);
    folders.filter_map(|folder| std::fs::canonicalize(folder).ok()).next().unwrap_or_else(|| path.to_owned())
}

/// proc_pid_mountinfo(5): the fifth field is where, the one after " - " the type; of several mounts at one place the last counts.
fn memory_in(table: &str, folder: &Path) -> Option<String> {
    let mounts = table.lines().filter_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        Some((unescaped(mount.split(' ').nth(4)?), source.split(' ').next()?))
    });
    let under = mounts.filter(|(place, _)| folder.starts_with(place));
    let deepest = under.max_by_key(|(place, _)| Path::new(place).components().count());
    let in_memory = deepest.filter(|(_, kind)| KINDS.contains(kind)).map(|(place, kind)| format!("{place} ({kind})"));
    in_memory.or_else(|| ALWAYS.iter().find(|place| folder.starts_with(place)).map(|place| (*place).to_owned()))
}

/// Blanks and backslashes stand as octal numbers there.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (code, letter)| text.replace(code, letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\
        23 22 0:21 / /dev/shm rw,nosuid shared:3 - tmpfs tmpfs rw\n\
        24 22 0:22 / /my\\040ram rw - ramfs none rw\n\
        25 22 0:23 / /mnt rw - tmpfs none rw\n\
        26 25 0:24 / /mnt rw - nfs4 server:/home rw\n\
        27 25 0:25 / /mnt/lustre rw - lustre a rw\n\
        28 22 0:26 / /ram rw - tmpfs none rw\n\
        29 28 0:27 / /ram/disk rw - xfs /dev/sdb rw\n";

    #[test]
    fn the_deepest_and_last_mount_decides() {
        for (folder, expected) in [
            ("/home/me", None),
            ("/dev/shm/x", Some("/dev/shm (tmpfs)")),
            ("/my ram", Some("/my ram (ramfs)")),
            ("/my", None),
            ("/mnt/me", None),
            ("/mnt/lustre/x", None),
            ("/ram/x", Some("/ram (tmpfs)")),
            ("/ram/disk/x", None),
            ("/run/user/0", Some("/run")),
        ] {
            assert_eq!(memory_in(TABLE, Path::new(folder)).as_deref(), expected, "{folder}");
        }
    }

    #[test]
    fn links_and_folders_to_come_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let real = std::fs::canonicalize(dir.path()).unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("link")).unwrap();
        for path in ["link/r.h5", "new/r.h5"] {
            assert_eq!(existing(&dir.path().join(path)), real, "{path}");
        }
    }
}
