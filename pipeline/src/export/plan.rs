//! Which pairs go out, and with which columns.

use super::places::PlaceColumns;
use super::select::Region;
use crate::sink::rows::VariantRow;

/// What goes into a table.
#[derive(Debug, Clone, Default)]
pub struct ExportPlan {
    /// Columns of the matrices, ascending.
    pub traits: Vec<usize>,
    /// Rows in any of these; all rows if empty.
    pub regions: Vec<Region>,
    /// Pairs with at least this −log10 p.
    pub min_log10p: Option<f64>,
    /// Whether the TRAIT column is written.
    pub with_trait: bool,
    /// Columns of proteins' genes.
    pub places: Option<PlaceColumns>,
}

impl ExportPlan {
    /// Whether the variant lies in the wanted regions.
    pub fn wants(&self, variant: &VariantRow) -> bool {
        self.regions.is_empty() || self.regions.iter().any(|region| region.contains(variant))
    }
}
