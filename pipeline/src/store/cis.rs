//! Writes cis.h5: what a search near genes finds (docs/qtl.md is the contract).
//!
//! Rows of phenotypes and signals are held until the end, a few hundred bytes each; variants and pairs, which may be many
//! millions, go to the file as they come.

use std::fs::{File as RawFile, OpenOptions};
use std::path::Path;

use hdf5::types::FixedAscii;
use hdf5::{File, Group};

use super::checksums;
use super::cis_columns::{Association, Numbers, Texts, write_associations};
use super::cis_variants::{CisVariant, VariantSpool};
use super::error::{Place, StoreError};
use super::file;
use super::growable::Growable;
use super::matrix::Layout;
use super::publish::sync_file;
use super::schema::{Ledger, MAX_TRAITS, SIGNATURE_BYTES};
use super::writer::{write_ledger, write_provenance};
use crate::format::consequence::{Consequence, Consequences};
use crate::proteins::Strand;
use crate::qtl::{CisPhenotype, CisStatus, NominalPair, Signal};

/// Root attribute `format`.
pub const CIS_FORMAT: &str = "norna-cis";
/// Root attribute `format_version`.
pub const CIS_FORMAT_VERSION: u32 = 1;
/// Pairs: the columns of /nominal.
pub(super) const PAIRS: [&str; 3] = ["/nominal/variant", "/nominal/beta", "/nominal/se"];

/// What is known before the first phenotype.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CisHeader {
    /// Rows of /phenotypes and /cis, in the order of the run's traits.
    pub phenotypes: Vec<CisPhenotypeInfo>,
    /// Analysed samples.
    pub n_samples: u32,
    /// Base pairs to each side of a transcription start.
    pub window: u32,
    /// Permutations asked for; 0 where none were.
    pub n_permutations: u32,
    /// Of the permutations.
    pub seed: u64,
    /// Whether all pairs are kept: /variants and /nominal.
    pub has_nominal: bool,
    /// Whether independent signals were sought: /signals.
    pub has_signals: bool,
}

/// A phenotype, before it is tested.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CisPhenotypeInfo {
    /// Unique key.
    pub id: String,
    /// Name of the assay or target; may be empty.
    pub name: String,
    /// Chromosome of its gene; empty where there is none.
    pub chrom: String,
    /// Transcription start, 1-based; 0 where there is none.
    pub tss: u32,
    /// Of its gene.
    pub strand: Strand,
    /// Ensembl ID or other key; may be empty.
    pub gene_id: String,
    /// Symbol; may be empty.
    pub gene_name: String,
    /// Share of values below the limit of detection; NaN where no limit is known.
    pub below_lod: f32,
}

/// Writer of one file. Dropped without [`seal`](Self::seal), it leaves a file that no reader takes.
pub struct CisWriter {
    place: Place,
    file: File,
    raw: RawFile,
    header: CisHeader,
    phenotypes: Vec<CisPhenotype>,
    signals: Vec<Signal>,
    nominal: Option<Nominal>,
    pi0: f64,
    q_values: Option<Vec<f64>>,
    /// The rate of false discoveries, and a −log10 p for each phenotype.
    thresholds: Option<(f64, Vec<f64>)>,
    /// Of leads and of signals.
    consequences: Option<(Consequences, Consequences)>,
}

/// Pairs on their way, and the variants that they name.
struct Nominal {
    variants: VariantSpool,
    variant: Growable<u32>,
    beta: Growable<f32>,
    se: Growable<f32>,
    n: u64,
    /// Of each phenotype: its first pair and their number.
    stretches: Vec<(u64, u64)>,
}

impl Nominal {
    fn create(place: &Place, file: &File, n_phenotypes: usize) -> Result<Self, StoreError> {
        let group = &file::group(place, file, "nominal")?;
        Ok(Self {
            variants: VariantSpool::create(place, file)?,
            variant: Growable::create(place, group, "variant")?,
            beta: Growable::create(place, group, "beta")?,
            se: Growable::create(place, group, "se")?,
            n: 0,
            stretches: vec![(0, 0); n_phenotypes],
        })
    }

    fn finish(mut self, place: &Place, file: &File, raw: &RawFile) -> Result<(), StoreError> {
        self.variant.flush(place)?;
        self.beta.flush(place)?;
        self.se.flush(place)?;
        self.variants.finish(place, file, raw)?;
        let group = &place.h5("/nominal", file.group("nominal"))?;
        let (starts, counts): (Vec<u64>, Vec<u64>) = self.stretches.into_iter().unzip();
        file::table_column(place, group, "start", &starts)?;
        file::table_column(place, group, "count", &counts).map(drop)
    }
}

impl CisWriter {
    /// Makes the file at `path` (a temporary name; see [`publish`](super::publish())), replacing what is there.
    ///
    /// # Errors
    /// As for all methods here, what the file system or HDF5 say, or an argument that the file cannot hold.
    pub fn create(path: &Path, header: CisHeader) -> Result<Self, StoreError> {
        let place = Place::new(path);
        let n = header.phenotypes.len();
        if n == 0 || n > MAX_TRAITS {
            return Err(place.argument(format!("{n} phenotypes: 1 to {MAX_TRAITS} are held")));
        }
        let file = file::create(&place, path)?;
        let nominal = header.has_nominal.then(|| Nominal::create(&place, &file, n)).transpose()?;
        // What the library has in hand must not come over what is written beside it.
        place.h5("cannot flush", file.flush())?;
        let raw = OpenOptions::new().write(true).open(path).map_err(|error| place.io("cannot open", error))?;
        Ok(Self {
            place,
            file,
            raw,
            header,
            phenotypes: Vec::with_capacity(n),
            signals: Vec::new(),
            nominal,
            pi0: f64::NAN,
            q_values: None,
            thresholds: None,
            consequences: None,
        })
    }

    /// What the file was made for.
    pub fn header(&self) -> &CisHeader {
        &self.header
    }

    /// The next phenotype's result, in the order of the header.
    pub fn push_phenotype(&mut self, found: CisPhenotype) -> Result<(), StoreError> {
        let (next, n) = (self.phenotypes.len(), self.header.phenotypes.len());
        if found.phenotype_idx as usize != next || next >= n {
            let problem = format!("phenotype {} of {n} where {next} comes next", found.phenotype_idx);
            return Err(self.place.argument(problem));
        }
        self.phenotypes.push(found);
        Ok(())
    }

    /// Appends variants, which pairs then name by their index; gives that of the first. A header without `has_nominal` has none.
    pub fn push_variants<'a>(&mut self, variants: impl IntoIterator<Item = &'a CisVariant>) -> Result<u64, StoreError> {
        let Self { place, file, raw, nominal, .. } = self;
        let Some(nominal) = nominal else { return Err(place.argument("variants in a file without nominal pairs")) };
        nominal.variants.push(place, (file, raw), variants)
    }

    /// Appends pairs of a phenotype; what one phenotype has must come without others' between.
    pub fn push_nominal(&mut self, phenotype_idx: u32, pairs: &[NominalPair]) -> Result<(), StoreError> {
        let place = &self.place;
        let Some(nominal) = &mut self.nominal else { return Err(place.argument("pairs in a file without them")) };
        let n_variants = nominal.variants.len();
        if let Some(pair) = pairs.iter().find(|pair| pair.variant_idx >= n_variants) {
            return Err(place.argument(format!("a pair of variant {} of {n_variants}", pair.variant_idx)));
        }
        let Some(stretch) = nominal.stretches.get_mut(phenotype_idx as usize) else {
            return Err(place.argument(format!("pairs of phenotype {phenotype_idx}, which there is not")));
        };
        if pairs.is_empty() {
            return Ok(());
        }
        if stretch.1 == 0 {
            stretch.0 = nominal.n;
        } else if stretch.0 + stretch.1 != nominal.n {
            return Err(place.argument(format!("pairs of phenotype {phenotype_idx} with others' between")));
        }
        stretch.1 += pairs.len() as u64;
        nominal.n += pairs.len() as u64;
        for pair in pairs {
            // The spool holds no more variants than u32 counts.
            nominal.variant.push(place, pair.variant_idx as u32)?;
            nominal.beta.push(place, pair.beta)?;
            nominal.se.push(place, pair.se)?;
        }
        Ok(())
    }

    /// Appends a signal: in the order of phenotypes, then of ranks.
    pub fn push_signal(&mut self, signal: Signal) -> Result<(), StoreError> {
        let n = self.header.phenotypes.len();
        if !self.header.has_signals || signal.phenotype_idx as usize >= n {
            let problem = format!("a signal of phenotype {} of {n} in a file without it", signal.phenotype_idx);
            return Err(self.place.argument(problem));
        }
        let at = |signal: &Signal| (signal.phenotype_idx, signal.rank);
        if self.signals.last().is_some_and(|last| at(last) >= at(&signal)) {
            return Err(self.place.argument(format!("signal {:?} is out of order", at(&signal))));
        }
        self.signals.push(signal);
        Ok(())
    }

    /// What was pushed of phenotypes.
    pub fn phenotypes(&self) -> &[CisPhenotype] {
        &self.phenotypes
    }

    /// What was pushed of signals.
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// q-values by phenotype, NaN where there is none, and the share of true nulls that they go by.
    pub fn set_q_values(&mut self, pi0: f64, q_values: &[f64]) -> Result<(), StoreError> {
        self.check_one_each("q-values", q_values.len())?;
        (self.pi0, self.q_values) = (pi0, Some(q_values.to_vec()));
        Ok(())
    }

    /// −log10 of the nominal p from which a phenotype's pairs are significant at this rate of false discoveries; NaN where there
    /// is none.
    pub fn set_thresholds(&mut self, fdr: f64, log10p: &[f64]) -> Result<(), StoreError> {
        self.check_one_each("thresholds", log10p.len())?;
        self.thresholds = Some((fdr, log10p.to_vec()));
        Ok(())
    }

    /// What lead variants change, by phenotype and by signal.
    pub fn set_consequences(&mut self, leads: Consequences, signals: Consequences) -> Result<(), StoreError> {
        self.check_one_each("consequences", leads.len())?;
        if signals.len() != self.signals.len() {
            return Err(self.place.argument(format!(
                "{} consequences of {} signals",
                signals.len(),
                self.signals.len()
            )));
        }
        self.consequences = Some((leads, signals));
        Ok(())
    }

    fn check_one_each(&self, what: &str, n: usize) -> Result<(), StoreError> {
        let n_phenotypes = self.header.phenotypes.len();
        if n == n_phenotypes {
            return Ok(());
        }
        Err(self.place.argument(format!("{n} {what} of {n_phenotypes} phenotypes")))
    }

    /// Writes what was held, the ledger, /provenance (an object; each of its keys becomes a dataset with JSON text) and the
    /// checksums, marks the file as whole, closes and syncs it. Every phenotype must have been pushed.
    pub fn seal(mut self, ledger: &Ledger, provenance: &serde_json::Value) -> Result<(), StoreError> {
        if self.phenotypes.len() != self.header.phenotypes.len() {
            let (n, made) = (self.phenotypes.len(), self.header.phenotypes.len());
            return Err(self.place.argument(format!("{n} phenotypes in a file made for {made}")));
        }
        if let Some(nominal) = self.nominal.take() {
            nominal.finish(&self.place, &self.file, &self.raw)?;
        }
        self.write_phenotypes()?;
        self.write_cis()?;
        self.write_signals()?;
        self.write_qc(ledger)?;
        let Self { place, file, header, .. } = self;
        write_provenance(&place, &file, provenance)?;
        let layout = Layout { matrices: Vec::new() };
        let table = checksums::create(&place, &file, &layout, &[])?.release(&layout);
        write_attributes(&place, &file, &header)?;
        place.h5("cannot flush", file.flush())?;
        place.h5("cannot close", file.close())?;
        table.fill(&place)?;
        sync_file(&place.path).map_err(|error| place.io("cannot sync", error))
    }

    fn write_phenotypes(&self) -> Result<(), StoreError> {
        let (place, infos, found) = (&self.place, &self.header.phenotypes, &self.phenotypes);
        let group = &file::group(place, &self.file, "phenotypes")?;
        let texts: [Texts<CisPhenotypeInfo>; 6] = [
            ("id", |info| &info.id),
            ("name", |info| &info.name),
            ("chrom", |info| &info.chrom),
            ("strand", |info| strand_name(info.strand)),
            ("gene_id", |info| &info.gene_id),
            ("gene_name", |info| &info.gene_name),
        ];
        for (name, text) in texts {
            file::table_column(place, group, name, &file::strings(infos.iter().map(text)))?;
        }
        file::table_column(place, group, "tss", &infos.iter().map(|info| info.tss).collect::<Vec<_>>())?;
        file::table_column(place, group, "below_lod", &infos.iter().map(|info| info.below_lod).collect::<Vec<_>>())?;
        let counts: [Numbers<CisPhenotype, u32>; 3] = [
            ("n", |found| found.n),
            ("n_covariates", |found| found.n_covariates),
            ("n_variants", |found| found.n_variants),
        ];
        for (name, count) in counts {
            file::table_column(place, group, name, &found.iter().map(count).collect::<Vec<_>>())?;
        }
        let codes: Vec<u8> = found.iter().map(|found| found.status as u8).collect();
        let status = file::table_column(place, group, "status", &codes)?;
        file::set_texts(place, &status, "codes", &CisStatus::ALL.map(CisStatus::name))
    }

    fn write_cis(&self) -> Result<(), StoreError> {
        let (place, n) = (&self.place, self.phenotypes.len());
        let group = &file::group(place, &self.file, "cis")?;
        let rows = self.phenotypes.iter();
        let rows = rows.map(|found| Association { lead: found.lead.as_ref(), permuted: found.permuted.as_ref() });
        write_associations(place, group, &rows.collect::<Vec<_>>())?;
        let none = || vec![f64::NAN; n];
        file::table_column(place, group, "q_value", &self.q_values.clone().unwrap_or_else(none))?;
        let (fdr, thresholds) = self.thresholds.clone().unwrap_or_else(|| (f64::NAN, none()));
        let threshold = file::table_column(place, group, "threshold_log10p", &thresholds)?;
        file::set_scalar(place, &threshold, "fdr", &fdr)?;
        let leads = self.consequences.as_ref().map(|(leads, _)| leads);
        self.write_consequences(group, leads, n)
    }

    fn write_signals(&self) -> Result<(), StoreError> {
        if !self.header.has_signals {
            return Ok(());
        }
        let place = &self.place;
        let group = &file::group(place, &self.file, "signals")?;
        let numbers = |number: fn(&Signal) -> u32| self.signals.iter().map(number).collect::<Vec<_>>();
        file::table_column(place, group, "phenotype", &numbers(|signal| signal.phenotype_idx))?;
        file::table_column(place, group, "rank", &numbers(|signal| signal.rank))?;
        let rows = self.signals.iter();
        let rows = rows.map(|signal| Association { lead: Some(&signal.lead), permuted: Some(&signal.permuted) });
        write_associations(place, group, &rows.collect::<Vec<_>>())?;
        let consequences = self.consequences.as_ref().map(|(_, signals)| signals);
        self.write_consequences(group, consequences, self.signals.len())
    }

    fn write_consequences(&self, group: &Group, told: Option<&Consequences>, n: usize) -> Result<(), StoreError> {
        let none = vec![None; n];
        let told = told.unwrap_or(&none);
        let terms = file::strings(told.iter().map(|told| told.map_or("", Consequence::term)));
        file::table_column(&self.place, group, "consequence", &terms)?;
        let changes: Vec<u8> =
            told.iter().map(|told| u8::from(told.is_some_and(|told| told.changes_protein))).collect();
        file::table_column(&self.place, group, "changes_protein", &changes).map(drop)
    }

    fn write_qc(&self, ledger: &Ledger) -> Result<(), StoreError> {
        let place = &self.place;
        let group = &file::group(place, &self.file, "qc")?;
        file::table_column(place, group, "pi0", &[self.pi0])?;
        let tables = &file::group(place, group, "ledger")?;
        write_ledger(place, tables, "samples", &ledger.samples)?;
        write_ledger(place, tables, "variants", &ledger.variants)?;
        write_ledger(place, tables, "phenotypes", &ledger.traits)
    }
}

fn write_attributes(place: &Place, file: &File, header: &CisHeader) -> Result<(), StoreError> {
    file::set_scalar(place, file, "n_samples", &header.n_samples)?;
    file::set_scalar(place, file, "window", &header.window)?;
    file::set_scalar(place, file, "n_permutations", &header.n_permutations)?;
    file::set_scalar(place, file, "seed", &header.seed)?;
    file::set_text(place, file, "norna_version", env!("CARGO_PKG_VERSION"))?;
    file::set_scalar(place, file, "format_version", &CIS_FORMAT_VERSION)?;
    file::set_text(place, file, "format", CIS_FORMAT)?;
    let parts = match (header.has_nominal, header.has_signals) {
        (false, false) => "-",
        (true, false) => "n",
        (false, true) => "s",
        (true, true) => "ns",
    };
    let (writer, n) = (env!("CARGO_PKG_VERSION"), header.phenotypes.len());
    let text = format!("{CIS_FORMAT} {CIS_FORMAT_VERSION} cis {writer} {n} {parts}");
    let signature = FixedAscii::<SIGNATURE_BYTES>::from_ascii(&text);
    let signature = signature.map_err(|error| place.argument(error.to_string()))?;
    file::set_scalar(place, file, "signature", &signature)
}

/// As in a GTF file.
pub(super) fn strand_name(strand: Strand) -> &'static str {
    match strand {
        Strand::Plus => "+",
        Strand::Minus => "-",
        Strand::Unknown => ".",
    }
}
