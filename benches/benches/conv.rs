//! Convolutions on one thread, every kernel of this CPU: bits to bits and floats to floats, and the same
//! in floats (im2col and the faster of two libraries' products) in the same run. Throughput counts
//! `2 * m * n * k` operations, `m` output pixels, `k` elements of a filter.
#![allow(missing_docs, reason = "criterion makes public functions")]

use std::error::Error;

use bnn_benches::{f32_gemm_best, numbers};
use bnn_core::conv::{
    Conv2d, ConvOptions, PackedFilters, PadValue, Padding, conv2d_bits, conv2d_f32,
};
use bnn_core::{BitMatrix, Kernel};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

struct Shape {
    name: &'static str,
    image: [usize; 3],
    outputs: usize,
    kernel: [usize; 2],
    groups: usize,
}

const SHAPES: [Shape; 3] = [
    Shape {
        name: "3x3 256 to 256 on 14x14",
        image: [14, 14, 256],
        outputs: 256,
        kernel: [3, 3],
        groups: 1,
    },
    Shape {
        name: "3x3 64 to 64 on 56x56",
        image: [56, 56, 64],
        outputs: 64,
        kernel: [3, 3],
        groups: 1,
    },
    Shape {
        name: "3x3 depthwise 256 on 28x28",
        image: [28, 28, 256],
        outputs: 256,
        kernel: [3, 3],
        groups: 256,
    },
];

impl Shape {
    fn conv(&self, pad_value: PadValue) -> Result<Conv2d, bnn_core::Error> {
        let options = ConvOptions {
            padding: Padding::Same,
            pad_value,
            groups: self.groups,
            ..ConvOptions::default()
        };
        Conv2d::new(self.image, self.outputs, self.kernel, options)
    }
}

fn convolutions(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    for shape in SHAPES {
        let conv = shape.conv(PadValue::Zero)?;
        let [height, width, channels] = shape.image;
        let (m, n, k) = (height * width, shape.outputs, conv.patch_len());
        let (x, w) = (numbers(m * channels), numbers(n * k));
        let (bits, filters) = (
            BitMatrix::pack(&x, m, channels)?,
            BitMatrix::pack(&w, n, k)?,
        );
        let mut group = c.benchmark_group(shape.name);
        group.throughput(Throughput::Elements(2 * (m * n * k) as u64));

        let mut out = BitMatrix::zeros(m, n)?;
        let mut y = vec![0.0; m * n];
        let (thresholds, scale, bias) = (vec![0_i32; n], vec![0.5; n], vec![1.0; n]);
        for kernel in Kernel::available() {
            for (value, pad_value) in [("zero", PadValue::Zero), ("-1", PadValue::MinusOne)] {
                let conv = shape.conv(pad_value)?;
                let filters = PackedFilters::for_kernel(kernel, &conv, filters.view())?;
                let id = |what| BenchmarkId::new(format!("{what}, {value} around"), kernel.name());
                group.bench_function(id("bits to bits"), |b| {
                    let t = thresholds.as_slice();
                    b.iter(|| conv2d_bits(bits.view(), &filters, t, &mut out.view_mut()));
                });
                group.bench_function(id("f32 to f32"), |b| {
                    b.iter(|| conv2d_f32(x.as_slice(), &filters, &scale, &bias, &mut y, n));
                });
            }
        }

        if shape.groups == 1 {
            let mut patches = vec![0.0; m * k];
            im2col(&conv, &x, &mut patches);
            let library = f32_gemm_best([m, n, k], &patches, &w);
            group.bench_function(
                BenchmarkId::new("f32 im2col and product", library.name()),
                |b| {
                    b.iter(|| {
                        im2col(&conv, &x, &mut patches);
                        library.multiply([m, n, k], &patches, &w, &mut y);
                    });
                },
            );
            group.bench_function(BenchmarkId::new("f32 product alone", library.name()), |b| {
                b.iter(|| library.multiply([m, n, k], &patches, &w, &mut y));
            });
        }
    }
    Ok(())
}

/// The patches of one image with zeros around it, for strides and dilations of 1.
fn im2col(conv: &Conv2d, x: &[f32], patches: &mut [f32]) {
    let ([height, width], [_, out_width]) = (conv.input_size(), conv.output_size());
    let ([kernel_height, kernel_width], [top, left]) = (conv.kernel(), conv.padding_before());
    let channels = conv.channels();
    for (p, patch) in patches.chunks_exact_mut(conv.patch_len()).enumerate() {
        let (oy, ox) = (p / out_width, p % out_width);
        let lines = patch
            .chunks_exact_mut(kernel_width * channels)
            .take(kernel_height);
        for (ky, line) in lines.enumerate() {
            // The taps inside the image are one run.
            let first = left.saturating_sub(ox).min(kernel_width);
            let end = (width + left - ox).min(kernel_width).max(first);
            let Some(iy) = (oy + ky).checked_sub(top).filter(|&iy| iy < height) else {
                line.fill(0.0);
                continue;
            };
            let from = (iy * width + ox + first - left) * channels;
            line[..first * channels].fill(0.0);
            line[first * channels..end * channels]
                .copy_from_slice(&x[from..from + (end - first) * channels]);
            line[end * channels..].fill(0.0);
        }
    }
}

fn on_one_thread(c: &mut Criterion) {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global();
    if let Err(error) = pool.map_err(Into::into).and_then(|()| convolutions(c)) {
        panic!("a benchmark does not fit the library: {error}");
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = on_one_thread
}
criterion_main!(benches);
