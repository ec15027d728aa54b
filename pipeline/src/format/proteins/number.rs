//! A cell as a number: finite, or missing.

use crate::format::decimal::plain_decimal;
use crate::format::table_cell::{Cell, Minus9, describe_value, parse_cell};

/// The value of a cell, NaN where it is missing; or what is wrong with it, ready for a message.
#[inline]
pub(super) fn value(cell: &[u8]) -> Result<f64, String> {
    match plain_decimal(cell) {
        Some(value) => Ok(value),
        None => general(cell),
    }
}

#[inline(never)]
fn general(cell: &[u8]) -> Result<f64, String> {
    match parse_cell(cell, Minus9::Value) {
        Cell::Number(value) => Ok(value),
        Cell::Missing | Cell::MissingMinus9 => Ok(f64::NAN),
        Cell::Infinite => Err("the value is infinite; write NA for a missing one".into()),
        Cell::Text if has_decimal_comma(cell) => {
            Err(format!("{} has a decimal comma; save the table with decimal points", describe_value(cell)))
        }
        Cell::Text => Err(format!("{} is not a number; write NA for a missing value", describe_value(cell))),
    }
}

fn has_decimal_comma(cell: &[u8]) -> bool {
    let n_commas = cell.iter().filter(|&&byte| byte == b',').count();
    n_commas == 1 && cell.len() > 1 && cell.iter().all(|byte| byte.is_ascii_digit() || b",-+eE".contains(byte))
}
