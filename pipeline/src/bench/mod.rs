//! What a machine does, measured with the product's own code: the stages of a run, and the machine's limits beside them.

pub mod card;
