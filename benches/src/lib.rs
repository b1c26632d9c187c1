//! Workloads to be timed: products and convolutions of bits on every kernel of this CPU, the same
//! ones of floats, and float networks of the shapes of model files. The criterion benches and `bnn
//! bench` run the same [`Workload`]s.

mod convolution;
mod epilogues;
mod f32_gemm;
mod im2col;
mod network;
mod product;
mod workload;

pub use convolution::{CONVOLUTIONS, ConvShape, Convolution, DEPTHWISE};
pub use f32_gemm::F32Gemm;
pub use network::FloatNetwork;
pub use product::{PRODUCTS, Product};
pub use workload::{Contender, Form, Workload};

use bnn_core::Error;

/// The example of the README, run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Keeps this process to one thread from now on, apart from pools that are created later.
///
/// # Errors
/// If the process has used its thread pool already.
pub fn use_one_thread() -> Result<(), rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global()
}

/// `n` pseudo-random numbers of both signs, equal in every run.
#[must_use]
pub fn numbers(n: usize) -> Vec<f32> {
    let mut x = 0x9E37_79B9_7F4A_7C15_u64;
    (0..n)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            (x >> 40) as f32 - 8_388_608.0
        })
        .collect()
}

/// A matrix `[rows, cols]` of `+1` and `-1`, of which floats and bits compute equal results.
fn signs(what: &'static str, rows: usize, cols: usize) -> Result<Vec<f32>, Error> {
    let numbers = numbers(elements(what, rows, cols)?);
    Ok(numbers.iter().map(|x| x.signum()).collect())
}

/// The number of elements of a matrix, which is at most 1 GiB of floats.
fn elements(what: &'static str, rows: usize, cols: usize) -> Result<usize, Error> {
    let (max, found) = (1 << 28, rows.saturating_mul(cols));
    match found {
        0 => Err(Error::Zero { what }),
        _ if found > max => Err(Error::OutOfRange { what, max, found }),
        _ => Ok(found),
    }
}
