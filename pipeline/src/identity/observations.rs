//! What reads show at the sites of a panel, sample by sample, and how it travels between ranks.

/// Bytes of one sample at one site in a payload.
pub const SITE_BYTES: usize = 18;

/// Reads of one sample at one site.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SiteObservation {
    /// Bases, those that are neither REF nor ALT included.
    pub depth: u16,
    /// REF bases.
    pub n_ref: u16,
    /// ALT bases.
    pub n_alt: u16,
    /// ln P(reads | g) less the largest of the three; 0, 0, 0 without reads.
    pub ln_likelihoods: [f32; 3],
}

impl SiteObservation {
    /// Whether there are reads that tell genotypes apart.
    pub fn is_informative(&self) -> bool {
        u32::from(self.n_ref) + u32::from(self.n_alt) > 0
    }

    /// Appends the observation to a payload.
    pub fn encode(&self, payload: &mut Vec<u8>) {
        for n in [self.depth, self.n_ref, self.n_alt] {
            payload.extend_from_slice(&n.to_le_bytes());
        }
        for ln in self.ln_likelihoods {
            payload.extend_from_slice(&ln.to_le_bytes());
        }
    }

    fn decode(bytes: &[u8; SITE_BYTES]) -> Self {
        let count = |i: usize| u16::from_le_bytes([bytes[i], bytes[i + 1]]);
        let ln = |i: usize| f32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
        Self { depth: count(0), n_ref: count(2), n_alt: count(4), ln_likelihoods: [ln(6), ln(10), ln(14)] }
    }
}

/// n_samples × n_sites observations of a batch of samples, sample-major.
#[derive(Debug, Default)]
pub struct Observations {
    n_samples: usize,
    n_sites: usize,
    all: Vec<SiteObservation>,
}

impl Observations {
    /// Room for a batch, without reads.
    pub fn reset(&mut self, n_samples: usize, n_sites: usize) {
        (self.n_samples, self.n_sites) = (n_samples, n_sites);
        self.all.clear();
        self.all.resize(n_samples * n_sites, SiteObservation::default());
    }

    /// Takes a payload of sites from `first_site` on: observations of every sample of the batch, site by site. False if it
    /// is not of this batch's shape.
    #[must_use]
    pub fn take(&mut self, first_site: usize, payload: &[u8]) -> bool {
        let row = self.n_samples * SITE_BYTES;
        let (chunks, rest) = payload.as_chunks::<SITE_BYTES>();
        let n_rows = payload.len().checked_div(row).unwrap_or(0);
        if !rest.is_empty() || n_rows * row != payload.len() || first_site + n_rows > self.n_sites {
            return false;
        }
        for (i, bytes) in chunks.iter().enumerate() {
            let (site, sample) = (first_site + i / self.n_samples, i % self.n_samples);
            self.all[sample * self.n_sites + site] = SiteObservation::decode(bytes);
        }
        true
    }

    /// The observations of one sample of the batch, one a site.
    pub fn of_sample(&self, sample_idx: usize) -> &[SiteObservation] {
        &self.all[sample_idx * self.n_sites..(sample_idx + 1) * self.n_sites]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_travel_as_bytes() {
        let (n_samples, n_sites) = (3, 5);
        let of = |site: usize, sample: usize| SiteObservation {
            depth: 9,
            n_ref: site as u16,
            n_alt: sample as u16,
            ln_likelihoods: [0.0, -0.5, -1.25 * site as f32],
        };
        let mut observations = Observations::default();
        observations.reset(n_samples, n_sites);
        for sites in [3..5, 0..3] {
            let mut payload = Vec::new();
            for site in sites.clone() {
                (0..n_samples).for_each(|sample| of(site, sample).encode(&mut payload));
            }
            assert!(observations.take(sites.start, &payload));
            assert!(!observations.take(sites.start, &payload[1..]));
            assert!(!observations.take(4, &[payload.clone(), payload.clone()].concat()));
        }
        for sample in 0..n_samples {
            let expected: Vec<_> = (0..n_sites).map(|site| of(site, sample)).collect();
            assert_eq!(observations.of_sample(sample), expected);
        }
    }
}
