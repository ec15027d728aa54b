//! The profiles that norna carries, so that nothing has to be found or fetched on a cluster.

use std::path::Path;

use super::profile::{Profile, ProfileError};

/// Name and text of each, by name.
pub const BUILT_IN: [(&str, &str); 10] = [
    ("arrhenius", include_str!("../../../slurm/profiles/arrhenius.toml")),
    ("bianca", include_str!("../../../slurm/profiles/bianca.toml")),
    ("dardel", include_str!("../../../slurm/profiles/dardel.toml")),
    ("generic", include_str!("../../../slurm/profiles/generic.toml")),
    ("kebnekaise", include_str!("../../../slurm/profiles/kebnekaise.toml")),
    ("leonardo-dcgp", include_str!("../../../slurm/profiles/leonardo-dcgp.toml")),
    ("local", include_str!("../../../slurm/profiles/local.toml")),
    ("lumi-c", include_str!("../../../slurm/profiles/lumi-c.toml")),
    ("mn5-gpp", include_str!("../../../slurm/profiles/mn5-gpp.toml")),
    ("pelle", include_str!("../../../slurm/profiles/pelle.toml")),
];

/// The profile called `name`, or in the file `name` if that ends in .toml; with its TOML text.
///
/// # Errors
/// No such name, or a file that is no profile.
pub fn find(name: &str) -> Result<(Profile, String), ProfileError> {
    if name.ends_with(".toml") {
        let path = Path::new(name);
        let text =
            std::fs::read_to_string(path).map_err(|error| ProfileError::Read { path: path.to_owned(), error })?;
        return Ok((Profile::parse(name, &text)?, text));
    }
    let alike = |built_in: &&(&str, &str)| strsim::jaro_winkler(name, built_in.0);
    if let Some((_, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
        return Ok((Profile::parse(name, text)?, (*text).to_owned()));
    }
    let what = match Path::new(name) {
        _ if name.trim().is_empty() => Some("is empty"),
        path if path.is_dir() => Some("is a folder"),
        path if path.is_file() || name.contains('/') => Some("is a path that does not end in .toml"),
        _ => None,
    };
    if let Some(what) = what {
        return Err(ProfileError::NoProfile { name: name.to_owned(), what });
    }
    let near = BUILT_IN.iter().max_by(|a, b| alike(a).total_cmp(&alike(b))).map_or("", |(near, _)| near);
    Err(ProfileError::Unknown { name: name.to_owned(), near: near.to_owned() })
}

/// Every built-in profile.
///
/// # Errors
/// One that cannot be read, which a test rules out.
pub fn all() -> Result<Vec<Profile>, ProfileError> {
    BUILT_IN.iter().map(|(name, text)| Profile::parse(name, text)).collect()
}
