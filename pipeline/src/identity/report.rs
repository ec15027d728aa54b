//! The table of `norna identity`: individual-level data, one row a sample of the alignment files.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::score::{Candidate, Scored};
use super::sex::SexFromReads;
use super::verdict::{Status, Verdict};
use super::{SampleNames, Thresholds, verdicts};
use crate::report::words::count;

/// Columns of the table, in order.
pub const COLUMNS: [&str; 21] = [
    "sample",
    "status",
    "best_match",
    "own_concordance",
    "best_concordance",
    "n_sites",
    "contamination",
    "sex_from_reads",
    "vcf_sample",
    "own_lod",
    "best_lod",
    "next_match",
    "margin_lod",
    "next_concordance",
    "n_informative",
    "same_person",
    "contamination_lod",
    "mean_depth",
    "x_depth_ratio",
    "y_depth_ratio",
    "nearest",
];

/// How the table starts, so that `--force` replaces no other file.
pub const TABLE_START: &str = "sample\tstatus\tbest_match\town_concordance\t";

/// A cell.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Text(String),
    Number(f64, usize),
    Count(u64),
    Missing,
}

/// A row of the table: a cell a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    sample: String,
    /// Column of the VCF by the sample's name.
    column: Option<usize>,
    status: Status,
    has_nobody: bool,
    cells: Vec<Cell>,
}

impl Row {
    /// The sample's status.
    pub fn status(&self) -> Status {
        self.status
    }
}

/// Counts; no IDs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Samples by status, in the order of [`Status::ALL`].
    pub n_by_status: [usize; 6],
    /// Samples for whom nobody in the VCF was found, though there were enough sites.
    pub n_nobody: usize,
    /// Samples of the VCF.
    pub n_in_vcf: usize,
    /// Of those, without an alignment file by their name.
    pub n_without_reads: usize,
    /// Sites of the panel.
    pub n_sites: usize,
    /// Of those, with no read in any sample.
    pub n_sites_without_reads: usize,
}

/// Everything that is said.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// In the order of sample IDs.
    pub rows: Vec<Row>,
    /// Counts of all rows.
    pub summary: Summary,
    /// Samples of the VCF.
    vcf_samples: Vec<String>,
}

/// What a report is made of: samples of the alignment files and of the VCF, each sample's column, scores and sex.
pub(crate) struct Findings<'a> {
    pub(crate) samples: &'a [String],
    pub(crate) vcf_samples: &'a [String],
    pub(crate) names: &'a SampleNames,
    pub(crate) scored: &'a [Scored],
    pub(crate) sexes: &'a [SexFromReads],
    pub(crate) site_has_reads: &'a [bool],
}

impl Report {
    /// Puts the report together.
    pub(crate) fn new(findings: &Findings<'_>, thresholds: &Thresholds) -> Self {
        let verdicts = verdicts(findings.scored, findings.vcf_samples.len(), thresholds);
        let rows: Vec<Row> = (0..findings.samples.len()).map(|i| findings.row(i, &verdicts[i], thresholds)).collect();
        let site_has_reads = findings.site_has_reads;
        let n_sites_without_reads = site_has_reads.iter().filter(|&&has| !has).count();
        let sites = (site_has_reads.len(), n_sites_without_reads);
        let summary = Summary::of(&rows, findings.vcf_samples, None, sites);
        Self { rows, summary, vcf_samples: findings.vcf_samples.to_vec() }
    }

    /// Counts of those samples only whose names among the reads are in `only`; of all without it.
    pub fn summary_of(&self, only: Option<&HashSet<String>>) -> Summary {
        let sites = (self.summary.n_sites, self.summary.n_sites_without_reads);
        Summary::of(&self.rows, &self.vcf_samples, only, sites)
    }

    /// As tab-separated text: missing numbers are NA, missing names are ".".
    pub fn tsv(&self) -> String {
        let mut text = COLUMNS.join("\t");
        text.push('\n');
        for row in &self.rows {
            for (i, (cell, column)) in row.cells.iter().zip(COLUMNS).enumerate() {
                if i > 0 {
                    text.push('\t');
                }
                // Writing to a text does not fail.
                let _ = match cell {
                    Cell::Text(name) => write!(text, "{name}"),
                    Cell::Number(number, digits) => write!(text, "{number:.digits$}"),
                    Cell::Count(n) => write!(text, "{n}"),
                    Cell::Missing if is_name(column) => write!(text, "."),
                    Cell::Missing => write!(text, "NA"),
                };
            }
            text.push('\n');
        }
        text
    }

    /// As JSON: the summary, and objects by the columns' names, with null for what is missing.
    pub fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(row_json).collect();
        json!({ "individual_level": true, "summary": self.summary.json(), "samples": rows })
    }
}

impl Summary {
    fn of(
        rows: &[Row],
        vcf_samples: &[String],
        only: Option<&HashSet<String>>,
        (n_sites, n_sites_without_reads): (usize, usize),
    ) -> Self {
        let counts = |name: &String| only.is_none_or(|only| only.contains(name));
        let asked = || rows.iter().filter(|row| counts(&row.sample));
        let with_reads: HashSet<usize> = rows.iter().filter_map(|row| row.column).collect();
        let in_vcf: Vec<usize> = (0..vcf_samples.len()).filter(|&i| counts(&vcf_samples[i])).collect();
        Self {
            n_by_status: Status::ALL.map(|status| asked().filter(|row| row.status == status).count()),
            n_nobody: asked().filter(|row| row.has_nobody).count(),
            n_in_vcf: in_vcf.len(),
            n_without_reads: in_vcf.iter().filter(|column| !with_reads.contains(column)).count(),
            n_sites,
            n_sites_without_reads,
        }
    }

    /// Samples of any status.
    pub fn n_samples(&self) -> usize {
        self.n_by_status.iter().sum()
    }

    /// One line on what must not go on, if something must not.
    pub fn refusal(&self) -> Option<String> {
        let wrong: usize =
            Status::ALL.into_iter().filter(|status| status.is_wrong()).map(|status| self.n(status)).sum();
        (wrong > 0).then(|| {
            format!(
                "the reads of {} are not those of the person named: swap {}, duplicate {}",
                count(wrong as u64, "sample"),
                self.n(Status::Swap),
                self.n(Status::Duplicate)
            )
        })
    }

    /// Samples of a status.
    pub fn n(&self, status: Status) -> usize {
        self.n_by_status[status as usize]
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let by_status = Status::ALL.iter().map(|&status| (status.name().to_owned(), json!(self.n(status))));
        json!({
            "by_status": by_status.collect::<serde_json::Map<_, _>>(),
            "nobody_in_vcf_matches": self.n_nobody,
            "vcf_samples": self.n_in_vcf,
            "vcf_samples_without_reads": self.n_without_reads,
            "sites": self.n_sites,
            "sites_without_reads": self.n_sites_without_reads,
        })
    }

    /// Lines for the log.
    pub fn lines(&self) -> Vec<String> {
        let total = self.n_samples();
        let told: Vec<String> = Status::ALL
            .iter()
            .filter(|&&status| self.n(status) > 0)
            .map(|&status| format!("{} {}", status.name(), self.n(status)))
            .collect();
        let mut lines = vec![format!("{}: {}", count(total as u64, "sample"), told.join(", "))];
        if self.n_nobody > 0 {
            lines.push(format!("nobody in the VCF matches the reads of {}", count(self.n_nobody as u64, "sample")));
        }
        if self.n_without_reads > 0 {
            let (without, all) = (self.n_without_reads, self.n_in_vcf);
            lines.push(format!("{without} of the VCF's {} have no alignment file", count(all as u64, "sample")));
        }
        if self.n_sites_without_reads > 0 {
            let (without, all) = (self.n_sites_without_reads, self.n_sites);
            lines.push(format!("{without} of {} have no read in any sample", count(all as u64, "site")));
        }
        lines
    }
}

impl Findings<'_> {
    fn row(&self, sample: usize, verdict: &Verdict, thresholds: &Thresholds) -> Row {
        let (scored, sex) = (&self.scored[sample], &self.sexes[sample]);
        let person = |candidate: Option<&Candidate>| candidate.map(|c| self.vcf_samples[c.column].clone());
        let best = nearest(scored);
        // Odds are told of the person named; of the best where there is none.
        let (first, next) = match &scored.own {
            Some(own) => (Some(own), scored.others.first()),
            None => (best, scored.others.get(1)),
        };
        let told = scored.n_sites >= thresholds.min_sites;
        let id = |column: usize| self.vcf_samples[column].clone();
        let same: Vec<&str> = verdict.same_person.iter().map(|&other| self.samples[other].as_str()).collect();
        let n_sites = scored.own.as_ref().or(best).map_or(scored.n_sites, |candidate| candidate.n_sites);
        let own_name = scored.own_column.map(|_| self.names.in_vcf(&self.samples[sample]).to_owned());
        let cells = vec![
            Cell::Text(self.samples[sample].clone()),
            Cell::Text(verdict.status.name().to_owned()),
            text(verdict.person.map(id)),
            number(scored.own.as_ref().map(|own| own.concordance), 4),
            number(best.map(|best| best.concordance), 4),
            Cell::Count(u64::from(n_sites)),
            number(verdict.contamination, 4),
            Cell::Text(sex.sex.name().to_owned()),
            text(own_name),
            number(scored.own.as_ref().map(|own| own.lod), 2),
            number(best.map(|best| best.lod), 2),
            text(person(next)),
            number(first.zip(next).map(|(first, next)| first.lod - next.lod), 2),
            number(next.map(|next| next.concordance), 4),
            next.filter(|_| scored.own.is_some())
                .map_or(Cell::Missing, |next| Cell::Count(u64::from(next.n_differing))),
            text((!same.is_empty()).then(|| same.join(","))),
            number(verdict.contamination_lod, 2),
            Cell::Number(scored.mean_depth, 2),
            number(Some(sex.x_ratio), 3),
            number(Some(sex.y_ratio), 3),
            text(person(best.filter(|_| told))),
        ];
        Row {
            sample: self.samples[sample].clone(),
            column: scored.own_column,
            status: verdict.status,
            has_nobody: told && verdict.status != Status::LowCoverage && verdict.person.is_none(),
            cells,
        }
    }
}

/// The person with the highest odds.
fn nearest(scored: &Scored) -> Option<&Candidate> {
    let other = scored.others.first();
    match &scored.own {
        Some(own) if other.is_none_or(|other| own.lod >= other.lod) => Some(own),
        _ => other,
    }
}

fn text(name: Option<String>) -> Cell {
    name.map_or(Cell::Missing, Cell::Text)
}

fn number(number: Option<f64>, digits: usize) -> Cell {
    match number {
        // No minus before a zero.
        Some(number) if number.is_finite() => Cell::Number(number + 0.0, digits),
        _ => Cell::Missing,
    }
}

fn is_name(column: &str) -> bool {
    matches!(column, "best_match" | "vcf_sample" | "next_match" | "same_person" | "nearest")
}

fn row_json(row: &Row) -> Value {
    let value = |cell: &Cell| match cell {
        Cell::Text(name) => json!(name),
        Cell::Number(number, digits) => json!(format!("{number:.digits$}").parse::<f64>().unwrap_or(*number)),
        Cell::Count(n) => json!(n),
        Cell::Missing => Value::Null,
    };
    let cells = COLUMNS.iter().zip(&row.cells).map(|(column, cell)| ((*column).to_owned(), value(cell)));
    Value::Object(cells.collect())
}
