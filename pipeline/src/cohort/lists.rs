//! Lists of samples to keep and to remove, and sexes, matched to the genotyped samples.

use std::path::Path;

use super::columns::Targets;
use super::error::CohortError;
use super::explain;
use super::ids::{Join, RowMatch, RowMatcher, SampleIndex};
use super::ledger::{CohortLedger, FileLedger};
use super::{CohortConfig, Sex};
use crate::format::sample_list::{SampleKey, read_sample_list};
use crate::format::sex::read_sexes;

struct Matched {
    join: Option<Join>,
    found: Vec<RowMatch>,
    repeated: Option<(u64, u64)>,
    cause: Option<String>,
}

impl Matched {
    fn genotyped(&self) -> impl Iterator<Item = Option<u32>> + '_ {
        self.found.iter().map(|found| self.join.and_then(|join| found.under(join)))
    }
}

fn match_keys<'k>(index: &SampleIndex<'_>, keys: impl Iterator<Item = &'k SampleKey>) -> Matched {
    let mut matcher = RowMatcher::new(index);
    let found = keys
        .map(|key| matcher.row(key.fid.as_deref().map(str::as_bytes), key.iid.as_bytes(), key.line))
        .collect::<Vec<_>>();
    let join = matcher.join_used();
    let cause = match join {
        Some(_) => None,
        None => explain::cause(&matcher.iids().collect::<Vec<_>>(), index).map(|cause| format!("; {cause}")),
    };
    Matched { join, found, repeated: matcher.repeated(join), cause }
}

/// Genotype indices, ascending, of the samples in `--keep` (or all) and not in `--remove`.
pub fn kept_samples(
    config: &CohortConfig,
    index: &SampleIndex<'_>,
    ledger: &mut CohortLedger,
    messages: &mut Vec<String>,
) -> Result<Vec<u32>, CohortError> {
    let mut is_kept = vec![config.keep.is_none(); index.len()];
    if let Some(path) = &config.keep {
        let (n_rows, matched) = read_list(path, "keep", index, ledger, messages)?;
        if matched.join.is_none() {
            let (path, cause) = (path.display().to_string(), matched.cause.unwrap_or_default());
            return Err(CohortError::NoOverlap { path, n_rows, n_genotyped: index.len(), cause });
        }
        matched.genotyped().flatten().for_each(|idx| is_kept[idx as usize] = true);
        ledger.n_not_in_keep = is_kept.iter().filter(|kept| !**kept).count();
    }
    if let Some(path) = &config.remove {
        let (n_rows, matched) = read_list(path, "remove", index, ledger, messages)?;
        if let Some(cause) = matched.cause {
            let path = path.display().to_string();
            return Err(CohortError::RemoveMismatch { path, n_rows, n_genotyped: index.len(), cause });
        }
        for idx in matched.genotyped().flatten() {
            ledger.n_in_remove += usize::from(is_kept[idx as usize]);
            is_kept[idx as usize] = false;
        }
    }
    Ok((0..index.len() as u32).filter(|&idx| is_kept[idx as usize]).collect())
}

fn read_list(
    path: &Path,
    role: &str,
    index: &SampleIndex<'_>,
    ledger: &mut CohortLedger,
    messages: &mut Vec<String>,
) -> Result<(usize, Matched), CohortError> {
    let mut keys = read_sample_list(path)?;
    let mut seen = std::collections::HashSet::new();
    let n_lines = keys.len();
    keys.retain(|key| seen.insert((key.fid.clone(), key.iid.clone())));
    let matched = match_keys(index, keys.iter());
    let n_genotyped = matched.genotyped().flatten().count();
    let name = path.display().to_string();
    let repeats = if keys.len() < n_lines { format!(" ({} repeated)", n_lines - keys.len()) } else { String::new() };
    let how = if matched.join == Some(Join::FidIid) { " by FID_IID" } else { "" };
    messages.push(format!("{name}: {} samples to {role}{repeats}, {n_genotyped} of them genotyped{how}", keys.len()));
    ledger.files.push(FileLedger { role: role.to_string(), path: name, n_samples: keys.len(), n_genotyped });
    Ok((keys.len(), matched))
}

/// Sexes of the analysed samples; `None` without a file.
pub fn sexes(
    config: &CohortConfig,
    index: &SampleIndex<'_>,
    targets: &Targets,
    ledger: &mut CohortLedger,
    messages: &mut Vec<String>,
) -> Result<Option<Vec<Sex>>, CohortError> {
    let Some(path) = &config.sex_file else { return Ok(None) };
    let rows = read_sexes(path)?;
    let matched = match_keys(index, rows.iter().map(|(key, _)| key));
    let name = path.display().to_string();
    if matched.join.is_none() {
        let (n_rows, cause) = (rows.len(), matched.cause.unwrap_or_default());
        return Err(CohortError::NoOverlap { path: name, n_rows, n_genotyped: index.len(), cause });
    }
    if let Some((first, second)) = matched.repeated {
        return Err(CohortError::RepeatedSample { path: name, first, second });
    }
    let mut sexes = vec![Sex::Unknown; targets.len()];
    for (idx, (_, sex)) in matched.genotyped().zip(&rows) {
        if let Some(slot) = targets.slot(idx) {
            sexes[slot] = *sex;
        }
    }
    let count = |wanted: Sex| sexes.iter().filter(|sex| **sex == wanted).count();
    messages.push(format!(
        "{name}: of the analysed samples {} are male, {} female, {} of unknown sex",
        count(Sex::Male),
        count(Sex::Female),
        count(Sex::Unknown)
    ));
    let n_genotyped = matched.genotyped().flatten().count();
    ledger.files.push(FileLedger { role: "sex".to_string(), path: name, n_samples: rows.len(), n_genotyped });
    Ok(Some(sexes))
}
