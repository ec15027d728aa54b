//! What the end-to-end tests share: running norna and its peers, where data lie, simulated inputs, comparisons.
//!
//! A tool or a data folder that is missing skips a test, and says so past the test runner's capture of output; where CI
//! is "true" it fails the test.
#![allow(dead_code, unused_macros, unused_imports, unreachable_pub, missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod bed;
pub mod bits;
pub mod interrupt;
pub mod oracle;
pub mod places;
pub mod refusal;
pub mod simulate;
pub mod slurm;
pub mod study;
pub mod table;
pub mod tools;

/// Leaves the test unless everything named is there.
macro_rules! need {
    ($($what:expr),+ $(,)?) => {
        $( if !$crate::support::tools::have($what) { return; } )+
    };
}
pub(crate) use need;
