//! Step 1 predictions of regenie, per trait and chromosome, brought into the order of the analysed samples.
//!
//! regenie's scale: its step 1 predicts the trait after covariates were projected out and the residual was divided by
//! its standard deviation √(ỹᵀỹ/(n − k)) (Mbatchou et al. 2021; `residualize_phenotypes`, `compute_res` in its source),
//! so a prediction has to be multiplied by that standard deviation before it is taken from a trait. With `--rint` the
//! trait is transformed first, as `regenie --apply-rint` does, and the standard deviation is that of the transformed
//! trait.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::Column;
use super::error::CohortError;
use super::traits::RawTraits;
use crate::format::loco::{LocoFile, PredEntry, read_pred_list};

const NONE: u32 = u32::MAX;

/// Traits named in an error, at most.
const MAX_NAMED: usize = 5;

/// Predictions of every trait of the cohort, in the traits' order. Files are read when a chromosome is asked for.
#[derive(Debug)]
pub struct Loco {
    files: Vec<TraitFile>,
}

#[derive(Debug)]
struct TraitFile {
    file: LocoFile,
    /// Per analysed sample, its place in the file's header.
    columns: Arc<Vec<u32>>,
}

/// How a .loco header names the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// As the genotype file does.
    Genotype,
    /// FID_IID with the FIDs of the trait tables.
    TableFid,
    /// IID_IID.
    Twice,
    /// 0_IID.
    Zero,
}

impl Naming {
    const ALL: [Self; 4] = [Self::Genotype, Self::TableFid, Self::Twice, Self::Zero];

    fn id(self, genotype_id: &str, fid: Option<&str>) -> Option<String> {
        match self {
            Self::Genotype => Some(genotype_id.to_string()),
            Self::TableFid => fid.map(|fid| format!("{fid}_{genotype_id}")),
            Self::Twice => Some(format!("{genotype_id}_{genotype_id}")),
            Self::Zero => Some(format!("0_{genotype_id}")),
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Genotype => "the genotype file's IDs",
            Self::TableFid => "FID_IID with the FIDs of the trait table",
            Self::Twice => "IID_IID",
            Self::Zero => "0_IID",
        }
    }
}

impl Loco {
    /// Opens the predictions of every trait, and sets a trait to missing where a sample has none (absent, or NA on the
    /// first chromosome of the file). `ids`: genotype IDs of the analysed samples. Gives also how many values each trait
    /// lost.
    pub(super) fn open(
        list: &Path,
        ids: Vec<&str>,
        raw: &mut RawTraits,
        messages: &mut Vec<String>,
    ) -> Result<(Self, Vec<usize>), CohortError> {
        let entries = read_pred_list(list)?;
        let name = list.display().to_string();
        let paths = paths_of_traits(&entries, &name, &raw.columns)?;
        let (mut files, mut n_without) = (Vec::with_capacity(paths.len()), Vec::with_capacity(paths.len()));
        let mut header: Vec<String> = Vec::new();
        let mut last: Option<(Vec<String>, Arc<Vec<u32>>)> = None;
        for (column, path) in raw.columns.iter_mut().zip(paths) {
            let file = LocoFile::open(path, &mut header)?;
            let columns = match &last {
                Some((known, columns)) if *known == header => Arc::clone(columns),
                _ => {
                    let (columns, naming) = match_header(&file, &header, &ids, &raw.fids)?;
                    if last.is_none() {
                        let n_found = columns.iter().filter(|&&i| i != NONE).count();
                        messages.push(format!(
                            "{}: predictions for {n_found} of {} analysed samples, by {}",
                            file.name(),
                            ids.len(),
                            naming.describe()
                        ));
                    }
                    Arc::clone(&last.insert((header.clone(), Arc::new(columns))).1)
                }
            };
            n_without.push(mask(column, &file.read_first()?, &columns));
            files.push(TraitFile { file, columns });
        }
        let (n_traits, n_lost) = (n_without.iter().filter(|n| **n > 0).count(), n_without.iter().sum::<usize>());
        if n_lost > 0 {
            messages.push(format!(
                "{name}: {n_lost} values of {n_traits} traits have no prediction and are taken as missing"
            ));
        }
        if entries.len() > files.len() {
            messages.push(format!("{name}: {} traits of the list are not analysed", entries.len() - files.len()));
        }
        Ok((Self { files }, n_without))
    }

    /// What to take from each trait on one chromosome before residualising: per trait, over the analysed samples, the
    /// prediction times the trait's residual standard deviation; 0 where the trait is missing.
    ///
    /// `traits`: the cohort's. `residual_sd`: per trait √(ỹᵀỹ/(n − k)), with ỹ the trait (as it is in the cohort,
    /// without offsets) less its projection on the covariates over its own samples, k counting the intercept. `chrom` in
    /// any spelling.
    pub fn offsets(&self, chrom: &str, traits: &[Column], residual_sd: &[f64]) -> Result<Vec<Vec<f64>>, CohortError> {
        let n_threads = rayon::current_num_threads().clamp(1, self.files.len().max(1));
        let share = self.files.len().div_ceil(n_threads).max(1);
        let shares = self.files.chunks(share).zip(traits.chunks(share)).zip(residual_sd.chunks(share));
        let read = |((files, traits), sds): ((&[TraitFile], &[Column]), &[f64])| -> Result<Vec<_>, CohortError> {
            let each = files.iter().zip(traits).zip(sds);
            each.map(|((file, column), &sd)| file.offsets(chrom, column, sd)).collect()
        };
        // Threads of their own: one of rayon's that waited here could take up another worker's task, which waits for these.
        let read: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = shares.map(|share| scope.spawn(move || read(share))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|e| std::panic::resume_unwind(e))).collect()
        });
        let read: Result<Vec<Vec<_>>, CohortError> = read.into_iter().collect();
        Ok(read?.into_iter().flatten().collect())
    }

    /// An error naming the first of `chroms` that some file has no predictions for; for a check before the work.
    pub fn check_chromosomes<'a>(&self, chroms: impl Iterator<Item = &'a str>) -> Result<(), CohortError> {
        for chrom in chroms {
            self.files.iter().try_for_each(|file| file.file.check(chrom))?;
        }
        Ok(())
    }
}

impl TraitFile {
    fn offsets(&self, chrom: &str, column: &Column, residual_sd: f64) -> Result<Vec<f64>, CohortError> {
        let predictions = self.file.read(chrom)?;
        let mut n_absent = 0;
        let offsets = self
            .columns
            .iter()
            .zip(&column.values)
            .map(|(&i, value)| {
                let prediction = predictions.get(i as usize).copied().unwrap_or(f64::NAN);
                if value.is_nan() {
                    return 0.0;
                }
                n_absent += usize::from(prediction.is_nan());
                prediction * residual_sd
            })
            .collect();
        if n_absent > 0 {
            let (path, chrom) = (self.file.name().to_string(), chrom.to_string());
            return Err(CohortError::UnevenPredictions { path, chrom, n: n_absent });
        }
        Ok(offsets)
    }
}

/// The .loco file of each trait.
fn paths_of_traits<'a>(entries: &'a [PredEntry], list: &str, traits: &[Column]) -> Result<Vec<&'a Path>, CohortError> {
    let path_of: HashMap<&str, &Path> = entries.iter().map(|e| (e.name.as_str(), e.path.as_path())).collect();
    let names = traits.iter().map(|column| column.name.as_str());
    let absent: Vec<&str> = names.clone().filter(|name| !path_of.contains_key(name)).collect();
    if absent.is_empty() {
        return Ok(names.filter_map(|name| path_of.get(name).copied()).collect());
    }
    let more = if absent.len() > MAX_NAMED { ", ..." } else { "" };
    let (path, n, n_traits) = (list.to_string(), absent.len(), traits.len());
    let names = absent.into_iter().take(MAX_NAMED).collect::<Vec<_>>().join(", ") + more;
    Err(CohortError::NoPredictions { path, n, n_traits, names })
}

/// Sets the trait to missing where there is no prediction; gives how many values that took.
fn mask(column: &mut Column, predictions: &[f64], columns: &[u32]) -> usize {
    let mut n_lost = 0;
    for (value, &i) in column.values.iter_mut().zip(columns) {
        let has_prediction = predictions.get(i as usize).is_some_and(|prediction| !prediction.is_nan());
        if !has_prediction && !value.is_nan() {
            *value = f64::NAN;
            n_lost += 1;
        }
    }
    n_lost
}

/// Finds the analysed samples in a header, by the naming that finds most.
fn match_header(
    file: &LocoFile,
    header: &[String],
    ids: &[&str],
    fids: &[Option<String>],
) -> Result<(Vec<u32>, Naming), CohortError> {
    let mut place_of: HashMap<&str, u32> = HashMap::with_capacity(header.len());
    for (i, id) in header.iter().enumerate() {
        if let Some(first) = place_of.insert(id, i as u32) {
            let (path, first, second) = (file.name().to_string(), u64::from(first) + 2, i as u64 + 2);
            return Err(CohortError::RepeatedSampleColumn { path, first, second });
        }
    }
    let find = |naming: Naming| -> Vec<u32> {
        ids.iter()
            .zip(fids)
            .map(|(id, fid)| {
                let id = naming.id(id, fid.as_deref());
                id.and_then(|id| place_of.get(id.as_str()).copied()).unwrap_or(NONE)
            })
            .collect()
    };
    let mut best: Option<(usize, Vec<u32>, Naming)> = None;
    for naming in Naming::ALL {
        let columns = find(naming);
        let n = columns.iter().filter(|&&i| i != NONE).count();
        if best.as_ref().is_none_or(|(most, ..)| n > *most) {
            best = Some((n, columns, naming));
        }
    }
    match best {
        Some((n, columns, naming)) if n > 0 => Ok((columns, naming)),
        _ => {
            let parts: HashSet<&str> = header.iter().filter_map(|id| id.split_once('_')).map(|(_, iid)| iid).collect();
            let n_parts = ids.iter().filter(|id| parts.contains(*id)).count();
            let cause = if n_parts > 0 {
                format!(
                    "; {n_parts} match by the part after the '_', so the FIDs differ: give the trait table the FIDs that \
                     step 1 had"
                )
            } else {
                String::new()
            };
            let (path, n_rows) = (file.name().to_string(), header.len());
            Err(CohortError::NoOverlap { path, n_rows, n_genotyped: ids.len(), cause })
        }
    }
}
