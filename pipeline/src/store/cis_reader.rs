//! Reads cis.h5, which is not trusted: shapes are checked when it is opened, numbers where they are read.

use std::ops::Range;
use std::path::Path;

use hdf5::{Dataset, File, H5Type};

use super::checked::{column, dataset, list, read_ledger, read_provenance, texts};
use super::cis::{CIS_FORMAT, CIS_FORMAT_VERSION, CisHeader, CisPhenotypeInfo, PAIRS};
use super::cis_columns::AssociationColumns;
use super::cis_variants::{CisVariant, VariantTable};
use super::columns::slice;
use super::depth_reader::signature;
use super::error::{Place, StoreError};
use super::file;
use super::heap::Strings;
use super::schema::{Ledger, MAX_TRAITS};
use super::sound::{is_pair, wrong};
use crate::proteins::Strand;
use crate::qtl::{CisPhenotype, CisStatus, NominalPair, Signal};

/// A phenotype's result.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPhenotype {
    /// As the run found it.
    pub found: CisPhenotype,
    /// NaN where there is none.
    pub q_value: f64,
    /// −log10 of the nominal p from which its pairs are significant; NaN where there is none.
    pub threshold_log10p: f64,
    /// What its lead does to the gene; may be empty.
    pub consequence: String,
    /// Whether that changes the protein.
    pub changes_protein: bool,
}

/// An independent signal.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSignal {
    /// As the run found it.
    pub signal: Signal,
    /// What its variant does to the gene; may be empty.
    pub consequence: String,
    /// Whether that changes the protein.
    pub changes_protein: bool,
}

/// Reader of one file.
pub struct CisReader {
    pub(super) place: Place,
    pub(super) file: File,
    pub(super) strings: Strings,
    header: CisHeader,
    norna_version: String,
    counts: [Vec<u32>; 3],
    status: Vec<u8>,
    cis: Rows,
    fdr: f64,
    nominal: Option<Nominal>,
    signals: Option<Signals>,
    pi0: f64,
}

/// /cis.
struct Rows {
    associations: AssociationColumns,
    q_value: Dataset,
    threshold: Dataset,
    consequence: Dataset,
    changes: Dataset,
}

/// /variants and /nominal.
struct Nominal {
    variants: VariantTable,
    pairs: [Dataset; 3],
    n_pairs: usize,
    starts: Vec<u64>,
    counts: Vec<u64>,
}

/// /signals.
struct Signals {
    associations: AssociationColumns,
    phenotype: Dataset,
    rank: Dataset,
    consequence: Dataset,
    changes: Dataset,
    n: usize,
}

impl CisReader {
    /// Whether the file at `path` says that it is a cis.h5; false where it does not open.
    pub fn is_cis(path: &Path) -> bool {
        let place = Place::new(path);
        std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
            && file::open(path)
                .is_ok_and(|file| signature(&place, &file).is_ok_and(|text| text.split(' ').next() == Some(CIS_FORMAT)))
    }

    /// Opens a file and checks that it is one of ours, of this version, with parts that fit together.
    ///
    /// # Errors
    /// What does not fit.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let place = Place::new(path);
        std::fs::File::open(path).map_err(|error| place.io("cannot open", error))?;
        let file = file::open(path).map_err(|error| place.not_hdf5(&error))?;
        let (writer, n, parts) = check_signature(&place, &file)?;
        let strings = Strings::open(&place)?;
        let phenotypes = read_infos(&place, &file, &strings, n)?;
        let number = |name: &str| place.h5(name, file.attr(name).and_then(|at| file::scalar::<u32>(&at)));
        let header = CisHeader {
            phenotypes,
            n_samples: number("n_samples")?,
            window: number("window")?,
            n_permutations: number("n_permutations")?,
            seed: place.h5("seed", file.attr("seed").and_then(|at| file::scalar::<u64>(&at)))?,
            has_nominal: parts.contains('n'),
            has_signals: parts.contains('s'),
        };
        let count = |name: &str| column::<u32>(&place, &file, &format!("/phenotypes/{name}"), Some(n));
        let counts = [count("n")?, count("n_covariates")?, count("n_variants")?];
        let status = column::<u8>(&place, &file, "/phenotypes/status", Some(n))?;
        if let Some(row) = status.iter().position(|&code| CisStatus::from_code(code).is_none()) {
            return Err(wrong(&place, "/phenotypes/status", (row, None), status[row], "a status"));
        }
        let (cis, fdr) = Rows::open(&place, &file, n)?;
        let nominal = header.has_nominal.then(|| Nominal::open(&place, &file, n)).transpose()?;
        let signals = header.has_signals.then(|| Signals::open(&place, &file)).transpose()?;
        let pi0 = column::<f64>(&place, &file, "/qc/pi0", Some(1))?[0];
        Ok(Self {
            place,
            file,
            strings,
            header,
            norna_version: writer,
            counts,
            status,
            cis,
            fdr,
            nominal,
            signals,
            pi0,
        })
    }

    /// Phenotypes and what was asked for.
    pub fn header(&self) -> &CisHeader {
        &self.header
    }

    /// Version of norna that wrote the file.
    pub fn norna_version(&self) -> &str {
        &self.norna_version
    }

    /// Rows of /variants; 0 where nominal pairs were not kept.
    pub fn n_variants(&self) -> usize {
        self.nominal.as_ref().map_or(0, |nominal| nominal.variants.n)
    }

    /// Nominal pairs.
    pub fn n_pairs(&self) -> usize {
        self.nominal.as_ref().map_or(0, |nominal| nominal.n_pairs)
    }

    /// Rows of /signals.
    pub fn n_signals(&self) -> usize {
        self.signals.as_ref().map_or(0, |signals| signals.n)
    }

    /// Share of true nulls by which q-values go; NaN where there are none.
    pub fn pi0(&self) -> f64 {
        self.pi0
    }

    /// Rate of false discoveries that nominal thresholds belong to; NaN where there are none.
    pub fn fdr(&self) -> f64 {
        self.fdr
    }

    /// Why each phenotype has no result, or that it has one.
    pub fn statuses(&self) -> impl Iterator<Item = CisStatus> + '_ {
        self.status.iter().map(|&code| CisStatus::from_code(code).unwrap_or_default())
    }

    /// Samples and rank of covariates of a phenotype: a pair without other variants has n − k − 1 degrees of freedom.
    pub fn n_and_covariates(&self, phenotype: usize) -> (u32, u32) {
        (self.counts[0][phenotype], self.counts[1][phenotype])
    }

    /// Results of a range of phenotypes.
    ///
    /// # Errors
    /// As for all methods here: rows that are not there, a damaged file.
    pub fn phenotypes(&self, rows: Range<usize>) -> Result<Vec<StoredPhenotype>, StoreError> {
        self.check_rows(&rows, self.header.phenotypes.len())?;
        let place = &self.place;
        let found = self.cis.associations.read(place, &self.strings, rows.clone())?;
        let q_values = slice::<f64>(place, &self.cis.q_value, rows.clone())?;
        let thresholds = slice::<f64>(place, &self.cis.threshold, rows.clone())?;
        let consequences = self.strings.read(place, "/cis/consequence", &self.cis.consequence, rows.clone())?;
        let changes = slice::<u8>(place, &self.cis.changes, rows.clone())?;
        let mut stored = Vec::with_capacity(rows.len());
        for (i, ((lead, permuted), consequence)) in found.into_iter().zip(consequences).enumerate() {
            let row = rows.start + i;
            let (q_value, threshold_log10p) = (q_values[i], thresholds[i]);
            if !q_value.is_nan() && !(0.0..=1.0).contains(&q_value) {
                return Err(wrong(place, "/cis/q_value", (row, None), q_value, "a number from 0 to 1 or NaN"));
            }
            if threshold_log10p < 0.0 {
                let fits = "a number from 0 or NaN";
                return Err(wrong(place, "/cis/threshold_log10p", (row, None), threshold_log10p, fits));
            }
            let found = CisPhenotype {
                phenotype_idx: row as u32,
                status: CisStatus::from_code(self.status[row]).unwrap_or_default(),
                n: self.counts[0][row],
                n_covariates: self.counts[1][row],
                n_variants: self.counts[2][row],
                lead,
                permuted,
            };
            let changes_protein = changes[i] == 1;
            stored.push(StoredPhenotype { found, q_value, threshold_log10p, consequence, changes_protein });
        }
        Ok(stored)
    }

    /// Where a phenotype's pairs are; empty where it has none.
    pub fn stretch(&self, phenotype: usize) -> Range<usize> {
        let Some(nominal) = &self.nominal else { return 0..0 };
        // Checked when the file was opened.
        let start = nominal.starts[phenotype] as usize;
        start..start + nominal.counts[phenotype] as usize
    }

    /// A range of /nominal.
    pub fn pairs(&self, rows: Range<usize>) -> Result<Vec<NominalPair>, StoreError> {
        self.check_rows(&rows, self.n_pairs())?;
        let Some(nominal) = &self.nominal else { return Ok(Vec::new()) };
        let place = &self.place;
        let variant = slice::<u32>(place, &nominal.pairs[0], rows.clone())?;
        let beta = slice::<f32>(place, &nominal.pairs[1], rows.clone())?;
        let se = slice::<f32>(place, &nominal.pairs[2], rows.clone())?;
        let mut pairs = Vec::with_capacity(rows.len());
        for (row, ((variant, beta), se)) in rows.zip(variant.into_iter().zip(beta).zip(se)) {
            if variant as usize >= nominal.variants.n {
                let fits = format!("one of {} variants", nominal.variants.n);
                return Err(wrong(place, PAIRS[0], (row, None), variant, &fits));
            }
            if !is_pair(beta.into(), se.into()) {
                let problem = format!("{beta} and {se}");
                return Err(wrong(
                    place,
                    "/nominal/beta and se",
                    (row, None),
                    problem,
                    "an effect and a standard error",
                ));
            }
            pairs.push(NominalPair { variant_idx: variant.into(), beta, se });
        }
        Ok(pairs)
    }

    /// A range of /variants.
    pub fn variants(&self, rows: Range<usize>) -> Result<Vec<CisVariant>, StoreError> {
        self.check_rows(&rows, self.n_variants())?;
        match &self.nominal {
            Some(nominal) => nominal.variants.read(&self.place, &self.strings, rows),
            None => Ok(Vec::new()),
        }
    }

    /// A range of /signals.
    pub fn signals(&self, rows: Range<usize>) -> Result<Vec<StoredSignal>, StoreError> {
        self.check_rows(&rows, self.n_signals())?;
        let Some(signals) = &self.signals else { return Ok(Vec::new()) };
        let place = &self.place;
        let found = signals.associations.read(place, &self.strings, rows.clone())?;
        let phenotype = slice::<u32>(place, &signals.phenotype, rows.clone())?;
        let rank = slice::<u32>(place, &signals.rank, rows.clone())?;
        let consequences = self.strings.read(place, "/signals/consequence", &signals.consequence, rows.clone())?;
        let changes = slice::<u8>(place, &signals.changes, rows.clone())?;
        let mut stored = Vec::with_capacity(rows.len());
        for (i, ((lead, permuted), consequence)) in found.into_iter().zip(consequences).enumerate() {
            let row = rows.start + i;
            let n = self.header.phenotypes.len();
            if phenotype[i] as usize >= n {
                let fits = format!("one of {n} phenotypes");
                return Err(wrong(place, "/signals/phenotype", (row, None), phenotype[i], &fits));
            }
            let Some(lead) = lead else { return Err(wrong(place, "/signals/pos", (row, None), 0, "a position")) };
            let (phenotype_idx, rank, permuted) = (phenotype[i], rank[i], permuted.unwrap_or_else(no_permutations));
            let (signal, changes_protein) = (Signal { phenotype_idx, rank, lead, permuted }, changes[i] == 1);
            stored.push(StoredSignal { signal, consequence, changes_protein });
        }
        Ok(stored)
    }

    /// What was read, dropped and kept.
    pub fn ledger(&self) -> Result<Ledger, StoreError> {
        let table = |name: &str| read_ledger(&self.place, &self.file, &self.strings, name);
        Ok(Ledger { samples: table("samples")?, variants: table("variants")?, traits: table("phenotypes")? })
    }

    /// What was run, on what: the JSON of each dataset of /provenance.
    pub fn provenance(&self) -> Result<serde_json::Value, StoreError> {
        read_provenance(&self.place, &self.file, &self.strings)
    }

    fn check_rows(&self, rows: &Range<usize>, n: usize) -> Result<(), StoreError> {
        if rows.start <= rows.end && rows.end <= n {
            return Ok(());
        }
        Err(self.place.argument(format!("rows {rows:?} of {n}")))
    }
}

impl Rows {
    /// The columns, and the rate of false discoveries.
    fn open(place: &Place, file: &File, n: usize) -> Result<(Self, f64), StoreError> {
        let open = |name: &str| dataset(place, file, &format!("/cis/{name}"), &[n]);
        let threshold = open("threshold_log10p")?;
        let fdr = place.h5("fdr", threshold.attr("fdr").and_then(|at| file::scalar::<f64>(&at)))?;
        let associations = AssociationColumns::open(place, file, "/cis", n)?;
        let (consequence, changes) = (open("consequence")?, open("changes_protein")?);
        Ok((Self { associations, q_value: open("q_value")?, threshold, consequence, changes }, fdr))
    }
}

impl Nominal {
    fn open(place: &Place, file: &File, n: usize) -> Result<Self, StoreError> {
        let variants = VariantTable::open(place, file)?;
        let (pairs, n_pairs) = list(place, file, PAIRS)?;
        let starts = column::<u64>(place, file, "/nominal/start", Some(n))?;
        let counts = column::<u64>(place, file, "/nominal/count", Some(n))?;
        let end = |(&start, &count): (&u64, &u64)| start.checked_add(count);
        let bad = starts.iter().zip(&counts).position(|stretch| end(stretch).is_none_or(|end| end > n_pairs as u64));
        match bad {
            None => Ok(Self { variants, pairs, n_pairs, starts, counts }),
            Some(row) => {
                let stretch = format!("{} from {}", counts[row], starts[row]);
                Err(wrong(place, "/nominal/count", (row, None), stretch, &format!("a stretch of {n_pairs} pairs")))
            }
        }
    }
}

impl Signals {
    fn open(place: &Place, file: &File) -> Result<Self, StoreError> {
        let names = ["/signals/phenotype", "/signals/rank", "/signals/consequence", "/signals/changes_protein"];
        let ([phenotype, rank, consequence, changes], n) = list(place, file, names)?;
        let associations = AssociationColumns::open(place, file, "/signals", n)?;
        Ok(Self { associations, phenotype, rank, consequence, changes, n })
    }
}

/// The writer's version, the number of phenotypes, and the letters of the parts that are there.
fn check_signature(place: &Place, file: &File) -> Result<(String, usize, String), StoreError> {
    let text = signature(place, file)?;
    let mut words = text.split(' ');
    let mut word = || words.next().unwrap_or_default();
    let (format, version, _, writer, n, parts) = (word(), word(), word(), word(), word(), word());
    if format != CIS_FORMAT {
        return Err(place.not_norna(format!("its signature is {text:?}, and that of a cis search is wanted")));
    }
    let malformed = || place.malformed("signature", format!("{text:?}"));
    let found = version.parse().map_err(|_| malformed())?;
    if found != CIS_FORMAT_VERSION {
        let (path, writer) = (place.path.clone(), writer.to_owned());
        return Err(StoreError::Version { path, found, supported: CIS_FORMAT_VERSION, writer });
    }
    let n: usize = n.parse().map_err(|_| malformed())?;
    if n == 0 || n > MAX_TRAITS || !["-", "n", "s", "ns"].contains(&parts) {
        return Err(malformed());
    }
    Ok((writer.to_owned(), n, parts.to_owned()))
}

fn read_infos(place: &Place, file: &File, strings: &Strings, n: usize) -> Result<Vec<CisPhenotypeInfo>, StoreError> {
    let text = |name: &str| texts(place, file, strings, &format!("/phenotypes/{name}"), Some(n));
    fn numbers<T: H5Type>(place: &Place, file: &File, name: &str, n: usize) -> Result<Vec<T>, StoreError> {
        column::<T>(place, file, &format!("/phenotypes/{name}"), Some(n))
    }
    let (mut id, mut name, mut chrom) = (text("id")?, text("name")?, text("chrom")?);
    let (mut gene_id, mut gene_name, strand) = (text("gene_id")?, text("gene_name")?, text("strand")?);
    let tss = numbers::<u32>(place, file, "tss", n)?;
    let below_lod = numbers::<f32>(place, file, "below_lod", n)?;
    let info = |i: usize| CisPhenotypeInfo {
        id: std::mem::take(&mut id[i]),
        name: std::mem::take(&mut name[i]),
        chrom: std::mem::take(&mut chrom[i]),
        tss: tss[i],
        strand: match strand[i].as_str() {
            "+" => Strand::Plus,
            "-" => Strand::Minus,
            _ => Strand::Unknown,
        },
        gene_id: std::mem::take(&mut gene_id[i]),
        gene_name: std::mem::take(&mut gene_name[i]),
        below_lod: below_lod[i],
    };
    Ok((0..n).map(info).collect())
}

fn no_permutations() -> crate::qtl::Permuted {
    let none = f64::NAN;
    crate::qtl::Permuted { n: 0, p_perm: none, df: none, shape1: none, shape2: none, log10p_beta: none }
}
