//! Tables from cis.h5: a row a phenotype, a nominal pair or a signal.
//!
//! Memory: a piece of rows and the variants that its pairs name.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use norna_kernels::student;

use super::ExportError;
use super::pair::push_real;
use super::select::Region;
use crate::qtl::{Lead, Permuted, VariantKey};
use crate::report::digits::{push_number, push_p};
use crate::store::{CisPhenotypeInfo, CisReader, CisVariant, StoreError, StoredPhenotype, StoredSignal};

/// Rows read at once.
const ROWS: usize = 1 << 14;
/// Bytes of text written at once.
const TEXT: usize = 1 << 16;
/// Columns of the table of phenotypes.
pub const CIS_COLUMNS: [&str; 29] = [
    "phenotype",
    "n_variants",
    "variant",
    "tss_distance",
    "beta",
    "se",
    "p_nominal",
    "p_perm",
    "p_beta",
    "beta_shape1",
    "beta_shape2",
    "df",
    "q_value",
    "n",
    "a1_freq",
    "n_tied",
    "chrom",
    "pos",
    "ref",
    "alt",
    "gene_id",
    "gene_name",
    "below_lod",
    "p_nominal_threshold",
    "log10p_nominal",
    "log10p_beta",
    "consequence",
    "changes_protein",
    "status",
];
/// Columns of the table of pairs.
pub const NOMINAL_COLUMNS: [&str; 13] = [
    "phenotype",
    "variant",
    "chrom",
    "pos",
    "ref",
    "alt",
    "tss_distance",
    "a1_freq",
    "n",
    "beta",
    "se",
    "p_nominal",
    "log10p_nominal",
];
/// Columns of the table of signals.
pub const SIGNAL_COLUMNS: [&str; 24] = [
    "phenotype",
    "rank",
    "variant",
    "chrom",
    "pos",
    "ref",
    "alt",
    "tss_distance",
    "a1_freq",
    "n",
    "beta",
    "se",
    "p_nominal",
    "p_perm",
    "p_beta",
    "beta_shape1",
    "beta_shape2",
    "df",
    "n_tied",
    "log10p_nominal",
    "log10p_beta",
    "gene_name",
    "consequence",
    "changes_protein",
];

/// Which table is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum CisTable {
    /// A row a phenotype: its best variant.
    #[default]
    Cis,
    /// A row a pair of a phenotype and a variant of its window.
    Nominal,
    /// A row an independent signal.
    Signals,
}

/// What goes into a table.
#[derive(Debug, Clone, Default)]
pub struct CisPlan {
    /// Which table.
    pub table: CisTable,
    /// Phenotypes, ascending.
    pub phenotypes: Vec<usize>,
    /// Rows whose variant lies in any of these; all rows if empty.
    pub regions: Vec<Region>,
    /// Rows with at least this −log10 of the nominal p.
    pub min_log10p: Option<f64>,
}

impl CisPlan {
    fn takes(&self, variant: &VariantKey, log10p: f64) -> bool {
        let holds = |region: &Region| region.holds(&variant.chrom, variant.pos);
        self.min_log10p.is_none_or(|min| log10p >= min) && (self.regions.is_empty() || self.regions.iter().any(holds))
    }

    fn takes_all(&self) -> bool {
        self.regions.is_empty() && self.min_log10p.is_none()
    }
}

/// Text on its way out.
struct Table<'a, W> {
    text: Vec<u8>,
    out: &'a mut W,
    path: &'a Path,
    n_rows: u64,
}

impl<W: Write> Table<'_, W> {
    fn header(&mut self, columns: &[&str]) {
        self.text.extend_from_slice(columns.join("\t").as_bytes());
        self.text.push(b'\n');
    }

    /// Ends a line, whose cells all have a tab behind them.
    fn end_line(&mut self) -> Result<(), ExportError> {
        self.text.pop();
        self.text.push(b'\n');
        self.n_rows += 1;
        if self.text.len() >= TEXT { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        self.out.write_all(&self.text).map_err(|error| ExportError::write(self.path, error))?;
        self.text.clear();
        Ok(())
    }

    fn number(&mut self, value: f64) {
        push_number(&mut self.text, value);
        self.text.push(b'\t');
    }

    fn real(&mut self, value: f32) {
        push_real(&mut self.text, value);
        self.text.push(b'\t');
    }

    fn p(&mut self, log10p: f64) {
        push_p(&mut self.text, log10p);
        self.text.push(b'\t');
    }

    fn integer(&mut self, value: impl itoa::Integer) {
        self.text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.text.push(b'\t');
    }

    /// A text; NA where there is none.
    fn text(&mut self, text: &str) {
        self.text.extend_from_slice(if text.is_empty() { b"NA" } else { text.as_bytes() });
        self.text.push(b'\t');
    }

    fn none(&mut self, n: usize) {
        (0..n).for_each(|_| self.text(""));
    }
}

/// Writes a table and gives the number of its rows. `path` is for errors.
///
/// # Errors
/// A damaged file, or an output that cannot be written.
pub fn write_cis(reader: &CisReader, plan: &CisPlan, path: &Path, out: &mut impl Write) -> Result<u64, ExportError> {
    let mut table = Table { text: Vec::with_capacity(TEXT + (1 << 12)), out, path, n_rows: 0 };
    match plan.table {
        CisTable::Cis => {
            table.header(&CIS_COLUMNS);
            for_phenotypes(reader, plan, |info, stored| push_phenotype(&mut table, plan, info, stored))?;
        }
        CisTable::Nominal => {
            table.header(&NOMINAL_COLUMNS);
            plan.phenotypes.iter().try_for_each(|&phenotype| push_pairs(&mut table, reader, plan, phenotype))?;
        }
        CisTable::Signals => {
            table.header(&SIGNAL_COLUMNS);
            push_signals(&mut table, reader, plan)?;
        }
    }
    table.flush()?;
    Ok(table.n_rows)
}

/// Reads the chosen phenotypes in pieces.
fn for_phenotypes(
    reader: &CisReader,
    plan: &CisPlan,
    mut with: impl FnMut(&CisPhenotypeInfo, &StoredPhenotype) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    for near in plan.phenotypes.chunk_by(|a, b| a / ROWS == b / ROWS) {
        let first = near[0];
        let stored = reader.phenotypes(first..near[near.len() - 1] + 1)?;
        for &phenotype in near {
            with(&reader.header().phenotypes[phenotype], &stored[phenotype - first])?;
        }
    }
    Ok(())
}

fn push_phenotype<W: Write>(
    table: &mut Table<'_, W>,
    plan: &CisPlan,
    info: &CisPhenotypeInfo,
    stored: &StoredPhenotype,
) -> Result<(), ExportError> {
    let found = &stored.found;
    let is_taken = found.lead.as_ref().map_or(plan.takes_all(), |lead| plan.takes(&lead.variant, lead.log10p));
    if !is_taken {
        return Ok(());
    }
    table.text(&info.id);
    table.integer(found.n_variants);
    match &found.lead {
        Some(lead) => {
            table.text(&lead.variant.id);
            table.integer(lead.tss_distance);
            table.number(lead.beta);
            table.number(lead.se);
            table.p(lead.log10p);
        }
        None => table.none(5),
    }
    push_permuted(table, found.permuted.as_ref());
    table.number(stored.q_value);
    table.integer(found.n);
    match &found.lead {
        Some(lead) => {
            table.number(lead.a1_freq);
            table.integer(lead.n_tied);
            push_place(table, &lead.variant);
        }
        None => table.none(6),
    }
    table.text(&info.gene_id);
    table.text(&info.gene_name);
    table.real(info.below_lod);
    table.p(stored.threshold_log10p);
    table.number(found.lead.as_ref().map_or(f64::NAN, |lead| lead.log10p));
    table.number(found.permuted.map_or(f64::NAN, |permuted| permuted.log10p_beta));
    push_consequence(table, &stored.consequence, stored.changes_protein);
    table.text(found.status.name());
    table.end_line()
}

/// p_perm, p_beta, beta_shape1, beta_shape2, df.
fn push_permuted<W: Write>(table: &mut Table<'_, W>, permuted: Option<&Permuted>) {
    let Some(permuted) = permuted else { return table.none(5) };
    table.number(permuted.p_perm);
    table.p(permuted.log10p_beta);
    table.number(permuted.shape1);
    table.number(permuted.shape2);
    table.number(permuted.df);
}

/// chrom, pos, ref, alt.
fn push_consequence<W: Write>(table: &mut Table<'_, W>, consequence: &str, changes_protein: bool) {
    table.text(consequence);
    if consequence.is_empty() { table.none(1) } else { table.integer(u8::from(changes_protein)) }
}

fn push_place<W: Write>(table: &mut Table<'_, W>, variant: &VariantKey) {
    table.text(&variant.chrom);
    table.integer(variant.pos);
    table.text(&variant.reference);
    table.text(&variant.alternate);
}

fn push_pairs<W: Write>(
    table: &mut Table<'_, W>,
    reader: &CisReader,
    plan: &CisPlan,
    phenotype: usize,
) -> Result<(), ExportError> {
    let info = &reader.header().phenotypes[phenotype];
    let (n, n_covariates) = reader.n_and_covariates(phenotype);
    let df = f64::from(n) - f64::from(n_covariates) - 1.0;
    let stretch = reader.stretch(phenotype);
    for start in stretch.clone().step_by(ROWS) {
        let (pairs, variants) = pairs_and_variants(reader, start..stretch.end.min(start + ROWS))?;
        for (pair, variant) in pairs.iter().zip(&variants) {
            let t = f64::from(pair.beta) / f64::from(pair.se);
            let log10p = if t.is_finite() && df >= 1.0 { student::log10_p(t, df) } else { f64::NAN };
            let key = &variant.key;
            if !plan.takes(key, log10p) {
                continue;
            }
            table.text(&info.id);
            table.text(&key.id);
            push_place(table, key);
            table.integer(i64::from(key.pos) - i64::from(info.tss));
            table.real(variant.a1_freq as f32);
            table.integer(n);
            table.real(pair.beta);
            table.real(pair.se);
            table.p(log10p);
            table.number(log10p);
            table.end_line()?;
        }
    }
    Ok(())
}

/// Pairs and the variant of each: those of a window lie together.
fn pairs_and_variants(
    reader: &CisReader,
    rows: Range<usize>,
) -> Result<(Vec<crate::qtl::NominalPair>, Vec<CisVariant>), StoreError> {
    let pairs = reader.pairs(rows)?;
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by_key(|&i| pairs[i].variant_idx);
    let mut variants = vec![CisVariant::default(); pairs.len()];
    let idx = |i: usize| pairs[i].variant_idx as usize;
    for near in order.chunk_by(|&a, &b| idx(a) / ROWS == idx(b) / ROWS) {
        let first = idx(near[0]);
        let found = reader.variants(first..idx(near[near.len() - 1]) + 1)?;
        near.iter().for_each(|&i| variants[i].clone_from(&found[idx(i) - first]));
    }
    Ok((pairs, variants))
}

fn push_signals<W: Write>(table: &mut Table<'_, W>, reader: &CisReader, plan: &CisPlan) -> Result<(), ExportError> {
    let n = reader.n_signals();
    for start in (0..n).step_by(ROWS) {
        for stored in reader.signals(start..n.min(start + ROWS))? {
            let phenotype = stored.signal.phenotype_idx as usize;
            let lead = &stored.signal.lead;
            if plan.phenotypes.binary_search(&phenotype).is_ok() && plan.takes(&lead.variant, lead.log10p) {
                push_signal(table, reader, &stored)?;
            }
        }
    }
    Ok(())
}

fn push_signal<W: Write>(
    table: &mut Table<'_, W>,
    reader: &CisReader,
    stored: &StoredSignal,
) -> Result<(), ExportError> {
    let phenotype = stored.signal.phenotype_idx as usize;
    let info = &reader.header().phenotypes[phenotype];
    let lead: &Lead = &stored.signal.lead;
    table.text(&info.id);
    table.integer(stored.signal.rank);
    table.text(&lead.variant.id);
    push_place(table, &lead.variant);
    table.integer(lead.tss_distance);
    table.number(lead.a1_freq);
    table.integer(reader.n_and_covariates(phenotype).0);
    table.number(lead.beta);
    table.number(lead.se);
    table.p(lead.log10p);
    push_permuted(table, Some(&stored.signal.permuted));
    table.integer(lead.n_tied);
    table.number(lead.log10p);
    table.number(stored.signal.permuted.log10p_beta);
    table.text(&info.gene_name);
    push_consequence(table, &stored.consequence, stored.changes_protein);
    table.end_line()
}
