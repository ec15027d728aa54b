//! Cells of a long table as they come, in rows that grow: memory follows the matrix, not the file.

/// What is known of one protein in one run.
#[derive(Debug, Clone, Copy)]
pub(super) struct LongCell {
    pub value: f64,
    pub lod: f32,
    pub flags: u8,
    pub seen: bool,
}

impl LongCell {
    const EMPTY: Self = Self { value: f64::NAN, lod: f32::NAN, flags: 0, seen: false };
}

/// Rows of cells, by protein and run.
#[derive(Debug, Default)]
pub(super) struct LongCells {
    rows: Vec<Vec<LongCell>>,
}

impl LongCells {
    /// Room for one more protein.
    pub fn add_row(&mut self) {
        self.rows.push(Vec::new());
    }

    /// The cell, made where it is not there yet.
    #[inline]
    pub fn at(&mut self, row: u32, run: u32) -> &mut LongCell {
        let row = &mut self.rows[row as usize];
        let run = run as usize;
        if run >= row.len() {
            row.resize(run + 1, LongCell::EMPTY);
        }
        &mut row[run]
    }

    /// Takes a row out, so that its memory is free once it is copied.
    pub fn take(&mut self, row: u32) -> Vec<LongCell> {
        std::mem::take(&mut self.rows[row as usize])
    }
}
