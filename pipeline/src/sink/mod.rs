//! The spool of finished rows and what turns it into a store.

pub mod codec;
pub mod frame;
pub mod rows;
pub mod spool;
