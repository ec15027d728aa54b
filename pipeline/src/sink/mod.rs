//! The spool of finished rows and what turns it into a store.

pub mod bytes;
pub mod codec;
pub mod frame;
pub mod index;
pub mod rows;
pub mod scan;
pub mod spool;
pub mod spool_index;
pub mod spool_reader;
pub mod tally;
