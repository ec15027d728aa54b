//! What a user may say about a file that the file does not.

use crate::proteins::TableLayout;

/// Which way a matrix lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orientation {
    /// A row is a sample.
    SamplesInRows,
    /// A row is a protein.
    ProteinsInRows,
}

/// How to read tables of proteins. The default recognises everything by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadOptions {
    /// The layout, where it is not to be recognised (`--layout`).
    pub layout: Option<TableLayout>,
    /// Column of sample IDs (`--sample-column`).
    pub sample_column: Option<String>,
    /// Column of values; MaxQuant: the word before the samples' names (`--value-column`).
    pub value_column: Option<String>,
    /// Which way a matrix lies (`--samples-in rows|columns`).
    pub orientation: Option<Orientation>,
    /// DIA-NN's report: rows with a greater Q.Value or PG.Q.Value are dropped (`--max-q-value`).
    pub max_q_value: f64,
    /// Olink: samples whose IDs have a word of controls are kept (`--keep-controls`).
    pub keep_controls: bool,
}

impl ReadOptions {
    /// A line for each option that is given and does nothing for files of this layout.
    pub(super) fn unused(&self, layout: TableLayout) -> Vec<String> {
        use TableLayout::{Adat, Bed, DiannMatrix, DiannReport, OlinkLong, Wide};
        let is_matrix = matches!(layout, Adat | DiannMatrix | Wide | Bed);
        let has_named_samples = matches!(layout, OlinkLong | Adat | DiannReport | Wide);
        let given = [
            ("--max-q-value", self.max_q_value != Self::default().max_q_value && layout != DiannReport),
            ("--keep-controls", self.keep_controls && layout != OlinkLong),
            ("--value-column", self.value_column.is_some() && is_matrix),
            ("--sample-column", self.sample_column.is_some() && !has_named_samples),
            ("--samples-in", self.orientation.is_some() && layout != Wide),
        ];
        let told = |(flag, _): &(&str, bool)| format!("{flag} does nothing for files of this layout");
        given.iter().filter(|(_, is_unused)| *is_unused).map(told).collect()
    }
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            layout: None,
            sample_column: None,
            value_column: None,
            orientation: None,
            max_q_value: 0.01,
            keep_controls: false,
        }
    }
}
