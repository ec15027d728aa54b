//! Whose reads a file holds: its own sample's, another's (swapped), or those of two (contaminated); and how deep.

use std::collections::HashMap;

use super::super::output::SimulateError;
use super::super::random::{Purpose, Stream};
use super::config::ReadsConfig;
use crate::report::words::count;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Content {
    /// The person that the reads are of.
    pub person: usize,
    /// Whose reads are mixed in, and their share of the fragments.
    pub contaminant: Option<(usize, f64)>,
    /// Mean depth.
    pub depth: f64,
}

/// Contents of the files of all samples, in the order of samples.
///
/// # Errors
/// [`SimulateError::Reads`] where the table of depths names who is not there, or there are too few samples.
pub fn contents(config: &ReadsConfig, samples: &[String], seed: u64) -> Result<Vec<Content>, SimulateError> {
    let n = samples.len();
    let needed = 2 * config.n_swaps + config.n_contaminated;
    let too_few = needed > n || (needed > 0 && n < 2);
    if too_few {
        let asked = match (config.n_swaps, config.n_contaminated) {
            (n_swaps, 0) => format!("--swap {n_swaps}"),
            (0, n_contaminated) => format!("--contamination with --n-contaminated {n_contaminated}"),
            (n_swaps, n_contaminated) => format!("--swap {n_swaps} and --n-contaminated {n_contaminated}"),
        };
        let (needed, there) = (needed.max(2), count(n as u64, "sample"));
        let verb = if n == 1 { "is" } else { "are" };
        return Err(SimulateError::Reads(format!("{asked}: needs at least {needed} samples, and here {verb} {there}")));
    }
    let mut contents: Vec<Content> =
        (0..n).map(|person| Content { person, contaminant: None, depth: config.depth }).collect();
    let place: HashMap<&str, usize> = samples.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
    for own in &config.depths {
        let Some(&sample_idx) = place.get(own.sample.as_str()) else {
            return Err(SimulateError::Reads(format!(
                "--depth-file: line {}: its sample is none of the {n} that are simulated",
                own.line
            )));
        };
        contents[sample_idx].depth = own.depth;
    }
    let mut order: Vec<usize> = (0..n).collect();
    let mut stream = Stream::new(seed, Purpose::Mixing, 0, 0);
    for i in 0..needed {
        order.swap(i, i + stream.below((n - i) as u64) as usize);
    }
    let (swapped, rest) = order.split_at(2 * config.n_swaps);
    for pair in swapped.chunks_exact(2) {
        (contents[pair[0]].person, contents[pair[1]].person) = (pair[1], pair[0]);
    }
    for &sample_idx in &rest[..config.n_contaminated] {
        contents[sample_idx].contaminant = Some(((sample_idx + 1) % n, config.contamination));
    }
    Ok(contents)
}
