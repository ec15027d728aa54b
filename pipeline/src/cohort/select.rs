//! Choosing columns by name, list and glob (`--pheno-name`, `--covar-name`, `--covar-cat`).

use std::collections::HashMap;

use globset::{GlobBuilder, GlobMatcher};

use super::error::CohortError;

/// Patterns of one option. An empty list chooses every column.
#[derive(Debug)]
pub struct Selector {
    option: &'static str,
    parts: Vec<Part>,
    literals: HashMap<String, Vec<usize>>,
    globs: Vec<(GlobMatcher, usize)>,
    chooses_all: bool,
    seen: Vec<String>,
}

#[derive(Debug)]
struct Part {
    text: String,
    is_used: bool,
    /// The whole argument that the part was cut from, when it held a comma: a column of that very name will do.
    whole: Option<usize>,
    is_whole: bool,
    bad: Option<String>,
}

impl Selector {
    /// `patterns`: each a name, a glob (`*`, `?`, `[a-c]`, `{a,b}`), or several separated by commas. A column whose name
    /// is the pattern letter for letter is always chosen, so names with `[` or commas can be given as they are.
    pub fn new(option: &'static str, patterns: &[String]) -> Self {
        let mut selector = Self {
            option,
            parts: Vec::new(),
            literals: HashMap::new(),
            globs: Vec::new(),
            chooses_all: patterns.is_empty(),
            seen: Vec::new(),
        };
        for pattern in patterns {
            let parts = split_commas(pattern);
            let whole = (parts.len() > 1).then(|| selector.add(pattern, None, true));
            for part in parts {
                if !part.is_empty() {
                    selector.add(part, whole, false);
                }
            }
        }
        selector
    }

    fn add(&mut self, text: &str, whole: Option<usize>, is_whole: bool) -> usize {
        let idx = self.parts.len();
        let mut bad = None;
        if !is_whole && text.contains(['*', '?', '[', '{']) {
            match GlobBuilder::new(text).build() {
                Ok(glob) => self.globs.push((glob.compile_matcher(), idx)),
                Err(error) => bad = Some(error.kind().to_string()),
            }
        }
        self.literals.entry(text.to_string()).or_default().push(idx);
        self.parts.push(Part { text: text.to_string(), is_used: false, whole, is_whole, bad });
        idx
    }

    /// The option's name, for messages.
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// Whether a column is chosen; remembers which patterns have matched.
    pub fn chooses(&mut self, name: &str) -> bool {
        if self.chooses_all {
            return true;
        }
        self.seen.push(name.to_string());
        let mut is_chosen = false;
        for &idx in self.literals.get(name).map_or(&[][..], Vec::as_slice) {
            self.parts[idx].is_used = true;
            is_chosen = true;
        }
        for (glob, idx) in &self.globs {
            if glob.is_match(name) {
                self.parts[*idx].is_used = true;
                is_chosen = true;
            }
        }
        is_chosen
    }

    /// After all files: an error for the first pattern that matched nothing. `is_private`: names that must not be
    /// shown (sample IDs, when a table lies on its side).
    pub fn finish(&self, is_private: impl Fn(&str) -> bool) -> Result<(), CohortError> {
        let unused = self.parts.iter().find(|part| {
            let whole_is_used = part.whole.is_some_and(|idx| self.parts[idx].is_used);
            !part.is_used && !part.is_whole && !whole_is_used
        });
        let Some(part) = unused else { return Ok(()) };
        let (option, pattern) = (self.option, part.text.clone());
        if let Some(reason) = &part.bad {
            return Err(CohortError::BadPattern { option, pattern, reason: reason.clone() });
        }
        let near = near_names(&part.text, self.seen.iter().filter(|name| !is_private(name)));
        Err(CohortError::NoSuchColumn { option, pattern, near })
    }
}

/// Cuts at commas outside `{}` and `[]`.
fn split_commas(pattern: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0i32, 0);
    for (i, byte) in pattern.bytes().enumerate() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b',' if depth <= 0 => {
                parts.push(pattern[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(pattern[start..].trim());
    parts
}

fn near_names<'a>(pattern: &str, names: impl Iterator<Item = &'a String>) -> String {
    let wanted = pattern.to_lowercase();
    let stem = wanted.trim_matches(['*', '?']);
    let mut near: Vec<(f64, &str)> = names
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let mut score = strsim::jaro_winkler(&wanted, &lower);
            if lower == wanted {
                score = 2.0;
            } else if stem.len() >= 2 && lower.contains(stem) {
                score += 0.5;
            }
            (score >= 0.75).then_some((score, name.as_str()))
        })
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.dedup_by(|a, b| a.1 == b.1);
    let near: Vec<String> = near.iter().take(3).map(|(_, name)| format!("'{name}'")).collect();
    if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(patterns: &[&str], names: &[&str]) -> Result<Vec<String>, String> {
        let patterns: Vec<String> = patterns.iter().map(|p| p.to_string()).collect();
        let mut selector = Selector::new("--pheno-name", &patterns);
        let chosen = names.iter().filter(|name| selector.chooses(name)).map(|name| name.to_string()).collect();
        selector.finish(|_| false).map_err(|error| error.to_string())?;
        Ok(chosen)
    }

    #[test]
    fn lists_and_globs_choose_in_file_order() {
        let names = ["bmi", "IL6", "IL6R", "IL8", "height"];
        assert_eq!(choose(&[], &names).unwrap().len(), 5);
        assert_eq!(choose(&["height,bmi"], &names).unwrap(), ["bmi", "height"]);
        assert_eq!(choose(&["height", "IL*"], &names).unwrap(), ["IL6", "IL6R", "IL8", "height"]);
        assert_eq!(choose(&["IL[6-7]", "{bmi,height}"], &names).unwrap(), ["bmi", "IL6", "height"]);
        assert_eq!(choose(&["IL?"], &names).unwrap(), ["IL6", "IL8"]);
    }

    #[test]
    fn a_name_is_taken_letter_for_letter() {
        assert_eq!(choose(&["a[1]"], &["a[1]", "b"]).unwrap(), ["a[1]"]);
        assert_eq!(choose(&["a, b"], &["a, b", "c"]).unwrap(), ["a, b"]);
        assert_eq!(choose(&["a[1"], &["a[1", "c"]).unwrap(), ["a[1"]);
    }

    #[test]
    fn what_matches_nothing_is_named_with_near_names() {
        let message = choose(&["BMI,hieght"], &["bmi", "height", "x"]).unwrap_err();
        assert_eq!(message, "--pheno-name: no column matches 'BMI'; near it: 'bmi'");
        let message = choose(&["hieght"], &["bmi", "height", "x"]).unwrap_err();
        assert_eq!(message, "--pheno-name: no column matches 'hieght'; near it: 'height'");
        assert_eq!(choose(&["zz*"], &["bmi"]).unwrap_err(), "--pheno-name: no column matches 'zz*'");
        assert!(choose(&["a[1"], &["bmi"]).unwrap_err().starts_with("--pheno-name: 'a[1' is not a pattern: "));
    }
}
