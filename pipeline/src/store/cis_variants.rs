//! /variants of cis.h5. How many there are is known only at the end, and strings want columns in one piece: their
//! references wait in a file without a name until then.

use std::fs::{File as RawFile, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, Group};

use super::columns::slice;
use super::error::{Place, StoreError};
use super::file;
use super::growable::Growable;
use super::heap::{REFERENCE, Strings};
use super::sound::wrong;
use super::text::{TextPiece, TextRef, references};
use crate::qtl::VariantKey;

/// Rows of a piece of strings.
const BAND_ROWS: usize = 1 << 15;
/// The bytes of the strings, a dataset for each band of rows.
const TEXT: &str = "/variants/text";
const TEXTS: [&str; 4] = ["/variants/chrom", "/variants/id", "/variants/ref", "/variants/alt"];

/// A row of /variants.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CisVariant {
    /// As in its file.
    pub key: VariantKey,
    /// Frequency of A1 over analysed samples with a call.
    pub a1_freq: f64,
}

/// Variants on their way to the file.
pub(super) struct VariantSpool {
    n: u64,
    piece: TextPiece,
    /// Of the open band: CHROM, ID, REF, ALT.
    texts: [Vec<TextRef>; 4],
    /// References of the bands before, column after column in each.
    spool: BufWriter<RawFile>,
    pos: Growable<u32>,
    a1_freq: Growable<f64>,
}

impl VariantSpool {
    pub(super) fn create(place: &Place, root: &Group) -> Result<Self, StoreError> {
        let group = &file::group(place, root, "variants")?;
        file::group(place, root, TEXT)?;
        Ok(Self {
            n: 0,
            piece: TextPiece::default(),
            texts: Default::default(),
            spool: BufWriter::new(nameless(place)?),
            pos: Growable::create(place, group, "pos")?,
            a1_freq: Growable::create(place, group, "a1_freq")?,
        })
    }

    pub(super) fn len(&self) -> u64 {
        self.n
    }

    /// Appends variants and gives the index of the first. `raw` is the file beside the library's handle on it.
    pub(super) fn push<'a>(
        &mut self,
        place: &Place,
        at: (&Group, &RawFile),
        variants: impl IntoIterator<Item = &'a CisVariant>,
    ) -> Result<u64, StoreError> {
        let first = self.n;
        for CisVariant { key, a1_freq } in variants {
            if self.n == u64::from(u32::MAX) {
                return Err(place.argument("more variants than a file holds"));
            }
            let texts = [(&key.chrom, true), (&key.id, false), (&key.reference, false), (&key.alternate, false)];
            for (column, (text, often)) in self.texts.iter_mut().zip(texts) {
                column.push(self.piece.put(text, often));
            }
            self.pos.push(place, key.pos)?;
            self.a1_freq.push(place, *a1_freq)?;
            self.n += 1;
            if self.texts[0].len() == BAND_ROWS {
                self.flush_band(place, at)?;
            }
        }
        Ok(first)
    }

    fn flush_band(&mut self, place: &Place, (root, raw): (&Group, &RawFile)) -> Result<(), StoreError> {
        let first = self.n as usize - self.texts[0].len();
        let bytes = self.piece.take();
        let mut address = 0;
        if !bytes.is_empty() {
            let name = format!("{TEXT}/{first}");
            let dataset = file::placed_column::<u8>(place, root, &name, bytes.len())?;
            address = file::address(place, &name, &dataset)?;
            raw.write_all_at(&bytes, address).map_err(|error| place.io("cannot write", error))?;
        }
        for column in &mut self.texts {
            let written = self.spool.write_all(&references(column, address));
            written.map_err(|error| place.io("cannot write beside it", error))?;
            column.clear();
        }
        Ok(())
    }

    /// Writes what waits and the columns of strings.
    pub(super) fn finish(mut self, place: &Place, root: &Group, raw: &RawFile) -> Result<(), StoreError> {
        self.flush_band(place, (root, raw))?;
        self.pos.flush(place)?;
        self.a1_freq.flush(place)?;
        let n = self.n as usize;
        let failed = |error| place.io("cannot read back what waits beside it", error);
        let mut spool = self.spool.into_inner().map_err(|error| failed(error.into_error()))?;
        spool.rewind().map_err(failed)?;
        let mut spool = BufReader::new(spool);
        let columns = TEXTS.map(|name| file::placed_column::<VarLenUnicode>(place, root, name, n));
        let mut addresses = Vec::with_capacity(TEXTS.len());
        for (name, dataset) in TEXTS.into_iter().zip(columns) {
            let dataset = dataset?;
            addresses.push(if n > 0 { file::address(place, name, &dataset)? } else { 0 });
        }
        for first in (0..n).step_by(BAND_ROWS) {
            let mut band = vec![0; BAND_ROWS.min(n - first) * REFERENCE];
            for address in &addresses {
                spool.read_exact(&mut band).map_err(failed)?;
                let written = raw.write_all_at(&band, address + (first * REFERENCE) as u64);
                written.map_err(|error| place.io("cannot write", error))?;
            }
        }
        Ok(())
    }
}

/// A file in the folder of the output that is gone when it is closed.
fn nameless(place: &Place) -> Result<RawFile, StoreError> {
    let mut name = place.path.clone().into_os_string();
    name.push(".variants");
    let failed = |error| place.io("cannot make a file beside it", error);
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&name).map_err(failed)?;
    std::fs::remove_file(&name).map_err(failed)?;
    Ok(file)
}

/// The columns, open.
pub(super) struct VariantTable {
    texts: [Dataset; 4],
    pos: Dataset,
    a1_freq: Dataset,
    pub(super) n: usize,
}

impl VariantTable {
    pub(super) fn open(place: &Place, root: &Group) -> Result<Self, StoreError> {
        let [chrom, id, reference, alternate] = TEXTS;
        let names = [chrom, id, reference, alternate, "/variants/pos", "/variants/a1_freq"];
        let ([chrom, id, reference, alternate, pos, a1_freq], n) = super::checked::list(place, root, names)?;
        Ok(Self { texts: [chrom, id, reference, alternate], pos, a1_freq, n })
    }

    /// Reads rows, which the caller has checked.
    pub(super) fn read(
        &self,
        place: &Place,
        strings: &Strings,
        rows: Range<usize>,
    ) -> Result<Vec<CisVariant>, StoreError> {
        let mut texts = Vec::with_capacity(TEXTS.len());
        for (name, dataset) in TEXTS.into_iter().zip(&self.texts) {
            texts.push(strings.read(place, name, dataset, rows.clone())?.into_iter());
        }
        let pos = slice::<u32>(place, &self.pos, rows.clone())?;
        let a1_freq = slice::<f64>(place, &self.a1_freq, rows.clone())?;
        let mut variants = Vec::with_capacity(rows.len());
        for (row, (pos, a1_freq)) in rows.zip(pos.into_iter().zip(a1_freq)) {
            if !a1_freq.is_nan() && !(0.0..=1.0 + 1e-6).contains(&a1_freq) {
                return Err(wrong(place, "/variants/a1_freq", (row, None), a1_freq, "a frequency from 0 to 1"));
            }
            let mut text = texts.iter_mut().map(|column| column.next().unwrap_or_default());
            let mut text = || text.next().unwrap_or_default();
            let (chrom, id, reference, alternate) = (text(), text(), text(), text());
            variants.push(CisVariant { key: VariantKey { chrom, pos, id, reference, alternate }, a1_freq });
        }
        Ok(variants)
    }
}
