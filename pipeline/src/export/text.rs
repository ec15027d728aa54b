//! Pieces of the stream as text.

use rayon::prelude::*;

use super::layout::{Front, Layout};
use super::rows::Piece;

/// Bytes of a line at a guess.
const LINE: usize = 112;

/// The text of a piece.
#[derive(Debug, Clone, Default)]
pub struct Formatted {
    /// Its lines.
    pub text: Vec<u8>,
    /// Lines.
    pub n_rows: u64,
    /// Where the lines of each variant end; variants without a line are left out.
    pub marks: Vec<Mark>,
    /// Pairs that the format cannot hold, by [`Layout::unfit_reasons`].
    pub unfit: Vec<u64>,
}

/// The lines of a variant in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Chromosome as written, where it is another than the mark before has.
    pub chrom: Option<String>,
    /// POS.
    pub pos: u32,
    /// Offset of their end in the text.
    pub end: usize,
}

/// The text of each piece, side by side, in their order. `traits`: columns that the pairs name.
pub fn format_pieces(layout: &impl Layout, traits: &[usize], pieces: Vec<Piece>) -> Vec<Formatted> {
    pieces.into_par_iter().map(|piece| format_piece(layout, traits, &piece)).collect()
}

fn format_piece(layout: &impl Layout, traits: &[usize], piece: &Piece) -> Formatted {
    let mut made = Formatted {
        text: Vec::with_capacity(piece.pairs.len() * LINE),
        unfit: vec![0; layout.unfit_reasons().len()],
        ..Formatted::default()
    };
    let mut front = Front::default();
    let mut chrom = "";
    for of_variant in piece.pairs.chunk_by(|a, b| a.row == b.row) {
        let variant = &piece.variants[of_variant[0].row as usize];
        front.clear();
        if let Err(reason) = layout.variant(variant, &mut front) {
            made.unfit[reason] += of_variant.len() as u64;
            continue;
        }
        let before = made.n_rows;
        for pair in of_variant {
            let written = layout.pair(&mut made.text, &front, variant, traits[pair.column as usize], pair);
            match written {
                Ok(()) => made.n_rows += 1,
                Err(reason) => made.unfit[reason] += 1,
            }
        }
        if made.n_rows > before {
            let is_new = made.marks.is_empty() || chrom != variant.chrom;
            let named = is_new.then(|| variant.chrom.clone());
            chrom = &variant.chrom;
            made.marks.push(Mark { chrom: named, pos: variant.pos, end: made.text.len() });
        }
    }
    made
}

/// The texts of a piece by trait, and the lines of each.
#[derive(Debug, Clone, Default)]
pub struct ByTrait {
    /// Of each trait that is streamed: its lines.
    pub texts: Vec<Vec<u8>>,
    /// Of each: how many.
    pub n_rows: Vec<u64>,
    /// Of each: pairs that the format cannot hold, by [`Layout::unfit_reasons`].
    pub unfit: Vec<Vec<u64>>,
}

/// As [`format_pieces`], each trait on its own.
pub fn format_by_trait(layout: &impl Layout, traits: &[usize], pieces: Vec<Piece>) -> Vec<ByTrait> {
    pieces.into_par_iter().map(|piece| piece_by_trait(layout, traits, &piece)).collect()
}

fn piece_by_trait(layout: &impl Layout, traits: &[usize], piece: &Piece) -> ByTrait {
    let n = traits.len();
    let n_reasons = layout.unfit_reasons().len();
    let room = piece.pairs.len() / n.max(1) * LINE;
    let mut made = ByTrait {
        texts: (0..n).map(|_| Vec::with_capacity(room)).collect(),
        n_rows: vec![0; n],
        unfit: vec![vec![0; n_reasons]; n],
    };
    let mut front = Front::default();
    for of_variant in piece.pairs.chunk_by(|a, b| a.row == b.row) {
        let variant = &piece.variants[of_variant[0].row as usize];
        front.clear();
        let fits = layout.variant(variant, &mut front);
        for pair in of_variant {
            let column = pair.column as usize;
            let line = &mut made.texts[column];
            match fits.and_then(|()| layout.pair(line, &front, variant, traits[column], pair)) {
                Ok(()) => made.n_rows[column] += 1,
                Err(reason) => made.unfit[column][reason] += 1,
            }
        }
    }
    made
}
