//! Rows and columns taken out of matrices, in place.

use super::raw::RawTable;

/// Keeps the columns of `keep` in a row-major matrix.
pub fn keep_columns<T: Copy>(values: &mut Vec<T>, keep: &[bool]) {
    let n = keep.len();
    if keep.iter().all(|&kept| kept) || n == 0 {
        return;
    }
    let mut to = 0;
    for from in 0..values.len() {
        if keep[from % n] {
            values[to] = values[from];
            to += 1;
        }
    }
    values.truncate(to);
    values.shrink_to_fit();
}

/// Keeps the rows of `keep` in a row-major matrix of `n_columns`.
pub fn keep_rows<T: Copy>(values: &mut Vec<T>, keep: &[bool], n_columns: usize) {
    if keep.iter().all(|&kept| kept) {
        return;
    }
    let mut to = 0;
    for row in (0..keep.len()).filter(|&row| keep[row]) {
        values.copy_within(row * n_columns..(row + 1) * n_columns, to);
        to += n_columns;
    }
    values.truncate(to);
    values.shrink_to_fit();
}

/// Keeps the items of `keep`.
pub fn keep_items<T>(items: &mut Vec<T>, keep: &[bool]) {
    let mut kept = keep.iter();
    items.retain(|_| kept.next().copied().unwrap_or(false));
}

/// Leaves out measurements.
pub fn measurements(table: &mut RawTable, keep: &[bool]) {
    keep_columns(&mut table.values, keep);
    table.lod.iter_mut().for_each(|lod| keep_columns(lod, keep));
    table.flags.iter_mut().for_each(|flags| keep_columns(flags, keep));
    table.panels.iter_mut().for_each(|panel| keep_items(&mut panel.plate_of, keep));
    keep_items(&mut table.measurements, keep);
}

/// Leaves out proteins.
pub fn proteins(table: &mut RawTable, keep: &[bool]) {
    let n = table.measurements.len();
    keep_rows(&mut table.values, keep, n);
    table.lod.iter_mut().for_each(|lod| keep_rows(lod, keep, n));
    table.flags.iter_mut().for_each(|flags| keep_rows(flags, keep, n));
    keep_items(&mut table.proteins, keep);
}

/// Values that are not missing.
pub fn n_observed(values: &[f64]) -> usize {
    values.iter().filter(|value| !value.is_nan()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_are_taken_out() {
        let mut values: Vec<i32> = (0..12).collect();
        keep_columns(&mut values, &[true, false, true]);
        assert_eq!(values, [0, 2, 3, 5, 6, 8, 9, 11]);
        keep_rows(&mut values, &[false, true, false, true], 2);
        assert_eq!(values, [3, 5, 9, 11]);
    }
}
