//! Sex by depth: reads on X and on Y against reads on the autosomes, counted in windows spread over each.

use std::ops::Range;

use crate::format::chromosome::{Build, ChromosomeClass, class};

/// Bases of a window.
const WINDOW: u32 = 10_000;
/// Windows over all autosomes, over X and over Y.
const N_WINDOWS: [u32; 3] = [48, 24, 24];
/// Reads on autosomes from which a ratio of depths is trusted.
const MIN_READS: u64 = 200;
/// References shorter than this are no chromosome to measure depth on.
const MIN_LENGTH: u32 = 100_000;

/// What a chromosome's depth says of the sex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// Two in everyone.
    Autosome,
    /// X outside the pseudo-autosomal regions.
    X,
    /// Y outside them.
    Y,
}

/// A stretch in which reads are counted by where they start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Index of the reference.
    pub reference_idx: usize,
    /// 0-based, half-open.
    pub range: Range<u32>,
    /// What it is for.
    pub copies: Copies,
}

/// Reads of a sample in the windows of each kind, and the bases of those windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DepthCounts {
    /// Reads: autosomes, X, Y.
    pub reads: [u64; 3],
    /// Bases: autosomes, X, Y; the same for every sample.
    pub bases: [u64; 3],
}

/// What depth says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// One X, and a Y.
    Male,
    /// Two X, and no Y.
    Female,
    /// Too few reads, no X in the reference, or neither.
    Unknown,
}

/// The sex and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SexFromReads {
    /// The sex.
    pub sex: Sex,
    /// Depth of X over that of the autosomes: about 1 in females, 0.5 in males; NaN where it cannot be told.
    pub x_ratio: f64,
    /// Depth of Y over that of the autosomes: about 0 in females; NaN where it cannot be told.
    pub y_ratio: f64,
}

impl Sex {
    /// As in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
            Self::Unknown => "unknown",
        }
    }
}

/// The windows of a reference: `references` are names and lengths. None where there is no X or no autosome to hold it against.
pub fn windows(references: &[(&str, u32)]) -> Vec<Window> {
    let of = |copies: Copies| {
        references.iter().enumerate().filter(move |(_, (name, length))| {
            *length >= MIN_LENGTH
                && match copies {
                    Copies::Autosome => class(name) == ChromosomeClass::Autosome && is_numbered(name),
                    Copies::X => class(name) == ChromosomeClass::X,
                    Copies::Y => class(name) == ChromosomeClass::Y,
                }
        })
    };
    if of(Copies::X).next().is_none() || of(Copies::Autosome).next().is_none() {
        return Vec::new();
    }
    let build = of(Copies::X).find_map(|(_, &(_, length))| Build::from_x_length(u64::from(length)));
    let mut windows = Vec::new();
    for (copies, n) in [Copies::Autosome, Copies::X, Copies::Y].into_iter().zip(N_WINDOWS) {
        let total: u64 = of(copies).map(|(_, (_, length))| u64::from(*length)).sum();
        let step = (total / u64::from(n)).max(u64::from(WINDOW));
        let mut at = step / 2;
        for (reference_idx, &(_, length)) in of(copies) {
            while at + u64::from(WINDOW) <= u64::from(length) {
                let start = at as u32;
                if !is_pseudo_autosomal(copies, start, length, build) {
                    windows.push(Window { reference_idx, range: start..start + WINDOW, copies });
                }
                at += step;
            }
            at = at.saturating_sub(u64::from(length));
        }
    }
    windows
}

/// Bases of the windows: autosomes, X, Y.
pub fn window_bases(windows: &[Window]) -> [u64; 3] {
    let mut bases = [0; 3];
    for window in windows {
        bases[window.copies as usize] += u64::from(window.range.end - window.range.start);
    }
    bases
}

fn is_numbered(name: &str) -> bool {
    crate::format::chromosome::canonical(name).bytes().all(|b| b.is_ascii_digit())
}

/// The pseudo-autosomal ends of Y are as long as those of X.
fn is_pseudo_autosomal(copies: Copies, start: u32, length: u32, build: Option<Build>) -> bool {
    let Some([(_, first_end), (last_start, _)]) = build.map(Build::par) else { return false };
    let x_length = if build == Some(Build::B37) { 155_270_560 } else { 156_040_895 };
    let last = u32::saturating_sub(x_length, last_start);
    match copies {
        Copies::Autosome => false,
        Copies::X | Copies::Y => start < first_end || start + WINDOW > length.saturating_sub(last),
    }
}

/// Male where X has 0.35 to 0.7 of the autosomes' depth and Y at least 0.05 of it (or is not in the reference), female where X
/// has 0.75 to 1.3 and Y less than 0.05, else unknown; so with fewer than 200 reads on autosomes.
pub fn sex_from_depth(counts: &DepthCounts) -> SexFromReads {
    let [autosomes, x, y] = std::array::from_fn(|i| counts.reads[i] as f64 / counts.bases[i] as f64);
    if counts.reads[0] < MIN_READS || counts.bases[1] == 0 {
        return SexFromReads { sex: Sex::Unknown, x_ratio: f64::NAN, y_ratio: f64::NAN };
    }
    let (x_ratio, y_ratio) = (x / autosomes, y / autosomes);
    let has_y = (counts.bases[2] > 0).then_some(y_ratio >= 0.05);
    let sex = if (0.35..0.7).contains(&x_ratio) && has_y.unwrap_or(true) {
        Sex::Male
    } else if (0.75..1.3).contains(&x_ratio) && !has_y.unwrap_or(false) {
        Sex::Female
    } else {
        Sex::Unknown
    };
    SexFromReads { sex, x_ratio, y_ratio }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_spread_over_each_kind_and_spare_pseudo_autosomal_ends() {
        let references = [
            ("chr1", 249_250_621),
            ("chr2", 243_199_373),
            ("chrX", 155_270_560),
            ("chrY", 59_373_566),
            ("chrM", 16_569),
        ];
        let windows = windows(&references);
        let n = |copies| windows.iter().filter(|w| w.copies == copies).count();
        assert!((44..=49).contains(&n(Copies::Autosome)), "{}", n(Copies::Autosome));
        assert!((20..=24).contains(&n(Copies::X)) && (20..=24).contains(&n(Copies::Y)));
        for window in &windows {
            let (_, length) = references[window.reference_idx];
            assert!(window.range.end <= length && window.range.end - window.range.start == WINDOW);
            if window.copies != Copies::Autosome {
                assert!(window.range.start >= 2_699_520 && window.range.end <= length - 300_000, "{window:?}");
            }
        }
        assert!(windows.iter().any(|w| w.reference_idx == 1));
        assert_eq!(super::windows(&references[..2]), []);
        assert_eq!(super::windows(&references[2..]), []);
    }

    #[test]
    fn sex_needs_reads_and_agreement() {
        let sex = |reads: [u64; 3], bases: [u64; 3]| sex_from_depth(&DepthCounts { reads, bases }).sex;
        let bases = [480_000, 240_000, 240_000];
        assert_eq!(sex([4_000, 2_000, 10], bases), Sex::Female);
        assert_eq!(sex([4_000, 1_000, 500], bases), Sex::Male);
        assert_eq!(sex([4_000, 1_000, 0], bases), Sex::Unknown);
        assert_eq!(sex([4_000, 2_000, 900], bases), Sex::Unknown);
        assert_eq!(sex([4_000, 1_000, 0], [480_000, 240_000, 0]), Sex::Male);
        assert_eq!(sex([100, 50, 0], bases), Sex::Unknown);
        assert_eq!(sex([4_000, 0, 0], [480_000, 0, 0]), Sex::Unknown);
        assert_eq!(sex([4_000, 0, 0], bases), Sex::Unknown);
    }
}
