//! Words of log lines: what goes by a number, and errors with their causes.

/// "1 trait", "2 traits", "2 stretches".
pub fn count(n: u64, noun: &str) -> String {
    match (n, noun.strip_suffix("ch")) {
        (1, _) => format!("1 {noun}"),
        (_, Some(_)) => format!("{n} {noun}es"),
        _ => format!("{n} {noun}s"),
    }
}

/// An error and its causes, each once: many say their cause themselves.
pub fn with_causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for link in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = link;
        } else if !text.contains(&link) {
            text = format!("{text}: {link}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("nope.vcf: {source}")]
    struct Twice {
        source: std::io::Error,
    }

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow::Error::from(Twice { source: std::io::Error::from_raw_os_error(2) });
        assert_eq!(with_causes(&error), "nope.vcf: No such file or directory (os error 2)");
        assert_eq!(with_causes(&error.context("opening")), "opening: nope.vcf: No such file or directory (os error 2)");
        assert_eq!(with_causes(&anyhow::anyhow!("inner").context("outer")), "outer: inner");
    }
}
