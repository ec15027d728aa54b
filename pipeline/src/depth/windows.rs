//! The rows of a table of depths: windows of one width that tile chromosomes, or regions of a BED file, in the order of the
//! genome.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use crate::format::bed::{self, BedError};

/// Most windows: what their columns take in memory stays below that of a node.
const MAX_WINDOWS: u64 = 1 << 28;

/// A chromosome that is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chromosome {
    /// Its number in the alignment files.
    pub reference_idx: usize,
    /// Its name there.
    pub name: String,
    /// Bases.
    pub length: u32,
}

/// Why there are no windows.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// The BED file is none.
    #[error(transparent)]
    Bed(#[from] BedError),
    /// A region that the alignment files do not have.
    #[error("{path}: line {line}: {problem}")]
    Region {
        /// The BED file.
        path: String,
        /// From 1.
        line: u64,
        /// What does not fit.
        problem: String,
    },
    /// None is on a chromosome that was asked for.
    #[error("{path}: no region lies on a chromosome that --chr names")]
    NoneLeft {
        /// The BED file.
        path: String,
    },
    /// More than can be held.
    #[error("--by {width} makes {n} windows, and {MAX_WINDOWS} are the most: make them wider")]
    TooMany {
        /// As given.
        width: u32,
        /// Windows.
        n: u64,
    },
}

/// Windows by chromosome, rising by where they start; what starts together stands as in the BED file.
#[derive(Debug, Clone)]
pub struct Windows {
    kind: Kind,
    /// Rows of each chromosome: `first[c]..first[c + 1]`.
    first: Vec<usize>,
    lengths: Vec<u32>,
}

#[derive(Debug, Clone)]
enum Kind {
    Every(u32),
    Bed(Bed),
}

#[derive(Debug, Clone, Default)]
struct Bed {
    spans: Vec<(u32, u32)>,
    /// The greatest end of a chromosome's windows up to here.
    reach: Vec<u32>,
    names: Vec<String>,
    has_names: bool,
}

impl Windows {
    /// Windows of `width` bases, the last of a chromosome ending with it.
    ///
    /// # Errors
    /// [`WindowError::TooMany`].
    pub fn every(width: u32, chromosomes: &[Chromosome]) -> Result<Self, WindowError> {
        let width = width.max(1);
        let n: u64 = chromosomes.iter().map(|c| u64::from(c.length.div_ceil(width))).sum();
        if n > MAX_WINDOWS {
            return Err(WindowError::TooMany { width, n });
        }
        let mut first = vec![0];
        let mut n = 0;
        for chromosome in chromosomes {
            n += chromosome.length.div_ceil(width) as usize;
            first.push(n);
        }
        Ok(Self { kind: Kind::Every(width), first, lengths: chromosomes.iter().map(|c| c.length).collect() })
    }

    /// The regions of the BED file at `path` that lie on `chromosomes`; `others` are further ones that a region may name.
    ///
    /// # Errors
    /// A region on an unknown chromosome or beyond the end of its own; what [`bed::read`] says.
    pub fn from_bed(path: &Path, chromosomes: &[Chromosome], others: &[Chromosome]) -> Result<Self, WindowError> {
        let regions = bed::read(path)?;
        let shown = path.display().to_string();
        let place = |c: &Chromosome, idx: Option<usize>| (c.name.clone(), (idx, c.length));
        let known: HashMap<String, (Option<usize>, u32)> = (others.iter().map(|c| place(c, None)))
            .chain(chromosomes.iter().enumerate().map(|(idx, c)| place(c, Some(idx))))
            .collect();
        let mut by_chromosome = vec![Vec::new(); chromosomes.len()];
        for region in regions {
            let wrong = |problem| WindowError::Region { path: shown.clone(), line: region.line, problem };
            let Some(&(idx, length)) = known.get(&region.chrom) else {
                return Err(wrong(unknown(&region.chrom, &known)));
            };
            if region.end > length {
                let problem = format!("END {} is beyond the end of {} at {length}", region.end, region.chrom);
                return Err(wrong(format!("{problem}: are the regions of another reference?")));
            }
            if let Some(idx) = idx {
                by_chromosome[idx].push(region);
            }
        }
        let mut bed = Bed::default();
        let mut first = vec![0];
        for mut regions in by_chromosome {
            regions.sort_by_key(|region| region.start);
            let mut reach = 0;
            for region in regions {
                reach = region.end.max(reach);
                bed.has_names |= !region.name.is_empty();
                bed.spans.push((region.start, region.end));
                bed.reach.push(reach);
                bed.names.push(region.name);
            }
            first.push(bed.spans.len());
        }
        if bed.spans.is_empty() {
            return Err(WindowError::NoneLeft { path: shown });
        }
        Ok(Self { kind: Kind::Bed(bed), first, lengths: chromosomes.iter().map(|c| c.length).collect() })
    }

    /// Windows in all.
    pub fn len(&self) -> usize {
        self.first.last().copied().unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether any has a name.
    pub fn has_names(&self) -> bool {
        matches!(&self.kind, Kind::Bed(bed) if bed.has_names)
    }

    /// Whether they hold every base of their chromosomes once.
    pub fn tile(&self) -> bool {
        matches!(self.kind, Kind::Every(_))
    }

    /// Rows of a chromosome.
    pub fn of(&self, chromosome: usize) -> Range<usize> {
        self.first[chromosome]..self.first[chromosome + 1]
    }

    /// Bases of a row of a chromosome.
    pub fn span(&self, chromosome: usize, row: usize) -> Range<u32> {
        match &self.kind {
            Kind::Every(width) => {
                let start = (row - self.first[chromosome]) as u32 * width;
                start..start.saturating_add(*width).min(self.lengths[chromosome])
            }
            Kind::Bed(bed) => bed.spans[row].0..bed.spans[row].1,
        }
    }

    /// Name of a row, or nothing.
    pub fn name(&self, row: usize) -> &str {
        match &self.kind {
            Kind::Every(_) => "",
            Kind::Bed(bed) => &bed.names[row],
        }
    }

    /// The fewest rows together that hold all which share a base with `range` of a chromosome; the first of them does.
    pub fn overlapping(&self, chromosome: usize, range: &Range<u32>) -> Range<usize> {
        let rows = self.of(chromosome);
        match &self.kind {
            Kind::Every(width) => {
                let start = rows.start + (range.start / width) as usize;
                let end = rows.start + range.end.div_ceil(*width) as usize;
                start.min(rows.end)..end.clamp(start, rows.end.max(start)).min(rows.end)
            }
            Kind::Bed(bed) => {
                let start = rows.start + bed.reach[rows.clone()].partition_point(|&reach| reach <= range.start);
                let end = rows.start + bed.spans[rows].partition_point(|&(from, _)| from < range.end);
                start.min(end)..end
            }
        }
    }

    /// Bases of a chromosome's windows, those that overlap as often as they do.
    pub fn bases(&self, chromosome: usize) -> u64 {
        let length = |row| self.span(chromosome, row).len() as u64;
        if self.tile() { u64::from(self.lengths[chromosome]) } else { self.of(chromosome).map(length).sum() }
    }
}

fn unknown(chrom: &str, known: &HashMap<String, (Option<usize>, u32)>) -> String {
    let shown = crate::format::vcf_call::shown(chrom.as_bytes());
    let canonical = crate::format::chromosome::canonical(chrom);
    let alike = known.keys().find(|name| crate::format::chromosome::canonical(name) == canonical);
    let hint = alike.map_or_else(String::new, |name| format!(" (they call it {name})"));
    format!("chromosome {shown} is not in the header of the alignment files{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn genome() -> Vec<Chromosome> {
        let of = |(idx, (name, length)): (usize, (&str, u32))| Chromosome {
            reference_idx: idx,
            name: name.to_owned(),
            length,
        };
        [("1", 10), ("2", 1), ("3", 0), ("4", 9)].into_iter().enumerate().map(of).collect()
    }

    fn bed(text: &str, chromosomes: &[Chromosome], others: &[Chromosome]) -> Result<Windows, WindowError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Windows::from_bed(file.path(), chromosomes, others)
    }

    fn check_overlapping(windows: &Windows, genome: &[Chromosome]) {
        for (c, chromosome) in genome.iter().enumerate() {
            for start in 0..chromosome.length {
                for end in start + 1..=chromosome.length {
                    let shares = |row: &usize| {
                        let span = windows.span(c, *row);
                        span.start < end && start < span.end
                    };
                    let expected: Vec<usize> = windows.of(c).filter(shares).collect();
                    let found = windows.overlapping(c, &(start..end));
                    assert_eq!(expected.first(), found.clone().find(shares).as_ref(), "{c} {start}..{end}");
                    assert!(found.is_empty() || shares(&found.start), "{c} {start}..{end}: {found:?}");
                    assert!(expected.iter().all(|row| found.contains(row)), "{c} {start}..{end}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn windows_of_one_width_tile_every_chromosome() {
        let genome = genome();
        for width in [1, 2, 3, 5, 10, 11, u32::MAX] {
            let windows = Windows::every(width, &genome).unwrap();
            for (c, chromosome) in genome.iter().enumerate() {
                let mut at = 0;
                for row in windows.of(c) {
                    let span = windows.span(c, row);
                    assert_eq!(span.start, at);
                    assert!(span.end > at && span.len() <= width as usize);
                    at = span.end;
                }
                assert_eq!(at, chromosome.length);
            }
            check_overlapping(&windows, &genome);
        }
        let long = [Chromosome { reference_idx: 0, name: "1".into(), length: u32::MAX }];
        assert!(matches!(Windows::every(1, &long), Err(WindowError::TooMany { .. })));
    }

    #[test]
    fn regions_come_in_the_order_of_the_genome() {
        let genome = genome();
        let text = "4\t3\t5\n1\t4\t6\tb\n1\t0\t10\ta\n1\t4\t5\tc\n1\t9\t10\n1\t4\t6\tb\n2\t0\t1\n";
        let windows = bed(text, &genome, &[]).unwrap();
        let rows: Vec<_> = (0..4)
            .flat_map(|c| windows.of(c).map(move |row| (c, row)))
            .map(|(c, row)| (c, windows.span(c, row)))
            .collect();
        assert_eq!(rows, [(0, 0..10), (0, 4..6), (0, 4..5), (0, 4..6), (0, 9..10), (1, 0..1), (3, 3..5)]);
        assert_eq!((0..7).map(|row| windows.name(row)).collect::<Vec<_>>(), ["a", "b", "c", "b", "", "", ""]);
        assert_eq!(windows.bases(0), 10 + 2 + 1 + 2 + 1);
        check_overlapping(&windows, &genome);
    }

    #[test]
    fn regions_elsewhere_are_refused_or_left_out() {
        let genome = genome();
        let said = |text: &str| bed(text, &genome[..1], &genome[1..]).unwrap_err().to_string();
        let stranger = said("1\t0\t1\nchr1\t0\t1\n");
        let expected = "line 2: chromosome 'chr1' is not in the header of the alignment files (they call it 1)";
        assert!(stranger.contains(expected), "{stranger}");
        assert!(said("1\t0\t11\n").contains("line 1: END 11 is beyond the end of 1 at 10"));
        assert!(said("4\t0\t10\n").contains("END 10"));
        assert!(said("4\t0\t9\n").contains("--chr"));
        assert_eq!(bed("4\t0\t9\n1\t1\t2\n", &genome[..1], &genome[1..]).unwrap().len(), 1);
    }
}
