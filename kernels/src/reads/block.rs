//! The block of genotype likelihoods that pile-ups fill and [`super::posterior::Posteriors`] reads. Site-major, since both
//! go through one site's samples at a time; owned and reused.

/// n_sites × n_samples × 3 likelihoods of the analysed samples, site-major: ln P(reads | g) of g = 0, 1, 2 ALT copies, up to
/// any constant of the sample and site; −∞ is impossible, NaN is not allowed. Three equal numbers are a sample without reads.
#[derive(Debug, Clone)]
pub struct LikelihoodBlock {
    n_samples: usize,
    capacity: usize,
    len: usize,
    ln: Vec<[f32; 3]>,
}

impl LikelihoodBlock {
    /// An empty block with room for `capacity_sites` sites of `n_samples` samples, allocated here.
    #[must_use]
    pub fn new(n_samples: usize, capacity_sites: usize) -> Self {
        Self { n_samples, capacity: capacity_sites, len: 0, ln: vec![[0.0; 3]; n_samples * capacity_sites] }
    }

    /// Forgets all sites and keeps the memory.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Sites held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no site.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the capacity is used up. (A further push grows the block.)
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len >= self.capacity
    }

    /// Samples of every site.
    #[must_use]
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Appends a site; the caller overwrites all `n_samples` values, whose contents are arbitrary until then.
    pub fn push(&mut self) -> &mut [[f32; 3]] {
        let start = self.len * self.n_samples;
        self.len += 1;
        let end = start + self.n_samples;
        if self.ln.len() < end {
            self.ln.resize(end, [0.0; 3]);
        }
        &mut self.ln[start..end]
    }

    /// Takes the last site off (one that a filter refused).
    pub fn pop(&mut self) {
        self.len = self.len.saturating_sub(1);
    }

    /// Likelihoods of site `v` by sample, to be overwritten.
    pub fn site_mut(&mut self, v: usize) -> &mut [[f32; 3]] {
        &mut self.ln[v * self.n_samples..(v + 1) * self.n_samples]
    }

    /// Likelihoods of site `v` by sample.
    #[must_use]
    pub fn site(&self, v: usize) -> &[[f32; 3]] {
        &self.ln[v * self.n_samples..(v + 1) * self.n_samples]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn push_pop_and_clear_keep_the_memory() {
        let mut block = LikelihoodBlock::new(2, 1);
        block.push().copy_from_slice(&[[0.0; 3], [0.0, -0.7, -6.9]]);
        assert!(block.is_full());
        block.push().fill([0.0, -1.0, -2.0]);
        assert_eq!(block.site(1), [[0.0, -1.0, -2.0]; 2]);
        block.pop();
        assert_eq!((block.len(), block.site(0)[1]), (1, [0.0, -0.7, -6.9]));
        block.clear();
        assert!(block.is_empty());
    }
}
