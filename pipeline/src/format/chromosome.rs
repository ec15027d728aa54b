//! Chromosome names and what they mean: `22`, `chr22`, `X`, `23`, `MT` and `chrM` are matched, never rewritten.

use std::collections::BTreeSet;

/// What a chromosome's ploidy hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChromosomeClass {
    /// Two copies in everyone; also what only PLINK names: `XY`, `PAR1`, `PAR2`.
    Autosome,
    /// X, with its pseudo-autosomal regions still in it.
    X,
    /// Y.
    Y,
    /// Mitochondrial.
    Mt,
}

/// The name under which spellings of one chromosome meet: without `chr`, with PLINK's 23 to 26 as X, Y, XY, MT.
pub fn canonical(name: &str) -> String {
    let bare = match name.get(..3) {
        Some(prefix) if prefix.eq_ignore_ascii_case("chr") && name.len() > 3 => &name[3..],
        _ => name,
    };
    let digits = bare.trim_start_matches('0');
    if !digits.is_empty() && digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit()) {
        return match digits {
            "23" => "X".into(),
            "24" => "Y".into(),
            "25" => "XY".into(),
            "26" => "MT".into(),
            _ => digits.into(),
        };
    }
    if bare.len() <= 4 {
        let upper = bare.to_ascii_uppercase();
        match upper.as_str() {
            "M" | "MT" => return "MT".into(),
            "X" | "Y" | "XY" | "PAR1" | "PAR2" => return upper,
            _ => {}
        }
    }
    bare.into()
}

/// Sequences by what their names mean, whatever way they are written.
#[derive(Debug, Clone, Default)]
pub struct ChromosomeNames {
    /// None where two names mean the same.
    idx_of: std::collections::HashMap<String, Option<usize>>,
}

impl ChromosomeNames {
    /// Of sequences with these names, in order.
    pub fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut idx_of = std::collections::HashMap::new();
        for (idx, name) in names.enumerate() {
            idx_of.entry(canonical(name)).and_modify(|known| *known = None).or_insert(Some(idx));
        }
        Self { idx_of }
    }

    /// The only sequence that `name` may mean.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.idx_of.get(&canonical(name)).copied().flatten()
    }
}

/// The class of a chromosome by any of its names.
pub fn class(name: &str) -> ChromosomeClass {
    match canonical(name).as_str() {
        "X" => ChromosomeClass::X,
        "Y" => ChromosomeClass::Y,
        "MT" => ChromosomeClass::Mt,
        _ => ChromosomeClass::Autosome,
    }
}

/// Genome builds whose pseudo-autosomal regions are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Build {
    /// GRCh37, hg19.
    B37,
    /// GRCh38, hg38.
    B38,
}

impl Build {
    /// The build whose X is `length` bases long.
    pub fn from_x_length(length: u64) -> Option<Self> {
        match length {
            155_270_560 => Some(Self::B37),
            156_040_895 => Some(Self::B38),
            _ => None,
        }
    }

    /// Name as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::B37 => "b37",
            Self::B38 => "b38",
        }
    }

    /// Pseudo-autosomal intervals of X, 1-based and inclusive: up to the end of PAR1, and from the start of PAR2 (the
    /// bounds that plink2 `--split-par` uses).
    pub fn par(self) -> [(u32, u32); 2] {
        match self {
            Self::B37 => [(0, 2_699_520), (154_931_044, u32::MAX)],
            Self::B38 => [(0, 2_781_479), (155_701_383, u32::MAX)],
        }
    }
}

/// The chromosomes of a list such as `1-22,X`: canonical names, or what is wrong with it.
pub fn parse_list<S: AsRef<str>>(items: &[S]) -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    for item in items.iter().flat_map(|i| i.as_ref().split(',')).map(str::trim) {
        if item.is_empty() {
            return Err("an empty name in the list of chromosomes".into());
        }
        let range = item.split_once('-').and_then(|(from, to)| Some((number(from)?, number(to)?)));
        match range {
            Some((from, to)) if from <= to => names.extend((from..=to).map(|n| canonical(&n.to_string()))),
            Some((from, to)) => return Err(format!("chromosomes {from}-{to}: the range runs backwards")),
            None if is_mixed_range(item) => {
                return Err(format!(
                    "{item}: a range goes from a number to a number up to 26; write the others by name, as in 1-22,X,MT"
                ));
            }
            None => {
                names.insert(canonical(item));
            }
        }
    }
    Ok(names)
}

/// Whether a name that is no range of numbers was meant for one: `1-X`, and not `HLA-A`.
fn is_mixed_range(item: &str) -> bool {
    let Some((from, _)) = item.split_once('-') else { return false };
    let from = canonical(from);
    class(&from) != ChromosomeClass::Autosome || (!from.is_empty() && from.bytes().all(|b| b.is_ascii_digit()))
}

fn number(name: &str) -> Option<u8> {
    let bare = name.strip_prefix("chr").unwrap_or(name);
    bare.parse().ok().filter(|n| (1..=26).contains(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_chromosome_meet() {
        for (a, b) in [("22", "chr22"), ("X", "23"), ("chrX", "chr23"), ("MT", "chrM"), ("26", "M"), ("1", "01")] {
            assert_eq!(canonical(a), canonical(b), "{a} {b}");
        }
        assert_ne!(canonical("2"), canonical("22"));
        assert_eq!(canonical("GL000192.1"), "GL000192.1");
        assert_eq!(canonical("chr6_KI270797v1_alt"), "6_KI270797v1_alt");
        assert_eq!(canonical("chr"), "chr");
        assert_eq!(canonical("0"), "0");
        assert_eq!(canonical("日本"), "日本");
    }

    #[test]
    fn classes() {
        assert_eq!(class("chrX"), ChromosomeClass::X);
        assert_eq!(class("24"), ChromosomeClass::Y);
        assert_eq!(class("chrM"), ChromosomeClass::Mt);
        assert_eq!(class("PAR1"), ChromosomeClass::Autosome);
        assert_eq!(class("25"), ChromosomeClass::Autosome);
    }

    #[test]
    fn lists_take_ranges() {
        let names = parse_list(&["1-3,X", "chr22"]).unwrap();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["1", "2", "22", "3", "X"]);
        assert_eq!(parse_list(&["HLA-A"]).unwrap().into_iter().collect::<Vec<_>>(), ["HLA-A"]);
        assert!(parse_list(&["5-2"]).is_err());
        assert!(parse_list(&["1,,2"]).is_err());
        for mixed in ["1-X", "1-MT", "X-Y", "chr1-chrX", "1-99", "0-3"] {
            assert!(parse_list(&[mixed]).unwrap_err().contains("1-22,X,MT"), "{mixed}");
        }
    }
}
