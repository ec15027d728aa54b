//! What a table says of a pair beside its numbers where traits are proteins: whose gene, how far from it, and what the variant
//! does to it.

use serde_json::{Value, json};

use super::pair::push_real;
use crate::format::consequence::Consequence;
use crate::proteins::Protein;
use crate::qtl::CIS_WINDOW;
use crate::qtl::cis_pairs::tss_distance;
use crate::sink::rows::VariantRow;
use crate::store::ResultsReader;

/// Columns of the gene.
const GENE_COLUMNS: [&str; 4] = ["GENE", "CIS_TRANS", "TSS_DISTANCE", "BELOW_LOD"];
/// Columns of what the variant does to it.
const CONSEQUENCE_COLUMNS: [&str; 2] = ["CONSEQUENCE", "CHANGES_PROTEIN"];

/// Which of these columns a table has, and what cis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceColumns {
    window: u32,
    with_consequences: bool,
}

/// What is known of a pair beside its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceCells {
    /// The gene's symbol, else its key.
    pub gene: Option<String>,
    /// "cis" or "trans".
    pub side: Option<&'static str>,
    /// Bases from the TSS, by the gene's strand.
    pub distance: Option<i64>,
}

impl PlaceColumns {
    /// For a file; `None` where its traits are no proteins. `window`: bases on either side of the TSS; those that were left out
    /// of the file, or 1,000,000, otherwise.
    pub fn new(reader: &ResultsReader, window: Option<u32>) -> Option<Self> {
        let header = reader.header();
        let window = window.or(header.left_out_window).unwrap_or(CIS_WINDOW);
        (!header.proteins.is_empty()).then(|| Self { window, with_consequences: reader.has_consequences() })
    }

    /// Without the consequences, which hits alone have.
    #[must_use]
    pub fn without_consequences(self) -> Self {
        Self { with_consequences: false, ..self }
    }

    /// Whether consequences are among them.
    pub fn has_consequences(self) -> bool {
        self.with_consequences
    }

    /// What is known of a pair.
    pub fn typed(self, protein: &Protein, variant: &VariantRow) -> PlaceCells {
        PlaceCells { gene: gene(protein), side: self.side(protein, variant), distance: distance(protein, variant) }
    }

    /// The columns' names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let of_consequence = if self.with_consequences { &CONSEQUENCE_COLUMNS[..] } else { &[] };
        GENE_COLUMNS.iter().chain(of_consequence).copied()
    }

    /// The cells of a pair: text, `NA` where nothing is known.
    pub fn cells(self, protein: &Protein, variant: &VariantRow, consequence: Option<Consequence>) -> Vec<String> {
        let known = |text: Option<String>| text.unwrap_or_else(|| "NA".to_owned());
        let mut below_lod = Vec::new();
        push_real(&mut below_lod, protein.below_lod);
        let mut cells = vec![
            known(gene(protein)),
            known(self.side(protein, variant).map(str::to_owned)),
            known(distance(protein, variant).map(|distance| distance.to_string())),
            String::from_utf8_lossy(&below_lod).into_owned(),
        ];
        if self.with_consequences {
            cells.push(known(consequence.map(|found| found.term().to_owned())));
            cells.push(known(consequence.map(|found| u8::from(found.changes_protein).to_string())));
        }
        cells
    }

    /// Appends the cells of a pair to a line, each with a tab before it.
    pub fn push(self, line: &mut Vec<u8>, protein: &Protein, variant: &VariantRow, consequence: Option<Consequence>) {
        for cell in self.cells(protein, variant, consequence) {
            line.push(b'\t');
            line.extend_from_slice(cell.as_bytes());
        }
    }

    /// Adds the cells of a pair to an object.
    pub fn add_json(
        self,
        object: &mut Value,
        protein: &Protein,
        variant: &VariantRow,
        consequence: Option<Consequence>,
    ) {
        object["GENE"] = json!(gene(protein));
        object["CIS_TRANS"] = json!(self.side(protein, variant));
        object["TSS_DISTANCE"] = json!(distance(protein, variant));
        object["BELOW_LOD"] = json!(Some(protein.below_lod).filter(|share| !share.is_nan()));
        if self.with_consequences {
            object["CONSEQUENCE"] = json!(consequence.map(Consequence::term));
            object["CHANGES_PROTEIN"] = json!(consequence.map(|found| found.changes_protein));
        }
    }

    fn side(self, protein: &Protein, variant: &VariantRow) -> Option<&'static str> {
        protein.gene.as_ref()?;
        let is_near = distance(protein, variant).is_some_and(|d| d.unsigned_abs() <= u64::from(self.window));
        Some(if is_near { "cis" } else { "trans" })
    }
}

/// The gene's symbol, else its key.
fn gene(protein: &Protein) -> Option<String> {
    let gene = protein.gene.as_ref()?;
    let name = if gene.name.is_empty() { &gene.id } else { &gene.name };
    (!name.is_empty()).then(|| name.clone())
}

fn distance(protein: &Protein, variant: &VariantRow) -> Option<i64> {
    tss_distance(protein.gene.as_ref()?, &variant.chrom, variant.pos)
}
