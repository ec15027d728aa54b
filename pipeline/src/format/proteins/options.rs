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
