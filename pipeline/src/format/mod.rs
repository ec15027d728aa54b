//! One file format per file, read and written.

pub mod bgzip;
pub mod loco;
pub mod sample_list;
pub mod sex;
pub mod table;
pub mod table_cell;
pub mod table_text;
