//! Opening and reading what any results file has, checked: shapes before lengths, lengths before memory.

use std::ops::Range;

use hdf5::types::FixedAscii;
use hdf5::{Dataset, File, Group, H5Type};

use super::columns::slice;
use super::error::{Place, StoreError};
use super::file;
use super::heap::Strings;
use super::schema::{
    FORMAT, FORMAT_VERSION, LedgerRole, LedgerTable, MAX_TABLE_ROWS, MAX_TRAITS, ResultsHeader, SIGNATURE_BYTES, Store,
    TraitInfo,
};

/// Rows of a list read at once.
pub(super) const ROWS_AT_ONCE: usize = 1 << 16;

/// Checks the root attribute `signature` and gives the store and the version of norna that wrote the file.
pub(super) fn check_format(place: &Place, file: &File) -> Result<(Store, String), StoreError> {
    let signature =
        file.attr("signature").and_then(|attribute| file::scalar::<FixedAscii<SIGNATURE_BYTES>>(&attribute));
    let signature = signature.map_err(|_| place.not_norna("no root attribute \"signature\""))?;
    let signature = String::from_utf8_lossy(signature.as_bytes()).into_owned();
    let mut words = signature.split_ascii_whitespace();
    let mut word = || words.next().unwrap_or_default();
    let (format, version, store, writer) = (word(), word(), word(), word().to_owned());
    if format != FORMAT {
        return Err(place.not_norna(format!("its signature is {signature:?}")));
    }
    let found = version.parse().map_err(|_| place.malformed("signature", format!("{signature:?}")))?;
    if found != FORMAT_VERSION {
        return Err(StoreError::Version { path: place.path.clone(), found, supported: FORMAT_VERSION, writer });
    }
    match Store::from_name(store) {
        Some(store) => Ok((store, writer)),
        None => {
            let known = Store::ALL.map(Store::name).join(", ");
            Err(place.not_norna(format!("store {store:?} is none that this norna reads ({known}); {writer} wrote it")))
        }
    }
}

pub(super) fn read_header(
    place: &Place,
    file: &File,
    strings: &Strings,
    store: Store,
) -> Result<ResultsHeader, StoreError> {
    let mut name = texts(place, file, strings, "/traits/name", None)?;
    let n_traits = Some(name.len());
    if name.is_empty() {
        return Err(place.malformed("/traits/name", "no traits"));
    }
    let n = column::<u32>(place, file, "/traits/n", n_traits)?;
    let mask = column::<u32>(place, file, "/traits/mask", n_traits)?;
    let df_covariates = column::<u32>(place, file, "/traits/df_covariates", n_traits)?;
    let status = column::<u8>(place, file, "/traits/status", n_traits)?;
    let mean = column::<f64>(place, file, "/traits/mean", n_traits)?;
    let sd = column::<f64>(place, file, "/traits/sd", n_traits)?;
    if let Some(mask) = mask.iter().find(|&&mask| mask as usize >= name.len()) {
        return Err(place.malformed("/traits/mask", format!("{mask} with {} traits", name.len())));
    }
    let n_traits = name.len();
    let info = |i: usize| TraitInfo {
        name: std::mem::take(&mut name[i]),
        n: n[i],
        mask: mask[i],
        df_covariates: df_covariates[i],
        status: status[i],
        mean: mean[i],
        sd: sd[i],
    };
    let hits = place.h5("/hits", file.group("hits"))?;
    let threshold = hits.attr("threshold_log10p").and_then(|at| file::scalar::<f64>(&at));
    Ok(ResultsHeader {
        traits: (0..n_traits).map(info).collect(),
        n_samples: place.h5("n_samples", file.attr("n_samples").and_then(|at| file::scalar::<u32>(&at)))?,
        // −log10 of 1 is −0.
        hit_log10p: place.h5("/hits", threshold)? + 0.0,
        store,
    })
}

pub(super) fn read_ledger(
    place: &Place,
    file: &File,
    strings: &Strings,
    name: &str,
) -> Result<LedgerTable, StoreError> {
    let object = format!("/qc/ledger/{name}");
    let names = texts(place, file, strings, &format!("{object}/name"), None)?;
    let roles = texts(place, file, strings, &format!("{object}/role"), Some(names.len()))?;
    let counts = column::<u64>(place, file, &format!("{object}/count"), Some(names.len()))?;
    let mut table = LedgerTable::default();
    for ((name, role), count) in names.into_iter().zip(roles).zip(counts) {
        let role = LedgerRole::from_name(&role)
            .ok_or_else(|| place.malformed(&object, format!("role {role:?} is none of input, kept, dropped, note")))?;
        table.push(name, role, count);
    }
    Ok(table)
}

/// Reads a rectangle of a matrix, whose bounds the caller has checked.
pub(super) fn rectangle<T: H5Type>(
    place: &Place,
    name: &str,
    dataset: &Dataset,
    rows: Range<usize>,
    columns: Range<usize>,
) -> Result<Vec<T>, StoreError> {
    if rows.is_empty() || columns.is_empty() {
        return Ok(Vec::new());
    }
    let cells = place.h5(name, dataset.read_slice_2d::<T, _>((rows, columns)))?;
    Ok(cells.into_raw_vec_and_offset().0)
}

/// Opens a dataset of a known shape.
pub(super) fn dataset(place: &Place, root: &Group, name: &str, shape: &[usize]) -> Result<Dataset, StoreError> {
    let dataset = place.h5(name, root.dataset(name))?;
    if dataset.shape() == shape {
        return Ok(dataset);
    }
    Err(place.malformed(name, format!("shape {:?} where {shape:?} fits", dataset.shape())))
}

/// Reads a whole short column: of `length` values, or of a bounded number.
pub(super) fn column<T: H5Type>(
    place: &Place,
    root: &Group,
    name: &str,
    length: Option<usize>,
) -> Result<Vec<T>, StoreError> {
    let (dataset, n) = short(place, root, name, length)?;
    slice(place, &dataset, 0..n)
}

/// As [`column`], of strings.
fn texts(
    place: &Place,
    root: &Group,
    strings: &Strings,
    name: &str,
    length: Option<usize>,
) -> Result<Vec<String>, StoreError> {
    let (dataset, n) = short(place, root, name, length)?;
    strings.read(place, name, &dataset, 0..n)
}

fn short(place: &Place, root: &Group, name: &str, length: Option<usize>) -> Result<(Dataset, usize), StoreError> {
    let dataset = place.h5(name, root.dataset(name))?;
    let shape = dataset.shape();
    let bound = if name.starts_with("/traits/") { MAX_TRAITS } else { MAX_TABLE_ROWS };
    match shape[..] {
        [n] if length.is_none_or(|length| length == n) && n <= bound => Ok((dataset, n)),
        _ => Err(place.malformed(name, format!("shape {shape:?}, where at most [{}] fits", length.unwrap_or(bound)))),
    }
}

/// Opens columns of one length.
pub(super) fn list<const N: usize>(
    place: &Place,
    root: &Group,
    names: [&str; N],
) -> Result<([Dataset; N], usize), StoreError> {
    let mut datasets = Vec::with_capacity(N);
    let mut length = None;
    for name in names {
        let dataset = place.h5(name, root.dataset(name))?;
        match dataset.shape()[..] {
            [n] if *length.get_or_insert(n) == n => datasets.push(dataset),
            ref shape => return Err(place.malformed(name, format!("shape {shape:?} differs from {}", names[0]))),
        }
    }
    match datasets.try_into() {
        Ok(datasets) => Ok((datasets, length.unwrap_or(0))),
        Err(_) => Err(place.malformed(names[0], "columns are missing")),
    }
}
