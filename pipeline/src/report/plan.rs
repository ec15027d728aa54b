//! A plan as a table and as JSON: a row for each number of nodes, and what a form asks for.

use std::fmt;

use serde_json::{Value, json};

use super::resources::human_bytes;
use super::words::count;
use crate::plan::application::Application;
use crate::plan::{Assumptions, Forecast, NodeLayout, Range, Rates, StudySize, forecast};
use crate::slurm::charge::{Charge, Held};

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

/// What is planned.
#[derive(Debug, Clone)]
pub struct Options {
    /// The study.
    pub size: StudySize,
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
}

/// The plan.
pub struct Report<'a> {
    options: &'a Options,
    rows: Vec<Row>,
    /// For the fewest nodes, which charge least.
    form: Option<Application>,
}

impl<'a> Report<'a> {
    /// Predicts every row.
    pub fn new(options: &'a Options) -> Self {
        let rows: Vec<Row> = options
            .layouts
            .iter()
            .map(|&layout| {
                let forecast = forecast(&options.size, &options.assumed, &options.rates, &layout);
                let p = &forecast.prediction;
                let per_hour = options.pricing.per_hour(&layout, p.memory_per_rank_bytes.most);
                let core_hours = p.wall_seconds.scaled(per_hour / 3600.0);
                Row { layout, forecast, core_hours }
            })
            .collect();
        let cheapest = rows.iter().min_by(|a, b| a.core_hours.expected.total_cmp(&b.core_hours.expected));
        let form = cheapest.map(|row| {
            let p = &row.forecast.prediction;
            let node_hours = p.wall_seconds.scaled(f64::from(row.layout.nodes) / 3600.0);
            Application::new(p, row.core_hours, node_hours, options.n_inputs)
        });
        Self { options, rows, form }
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
                "shards": row.forecast.n_shards,
                "cpu_seconds_by_part": row.forecast.work,
            });
            if let Some((price, currency)) = &self.options.price {
                value["cost"] = json!({ "currency": currency, "amount": row.core_hours.scaled(*price) });
            }
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
            "rates_of": self.options.rates_of,
            "cores_per_node": self.options.pricing.cores_per_node,
            "charge": { "unit": self.options.pricing.unit(), "formula": self.options.pricing.formula() },
            "remarks": self.options.remarks,
            "plans": rows.collect::<Vec<_>>(),
            "application": self.form,
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
        let Some(first) = self.rows.first() else { return Ok(()) };
        let layout = first.layout;
        writeln!(
            f,
            "nodes of {} cores, {} × {}; charged: {}",
            self.options.pricing.cores_per_node,
            count(layout.ranks_per_node.into(), "rank"),
            count(layout.threads_per_rank.into(), "thread"),
            self.options.pricing.formula()
        )?;
        for remark in &self.options.remarks {
            writeln!(f, "{remark}")?;
        }
        writeln!(f)?;
        let price = self.options.price.as_ref().map(|(_, currency)| currency.as_str());
        let head =
            ["nodes", "wall", "at least", "at most", self.options.pricing.unit(), "CPU hours", "memory/rank", "files"];
        for title in head.iter().copied().chain(price) {
            write!(f, "{title:>13}")?;
        }
        writeln!(f)?;
        for row in &self.rows {
            let p = &row.forecast.prediction;
            let cells = [
                row.layout.nodes.to_string(),
                clock(p.wall_seconds.expected),
                clock(p.wall_seconds.least),
                clock(p.wall_seconds.most),
                shown(row.core_hours.expected),
                shown(p.cpu_seconds.expected / 3600.0),
                human_bytes(p.memory_per_rank_bytes.expected as u64),
                p.files.to_string(),
            ];
            let cost = self.options.price.as_ref().map(|(price, _)| shown(price * row.core_hours.expected));
            for cell in cells.into_iter().chain(cost) {
                write!(f, "{cell:>13}")?;
            }
            writeln!(f)?;
        }
        let p = &first.forecast.prediction;
        writeln!(f)?;
        writeln!(f, "CPU seconds:     {}", range(p.cpu_seconds))?;
        writeln!(f, "memory per rank: {}", bytes(p.memory_per_rank_bytes))?;
        writeln!(f, "input:           {}", bytes(p.input_bytes))?;
        writeln!(f, "results:         {}", bytes(p.output_bytes))?;
        writeln!(f, "while it runs:   {} of spools beside", bytes(p.spool_bytes))?;
        let Some(form) = &self.form else { return Ok(()) };
        writeln!(f)?;
        writeln!(f, "What an application form asks for (the whole study in one month):")?;
        writeln!(f, "  thousand core-hours a month: {}", range(form.thousand_core_hours_a_month))?;
        writeln!(f, "  storage, GiB:                {}", range(form.storage_gib))?;
        writeln!(f, "  files:                       {}", form.files)?;
        writeln!(f, "  NAISS:                       {}: {}", form.naiss_class, form.naiss_source)?;
        writeln!(f, "  EuroHPC, node-hours:         {}", range(form.node_hours))
    }
}
