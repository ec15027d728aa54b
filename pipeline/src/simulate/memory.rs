//! Memory that a cohort takes, against what there is: refused before hours of work rather than killed in them.

use super::config::SimulateConfig;
use super::output::SimulateError;

/// Refuses a cohort that takes more memory than there is, by the formula of docs/simulate.md.
///
/// # Errors
/// [`SimulateError::Memory`].
pub fn check(config: &SimulateConfig) -> Result<(), SimulateError> {
    let needed = needed(config);
    match available() {
        Some(available) if needed > u128::from(available) => {
            let needed = u64::try_from(needed).unwrap_or(u64::MAX);
            Err(SimulateError::Memory { n_samples: config.n_samples, needed, available })
        }
        _ => Ok(()),
    }
}

/// Bytes.
fn needed(config: &SimulateConfig) -> u128 {
    const MIB: u128 = 1 << 20;
    let n = config.n_samples as u128;
    let traits = config.traits;
    let n_variants: u128 = config.contigs.iter().map(|contig| u128::from(contig.n_variants)).sum();
    let n_effects = (traits.n_quantitative + traits.n_binary) as u128 * traits.n_causal as u128;
    let n_columns = (traits.n_quantitative + traits.n_null + traits.n_binary) as u128;
    let n_covariates = traits.n_covariates as u128;
    let block = (8 * MIB).max(n * if config.fields.imputed() { 48 } else { 12 });
    let a_thread = block + (20 << 10) * (n_columns + n_covariates);
    16 * MIB
        + 130 * n
        + n_effects.min(n_variants) * n / 4
        + 150 * n_effects
        + 8 * n_columns * n_covariates
        + config.threads as u128 * a_thread
        + config.reads.as_ref().map_or(0, |_| reads(config))
}

/// What reads add: the sites, and for each thread two people's haplotypes of a contig and buffers.
fn reads(config: &SimulateConfig) -> u128 {
    let n_sites: u64 = config.contigs.iter().map(|contig| contig.n_variants).sum();
    let longest = config.contigs.iter().map(|contig| contig.n_variants).max().unwrap_or(0);
    12 * u128::from(n_sites) + config.threads as u128 * (u128::from(longest) / 2 + (4 << 20))
}

/// Bytes that this process can still have, where the system tells: free memory and swap, and the limit of its addresses.
fn available() -> Option<u64> {
    let free = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let memory = kib(&text, "MemAvailable:")?;
        Some(memory + kib(&text, "SwapFree:").unwrap_or(0))
    });
    let limits = std::fs::read_to_string("/proc/self/limits").ok();
    let limit = limits.as_deref().and_then(address_limit).map(|limit| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        limit.saturating_sub(kib(&status, "VmSize:").unwrap_or(0))
    });
    free.into_iter().chain(limit).min()
}

/// A field of /proc that is in KiB, as bytes.
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// The soft limit of addresses, bytes; none where it is unlimited.
fn address_limit(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc_are_read() {
        assert_eq!(kib("MemTotal: 9 kB\nMemAvailable:     12 kB\n", "MemAvailable:"), Some(12 * 1024));
        let limits = "Max address space         4096000000           unlimited            bytes\n";
        assert_eq!(address_limit(limits), Some(4_096_000_000));
        assert_eq!(address_limit("Max address space         unlimited            unlimited            bytes\n"), None);
    }
}
