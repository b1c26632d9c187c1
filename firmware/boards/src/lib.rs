//! What the programs measure and check with.
#![no_std]

pub mod counter;
pub mod stack;
pub mod vectors;
