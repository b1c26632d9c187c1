//! Packing and unpacking on the kernel in use (`BNN_ISA` chooses another), and a copy of the same
//! bytes to compare with. Throughput counts the bytes of the numbers; for transposing, those of the
//! bits.

use bnn_benches::numbers;
use bnn_core::{BitMatrix, Error, Planes, pack, pack_threshold, unpack};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};

const COLS: usize = 1024;
/// Sizes in bytes: one fits a second-level cache, one is far larger.
const SIZES: [(&str, usize); 2] = [("256 KiB", 256 << 10), ("16 MiB", 16 << 20)];

fn packing(c: &mut Criterion) -> Result<(), Error> {
    for (name, bytes) in SIZES {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(bytes as u64));
        let floats = numbers(bytes / 4);
        copying(&mut group, &floats);
        numbers_of(&mut group, "f32", &floats)?;
        let doubles: Vec<f64> = floats[..bytes / 8].iter().map(|&x| x.into()).collect();
        numbers_of(&mut group, "f64", &doubles)?;
        let small: Vec<i8> = numbers(bytes)
            .iter()
            .map(|&x| (x / 65536.0) as i8)
            .collect();
        numbers_of(&mut group, "i8", &small)?;
        let pixels: Vec<u8> = small.iter().map(|x| x.cast_unsigned()).collect();
        bytes_of(&mut group, &pixels)?;
        transposing(&mut group, &floats)?;
    }
    Ok(())
}

fn copying(group: &mut BenchmarkGroup<'_, WallTime>, x: &[f32]) {
    let mut y = x.to_vec();
    group.bench_function("copy", |b| b.iter(|| y.copy_from_slice(x)));
}

fn numbers_of<T: bnn_core::Number>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    x: &[T],
) -> Result<(), Error> {
    let rows = x.len() / COLS;
    let mut bits = BitMatrix::zeros(rows, COLS)?;
    group.bench_function(format!("pack {name}"), |b| {
        b.iter(|| pack(x, COLS, &mut bits.view_mut()));
    });
    let mut x = x.to_vec();
    group.bench_function(format!("unpack {name}"), |b| {
        b.iter(|| unpack(bits.view(), &mut x, COLS));
    });
    Ok(())
}

fn bytes_of(group: &mut BenchmarkGroup<'_, WallTime>, x: &[u8]) -> Result<(), Error> {
    let rows = x.len() / COLS;
    let mut bits = BitMatrix::zeros(rows, COLS)?;
    group.bench_function("pack u8 by a threshold", |b| {
        b.iter(|| pack_threshold(x, COLS, 100, &mut bits.view_mut()));
    });
    let mut work = vec![0; Planes::words(rows, COLS, 8)?];
    group.bench_function("split u8 into 8 planes", |b| {
        b.iter(|| Planes::split(x, COLS, rows, COLS, 8, &mut work).is_ok());
    });
    Ok(())
}

/// Transposes a square matrix, or one with twice as many columns as rows.
fn transposing(group: &mut BenchmarkGroup<'_, WallTime>, x: &[f32]) -> Result<(), Error> {
    let bits = 32 * x.len();
    let rows = 1 << (bits.ilog2() / 2);
    let cols = bits / rows;
    let random: Vec<u64> = x
        .chunks(2)
        .map(|x| (x[0] * x[1]).to_bits().into())
        .collect();
    let from = BitMatrix::from_words(random, rows, cols)?;
    group.bench_function("transpose", |b| b.iter(|| from.view().transposed()));
    Ok(())
}

fn main() -> Result<(), Error> {
    let mut c = Criterion::default().sample_size(30).configure_from_args();
    packing(&mut c)?;
    c.final_summary();
    Ok(())
}
