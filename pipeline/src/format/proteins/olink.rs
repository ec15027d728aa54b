//! Olink NPX in long form, of every generation: Target, Explore 1536 and 3072, Explore HT, Reveal. A row is one assay of one
//! sample. Several files fill one table.

use super::ReadOptions;
use super::cells::utf8;
use super::columns::{Columns, plain};
use super::error::ProteinFileError;
use super::long::LongCells;
use super::names::{Names, same};
use super::olink_words::{Control, assay_control, qc, sample_control};
use super::rows::{LongInput, LongRow, Num, TakeRow, Wanted};
use super::runs::{Place, Runs};
use crate::proteins::{Qc, RawProtein, flag};

/// Columns of values, and those of their limits of detection. Other values have none on their scale.
const LIMITS: [(&str, &[&str]); 2] =
    [("npx", &["LOD", "PlateLOD", "MaxLOD"]), ("pcnormalizednpx", &["PCNormalizedLOD"])];

/// Most measurements of one sample.
const MAX_REPEATS: u32 = 1000;

const SAMPLE: usize = 0;
const ASSAY_ID: usize = 1;
const PLATE: usize = 2;
const WELL: usize = 3;
const PROJECT: usize = 4;
const SAMPLE_TYPE: usize = 5;
const SAMPLE_QC: usize = 6;
const ASSAY_QC: usize = 7;
const UNIPROT: usize = 8;
const ASSAY: usize = 9;
const PANEL: usize = 10;
const BLOCK: usize = 11;
const ASSAY_TYPE: usize = 12;
const VALUE: usize = 0;
const LOD: usize = 1;

/// Names that columns have, by role.
const TEXTS: [&[&str]; 13] = [
    &["SampleID"],
    &["OlinkID"],
    &["PlateID"],
    &["WellID"],
    &["Project", "ProjectName"],
    &["SampleType"],
    &["SampleQC", "QC_Warning"],
    &["AssayQC", "Assay_Warning"],
    &["UniProt", "UniProtID"],
    &["Assay"],
    &["Panel"],
    &["Block"],
    &["AssayType"],
];

/// Columns without which a table is no Olink one.
pub(super) const NEEDED: [&str; 3] = ["SampleID", "OlinkID", "NPX"];

/// What was left out.
pub(super) const DROPPED: [&str; 3] = [
    "rows of control samples (by the type of sample)",
    "rows of control samples (by an ID with the word CONTROL, CTRL, NEG or IPC)",
    "rows of control assays",
];

/// All rows of one or several files.
#[derive(Default)]
pub(super) struct Olink {
    pub samples: Names,
    pub assays: Names,
    pub plates: Names,
    pub wells: Names,
    pub projects: Names,
    pub panels: Names,
    pub proteins: Vec<RawProtein>,
    pub runs: Runs,
    pub cells: LongCells,
    pub dropped: [u64; DROPPED.len()],
    pub messages: Vec<String>,
    pub warnings: Vec<String>,
    pub n_records: u64,
    pub n_repeated: u64,
    pub n_equal: u64,
    pub has_lod: bool,
    pub has_flags: bool,
    pub has_projects: bool,
    pub is_linear: Option<bool>,
    /// By sample: whether its ID is that of a control.
    pub is_control: Vec<bool>,
    keep_controls: bool,
    /// By role: column of the file that is read, for messages.
    places: [String; TEXTS.len()],
    file: u32,
    has_types: bool,
    /// By assay: its row among `proteins`; u32::MAX where it is a control.
    row_of: Vec<u32>,
    last_lod: (Vec<u8>, f32),
    n_odd_words: u64,
}

impl Olink {
    /// Adds a file's rows.
    pub fn read(&mut self, input: &mut dyn LongInput, options: &ReadOptions) -> Result<(), ProteinFileError> {
        let path = input.path().to_string();
        self.keep_controls = options.keep_controls;
        let columns = Columns::new(input.header());
        let (wanted, told, untold) =
            self.wanted(&columns, options).map_err(|problem| ProteinFileError::file(&path, problem))?;
        let (before, odd) = (self.dropped.iter().sum::<u64>(), self.n_odd_words);
        let n_rows = input.rows(&wanted, self)?;
        self.n_records += n_rows;
        self.file += 1;
        let n_dropped = self.dropped.iter().sum::<u64>() - before;
        self.messages.push(format!("{path}: Olink NPX, long ({told}): {n_rows} rows, {} kept", n_rows - n_dropped));
        self.messages.extend(untold.map(|untold| format!("{path}: {untold}")));
        if self.n_odd_words > odd {
            let n = self.n_odd_words - odd;
            self.messages.push(format!("{path}: {n} QC words are none of PASS, WARN and FAIL: taken as WARN"));
        }
        Ok(())
    }

    /// Where the columns are, a line that tells of them, and one of limits that are not used.
    fn wanted(&mut self, columns: &Columns, options: &ReadOptions) -> Result<(Wanted, String, Option<String>), String> {
        let mut wanted = Wanted::default();
        for (role, names) in TEXTS.iter().enumerate() {
            wanted.texts[role] = columns.find(names)?;
        }
        if let Some(name) = &options.sample_column {
            wanted.texts[SAMPLE] = Some(columns.chosen(name, "--sample-column")?);
        }
        wanted.numbers[VALUE] = match &options.value_column {
            Some(name) => Some(columns.chosen(name, "--value-column")?),
            None => columns.find(&["NPX", "Quantified_value"])?,
        };
        let missing = [wanted.texts[SAMPLE], wanted.texts[ASSAY_ID], wanted.numbers[VALUE]];
        if let Some(role) = missing.iter().position(Option::is_none) {
            return Err(format!("no column {}; an Olink table has SampleID, OlinkID and NPX", NEEDED[role]));
        }
        let untold = limits(columns, &mut wanted)?;
        let place = |at: Option<usize>| at.map(|at| format!("column {} ({})", at + 1, columns.name(at)));
        self.places = wanted.texts.map(|at| place(at).unwrap_or_default());
        self.has_types = wanted.texts[SAMPLE_TYPE].is_some();
        self.has_projects |= wanted.texts[PROJECT].is_some();
        self.has_lod |= wanted.numbers[LOD].is_some();
        let name_of = |at: Option<usize>| at.map_or("none", |at| columns.name(at)).to_string();
        let value = name_of(wanted.numbers[VALUE]);
        let is_linear = !value.to_ascii_uppercase().contains("NPX");
        if self.is_linear.is_some_and(|before| before != is_linear) {
            return Err("its values are of another scale than the file's before it".into());
        }
        self.is_linear = Some(is_linear);
        let told = format!(
            "values {value}, LOD {}, sample QC {}, assay QC {}, plates {}",
            name_of(wanted.numbers[LOD]),
            name_of(wanted.texts[SAMPLE_QC]),
            name_of(wanted.texts[ASSAY_QC]),
            name_of(wanted.texts[PLATE])
        );
        Ok((wanted, told, untold))
    }

    /// The assay's row among the proteins, made at its first appearance; `None` for a control.
    #[inline]
    fn protein(&mut self, row: &LongRow) -> Result<Option<u32>, String> {
        let (assay, is_new) = self.assays.intern(row.texts[ASSAY_ID]);
        if is_new {
            self.add_assay(row)?;
        }
        let protein = self.row_of[assay as usize];
        Ok((protein != u32::MAX).then_some(protein))
    }

    #[inline(never)]
    fn add_assay(&mut self, row: &LongRow) -> Result<(), String> {
        if row.texts[ASSAY_ID].is_empty() {
            return Err("no OlinkID".into());
        }
        if assay_control(row.texts[ASSAY_TYPE], row.texts[ASSAY]) {
            self.row_of.push(u32::MAX);
            return Ok(());
        }
        let text = |role: usize| utf8(row.texts[role], &self.places[role]);
        let (name, block) = (text(PANEL)?, text(BLOCK)?);
        let name = match block.as_str() {
            "" | "NA" => name,
            block => format!("{name} block {block}").trim_start().to_string(),
        };
        let (id, assay, uniprot) = (text(ASSAY_ID)?, text(ASSAY)?, text(UNIPROT)?);
        let (panel, is_new) = self.panels.intern(name.as_bytes());
        if is_new {
            self.runs.add_panel();
        }
        self.row_of.push(self.proteins.len() as u32);
        self.cells.add_row();
        self.proteins.push(RawProtein { id, name: assay, uniprot, panel, ..RawProtein::default() });
        Ok(())
    }

    /// The sample; `None` for a control, which is counted.
    #[inline]
    fn sample(&mut self, row: &LongRow) -> Result<Option<u32>, String> {
        let (sample, is_new) = self.samples.intern(row.texts[SAMPLE]);
        if is_new {
            if row.texts[SAMPLE].is_empty() || row.texts[SAMPLE] == b"NA" {
                return Err("no SampleID".into());
            }
            utf8(row.texts[SAMPLE], &self.places[SAMPLE])?;
            self.is_control.push(sample_control(b"", row.texts[SAMPLE]) == Control::ByName);
        }
        let kind = row.texts[SAMPLE_TYPE];
        if self.has_types {
            if kind != b"SAMPLE" && sample_control(kind, b"") == Control::ByType {
                self.dropped[0] += 1;
                return Ok(None);
            }
        } else if !self.keep_controls && self.is_control[sample as usize] {
            self.dropped[1] += 1;
            return Ok(None);
        }
        Ok(Some(sample))
    }

    #[inline]
    fn qc_bits(&mut self, row: &LongRow) -> u8 {
        let mut bits = 0;
        for (role, warn, fail) in
            [(SAMPLE_QC, flag::SAMPLE_WARN, flag::SAMPLE_FAIL), (ASSAY_QC, flag::ASSAY_WARN, flag::ASSAY_FAIL)]
        {
            let (qc, is_known) = qc(row.texts[role]);
            self.n_odd_words += u64::from(!is_known);
            bits |= match qc {
                Qc::Pass => 0,
                Qc::Warn => warn,
                Qc::Fail => fail,
            };
        }
        self.has_flags |= bits != 0;
        bits
    }

    /// Neighbouring rows often have the same limit.
    #[inline]
    fn lod(&mut self, number: Num) -> Result<f32, String> {
        match number {
            Num::Text(cell) if same(&self.last_lod.0, cell) && !cell.is_empty() => Ok(self.last_lod.1),
            Num::Text(cell) => {
                let lod = number.value().map_err(|problem| format!("LOD: {problem}"))? as f32;
                self.last_lod.0.clear();
                self.last_lod.0.extend_from_slice(cell);
                self.last_lod.1 = lod;
                Ok(lod)
            }
            Num::Value(_) => Ok(number.value().map_err(|problem| format!("LOD: {problem}"))? as f32),
        }
    }

    /// The column of the first repeat of a run that has no value of this protein yet.
    #[inline(never)]
    fn repeat(&mut self, protein: u32, panel: u32, sample: u32, place: Place, value: f64) -> Result<u32, String> {
        let mut column = self.runs.column(panel, sample, place);
        self.n_repeated += 1;
        let mut is_equal = false;
        for repeat in 1..MAX_REPEATS {
            is_equal |= self.cells.at(protein, column).value == value;
            column = self.runs.repeated(panel, sample, place, repeat);
            if !self.cells.at(protein, column).seen {
                self.n_equal += u64::from(is_equal);
                return Ok(column);
            }
        }
        Err(format!(
            "one sample has this assay more than {MAX_REPEATS} times; is SampleID the right column (--sample-column)?"
        ))
    }
}

/// Finds the limits that the column of values has; otherwise says that none is used.
fn limits(columns: &Columns, wanted: &mut Wanted) -> Result<Option<String>, String> {
    let Some(value) = wanted.numbers[VALUE].map(|at| columns.name(at)) else { return Ok(None) };
    let own = LIMITS.iter().find(|(name, _)| *name == plain(value));
    wanted.numbers[LOD] = own.map(|(_, limits)| columns.find(limits)).transpose()?.flatten();
    let others: Vec<&str> =
        LIMITS.iter().flat_map(|(_, limits)| *limits).filter(|name| columns.has(name)).copied().collect();
    let is_told = wanted.numbers[LOD].is_some() || others.is_empty();
    Ok((!is_told)
        .then(|| format!("{} is on another scale than {value}: no limit of detection is used", others.join(", "))))
}

impl TakeRow for Olink {
    #[inline]
    fn row(&mut self, row: &LongRow) -> Result<(), String> {
        let Some(sample) = self.sample(row)? else { return Ok(()) };
        let Some(protein) = self.protein(row)? else {
            self.dropped[2] += 1;
            return Ok(());
        };
        let value = row.numbers[VALUE].value().map_err(|problem| format!("value: {problem}"))?;
        let lod = self.lod(row.numbers[LOD])?;
        let (project, new_project) = self.projects.intern(row.texts[PROJECT]);
        let (plate, new_plate) = self.plates.intern(row.texts[PLATE]);
        if new_project || new_plate {
            utf8(row.texts[PROJECT], &self.places[PROJECT])?;
            utf8(row.texts[PLATE], &self.places[PLATE])?;
        }
        let place = Place { file: self.file, project, plate, well: self.wells.intern(row.texts[WELL]).0 };
        let flags = self.qc_bits(row);
        let panel = self.proteins[protein as usize].panel;
        let mut column = self.runs.column(panel, sample, place);
        self.cells.check()?;
        if self.cells.at(protein, column).seen {
            column = self.repeat(protein, panel, sample, place, value)?;
        }
        let cell = self.cells.at(protein, column);
        (cell.value, cell.lod, cell.flags, cell.seen) = (value, lod, flags, true);
        Ok(())
    }
}
