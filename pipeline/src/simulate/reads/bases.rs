//! Base qualities, and errors at exactly the rate that they say: 10^(−q/10), uniform over the three other bases.

use super::super::random::Stream;

/// Draws quality and error of a base with one number of 32 bits.
#[derive(Debug, Clone)]
pub struct BaseModel {
    /// Where each outcome ends among the numbers, the quality, and whether the base is wrong; the frequent ones first.
    outcomes: Vec<(u64, u8, bool)>,
}

impl BaseModel {
    /// Of qualities with shares that sum to 1.
    pub fn new(qualities: &[(u8, f64)]) -> Self {
        let split = |&(quality, share): &(u8, f64)| {
            let wrong = error_rate(quality);
            [(share * (1.0 - wrong), quality, false), (share * wrong, quality, true)]
        };
        let mut shares: Vec<(f64, u8, bool)> = qualities.iter().flat_map(split).filter(|o| o.0 > 0.0).collect();
        shares.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut sum = 0.0;
        let mut outcomes: Vec<_> = shares
            .into_iter()
            .map(|(share, quality, wrong)| {
                sum += share;
                ((sum * (1_u64 << 32) as f64) as u64, quality, wrong)
            })
            .collect();
        if let Some(last) = outcomes.last_mut() {
            last.0 = u64::MAX;
        }
        Self { outcomes }
    }

    /// Reads `bases`, A, C, G or T: some become others, and each gets its quality.
    pub fn read(&self, stream: &mut Stream, bases: &mut [u8], qualities: &mut Vec<u8>) {
        qualities.clear();
        for base in bases {
            let drawn = u64::from(stream.bits32());
            let outcome = self.outcomes.iter().find(|outcome| drawn < outcome.0);
            let &(_, quality, wrong) = outcome.unwrap_or(&(0, 0, true));
            if wrong {
                *base = another(*base, stream);
            }
            qualities.push(quality);
        }
    }
}

/// The probability of an error, 10^(−q/10).
pub fn error_rate(quality: u8) -> f64 {
    libm::exp(-f64::from(quality) * core::f64::consts::LN_10 / 10.0)
}

/// One of the three other bases.
fn another(base: u8, stream: &mut Stream) -> u8 {
    let others = match base {
        b'A' => b"CGT",
        b'C' => b"AGT",
        b'G' => b"ACT",
        _ => b"ACG",
    };
    others[stream.below(3) as usize]
}

#[cfg(test)]
mod tests {
    use super::super::super::random::Purpose;
    use super::*;

    #[test]
    fn errors_come_at_the_rate_of_their_quality_and_to_all_bases() {
        let shares = [(37, 0.5), (20, 0.3), (10, 0.15), (2, 0.05)];
        let model = BaseModel::new(&shares);
        let mut stream = Stream::new(3, Purpose::Reads, 0, 0);
        let (mut n, mut wrong, mut to) = ([0_u32; 64], [0_u32; 64], [0_u32; 256]);
        let mut qualities = Vec::new();
        let n_bases = 1_000_000;
        for _ in 0..n_bases / 100 {
            let mut bases = [b'G'; 100];
            model.read(&mut stream, &mut bases, &mut qualities);
            for (&base, &quality) in bases.iter().zip(&qualities) {
                n[usize::from(quality)] += 1;
                wrong[usize::from(quality)] += u32::from(base != b'G');
                to[usize::from(base)] += 1;
            }
        }
        for (quality, share) in shares {
            let (n, wrong) = (f64::from(n[usize::from(quality)]), f64::from(wrong[usize::from(quality)]));
            let expected = f64::from(n_bases) * share;
            assert!((n - expected).abs() < 5.0 * (expected * (1.0 - share)).sqrt(), "{quality}: {n} of {expected}");
            let rate = error_rate(quality);
            let z = (wrong - n * rate) / (n * rate * (1.0 - rate)).sqrt();
            assert!(z.abs() < 5.0, "{quality}: {wrong} errors of {n}");
        }
        let [a, c, t] = [b'A', b'C', b'T'].map(|base| f64::from(to[usize::from(base)]));
        let third = (a + c + t) / 3.0;
        assert!([a, c, t].iter().all(|n| (n - third).abs() < 5.0 * third.sqrt()), "{a} {c} {t}");
    }
}
