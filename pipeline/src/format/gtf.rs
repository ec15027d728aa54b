//! Genes of a GTF (GENCODE, Ensembl): records of the feature `gene`, and the genome build that the comments name.
//!
//! GTF 2.2: nine columns with tabs, positions from 1 and inclusive, attributes `key "value";`. GENCODE has the genes of the
//! pseudo-autosomal regions on X and again on Y, those with IDs that end in `_PAR_Y` (or begin with `ENSGR`): these are
//! left out, since whoever calls variants there calls them on X.

use std::path::Path;

use super::chromosome::Build;
use super::genes::{GeneFile, GeneFileError, GeneRecord, position, tss_of};
use super::table_text::LineReader;
use super::vcf_call::shown;
use crate::proteins::Strand;
use crate::report::words::count;

/// Columns of a GTF.
const COLUMNS: usize = 9;

/// Whether a line is a record: nine columns, of which the fourth and fifth are positions.
pub fn is_record(line: &[u8]) -> bool {
    let cells: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
    cells.len() >= COLUMNS - 1 && position(cells[3]).is_some() && position(cells[4]).is_some()
}

/// Reads the genes of a GTF.
///
/// # Errors
/// A gene without place or ID, with the line; no gene at all.
pub fn read(path: &Path) -> Result<GeneFile, GeneFileError> {
    let mut lines = LineReader::open(path)?;
    let name = lines.path().to_owned();
    let mut builds = BuildWords::default();
    let (mut genes, mut n_par, mut n_records) = (Vec::new(), 0_u64, 0_u64);
    loop {
        let line_number = lines.line_number() + 1;
        let Some(line) = lines.next_line()? else { break };
        if line.starts_with(b"#") {
            builds.look(line);
            continue;
        }
        if line.is_empty() {
            continue;
        }
        n_records += 1;
        let mut cells = line.splitn(COLUMNS, |&byte| byte == b'\t');
        if cells.nth(2) != Some(b"gene") {
            continue;
        }
        let gene = gene(line).map_err(|problem| GeneFileError::line(&name, line_number, problem))?;
        match is_par_y(&gene.id) {
            true => n_par += 1,
            false => genes.push(gene),
        }
    }
    if genes.is_empty() {
        let problem = format!(
            "{n_records} records and no gene among them: a GTF with records of the feature \"gene\" is wanted, as GENCODE \
             and Ensembl have it"
        );
        return Err(GeneFileError::file(&name, problem));
    }
    let build = builds.build();
    let mut message = format!("{name}: GTF, {}", count(genes.len() as u64, "gene"));
    if n_par > 0 {
        message += &format!(", {n_par} copies on Y of pseudo-autosomal genes left out");
    }
    message += &build.map_or(", genome build not named".to_owned(), |build| format!(", genome build {}", build.name()));
    Ok(GeneFile { genes, build, messages: vec![message] })
}

fn gene(line: &[u8]) -> Result<GeneRecord, String> {
    let cells: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
    if cells.len() != COLUMNS {
        return Err(format!("{} columns where a GTF has {COLUMNS}; is the line cut short?", cells.len()));
    }
    let at = |i: usize, what: &str| {
        position(cells[i]).ok_or_else(|| format!("column {}: {what} {} is not a position", i + 1, shown(cells[i])))
    };
    let (start, end) = (at(3, "start")?, at(4, "end")?);
    if start > end {
        return Err(format!("start {start} lies after end {end}"));
    }
    let strand = match cells[6] {
        b"+" => Strand::Plus,
        b"-" => Strand::Minus,
        b"." | b"?" => Strand::Unknown,
        other => return Err(format!("column 7: strand {} is none of +, - and .", shown(other))),
    };
    if cells[0].is_empty() {
        return Err("column 1: no chromosome".to_owned());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut gene = GeneRecord {
        chrom: text(cells[0]),
        start,
        end,
        tss: tss_of(start, end, strand),
        strand,
        ..GeneRecord::default()
    };
    for (key, value) in attributes(cells[8]) {
        match key {
            b"gene_id" => gene.id = text(value),
            b"gene_name" => gene.name = text(value),
            b"gene_type" | b"gene_biotype" => gene.biotype = text(value),
            _ => {}
        }
    }
    if gene.id.is_empty() {
        let problem = "column 9: a gene without gene_id \"...\"";
        let hint = if memchr::memchr(b'=', cells[8]).is_some() { "; this looks like GFF3: give the GTF" } else { "" };
        return Err(format!("{problem}{hint}"));
    }
    Ok(gene)
}

/// Keys and values of `key "value"; key 3; ...`; a `;` within quotes belongs to the value.
fn attributes(mut text: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut found = Vec::new();
    loop {
        text = text.trim_ascii_start();
        let Some(blank) = memchr::memchr(b' ', text) else { return found };
        let (key, rest) = (&text[..blank], text[blank..].trim_ascii_start());
        let (value, after) = match rest.strip_prefix(b"\"") {
            Some(quoted) => {
                let Some(end) = memchr::memchr(b'"', quoted) else { return found };
                (&quoted[..end], &quoted[end + 1..])
            }
            None => {
                let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
                (rest[..end].trim_ascii_end(), &rest[end..])
            }
        };
        found.push((key, value));
        let Some(next) = memchr::memchr(b';', after) else { return found };
        text = &after[next + 1..];
    }
}

fn is_par_y(id: &str) -> bool {
    id.ends_with("_PAR_Y") || id.starts_with("ENSGR")
}

/// What comments say of the genome.
#[derive(Default)]
struct BuildWords {
    b37: bool,
    b38: bool,
    /// "mapped to GRCh37": GENCODE's lifted releases name both.
    lifted_to_b37: bool,
}

impl BuildWords {
    fn look(&mut self, comment: &[u8]) {
        let text = String::from_utf8_lossy(comment).to_ascii_lowercase();
        let names = |words: [&str; 2]| words.iter().any(|word| text.contains(word));
        self.b37 |= names(["grch37", "hg19"]);
        self.b38 |= names(["grch38", "hg38"]);
        self.lifted_to_b37 |= text.contains("mapped to grch37");
    }

    fn build(&self) -> Option<Build> {
        match (self.b37, self.b38) {
            _ if self.lifted_to_b37 => Some(Build::B37),
            (true, false) => Some(Build::B37),
            (false, true) => Some(Build::B38),
            _ => None,
        }
    }
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

    const GENCODE: &str = "##description: evidence-based annotation of the human genome (GRCh38), version 38\n\
        chr1\tHAVANA\tgene\t100\t200\t.\t+\t.\tgene_id \"ENSG1.5\"; gene_type \"protein_coding\"; gene_name \"A;B\"; level 2;\n\
        chr1\tHAVANA\ttranscript\t100\t200\t.\t+\t.\tgene_id \"ENSG1.5\";\n\
        chrX\tHAVANA\tgene\t300\t400\t.\t-\t.\tgene_id \"ENSG2.1\"; gene_name \"PAR\";\n\
        chrY\tHAVANA\tgene\t300\t400\t.\t-\t.\tgene_id \"ENSG2.1_PAR_Y\"; gene_name \"PAR\";\n\
        chrY\tHAVANA\tgene\t300\t400\t.\t-\t.\tgene_id \"ENSGR0000002.1\"; gene_name \"PAR\";\n";

    #[test]
    fn genes_have_strand_aware_starts_and_par_copies_are_left_out() {
        let file = read_text(GENCODE).unwrap();
        assert_eq!(file.build, Some(Build::B38));
        let [a, x] = &file.genes[..] else { panic!("{:?}", file.genes) };
        assert_eq!((a.tss, a.strand, a.id.as_str(), a.name.as_str()), (100, Strand::Plus, "ENSG1.5", "A;B"));
        assert_eq!((a.biotype.as_str(), x.tss, x.strand), ("protein_coding", 400, Strand::Minus));
        assert!(file.messages[0].contains("2 genes, 2 copies on Y"), "{:?}", file.messages);
    }

    #[test]
    fn builds_are_read_from_comments() {
        let gene = "1\te\tgene\t1\t2\t.\t+\t.\tgene_id \"ENSG1\"; gene_biotype \"x\";\n";
        for (comment, build) in [
            ("#!genome-build GRCh37.p13\n", Some(Build::B37)),
            ("#!genome-build GRCh38.p14\n#!genome-version GRCh38\n", Some(Build::B38)),
            ("##description: the human genome (GRCh38), version 38, mapped to GRCh37 with backmap\n", Some(Build::B37)),
            ("##provider: GENCODE\n", None),
            ("", None),
        ] {
            assert_eq!(read_text(&format!("{comment}{gene}")).unwrap().build, build, "{comment}");
        }
    }

    #[test]
    fn wrong_lines_are_named() {
        let error = |line: &str| {
            let good = "1\te\tgene\t1\t2\t.\t+\t.\tgene_id \"E\";\n";
            let message = read_text(&format!("{good}{line}\n")).unwrap_err().to_string();
            message.split_once(": ").unwrap().1.to_owned()
        };
        assert_eq!(error("1\te\tgene\t0\t2\t.\t+\t.\tgene_id \"E\";"), "line 2: column 4: start '0' is not a position");
        assert_eq!(error("1\te\tgene\t9\t2\t.\t+\t.\tgene_id \"E\";"), "line 2: start 9 lies after end 2");
        assert!(error("1\te\tgene\t1\t2\t.\t*\t.\tgene_id \"E\";").contains("strand '*' is none"));
        assert!(error("1\te\tgene\t1\t2").contains("5 columns where a GTF has 9"));
        assert!(error("1\te\tgene\t1\t2\t.\t+\t.\tID=gene:E").contains("looks like GFF3"));
        let none = read_text("1\te\texon\t1\t2\t.\t+\t.\tgene_id \"E\";\n").unwrap_err().to_string();
        assert!(none.contains("1 records and no gene among them"), "{none}");
        assert!(read_text("##gff-version 3\n").unwrap_err().to_string().contains("this is GFF3"));
        assert!(read_text("").unwrap_err().to_string().contains("the file is empty"));
    }
}
