//! The table: plink2's column names, one line a pair.

use std::io::Write;
use std::path::Path;

use super::gate::Gate;
use super::layout::{Front, Layout};
use super::pair::{push_header, push_stats, push_variant};
use super::places::PlaceColumns;
use super::rows::{Pair, Rows};
use super::text::{Formatted, format_pieces};
use super::{ExportError, ExportPlan};
use crate::sink::rows::VariantRow;
use crate::store::{ResultsHeader, ResultsReader};

/// The table's columns for a file.
#[derive(Debug, Clone, Copy)]
pub struct Tsv<'a> {
    header: &'a ResultsHeader,
    with_trait: bool,
    places: Option<PlaceColumns>,
}

impl<'a> Tsv<'a> {
    /// For a plan.
    pub fn new(reader: &'a ResultsReader, plan: &ExportPlan) -> Self {
        let bare = |places: PlaceColumns| if reader.has_every_pair() { places.without_consequences() } else { places };
        Self { header: reader.header(), with_trait: plan.with_trait, places: plan.places.map(bare) }
    }
}

impl Layout for Tsv<'_> {
    fn header(&self) -> Vec<u8> {
        let mut line = Vec::new();
        push_header(&mut line, self.with_trait, self.places.iter().flat_map(|places| places.names()));
        line
    }

    fn variant(&self, variant: &VariantRow, front: &mut Front) -> Result<(), usize> {
        push_variant(&mut front.start, &mut front.freq, variant);
        Ok(())
    }

    fn pair(
        &self,
        line: &mut Vec<u8>,
        front: &Front,
        variant: &VariantRow,
        trait_idx: usize,
        pair: &Pair,
    ) -> Result<(), usize> {
        line.extend_from_slice(&front.start);
        if self.with_trait {
            line.extend_from_slice(self.header.traits[trait_idx].name.as_bytes());
            line.push(b'\t');
        }
        match pair.masked {
            true => line.extend_from_slice(b"NA\tNA\tNA\tNA\tNA\tNA\n"),
            false => {
                line.extend_from_slice(&front.freq);
                push_stats(line, &pair.stats);
            }
        }
        if let Some(places) = self.places {
            line.pop();
            places.push(line, &self.header.proteins[trait_idx], variant, pair.consequence);
            line.push(b'\n');
        }
        Ok(())
    }
}

/// Writes a table of pairs, in the order of (variant, trait), and gives the number of its rows. `path` is for errors.
pub fn write_pairs(
    reader: &ResultsReader,
    plan: &ExportPlan,
    path: &Path,
    out: &mut impl Write,
) -> Result<u64, ExportError> {
    write_table(reader, plan, &mut Gate::new(None), &mut |formatted| {
        out.write_all(&formatted.text).map_err(|error| ExportError::write(path, error))
    })
}

/// As [`write_pairs`], of what `gate` lets pass; the header is the first text that `take` gets.
pub fn write_table(
    reader: &ResultsReader,
    plan: &ExportPlan,
    gate: &mut Gate<'_>,
    take: &mut impl FnMut(Formatted) -> Result<(), ExportError>,
) -> Result<u64, ExportError> {
    let layout = Tsv::new(reader, plan);
    take(Formatted { text: layout.header(), ..Formatted::default() })?;
    let mut n_rows = 0;
    let rows = Rows { reader, plan, traits: &plan.traits, before: 0 };
    let mut progress = Rows::progress(reader, 1, false);
    rows.stream(gate, &mut progress, &mut |pieces| {
        for formatted in format_pieces(&layout, &plan.traits, pieces) {
            n_rows += formatted.n_rows;
            take(formatted)?;
        }
        Ok(())
    })?;
    progress.finish();
    Ok(n_rows)
}
