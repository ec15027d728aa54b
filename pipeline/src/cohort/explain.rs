//! Why the IDs of two files do not match, said by counts and a likely cause, never by an ID.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::ids::{Join, RowMatcher, SampleIndex};
use super::layout;
use crate::format::table::{Row, TableReader};

/// Rows looked at when another column is tried as the ID column.
const MAX_ROWS_TRIED: usize = 2_000;

/// What to say of a file some of whose samples match.
pub fn partial(path: &str, matcher: &RowMatcher<'_>, index: &SampleIndex<'_>, join: Join) -> Vec<String> {
    let (n_rows, n_matched, n_genotyped) = (matcher.n_rows(), matcher.n_matched(), index.len());
    let how = match (join, matcher.has_fid()) {
        (Join::Iid, _) => "",
        (Join::FidIid, true) => " by FID_IID",
        (Join::FidIid, false) => " by IID_IID",
    };
    let mut messages = vec![format!(
        "{path}: {n_rows} samples, {n_matched} of them genotyped{how}; {} genotyped samples are not in it",
        n_genotyped - n_matched.min(n_genotyped)
    )];
    let (n_left, n_unseen) = (n_rows - n_matched, n_genotyped.saturating_sub(n_matched));
    if join == Join::Iid && n_left >= 2 && n_unseen >= 2 {
        let left: Vec<&[u8]> = matcher.iids().filter(|iid| index.get(iid).is_none()).collect();
        if let Some(cause) = cause(&left, index) {
            messages.push(format!("{path}: of the {n_left} samples that are not genotyped: {cause}"));
        }
    }
    messages
}

/// The likely cause for `iids` not being among the genotyped samples; `None` when nothing seen explains it.
pub fn cause(iids: &[&[u8]], index: &SampleIndex<'_>) -> Option<String> {
    let n = iids.len();
    let needed = (n.min(index.len()).div_ceil(2)).max(1);
    let said = |n_like: usize, what: &str| (n_like >= needed).then(|| format!("{n_like} {what}"));

    let lower: HashSet<Vec<u8>> = index.ids().iter().map(|id| id.to_ascii_lowercase().into_bytes()).collect();
    let n_case = iids.iter().filter(|iid| lower.contains(&iid.to_ascii_lowercase())).count();
    let zeros: HashSet<&[u8]> = index.ids().iter().map(|id| trim_zeros(id.as_bytes())).collect();
    let n_zeros = iids.iter().filter(|iid| zeros.contains(trim_zeros(iid))).count();
    let genotype_parts: HashSet<&[u8]> = index.ids().iter().flat_map(|id| tails(id.as_bytes())).collect();
    let n_genotype_joined = iids.iter().filter(|iid| genotype_parts.contains(*iid)).count();
    let n_table_joined = iids.iter().filter(|iid| tails(iid).any(|tail| index.get(tail).is_some())).count();
    said(n_case, "match when upper and lower case are not told apart; make the IDs the same")
        .or_else(|| said(n_zeros, "match without leading zeros; was the table saved from a spreadsheet?"))
        .or_else(|| affix(iids, index, needed))
        .or_else(|| {
            let what = "match the part after a '_' of a genotyped ID, which looks like an FID_IID join; give the table \
                        FID and IID columns";
            said(n_genotype_joined, what)
        })
        .or_else(|| {
            let what = "match a genotyped ID by the part after a '_', so the table's IDs look like FID_IID joins; \
                        use the IID alone";
            said(n_table_joined, what)
        })
}

fn trim_zeros(id: &[u8]) -> &[u8] {
    let n = id.iter().take_while(|&&byte| byte == b'0').count();
    &id[n.min(id.len().saturating_sub(1))..]
}

/// The parts after each '_'.
fn tails(id: &[u8]) -> impl Iterator<Item = &[u8]> {
    memchr::memchr_iter(b'_', id).map(|i| &id[i + 1..]).filter(|tail| !tail.is_empty())
}

/// A prefix or suffix that one side has and the other has not.
fn affix(iids: &[&[u8]], index: &SampleIndex<'_>, needed: usize) -> Option<String> {
    let genotyped: Vec<Vec<u8>> = index.ids().iter().map(|id| id.as_bytes().to_vec()).collect();
    let table: Vec<Vec<u8>> = iids.iter().map(|iid| iid.to_vec()).collect();
    let reversed = |ids: &[Vec<u8>]| ids.iter().map(|id| id.iter().rev().copied().collect()).collect::<Vec<Vec<u8>>>();
    let (genotyped_back, table_back) = (reversed(&genotyped), reversed(&table));
    let candidates = [
        (common_rest(&table, &genotyped), "the genotyped IDs have", "at their end, which the table's have not", false),
        (common_rest(&genotyped, &table), "the table's IDs have", "at their end, which the genotyped have not", false),
        (
            common_rest(&table_back, &genotyped_back),
            "the genotyped IDs have",
            "in front, which the table's have not",
            true,
        ),
        (
            common_rest(&genotyped_back, &table_back),
            "the table's IDs have",
            "in front, which the genotyped have not",
            true,
        ),
    ];
    let best = candidates.into_iter().filter_map(|(rest, who, place, is_back)| {
        let (shape, n) = rest?;
        (n >= needed.max(2)).then_some((n, shape, who, place, is_back))
    });
    let (n, mut shape, who, place, is_back) = best.max_by_key(|(n, ..)| *n)?;
    if is_back {
        shape.reverse();
    }
    let shape = String::from_utf8_lossy(&shape).replace('9', "<digits>");
    Some(format!("{n} match when {who} '{shape}' {place}; rename one side"))
}

/// The most frequent rest of a `long` ID that starts with a `short` one, digits collapsed to one `9`, and its count.
/// Rests that differ from ID to ID do not add up, so that what is shown is nobody's ID.
fn common_rest(short: &[Vec<u8>], long: &[Vec<u8>]) -> Option<(Vec<u8>, usize)> {
    let mut sorted: Vec<&[u8]> = long.iter().map(Vec::as_slice).collect();
    sorted.sort_unstable();
    let mut counts: HashMap<Vec<u8>, usize> = HashMap::new();
    for id in short.iter().filter(|id| !id.is_empty()) {
        let from = sorted.partition_point(|other| *other < id.as_slice());
        let Some(rest) = sorted.get(from..).and_then(|rest| {
            let found = rest.iter().find(|other| other.len() > id.len() || !other.starts_with(id))?;
            found.strip_prefix(id.as_slice())
        }) else {
            continue;
        };
        if rest.len() <= 24 && !rest[0].is_ascii_digit() {
            *counts.entry(collapse_digits(rest)).or_default() += 1;
        }
    }
    counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)))
}

fn collapse_digits(text: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    for &byte in text {
        let byte = if byte.is_ascii_digit() { b'9' } else { byte };
        if byte != b'9' || out.last() != Some(&b'9') {
            out.push(byte);
        }
    }
    out
}

/// Whether the columns' names are genotyped samples, though the first column says that rows are.
pub fn on_its_side(names: &[String], index: &SampleIndex<'_>) -> Option<String> {
    let n = names.iter().filter(|name| index.get(name.as_bytes()).is_some()).count();
    layout::names_are_samples(names, index).then(|| {
        format!(
            "{n} of its columns are named as genotyped samples are, so the table seems to lie on its side: name its first \
             column 'id', not IID"
        )
    })
}

/// Whether another column of the table holds genotyped IDs; opens the file again. A file that cannot be read twice
/// explains nothing.
pub fn wrong_column(path: &Path, index: &SampleIndex<'_>, iid: usize) -> Option<String> {
    let mut table = TableReader::open(path).ok()?;
    let header = table.header().to_vec();
    let mut n_found = vec![0usize; header.len()];
    let mut row = Row::default();
    let mut n_rows = 0;
    while n_rows < MAX_ROWS_TRIED && table.next_row(&mut row).ok()? {
        n_rows += 1;
        for (i, n) in n_found.iter_mut().enumerate() {
            *n += usize::from(index.get(row.get(i)).is_some());
        }
    }
    let (best, &n) = n_found.iter().enumerate().filter(|(i, _)| *i != iid).max_by_key(|(_, n)| **n)?;
    (n >= 2.min(n_rows) && 2 * n >= n_rows.min(index.len())).then(|| {
        format!(
            "column {} ('{}') matches {n} of the first {n_rows} rows, so it seems to hold the sample IDs: make it the first \
             column, named IID",
            best + 1,
            header[best]
        )
    })
}
