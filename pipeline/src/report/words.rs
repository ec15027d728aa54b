//! Words of log lines that go by a number.

/// "1 trait", "2 traits".
pub fn count(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
