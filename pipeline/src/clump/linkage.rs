//! Genotypes out of VCF and BCF files for linkage: of single variants, and of stretches, by the files' indices.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use norna_kernels::GenotypeKind;
use norna_kernels::linkage::{CallPlanes, r2_of_dosages, r2_of_genotypes, r2_of_haplotypes};

use super::ClumpError;
use crate::format::chromosome::canonical;
use crate::format::sample_list::read_sample_list;
use crate::plan::block_variants;
use crate::sink::rows::VariantRow;
use crate::source::{Field, Input, InputOptions, SampleSelection, Variant, VariantBlock, expand_paths};

/// Bases between variants that are still looked up by one reading.
const NEAR: u32 = 20_000;

/// What r² is taken of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LdMethod {
    /// Copies of ALT, without phase: plink's --r2, plink2's --r2-unphased and --clump-unphased.
    #[default]
    Genotypes,
    /// Haplotypes of greatest likelihood: plink 1.9's --clump. Needs hard calls.
    Haplotypes,
}

/// One variant's genotypes.
#[derive(Debug, Clone, PartialEq)]
pub enum Genotype {
    /// Hard calls.
    Calls(CallPlanes),
    /// ALT copies, NaN missing.
    Dosages(Vec<f32>),
}

/// Opened genotype files.
pub struct Linkage {
    input: Input,
    n_samples: usize,
    method: LdMethod,
}

/// What tells a variant apart on its chromosome.
type Key = (u32, String, String);

impl Linkage {
    /// Opens files (or lists of files) that have indices. `keep`: a list of the samples that count, all otherwise.
    ///
    /// # Errors
    /// A file cannot be read or has no index, the list has none of its samples, or dosages are to be phased.
    pub fn open(
        paths: &[PathBuf],
        keep: Option<&Path>,
        field: Option<Field>,
        method: LdMethod,
    ) -> Result<Self, ClumpError> {
        let options = InputOptions { paths: expand_paths(paths)?, field, in_parts: true, ..InputOptions::default() };
        let mut input = Input::open(&options)?;
        input.check_indexed()?;
        let mut n_samples = input.samples().len();
        if let Some(path) = keep {
            let wanted = read_sample_list(path)?;
            let names: HashSet<&str> = wanted.iter().map(|key| key.iid.as_str()).collect();
            let places = (0..).zip(input.samples());
            let analysed: Vec<u32> = places.filter(|(_, name)| names.contains(name.as_str())).map(|(i, _)| i).collect();
            if analysed.is_empty() {
                return Err(ClumpError::KeepsNobody { path: path.to_path_buf(), n_samples: wanted.len() });
            }
            n_samples = analysed.len();
            input.select(SampleSelection { analysed, sex: None })?;
        }
        if n_samples < 3 {
            return Err(ClumpError::TooFewSamples { n_samples });
        }
        if method == LdMethod::Haplotypes && input.kind() == GenotypeKind::Dosages {
            return Err(ClumpError::NoCalls { field: input.field().name() });
        }
        Ok(Self { input, n_samples, method })
    }

    /// Samples that count.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Field that genotypes are taken from.
    pub fn field(&self) -> Field {
        self.input.field()
    }

    /// What is likely to be a mistake about the files.
    pub fn warnings(&self) -> &[String] {
        self.input.warnings()
    }

    /// r² of two variants over the samples that have both; NaN where one does not vary.
    pub fn r2(&self, a: &Genotype, b: &Genotype) -> f64 {
        match (a, b) {
            (Genotype::Calls(a), Genotype::Calls(b)) => match self.method {
                LdMethod::Genotypes => r2_of_genotypes(&a.table(b)),
                LdMethod::Haplotypes => r2_of_haplotypes(&a.table(b)),
            },
            (Genotype::Dosages(a), Genotype::Dosages(b)) => r2_of_dosages(a, b),
            _ => f64::NAN,
        }
    }

    /// Hands the variants with POS in an interval of a chromosome (however it is spelt) to `each`, some at a time, file by file.
    ///
    /// # Errors
    /// A file cannot be read, or `each` fails.
    pub fn visit(
        &self,
        chrom: &str,
        interval: (u32, u32),
        mut each: impl FnMut(&[Variant], &[Genotype]) -> Result<(), ClumpError>,
    ) -> Result<(), ClumpError> {
        let kind = self.input.kind();
        let mut block = VariantBlock::new(kind, self.n_samples, block_variants(kind, self.n_samples));
        let part = self.input.part(&canonical(chrom), interval);
        for shard in part.shards() {
            let mut reader = part.reader(shard)?;
            while reader.read_block(&mut block)? > 0 {
                each(&block.variants, &genotypes(&block))?;
            }
        }
        Ok(())
    }

    /// The genotypes of some variants, in their order; `None` of those that no file has.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn genotypes_of(&self, wanted: &[&VariantRow]) -> Result<Vec<Option<Genotype>>, ClumpError> {
        let mut found: Vec<Option<Genotype>> = vec![None; wanted.len()];
        self.look_up(wanted, |place, genotype| {
            found[place].get_or_insert_with(|| genotype.clone());
        })?;
        Ok(found)
    }

    /// Which of some variants the files have.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn are_there(&self, wanted: &[&VariantRow]) -> Result<Vec<bool>, ClumpError> {
        let mut found = vec![false; wanted.len()];
        self.look_up(wanted, |place, _| found[place] = true)?;
        Ok(found)
    }

    fn look_up(&self, wanted: &[&VariantRow], mut each: impl FnMut(usize, &Genotype)) -> Result<(), ClumpError> {
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        order.sort_by(|&a, &b| (&wanted[a].chrom, wanted[a].pos).cmp(&(&wanted[b].chrom, wanted[b].pos)));
        let is_near =
            |&a: &usize, &b: &usize| wanted[a].chrom == wanted[b].chrom && wanted[b].pos - wanted[a].pos <= NEAR;
        for near in order.chunk_by(is_near) {
            let mut places: HashMap<Key, Vec<usize>> = HashMap::new();
            for &place in near {
                places.entry(key_of_row(wanted[place])).or_default().push(place);
            }
            let (first, last) = (wanted[near[0]], wanted[near[near.len() - 1]]);
            self.visit(&first.chrom, (first.pos, last.pos), |variants, genotypes| {
                for (variant, genotype) in variants.iter().zip(genotypes) {
                    places.get(&key_of(variant)).into_iter().flatten().for_each(|&place| each(place, genotype));
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

pub(super) fn key_of(variant: &Variant) -> Key {
    (variant.pos, variant.reference.clone(), variant.alternate.clone())
}

pub(super) fn key_of_row(variant: &VariantRow) -> Key {
    (variant.pos, variant.reference.clone(), variant.alternate.clone())
}

fn genotypes(block: &VariantBlock) -> Vec<Genotype> {
    let one = |row: usize| match block.genotypes.kind() {
        GenotypeKind::Calls => Genotype::Calls(CallPlanes::new(block.genotypes.calls(row))),
        GenotypeKind::Dosages => Genotype::Dosages(block.genotypes.dosages(row).to_vec()),
    };
    (0..block.len()).map(one).collect()
}
