//! norna's HDF5 files. The layout of results.h5 is a contract (docs/formats.md); this is the only module that
//! names hdf5, so that what is in a file and how it is read stand side by side.

mod checked;
mod checksums;
mod cis;
mod cis_columns;
mod cis_reader;
mod cis_variants;
mod columns;
mod compact_columns;
mod depth;
mod depth_reader;
mod depth_windows;
mod digest;
mod error;
mod file;
mod growable;
mod heap;
mod mask_counts;
mod matrix;
mod proteins;
mod proteins_reader;
mod publish;
mod qc;
mod reader;
mod reader_lists;
mod schema;
mod scores;
mod sound;
mod text;
mod trait_places;
mod verify;
mod writer;

pub use cis::{CIS_FORMAT, CIS_FORMAT_VERSION, CisHeader, CisPhenotypeInfo, CisWriter};
pub use cis_reader::{CisReader, StoredPhenotype, StoredSignal};
pub use cis_variants::CisVariant;
pub use depth::{DEPTH_FORMAT, DEPTH_FORMAT_VERSION, DepthHeader, DepthSummary, DepthWindow, DepthWriter};
pub use depth_reader::DepthReader;
pub use depth_windows::StoredWindow;
pub use digest::content_digest;
pub use error::StoreError;
pub use file::{hdf5_version, is_individual_level};
pub use matrix::{BandWriter, Layout, MatrixPlace};
pub use proteins::{PROTEINS_FORMAT, PROTEINS_FORMAT_VERSION, ProteinsWriter};
pub use proteins_reader::ProteinsReader;
pub use publish::publish;
pub use qc::{Bins, TALLY_BINS, pairs_with_number};
pub use reader::{ResultsReader, StoredHit, StoredQc, StoredStatus};
pub use schema::{
    FORMAT, FORMAT_VERSION, Ledger, LedgerEntry, LedgerRole, LedgerTable, MAX_TRAITS, Qc, ResultsHeader, SizeRange,
    Store, TraitInfo, results_bytes,
};
pub use verify::{
    CisVerification, DepthVerification, Finding, Findings, Kind, ProteinsVerification, Verification, VerifyProgress,
    verify, verify_cis, verify_depth, verify_proteins,
};
pub use writer::{Extent, ResultsWriter};
