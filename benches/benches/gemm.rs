//! Products on one thread: every kernel of this CPU, packed x packed to `i32` and to bits, floats to
//! floats with packed weights, and the same in `f32` by the faster of two libraries, in the same run.
//! Throughput counts `2 * m * n * k` operations. Then two threads against one, and sizes that are prime
//! beside their round neighbours.
#![allow(missing_docs, reason = "criterion makes public functions")]

use std::error::Error;

use bnn_benches::{f32_gemm_best, numbers};
use bnn_core::{BitMatrix, FloatRows, Kernel, PackedWeights, gemm_bits, gemm_f32, gemm_i32};
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};

const SHAPES: [[usize; 3]; 5] = [
    [1024, 1024, 1024],
    [128, 4096, 4096],
    [64, 1024, 1024],
    [1, 4096, 4096],
    [1, 1024, 1024],
];

/// The primes next to the shapes above.
const PRIME_SHAPES: [[usize; 3]; 5] = [
    [1021, 1021, 1021],
    [127, 4093, 4093],
    [61, 1021, 1021],
    [1, 4093, 4093],
    [1, 1021, 1021],
];

/// The operands of one shape.
struct Operands {
    shape: [usize; 3],
    a: Vec<f32>,
    b: Vec<f32>,
    x: BitMatrix,
    w: BitMatrix,
}

impl Operands {
    fn new(shape: [usize; 3]) -> Result<Self, bnn_core::Error> {
        let [m, n, k] = shape;
        let (a, b) = (numbers(m * k), numbers(n * k));
        Ok(Self {
            shape,
            x: BitMatrix::pack(&a, m, k)?,
            w: BitMatrix::pack(&b, n, k)?,
            a,
            b,
        })
    }

    fn group<'c>(&self, c: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
        let [m, n, k] = self.shape;
        let mut group = c.benchmark_group(format!("{name}{m}x{n}x{k}"));
        group.throughput(Throughput::Elements(2 * (m * n * k) as u64));
        group
    }
}

fn products(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    for shape in SHAPES {
        let operands = Operands::new(shape)?;
        let Operands { a, b, x, w, .. } = &operands;
        let [m, n, k] = shape;
        let mut group = operands.group(c, "");
        let (mut sums, mut bits, mut y) =
            (vec![0; m * n], BitMatrix::zeros(m, n)?, vec![0.0; m * n]);
        let (thresholds, scale, bias) = (vec![0_i32; n], vec![0.5; n], vec![1.0; n]);
        let rows = FloatRows::new(a, m, k, k)?;
        for kernel in Kernel::available() {
            let w = PackedWeights::for_kernel(kernel, w.view())?;
            group.bench_function(BenchmarkId::new("bits to i32", kernel.name()), |b| {
                b.iter(|| gemm_i32(x.view(), &w, &mut sums, n));
            });
            group.bench_function(BenchmarkId::new("bits to bits", kernel.name()), |b| {
                b.iter(|| gemm_bits(x.view(), &w, thresholds.as_slice(), &mut bits.view_mut()));
            });
            group.bench_function(BenchmarkId::new("f32 to f32", kernel.name()), |b| {
                b.iter(|| gemm_f32(rows, &w, &scale, &bias, &mut y, n));
            });
        }
        let library = f32_gemm_best(shape, a, b);
        group.bench_function(BenchmarkId::new("f32 product", library.name()), |bencher| {
            bencher.iter(|| library.multiply(shape, a, b, &mut y));
        });
    }
    Ok(())
}

fn primes(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    for shape in PRIME_SHAPES {
        let operands = Operands::new(shape)?;
        let [m, n, _] = shape;
        let mut group = operands.group(c, "primes ");
        let mut sums = vec![0; m * n];
        for kernel in Kernel::available() {
            let w = PackedWeights::for_kernel(kernel, operands.w.view())?;
            group.bench_function(BenchmarkId::new("bits to i32", kernel.name()), |b| {
                b.iter(|| gemm_i32(operands.x.view(), &w, &mut sums, n));
            });
        }
    }
    Ok(())
}

fn threads(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pools = [(1, pool(1)?), (2, pool(2)?)];
    for shape in &SHAPES[..2] {
        let operands = Operands::new(*shape)?;
        let [m, n, _] = *shape;
        let mut group = operands.group(c, "threads ");
        let mut sums = vec![0; m * n];
        let w = PackedWeights::new(operands.w.view())?;
        for (threads, pool) in &pools {
            group.bench_function(BenchmarkId::new("bits to i32", threads), |b| {
                pool.install(|| b.iter(|| gemm_i32(operands.x.view(), &w, &mut sums, n)));
            });
        }
    }
    Ok(())
}

/// All but `threads`, which makes its own pools, run on one thread.
fn all(c: &mut Criterion) {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global();
    let done = pool
        .map_err(Into::into)
        .and_then(|()| products(c))
        .and_then(|()| primes(c))
        .and_then(|()| threads(c));
    if let Err(error) = done {
        panic!("a benchmark does not fit the library: {error}");
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = all
}
criterion_main!(benches);
