//! The columns that /cis and /signals share: a variant, its association, its permutations.

use std::ops::Range;

use hdf5::{Dataset, Group, H5Type};

use super::columns::slice;
use super::error::{Place, StoreError};
use super::file;
use super::heap::Strings;
use super::sound::wrong;
use crate::qtl::{Lead, Permuted, VariantKey};

/// A row, of what there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Association<'a> {
    pub(super) lead: Option<&'a Lead>,
    pub(super) permuted: Option<&'a Permuted>,
}

/// A column of numbers: its name, and its cell.
pub(super) type Numbers<T, V> = (&'static str, fn(&T) -> V);
/// A column of texts.
pub(super) type Texts<T> = (&'static str, for<'a> fn(&'a T) -> &'a str);
/// A row that was read.
type Found = (Option<Lead>, Option<Permuted>);

const TEXTS: [Texts<VariantKey>; 4] = [
    ("chrom", |variant| &variant.chrom),
    ("id", |variant| &variant.id),
    ("ref", |variant| &variant.reference),
    ("alt", |variant| &variant.alternate),
];
const LEAD: [Numbers<Lead, f64>; 4] = [
    ("a1_freq", |lead| lead.a1_freq),
    ("beta", |lead| lead.beta),
    ("se", |lead| lead.se),
    ("log10p", |lead| lead.log10p),
];
const PERMUTED: [Numbers<Permuted, f64>; 5] = [
    ("p_perm", |permuted| permuted.p_perm),
    ("df", |permuted| permuted.df),
    ("shape1", |permuted| permuted.shape1),
    ("shape2", |permuted| permuted.shape2),
    ("log10p_beta", |permuted| permuted.log10p_beta),
];

/// Writes the columns of all rows: without a lead, POS is 0, texts are empty and numbers NaN.
pub(super) fn write_associations(place: &Place, group: &Group, rows: &[Association<'_>]) -> Result<(), StoreError> {
    for (name, text) in TEXTS {
        let texts = rows.iter().map(|row| row.lead.map_or("", |lead| text(&lead.variant)));
        file::table_column(place, group, name, &file::strings(texts))?;
    }
    fn put<T: H5Type>(
        place: &Place,
        group: &Group,
        name: &str,
        values: impl Iterator<Item = T>,
    ) -> Result<(), StoreError> {
        file::table_column(place, group, name, &values.collect::<Vec<_>>()).map(drop)
    }
    put(place, group, "pos", rows.iter().map(|row| row.lead.map_or(0, |lead| lead.variant.pos)))?;
    put(place, group, "tss_distance", rows.iter().map(|row| row.lead.map_or(0, |lead| lead.tss_distance)))?;
    put(place, group, "n_tied", rows.iter().map(|row| row.lead.map_or(0, |lead| lead.n_tied)))?;
    put(place, group, "n_permuted", rows.iter().map(|row| row.permuted.map_or(0, |permuted| permuted.n)))?;
    for (name, number) in LEAD {
        put(place, group, name, rows.iter().map(|row| row.lead.map_or(f64::NAN, number)))?;
    }
    for (name, number) in PERMUTED {
        put(place, group, name, rows.iter().map(|row| row.permuted.map_or(f64::NAN, number)))?;
    }
    Ok(())
}

/// The columns, open.
pub(super) struct AssociationColumns {
    group: &'static str,
    texts: [Dataset; 4],
    pos: Dataset,
    tss_distance: Dataset,
    n_tied: Dataset,
    n_permuted: Dataset,
    lead: [Dataset; 4],
    permuted: [Dataset; 5],
}

impl AssociationColumns {
    /// Opens the columns of `group` ("/cis"), all of this length.
    pub(super) fn open(place: &Place, root: &Group, group: &'static str, n: usize) -> Result<Self, StoreError> {
        let open = |name: &str| super::checked::dataset(place, root, &format!("{group}/{name}"), &[n]);
        fn all<T, V, const N: usize>(
            columns: [Numbers<T, V>; N],
            open: impl Fn(&str) -> Result<Dataset, StoreError>,
        ) -> Result<Vec<Dataset>, StoreError> {
            columns.iter().map(|(name, _)| open(name)).collect()
        }
        let missing = || place.malformed(group, "columns are missing");
        Ok(Self {
            group,
            texts: TEXTS
                .iter()
                .map(|(name, _)| open(name))
                .collect::<Result<Vec<_>, _>>()?
                .try_into()
                .map_err(|_| missing())?,
            pos: open("pos")?,
            tss_distance: open("tss_distance")?,
            n_tied: open("n_tied")?,
            n_permuted: open("n_permuted")?,
            lead: all(LEAD, open)?.try_into().map_err(|_| missing())?,
            permuted: all(PERMUTED, open)?.try_into().map_err(|_| missing())?,
        })
    }

    /// Reads rows, which the caller has checked, and refuses numbers that no run writes.
    pub(super) fn read(&self, place: &Place, strings: &Strings, rows: Range<usize>) -> Result<Vec<Found>, StoreError> {
        let mut texts = Vec::with_capacity(4);
        for dataset in &self.texts {
            texts.push(strings.read(place, &dataset.name(), dataset, rows.clone())?.into_iter());
        }
        let mut text = || texts.iter_mut().map(|column| column.next().unwrap_or_default()).collect::<Vec<_>>();
        let pos = slice::<u32>(place, &self.pos, rows.clone())?;
        let tss_distance = slice::<i64>(place, &self.tss_distance, rows.clone())?;
        let n_tied = slice::<u32>(place, &self.n_tied, rows.clone())?;
        let n_permuted = slice::<u32>(place, &self.n_permuted, rows.clone())?;
        let reals = |datasets: &[Dataset]| {
            datasets.iter().map(|dataset| slice::<f64>(place, dataset, rows.clone())).collect::<Result<Vec<_>, _>>()
        };
        let (lead, permuted) = (reals(&self.lead)?, reals(&self.permuted)?);
        let mut found = Vec::with_capacity(rows.len());
        for i in 0..rows.len() {
            let mut texts = text().into_iter();
            let mut text = || texts.next().unwrap_or_default();
            let (chrom, id, reference, alternate) = (text(), text(), text(), text());
            let variant = VariantKey { chrom, pos: pos[i], id, reference, alternate };
            let lead = (pos[i] > 0).then(|| Lead {
                variant,
                tss_distance: tss_distance[i],
                a1_freq: lead[0][i],
                n_tied: n_tied[i],
                beta: lead[1][i],
                se: lead[2][i],
                log10p: lead[3][i],
            });
            let permuted = (n_permuted[i] > 0).then(|| Permuted {
                n: n_permuted[i],
                p_perm: permuted[0][i],
                df: permuted[1][i],
                shape1: permuted[2][i],
                shape2: permuted[3][i],
                log10p_beta: permuted[4][i],
            });
            self.check(place, rows.start + i, lead.as_ref(), permuted.as_ref())?;
            found.push((lead, permuted));
        }
        Ok(found)
    }

    fn check(
        &self,
        place: &Place,
        row: usize,
        lead: Option<&Lead>,
        permuted: Option<&Permuted>,
    ) -> Result<(), StoreError> {
        let refuse = |name: &str, value: f64, fits: &str| {
            Err(wrong(place, &format!("{}/{name}", self.group), (row, None), value, fits))
        };
        let from_0 = |value: f64| value.is_nan() || (value >= 0.0 && value.is_finite());
        let above_0 = |value: f64| value.is_nan() || (value > 0.0 && value.is_finite());
        if let Some(lead) = lead {
            match lead {
                _ if lead.beta.is_infinite() => return refuse("beta", lead.beta, "a finite effect or NaN"),
                _ if !above_0(lead.se) => return refuse("se", lead.se, "a standard error above 0 or NaN"),
                _ if !from_0(lead.log10p) => return refuse("log10p", lead.log10p, "a number from 0 or NaN"),
                _ if lead.a1_freq < 0.0 || lead.a1_freq > 1.0 + 1e-6 => {
                    return refuse("a1_freq", lead.a1_freq, "a frequency from 0 to 1");
                }
                _ => {}
            }
        }
        let Some(permuted) = permuted else { return Ok(()) };
        match permuted {
            _ if permuted.p_perm.is_nan() || permuted.p_perm <= 0.0 || permuted.p_perm > 1.0 => {
                refuse("p_perm", permuted.p_perm, "a p above 0 and at most 1")
            }
            _ if !above_0(permuted.df) => refuse("df", permuted.df, "a number above 0 or NaN"),
            _ if !above_0(permuted.shape1) => refuse("shape1", permuted.shape1, "a number above 0 or NaN"),
            _ if !above_0(permuted.shape2) => refuse("shape2", permuted.shape2, "a number above 0 or NaN"),
            _ if !from_0(permuted.log10p_beta) => refuse("log10p_beta", permuted.log10p_beta, "a number from 0 or NaN"),
            _ => Ok(()),
        }
    }
}
