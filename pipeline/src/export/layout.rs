//! What a text format is: a header, and a line a pair, its front made once a variant.

use super::rows::Pair;
use crate::sink::rows::VariantRow;

/// The parts of a line that hang on the variant alone.
#[derive(Debug, Clone, Default)]
pub struct Front {
    /// How the line begins.
    pub start: Vec<u8>,
    /// A1_FREQ as text, without separators.
    pub freq: Vec<u8>,
    /// What of the variant stands farther behind.
    pub rest: Vec<u8>,
}

impl Front {
    /// Empties it for the next variant.
    pub fn clear(&mut self) {
        self.start.clear();
        self.freq.clear();
        self.rest.clear();
    }
}

/// A text format. Traits are rows of /traits.
pub trait Layout: Sync {
    /// The first line, with its end.
    fn header(&self) -> Vec<u8>;

    /// Why rows are left out that the format cannot hold; [`variant`](Self::variant) and [`pair`](Self::pair) index it.
    fn unfit_reasons(&self) -> &'static [&'static str] {
        &[]
    }

    /// Fills `front`, which is empty; or why no row of the variant can be.
    fn variant(&self, variant: &VariantRow, front: &mut Front) -> Result<(), usize>;

    /// Appends the line of a pair; or nothing, and why it cannot be.
    fn pair(
        &self,
        line: &mut Vec<u8>,
        front: &Front,
        variant: &VariantRow,
        trait_idx: usize,
        pair: &Pair,
    ) -> Result<(), usize>;
}
