//! Products on one thread: every kernel of this CPU, packed x packed to `i32` and to bits, and `f32`
//! (`matrixmultiply`, through `ndarray`) on the same shapes in the same run. Throughput counts
//! `2 * m * n * k` operations.
#![allow(missing_docs, reason = "criterion makes public functions")]

use std::error::Error;

use bnn_benches::numbers;
use bnn_core::{BitMatrix, Kernel, PackedWeights, gemm_bits, gemm_i32};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array2;
use ndarray::linalg::{general_mat_mul, general_mat_vec_mul};

const SHAPES: [[usize; 3]; 5] = [
    [1024, 1024, 1024],
    [128, 4096, 4096],
    [64, 1024, 1024],
    [1, 4096, 4096],
    [1, 1024, 1024],
];

fn products(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    for [m, n, k] in SHAPES {
        let mut group = c.benchmark_group(format!("{m}x{n}x{k}"));
        group.throughput(Throughput::Elements(2 * (m * n * k) as u64));
        let (a, b) = (numbers(m * k), numbers(n * k));

        let (x, w) = (BitMatrix::pack(&a, m, k)?, BitMatrix::pack(&b, n, k)?);
        let mut sums = vec![0; m * n];
        let mut bits = BitMatrix::zeros(m, n)?;
        let thresholds = vec![0_i32; n];
        for kernel in Kernel::available() {
            let w = PackedWeights::for_kernel(kernel, w.view())?;
            group.bench_function(BenchmarkId::new("bits to i32", kernel.name()), |b| {
                b.iter(|| gemm_i32(x.view(), &w, &mut sums, n));
            });
            group.bench_function(BenchmarkId::new("bits to bits", kernel.name()), |b| {
                b.iter(|| gemm_bits(x.view(), &w, thresholds.as_slice(), &mut bits.view_mut()));
            });
        }

        let (a, b) = (
            Array2::from_shape_vec((m, k), a)?,
            Array2::from_shape_vec((n, k), b)?,
        );
        let mut y = Array2::zeros((m, n));
        group.bench_function("f32", |bencher| {
            if m == 1 {
                let mut y = y.row_mut(0);
                bencher.iter(|| general_mat_vec_mul(1.0, &b, &a.row(0), 0.0, &mut y));
            } else {
                bencher.iter(|| general_mat_mul(1.0, &a, &b.t(), 0.0, &mut y));
            }
        });
    }
    Ok(())
}

fn on_one_thread(c: &mut Criterion) {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global();
    let done = pool.map_err(Into::into).and_then(|()| products(c));
    if let Err(error) = done {
        panic!("a benchmark does not fit the library: {error}");
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = on_one_thread
}
criterion_main!(benches);
