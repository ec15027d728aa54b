//! Regions of the genome by POS, from the command line or a file, matched by any spelling of a chromosome.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::chromosome::canonical;
use super::vcf_call::shown;

/// Longest line of a regions file.
const MAX_LINE: u64 = 1 << 20;

/// Sets of 1-based, inclusive intervals per chromosome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Regions {
    by_chrom: HashMap<String, Vec<(u32, u32)>>,
}

/// Why regions are refused.
#[derive(Debug, thiserror::Error)]
pub enum RegionError {
    /// A region that is none.
    #[error("region {value}: {problem}; write CHROM, CHROM:POS, CHROM:FROM-TO or CHROM:FROM-")]
    Region {
        /// As given.
        value: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A file that cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A line that is no region.
    #[error("{path}: line {line}: {problem}")]
    Line {
        /// The file.
        path: String,
        /// Line number, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
}

impl Regions {
    /// Intervals of one chromosome by its canonical name, ascending and apart from one another.
    pub fn of_chromosome(canonical: &str, intervals: Vec<(u32, u32)>) -> Self {
        let chroms = Some((canonical.to_owned(), intervals)).filter(|(_, intervals)| !intervals.is_empty());
        Self { by_chrom: chroms.into_iter().collect() }
    }

    /// Adds the regions of a comma-separated list. Commas within numbers (17,000,000) are understood.
    pub fn add_list(&mut self, list: &str) -> Result<(), RegionError> {
        let mut pending = String::new();
        for piece in list.split(',') {
            let thousands =
                piece.split('-').next().is_some_and(|p| p.len() == 3 && p.bytes().all(|b| b.is_ascii_digit()));
            if thousands && pending.contains(':') {
                pending.push_str(piece);
                continue;
            }
            if !pending.is_empty() {
                self.add(&pending)?;
            }
            pending = piece.trim().to_owned();
        }
        self.add(&pending)?;
        self.sort();
        Ok(())
    }

    fn add(&mut self, region: &str) -> Result<(), RegionError> {
        let wrong = |problem| RegionError::Region { value: shown(region.as_bytes()), problem };
        let whole = (0, u32::MAX);
        let (chrom, interval) = match region.rsplit_once(':') {
            Some((chrom, text)) if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                if text.starts_with('-') && text.len() > 1 {
                    return Err(wrong("no first position (positions begin at 1)"));
                }
                let (from, to) = match text.split_once('-') {
                    Some((from, "")) => (number(from), Some(u32::MAX)),
                    Some((from, to)) => (number(from), number(to)),
                    None => (number(text), number(text)),
                };
                let (Some(from), Some(to)) = (from, to) else { return Err(wrong("not a range of positions")) };
                (chrom, (from, to))
            }
            _ => (region, whole),
        };
        if chrom.is_empty() {
            return Err(wrong("no chromosome"));
        }
        if interval.0 > interval.1 {
            return Err(wrong("the range runs backwards"));
        }
        self.insert(chrom, interval);
        Ok(())
    }

    /// Adds the regions of a file: `.bed` and `.bed.gz` are 0-based and half-open; any other has CHROM, FROM and TO (or
    /// CHROM and POS), 1-based and inclusive, between tabs or blanks, as `bcftools -R`.
    pub fn add_file(&mut self, path: &Path) -> Result<(), RegionError> {
        let name = path.display().to_string();
        let io = |source| RegionError::Io { path: name.clone(), source };
        let file = std::fs::File::open(path).map_err(io)?;
        let mut reader = BufReader::new(file);
        let gzipped = reader.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
        let mut reader: Box<dyn BufRead> = if gzipped {
            Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(reader)))
        } else {
            Box::new(reader)
        };
        let bare = name.strip_suffix(".gz").unwrap_or(&name);
        let is_bed = bare.to_ascii_lowercase().ends_with(".bed");
        let mut line = Vec::new();
        for n in 1.. {
            line.clear();
            if reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(io)? == 0 {
                break;
            }
            let wrong = |problem: String| RegionError::Line { path: name.clone(), line: n, problem };
            let text = std::str::from_utf8(&line).map_err(|_| wrong("not UTF-8".into()))?.trim();
            let skipped = ["#", "track", "browser"].iter().any(|p| text.starts_with(p));
            if text.is_empty() || skipped {
                continue;
            }
            let (chrom, interval) = region_line(text, is_bed).map_err(wrong)?;
            self.insert(chrom, interval);
        }
        self.sort();
        Ok(())
    }

    fn insert(&mut self, chrom: &str, interval: (u32, u32)) {
        self.by_chrom.entry(canonical(chrom)).or_default().push(interval);
    }

    fn sort(&mut self) {
        for intervals in self.by_chrom.values_mut() {
            intervals.sort_unstable();
            let mut merged: Vec<(u32, u32)> = Vec::with_capacity(intervals.len());
            for &(from, to) in intervals.iter() {
                match merged.last_mut() {
                    Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
                    _ => merged.push((from, to)),
                }
            }
            *intervals = merged;
        }
    }

    /// Whether there is no region at all.
    pub fn is_empty(&self) -> bool {
        self.by_chrom.is_empty()
    }

    /// Intervals of a chromosome by its canonical name, ascending, apart from one another.
    pub fn of(&self, canonical: &str) -> &[(u32, u32)] {
        self.by_chrom.get(canonical).map_or(&[], Vec::as_slice)
    }

    /// Canonical names of the chromosomes with regions, sorted.
    pub fn chroms(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.by_chrom.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

/// Whether one of the sorted `intervals` holds `pos`.
pub fn contains(intervals: &[(u32, u32)], pos: u32) -> bool {
    let after = intervals.partition_point(|&(from, _)| from <= pos);
    after > 0 && intervals[after - 1].1 >= pos
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

fn region_line(text: &str, is_bed: bool) -> Result<(&str, (u32, u32)), String> {
    let mut fields = text.split_ascii_whitespace();
    let chrom = fields.next().unwrap_or_default();
    let mut position = |name: &str| match fields.next() {
        None => Ok(None),
        Some(value) => match number(value) {
            Some(n) => Ok(Some(n)),
            None => Err(format!("{name} {} is not a position", shown(value.as_bytes()))),
        },
    };
    let from = position("FROM")?.ok_or_else(|| "no position after the chromosome".to_owned())?;
    let to = position("TO")?;
    let interval = match (is_bed, to) {
        (true, Some(to)) if from < to => (from + 1, to),
        (true, _) => return Err("a BED line wants CHROM, START and END with START below END".into()),
        (false, to) => (from, to.unwrap_or(from)),
    };
    if interval.0 > interval.1 {
        return Err(format!("the range {}-{} runs backwards", interval.0, interval.1));
    }
    Ok((chrom, interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Regions, RegionError> {
        let mut regions = Regions::default();
        regions.add_list(text)?;
        Ok(regions)
    }

    #[test]
    fn lists() {
        let regions = list("chr22:100-200,22:201-300,X,1:5,2:7-,3:0-9,HLA-A*01:01:5-6,6_KI:chr").unwrap();
        assert_eq!(regions.of("22"), [(100, 300)]);
        assert_eq!(regions.of("X"), [(0, u32::MAX)]);
        assert_eq!(regions.of("1"), [(5, 5)]);
        assert_eq!(regions.of("2"), [(7, u32::MAX)]);
        assert_eq!(regions.of("3"), [(0, 9)]);
        assert_eq!(regions.of("HLA-A*01:01"), [(5, 6)]);
        assert_eq!(regions.of("6_KI:chr"), [(0, u32::MAX)]);
        let thousands = list("22:17,000,000-18,000,000,21").unwrap();
        assert_eq!(thousands.of("22"), [(17_000_000, 18_000_000)]);
        assert_eq!(thousands.of("21"), [(0, u32::MAX)]);
        for bad in ["", "22:5-4", "22:5x", ":5", "1:-5", "1:-5-9", "1:-", "22:99999999999"] {
            assert!(list(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn files_follow_their_extension() {
        let dir = tempfile::tempdir().unwrap();
        let bed = dir.path().join("a.bed");
        std::fs::write(&bed, "track x\nchr1\t99\t200\tname\n").unwrap();
        let tab = dir.path().join("a.txt");
        std::fs::write(&tab, "#x\n1\t99\t200\r\n1 300\n").unwrap();
        let mut regions = Regions::default();
        regions.add_file(&bed).unwrap();
        assert_eq!(regions.of("1"), [(100, 200)]);
        regions.add_file(&tab).unwrap();
        assert_eq!(regions.of("1"), [(99, 200), (300, 300)]);
        assert!(contains(regions.of("1"), 99) && contains(regions.of("1"), 300));
        assert!(!contains(regions.of("1"), 201) && !contains(regions.of("1"), 98));
        std::fs::write(&bed, "1\t5\t5\n").unwrap();
        let message = Regions::default().add_file(&bed).unwrap_err().to_string();
        assert!(message.contains("line 1"), "{message}");
    }
}
