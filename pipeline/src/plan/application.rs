//! What an application for time on a cluster asks for, from a prediction: thousands of core-hours a month, storage, number of
//! files, the size class. Classes change: each carries the day its source was read and the word to check.

use serde::Serialize;

use super::{Prediction, Range};

/// When the thresholds were read (PDC's pages on NAISS rounds).
pub const SOURCE_DATE: &str = "2026-11";
/// NAISS Small: core-hours a month at most.
pub const SMALL: f64 = 5_000.0;
/// NAISS Medium: core-hours a month at most.
pub const MEDIUM: f64 = 400_000.0;

/// Numbers for a form, if the whole study runs within one month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Application {
    /// Thousands of core-hours in the month of the study.
    pub thousand_core_hours_a_month: Range,
    /// Inputs, results, and spools as long as it runs: GiB.
    pub storage_gib: Range,
    /// Files while it runs, inputs (and their indices) included.
    pub files: u64,
    /// The smallest NAISS class that holds it at the most that it may take.
    pub naiss_class: &'static str,
    /// What that rests on.
    pub naiss_source: String,
    /// EuroHPC's unit.
    pub node_hours: Range,
}

impl Application {
    /// From a prediction of which `core_hours` and `node_hours` are charged; `n_inputs` files are read.
    pub fn new(prediction: &Prediction, core_hours: Range, node_hours: Range, n_inputs: u64) -> Self {
        let gib = 1.0 / f64::from(1 << 30);
        let parts = [prediction.input_bytes, prediction.output_bytes, prediction.spool_bytes];
        let sum = |of: fn(&Range) -> f64| parts.iter().map(of).sum::<f64>();
        let bytes = Range { expected: sum(|r| r.expected), least: sum(|r| r.least), most: sum(|r| r.most) };
        let naiss_class = match core_hours.most {
            most if most <= SMALL => "Small",
            most if most <= MEDIUM => "Medium",
            _ => "Large",
        };
        Self {
            thousand_core_hours_a_month: core_hours.scaled(1e-3),
            storage_gib: bytes.scaled(gib),
            files: prediction.files + 2 * n_inputs,
            naiss_class,
            naiss_source: format!(
                "Small up to {SMALL:.0} core-hours a month, Medium up to {MEDIUM:.0}, Large above (as read {SOURCE_DATE}; \
                 check the current round)"
            ),
            node_hours,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_go_by_the_most_that_it_may_take() {
        let flat = |value: f64| Range::within(value, 1.0);
        let p = Prediction {
            cpu_seconds: flat(1.0),
            wall_seconds: flat(1.0),
            memory_per_rank_bytes: flat(1.0),
            input_bytes: flat(2.0 * f64::from(1 << 30)),
            output_bytes: flat(3.0 * f64::from(1 << 30)),
            spool_bytes: flat(4.0 * f64::from(1 << 30)),
            files: 10,
        };
        let class = |hours: Range| Application::new(&p, hours, flat(1.0), 22).naiss_class;
        assert_eq!(class(Range::within(4_000.0, 1.2)), "Small");
        assert_eq!(class(Range::within(4_500.0, 1.2)), "Medium");
        assert_eq!(class(flat(400_001.0)), "Large");
        let form = Application::new(&p, flat(1.0), flat(1.0), 22);
        assert_eq!((form.storage_gib.expected, form.files), (9.0, 54));
    }
}
