//! What a variant does to genes, as VEP (INFO/CSQ) and SnpEff (INFO/ANN) write it: entries between commas, their fields between
//! bars, several terms of the Sequence Ontology joined by `&`.
//!
//! VEP tells the order of fields in the header ("Format: Allele|Consequence|..."); SnpEff's is fixed ("Variant annotations in VCF
//! format", 1.0). VEP writes an allele of an indel without the base that all alleles of the record begin with, `-` for nothing.

/// Terms, most severe first (Ensembl's order, SnpEff's own terms beside those that they are kinds of), and whether the protein
/// is another one then: by substitution, length, or splicing.
const TERMS: [(&str, bool); 60] = [
    ("transcript_ablation", true),
    ("chromosome_number_variation", false),
    ("exon_loss_variant", true),
    ("splice_acceptor_variant", true),
    ("splice_donor_variant", true),
    ("stop_gained", true),
    ("frameshift_variant", true),
    ("stop_lost", true),
    ("start_lost", true),
    ("initiator_codon_variant", true),
    ("gene_fusion", true),
    ("bidirectional_gene_fusion", true),
    ("transcript_amplification", false),
    ("feature_elongation", true),
    ("feature_truncation", true),
    ("disruptive_inframe_insertion", true),
    ("disruptive_inframe_deletion", true),
    ("conservative_inframe_insertion", true),
    ("conservative_inframe_deletion", true),
    ("inframe_insertion", true),
    ("inframe_deletion", true),
    ("rare_amino_acid_variant", true),
    ("missense_variant", true),
    ("protein_altering_variant", true),
    ("splice_donor_5th_base_variant", false),
    ("splice_region_variant", false),
    ("splice_donor_region_variant", false),
    ("splice_polypyrimidine_tract_variant", false),
    ("incomplete_terminal_codon_variant", false),
    ("5_prime_UTR_premature_start_codon_gain_variant", false),
    ("start_retained_variant", false),
    ("stop_retained_variant", false),
    ("synonymous_variant", false),
    ("coding_sequence_variant", false),
    ("mature_miRNA_variant", false),
    ("5_prime_UTR_truncation", false),
    ("3_prime_UTR_truncation", false),
    ("5_prime_UTR_variant", false),
    ("3_prime_UTR_variant", false),
    ("non_coding_transcript_exon_variant", false),
    ("exon_variant", false),
    ("conserved_intron_variant", false),
    ("intron_variant", false),
    ("NMD_transcript_variant", false),
    ("non_coding_transcript_variant", false),
    ("coding_transcript_variant", false),
    ("transcript_variant", false),
    ("gene_variant", false),
    ("intragenic_variant", false),
    ("upstream_gene_variant", false),
    ("downstream_gene_variant", false),
    ("TFBS_ablation", false),
    ("TFBS_amplification", false),
    ("TF_binding_site_variant", false),
    ("regulatory_region_ablation", false),
    ("regulatory_region_amplification", false),
    ("regulatory_region_variant", false),
    ("intergenic_variant", false),
    ("intergenic_region", false),
    ("sequence_feature", false),
];

/// Every name that a consequence has in a file, by its code: none, the known terms, and one for all others.
pub fn code_names() -> Vec<&'static str> {
    let known = TERMS.iter().map(|(name, _)| *name);
    std::iter::once("none").chain(known).chain(std::iter::once(OTHER)).collect()
}

const OTHER: &str = "other";
const OTHER_CODE: u8 = TERMS.len() as u8 + 1;

/// The most severe consequence of a variant for a gene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consequence {
    code: u8,
    /// Whether any of its consequences changes the protein.
    pub changes_protein: bool,
}

/// What variants do, one after the other; `None` where nothing is known.
pub type Consequences = Vec<Option<Consequence>>;

impl Consequence {
    /// From its code; `None` for 0 and beyond the last.
    pub fn from_code(code: u8, changes_protein: bool) -> Option<Self> {
        (1..=OTHER_CODE).contains(&code).then_some(Self { code, changes_protein })
    }

    /// Its place in [`code_names`].
    pub fn code(self) -> u8 {
        self.code
    }

    /// Term of the Sequence Ontology, or "other".
    pub fn term(self) -> &'static str {
        TERMS.get(usize::from(self.code).wrapping_sub(1)).map_or(OTHER, |(name, _)| name)
    }

    fn of_term(term: &[u8]) -> Self {
        let found = TERMS.iter().position(|(name, _)| name.as_bytes() == term);
        found.map_or(Self { code: OTHER_CODE, changes_protein: false }, |at| Self {
            code: at as u8 + 1,
            changes_protein: TERMS[at].1,
        })
    }

    fn with(self, other: Self) -> Self {
        Self { code: self.code.min(other.code), changes_protein: self.changes_protein || other.changes_protein }
    }
}

/// Who wrote the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Vep,
    SnpEff,
}

/// Where an entry has what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsequenceLayout {
    /// INFO key.
    pub key: String,
    writer: Writer,
    allele: usize,
    terms: usize,
    /// Fields that name the gene.
    genes: Vec<usize>,
    /// Number of the ALT allele, from 1.
    allele_num: Option<usize>,
    /// Fields that an entry must have.
    n_least: usize,
}

/// The alleles of a record, and the one that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Alleles<'a> {
    /// REF.
    pub reference: &'a str,
    /// ALT alleles.
    pub alternates: &'a [String],
    /// Which of them.
    pub alt_idx: usize,
}

impl ConsequenceLayout {
    /// From an INFO line of the header; `None` where it is none of these, or does not tell its fields.
    pub fn new(id: &str, description: &str) -> Option<Self> {
        let (writer, names): (Writer, Vec<&str>) = match id {
            "CSQ" | "vep" => {
                let (_, format) = description.split_once("Format:")?;
                (Writer::Vep, format.trim().trim_matches(['"', '\'']).split('|').map(str::trim).collect())
            }
            "ANN" => (Writer::SnpEff, vec!["Allele", "Consequence", "IMPACT", "SYMBOL", "Gene"]),
            _ => return None,
        };
        let at = |name: &str| names.iter().position(|known| known.eq_ignore_ascii_case(name));
        let (allele, terms) = (at("Allele")?, at("Consequence")?);
        let genes: Vec<usize> = ["SYMBOL", "Gene"].into_iter().filter_map(at).collect();
        let last = genes.iter().copied().max()?.max(allele).max(terms);
        Some(Self { key: id.to_owned(), writer, allele, terms, genes, allele_num: at("ALLELE_NUM"), n_least: last + 1 })
    }

    /// The most severe consequence that a value tells of an allele for a gene, by any of its names; and how many entries could
    /// not be taken apart.
    pub fn find(&self, value: &[u8], alleles: Alleles<'_>, genes: &[&str]) -> (Option<Consequence>, u64) {
        let (mut found, mut n_broken) = (None::<Consequence>, 0);
        let wanted = Wanted::new(self.writer, alleles);
        let most = self.allele_num.unwrap_or(0).max(self.n_least - 1) + 1;
        let mut fields: Vec<&[u8]> = Vec::with_capacity(most);
        for entry in value.split(|&byte| byte == b',') {
            fields.clear();
            fields.extend(entry.split(|&byte| byte == b'|').take(most));
            if fields.len() < self.n_least || fields[self.terms].is_empty() {
                n_broken += 1;
                continue;
            }
            let number = self.allele_num.and_then(|at| fields.get(at)).filter(|_| alleles.alternates.len() > 1);
            let is_allele = match number.and_then(|number| std::str::from_utf8(number).ok()?.parse::<usize>().ok()) {
                Some(number) => number == alleles.alt_idx + 1,
                None => wanted.is(fields[self.allele]),
            };
            if is_allele && self.genes.iter().any(|&at| genes.iter().any(|gene| is_gene(fields[at], gene))) {
                for term in fields[self.terms].split(|&byte| byte == b'&') {
                    let one = Consequence::of_term(term);
                    found = Some(found.map_or(one, |found| found.with(one)));
                }
            }
        }
        (found, n_broken)
    }
}

/// How an allele may be written in an entry.
struct Wanted<'a> {
    as_written: &'a [u8],
    /// Without the first base, where VEP leaves it out.
    trimmed: Option<&'a [u8]>,
    /// There is but one, and it is no sequence: entries can be of no other.
    any: bool,
}

impl<'a> Wanted<'a> {
    fn new(writer: Writer, alleles: Alleles<'a>) -> Self {
        let as_written = alleles.alternates[alleles.alt_idx].as_bytes();
        let is_sequence = |allele: &[u8]| allele.iter().all(u8::is_ascii_alphabetic);
        let any = alleles.alternates.len() == 1 && !is_sequence(as_written);
        let reference = alleles.reference.as_bytes();
        let others = || alleles.alternates.iter().map(|alt| alt.as_bytes()).filter(|alt| is_sequence(alt));
        let is_indel = others().any(|alt| alt.len() != reference.len());
        let is_shared = others().all(|alt| alt.first() == reference.first());
        let trims = writer == Writer::Vep && is_indel && is_shared && is_sequence(as_written);
        let trimmed = as_written.get(1..).map(|rest| if rest.is_empty() { b"-" } else { rest });
        Self { as_written, trimmed: trimmed.filter(|_| trims), any }
    }

    fn is(&self, allele: &[u8]) -> bool {
        match self.trimmed {
            _ if self.any => true,
            Some(trimmed) => allele == trimmed,
            None => allele == self.as_written,
        }
    }
}

/// Whether a field names the gene; the version of an Ensembl ID does not count.
fn is_gene(field: &[u8], gene: &str) -> bool {
    let (gene, field) = (without_version(gene.as_bytes()), without_version(field));
    !gene.is_empty() && gene.eq_ignore_ascii_case(field)
}

fn without_version(name: &[u8]) -> &[u8] {
    let dot = memchr::memchr(b'.', name).filter(|_| name.starts_with(b"ENS"));
    &name[..dot.unwrap_or(name.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vep() -> ConsequenceLayout {
        let description = "Consequence annotations from Ensembl VEP. Format: Allele|Consequence|IMPACT|SYMBOL|Gene|Feature|ALLELE_NUM";
        ConsequenceLayout::new("CSQ", description).unwrap()
    }

    fn find(
        layout: &ConsequenceLayout,
        value: &str,
        reference: &str,
        alternates: &[&str],
        alt_idx: usize,
        gene: &str,
    ) -> String {
        let alternates: Vec<String> = alternates.iter().map(|&alt| alt.to_owned()).collect();
        let alleles = Alleles { reference, alternates: &alternates, alt_idx };
        let (found, n_broken) = layout.find(value.as_bytes(), alleles, &[gene]);
        let found = found.map_or("none".to_owned(), |c| format!("{} {}", c.term(), c.changes_protein));
        format!("{found} {n_broken}")
    }

    #[test]
    fn the_most_severe_term_of_the_gene_and_allele_counts() {
        let value = "T|intron_variant|MODIFIER|IL6|ENSG01|t1|1,T|splice_region_variant&synonymous_variant|LOW|IL6|ENSG01|t2|1,\
                     T|missense_variant|MODERATE|OTHER|ENSG02|t3|1,G|stop_gained|HIGH|IL6|ENSG01|t1|2";
        assert_eq!(find(&vep(), value, "A", &["T"], 0, "IL6"), "splice_region_variant false 0");
        assert_eq!(find(&vep(), value, "A", &["T", "G"], 1, "ENSG01.7"), "stop_gained true 0");
        assert_eq!(find(&vep(), value, "A", &["T"], 0, "OTHER"), "missense_variant true 0");
        assert_eq!(find(&vep(), value, "A", &["T"], 0, "IL"), "none 0");
        assert_eq!(find(&vep(), value, "A", &["C"], 0, "IL6"), "none 0");
    }

    #[test]
    fn indels_are_named_as_their_writer_does() {
        let vep = ConsequenceLayout::new("CSQ", "Format: Consequence|Allele|Gene").unwrap();
        assert_eq!(find(&vep, "frameshift_variant|-|G1", "CA", &["C"], 0, "G1"), "frameshift_variant true 0");
        assert_eq!(find(&vep, "inframe_insertion|AAA|G1", "C", &["CAAA"], 0, "G1"), "inframe_insertion true 0");
        // Trimmed, the second allele is A, which the first is as written.
        let two = "frameshift_variant|-|G1,intron_variant|A|G1";
        assert_eq!(find(&vep, two, "AC", &["A", "AA"], 0, "G1"), "frameshift_variant true 0");
        assert_eq!(find(&vep, two, "AC", &["A", "AA"], 1, "G1"), "intron_variant false 0");
        assert_eq!(
            find(&vep, "transcript_ablation|deletion|G1", "A", &["<DEL>"], 0, "G1"),
            "transcript_ablation true 0"
        );
        let ann = ConsequenceLayout::new("ANN", "Functional annotations").unwrap();
        let value = "CAAA|conservative_inframe_insertion|MODERATE|IL6|ENSG01|transcript|t1|protein_coding";
        assert_eq!(find(&ann, value, "C", &["CAAA"], 0, "IL6"), "conservative_inframe_insertion true 0");
    }

    #[test]
    fn broken_entries_are_counted_and_unknown_terms_told() {
        let value = "T|missense_variant,T||MODERATE|IL6|ENSG01|t,,T|novel_term|X|IL6|ENSG01|t";
        assert_eq!(find(&vep(), value, "A", &["T"], 0, "IL6"), "other false 3");
        assert!(ConsequenceLayout::new("CSQ", "no order").is_none());
        assert!(ConsequenceLayout::new("CSQ", "Format: Allele|Consequence").is_none());
        assert!(ConsequenceLayout::new("AF", "Format: Allele|Consequence|Gene").is_none());
    }

    #[test]
    fn codes_come_back() {
        assert_eq!(code_names().len(), usize::from(OTHER_CODE) + 1);
        for code in 1..=OTHER_CODE {
            let one = Consequence::from_code(code, true).unwrap();
            assert_eq!(code_names()[usize::from(one.code())], one.term());
        }
        assert!(Consequence::from_code(0, false).is_none() && Consequence::from_code(OTHER_CODE + 1, false).is_none());
    }
}
