//! From records to blocks of rows: site filters, genotypes by the ploidy policy, counts, genotype filters.
//!
//! A record is decoded once however many ALT alleles it has; plain diploid calls go straight from the file's bytes into
//! the block's row.

use std::sync::Arc;

use norna_kernels::{AlleleCounts, GenotypeKind, MISSING_CALL, allele_counts};

use crate::format::chromosome::{ChromosomeClass, canonical, class};
use crate::format::regions::contains;
use crate::format::vcf_call::FieldError;
use crate::format::vcf_site::{FilterState, RecordError, RecordPlace, RecordReader, Site};

use super::decode::{Decoder, Record};
use super::error::SourceError;
use super::filter::Wanted;
use super::input::Context;
use super::ledger::{DropReason, Note, VariantLedger};
use super::options::{Field, MaleX};
use super::ploidy::Locus;
use super::{Variant, VariantBlock, VariantSource};

/// Dosages this near a whole number count as its hard call for Hardy-Weinberg, as in plink2.
const HARD_CALL: f32 = 0.1;

/// The chromosome that the current record is on.
struct Chromosome {
    name: Arc<str>,
    canonical: String,
    class: ChromosomeClass,
    wanted: Wanted,
}

/// Reads one shard or batch.
pub(crate) struct BlockReader {
    context: Arc<Context>,
    file_idx: usize,
    records: Box<dyn RecordReader>,
    ledger: VariantLedger,
    chromosome: Chromosome,
    locus: Locus,
    n_alts: usize,
    next_alt: usize,
    decoder: Decoder,
    info: Vec<f64>,
    text: String,
    /// Added to an error of the first record, if an index led to it.
    doubt: Option<String>,
}

impl BlockReader {
    pub(crate) fn new(context: Arc<Context>, file_idx: usize, records: Box<dyn RecordReader>) -> Self {
        let n = context.samples.len();
        let chromosome = Chromosome {
            name: Arc::from(""),
            canonical: String::new(),
            class: ChromosomeClass::Autosome,
            wanted: Wanted::Nothing,
        };
        Self {
            context,
            file_idx,
            records,
            ledger: VariantLedger::default(),
            chromosome,
            locus: Locus::Diploid,
            n_alts: 0,
            next_alt: 0,
            decoder: Decoder::new(n),
            info: Vec::new(),
            text: String::new(),
            doubt: None,
        }
    }

    /// With a word to add to an error of the first record.
    pub(crate) fn doubting(self, doubt: Option<String>) -> Self {
        Self { doubt, ..self }
    }

    /// Goes to the next record within the area that passes the filters on whole records; false at the end.
    pub(super) fn next_record(&mut self) -> Result<bool, SourceError> {
        loop {
            match self.records.advance() {
                Ok(true) => self.doubt = None,
                Ok(false) => return Ok(false),
                Err(RecordError::Field(mut e)) => {
                    e.problem += self.doubt.as_deref().unwrap_or_default();
                    return Err(self.refuse(e));
                }
                Err(RecordError::Io(mut source)) => {
                    if let Some(doubt) = &self.doubt {
                        source = std::io::Error::new(source.kind(), format!("{source}{doubt}"));
                    }
                    return Err(SourceError::RecordIo { path: self.path(), place: self.place("after "), source });
                }
            }
            self.enter_chromosome();
            let site = self.records.site();
            let inside = match &self.chromosome.wanted {
                Wanted::Nothing => false,
                Wanted::Everything => true,
                Wanted::Intervals(intervals) => contains(intervals, site.pos),
            };
            if !inside {
                continue;
            }
            self.ledger.records += 1;
            let n_alts = site.alternates().len();
            if let Some(reason) = self.record_reason(n_alts)? {
                self.ledger.drop_rows(reason, n_alts.max(1) as u64);
                continue;
            }
            self.n_alts = n_alts;
            self.next_alt = 0;
            self.decoder.start_record();
            self.enter_locus();
            return Ok(true);
        }
    }

    fn enter_chromosome(&mut self) {
        let chrom = &self.records.site().chrom;
        if *self.chromosome.name != **chrom {
            let canonical = canonical(chrom);
            let wanted = self.context.area.of(&canonical);
            self.chromosome = Chromosome { name: Arc::from(chrom.as_str()), class: class(chrom), canonical, wanted };
        }
    }

    fn enter_locus(&mut self) {
        let pos = self.records.site().pos;
        self.locus = match self.chromosome.class {
            ChromosomeClass::Autosome => Locus::Diploid,
            ChromosomeClass::Y => Locus::Y,
            ChromosomeClass::Mt => Locus::Mt,
            ChromosomeClass::X if self.context.par.as_ref().is_some_and(|par| contains(par, pos)) => Locus::Diploid,
            ChromosomeClass::X => Locus::X,
        };
        if self.locus == Locus::X {
            self.ledger.add_note(Note::XRecordsWithoutSex, u64::from(self.context.sexes.is_none()));
            self.ledger.add_note(Note::XRecordsWithoutBuild, u64::from(self.context.par.is_none()));
        }
    }

    /// A reason that holds for every ALT of the record. Reads the value that `--min-info` is about.
    fn record_reason(&mut self, n_alts: usize) -> Result<Option<DropReason>, SourceError> {
        if n_alts == 0 {
            return Ok(Some(DropReason::NoAlternate));
        }
        if self.context.pass_only && self.records.site().filter == FilterState::Failed {
            return Ok(Some(DropReason::NotPass));
        }
        let Some(key) = self.context.info_keys.get(self.file_idx) else { return Ok(None) };
        let found = self.records.info_numbers(key, &mut self.info).map_err(|e| self.refuse(e))?;
        let usable = found && (self.info.len() == 1 || self.info.len() == n_alts);
        Ok((!usable).then_some(DropReason::InfoMissing))
    }

    /// The first filter on sites that drops an ALT allele.
    pub(super) fn site_reason(&mut self, alt_idx: usize) -> Option<DropReason> {
        let site = self.records.site();
        let alternate = &site.alternates()[alt_idx];
        if matches!(alternate.as_str(), "<*>" | "<NON_REF>" | ".") {
            return Some(DropReason::NoAlternate);
        }
        if let Some(minimum) = self.context.min_info {
            let value = if self.info.len() == 1 { self.info[0] } else { self.info[alt_idx] };
            if value.is_nan() {
                return Some(DropReason::InfoMissing);
            }
            if value < minimum {
                return Some(DropReason::LowInfo);
            }
        }
        let chrom = &self.chromosome.canonical;
        let (extract, exclude) = (&self.context.extract, &self.context.exclude);
        if extract.as_ref().is_some_and(|list| !list.contains(site, chrom, alternate, &mut self.text)) {
            return Some(DropReason::NotExtracted);
        }
        if exclude.as_ref().is_some_and(|list| list.contains(site, chrom, alternate, &mut self.text)) {
            return Some(DropReason::Excluded);
        }
        let fields = site.fields;
        let usable = self.context.sites_only
            || fields.gt
            || match self.context.field {
                Field::Gt => false,
                Field::Ds => fields.ds,
                Field::Gp => fields.gp,
            };
        // Local alleles are refused rather than dropped: their genotypes are there.
        (!usable && !fields.lgt).then_some(DropReason::NoField)
    }

    fn add_row(&mut self, alt_idx: usize, block: &mut VariantBlock) -> Result<(), SourceError> {
        if let Some(reason) = self.site_reason(alt_idx) {
            self.ledger.drop_rows(reason, 1);
            return Ok(());
        }
        let record = Record { records: &*self.records, context: &self.context, locus: self.locus };
        match block.genotypes.kind() {
            GenotypeKind::Calls => {
                let row = block.genotypes.push_calls();
                self.decoder.fill_calls(&record, alt_idx, row, &mut self.ledger).map_err(|e| self.refuse(e))?;
            }
            GenotypeKind::Dosages => {
                let row = block.genotypes.push_dosages();
                self.decoder.fill_dosages(&record, alt_idx, row, &mut self.ledger).map_err(|e| self.refuse(e))?;
            }
        }
        let row_idx = block.genotypes.len() - 1;
        let haploid = self.haploid();
        let mut counts = allele_counts(&block.genotypes, row_idx, haploid);
        let filters = &self.context.genotype_filters;
        let diploid = if filters.wants_hwe() { diploid_counts(block, row_idx, &counts, haploid) } else { [0; 3] };
        let n_without = if self.locus == Locus::Y { self.context.n_females } else { 0 };
        if let Some(reason) = filters.reason(&counts, n_without, diploid) {
            self.ledger.drop_rows(reason, 1);
            block.genotypes.pop();
            return Ok(());
        }
        if self.locus == Locus::X && self.context.male_x == MaleX::OneCopy {
            self.halve_males(block, row_idx, &mut counts);
        }
        let site = self.records.site();
        block.variants.push(Variant {
            chrom: Arc::clone(&self.chromosome.name),
            pos: site.pos,
            id: site.id.clone(),
            reference: site.reference.clone(),
            alternate: site.alternates()[alt_idx].clone(),
        });
        block.counts.push(counts);
        self.ledger.kept += 1;
        Ok(())
    }

    /// Samples whose two coded copies are one allele.
    fn haploid(&self) -> Option<&[bool]> {
        match self.locus {
            Locus::Diploid => None,
            Locus::X => self.context.males.as_deref(),
            Locus::Y | Locus::Mt => Some(&self.context.everyone),
        }
    }

    /// Recodes males from 0 to 2 to 0 to 1, once everything is counted.
    fn halve_males(&self, block: &mut VariantBlock, row_idx: usize, counts: &mut AlleleCounts) {
        let Some(males) = self.context.males.as_deref() else { return };
        let mut taken = 0.0;
        match block.genotypes.kind() {
            GenotypeKind::Calls => {
                let mut row = block.genotypes.calls(row_idx).to_vec();
                for (code, _) in row.iter_mut().zip(males).filter(|(c, m)| **m && **c != MISSING_CALL) {
                    *code /= 2;
                    taken += f64::from(*code);
                }
                block.genotypes.pop();
                block.genotypes.push_calls().copy_from_slice(&row);
            }
            GenotypeKind::Dosages => {
                let mut row = block.genotypes.dosages(row_idx).to_vec();
                for (dosage, _) in row.iter_mut().zip(males).filter(|(d, m)| **m && !d.is_nan()) {
                    *dosage /= 2.0;
                    taken += f64::from(*dosage);
                }
                block.genotypes.pop();
                block.genotypes.push_dosages().copy_from_slice(&row);
            }
        }
        counts.dosage_sum -= taken;
    }

    /// The current record's chromosome and fixed columns.
    pub(super) fn site(&self) -> (&Arc<str>, &Site) {
        (&self.chromosome.name, self.records.site())
    }

    /// What was read and dropped so far, to be added to.
    pub(super) fn ledger_mut(&mut self) -> &mut VariantLedger {
        &mut self.ledger
    }

    fn path(&self) -> String {
        self.context.files[self.file_idx].path.display().to_string()
    }

    /// Line or record and CHROM:POS of the current record.
    fn place(&self, before: &str) -> String {
        let site = self.records.site();
        let at = match (site.chrom.as_str(), site.pos) {
            ("", _) => String::new(),
            (chrom, 0) => format!(" ({chrom})"),
            (chrom, pos) => format!(" ({chrom}:{pos})"),
        };
        let line = match self.records.place() {
            RecordPlace::Record(n) => return format!("{before}record {n}{at}"),
            RecordPlace::Line(n) => Some(n),
            RecordPlace::At(offset) => self.context.files[self.file_idx].line_number(offset),
        };
        match line {
            Some(n) => format!("{before}line {n}{at}"),
            None if at.is_empty() => format!("{before}a record"),
            None => format!("{before}a record{at}"),
        }
    }

    pub(super) fn refuse(&self, e: FieldError) -> SourceError {
        SourceError::Record { path: self.path(), place: self.place(""), field: e.field.to_owned(), problem: e.problem }
    }
}

/// REF/REF, REF/ALT and ALT/ALT among samples of two copies.
fn diploid_counts(block: &VariantBlock, row_idx: usize, counts: &AlleleCounts, haploid: Option<&[bool]>) -> [u32; 3] {
    if block.genotypes.kind() == GenotypeKind::Calls {
        return [counts.hom_ref, counts.het, counts.hom_alt];
    }
    let mut n = [0; 3];
    for (idx, &dosage) in block.genotypes.dosages(row_idx).iter().enumerate() {
        let nearest = dosage.round();
        let counted = !haploid.is_some_and(|h| h[idx]) && (dosage - nearest).abs() <= HARD_CALL;
        if counted && let Some(n) = n.get_mut(nearest as usize) {
            *n += 1;
        }
    }
    n
}

impl VariantSource for BlockReader {
    fn read_block(&mut self, block: &mut VariantBlock) -> Result<usize, SourceError> {
        block.clear();
        while !block.genotypes.is_full() {
            if self.next_alt < self.n_alts {
                let alt_idx = self.next_alt;
                self.next_alt += 1;
                self.add_row(alt_idx, block)?;
            } else {
                self.n_alts = 0;
                if !self.next_record()? {
                    break;
                }
                // A block is of one chromosome, since the null model may be another one on the next.
                if block.variants.last().is_some_and(|last| last.chrom != self.chromosome.name) {
                    break;
                }
            }
        }
        Ok(block.len())
    }

    fn ledger(&self) -> &VariantLedger {
        &self.ledger
    }
}
