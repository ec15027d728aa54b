//! Which rows are kept: by site, then by the analysed samples' genotypes. Bounds are plink2's: inclusive on the kept side.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use norna_kernels::{AlleleCounts, hwe_exact_p};

use crate::format::chromosome::{canonical, parse_list};
use crate::format::regions::Regions;
use crate::format::vcf_site::Site;

use super::error::SourceError;
use super::ledger::DropReason;
use super::options::InputOptions;

/// Slack for bounds that are decimal fractions, as plink2's kSmallEpsilon.
const EPSILON: f64 = 1.0 / (1_u64 << 44) as f64;

/// The part of the genome that is read at all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Area {
    chroms: Option<BTreeSet<String>>,
    /// Those of `chroms` that are no part of a range.
    alone: BTreeSet<String>,
    regions: Option<Regions>,
}

/// What of one chromosome is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    Nothing,
    Everything,
    Intervals(Vec<(u32, u32)>),
}

impl Area {
    pub(crate) fn new(options: &InputOptions) -> Result<Self, SourceError> {
        let chroms = match options.chroms.is_empty() {
            true => None,
            false => Some(parse_list(&options.chroms).map_err(|problem| SourceError::option("--chr", problem))?),
        };
        let mut regions = Regions::default();
        for list in &options.regions {
            regions.add_list(list)?;
        }
        if let Some(path) = &options.regions_file {
            regions.add_file(path)?;
            if regions.is_empty() {
                return Err(SourceError::option("--regions-file", format!("{} holds no region", path.display())));
            }
        }
        let items = options.chroms.iter().flat_map(|list| list.split(',')).map(str::trim);
        let alone = items.map(canonical).filter(|name| chroms.as_ref().is_some_and(|c| c.contains(name))).collect();
        Ok(Self { chroms, alone, regions: Some(regions).filter(|r| !r.is_empty()) })
    }

    /// Whether everything is read.
    pub(crate) fn is_everything(&self) -> bool {
        self.chroms.is_none() && self.regions.is_none()
    }

    /// What is read of the chromosome by this canonical name.
    pub(crate) fn of(&self, canonical: &str) -> Wanted {
        if self.chroms.as_ref().is_some_and(|c| !c.contains(canonical)) {
            return Wanted::Nothing;
        }
        match &self.regions {
            None => Wanted::Everything,
            Some(regions) => match regions.of(canonical) {
                [] => Wanted::Nothing,
                intervals => Wanted::Intervals(intervals.to_vec()),
            },
        }
    }

    /// What of it lies in an interval of a chromosome.
    pub(crate) fn within(&self, canonical: &str, (from, to): (u32, u32)) -> Self {
        let all = match self.of(canonical) {
            Wanted::Nothing => Vec::new(),
            Wanted::Everything => vec![(0, u32::MAX)],
            Wanted::Intervals(intervals) => intervals,
        };
        let clipped = all.into_iter().map(|(first, last)| (first.max(from), last.min(to))).filter(|(a, b)| a <= b);
        let regions = Regions::of_chromosome(canonical, clipped.collect());
        let nothing = regions.is_empty().then(BTreeSet::new);
        Self { chroms: nothing, alone: BTreeSet::new(), regions: Some(regions).filter(|r| !r.is_empty()) }
    }

    /// Canonical names of the chromosomes that were asked for, and whether by themselves rather than within a range.
    pub(crate) fn named(&self) -> Vec<(String, bool)> {
        let regions = self.regions.iter().flat_map(Regions::chroms).map(|name| (name.to_owned(), true));
        let chroms = self.chroms.iter().flatten().map(|name| (name.clone(), self.alone.contains(name)));
        regions.chain(chroms).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// IDs, or CHROM:POS:REF:ALT, from the first column of a file.
#[derive(Debug, Clone)]
pub(crate) struct VariantList {
    names: HashSet<String>,
}

impl VariantList {
    pub(crate) fn open(path: &Path) -> Result<Self, SourceError> {
        let io = |source| SourceError::io(path, source);
        let mut reader = BufReader::new(File::open(path).map_err(io)?);
        let gzipped = reader.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn BufRead> = if gzipped {
            Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(reader)))
        } else {
            Box::new(reader)
        };
        let mut names = HashSet::new();
        for line in reader.lines() {
            let line = line.map_err(io)?;
            let Some(name) = line.split_ascii_whitespace().next().filter(|n| !n.starts_with('#')) else { continue };
            names.insert(Self::key(name));
        }
        Ok(Self { names })
    }

    /// Whether nothing is listed.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Names with three colons are places too, so their chromosome is put in its canonical spelling.
    fn key(name: &str) -> String {
        match name.split_once(':') {
            Some((chrom, rest)) if rest.matches(':').count() == 2 => format!("{}:{rest}", canonical(chrom)),
            _ => name.to_owned(),
        }
    }

    /// Whether the row's ID (or one of several joined by `;`) or its place is listed.
    pub(crate) fn contains(&self, site: &Site, chrom: &str, alternate: &str, scratch: &mut String) -> bool {
        if site.id != "." && site.id.split(';').any(|id| self.names.contains(id)) || self.names.contains(&site.id) {
            return true;
        }
        scratch.clear();
        let written = write!(scratch, "{chrom}:{}:{}:{alternate}", site.pos, site.reference);
        written.is_ok() && self.names.contains(scratch.as_str())
    }
}

/// Filters on genotypes, over analysed samples.
#[derive(Debug, Clone, Default)]
pub(crate) struct GenotypeFilters {
    maf: Option<f64>,
    max_maf: Option<f64>,
    mac: Option<f64>,
    max_mac: Option<f64>,
    geno: Option<f64>,
    hwe: Option<f64>,
}

impl GenotypeFilters {
    pub(crate) fn new(options: &InputOptions) -> Self {
        let InputOptions { maf, max_maf, mac, max_mac, geno, hwe, .. } = *options;
        Self { maf, max_maf, mac, max_mac, geno, hwe }
    }

    /// Whether Hardy-Weinberg counts are wanted.
    pub(crate) fn wants_hwe(&self) -> bool {
        self.hwe.is_some()
    }

    /// The first filter that drops a row. `n_without`: samples that have no copy of the chromosome. `diploid`: counts of
    /// REF/REF, REF/ALT and ALT/ALT among samples of two copies.
    pub(crate) fn reason(&self, counts: &AlleleCounts, n_without: u32, diploid: [u32; 3]) -> Option<DropReason> {
        let n_missing = f64::from(counts.n_missing.saturating_sub(n_without));
        let n = n_missing + f64::from(counts.n_called);
        // A quotient of counts, not 1 less a frequency, so that a bound such as 0.05 is met exactly.
        let mac = counts.alt_count.min(counts.allele_total - counts.alt_count).max(0.0);
        let maf = if counts.allele_total > 0.0 { mac / counts.allele_total } else { 0.0 };
        let under = |bound: Option<f64>, value: f64| bound.is_some_and(|b| value < b * (1.0 - EPSILON));
        let over = |bound: Option<f64>, value: f64| bound.is_some_and(|b| value > b * (1.0 + EPSILON));
        if self.geno.is_some_and(|bound| n_missing > bound * n * (1.0 + EPSILON)) {
            Some(DropReason::Missingness)
        } else if under(self.maf, maf) {
            Some(DropReason::LowMaf)
        } else if over(self.max_maf, maf) {
            Some(DropReason::HighMaf)
        } else if under(self.mac, mac) {
            Some(DropReason::LowMac)
        } else if over(self.max_mac, mac) {
            Some(DropReason::HighMac)
        } else if self.hwe.is_some() && under(self.hwe, hwe_exact_p(diploid[0], diploid[1], diploid[2])) {
            Some(DropReason::HardyWeinberg)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(alt: f64, total: f64, n_missing: u32) -> AlleleCounts {
        AlleleCounts {
            alt_count: alt,
            allele_total: total,
            n_called: (total / 2.0) as u32,
            n_missing,
            ..Default::default()
        }
    }

    #[test]
    fn bounds_are_inclusive() {
        let filters = GenotypeFilters { maf: Some(0.05), max_maf: Some(0.3), geno: Some(0.1), ..Default::default() };
        for alt in [10.0, 190.0] {
            assert_eq!(filters.reason(&counts(alt, 200.0, 0), 0, [0; 3]), None);
        }
        assert_eq!(filters.reason(&counts(9.0, 200.0, 0), 0, [0; 3]), Some(DropReason::LowMaf));
        assert_eq!(filters.reason(&counts(60.0, 200.0, 0), 0, [0; 3]), None);
        assert_eq!(filters.reason(&counts(139.0, 200.0, 0), 0, [0; 3]), Some(DropReason::HighMaf));
        assert_eq!(filters.reason(&counts(50.0, 180.0, 10), 0, [0; 3]), None);
        assert_eq!(filters.reason(&counts(50.0, 178.0, 11), 0, [0; 3]), Some(DropReason::Missingness));
        assert_eq!(filters.reason(&counts(50.0, 178.0, 11), 2, [0; 3]), None);
        assert_eq!(filters.reason(&counts(0.0, 0.0, 0), 0, [0; 3]), Some(DropReason::LowMaf));
    }

    #[test]
    fn lists_match_ids_and_places() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ids.txt");
        std::fs::write(&path, "rs1 x\nchr22:5:A:G\n#x\n\n").unwrap();
        let list = VariantList::open(&path).unwrap();
        let site = |id: &str, pos| {
            let mut site = Site::default();
            (site.id, site.pos, site.reference) = (id.into(), pos, "A".into());
            site
        };
        let mut scratch = String::new();
        assert!(list.contains(&site("rs1", 1), "1", "T", &mut scratch));
        assert!(list.contains(&site("rs7;rs1", 1), "1", "T", &mut scratch));
        assert!(list.contains(&site(".", 5), "22", "G", &mut scratch));
        assert!(!list.contains(&site(".", 5), "22", "T", &mut scratch));
        assert!(!list.contains(&site("#x", 6), "22", "T", &mut scratch));
    }
}
