//! Matching the rows of a file to the genotyped samples. IDs are compared exactly, in any order, by IID first and by
//! an FID_IID join where that matches more; a repeated sample is never taken silently.

use std::collections::HashMap;

use super::error::CohortError;

/// How the IDs of a file were joined with the genotype file's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// IID = genotype ID.
    Iid,
    /// FID_IID = genotype ID (IID_IID for a file without FIDs).
    FidIid,
}

/// Genotyped samples by ID.
#[derive(Debug)]
pub struct SampleIndex<'a> {
    ids: &'a [String],
    by_id: HashMap<&'a [u8], u32>,
}

impl<'a> SampleIndex<'a> {
    /// `ids`: the genotype file's samples, in its order.
    pub fn new(ids: &'a [String]) -> Result<Self, CohortError> {
        let mut by_id = HashMap::with_capacity(ids.len());
        for (i, id) in ids.iter().enumerate() {
            if let Some(first) = by_id.insert(id.as_bytes(), i as u32) {
                return Err(CohortError::RepeatedGenotypeSample { first: first as usize + 1, second: i + 1 });
            }
        }
        Ok(Self { ids, by_id })
    }

    /// The genotype file's samples, in its order.
    pub fn ids(&self) -> &'a [String] {
        self.ids
    }

    /// Number of genotyped samples.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether no sample is genotyped.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Index of a sample in the genotype file.
    pub fn get(&self, id: &[u8]) -> Option<u32> {
        self.by_id.get(id).copied()
    }
}

/// What a row matches under either join.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowMatch {
    /// Genotype index by IID.
    pub iid: Option<u32>,
    /// Genotype index by FID_IID (or IID_IID).
    pub joined: Option<u32>,
}

impl RowMatch {
    /// The match under the join that was decided on.
    pub fn under(self, join: Join) -> Option<u32> {
        match join {
            Join::Iid => self.iid,
            Join::FidIid => self.joined,
        }
    }
}

/// Follows the rows of one file: what they match, and whether one comes twice.
#[derive(Debug)]
pub struct RowMatcher<'a> {
    index: &'a SampleIndex<'a>,
    line_of_iid: HashMap<Box<[u8]>, u64>,
    line_of_pair: HashMap<Box<[u8]>, u64>,
    repeated_iid: Option<(u64, u64)>,
    repeated_pair: Option<(u64, u64)>,
    n_rows: usize,
    n_iid: usize,
    n_joined: usize,
    has_fid: bool,
    joined: Vec<u8>,
}

impl<'a> RowMatcher<'a> {
    /// A matcher for one file.
    pub fn new(index: &'a SampleIndex<'a>) -> Self {
        Self {
            index,
            line_of_iid: HashMap::new(),
            line_of_pair: HashMap::new(),
            repeated_iid: None,
            repeated_pair: None,
            n_rows: 0,
            n_iid: 0,
            n_joined: 0,
            has_fid: false,
            joined: Vec::new(),
        }
    }

    /// Takes one row. `line` is its line in the file, 1-based.
    pub fn row(&mut self, fid: Option<&[u8]>, iid: &[u8], line: u64) -> RowMatch {
        self.n_rows += 1;
        if let Some(first) = self.line_of_iid.insert(iid.into(), line) {
            self.repeated_iid.get_or_insert((first, line));
        }
        if let Some(fid) = fid {
            self.has_fid = true;
            self.join(fid, b'\t', iid);
            if let Some(first) = self.line_of_pair.insert(self.joined.as_slice().into(), line) {
                self.repeated_pair.get_or_insert((first, line));
            }
        }
        self.join(fid.unwrap_or(iid), b'_', iid);
        let found = RowMatch { iid: self.index.get(iid), joined: self.index.get(&self.joined) };
        self.n_iid += usize::from(found.iid.is_some());
        self.n_joined += usize::from(found.joined.is_some());
        found
    }

    fn join(&mut self, fid: &[u8], separator: u8, iid: &[u8]) {
        self.joined.clear();
        self.joined.extend_from_slice(fid);
        self.joined.push(separator);
        self.joined.extend_from_slice(iid);
    }

    /// Rows seen.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Whether the file has family IDs.
    pub fn has_fid(&self) -> bool {
        self.has_fid
    }

    /// Rows that match a genotyped sample under the better join.
    pub fn n_matched(&self) -> usize {
        self.n_iid.max(self.n_joined)
    }

    /// The join that matches more rows; IID where they tie. `None` when no row matches under either.
    pub fn join_used(&self) -> Option<Join> {
        match (self.n_iid, self.n_joined) {
            (0, 0) => None,
            (iid, joined) if iid >= joined => Some(Join::Iid),
            _ => Some(Join::FidIid),
        }
    }

    /// Lines of the first sample that comes twice under `join`.
    pub fn repeated(&self, join: Option<Join>) -> Option<(u64, u64)> {
        match join {
            Some(Join::FidIid) if self.has_fid => self.repeated_pair,
            _ => self.repeated_iid,
        }
    }

    /// IIDs of the file, for the explanation of a mismatch; in no order.
    pub fn iids(&self) -> impl Iterator<Item = &[u8]> {
        self.line_of_iid.keys().map(|iid| &**iid)
    }
}
