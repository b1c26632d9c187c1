//! What the programs do and measure.
#![no_std]

pub mod counter;
pub mod digits;
pub mod noise;
pub mod outcome;
pub mod stack;
pub mod told;
