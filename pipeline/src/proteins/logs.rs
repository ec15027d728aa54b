//! Logarithms of amounts. What is not above 0 has none: it becomes missing and is counted.

use super::options::LogRule;
use super::raw::{RawTable, Scale, TableLayout};
use super::step::Step;

/// What `--log auto` means for a table.
fn resolve(table: &RawTable, rule: LogRule) -> LogRule {
    match (rule, table.scale, table.layout) {
        (LogRule::Auto, Scale::Linear, TableLayout::Adat) => LogRule::Log10,
        (LogRule::Auto, Scale::Linear, _) => LogRule::Log2,
        (LogRule::Auto, Scale::Log2 | Scale::Unknown, _) => LogRule::None,
        (rule, ..) => rule,
    }
}

/// Takes the logarithm.
pub fn apply(table: &mut RawTable, rule: LogRule) -> Step {
    let chosen = resolve(table, rule);
    let (name, log): (_, fn(f64) -> f64) = match chosen {
        LogRule::Log2 => ("log2", libm::log2),
        LogRule::Log10 => ("log10", libm::log10),
        LogRule::Ln => ("ln", libm::log),
        LogRule::Auto | LogRule::None => ("none", |value| value),
    };
    let mut step = Step::new("log", name);
    if name == "none" {
        let why = match table.scale {
            Scale::Log2 => "the values are logarithms (NPX): none is taken",
            Scale::Unknown => {
                "the file does not say whether its values are logarithms: none is taken (--log takes one)"
            }
            Scale::Linear => "amounts are not logged, as asked",
        };
        step.notes.push(why.to_owned());
        return step;
    }
    if table.scale == Scale::Log2 {
        step.notes.push("the values were logarithms (NPX) already".to_owned());
    }
    let mut n_without = 0;
    for value in table.values.iter_mut().filter(|value| !value.is_nan()) {
        *value = if *value > 0.0 { log(*value) } else { f64::NAN };
        n_without += usize::from(value.is_nan());
    }
    step.count("values not above 0 set missing", n_without);
    step
}
