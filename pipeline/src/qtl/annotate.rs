//! Whether a hit's variant changes the protein: what the genotype files themselves say of it (VEP's CSQ, SnpEff's ANN). A changed
//! epitope can look like a changed amount. Linkage is not looked at: another variant may be the one that changes the protein.

use std::path::PathBuf;

use super::VariantKey;
use crate::format::consequence::{Alleles, Consequence, ConsequenceLayout};
use crate::proteins::Protein;
use crate::report::words::count;
use crate::source::SourceError;
use crate::source::consequences::ConsequenceFiles;

/// Bytes of the records at a position that are kept for the next hit there.
const KEPT_BYTES: usize = 16 << 20;

/// Looks up consequences in files of genotypes. Ask in the order of the variants: then every file is read forwards.
pub struct Annotator {
    files: ConsequenceFiles,
    /// The last position asked for, and what its records say.
    chrom: String,
    pos: u32,
    records: Vec<Record>,
    n_asked: u64,
    n_told: u64,
    n_changing: u64,
    n_broken: u64,
    n_overlong: u64,
}

struct Record {
    reference: String,
    alternates: Vec<String>,
    layout: ConsequenceLayout,
    value: Vec<u8>,
}

impl Annotator {
    /// Opens what declares CSQ or ANN of the genotype files; none where nothing does. Also gives what keeps files from being
    /// looked into, for the log.
    ///
    /// # Errors
    /// A file or its index cannot be read.
    pub fn open(paths: &[PathBuf]) -> Result<(Option<Self>, Vec<String>), SourceError> {
        let (files, warnings) = ConsequenceFiles::open(paths)?;
        let open = |files| Self {
            files,
            chrom: String::new(),
            pos: 0,
            records: Vec::new(),
            n_asked: 0,
            n_told: 0,
            n_changing: 0,
            n_broken: 0,
            n_overlong: 0,
        };
        Ok((files.map(open), warnings))
    }

    /// The most severe consequence of a variant for the gene that makes a protein; none where its record tells of none.
    ///
    /// # Errors
    /// A file cannot be read. Entries that make no sense are counted.
    pub fn consequence(&mut self, variant: &VariantKey, protein: &Protein) -> Result<Option<Consequence>, SourceError> {
        self.go_to(&variant.chrom, variant.pos)?;
        let genes = names_of(protein);
        let (mut found, mut n_broken) = (None, 0);
        for record in self.records.iter().filter(|record| record.reference == variant.reference) {
            let Some(alt_idx) = record.alternates.iter().position(|alt| *alt == variant.alternate) else { continue };
            let alleles = Alleles { reference: &record.reference, alternates: &record.alternates, alt_idx };
            let broken;
            (found, broken) = record.layout.find(&record.value, alleles, &genes);
            n_broken += broken;
            if found.is_some() {
                break;
            }
        }
        self.n_asked += 1;
        self.n_broken += n_broken;
        self.n_told += u64::from(found.is_some());
        self.n_changing += u64::from(found.is_some_and(|found| found.changes_protein));
        Ok(found)
    }

    fn go_to(&mut self, chrom: &str, pos: u32) -> Result<(), SourceError> {
        if self.pos == pos && self.chrom == chrom {
            return Ok(());
        }
        self.records.clear();
        chrom.clone_into(&mut self.chrom);
        self.pos = pos;
        let (records, mut kept, mut n_overlong) = (&mut self.records, 0, 0);
        self.files.at(chrom, pos, |record| {
            kept += record.value.len();
            if kept > KEPT_BYTES {
                n_overlong += 1;
                return;
            }
            records.push(Record {
                reference: record.site.reference.clone(),
                alternates: record.site.alternates().to_vec(),
                layout: record.layout.clone(),
                value: record.value.to_vec(),
            });
        })?;
        self.n_overlong += n_overlong;
        Ok(())
    }

    /// What was found, for the log: a line, and what is likely to be a mistake.
    pub fn summary(&self) -> (String, Vec<String>) {
        let keys = self.files.keys().join(", ");
        let line = format!(
            "consequences (INFO/{keys}): {} looked up, {} tell of the protein's gene, {} change the protein",
            count(self.n_asked, "hit"),
            self.n_told,
            self.n_changing
        );
        let mut warnings = Vec::new();
        if self.n_broken > 0 {
            warnings.push(format!(
                "INFO/{keys}: {} at hits could not be taken apart and were passed over",
                if self.n_broken == 1 { "1 entry".to_owned() } else { format!("{} entries", self.n_broken) }
            ));
        }
        if self.n_overlong > 0 {
            let most = KEPT_BYTES >> 20;
            warnings.push(format!(
                "INFO/{keys}: {} with more than {most} MiB passed over",
                count(self.n_overlong, "record")
            ));
        }
        (line, warnings)
    }
}

/// The names of the gene that makes a protein; several where an assay measures several.
fn names_of(protein: &Protein) -> Vec<&str> {
    let of_gene = protein.gene.iter().flat_map(|gene| [gene.id.as_str(), gene.name.as_str()]);
    let mut names: Vec<&str> =
        of_gene.flat_map(|name| name.split([';', ',', ' '])).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        names.push(&protein.id);
    }
    names
}
