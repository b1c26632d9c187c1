//! Convolutions and pools: values and gradients against their definitions, for every option.

mod convolutions;
mod definition;
mod gradients;
mod networks;
mod pooled;
mod pools;
mod vectors;
