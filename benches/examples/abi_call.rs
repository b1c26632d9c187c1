//! Measures the cost of the C ABI: times the same layer through `bnn.h` and through Rust, taking
//! turns in one run, and prints the ratio of the medians. Both pack the signs of floats, multiply,
//! and write floats.
//!
//!   cargo run --release -p bnn-benches --example abi_call
//!
//! `RAYON_NUM_THREADS=1` keeps both on one thread.
#![allow(unsafe_code, reason = "calls C functions as C would")]

use std::error::Error;
use std::hint::black_box;
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

use bnn_core::{BitMatrix, FloatRows, PackedWeights, gemm_f32};

// Linked for the functions below.
use bnn as _;

/// `bnn_linear_t`.
#[repr(C)]
struct Linear([u8; 0]);

// As the header has them.
unsafe extern "C" {
    fn bnn_linear_new_f32(
        w: *const f32,
        n: usize,
        k: usize,
        scale: *const f32,
        bias: *const f32,
        out: *mut *mut Linear,
    ) -> i32;
    fn bnn_linear_forward_f32(layer: *const Linear, x: *const f32, m: usize, y: *mut f32) -> i32;
    fn bnn_linear_free(layer: *mut Linear);
}

/// `[m, n, k]`, from a call of nanoseconds to one of milliseconds.
const SHAPES: [[usize; 3]; 5] = [
    [1, 64, 64],
    [1, 512, 512],
    [64, 512, 512],
    [1, 4096, 4096],
    [128, 4096, 4096],
];

const ROUNDS: usize = 31;

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "{:>16} {:>12} {:>12} {:>7}",
        "m x n x k", "Rust", "C ABI", "ratio"
    );
    for [m, n, k] in SHAPES {
        let x: Vec<f32> = (0..m * k).map(|i| (i * 7919 % 17) as f32 - 8.0).collect();
        let w: Vec<f32> = (0..n * k)
            .map(|i| (i * 104_729 % 23) as f32 - 11.0)
            .collect();
        let packed = PackedWeights::new(BitMatrix::pack(&w, n, k)?.view())?;
        let (scale, bias) = (vec![1.0; n], vec![0.0; n]);
        // The same memory for both: where it lies in the cache's lines matters as much as the call.
        let mut y = vec![0.0; m * n];
        let mut layer = null_mut();
        // SAFETY: slices of the sizes that are passed.
        let made = unsafe { bnn_linear_new_f32(w.as_ptr(), n, k, null(), null(), &mut layer) };
        assert_eq!(made, 0);

        let rust = |y: &mut [f32]| {
            let rows = FloatRows::new(black_box(&x), m, k, k)?;
            gemm_f32(rows, &packed, &scale, &bias, black_box(y), n)
        };
        let c = |y: &mut [f32]| {
            // SAFETY: slices of the sizes that are passed, and a layer of them.
            let done = unsafe {
                bnn_linear_forward_f32(layer, black_box(&x).as_ptr(), m, black_box(y).as_mut_ptr())
            };
            assert_eq!(done, 0);
        };
        c(&mut y);
        let by_c = y.clone();
        let calls = calls_in(Duration::from_millis(5), || rust(&mut y))?;
        assert_eq!(y, by_c);
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            times[0].push(timed(calls, || {
                // It has been right before.
                let _ = black_box(rust(&mut y));
            }));
            times[1].push(timed(calls, || c(&mut y)));
        }
        // SAFETY: the layer is used by nobody any more.
        unsafe { bnn_linear_free(layer) };
        let [rust, c] = times.map(median);
        let shape = format!("{m} x {n} x {k}");
        println!("{shape:>16} {rust:>9.0} ns {c:>9.0} ns {:>7.3}", c / rust);
    }
    Ok(())
}

/// How many calls take about so long.
fn calls_in<E>(time: Duration, mut call: impl FnMut() -> Result<(), E>) -> Result<usize, E> {
    call()?; // warm
    let start = Instant::now();
    let mut calls = 0;
    while start.elapsed() < time || calls == 0 {
        call()?;
        calls += 1;
    }
    Ok(calls)
}

/// Nanoseconds of a call.
fn timed(calls: usize, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        call();
    }
    start.elapsed().as_nanos() as f64 / calls as f64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
