//! Words of log lines that go by a number.

/// "1 trait", "2 traits", "2 stretches".
pub fn count(n: u64, noun: &str) -> String {
    match (n, noun.strip_suffix("ch")) {
        (1, _) => format!("1 {noun}"),
        (_, Some(_)) => format!("{n} {noun}es"),
        _ => format!("{n} {noun}s"),
    }
}
