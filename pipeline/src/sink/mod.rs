//! The spool of finished rows and what turns it into a store.

pub mod rows;
