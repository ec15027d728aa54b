//! What was run, on what, by what: kept in every HDF5 file so that it can be run again, and compared with another run.

mod inputs;
mod record;

pub use inputs::{Found, InputCheck, check_inputs};
pub use record::{Recorded, Stages, host, kept_in, mpi_of};
