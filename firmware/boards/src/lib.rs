//! What the programs do and measure.
#![no_std]

pub mod counter;
pub mod digits;
#[cfg(feature = "conv")] // streams
pub mod images;
pub mod noise;
pub mod outcome;
pub mod stack;
pub mod told;
