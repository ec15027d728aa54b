//! /traits of proteins: what each is, where its gene lies, how much of it was below the limit of detection; and, in a file of
//! distant pairs alone, which pairs were left out.

use hdf5::{File, Group};

use super::checked::{column, texts};
use super::error::{Place, StoreError};
use super::file;
use super::heap::Strings;
use super::schema::{ResultsHeader, TRAIT_PLACES, TraitInfo};
use super::sound::wrong;
use crate::proteins::{Gene, Protein, Strand};
use crate::qtl::CisPairs;
use crate::sink::rows::VariantRow;

/// Attributes of /hits in a file that has no pairs near a protein's gene.
const LEFT_OUT_WINDOW: &str = "left_out_window";
const N_LEFT_OUT: &str = "n_left_out";
/// Codes of /traits/strand.
const STRANDS: [Strand; 3] = [Strand::Unknown, Strand::Plus, Strand::Minus];

/// A dataset, and the text that goes into it.
type TextColumn<T> = (&'static str, fn(&T) -> &str);

/// Writes what is known of proteins beside the names of the traits.
pub(super) fn write(place: &Place, traits: &Group, proteins: &[Protein]) -> Result<(), StoreError> {
    if proteins.is_empty() {
        return Ok(());
    }
    let no_gene = Gene::default();
    let genes: Vec<&Gene> = proteins.iter().map(|protein| protein.gene.as_ref().unwrap_or(&no_gene)).collect();
    let of_protein: [TextColumn<Protein>; 3] =
        [("assay", |p| &p.name), ("uniprot", |p| &p.uniprot), ("panel", |p| &p.panel)];
    for (name, text) in of_protein {
        file::table_column(place, traits, name, &file::strings(proteins.iter().map(text)))?;
    }
    let of_gene: [TextColumn<Gene>; 3] = [("chrom", |g| &g.chrom), ("gene_id", |g| &g.id), ("gene_name", |g| &g.name)];
    for (name, text) in of_gene {
        file::table_column(place, traits, name, &file::strings(genes.iter().map(|gene| text(gene))))?;
    }
    let tss: Vec<u32> = genes.iter().map(|gene| gene.tss).collect();
    file::table_column(place, traits, "tss", &tss)?;
    let code = |strand| STRANDS.iter().position(|&known| known == strand).unwrap_or(0) as u8;
    let strands: Vec<u8> = genes.iter().map(|gene| code(gene.strand)).collect();
    let dataset = file::table_column(place, traits, "strand", &strands)?;
    file::set_texts(place, &dataset, "codes", &["unknown", "+", "-"])?;
    let below_lod: Vec<f32> = proteins.iter().map(|p| p.below_lod).collect();
    file::table_column(place, traits, "below_lod", &below_lod)?;
    Ok(())
}

/// Reads it again; empty where the traits are no proteins.
pub(super) fn read(
    place: &Place,
    file: &File,
    strings: &Strings,
    traits: &[TraitInfo],
) -> Result<Vec<Protein>, StoreError> {
    if !file.link_exists(TRAIT_PLACES) {
        return Ok(Vec::new());
    }
    let n = Some(traits.len());
    let text = |name: &str| texts(place, file, strings, &format!("/traits/{name}"), n).map(Vec::into_iter);
    let (mut assay, mut uniprot, mut panel) = (text("assay")?, text("uniprot")?, text("panel")?);
    let (mut chrom, mut gene_id, mut gene_name) = (text("chrom")?, text("gene_id")?, text("gene_name")?);
    let tss = column::<u32>(place, file, TRAIT_PLACES, n)?;
    let strand = column::<u8>(place, file, "/traits/strand", n)?;
    let below_lod = column::<f32>(place, file, "/traits/below_lod", n)?;
    let mut proteins = Vec::with_capacity(traits.len());
    for (row, info) in traits.iter().enumerate() {
        let next = |texts: &mut std::vec::IntoIter<String>| texts.next().unwrap_or_default();
        let gene = Gene {
            chrom: next(&mut chrom),
            tss: tss[row],
            strand: *STRANDS
                .get(usize::from(strand[row]))
                .ok_or_else(|| wrong(place, "/traits/strand", (row, None), strand[row], "a strand"))?,
            id: next(&mut gene_id),
            name: next(&mut gene_name),
        };
        if gene.chrom.is_empty() != (gene.tss == 0) {
            return Err(wrong(place, TRAIT_PLACES, (row, None), gene.tss, "a place on a chromosome, or none,"));
        }
        if !below_lod[row].is_nan() && !(0.0..=1.0).contains(&below_lod[row]) {
            return Err(wrong(place, "/traits/below_lod", (row, None), below_lod[row], "a share from 0 to 1"));
        }
        proteins.push(Protein {
            id: info.name.clone(),
            name: next(&mut assay),
            uniprot: next(&mut uniprot),
            panel: next(&mut panel),
            gene: (gene.tss > 0).then_some(gene),
            below_lod: below_lod[row],
        });
    }
    Ok(proteins)
}

/// Bases on either side of a protein's TSS within which pairs were left out; `None` where none were.
pub(super) fn left_out_window(place: &Place, file: &File) -> Result<Option<u32>, StoreError> {
    attribute(place, file, LEFT_OUT_WINDOW)
}

/// Pairs that were left out; `None` where none were meant to be.
pub(super) fn n_left_out(place: &Place, file: &File) -> Result<Option<u64>, StoreError> {
    attribute(place, file, N_LEFT_OUT)
}

fn attribute<T: hdf5::H5Type>(place: &Place, file: &File, name: &str) -> Result<Option<T>, StoreError> {
    let hits = place.h5("/hits", file.group("hits"))?;
    let names = place.h5("/hits", hits.attr_names())?;
    if !names.iter().any(|known| known == name) {
        return Ok(None);
    }
    place.h5("/hits", hits.attr(name).and_then(|at| file::scalar(&at))).map(Some)
}

/// Pairs that a file of distant pairs leaves out, counted as the variants pass.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    pairs: Option<CisPairs>,
    pub(super) n: u64,
}

impl LeftOut {
    pub(super) fn new(header: &ResultsHeader) -> Self {
        Self { pairs: header.left_out_window.map(|window| CisPairs::new(&header.proteins, window)), n: 0 }
    }

    pub(super) fn add(&mut self, variants: &[VariantRow]) {
        let Some(pairs) = &self.pairs else { return };
        for variants in variants.chunk_by(|a, b| a.chrom == b.chrom) {
            let on = pairs.on(&variants[0].chrom);
            self.n += variants.iter().map(|variant| on.around(variant.pos).len() as u64).sum::<u64>();
        }
    }

    pub(super) fn write(&self, place: &Place, root: &File) -> Result<(), StoreError> {
        let Some(pairs) = &self.pairs else { return Ok(()) };
        let hits = place.h5("/hits", root.group("hits"))?;
        file::set_scalar(place, &hits, LEFT_OUT_WINDOW, &pairs.window())?;
        file::set_scalar(place, &hits, N_LEFT_OUT, &self.n)
    }
}
