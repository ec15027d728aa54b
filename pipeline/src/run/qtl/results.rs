//! cis.h5 of the finished cells, and what is said at the end.

use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use super::codec::Part;
use super::discovery::Discovery;
use super::job::CisStudy;
use super::{CisConfig, Opened};
use crate::format::consequence::Consequences;
use crate::proteins::Protein;
use crate::qtl::{Annotator, CisPhenotype, CisStatus, NominalPair, Signal, VariantKey};
use crate::report::resources::{Resources, human_bytes};
use crate::report::words::count;
use crate::run::begin::Orders;
use crate::run::grid::Cells;
use crate::run::session::Session;
use crate::run::summary;
use crate::run::workdir::Workdir;
use crate::sink::spool::SpoolError;
use crate::source::VariantLedger;
use crate::store::{
    CisHeader, CisPhenotypeInfo, CisVariant, CisWriter, Ledger, LedgerRole, LedgerTable, StoreError, publish,
};

/// Everything that a run has computed, on every rank.
pub(super) struct Results {
    pub(super) found: Vec<CisPhenotype>,
    pub(super) discovery: Discovery,
    pub(super) cells: Cells,
    pub(super) conditional: Option<Cells>,
    /// Variants of all windows, each once.
    pub(super) ledger: VariantLedger,
}

/// Why cis.h5 cannot be made.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was written.
pub(super) struct Written {
    ledger: Ledger,
    n_signals: usize,
}

impl Results {
    /// Makes cis.h5, on rank 0.
    pub(super) fn write(
        &self,
        (config, session): (&CisConfig, &Session<'_>),
        (opened, study): (&Opened, &CisStudy<'_>),
        workdir: &Workdir,
        orders: &Orders,
    ) -> Result<Written> {
        let began = Instant::now();
        let header = CisHeader {
            phenotypes: study.proteins.iter().map(told).collect(),
            n_samples: study.n_samples() as u32,
            window: config.window,
            n_permutations: config.n_permutations,
            seed: config.seed,
            has_nominal: config.nominal,
            has_signals: config.conditional,
        };
        let mut writer = CisWriter::create(&workdir.unfinished_output(), header)?;
        for found in &self.found {
            writer.push_phenotype(found.clone())?;
        }
        if config.nominal {
            Pairs::default().write(self, study, &mut writer)?;
        }
        let signals = self.signals(study)?;
        let n_signals = signals.len();
        for signal in &signals {
            writer.push_signal(signal.clone())?;
        }
        if config.n_permutations > 0 {
            writer.set_q_values(self.discovery.pi0(), self.discovery.q_values())?;
            let thresholds: Vec<f64> = self.found.iter().map(|f| self.discovery.nominal_threshold(f)).collect();
            writer.set_thresholds(config.fdr, &thresholds)?;
        }
        let n_asked = self.found.iter().filter_map(|found| found.lead.as_ref()).count() + n_signals;
        if let Some(consequences) = self.consequences(config, study, &signals)?.filter(|_| n_asked > 0) {
            writer.set_consequences(consequences.0, consequences.1)?;
        }
        let ledger = Ledger {
            samples: summary::sample_table(&opened.cohort.ledger),
            variants: summary::variant_table(&self.ledger),
            traits: phenotype_table(&self.found),
        };
        let mut provenance = session.provenance(began.duration_since(session.start), began)?;
        let more = [
            ("field", json!(opened.input.field().name())),
            ("covariates", json!(opened.covariate_names)),
            ("seed", json!(config.seed)),
            ("run_digest", json!(orders.digest)),
            ("attempt", json!(orders.attempt)),
            ("shards", json!(study.groups.len() * if config.conditional { 2 } else { 1 })),
            ("began", json!(crate::sink::spool::unix_seconds() - session.start.elapsed().as_secs_f64())),
            ("ranks", json!(vec![json!({ "threads": session.threads() }); session.comm.size()])),
        ];
        provenance.extend(more.map(|(name, part)| (name.to_owned(), part)));
        workdir.check_still_free(&orders.digest)?;
        writer.seal(&ledger, &provenance.into())?;
        publish(&workdir.unfinished_output(), workdir.out())?;
        Ok(Written { ledger, n_signals })
    }

    /// Independent signals, by phenotype.
    fn signals(&self, study: &CisStudy<'_>) -> Result<Vec<Signal>> {
        let Some(cells) = &self.conditional else { return Ok(Vec::new()) };
        let (mut signals, mut payload) = (Vec::new(), Vec::new());
        for group in 0..study.groups.len() {
            match Part::from_bytes(cells.part((group, 0), 0, &mut payload)?) {
                Ok(Part::Signals(found)) => signals.extend(found),
                _ => return Err(cells.error((group, 0), 0, &"it holds no signals").into()),
            }
        }
        signals.sort_by_key(|signal| (signal.phenotype_idx, signal.rank));
        Ok(signals)
    }

    /// What the genotype files say that leads and signals change of their own phenotype's gene; none where they say nothing.
    fn consequences(
        &self,
        config: &CisConfig,
        study: &CisStudy<'_>,
        signals: &[Signal],
    ) -> Result<Option<(Consequences, Consequences)>> {
        let (annotator, warnings) = Annotator::open(&config.assoc.input.paths)?;
        warnings.iter().for_each(|warning| log::warn!("{warning}"));
        let Some(mut annotator) = annotator else { return Ok(None) };
        let leads = self.found.iter().filter_map(|found| Some((found.phenotype_idx, &found.lead.as_ref()?.variant)));
        let leads = leads.map(|(phenotype, variant)| (phenotype as usize, phenotype, variant));
        let n = self.found.len();
        let of_signals = signals.iter().enumerate();
        let of_signals = of_signals.map(|(i, signal)| (n + i, signal.phenotype_idx, &signal.lead.variant));
        let mut asked: Vec<(usize, u32, &VariantKey)> = leads.chain(of_signals).collect();
        asked.sort_by(|a, b| a.2.cmp(b.2));
        let mut told: Consequences = vec![None; n + signals.len()];
        for (place, phenotype, variant) in asked {
            told[place] = annotator.consequence(variant, &study.proteins[phenotype as usize])?;
        }
        let (line, warnings) = annotator.summary();
        log::info!("{line}");
        warnings.iter().for_each(|warning| log::warn!("{warning}"));
        let of_signals = told.split_off(n);
        Ok(Some((told, of_signals)))
    }

    /// The last lines of the log, on rank 0.
    pub(super) fn tell(&self, config: &CisConfig, session: &Session<'_>, opened: &Opened, written: &Written) {
        let Ledger { samples, variants, traits } = &written.ledger;
        for (what, table) in [("samples", samples), ("variants", variants), ("phenotypes", traits)] {
            log::info!("{what}: {}", summary::in_words(table));
        }
        if config.n_permutations > 0 {
            let discovery = &self.discovery;
            let pi0 = match (discovery.n_with_p(), discovery.is_pi0_estimated()) {
                (0, _) => String::new(),
                (_, true) => format!(" (pi0 {:.3})", discovery.pi0()),
                (_, false) => " (pi0 could not be estimated and is 1: Benjamini and Hochberg's)".to_owned(),
            };
            log::info!(
                "{} of {} with a p_beta have a q-value of at most {}{pi0}",
                discovery.n_passing(),
                count(discovery.n_with_p() as u64, "phenotype"),
                config.fdr,
            );
        }
        if self.found.iter().all(|found| found.lead.is_none()) {
            log::warn!("no phenotype has a result: norna info {} says why", config.assoc.run.out.display());
        }
        if config.conditional {
            log::info!("independent signals: {}", written.n_signals);
        }
        let out = &config.assoc.run.out;
        let bytes = std::fs::metadata(out).map_or(0, |metadata| metadata.len());
        log::info!(
            "written: {} ({}, {})",
            out.display(),
            count(opened.cohort.traits.len() as u64, "phenotype"),
            human_bytes(bytes)
        );
        let used = Resources::now();
        log::info!(
            "used: {:.1} s wall, {:.1} s CPU, {} peak memory (rank 0)",
            session.start.elapsed().as_secs_f64(),
            used.cpu_seconds,
            human_bytes(used.peak_memory)
        );
    }
}

fn told(protein: &Protein) -> CisPhenotypeInfo {
    let gene = protein.gene.clone().unwrap_or_default();
    CisPhenotypeInfo {
        id: protein.id.clone(),
        name: protein.name.clone(),
        chrom: gene.chrom,
        tss: gene.tss,
        strand: gene.strand,
        gene_id: gene.id,
        gene_name: gene.name,
        below_lod: protein.below_lod,
    }
}

fn phenotype_table(found: &[CisPhenotype]) -> LedgerTable {
    let mut table = LedgerTable::default();
    let with = |status: CisStatus| found.iter().filter(|found| found.status == status).count() as u64;
    table.push("chosen", LedgerRole::Input, found.len() as u64);
    for status in CisStatus::ALL.into_iter().filter(|&status| !status.has_lead()) {
        table.push(status.name(), LedgerRole::Dropped, with(status));
    }
    table.push("tested", LedgerRole::Kept, found.iter().filter(|found| found.status.has_lead()).count() as u64);
    table.push(CisStatus::NoBeta.name(), LedgerRole::Note, with(CisStatus::NoBeta));
    table
}

/// Pairs on their way from cells to the file: a cell numbers the variants of a file that it read, of which earlier cells have
/// told the first ones.
#[derive(Default)]
struct Pairs {
    chrom: String,
    /// By file: positions and numbers in cis.h5 of the variants told on this chromosome.
    told: Vec<Vec<(u32, u64)>>,
}

impl Pairs {
    fn write(&mut self, results: &Results, study: &CisStudy<'_>, writer: &mut CisWriter) -> Result<()> {
        self.told = vec![Vec::new(); study.input.paths().len()];
        let (cells, mut payload) = (&results.cells, Vec::new());
        for (idx, group) in study.groups.iter().enumerate() {
            if self.chrom != group.chrom {
                self.chrom.clone_from(&group.chrom);
                self.told.iter_mut().for_each(Vec::clear);
            }
            for told in &mut self.told {
                // Nobody asks for what lies before.
                told.drain(..told.partition_point(|&(pos, _)| pos < group.span.0));
            }
            let broken = |what: &str| cells.error((idx, 0), 0, &what);
            cells.for_each_part((idx, 0), &mut payload, |payload| {
                let part = Part::from_bytes(payload).map_err(|e| broken(&e.to_string()))?;
                self.take(part, writer)?.ok_or_else(|| WriteError::from(broken("its variants are not those of before")))
            })?;
        }
        Ok(())
    }

    /// None where the numbers do not add up.
    fn take(&mut self, part: Part, writer: &mut CisWriter) -> Result<Option<()>, StoreError> {
        match part {
            Part::Variants { file_idx, first, variants } => {
                let Some(told) = self.told.get_mut(file_idx as usize).filter(|told| told.len() as u64 == first) else {
                    return Ok(None);
                };
                let rows: Vec<CisVariant> = variants.into_iter().map(|(key, a1_freq)| variant(key, a1_freq)).collect();
                let number = writer.push_variants(&rows)?;
                told.extend(rows.iter().map(|row| row.key.pos).zip(number..));
            }
            Part::Pairs { phenotype_idx, file_idx, first, pairs } => {
                let told = self.told.get(file_idx as usize).and_then(|told| told.get(first as usize..));
                let Some(told) = told.filter(|told| told.len() >= pairs.len()) else { return Ok(None) };
                let pairs = told.iter().zip(pairs);
                let pairs: Vec<NominalPair> =
                    pairs.map(|(&(_, variant_idx), (beta, se))| NominalPair { variant_idx, beta, se }).collect();
                writer.push_nominal(phenotype_idx, &pairs)?;
            }
            Part::Phenotypes(_) | Part::Signals(_) => {}
        }
        Ok(Some(()))
    }
}

fn variant(key: VariantKey, a1_freq: f64) -> CisVariant {
    CisVariant { key, a1_freq }
}
