//! UniProt accessions to genes: a table of two columns, or UniProt's own idmapping file (accession, kind, value).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::genes::GeneFileError;
use super::table::{Delimiter, Row};
use super::table_cell::is_missing;
use super::table_text::{LineReader, TextError};
use crate::report::words::count;

/// Genes of each accession: Ensembl IDs and symbols as written.
pub type UniprotMap = BTreeMap<String, BTreeSet<String>>;

/// Kinds of idmapping that name a gene.
const KINDS: [&[u8]; 2] = [b"Gene_Name", b"Ensembl"];

/// Reads what the map says of the accessions in `wanted`; UniProt's own file has millions of others.
///
/// # Errors
/// A line that is neither; an empty file; with the line.
pub fn read(path: &Path, wanted: &BTreeSet<String>) -> Result<UniprotMap, GeneFileError> {
    let mut lines = LineReader::open(path)?;
    let name = lines.path().to_owned();
    let mut map = UniprotMap::new();
    let mut row = Row::default();
    let mut layout: Option<(Delimiter, usize)> = None;
    while let Some(line) = lines.next_content_line(true)? {
        let (delimiter, n_cells) = match layout {
            Some(layout) => layout,
            None => (Delimiter::sniff(line), 0),
        };
        let is_closed = row.split(line, delimiter);
        let line = lines.line_number();
        if layout.is_none() {
            layout = Some((delimiter, row.len()));
        }
        if !is_closed || !matches!(row.len(), 2 | 3) || (n_cells > 0 && row.len() != n_cells) {
            let problem = format!(
                "{}: two are wanted (accession, gene), or UniProt's idmapping with three (accession, kind, value)",
                count(row.len() as u64, "column")
            );
            return Err(GeneFileError::line(&name, line, problem));
        }
        if (row.len() == 3 && !KINDS.contains(&row.get(1))) || is_missing(row.get(row.len() - 1)) {
            continue;
        }
        let accession = String::from_utf8_lossy(row.get(0));
        if wanted.contains(accession.as_ref()) {
            let gene = String::from_utf8_lossy(row.get(row.len() - 1)).into_owned();
            map.entry(accession.into_owned()).or_default().insert(gene);
        }
    }
    match layout {
        None => Err(TextError::Empty { path: name }.into()),
        Some(_) => Ok(map),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read_text(text: &str) -> Result<Vec<String>, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let wanted = ["P1", "P2"].map(str::to_owned).into();
        let map = read(file.path(), &wanted).map_err(|error| error.to_string())?;
        Ok(map
            .iter()
            .map(|(key, genes)| format!("{key}:{}", genes.iter().cloned().collect::<Vec<_>>().join("+")))
            .collect())
    }

    #[test]
    fn both_layouts_are_read() {
        let idmapping = "P1\tUniProtKB-ID\tX_HUMAN\nP1\tGene_Name\tA\nP1\tEnsembl\tENSG1.4\nP9\tGene_Name\tZ\n";
        assert_eq!(read_text(idmapping).unwrap(), ["P1:A+ENSG1.4"]);
        assert_eq!(read_text("uniprot,gene\nP1,A\nP2,B\nP2,C\nP3,D\n").unwrap(), ["P1:A", "P2:B+C"]);
        assert!(read_text("P1\tA\nP2\n").unwrap_err().contains("line 2: 1 column: two are wanted"));
        assert!(read_text("\n").unwrap_err().contains("the file is empty"));
    }
}
