//! For the other crates of this workspace only; it may change at any time.

pub mod gradients;
