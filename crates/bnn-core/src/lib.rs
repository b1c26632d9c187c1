//! Binary neural networks on bits: weights and activations in {-1, +1}, one bit each.
//!
//! `bnn-core` packs numbers to bits, multiplies packed matrices with XNOR-popcount kernels, and
//! runs trained models in place from a byte slice (a file, or flash memory). It is `no_std`, needs
//! no allocator, and its public functions return typed [`Error`]s; none of them panics.
//!
//! # The two laws
//! - **Sign law**: `sign(x) = +1` where `x >= 0`, else `-1`. So `-0.0` gives `+1` and NaN gives
//!   `-1`.
//! - **Bit law**: bit 1 means `+1`. Element `j` of a row is bit `j % 64` of word `j / 64`, least
//!   significant first; words are `u64`, stored little-endian; every row starts on a word; the bits
//!   after the last element of a row are zero. For two rows of `k` elements,
//!   `dot = k - 2 * popcount(a ^ b)`.
//!
//! # Example
//! ```
//! use bnn_core::prelude::*;
//!
//! # fn main() -> Result<(), bnn_core::Error> {
//! let x = BitMatrix::pack(&[0.5_f32, -2.0, 0.0], 1, 3)?; // + - +
//! let w = BitMatrix::pack(&[1.0_f32, 1.0, 1.0, -1.0, 1.0, -1.0], 2, 3)?;
//! let w = PackedWeights::new(w.view())?; // laid out for this CPU's kernel, once
//! let mut y = [0_i32; 2];
//! gemm_i32(x.view(), &w, &mut y, 2)?;
//! assert_eq!(y, [1, -3]);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! - `std` (default): run-time CPU detection, the `BNN_ISA` variable, threads by `rayon`.
//! - `conv`: model files with convolutions and pools; `alloc` has it too.
//! - `graph`: model files that are graphs, with numbers beside the bits; `float`: graphs with
//!   `f32`, not fixed point alone. `alloc` has both.
//! - `learn`: a last layer that learns on the device; `alloc` has it too.
//! - `alloc`: owned `BitMatrix`, `PackedWeights`, `conv::PackedFilters` and the model writer.
//! - neither: views over borrowed words, products with canonical weights, the model reader and
//!   runner.

#![cfg_attr(not(feature = "std"), no_std)]
// Says beside each item which feature it is of.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(target_endian = "big")]
compile_error!(
    "bnn-core reads packed words and model files in place as little-endian; big-endian targets are not supported"
);

#[cfg(feature = "alloc")]
mod aligned;
mod bits;
#[cfg(feature = "conv")]
pub mod conv;
mod error;
#[cfg(feature = "alloc")]
mod f32_product;
mod gemm;
#[doc(hidden)]
pub mod internal;
mod kernel;
#[cfg(feature = "learn")]
pub mod learn;
#[cfg(feature = "alloc")]
mod memory;
pub mod model;
#[cfg(all(test, feature = "alloc"))]
mod noise;
#[cfg(feature = "alloc")]
mod ordered;
mod pack;
mod planes;
pub mod prelude;
#[doc(hidden)]
pub mod reference;
mod shape;
#[cfg(feature = "alloc")]
mod vote;
#[cfg(feature = "conv")]
mod window;

pub use bits::{BitMatrixView, BitMatrixViewMut};
pub use error::{Error, ShortName};
pub use gemm::{Activations, Thresholds, Weights, gemm_bits, gemm_f32, gemm_i32};
pub use kernel::{Isa, Kernel};
pub use pack::{Number, pack, pack_threshold, pack_where, unpack};
pub use planes::Planes;
pub use shape::{matrix_words, row_words};
#[cfg(feature = "alloc")]
pub use {
    bits::BitMatrix,
    gemm::{FloatRows, PackedWeights},
};

/// The example of the README, compiled.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
struct Readme;
