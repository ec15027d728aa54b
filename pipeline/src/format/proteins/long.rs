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

/// Cells from which on a matrix must not be nearly empty.
const MANY_CELLS: u64 = 1 << 26;
/// Cells for each row of the file, at most, where they are many.
const MAX_CELLS_A_ROW: u64 = 200;

/// Rows of cells, by protein and run.
#[derive(Debug, Default)]
pub(super) struct LongCells {
    rows: Vec<Vec<LongCell>>,
    n_cells: u64,
    n_put: u64,
}

/// Refuses a matrix that has many cells and hardly any value: its keys are not those of samples and proteins.
pub(super) fn check_filled(n_cells: u64, n_values: u64) -> Result<(), String> {
    if n_cells > MANY_CELLS && n_cells / MAX_CELLS_A_ROW > n_values {
        return Err(format!(
            "a matrix of over {n_cells} cells for {n_values} values: are the columns of samples and proteins the right ones \
             (--sample-column)?"
        ));
    }
    Ok(())
}

impl LongCells {
    /// Room for one more protein.
    pub fn add_row(&mut self) {
        self.rows.push(Vec::new());
    }

    /// The matrix has values enough for its size.
    pub fn check(&self) -> Result<(), String> {
        check_filled(self.n_cells, self.n_put)
    }

    /// The cell, made where it is not there yet.
    #[inline]
    pub fn at(&mut self, row: u32, run: u32) -> &mut LongCell {
        let row = &mut self.rows[row as usize];
        let run = run as usize;
        self.n_put += 1;
        if run >= row.len() {
            self.n_cells += (run + 1 - row.len()) as u64;
            row.resize(run + 1, LongCell::EMPTY);
        }
        &mut row[run]
    }

    /// Takes a row out, so that its memory is free once it is copied.
    pub fn take(&mut self, row: u32) -> Vec<LongCell> {
        std::mem::take(&mut self.rows[row as usize])
    }
}
