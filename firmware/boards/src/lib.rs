//! What the programs measure with.
#![no_std]

pub mod counter;
pub mod noise;
pub mod stack;
