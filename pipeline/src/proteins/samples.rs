//! Which samples: IDs of the protein file made those of the genotypes, lists of samples to keep and to leave out.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::cut;
use super::error::ProteinsError;
use super::options::ProcessOptions;
use super::raw::RawTable;
use super::step::Step;
use crate::cohort::explain;
use crate::cohort::ids::SampleIndex;
use crate::format::sample_list::read_sample_list;
use crate::format::table::{Delimiter, Row};
use crate::format::table_text::LineReader;
use crate::report::words::count;

/// First the map, then the lists, which have the genotypes' IDs where there is a map.
///
/// # Errors
/// A map or list that is none; a map that gives two samples one ID; nothing left.
pub fn apply(table: &mut RawTable, options: &ProcessOptions) -> Result<Step, ProteinsError> {
    let mut choices = Vec::new();
    let mut step = Step::new("samples", "");
    step.count("measurements", table.measurements.len());
    step.count("samples", n_samples(table));
    if let Some(path) = &options.sample_map {
        choices.push("sample-map");
        apply_map(table, path, &mut step)?;
    }
    for (name, paths, is_kept) in [("keep", &options.keep, true), ("remove", &options.remove, false)] {
        if paths.is_empty() {
            continue;
        }
        choices.push(name);
        let listed = listed(table, name, paths, &mut step)?;
        let keep: Vec<bool> = table.measurements.iter().map(|m| listed.contains(&m.sample) == is_kept).collect();
        let there: HashSet<&str> = table.measurements.iter().map(|m| m.sample.as_str()).collect();
        let n_unknown = listed.iter().filter(|id| !there.contains(id.as_str())).count();
        let n_before = n_samples(table);
        cut::measurements(table, &keep);
        step.count(format!("samples left out by --{name}"), n_before - n_samples(table));
        step.count_some(format!("IDs of --{name} that the proteins do not have"), n_unknown);
    }
    step.choice = if choices.is_empty() { "all".to_owned() } else { choices.join(", ") };
    step.count("samples kept", n_samples(table));
    if table.measurements.is_empty() {
        let counts = step.line();
        return Err(ProteinsError::Refused(format!(
            "no sample is left ({counts}): are the IDs those of the protein file?"
        )));
    }
    Ok(step)
}

/// Distinct sample IDs.
pub fn n_samples(table: &RawTable) -> usize {
    table.measurements.iter().map(|measurement| measurement.sample.as_str()).collect::<HashSet<_>>().len()
}

/// IDs of lists. A list of which nobody is there is refused: consent may hang on it.
fn listed(table: &RawTable, name: &str, paths: &[PathBuf], step: &mut Step) -> Result<HashSet<String>, ProteinsError> {
    let there: BTreeSet<&str> = table.measurements.iter().map(|m| m.sample.as_str()).collect();
    let there: Vec<String> = there.into_iter().map(str::to_owned).collect();
    let index = SampleIndex::new(&there).map_err(|error| ProteinsError::Refused(error.to_string()))?;
    let mut ids = HashSet::new();
    for path in paths {
        let list: BTreeSet<String> = read_sample_list(path)?.into_iter().map(|key| key.iid).collect();
        let absent: Vec<&[u8]> = list.iter().map(String::as_bytes).filter(|id| index.get(id).is_none()).collect();
        let (n, n_absent) = (list.len() as u64, absent.len());
        let cause = explain::cause(&absent, &index).map(|cause| of_proteins(&cause));
        let path = path.display();
        if n > 0 && n_absent == list.len() {
            let why = cause.unwrap_or_else(|| format!("give their IDs, or leave --{name} out"));
            return Err(ProteinsError::Refused(format!(
                "{path}: none of its {} (--{name}) is among the {} of the proteins; {why}",
                count(n, "sample"),
                index.len()
            )));
        }
        if let Some(cause) = cause.filter(|_| n_absent >= 2) {
            let warning =
                format!("{path}: of the {n_absent} samples (--{name}) that the proteins do not have: {cause}");
            step.warnings.push(warning);
        }
        ids.extend(list);
    }
    Ok(ids)
}

/// A cause in the words of this command: the proteins stand where the genotypes do otherwise.
fn of_proteins(cause: &str) -> String {
    cause.replace("a genotyped ID", "an ID of the proteins").replace("genotyped", "proteins'").replace("table", "list")
}

fn apply_map(table: &mut RawTable, path: &Path, step: &mut Step) -> Result<(), ProteinsError> {
    let map = read_map(path)?;
    let there: HashSet<&str> = table.measurements.iter().map(|m| m.sample.as_str()).collect();
    let n_unused = map.keys().filter(|from| !there.contains(from.as_str())).count();
    let n_before = there.len();
    let keep: Vec<bool> = table.measurements.iter().map(|m| map.contains_key(&m.sample)).collect();
    cut::measurements(table, &keep);
    for measurement in &mut table.measurements {
        if let Some(to) = map.get(&measurement.sample) {
            measurement.sample.clone_from(to);
        }
    }
    let n_mapped = n_samples(table);
    step.count("samples mapped", n_mapped);
    step.count("samples left out that the map does not have", n_before - n_mapped);
    step.count_some("IDs of the map that the proteins do not have", n_unused);
    Ok(())
}

/// The map: IDs of the protein file to IDs of the genotypes. A line that is there again says nothing new.
fn read_map(path: &Path) -> Result<HashMap<String, String>, ProteinsError> {
    let mut lines = LineReader::open(path)?;
    let name = lines.path().to_owned();
    let refused = |line: u64, problem: &str| ProteinsError::Refused(format!("{name}: line {line}: {problem}"));
    let (mut map, mut line_of) = (HashMap::new(), HashMap::new());
    let (mut row, mut delimiter) = (Row::default(), None);
    while let Some(line) = lines.next_content_line(true)? {
        let is_first = delimiter.is_none();
        let found = *delimiter.get_or_insert_with(|| Delimiter::sniff(line));
        let is_closed = row.split(line, found);
        let number = lines.line_number();
        if is_first && is_header(&row) {
            continue;
        }
        if !is_closed || row.len() != 2 || row.get(0).is_empty() || row.get(1).is_empty() {
            let problem = format!(
                "{}: a sample map has two, the ID in the protein file and the ID in the genotypes",
                count(row.len() as u64, "column")
            );
            return Err(refused(number, &problem));
        }
        let [from, to] = [0, 1].map(|i| String::from_utf8_lossy(row.get(i)).into_owned());
        if map.get(&from) == Some(&to) {
            continue;
        }
        if let Some(first) = line_of.insert(to.clone(), number) {
            let problem = format!(
                "the ID in the genotypes is that of line {first}: two samples cannot be one person's; \
                 repeated measurements have one ID in the protein file (see --repeats), or leave one of the lines out"
            );
            return Err(refused(number, &problem));
        }
        if map.insert(from, to).is_some() {
            return Err(refused(number, "the ID in the protein file was on a line before"));
        }
    }
    match map.is_empty() {
        true => Err(ProteinsError::Refused(format!("{name}: the sample map has no rows"))),
        false => Ok(map),
    }
}

/// Whether a first line names columns: it begins with `#`, one cell is a known name, or both end in "id" without a digit.
fn is_header(row: &Row) -> bool {
    const NAMES: [&str; 22] = [
        "sampleid",
        "sample",
        "samples",
        "iid",
        "id",
        "proteinid",
        "proteinsid",
        "proteomicsid",
        "proteinsample",
        "olinkid",
        "somaid",
        "npxid",
        "labid",
        "from",
        "oldid",
        "to",
        "newid",
        "genotypeid",
        "genotypesid",
        "geneticid",
        "vcfid",
        "genotypes",
    ];
    let cell = |i: usize| -> String {
        let text = String::from_utf8_lossy(row.get(i)).to_lowercase();
        text.chars().filter(|letter| letter.is_alphanumeric()).collect()
    };
    let cells = [cell(0), cell(1)];
    let is_id = |cell: &String| cell.ends_with("id") && !cell.contains(|letter: char| letter.is_ascii_digit());
    row.get(0).starts_with(b"#") || cells.iter().any(|cell| NAMES.contains(&cell.as_str())) || cells.iter().all(is_id)
}
