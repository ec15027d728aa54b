//! A plan as a table and as JSON: a row for each number of nodes, and what a form asks for.

use std::fmt;

use serde_json::{Value, json};

use super::resources::human_bytes;
use super::words::count;
use crate::plan::application::Application;
use crate::plan::{Assumptions, CisForecast, CisSize, Forecast, NodeLayout, Range, Rates, StudySize, forecast};
use crate::slurm::charge::{Charge, Held};
use crate::slurm::choice::memory_mb;

/// How a cluster counts what it takes from an allocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Pricing {
    /// The cluster's own rule; all cores of the nodes where it is not known.
    pub rule: Option<Charge>,
    /// Cores of a node.
    pub cores_per_node: u32,
}

impl Pricing {
    /// What an hour of a layout is charged, its ranks having so many bytes each.
    fn per_hour(&self, layout: &NodeLayout, memory_per_rank: f64) -> f64 {
        let (nodes, cores) = (u64::from(layout.nodes), u64::from(self.cores_per_node));
        let ranks = f64::from(layout.nodes) * f64::from(layout.ranks_per_node);
        let memory_mb = (ranks * memory_per_rank / f64::from(1 << 20)).ceil() as u64;
        match &self.rule {
            Some(rule) => rule.per_hour(Held { nodes, cores: nodes * cores, memory_mb }),
            None => (nodes * cores) as f64,
        }
    }

    /// What is charged.
    fn unit(&self) -> &str {
        self.rule.as_ref().map_or("core-hours", |rule| rule.unit.as_str())
    }

    /// How.
    fn formula(&self) -> String {
        self.rule.as_ref().map_or_else(|| "cores × hours".to_owned(), Charge::formula)
    }
}

/// What a node and a partition hold, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Memory of a node, MB.
    pub memory_mb: Option<u64>,
    /// Longest job, seconds.
    pub seconds: Option<u64>,
    /// A node whose memory does not hold its ranks gets one of all their threads.
    pub can_join_ranks: bool,
}

/// What is planned.
#[derive(Debug, Clone)]
pub struct Options {
    /// The study.
    pub size: StudySize,
    /// Its cis windows, where they are asked for.
    pub cis: Option<CisSize>,
    /// What its size does not say.
    pub assumed: Assumptions,
    /// The machine.
    pub rates: Rates,
    /// Where its rates were measured; `None` for the built-in ones.
    pub rates_of: Option<String>,
    /// Rows of the table.
    pub layouts: Vec<NodeLayout>,
    /// How time is charged.
    pub pricing: Pricing,
    /// What holds it.
    pub limits: Limits,
    /// The cluster and partition, and what else to say of them; a line each.
    pub remarks: Vec<String>,
    /// Price of a core-hour and its currency.
    pub price: Option<(f64, String)>,
    /// Genotype files.
    pub n_inputs: u64,
}

/// A row.
struct Row {
    layout: NodeLayout,
    forecast: Forecast,
    core_hours: Range,
    /// Memory to ask for on a node, MB, as norna submit does.
    memory_mb: u64,
    /// Why it cannot run.
    does_not_fit: Option<String>,
    /// How often it goes on after a time limit.
    restarts: u64,
}

impl Row {
    fn new(options: &Options, layout: NodeLayout) -> Self {
        let forecast = forecast(&options.size, &options.assumed, &options.rates, &layout);
        let p = &forecast.prediction;
        let per_hour = options.pricing.per_hour(&layout, p.memory_per_rank_bytes.most);
        let core_hours = p.wall_seconds.scaled(per_hour / 3600.0);
        let memory_mb = memory_mb(p, layout.ranks_per_node);
        let does_not_fit = options.limits.memory_mb.filter(|&has| memory_mb > has);
        let does_not_fit = does_not_fit.map(|has| format!("needs {memory_mb} MB a node, which has {has}"));
        let over = options.limits.seconds.map_or(1.0, |limit| (p.wall_seconds.expected / limit as f64).ceil());
        Self { layout, forecast, core_hours, memory_mb, does_not_fit, restarts: (over as u64).saturating_sub(1) }
    }

    /// With one rank on a node where more do not fit and one does.
    fn fitting(options: &Options, layout: NodeLayout) -> Self {
        let row = Self::new(options, layout);
        if row.does_not_fit.is_none() || !options.limits.can_join_ranks || layout.ranks_per_node == 1 {
            return row;
        }
        let threads_per_rank = layout.ranks_per_node * layout.threads_per_rank;
        let joined = Self::new(options, NodeLayout { ranks_per_node: 1, threads_per_rank, ..layout });
        if joined.does_not_fit.is_none() { joined } else { row }
    }

    fn remark(&self) -> String {
        match (&self.does_not_fit, self.restarts) {
            (Some(why), _) => format!("does not fit: {why}"),
            (None, 0) => String::new(),
            (None, restarts) => count(restarts, "restart"),
        }
    }
}

/// The plan.
pub struct Report<'a> {
    options: &'a Options,
    rows: Vec<Row>,
    /// The row that is charged least of those that fit, and its form.
    form: Option<(usize, Application)>,
}

impl<'a> Report<'a> {
    /// Predicts every row.
    pub fn new(options: &'a Options) -> Self {
        let rows: Vec<Row> = options.layouts.iter().map(|&layout| Row::fitting(options, layout)).collect();
        let price = |row: &Row| row.core_hours.expected;
        let fitting = rows.iter().enumerate().filter(|(_, row)| row.does_not_fit.is_none());
        let cheapest = fitting.min_by(|(_, a), (_, b)| price(a).total_cmp(&price(b)));
        let form = cheapest.map(|(at, row)| {
            let p = &row.forecast.prediction;
            let node_hours = p.wall_seconds.scaled(f64::from(row.layout.nodes) / 3600.0);
            (at, Application::new(p, row.core_hours, node_hours, options.n_inputs))
        });
        Self { options, rows, form }
    }

    /// Whether any row can run.
    pub fn fits(&self) -> bool {
        self.rows.iter().any(|row| row.does_not_fit.is_none())
    }

    /// Whether all numbers are.
    pub fn is_finite(&self) -> bool {
        let price = self.options.price.as_ref().map_or(1.0, |(price, _)| *price);
        self.rows.iter().all(|row| {
            let p = &row.forecast.prediction;
            let ranges = [p.cpu_seconds, p.wall_seconds, p.memory_per_rank_bytes, p.input_bytes, p.output_bytes];
            let all = ranges.into_iter().chain([p.spool_bytes, row.core_hours, row.core_hours.scaled(price)]);
            all.into_iter().all(|range| [range.least, range.expected, range.most].into_iter().all(f64::is_finite))
        })
    }

    /// The cis windows in a row's layout, where they are asked for.
    fn cis(&self, row: &Row) -> Option<(CisSize, CisForecast)> {
        let (options, cis) = (self.options, self.options.cis?);
        Some((cis, cis.forecast(&options.size, &row.forecast, &options.rates, &row.layout)))
    }

    /// Everything, with ranges.
    pub fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let p = &row.forecast.prediction;
            let mut value = json!({
                "nodes": row.layout.nodes,
                "ranks_per_node": row.layout.ranks_per_node,
                "threads_per_rank": row.layout.threads_per_rank,
                "cpu_seconds": p.cpu_seconds,
                "core_hours": row.core_hours,
                "wall_seconds": p.wall_seconds,
                "memory_per_rank_bytes": p.memory_per_rank_bytes,
                "input_bytes": p.input_bytes,
                "output_bytes": p.output_bytes,
                "spool_bytes": p.spool_bytes,
                "files": p.files,
                "memory_per_node_mb": row.memory_mb,
                "fits": row.does_not_fit.is_none(),
                "does_not_fit": row.does_not_fit,
                "restarts": row.restarts,
                "shards": row.forecast.n_shards,
                "cpu_seconds_by_part": row.forecast.work,
            });
            if let Some((_, cis)) = self.cis(row) {
                value["cis"] = json!(cis);
            }
            if let Some((price, currency)) = &self.options.price {
                value["cost"] = json!({ "currency": currency, "amount": row.core_hours.scaled(*price) });
            }
            value
        });
        let application = self.form.as_ref().map(|(at, form)| {
            let mut value = json!(form);
            value["nodes"] = json!(self.rows[*at].layout.nodes);
            value
        });
        let size = &self.options.size;
        json!({
            "study": {
                "samples": size.n_samples,
                "variants": size.n_variants,
                "traits": size.n_traits,
                "trait_masks": size.n_masks,
                "covariates": size.n_covariates,
                "format": size.format,
                "store": size.store.name(),
                "p_threshold": size.hit_p,
                "missing_genotypes": self.options.assumed.missing_genotypes,
                "min_frequency": self.options.assumed.min_frequency,
            },
            "cis": self.options.cis,
            "rates_of": self.options.rates_of,
            "cores_per_node": self.options.pricing.cores_per_node,
            "charge": { "unit": self.options.pricing.unit(), "formula": self.options.pricing.formula() },
            "remarks": self.options.remarks,
            "fits": self.fits(),
            "limits": { "memory_per_node_mb": self.options.limits.memory_mb, "seconds": self.options.limits.seconds },
            "plans": rows.collect::<Vec<_>>(),
            "application": application,
        })
    }
}

/// A number with three digits that count.
fn shown(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

/// "12.5 (8.3 to 25)".
fn range(range: Range) -> String {
    format!("{} ({} to {})", shown(range.expected), shown(range.least), shown(range.most))
}

/// Seconds as hours, minutes, seconds.
fn clock(seconds: f64) -> String {
    let s = seconds.round() as u64;
    match (s / 3600, s / 60 % 60, s % 60) {
        (0, 0, _) => format!("{} s", shown(seconds)),
        (0, m, s) => format!("{m}:{s:02} min"),
        (h, m, _) => format!("{h}:{m:02} h"),
    }
}

fn bytes(range: Range) -> String {
    let [expected, least, most] = [range.expected, range.least, range.most].map(|b| human_bytes(b as u64));
    if expected == least && expected == most { expected } else { format!("{expected} ({least} to {most})") }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = &self.options.size;
        if !self.fits() {
            writeln!(f, "none of these fits: fewer traits at a time need less memory, or choose larger nodes\n")?;
        }
        writeln!(
            f,
            "{} × {} × {}, {} with the intercept, store {}",
            count(size.n_samples, "sample"),
            count(size.n_variants, "variant"),
            count(size.n_traits, "trait"),
            count(size.n_covariates, "covariate"),
            size.store.name()
        )?;
        match &self.options.rates_of {
            Some(of) => writeln!(f, "rates: measured on {of}")?,
            None => writeln!(
                f,
                "rates: a Zen 5 EPYC core with AVX-512; measure yours with norna bench --out card.json, give it by --card"
            )?,
        }
        let (cores, formula) = (self.options.pricing.cores_per_node, self.options.pricing.formula());
        writeln!(f, "nodes of {}; charged: {formula}", count(cores.into(), "core"))?;
        for remark in &self.options.remarks {
            writeln!(f, "{remark}")?;
        }
        writeln!(f)?;
        self.table(f)?;
        let Some((at, form)) = &self.form else { return Ok(()) };
        let row = &self.rows[*at];
        let (p, on) = (&row.forecast.prediction, count(row.layout.nodes.into(), "node"));
        writeln!(f)?;
        writeln!(f, "On {on}:")?;
        writeln!(f, "  CPU seconds:     {}", range(p.cpu_seconds))?;
        writeln!(f, "  memory per rank: {}", bytes(p.memory_per_rank_bytes))?;
        writeln!(f, "  input:           {}", bytes(p.input_bytes))?;
        writeln!(f, "  results:         {}", bytes(p.output_bytes))?;
        writeln!(f, "  while it runs:   {} of spools beside", bytes(p.spool_bytes))?;
        if let Some((size, cis)) = self.cis(row) {
            writeln!(f)?;
            writeln!(
                f,
                "cis windows beside it (norna qtl --permute {}): {} with {} each, on {on}:",
                size.permutations,
                count(size.n_phenotypes, "phenotype"),
                count(size.window_variants.round() as u64, "variant")
            )?;
            writeln!(f, "  CPU hours:       {}", range(cis.cpu_seconds.scaled(1.0 / 3600.0)))?;
            let wall = cis.wall_seconds;
            writeln!(f, "  wall:            {} ({} to {})", clock(wall.expected), clock(wall.least), clock(wall.most))?;
            writeln!(f, "  memory/thread:   {} at most", human_bytes(cis.memory_per_thread_bytes as u64))?;
        }
        writeln!(f)?;
        writeln!(f, "What an application form asks for (the whole study in one month, on {on}):")?;
        writeln!(f, "  thousand core-hours a month: {}", range(form.thousand_core_hours_a_month))?;
        writeln!(f, "  storage, GiB:                {}", range(form.storage_gib))?;
        writeln!(f, "  files:                       {}", form.files)?;
        writeln!(f, "  NAISS:                       {}: {}", form.naiss_class, form.naiss_source)?;
        writeln!(f, "  EuroHPC, node-hours:         {}", range(form.node_hours))
    }
}

impl Report<'_> {
    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.options.pricing.unit();
        let head =
            ["nodes", "ranks × threads", "wall", "at least", "at most", unit, "CPU hours", "memory/rank", "files"];
        let currency = self.options.price.as_ref().map(|(_, currency)| currency.clone());
        let mut lines = vec![head.into_iter().map(str::to_owned).chain(currency).collect::<Vec<_>>()];
        for row in &self.rows {
            let p = &row.forecast.prediction;
            let cells = [
                row.layout.nodes.to_string(),
                format!("{} × {}", row.layout.ranks_per_node, row.layout.threads_per_rank),
                clock(p.wall_seconds.expected),
                clock(p.wall_seconds.least),
                clock(p.wall_seconds.most),
                shown(row.core_hours.expected),
                shown(p.cpu_seconds.expected / 3600.0),
                human_bytes(p.memory_per_rank_bytes.expected as u64),
                p.files.to_string(),
            ];
            let cost = self.options.price.as_ref().map(|(price, _)| shown(price * row.core_hours.expected));
            lines.push(cells.into_iter().chain(cost).collect());
        }
        let width = |i: usize| lines.iter().map(|line| line[i].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
        let remarks = std::iter::once(String::new()).chain(self.rows.iter().map(Row::remark));
        for (line, remark) in lines.iter().zip(remarks) {
            let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:>width$}")).collect();
            writeln!(f, "{}", format!("{}  {remark}", cells.join("  ")).trim_end())?;
        }
        Ok(())
    }
}
