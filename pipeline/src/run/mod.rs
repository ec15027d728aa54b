//! Where the stages meet.

pub mod schedule;
