//! What shards of a real run cost: the material that shards of any size are put together from.

use super::random::Random;

/// Shards of a real run, in the order of their file.
#[derive(Debug, Clone)]
pub struct Timings {
    /// Bytes before each piece, and after the last.
    bytes: Vec<f64>,
    /// Seconds before each piece, and after the last.
    seconds: Vec<f64>,
    /// Seconds that a shard takes whatever its size; not in `seconds`.
    per_shard: f64,
    /// Variants of all pieces.
    n_variants: u64,
}

/// Why a file of timings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TimingsError {
    /// Not a number where one was expected.
    #[error("line {line}: {text:?} is no line \"shard N: R variants in S s, B bytes\"")]
    Line {
        /// From 1.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// Too little to draw from.
    #[error("{0} shards are too few: sixteen are needed, so that not all shards are the same")]
    Few(usize),
}

impl Timings {
    /// From lines "shard N: R variants in S s, B bytes"; empty lines and comments (`#`) are passed over. `per_shard`: of
    /// each piece's seconds, those that it would take without any records.
    ///
    /// # Errors
    /// [`TimingsError`].
    pub fn parse(text: &str, per_shard: f64) -> Result<Self, TimingsError> {
        let mut pieces = Vec::new();
        for (idx, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let numbers = numbers_of(line);
            let piece = numbers.ok_or_else(|| TimingsError::Line { line: idx + 1, text: line.to_owned() })?;
            pieces.push(piece);
        }
        if pieces.len() < 16 {
            return Err(TimingsError::Few(pieces.len()));
        }
        // Shards are claimed largest first; their place in the file is their number.
        pieces.sort_by_key(|piece| piece.0);
        let (mut bytes, mut seconds) = (vec![0.0], vec![0.0]);
        for &(_, _, s, b) in &pieces {
            bytes.push(bytes[bytes.len() - 1] + b);
            seconds.push(seconds[seconds.len() - 1] + (s - per_shard).max(0.0));
        }
        Ok(Self { bytes, seconds, per_shard, n_variants: pieces.iter().map(|piece| piece.1).sum() })
    }

    /// Seconds on one core for each byte of input, without what a shard costs by itself.
    pub fn seconds_per_byte(&self) -> f64 {
        self.total_seconds() / self.total_bytes()
    }

    /// Bytes of input for each variant.
    pub fn bytes_per_variant(&self) -> f64 {
        self.total_bytes() / self.n_variants as f64
    }

    fn total_bytes(&self) -> f64 {
        self.bytes[self.bytes.len() - 1]
    }

    fn total_seconds(&self) -> f64 {
        self.seconds[self.seconds.len() - 1]
    }

    /// Seconds of a shard of `bytes`: a run of neighbours of the measured file from a place drawn by chance, around its end
    /// as often as need be.
    pub fn shard(&self, bytes: f64, random: &mut Random) -> f64 {
        let total = self.total_bytes();
        let from = random.uniform() * total;
        let rounds = (bytes / total).floor();
        let to = from + (bytes - rounds * total);
        let part = if to <= total {
            self.before(to) - self.before(from)
        } else {
            self.total_seconds() - self.before(from) + self.before(to - total)
        };
        self.per_shard + rounds * self.total_seconds() + part
    }

    /// Seconds of the measured file before a byte of it.
    fn before(&self, at: f64) -> f64 {
        let idx = self.bytes.partition_point(|&b| b <= at).clamp(1, self.bytes.len() - 1);
        let share = (at - self.bytes[idx - 1]) / (self.bytes[idx] - self.bytes[idx - 1]).max(1.0);
        self.seconds[idx - 1] + share.clamp(0.0, 1.0) * (self.seconds[idx] - self.seconds[idx - 1])
    }
}

/// Shard, variants, seconds, bytes.
fn numbers_of(line: &str) -> Option<(u64, u64, f64, f64)> {
    let (shard, rest) = line.strip_prefix("shard ")?.split_once(": ")?;
    let (variants, rest) = rest.split_once(" variants in ")?;
    let (seconds, rest) = rest.split_once(" s, ")?;
    let bytes = rest.strip_suffix(" bytes")?;
    Some((shard.parse().ok()?, variants.parse().ok()?, seconds.parse().ok()?, bytes.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twenty() -> Timings {
        let line = |n: u64| format!("shard {n}: 10 variants in {:.1} s, 1000 bytes\n", 1.0 + (n % 2) as f64);
        let text: String = (0..20).map(line).collect();
        Timings::parse(&format!("# measured\n\n{text}"), 0.5).unwrap()
    }

    #[test]
    fn shards_of_any_size_cost_what_their_bytes_do() {
        let (timings, mut random) = (twenty(), Random::new(1));
        assert!((timings.seconds_per_byte() - 1e-3).abs() < 1e-12);
        assert!((timings.bytes_per_variant() - 100.0).abs() < 1e-12);
        for bytes in [1.0, 700.0, 19_999.0, 20_000.0, 123_456.0] {
            let n = 4000;
            let mean = (0..n).map(|_| timings.shard(bytes, &mut random)).sum::<f64>() / f64::from(n);
            assert!((mean - 0.5 - bytes * 1e-3).abs() < 0.02 * (1.0 + bytes * 1e-3), "{bytes} {mean}");
        }
    }

    #[test]
    fn lines_that_are_no_timings_are_named() {
        let error = Timings::parse("shard 1: 3 variants in x s, 4 bytes", 0.0).unwrap_err().to_string();
        assert!(error.starts_with("line 1: "), "{error}");
        assert!(matches!(Timings::parse("shard 1: 3 variants in 1 s, 4 bytes", 0.0), Err(TimingsError::Few(1))));
    }
}
