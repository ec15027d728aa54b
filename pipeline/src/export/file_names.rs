//! Names of files out of names of traits: any text is a trait's name, and not every text is a file's.

use std::collections::BTreeMap;

use super::ExportError;

/// Bytes of a trait's part of a file's name at most; systems take 255 with what stands around it.
const MOST: usize = 180;

/// The trait's name with what a file's name cannot hold, or a shell would trip over, as `_`: letters, digits and `-_.+@=,` stay.
pub fn safe_name(name: &str) -> String {
    let stays = |c: char| c.is_alphanumeric() || "-_.+@=,".contains(c);
    let mut safe: String = name.chars().map(|c| if stays(c) { c } else { '_' }).collect();
    while safe.len() > MOST {
        safe.pop();
    }
    if safe.is_empty() { "_".to_owned() } else { safe }
}

/// A safe name for each trait. Where two come out alike (file systems that know no capitals are thought of), the later ones
/// get `-2`, `-3` and so on.
///
/// # Errors
/// [`ExportError::SameFile`] where that is somebody's name too.
pub fn safe_names(traits: &[&str]) -> Result<Vec<String>, ExportError> {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    let mut names = Vec::with_capacity(traits.len());
    for &name in traits {
        let safe = safe_name(name);
        let n = times.entry(safe.to_lowercase()).or_default();
        *n += 1;
        let file = if *n == 1 { safe } else { format!("{safe}-{n}") };
        if let Some(other) = owners.insert(file.to_lowercase(), name) {
            return Err(ExportError::SameFile { a: other.to_owned(), b: name.to_owned(), file });
        }
        names.push(file);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_each_its_own() {
        assert_eq!(
            safe_names(&["IL6", "a/b", "a b", "../x", "", "日本", "il6"]).unwrap(),
            ["IL6", "a_b", "a_b-2", ".._x", "_", "日本", "il6-2"]
        );
        assert!(safe_names(&["a/", "a|", "a_-2"]).is_err());
        assert!(safe_name(&"日".repeat(200)).len() <= MOST);
        assert_eq!(safe_name("tab\tnew\nline"), "tab_new_line");
    }
}
