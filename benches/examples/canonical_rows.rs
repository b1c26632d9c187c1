//! Times products of two bit matrices whose right side is in canonical rows beside those with
//! `PackedWeights`, in turns on one thread. `BNN_ISA` chooses the kernel.
//!
//! `canonical_rows [ROUNDS]` prints a table: 10^9 operations (2 * m * n * k) per second, best of
//! the rounds.

use std::error::Error;
use std::time::Instant;

use bnn_benches::use_one_thread;
use bnn_core::{BitMatrix, Kernel, PackedWeights, gemm_i32};

/// `[m, n, k]`.
const SHAPES: [[usize; 3]; 9] = [
    [64, 512, 512],
    [64, 1000, 1000],
    [64, 1024, 1024],
    [64, 4096, 4096],
    [64, 8192, 8192],
    [128, 1024, 1024],
    [128, 4096, 4096],
    [256, 1024, 1024],
    [1024, 1024, 1024],
];

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().nth(1).map_or(Ok(300), |n| n.parse())?;
    use_one_thread()?;
    println!("kernel {}, Gop/s", Kernel::active()?.isa().name());
    println!("| m x n x k | packed weights | canonical rows | ratio |");
    println!("| --- | --- | --- | --- |");
    for [m, n, k] in SHAPES {
        let (a, rows) = (noise(m, k, 1)?, noise(n, k, 2)?);
        let packed = PackedWeights::new(rows.view())?;
        let mut out = vec![0; m * n];
        let mut best = [f64::INFINITY; 2];
        for _ in 0..rounds {
            let start = Instant::now();
            gemm_i32(a.view(), &packed, &mut out, n)?;
            best[0] = best[0].min(start.elapsed().as_secs_f64());
            let start = Instant::now();
            gemm_i32(a.view(), rows.view(), &mut out, n)?;
            best[1] = best[1].min(start.elapsed().as_secs_f64());
        }
        let speed = best.map(|seconds| 2e-9 * (m * n * k) as f64 / seconds);
        println!(
            "| {m} x {n} x {k} | {:.0} | {:.0} | {:.2} |",
            speed[0],
            speed[1],
            speed[1] / speed[0]
        );
    }
    Ok(())
}

/// A matrix of signs without a pattern.
fn noise(rows: usize, cols: usize, seed: usize) -> Result<BitMatrix, bnn_core::Error> {
    let numbers = (seed..).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40 & 1);
    let signs: Vec<f32> = numbers.take(rows * cols).map(|b| b as f32 - 0.5).collect();
    BitMatrix::pack(&signs, rows, cols)
}
