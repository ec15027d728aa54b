//! What the benches share: time on the CPU, since a machine that others use too says little by the clock on the wall. And a
//! simulation of ranks that claim shards.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod claims;

use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};

/// Time of the measuring thread on a CPU, as Linux counts it.
#[derive(Debug, Clone, Copy, Default)]
pub struct CpuTime;

fn on_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        on_cpu()
    }

    fn end(&self, start: Duration) -> Duration {
        (on_cpu() - start).max(Duration::from_nanos(1))
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}
