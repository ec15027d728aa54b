//! What a process used, from /proc; zero where there is none.

/// Memory and time of this process so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Resources {
    /// Peak resident memory, bytes.
    pub peak_memory: u64,
    /// User and system time, seconds.
    pub cpu_seconds: f64,
}

impl Resources {
    /// Reads the counters.
    pub fn now() -> Self {
        Self { peak_memory: peak_memory().unwrap_or(0), cpu_seconds: cpu_seconds().unwrap_or(0.0) }
    }
}

fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn cpu_seconds() -> Option<f64> {
    // Fields 14 and 15 in clock ticks, which Linux fixes at 100 a second for user space; the name in field 2 may hold
    // blanks, so count from its closing parenthesis.
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / 100.0)
}

/// Bytes as a person reads them.
pub fn human_bytes(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
