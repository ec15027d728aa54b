//! Genes of a plain table with a header: what BioMart, R or a spreadsheet give. Positions count from 1.

use std::path::Path;

use super::genes::{GeneFile, GeneFileError, GeneRecord, position, tss_of};
use super::table::{Row, TableReader};
use super::table_cell::is_missing;
use super::vcf_call::shown;
use crate::proteins::Strand;
use crate::report::words::count;

/// Names of columns, without case, blanks, dots and underscores.
const CHROM: &[&str] = &["chrom", "chr", "chromosome", "chromosomename", "chromosome/scaffoldname", "seqname", "seqid"];
const START: &[&str] = &["start", "genestart", "genestart(bp)", "startposition", "chromstart", "txstart"];
const END: &[&str] = &["end", "geneend", "geneend(bp)", "endposition", "chromend", "txend"];
const TSS: &[&str] = &["tss", "transcriptionstartsite", "transcriptionstartsite(tss)", "tssposition", "genetss"];
const STRAND: &[&str] = &["strand", "genestrand"];
const ID: &[&str] =
    &["geneid", "ensembl", "ensemblid", "ensemblgeneid", "ensg", "genestableid", "genestableidversion", "ensgid"];
const NAME: &[&str] =
    &["genename", "symbol", "genesymbol", "gene", "hgncsymbol", "externalgenename", "entrezgenesymbol", "hgnc"];
const BIOTYPE: &[&str] = &["genetype", "genebiotype", "biotype"];
const UNIPROT: &[&str] = &[
    "uniprot",
    "uniprotid",
    "uniprotac",
    "uniprotaccession",
    "uniprotswissprot",
    "uniprotkb/swissprotid",
    "accession",
];
const PROTEIN: &[&str] = &["protein", "proteinid", "olinkid", "seqid", "assayid", "phenotypeid", "traitid", "aptamer"];

struct Columns {
    chrom: usize,
    start: Option<usize>,
    end: Option<usize>,
    tss: Option<usize>,
    strand: Option<usize>,
    texts: [Option<usize>; 5],
}

impl Columns {
    fn find(path: &str, header: &[String]) -> Result<Self, GeneFileError> {
        let plain = |name: &String| {
            let name = name.trim_start_matches('#').to_ascii_lowercase();
            name.replace([' ', '_', '.', '-'], "")
        };
        let names: Vec<String> = header.iter().map(plain).collect();
        let find = |known: &[&str]| known.iter().find_map(|&known| names.iter().position(|name| name == known));
        let chrom = find(CHROM);
        let found = Self {
            chrom: chrom.unwrap_or(0),
            start: find(START),
            end: find(END),
            tss: find(TSS),
            strand: find(STRAND),
            texts: [ID, NAME, BIOTYPE, UNIPROT, PROTEIN].map(|known| find(known).filter(|&i| Some(i) != chrom)),
        };
        let has_place = found.tss.is_some() || (found.start.is_some() && found.end.is_some());
        let has_key = [0, 1, 3, 4].into_iter().any(|key| found.texts[key].is_some());
        if chrom.is_some() && has_place && has_key {
            return Ok(found);
        }
        // Not one word of it: a file of samples may have been given by mistake.
        let missing = [
            (chrom.is_some(), "chrom"),
            (has_place, "tss (or start, end and strand)"),
            (has_key, "a key (gene_name, gene_id, uniprot or protein)"),
        ];
        let missing: Vec<&str> = missing.iter().filter(|(is_there, _)| !is_there).map(|(_, what)| *what).collect();
        let problem = format!(
            "neither a GTF nor a table of genes: a header is wanted with chrom, with tss (or start, end and strand), and \
             with a key (gene_name, gene_id, uniprot or protein); its first line, of {}, is without {}",
            count(header.len() as u64, "column"),
            missing.join(", ")
        );
        Err(GeneFileError::file(path, problem))
    }
}

/// Reads the genes of a table. Rows without a place (NA) are left out and counted.
///
/// # Errors
/// Columns that are not there; a place that is none, with the line.
pub fn read(path: &Path) -> Result<GeneFile, GeneFileError> {
    let mut table = TableReader::open(path)?;
    let name = table.path().to_owned();
    let columns = Columns::find(&name, table.header())?;
    let header = table.header().to_vec();
    let (mut genes, mut n_without, mut n_strandless) = (Vec::new(), 0_u64, 0_u64);
    let mut row = Row::default();
    while table.next_row(&mut row)? {
        let gene = gene(&row, &columns, &header);
        match gene.map_err(|problem| GeneFileError::line(&name, table.line_number(), problem))? {
            Some(gene) => {
                n_strandless += u64::from(gene.strand == Strand::Unknown && columns.tss.is_none());
                genes.push(gene);
            }
            None => n_without += 1,
        }
    }
    let mut message = format!("{name}: table of {}, genome build not named", count(genes.len() as u64, "gene"));
    if n_without > 0 {
        message += &format!(", {} without a place left out", count(n_without, "row"));
    }
    if n_strandless > 0 {
        message += &format!(", {} without a strand taken as on +", count(n_strandless, "gene"));
    }
    Ok(GeneFile { genes, build: None, messages: vec![message] })
}

fn gene(row: &Row, columns: &Columns, header: &[String]) -> Result<Option<GeneRecord>, String> {
    let is_absent = |i: Option<usize>| i.is_some_and(|i| is_missing(row.get(i)));
    if is_missing(row.get(columns.chrom)) || is_absent(columns.tss.or(columns.start)) {
        return Ok(None);
    }
    let at = |i: usize| {
        let wrong = || format!("{} {} is not a position from 1", header[i], shown(row.get(i)));
        position(row.get(i)).ok_or_else(wrong)
    };
    let strand = match columns.strand.map_or(&b""[..], |i| row.get(i)) {
        b"+" | b"1" | b"+1" => Strand::Plus,
        b"-" | b"-1" => Strand::Minus,
        cell if is_missing(cell) || cell == b"*" || cell == b"?" => Strand::Unknown,
        other => return Err(format!("strand {} is none of +, -, 1 and -1", shown(other))),
    };
    let (start, end, tss) = match (columns.tss, columns.start.zip(columns.end)) {
        (tss, Some((start, end))) => {
            let (start, end) = (at(start)?, at(end)?);
            if start > end {
                return Err(format!("start {start} lies after end {end}"));
            }
            (start, end, tss.map(at).transpose()?.unwrap_or_else(|| tss_of(start, end, strand)))
        }
        (Some(tss), None) => (at(tss)?, at(tss)?, at(tss)?),
        (None, None) => return Ok(None),
    };
    let text = |i: Option<usize>| {
        let cell = i.map_or(&b""[..], |i| row.get(i));
        if is_missing(cell) { String::new() } else { String::from_utf8_lossy(cell).into_owned() }
    };
    let [id, name, biotype, uniprot, protein] = columns.texts.map(text);
    let chrom = text(Some(columns.chrom));
    Ok(Some(GeneRecord { chrom, start, end, tss, strand, id, name, biotype, uniprot, protein }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read_text(text: &str) -> Result<GeneFile, GeneFileError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        super::super::genes::read(file.path())
    }

    #[test]
    fn tables_of_people_are_read() {
        let biomart = "Gene stable ID,Gene name,Chromosome/scaffold name,Gene start (bp),Gene end (bp),Strand\n\
            ENSG1,A,1,10,20,1\nENSG2,,X,30,40,-1\n";
        let genes = read_text(biomart).unwrap().genes;
        assert_eq!(genes.iter().map(|gene| gene.tss).collect::<Vec<_>>(), [10, 40]);
        assert_eq!((genes[1].id.as_str(), genes[1].name.as_str(), genes[1].chrom.as_str()), ("ENSG2", "", "X"));
        let own = "OlinkID\tUniProt\tsymbol\t#chr\ttss\nOID1\tP1;P2\tG\tchr2\t77\nOID2\tP3\tH\tNA\tNA\n";
        let file = read_text(own).unwrap();
        let [gene] = &file.genes[..] else { panic!("{:?}", file.genes) };
        assert_eq!((gene.tss, gene.uniprot.as_str(), gene.protein.as_str()), (77, "P1;P2", "OID1"));
        assert!(file.messages[0].contains("1 row without a place"), "{:?}", file.messages);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text: &str| read_text(text).unwrap_err().to_string();
        assert!(error("gene\tchr\nA\t1\n").contains("a header is wanted with chrom, with tss"));
        let samples = error("SUBJA\tSUBJ1\nSUBJB\tSUBJ2\n");
        assert!(samples.contains("of 2 columns, is without chrom, tss") && !samples.contains("SUBJ"), "{samples}");
        assert!(error("gene chr tss\nA 1 0\n").contains("line 2: tss '0' is not a position"));
        assert!(error("gene chr start end strand\nA 1 5 9 x\n").contains("line 2: strand 'x'"));
        assert!(error("gene chr start end\nA 1 9 5\n").contains("start 9 lies after end 5"));
    }
}
