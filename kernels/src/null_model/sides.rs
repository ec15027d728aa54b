//! Which masks list a sample: a variant's few carriers find the masks that they change, instead of every mask looking at all
//! of its missing samples.

use super::mask::Mask;

/// Masks by sample: those whose `side` has it. Σ |side| numbers of 4 bytes, |side| at most half of the samples.
#[derive(Debug, Clone)]
pub(crate) struct Sides {
    /// [sample]: where its masks start; one more than samples. Empty where all masks are full.
    starts: Vec<usize>,
    masks: Vec<u32>,
}

impl Sides {
    pub(super) fn new(masks: &[Mask], n_samples: usize) -> Self {
        if masks.iter().all(Mask::is_full) {
            return Self { starts: Vec::new(), masks: Vec::new() };
        }
        let mut starts = vec![0usize; n_samples + 1];
        masks.iter().flat_map(|mask| &mask.side).for_each(|&i| starts[i as usize + 1] += 1);
        for i in 0..n_samples {
            starts[i + 1] += starts[i];
        }
        let (mut next, mut listed) = (starts.clone(), vec![0u32; starts[n_samples]]);
        for (m, mask) in (0u32..).zip(masks) {
            for &i in &mask.side {
                listed[next[i as usize]] = m;
                next[i as usize] += 1;
            }
        }
        Self { starts, masks: listed }
    }

    /// Whether no mask lists a sample, since all are full.
    pub(crate) fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The masks that list a sample, ascending.
    pub(crate) fn of(&self, sample: u32) -> &[u32] {
        &self.masks[self.starts[sample as usize]..self.starts[sample as usize + 1]]
    }

    /// [sample]: where its masks start, and the masks.
    pub(crate) fn slices(&self) -> (&[usize], &[u32]) {
        (&self.starts, &self.masks)
    }
}
