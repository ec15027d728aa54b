//! Columns by name: vendors and programs write one name with blanks, points, underscores or none.

/// A name without case, blanks and punctuation.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A header whose columns are found by plain names.
#[derive(Debug)]
pub(super) struct Columns {
    names: Vec<String>,
    plain: Vec<String>,
}

impl Columns {
    pub fn new(header: &[String]) -> Self {
        Self { names: header.to_vec(), plain: header.iter().map(|name| plain(name)).collect() }
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn name(&self, at: usize) -> &str {
        &self.names[at]
    }

    /// The column that a user named: exactly, else but for case and punctuation. A message where there is none, or several.
    pub fn chosen(&self, name: &str, flag: &str) -> Result<usize, String> {
        let exact: Vec<usize> = (0..self.len()).filter(|&i| self.names[i] == name).collect();
        match (exact.as_slice(), self.all(&[name]).as_slice()) {
            ([at], _) | ([], [at]) => Ok(*at),
            ([], []) => Err(format!("{flag} {name}: the header has no such column")),
            _ => Err(format!("{flag} {name}: the header has several such columns")),
        }
    }

    /// The first of `names` that there is; the message names a column that is there twice.
    pub fn find(&self, names: &[&str]) -> Result<Option<usize>, String> {
        for name in names {
            match self.all(&[name]).as_slice() {
                [] => {}
                [at] => return Ok(Some(*at)),
                [first, second, ..] => {
                    return Err(format!(
                        "columns {} and {} are both {}; remove or rename one",
                        first + 1,
                        second + 1,
                        self.names[*first]
                    ));
                }
            }
        }
        Ok(None)
    }

    pub fn has(&self, name: &str) -> bool {
        !self.all(&[name]).is_empty()
    }

    fn all(&self, names: &[&str]) -> Vec<usize> {
        let wanted: Vec<String> = names.iter().map(|name| plain(name)).collect();
        (0..self.len()).filter(|&i| wanted.contains(&self.plain[i])).collect()
    }
}
