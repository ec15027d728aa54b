//! ALT frequency by maximum likelihood under Hardy–Weinberg proportions, from genotype likelihoods:
//! ℓ(f) = Σ ln Σ_g P(reads | g)·P(g | f). EM's step is f ← Σ E\[g]/2n (Kim et al. 2011); its gradient and curvature,
//!
//! ℓ′ = (Σ E\[g] − 2nf)/(f(1−f))    −ℓ″ = (2nf(1−f) − Σ Var(g))/(f(1−f))² where ℓ′ = 0,
//!
//! come of the same sums, so that Newton's step costs what EM's does.

use crate::arch::likelihoods::{Group, LikelihoodScans};

/// Steps of less than this share of the rarer allele's frequency end the search. Newton's last step is far more exact.
const TOLERANCE: f64 = 1e-6;
/// An allele rarer than this is absent.
const ABSENT: f64 = 1e-9;
const MAX_STEPS: usize = 200;
/// The rarer allele's frequency falls by at most this factor in a step.
const SLOWEST: f64 = 1.0 / 16.0;

/// Prior of g = 0, 1, 2 at ALT frequency `f`.
pub(super) fn hardy_weinberg(f: f64) -> [f64; 3] {
    let q = 1.0 - f;
    [q * q, 2.0 * f * q, f * f]
}

/// The local maximum of ℓ that lies uphill of the mean of E\[g]/2 under a flat prior (over samples with reads); 0 or 1 where
/// an allele is absent, NaN without reads. Newton's step where ℓ is concave and the step stays between the last points known
/// to lie below and above, EM's elsewhere, which always goes uphill and never past a maximum.
pub(super) fn most_likely(scans: &LikelihoodScans, groups: &[Group], n_samples: usize, n_with_reads: usize) -> f64 {
    if n_with_reads == 0 {
        return f64::NAN;
    }
    let (n, n_without) = (n_samples as f64, (n_samples - n_with_reads) as f64);
    let (flat, _) = (scans.moments)(groups, [1.0; 3]);
    let start = (flat - n_without) / (2.0 * n_with_reads as f64);
    let (mut f, mut low, mut high) = (start.clamp(0.25 / n, 1.0 - 0.25 / n), 0f64, 1f64);
    for _ in 0..MAX_STEPS {
        let (mean, variance) = (scans.moments)(groups, hardy_weinberg(f));
        let excess = mean - 2.0 * n * f;
        if excess > 0.0 {
            low = f;
        } else {
            high = f;
        }
        let curvature = 2.0 * n - variance / (f * (1.0 - f));
        let newton = (f + excess / curvature).clamp(f * SLOWEST, 1.0 - (1.0 - f) * SLOWEST);
        let next = if curvature > 0.0 && newton > low && newton < high { newton } else { mean / (2.0 * n) };
        let step = (next - f).abs();
        f = next;
        if f < ABSENT || 1.0 - f < ABSENT {
            return f.round();
        }
        if step <= TOLERANCE * f.min(1.0 - f) {
            break;
        }
    }
    f
}
