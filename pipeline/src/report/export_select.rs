//! Which traits and rows of a results file are wanted.

use std::str::FromStr;

use globset::GlobBuilder;

use super::export::ExportError;
use crate::sink::rows::VariantRow;
use crate::store::TraitInfo;

/// Columns of the traits that match any of `patterns` (a whole name, or a glob), in the file's order.
pub fn select_traits(traits: &[TraitInfo], patterns: &[String]) -> Result<Vec<usize>, ExportError> {
    let mut chosen = vec![false; traits.len()];
    for pattern in patterns {
        let exact = traits.iter().any(|info| info.name == *pattern);
        let glob = GlobBuilder::new(pattern).literal_separator(false).build();
        let glob = glob.map(|glob| glob.compile_matcher()).ok().filter(|_| !exact);
        let mut any = false;
        for (info, chosen) in traits.iter().zip(&mut chosen) {
            if info.name == *pattern || glob.as_ref().is_some_and(|glob| glob.is_match(&info.name)) {
                (*chosen, any) = (true, true);
            }
        }
        if !any {
            return Err(ExportError::NoSuchTrait { pattern: pattern.clone(), n_traits: traits.len() });
        }
    }
    Ok((0..traits.len()).filter(|&i| chosen[i]).collect())
}

/// Rows of one stretch of a chromosome: POS from `start` to `end`, 1-based, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    chrom: String,
    start: u32,
    end: u32,
}

impl Region {
    /// Whether the variant lies in it; "chr22" and "22" are one chromosome.
    pub fn contains(&self, variant: &VariantRow) -> bool {
        (self.start..=self.end).contains(&variant.pos) && bare(&variant.chrom).eq_ignore_ascii_case(&self.chrom)
    }
}

fn bare(chrom: &str) -> &str {
    match chrom.get(..3) {
        Some(prefix) if prefix.eq_ignore_ascii_case("chr") && chrom.len() > 3 => &chrom[3..],
        _ => chrom,
    }
}

impl FromStr for Region {
    type Err = String;

    /// CHROM, CHROM:POS, CHROM:START-END or CHROM:START-; commas in numbers are taken.
    fn from_str(text: &str) -> Result<Self, String> {
        let whole = |chrom: &str| Self { chrom: bare(chrom).to_owned(), start: 0, end: u32::MAX };
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
        assert!("X".parse::<Region>().unwrap().contains(&variant("chrX", 7)));
        for bad in ["", "22:", "22:5-3", "22:a-b", ":5", "22:-5"] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }
}
