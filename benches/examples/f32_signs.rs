//! Times products of `f32` with signs, as the backward pass of binary layers needs them, beside
//! those of two libraries for `f32`, in turns on one thread. `BNN_ISA` chooses the kernel.
//!
//! `f32_signs [ROUNDS]` prints a table: 10^9 operations (2 * m * n * k) per second, best of the
//! rounds.

use std::error::Error;
use std::time::Instant;

use bnn_benches::{F32Gemm, use_one_thread};
use bnn_core::internal::{F32Product, F32Right, F32Rows};
use bnn_core::{BitMatrix, Kernel};

/// `[m, n, k]`.
const SHAPES: [[usize; 3]; 6] = [
    [128, 1024, 1024],
    [1024, 1024, 128],
    [1024, 1024, 1024],
    [64, 1024, 1024],
    [64, 288, 1568],
    [10, 1024, 128],
];

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().nth(1).map_or(Ok(30), |n| n.parse())?;
    use_one_thread()?;
    println!("kernel {}, Gop/s", Kernel::active()?.isa().name());
    println!(
        "| m x n x k | rows times signs | columns times signs | matrixmultiply | rten-gemm | ratio to the faster |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for [m, n, k] in SHAPES {
        let noise = |len: usize, seed: usize| -> Vec<f32> {
            let numbers = (0..len).map(|i| (i + seed).wrapping_mul(0x9E37_79B9) >> 7 & 0xFFFF);
            numbers.map(|x| x as f32 / 32768.0 - 1.0).collect()
        };
        let (a, b) = (noise(m * k, 1), noise(k * n, 2));
        let bits = BitMatrix::pack(&b, k, n)?;
        let signs = F32Product::new(F32Right::Signs(bits.view()))?;
        let mut best = [f64::INFINITY; 4];
        let mut out = vec![0.0; m * n];
        for _ in 0..rounds {
            let mut time =
                |i: usize, run: &mut dyn FnMut(&mut [f32]) -> Result<(), bnn_core::Error>| {
                    let start = Instant::now();
                    run(&mut out)?;
                    best[i] = best[i].min(start.elapsed().as_secs_f64());
                    Ok::<_, bnn_core::Error>(())
                };
            if let Some(signs) = signs {
                time(0, &mut |out| signs.multiply(F32Rows::rows(&a, k)?, out))?;
                time(1, &mut |out| {
                    signs.multiply(F32Rows::columns(&a, m, 0, m)?, out)
                })?;
            }
            for (i, library) in F32Gemm::ALL.iter().enumerate() {
                time(2 + i, &mut |out| library.multiply([m, n, k], &a, &b, out))?;
            }
        }
        let speed = best.map(|seconds| 2e-9 * (m * n * k) as f64 / seconds);
        println!(
            "| {m} x {n} x {k} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} |",
            speed[0],
            speed[1],
            speed[2],
            speed[3],
            speed[0] / speed[2].max(speed[3])
        );
    }
    Ok(())
}
