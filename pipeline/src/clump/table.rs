//! Clumps as people read them: plink2's columns and TRAIT, or JSON.

use std::io::{self, Write};

use serde_json::json;

use super::{Clump, ClumpOptions, ClumpReport};
use crate::export::pair::push_real;
use crate::store::TraitInfo;

/// Columns of the table.
pub const CLUMP_COLUMNS: [&str; 14] = [
    "#CHROM", "POS", "ID", "REF", "ALT", "TRAIT", "P", "TOTAL", "NONSIG", "S0.05", "S0.01", "S0.001", "S0.0001", "SP2",
];

/// How the JSON begins.
pub const JSON_START: &str = "{\n  \"clumps\": [";

/// Writes the header line, where wanted, and a line for each clump.
///
/// # Errors
/// The output cannot be written.
pub fn write_table<'a>(
    clumps: impl Iterator<Item = &'a Clump>,
    traits: &[TraitInfo],
    with_header: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    if with_header {
        writeln!(out, "{}", CLUMP_COLUMNS.join("\t"))?;
    }
    for clump in clumps {
        let Clump { chrom, pos, id, reference, alternate, by_p, .. } = clump;
        let (name, p, total) = (&traits[clump.trait_idx].name, p_text(clump.log10p), clump.total());
        write!(out, "{chrom}\t{pos}\t{id}\t{reference}\t{alternate}\t{name}\t{p}\t{total}")?;
        for n in by_p {
            write!(out, "\t{n}")?;
        }
        let members: Vec<&str> = clump.members.iter().map(|member| member.id.as_str()).collect();
        writeln!(out, "\t{}", if members.is_empty() { ".".to_owned() } else { members.join(",") })?;
    }
    Ok(())
}

/// Writes everything as one JSON object.
///
/// # Errors
/// The output cannot be written.
pub fn write_json(
    clumps: &[Vec<Clump>],
    traits: &[TraitInfo],
    (options, report): (&ClumpOptions, &ClumpReport),
    linkage: serde_json::Value,
    out: &mut impl Write,
) -> io::Result<()> {
    let one = |clump: &Clump| {
        let mut value = serde_json::to_value(clump).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            fields.insert("trait".into(), json!(traits[clump.trait_idx].name));
            fields.insert("p".into(), json!(p_text(clump.log10p)));
            fields.insert("total".into(), json!(clump.total()));
        }
        value
    };
    let clumps: Vec<_> = clumps.iter().flatten().map(one).collect();
    let all = json!({ "options": options, "linkage": linkage, "report": report, "clumps": clumps });
    serde_json::to_writer_pretty(&mut *out, &all)?;
    writeln!(out)
}

/// A p by its −log10, right where p itself underflows; six significant digits.
pub fn p_text(log10p: f64) -> String {
    if log10p.is_nan() {
        return "NA".to_owned();
    }
    if log10p < 3.0 {
        let p = libm::pow(10.0, -log10p);
        let mut text = Vec::new();
        push_real(&mut text, format!("{p:.6}").parse().unwrap_or(p as f32));
        return String::from_utf8_lossy(&text).into_owned();
    }
    // A hair of rounding must not lead 1e-8 to 10e-9.
    let exponent = (log10p - 1e-7).ceil();
    let mantissa = format!("{:.5}", libm::pow(10.0, exponent - log10p));
    format!("{}e-{exponent:.0}", mantissa.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_is_told_where_it_underflows() {
        let texts = [
            0.0,
            std::f64::consts::LOG10_2,
            2.0,
            3.0,
            5.0,
            -libm::log10(5e-8),
            8.000_000_000_1,
            323.7,
            5000.25,
            f64::NAN,
        ]
        .map(p_text);
        assert_eq!(texts, ["1", "0.5", "0.01", "1e-3", "1e-5", "5e-8", "1e-8", "1.99526e-324", "5.62341e-5001", "NA"]);
    }
}
