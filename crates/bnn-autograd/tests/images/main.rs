//! Convolutions and pools: values and gradients against their definitions, for every option.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod convolutions;
mod definition;
mod gradients;
mod networks;
mod pools;
mod vectors;
