//! Samples that lie far off, as OlinkAnalyze looks for them: by median and interquartile range of a sample's values on a
//! panel (`olink_qc_plot`), and by the first two principal components of all proteins (`olink_pca_plot`). Far is more than
//! so many standard deviations from the mean over samples.

use super::components;
use super::error::ProteinsError;
use super::options::OutlierRule;
use super::repeats::{SampleTable, median};
use super::step::Step;
use crate::cohort::transform::mean_and_sd;

/// Looks for outliers, and leaves them out if that is the rule.
///
/// # Errors
/// As [`components::of_rows`].
pub fn apply(table: &mut SampleTable, rule: OutlierRule, n_sd: f64) -> Result<Step, ProteinsError> {
    let n = table.samples.len();
    if rule == OutlierRule::Keep {
        return Ok(Step::new("outliers", "keep"));
    }
    let mut step = Step::new("outliers", if rule == OutlierRule::Flag { "flag" } else { "drop" });
    let reach = (n as f64 - 1.0) / (n as f64).sqrt();
    if reach <= n_sd {
        step.notes.push(format!("of {n} samples none can lie {n_sd} standard deviations off ({reach:.1} is the most)"));
    }
    let mut is_outlier = vec![false; n];
    let mut mark = |step: &mut Step, what: &str, far: &[bool]| {
        step.count(what, far.iter().filter(|&&far| far).count());
        is_outlier.iter_mut().zip(far).for_each(|(out, &far)| *out |= far);
    };
    let (mut by_median, mut by_iqr) = (vec![false; n], vec![false; n]);
    for panel in 0..table.panels.len() as u32 {
        let (medians, ranges) = spreads(table, panel);
        far_off(&medians, n_sd, &mut by_median);
        far_off(&ranges, n_sd, &mut by_iqr);
    }
    let mut by_component = vec![false; n];
    let rows: Vec<&[f64]> = (0..table.proteins.len()).map(|row| table.row(row)).collect();
    match components::of_rows(&rows, 2) {
        Ok(found) => found.scores.iter().for_each(|scores| far_off(scores, n_sd, &mut by_component)),
        Err(error) if rule == OutlierRule::Flag => step.notes.push(format!("not looked at: {error}")),
        Err(error) => return Err(error),
    }
    step.count("samples", n);
    mark(&mut step, "by the median of a panel", &by_median);
    mark(&mut step, "by the interquartile range of a panel", &by_iqr);
    mark(&mut step, "by the first two principal components", &by_component);
    step.count("outliers", is_outlier.iter().filter(|&&out| out).count());
    if rule == OutlierRule::Drop {
        let keep: Vec<bool> = is_outlier.iter().map(|&out| !out).collect();
        table.keep_samples(&keep);
    }
    step.count("samples dropped", n - table.samples.len());
    match table.samples.is_empty() {
        true => Err(ProteinsError::Refused(format!("no sample is left ({}): raise --outlier-sd", step.line()))),
        false => Ok(step),
    }
}

/// Marks values more than `n_sd` standard deviations (n − 1) from their mean.
fn far_off(values: &[f64], n_sd: f64, far: &mut [bool]) {
    let (mean, sd) = mean_and_sd(values);
    if sd > 0.0 {
        values.iter().zip(far).for_each(|(value, far)| *far |= (value - mean).abs() > n_sd * sd);
    }
}

/// By sample: median and interquartile range of its values on a panel; NaN without any.
fn spreads(table: &SampleTable, panel: u32) -> (Vec<f64>, Vec<f64>) {
    let rows: Vec<&[f64]> =
        (0..table.proteins.len()).filter(|&row| table.proteins[row].panel == panel).map(|row| table.row(row)).collect();
    let mut values = Vec::new();
    let spread = |sample: usize| {
        values.clear();
        values.extend(rows.iter().map(|row| row[sample]).filter(|value| !value.is_nan()));
        let middle = median(&mut values);
        (middle, quantile(&values, 0.75) - quantile(&values, 0.25))
    };
    (0..table.samples.len()).map(spread).unzip()
}

/// A quantile of sorted values, interpolated (R's type 7); NaN without any.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = share * last as f64;
    let (low, part) = (at.floor() as usize, at - at.floor());
    sorted[low] + part * (sorted[last.min(low + 1)] - sorted[low])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_r() {
        // quantile(c(1, 2, 4, 8, 16, 32), c(0.25, 0.75)) is 2.5, 14.
        let values = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
        assert_eq!((quantile(&values, 0.25), quantile(&values, 0.75)), (2.5, 14.0));
        assert_eq!(quantile(&[3.0], 0.75), 3.0);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
