//! A matrix ready to be tested, out of whatever file holds one.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::ProteinsError;
use super::matrix::{Protein, ProteinMatrix};
use super::raw::RawTable;
use crate::format::proteins::phenotype_bed;
use crate::store::ProteinsReader;

/// Begins every HDF5 file without a user block.
const HDF5: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// Opens a proteins.h5, or a BED of phenotypes (FastQTL, QTLtools, tensorQTL; plain, gzip or bgzip) as it is. What may
/// surprise in a BED is logged.
///
/// # Errors
/// The file is neither, or is damaged.
pub fn open(path: &Path) -> Result<ProteinMatrix, ProteinsError> {
    let mut start = [0; HDF5.len()];
    let is_hdf5 = File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == HDF5;
    if is_hdf5 {
        return Ok(ProteinsReader::open(path)?.matrix()?);
    }
    let table = phenotype_bed::read(path)?;
    table.messages.iter().for_each(|message| log::info!("{message}"));
    table.warnings.iter().for_each(|warning| log::warn!("{warning}"));
    Ok(as_it_is(table))
}

/// The matrix of a table in which each sample was measured once.
fn as_it_is(table: RawTable) -> ProteinMatrix {
    let protein = |raw: super::raw::RawProtein| {
        let (panel, below_lod) = (String::new(), f32::NAN);
        Protein { id: raw.id, name: raw.name, uniprot: raw.uniprot, panel, gene: raw.gene, below_lod }
    };
    ProteinMatrix {
        samples: table.measurements.into_iter().map(|measurement| measurement.sample).collect(),
        proteins: table.proteins.into_iter().map(protein).collect(),
        values: table.values,
        covariates: Vec::new(),
        build: None,
    }
}
