//! Which traits and rows of a results file are wanted.

use std::str::FromStr;

use globset::GlobBuilder;
use norna_kernels::Status;

use super::ExportError;
use crate::format::chromosome::canonical;
use crate::report::words::count;
use crate::sink::rows::VariantRow;
use crate::store::{ResultsReader, StoreError, TraitInfo};

/// Columns of the traits that match any of `patterns` (a whole name, or a glob), in the file's order.
pub fn select_traits(traits: &[TraitInfo], patterns: &[String]) -> Result<Vec<usize>, ExportError> {
    let names: Vec<&str> = traits.iter().map(|info| info.name.as_str()).collect();
    select_names(&names, patterns)
}

/// Indices of the names that match any of `patterns`, ascending.
pub fn select_names(names: &[&str], patterns: &[String]) -> Result<Vec<usize>, ExportError> {
    let mut chosen = vec![false; names.len()];
    for pattern in patterns {
        let exact = names.contains(&pattern.as_str());
        let glob = GlobBuilder::new(pattern).literal_separator(false).build();
        let glob = glob.map(|glob| glob.compile_matcher()).ok().filter(|_| !exact);
        let mut any = false;
        for (name, chosen) in names.iter().zip(&mut chosen) {
            if name == pattern || glob.as_ref().is_some_and(|glob| glob.is_match(name)) {
                (*chosen, any) = (true, true);
            }
        }
        if !any {
            return Err(ExportError::NoSuchTrait { pattern: pattern.clone(), n_traits: names.len() });
        }
    }
    Ok((0..names.len()).filter(|&i| chosen[i]).collect())
}

/// Refuses a region on a chromosome that the file does not have.
pub fn check_regions(reader: &ResultsReader, regions: &[Region]) -> Result<(), ExportError> {
    if regions.is_empty() {
        return Ok(());
    }
    let names = reader.chromosomes()?;
    match regions.iter().find(|region| !names.iter().any(|name| region.is_on(name))) {
        None => Ok(()),
        Some(region) => {
            let shown = names.iter().take(30).map(String::as_str).collect::<Vec<_>>().join(", ");
            let known = if names.len() > 30 { format!("{shown} and {} more", names.len() - 30) } else { shown };
            Err(ExportError::NoSuchChromosome { chrom: region.chrom.clone(), known })
        }
    }
}

/// What to say of the pairs of `traits` (ascending columns) that fit perfectly: a p is not theirs, so no list by p has them.
pub fn perfect_fits(reader: &ResultsReader, traits: &[usize]) -> Result<Option<String>, StoreError> {
    let counts = reader.status_counts(|trait_idx| traits.binary_search(&trait_idx).is_ok())?;
    let n = counts.iter().find(|(status, _)| *status == Status::PerfectFit).map(|&(_, n)| n);
    Ok(n.map(|n| format!("{n} pairs fit perfectly: no standard error, so no p; see /assoc/status_*")))
}

/// A warning where shards failed, whose rows are missing from the file.
pub fn failed_shards(reader: &ResultsReader) -> Result<Option<String>, StoreError> {
    let n = reader.failed_regions()?.len() as u64;
    Ok((n > 0).then(|| format!("the file is incomplete: {} failed; norna info tells the regions", count(n, "shard"))))
}

/// Rows of one stretch of a chromosome: POS from `start` to `end`, 1-based, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    chrom: String,
    start: u32,
    end: u32,
}

impl Region {
    /// Whether the variant lies in it; "chr22" and "22" are one chromosome, as "23" and "X".
    pub fn contains(&self, variant: &VariantRow) -> bool {
        self.holds(&variant.chrom, variant.pos)
    }

    /// As [`contains`](Self::contains), of a place.
    pub fn holds(&self, chrom: &str, pos: u32) -> bool {
        (self.start..=self.end).contains(&pos) && self.is_on(chrom)
    }

    fn is_on(&self, chrom: &str) -> bool {
        canonical(chrom).eq_ignore_ascii_case(&self.chrom)
    }
}

impl FromStr for Region {
    type Err = String;

    /// CHROM, CHROM:POS, CHROM:START-END or CHROM:START-; commas in numbers are taken.
    fn from_str(text: &str) -> Result<Self, String> {
        let whole = |chrom: &str| Self { chrom: canonical(chrom), start: 0, end: u32::MAX };
        let Some((chrom, stretch)) = text.rsplit_once(':') else {
            return if text.is_empty() { Err("an empty region".to_owned()) } else { Ok(whole(text)) };
        };
        let number = |text: &str| text.replace(',', "").parse::<u32>();
        let (start, end) = match stretch.split_once('-') {
            Some((start, "")) => (number(start), Ok(u32::MAX)),
            Some((start, end)) => (number(start), number(end)),
            None => (number(stretch), number(stretch)),
        };
        match (start, end) {
            (Ok(start), Ok(end)) if start <= end && !chrom.is_empty() => Ok(Self { start, end, ..whole(chrom) }),
            _ => Err(format!("region {text:?}: CHROM, CHROM:POS or CHROM:START-END is meant")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traits(names: &[&str]) -> Vec<TraitInfo> {
        let info = |name: &&str| TraitInfo {
            name: (*name).to_owned(),
            n: 10,
            mask: 0,
            df_covariates: 1,
            status: 0,
            mean: f64::NAN,
            sd: f64::NAN,
            normal: false,
        };
        names.iter().map(info).collect()
    }

    #[test]
    fn names_go_before_globs() {
        let traits = traits(&["IL6", "IL6R", "a[1]", "a1", "x*", "xy"]);
        let select = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
            select_traits(&traits, &patterns)
        };
        assert_eq!(select(&["IL6"]).unwrap(), [0]);
        assert_eq!(select(&["IL6*"]).unwrap(), [0, 1]);
        assert_eq!(select(&["a[1]"]).unwrap(), [2]);
        assert_eq!(select(&["x*"]).unwrap(), [4]);
        assert_eq!(select(&["xy", "IL?"]).unwrap(), [0, 5]);
        assert!(select(&["IL7"]).unwrap_err().to_string().contains("IL7"));
        assert!(select(&["[", "IL6"]).is_err());
    }

    #[test]
    fn regions_are_parsed_and_matched() {
        let variant = |chrom: &str, pos| VariantRow {
            chrom: chrom.into(),
            pos,
            id: ".".into(),
            reference: "A".into(),
            alternate: "C".into(),
            a1_freq: 0.5,
            n: 1,
            mac: 1.0,
            missing: 0,
            status: 0,
        };
        let region: Region = "chr22:1,000-2000".parse().unwrap();
        assert!(region.contains(&variant("22", 1000)) && region.contains(&variant("chr22", 2000)));
        assert!(!region.contains(&variant("22", 2001)) && !region.contains(&variant("21", 1500)));
        assert!("23".parse::<Region>().unwrap().contains(&variant("chrX", 7)));
        assert!("X".parse::<Region>().unwrap().contains(&variant("chrX", 7)));
        for bad in ["", "22:", "22:5-3", "22:a-b", ":5", "22:-5"] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }
}
