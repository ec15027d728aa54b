//! Opening and reading what any results file has, checked: shapes before lengths, lengths before memory.

use std::ops::Range;

use hdf5::types::FixedAscii;
use hdf5::{Dataset, File, Group, H5Type};

use super::columns::slice;
use super::error::{Place, StoreError};
use super::file;
use super::heap::Strings;
use super::schema::{
    FORMAT, FORMAT_VERSION, LedgerRole, LedgerTable, MAX_TABLE_ROWS, MAX_TRAITS, NORMAL, OPTIONAL_PARTS, ResultsHeader,
    SIGNATURE_BYTES, Store, TraitInfo,
};
use super::sound::check_traits;
use super::trait_places;

/// Rows of a list read at once.
pub(super) const ROWS_AT_ONCE: usize = 1 << 16;

/// What the root attribute `signature` says.
pub(super) struct Signature {
    pub(super) store: Store,
    /// Version of norna that wrote the file.
    pub(super) writer: String,
    /// Analysed samples; `None` in files of the first weeks, as the next.
    n_samples: Option<u32>,
    /// Letters of the optional datasets.
    parts: Option<String>,
}

/// Checks the root attribute `signature`, and what stands beside it.
pub(super) fn check_format(place: &Place, file: &File) -> Result<Signature, StoreError> {
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
    let Some(store) = Store::from_name(store) else {
        let known = Store::ALL.map(Store::name).join(", ");
        return Err(
            place.not_norna(format!("store {store:?} is none that this norna reads ({known}); {writer} wrote it"))
        );
    };
    let (n_samples, parts) = (words.next(), words.next().map(str::to_owned));
    let n_samples = n_samples.map(str::parse).transpose();
    let n_samples = n_samples.map_err(|_| place.malformed("signature", format!("{signature:?}")))?;
    let also: u32 = place.h5("format_version", file.attr("format_version").and_then(|at| file::scalar(&at)))?;
    if also != found {
        return Err(place.malformed("format_version", format!("{also} where the signature has {found}")));
    }
    let signature = Signature { store, writer, n_samples, parts };
    signature.check_parts(place, file)?;
    Ok(signature)
}

impl Signature {
    /// Its text.
    pub(super) fn text(file: &File, header: &ResultsHeader) -> String {
        let (store, writer) = (header.store.name(), env!("CARGO_PKG_VERSION"));
        let there = OPTIONAL_PARTS.iter().filter(|(_, name)| file.link_exists(name));
        let parts: String = there.map(|&(letter, _)| letter).collect();
        let parts = if parts.is_empty() { "-" } else { &parts };
        format!("{FORMAT} {FORMAT_VERSION} {store} {writer} {} {parts}", header.n_samples)
    }

    fn check_parts(&self, place: &Place, file: &File) -> Result<(), StoreError> {
        let Some(parts) = &self.parts else { return Ok(()) };
        for (letter, name) in OPTIONAL_PARTS {
            match (parts.contains(letter), file.link_exists(name)) {
                (true, false) => return Err(place.malformed(name, "it is missing")),
                (false, true) => return Err(place.malformed(name, "the file was written without it")),
                _ => {}
            }
        }
        Ok(())
    }
}

pub(super) fn read_header(
    place: &Place,
    file: &File,
    strings: &Strings,
    signature: &Signature,
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
    let normal =
        if file.link_exists(NORMAL) { column::<u8>(place, file, NORMAL, n_traits)? } else { vec![0; name.len()] };
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
        normal: normal[i] != 0,
    };
    let hits = place.h5("/hits", file.group("hits"))?;
    let threshold = hits.attr("threshold_log10p").and_then(|at| file::scalar::<f64>(&at));
    // −log10 of 1 is −0.
    let hit_log10p = place.h5("/hits", threshold)? + 0.0;
    if hit_log10p.is_nan() || hit_log10p < 0.0 {
        return Err(place.malformed("/hits", format!("threshold_log10p is {hit_log10p}")));
    }
    let n_samples = place.h5("n_samples", file.attr("n_samples").and_then(|at| file::scalar::<u32>(&at)))?;
    if let Some(also) = signature.n_samples.filter(|&also| also != n_samples) {
        return Err(place.malformed("n_samples", format!("{n_samples} where the signature has {also}")));
    }
    let traits: Vec<TraitInfo> = (0..n_traits).map(info).collect();
    check_traits(place, &traits, n_samples)?;
    let proteins = trait_places::read(place, file, strings, &traits)?;
    let left_out_window = trait_places::left_out_window(place, file)?;
    Ok(ResultsHeader { traits, n_samples, hit_log10p, store: signature.store, proteins, left_out_window })
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

/// /provenance as one object.
pub(super) fn read_provenance(place: &Place, file: &File, strings: &Strings) -> Result<serde_json::Value, StoreError> {
    let group = place.h5("/provenance", file.group("provenance"))?;
    let mut parts = serde_json::Map::new();
    for name in place.h5("/provenance", group.member_names())? {
        let object = format!("/provenance/{name}");
        let dataset = place.h5(&object, group.dataset(&name))?;
        if dataset.shape() != [0_usize; 0] {
            return Err(place.malformed(&object, "it is not one string"));
        }
        let text = strings.read(place, &object, &dataset, 0..1)?.concat();
        let part = serde_json::from_str(&text).map_err(|error| place.malformed(&object, error.to_string()))?;
        parts.insert(name, part);
    }
    Ok(serde_json::Value::Object(parts))
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
pub(super) fn texts(
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

/// Of a list in the order of variants: the first row of a variant or of one after it.
pub(super) fn first_of_variant(
    place: &Place,
    list: &Dataset,
    length: usize,
    variant: usize,
) -> Result<usize, StoreError> {
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low.midpoint(high);
        let at = slice::<u64>(place, list, middle..middle + 1)?;
        if at.first().is_some_and(|&at| at < variant as u64) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
