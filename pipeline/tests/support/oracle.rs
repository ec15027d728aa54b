//! plink2 beside norna: how it is run, and row by row what counts as agreement (tolerances are those of six printed
//! digits).

use std::path::{Path, PathBuf};

use super::study::Study;
use super::table::{Table, number};
use super::tools;

/// One row of either program's table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub chrom: String,
    pub pos: String,
    pub id: String,
    pub reference: String,
    pub alternate: String,
    pub a1: String,
    pub a1_freq: f64,
    pub obs_ct: u32,
    pub beta: f64,
    pub se: f64,
    pub t: f64,
    pub log10p: f64,
}

/// Bounds: beta and se in units of max(|beta|, SE) and SE, log10p in units of max(1, LOG10_P).
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    pub beta: f64,
    pub se: f64,
    pub log10p: f64,
}

/// Both programs saw the same numbers.
pub const SAME_INPUT: Tolerance = Tolerance { beta: 1e-5, se: 1e-5, log10p: 1e-4 };

/// The worst of a comparison, in the units of [`Tolerance`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Worst {
    pub rows: usize,
    pub numbers: usize,
    pub only_norna: usize,
    pub beta: f64,
    pub se: f64,
    pub log10p: f64,
}

impl Worst {
    pub fn join(&mut self, other: &Self) {
        self.rows += other.rows;
        self.numbers += other.numbers;
        self.only_norna += other.only_norna;
        self.beta = self.beta.max(other.beta);
        self.se = self.se.max(other.se);
        self.log10p = self.log10p.max(other.log10p);
    }

    /// Tells the worst deviations, past the test runner.
    pub fn report(&self, label: &str) {
        let Self { rows, numbers, only_norna, beta, se, log10p } = self;
        tools::say(&format!(
            "{label}: {rows} rows, {numbers} compared, {only_norna} with a number from norna only; \
             worst beta {beta:.1e}, se {se:.1e}, log10p {log10p:.1e}"
        ));
    }
}

/// Rows of a table with plink2's column names.
pub fn rows(table: &Table) -> Vec<Row> {
    let at = |name: &str| table.column(name);
    let (chrom, pos, id, reference, alternate) = (at("CHROM"), at("POS"), at("ID"), at("REF"), at("ALT"));
    let (a1, freq, obs_ct) = (at("A1"), at("A1_FREQ"), at("OBS_CT"));
    let (beta, se, t) = (at("BETA"), at("SE"), at("T_STAT"));
    let log10p = table.header.iter().position(|cell| cell == "LOG10_P");
    let plain_p = if log10p.is_none() { at("P") } else { 0 };
    let parse = |row: &Vec<String>| Row {
        chrom: row[chrom].clone(),
        pos: row[pos].clone(),
        id: row[id].clone(),
        reference: row[reference].clone(),
        alternate: row[alternate].clone(),
        a1: row[a1].clone(),
        a1_freq: number(&row[freq]),
        obs_ct: row[obs_ct].parse().unwrap(),
        beta: number(&row[beta]),
        se: number(&row[se]),
        t: number(&row[t]),
        log10p: log10p.map_or_else(|| -number(&row[plain_p]).log10(), |column| number(&row[column])),
    };
    table.rows.iter().map(parse).collect()
}

/// Runs `plink2 --glm` on a study; the tables lie at `PREFIX.TRAIT.glm.linear`.
pub fn plink2(study: &Study, prefix: &str, import: &[&str], extra: &[&str]) -> PathBuf {
    let out = study.path(prefix);
    let mut command = tools::command("plink2");
    command.arg("--vcf").arg(&study.vcf).args(import).arg("--pheno").arg(&study.pheno);
    let mut model = vec!["--glm", "omit-ref", "hide-covar", "log10", "no-x-sex", "cols=+a1freq"];
    if let Some(covar) = &study.covar {
        command.arg("--covar").arg(covar).arg("--covar-variance-standardize");
    } else {
        model.push("allow-no-covars");
    }
    command.args(model).args(["--threads", "2", "--memory", "2000"]).args(extra).arg("--out").arg(&out);
    tools::run(&mut command).ok();
    out
}

/// The rows that plink2 wrote for a trait.
pub fn plink2_rows(prefix: &Path, name: &str) -> Vec<Row> {
    rows(&Table::read(Path::new(&format!("{}.{name}.glm.linear", prefix.display()))))
}

fn plain_chrom(chrom: &str) -> &str {
    match chrom.strip_prefix("chr").unwrap_or(chrom) {
        "PAR1" | "PAR2" | "23" => "X",
        plain => plain,
    }
}

fn key(row: &Row) -> (&str, &str, &str, &str, &str) {
    (plain_chrom(&row.chrom), &row.pos, &row.id, &row.reference, &row.alternate)
}

/// Compares every row, in order: the same variants, OBS_CT equal, a number from norna wherever plink2 has one, and the
/// numbers within `tolerance`. `frequencies`: A1_FREQ too (plink2's is over the trait's own samples).
#[track_caller]
pub fn compare(label: &str, norna: &[Row], plink2: &[Row], tolerance: Tolerance, frequencies: bool) -> Worst {
    assert_eq!(norna.len(), plink2.len(), "{label}: number of rows");
    let mut worst = Worst { rows: norna.len(), ..Worst::default() };
    let mut bad = Vec::new();
    for (ours, theirs) in norna.iter().zip(plink2) {
        assert_eq!(key(ours), key(theirs), "{label}: not the same variant");
        let fine = compare_row(ours, theirs, tolerance, &mut worst)
            && (!frequencies || near(ours.a1_freq, theirs.a1_freq, 1e-5 * theirs.a1_freq));
        if !fine {
            bad.push((ours, theirs));
        }
    }
    let shown: Vec<String> =
        bad.iter().take(5).map(|(ours, theirs)| format!("norna  {ours:?}\nplink2 {theirs:?}")).collect();
    assert!(bad.is_empty(), "{label}: {} of {} rows differ, such as\n{}", bad.len(), norna.len(), shown.join("\n"));
    worst
}

fn compare_row(ours: &Row, theirs: &Row, tolerance: Tolerance, worst: &mut Worst) -> bool {
    if ours.obs_ct != theirs.obs_ct || ours.a1 != ours.alternate {
        return false;
    }
    if theirs.beta.is_nan() || theirs.se.is_nan() {
        worst.only_norna += usize::from(ours.beta.is_finite());
        return true;
    }
    // plink2's tables may count the other allele.
    let sign = if theirs.a1 == theirs.alternate { 1.0 } else { -1.0 };
    let beta = (ours.beta - sign * theirs.beta).abs() / theirs.beta.abs().max(theirs.se);
    let se = (ours.se - theirs.se).abs() / theirs.se;
    let log10p = (ours.log10p - theirs.log10p).abs() / theirs.log10p.max(1.0);
    worst.numbers += 1;
    for (worst, found) in [(&mut worst.beta, beta), (&mut worst.se, se), (&mut worst.log10p, log10p)] {
        *worst = worst.max(found);
    }
    // Written so that NaN fails.
    let t = (ours.t - sign * theirs.t).abs() <= 3.0 * tolerance.beta * theirs.t.abs().max(1.0);
    beta <= tolerance.beta && se <= tolerance.se && log10p <= tolerance.log10p && t
}

fn near(found: f64, expected: f64, bound: f64) -> bool {
    (found.is_nan() && expected.is_nan()) || (found - expected).abs() <= bound
}
