//! The gene of each protein: by the file's own place, the annotation's protein column, Ensembl ID, UniProt accession, symbol,
//! in this order.
//!
//! A protein of several genes (a complex, a family that the assay does not tell apart) has no place: a window around one of
//! them would be a guess.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::build::is_par_of_y;
use super::matrix::Gene;
use super::raw::RawProtein;
use super::step::Step;
use crate::format::chromosome::canonical;
use crate::format::genes::GeneRecord;
use crate::format::uniprot_map::UniprotMap;
use crate::report::words::count;

/// How a protein came to its place, or why it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// The file has it.
    ByFile,
    /// The annotation names the protein.
    ByProtein,
    /// By Ensembl ID.
    ByEnsembl,
    /// By UniProt accession.
    ByUniprot,
    /// By symbol.
    BySymbol,
    /// Its keys lead to several genes, or some of them to none.
    Ambiguous,
    /// Its keys lead nowhere.
    NotFound,
    /// It has no key.
    NoKey,
    /// There is no annotation.
    NotLookedFor,
}

const WAYS: [(Placed, &str); 9] = [
    (Placed::ByFile, "by the file's own place"),
    (Placed::ByProtein, "by protein"),
    (Placed::ByEnsembl, "by Ensembl ID"),
    (Placed::ByUniprot, "by UniProt accession"),
    (Placed::BySymbol, "by symbol"),
    (Placed::Ambiguous, "ambiguous"),
    (Placed::NotFound, "not found"),
    (Placed::NoKey, "without a key"),
    (Placed::NotLookedFor, "not looked for"),
];

/// Genes by their keys.
#[derive(Debug, Default)]
pub struct Annotation {
    genes: Vec<GeneRecord>,
    by_protein: HashMap<String, Vec<u32>>,
    by_ensembl: HashMap<String, Vec<u32>>,
    by_uniprot: HashMap<String, Vec<u32>>,
    by_symbol: HashMap<String, Vec<u32>>,
}

/// What a key leads to.
enum Lead {
    Nowhere,
    One(u32),
    /// Several genes of one key: another key may tell which.
    OneOf(Vec<u32>),
    /// Several keys with a gene each, or some without.
    Several,
}

impl Annotation {
    /// Of the genes of a file, and what a map says of accessions.
    pub fn new(genes: Vec<GeneRecord>, map: &UniprotMap) -> Self {
        let mut found = Self { genes, ..Self::default() };
        for (i, gene) in found.genes.iter().enumerate() {
            let put = |map: &mut HashMap<String, Vec<u32>>, key: String| {
                if !key.is_empty() {
                    map.entry(key).or_default().push(i as u32);
                }
            };
            put(&mut found.by_protein, gene.protein.clone());
            put(&mut found.by_ensembl, without_version(&gene.id));
            put(&mut found.by_symbol, gene.name.to_uppercase());
            for accession in accessions(&gene.uniprot) {
                put(&mut found.by_uniprot, accession);
            }
        }
        for (accession, keys) in map {
            let by = |map: &HashMap<String, Vec<u32>>, key: &dyn Fn(&String) -> String| {
                keys.iter().filter_map(|gene| map.get(&key(gene))).flatten().copied().collect::<Vec<u32>>()
            };
            let mut genes = by(&found.by_ensembl, &|gene| without_version(gene));
            if genes.is_empty() {
                genes = by(&found.by_symbol, &|gene| gene.to_uppercase());
            }
            if !genes.is_empty() {
                found.by_uniprot.entry(accession.to_uppercase()).or_default().extend(genes);
            }
        }
        found
    }

    /// The place of a protein by its keys.
    pub fn place(&self, protein: &RawProtein) -> (Placed, Option<Gene>) {
        let ensembl = [&protein.ensembl, &protein.name, &protein.id];
        let ensembl = ensembl.into_iter().find(|key| key.starts_with("ENSG")).cloned().unwrap_or_default();
        let uniprot =
            if protein.uniprot.is_empty() && is_accession(&protein.id) { &protein.id } else { &protein.uniprot };
        let symbol = if protein.name.is_empty() { &protein.id } else { &protein.name };
        let levels = [
            (Placed::ByProtein, self.lead(&self.by_protein, std::slice::from_ref(&protein.id), false)),
            (Placed::ByEnsembl, self.parts(&self.by_ensembl, &ensembl, without_version, false)),
            (Placed::ByUniprot, self.lead(&self.by_uniprot, &accessions(uniprot), false)),
            (Placed::BySymbol, self.parts(&self.by_symbol, symbol, str::to_uppercase, true)),
        ];
        let (mut one_of, mut is_partial): (Option<Vec<u32>>, bool) = (None, false);
        for (way, lead) in levels {
            match lead {
                Lead::Nowhere => {}
                Lead::One(gene) if one_of.as_ref().is_none_or(|genes| genes.contains(&gene)) => {
                    return (way, Some(self.gene(gene)));
                }
                Lead::OneOf(genes) if one_of.is_none() => one_of = Some(genes),
                Lead::One(_) | Lead::OneOf(_) => is_partial = true,
                Lead::Several => return (Placed::Ambiguous, None),
            }
        }
        match (one_of.is_some() || is_partial, ensembl.is_empty() && uniprot.is_empty() && symbol.is_empty()) {
            (true, _) => (Placed::Ambiguous, None),
            (false, true) => (Placed::NoKey, None),
            (false, false) => (Placed::NotFound, None),
        }
    }

    /// The record of a protein that the file places, where its Ensembl ID is in the annotation.
    pub fn by_ensembl(&self, protein: &RawProtein) -> Option<&GeneRecord> {
        let found = self.by_ensembl.get(&without_version(&protein.ensembl)).filter(|_| !protein.ensembl.is_empty())?;
        self.genes.get(*found.first()? as usize)
    }

    /// Last bases of all genes, for a look at the build.
    pub fn ends(&self) -> impl Iterator<Item = (&str, u32)> + Clone {
        self.genes.iter().map(|gene| (gene.chrom.as_str(), gene.end))
    }

    fn gene(&self, i: u32) -> Gene {
        let gene = &self.genes[i as usize];
        Gene {
            chrom: gene.chrom.clone(),
            tss: gene.tss,
            strand: gene.strand,
            id: gene.id.clone(),
            name: gene.name.clone(),
        }
    }

    /// The whole text as one key, else its parts.
    fn parts(
        &self,
        map: &HashMap<String, Vec<u32>>,
        text: &str,
        key: impl Fn(&str) -> String,
        is_symbol: bool,
    ) -> Lead {
        match self.lead(map, &[key(text.trim())], is_symbol) {
            Lead::Nowhere => self.lead(map, &split(text).map(key).collect::<Vec<_>>(), is_symbol),
            lead => lead,
        }
    }

    /// What keys lead to together.
    fn lead(&self, map: &HashMap<String, Vec<u32>>, keys: &[String], is_symbol: bool) -> Lead {
        let keys: BTreeSet<&String> = keys.iter().filter(|key| !key.is_empty()).collect();
        let leads: Vec<Vec<u32>> =
            keys.iter().map(|key| self.reduced(map.get(*key).map_or(&[], Vec::as_slice), is_symbol)).collect();
        let n_found = leads.iter().filter(|genes| !genes.is_empty()).count();
        match leads.as_slice() {
            _ if n_found == 0 => Lead::Nowhere,
            [genes] => match genes[..] {
                [gene] => Lead::One(gene),
                _ => Lead::OneOf(genes.clone()),
            },
            _ => {
                let all: Vec<u32> = leads.iter().flatten().copied().collect();
                match self.reduced(&all, is_symbol)[..] {
                    [gene] if n_found == leads.len() => Lead::One(gene),
                    // Parts that no annotation knows (unreviewed accessions): another key may tell.
                    [gene] => Lead::OneOf(vec![gene]),
                    _ => Lead::Several,
                }
            }
        }
    }

    /// One of each gene: those on chromosomes before those on patches and scaffolds, X before the pseudo-autosomal copy on
    /// Y, and of genes with one symbol those that code for proteins.
    fn reduced(&self, genes: &[u32], is_symbol: bool) -> Vec<u32> {
        let mut one_each: BTreeMap<(String, u32), u32> = BTreeMap::new();
        for &i in genes {
            let gene = &self.genes[i as usize];
            one_each.entry((canonical(&gene.chrom), gene.tss)).or_insert(i);
        }
        let mut left: Vec<u32> = one_each.into_values().collect();
        let of = |i: &u32| &self.genes[*i as usize];
        let mut prefer = |is_better: &dyn Fn(&u32) -> bool| {
            if left.iter().any(is_better) {
                left.retain(is_better);
            }
        };
        prefer(&|i| is_main(&of(i).chrom));
        let is_on_x = |i: &u32| canonical(&of(i).chrom) == "X";
        if genes.iter().any(is_on_x) {
            prefer(&|i| !is_par_of_y(&of(i).chrom, of(i).tss));
        }
        if is_symbol {
            prefer(&|i| of(i).biotype == "protein_coding");
        }
        left
    }
}

/// 1 to 22, X, Y, MT.
fn is_main(chrom: &str) -> bool {
    let name = canonical(chrom);
    matches!(name.as_str(), "X" | "Y" | "MT") || name.parse::<u8>().is_ok_and(|n| (1..=22).contains(&n))
}

/// An Ensembl ID without ".5" and "_PAR_Y".
fn without_version(id: &str) -> String {
    id.split('.').next().unwrap_or_default().trim_end_matches("_PAR_Y").to_uppercase()
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split([';', ',', '|', '_', '/', ' ']).map(str::trim).filter(|part| !part.is_empty())
}

/// UniProt accessions in a text, without isoforms ("-2"); what is left of a FASTA header (`sp|P01308|INS_HUMAN`) is found too.
pub fn accessions(text: &str) -> Vec<String> {
    let parts: Vec<String> =
        split(text).map(|part| part.split('-').next().unwrap_or_default().to_uppercase()).collect();
    let known: Vec<String> = parts.iter().filter(|part| is_accession(part)).cloned().collect();
    if known.is_empty() { parts } else { known }
}

/// [OPQ][0-9][A-Z0-9]{3}[0-9] or [A-NR-Z][0-9]([A-Z][A-Z0-9]{2}[0-9]){1,2} (uniprot.org/help/accession_numbers).
fn is_accession(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |i: usize| bytes[i].is_ascii_digit();
    let letter = |i: usize| bytes[i].is_ascii_uppercase();
    let either = |i: usize| digit(i) || letter(i);
    let group = |i: usize| letter(i) && either(i + 1) && either(i + 2) && digit(i + 3);
    match bytes.len() {
        6 if matches!(bytes[0], b'O' | b'P' | b'Q') => digit(1) && either(2) && either(3) && either(4) && digit(5),
        6 => letter(0) && digit(1) && group(2),
        10 => letter(0) && !matches!(bytes[0], b'O' | b'P' | b'Q') && digit(1) && group(2) && group(6),
        _ => false,
    }
}

/// Accessions that proteins without a place have: what a map is read for.
pub fn wanted_accessions(proteins: &[RawProtein]) -> BTreeSet<String> {
    let without = proteins.iter().filter(|protein| protein.gene.is_none());
    without
        .flat_map(|protein| accessions(if protein.uniprot.is_empty() { &protein.id } else { &protein.uniprot }))
        .collect()
}

/// The gene of each protein, and the counts, which add up to the proteins.
pub fn place_all(proteins: &[RawProtein], annotation: Option<&Annotation>, choice: &str) -> (Vec<Option<Gene>>, Step) {
    let mut step = Step::new("genes", choice);
    let place = |protein: &RawProtein| match (&protein.gene, annotation) {
        (Some(gene), _) => (Placed::ByFile, Some(gene.clone())),
        (None, Some(annotation)) => annotation.place(protein),
        (None, None) => (Placed::NotLookedFor, None),
    };
    let places: Vec<(Placed, Option<Gene>)> = proteins.iter().map(place).collect();
    step.count("proteins", proteins.len());
    for (way, name) in WAYS {
        step.count_some(name, places.iter().filter(|(placed, _)| *placed == way).count());
    }
    step.count("without a place", places.iter().filter(|(_, gene)| gene.is_none()).count());
    for (way, name) in
        [(Placed::Ambiguous, "ambiguous"), (Placed::NotFound, "not found"), (Placed::NoKey, "without a key")]
    {
        let of_way = proteins.iter().zip(&places).filter(|(_, (placed, _))| *placed == way);
        let list: Vec<String> = of_way.map(|(protein, _)| label(protein)).collect();
        if !list.is_empty() {
            let n = count(list.len() as u64, "protein");
            step.notes.push(format!("genes {name}: {n} (-v names the first, norna info --json all)"));
            step.lists.push((name, list));
        }
    }
    if annotation.is_none() && places.iter().any(|(_, gene)| gene.is_none()) {
        step.notes.push("proteins without a gene have no cis window: --annotation places them".to_owned());
    }
    (places.into_iter().map(|(_, gene)| gene).collect(), step)
}

/// "OID00471 (IL8)".
fn label(protein: &RawProtein) -> String {
    match protein.name.is_empty() || protein.name == protein.id {
        true => protein.id.clone(),
        false => format!("{} ({})", protein.id, protein.name),
    }
}
