//! The block of genotypes that readers fill and tests consume. Variant-major, because sources decode and tests stream
//! one variant's samples at a time; owned and reused, because nothing is allocated in the block loop.

/// A hard call that is missing.
pub const MISSING_CALL: u8 = 255;

/// What a block's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GenotypeKind {
    /// `u8`: 0, 1 or 2 ALT copies, [`MISSING_CALL`] missing.
    Calls,
    /// `f32`: 0 to 2 ALT copies, NaN missing.
    Dosages,
}

/// n_variants × n_samples genotypes of the analysed samples, ALT copies, variant-major.
#[derive(Debug, Clone)]
pub struct GenotypeBlock {
    kind: GenotypeKind,
    n_samples: usize,
    capacity: usize,
    len: usize,
    calls: Vec<u8>,
    dosages: Vec<f32>,
}

impl GenotypeBlock {
    /// An empty block with room for `capacity_variants` variants of `n_samples` samples, allocated here.
    #[must_use]
    pub fn new(kind: GenotypeKind, n_samples: usize, capacity_variants: usize) -> Self {
        let size = n_samples * capacity_variants;
        let (calls, dosages) = match kind {
            GenotypeKind::Calls => (vec![MISSING_CALL; size], Vec::new()),
            GenotypeKind::Dosages => (Vec::new(), vec![f32::NAN; size]),
        };
        Self { kind, n_samples, capacity: capacity_variants, len: 0, calls, dosages }
    }

    /// Forgets all variants and keeps the memory.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Variants held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no variant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the capacity is used up. (A further push grows the block.)
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len >= self.capacity
    }

    /// What the values are.
    #[must_use]
    pub fn kind(&self) -> GenotypeKind {
        self.kind
    }

    /// Samples of every variant.
    #[must_use]
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Appends a variant of a [`GenotypeKind::Calls`] block; the caller overwrites all `n_samples` values, whose
    /// contents are arbitrary until then. Empty for a block of dosages.
    pub fn push_calls(&mut self) -> &mut [u8] {
        let start = self.push_start();
        if self.kind == GenotypeKind::Dosages {
            return &mut [];
        }
        let end = start + self.n_samples;
        if self.calls.len() < end {
            self.calls.resize(end, MISSING_CALL);
        }
        &mut self.calls[start..end]
    }

    /// Appends a variant of a [`GenotypeKind::Dosages`] block; as [`Self::push_calls`].
    pub fn push_dosages(&mut self) -> &mut [f32] {
        let start = self.push_start();
        if self.kind == GenotypeKind::Calls {
            return &mut [];
        }
        let end = start + self.n_samples;
        if self.dosages.len() < end {
            self.dosages.resize(end, f32::NAN);
        }
        &mut self.dosages[start..end]
    }

    /// Takes the last variant off (one that a filter refused).
    pub fn pop(&mut self) {
        self.len = self.len.saturating_sub(1);
    }

    /// Calls of variant `v`; empty for a block of dosages.
    #[must_use]
    pub fn calls(&self, v: usize) -> &[u8] {
        match self.kind {
            GenotypeKind::Calls => &self.calls[v * self.n_samples..(v + 1) * self.n_samples],
            GenotypeKind::Dosages => &[],
        }
    }

    /// Dosages of variant `v`; empty for a block of calls.
    #[must_use]
    pub fn dosages(&self, v: usize) -> &[f32] {
        match self.kind {
            GenotypeKind::Calls => &[],
            GenotypeKind::Dosages => &self.dosages[v * self.n_samples..(v + 1) * self.n_samples],
        }
    }

    fn push_start(&mut self) -> usize {
        let start = self.len * self.n_samples;
        self.len += 1;
        start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn push_pop_and_clear_keep_the_memory() {
        let mut block = GenotypeBlock::new(GenotypeKind::Calls, 3, 2);
        block.push_calls().copy_from_slice(&[0, 1, 2]);
        block.push_calls().copy_from_slice(&[2, 2, MISSING_CALL]);
        assert!(block.is_full());
        assert_eq!(block.calls(1), [2, 2, MISSING_CALL]);
        block.pop();
        assert_eq!(block.len(), 1);
        block.clear();
        assert!(block.is_empty());
        assert!(block.dosages(0).is_empty());
    }

    #[test]
    fn a_push_over_capacity_grows() {
        let mut block = GenotypeBlock::new(GenotypeKind::Dosages, 2, 1);
        for _ in 0..3 {
            block.push_dosages().copy_from_slice(&[0.5, 1.5]);
        }
        assert_eq!(block.len(), 3);
        assert_eq!(block.dosages(2), [0.5, 1.5]);
    }
}
