//! Products of any shape, from every left side, with weights in both layouts, by every kernel, with
//! every epilogue: equal to the reference, bit for bit.

use super::parsed;
use crate::{Numbers, Product, affordable, check_epilogues};
use arbitrary::{Arbitrary, Unstructured};
use bnn_core::internal::packed_weights;
use bnn_core::{
    Activations, BitMatrix, BitMatrixViewMut, Error, FloatRows, Kernel, Planes, Thresholds,
    Weights, gemm_bits, gemm_f32, gemm_i32, reference,
};

/// Rows of either side that differ. More are repeated, since the reference is slow; none of these
/// divides the size of a tile.
const DISTINCT: [usize; 2] = [7, 11];
/// Word products of all but the large ones.
const MOST: usize = 1 << 17;

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    left: Left,
    size: Size,
    #[arbitrary(with = gap)]
    gap: usize,
    numbers: &'a [u8],
}

#[derive(Arbitrary, Debug)]
enum Left {
    Bits,
    Floats {
        #[arbitrary(with = gap)]
        gap: usize,
    },
    Planes {
        #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(1..=8))]
        depth: usize,
        #[arbitrary(with = gap)]
        gap: usize,
    },
}

#[derive(Arbitrary, Debug)]
enum Size {
    Usual {
        #[arbitrary(with = up_to::<70>)]
        m: usize,
        #[arbitrary(with = up_to::<70>)]
        n: usize,
        #[arbitrary(with = up_to::<1200>)]
        k: usize,
    },
    /// A product of so many words that no kernel leaves it to a lighter one.
    Large { m: u8, n: u8, k: u8 },
}

fn up_to<const MOST: usize>(u: &mut Unstructured<'_>) -> arbitrary::Result<usize> {
    u.int_in_range(1..=MOST)
}

fn gap(u: &mut Unstructured<'_>) -> arbitrary::Result<usize> {
    u.int_in_range(0..=9)
}

/// Runs the case that the bytes describe; whether they describe one that can be run.
///
/// # Panics
/// Where a result is wrong.
pub fn product(data: &[u8]) -> bool {
    parsed(data).is_some_and(|case: Case<'_>| case.run())
}

impl Case<'_> {
    fn run(self) -> bool {
        let case = self;
        let rows_per_sample = match case.left {
            Left::Planes { depth, .. } => depth + 1,
            _ => 1,
        };
        let shape = match case.size {
            Size::Usual { m, n, k } => {
                let words = k.div_ceil(64);
                affordable(&[m * rows_per_sample, n, words], MOST).then_some([m, n, k])
            }
            // At least 144 rows, 256 weight rows and 60 words. One in eight: they are slow.
            Size::Large { m, n, k } => (n < 32).then(|| {
                let m = 144_usize.div_ceil(rows_per_sample) + usize::from(m % 16);
                [m, 256 + usize::from(n), 3777 + usize::from(k)]
            }),
        };
        if let Some(shape) = shape {
            check(&case, shape).expect("arguments that fit each other are accepted");
        }
        shape.is_some()
    }
}

fn check(case: &Case<'_>, [m, n, k]: [usize; 3]) -> Result<(), Error> {
    let gap = case.gap;
    let mut numbers = Numbers::new(case.numbers);
    let (rows, outputs) = (m.min(DISTINCT[0]), n.min(DISTINCT[1]));
    let weights = numbers.bits(outputs, k)?;
    let mut sums = vec![0; rows * outputs];
    let mut work = Vec::new();
    let (bits, floats);
    let left: Activations<'_> = match case.left {
        Left::Bits => {
            let distinct = numbers.bits(rows, k)?;
            reference::gemm_i32(distinct.view(), weights.view(), &mut sums, outputs)?;
            bits = repeated(&distinct, m)?;
            bits.view().into()
        }
        Left::Floats { gap } => {
            let stride = k + gap;
            let distinct: Vec<f32> = (0..rows * stride).map(|_| numbers.f32()).collect();
            let mut signs = BitMatrix::zeros(rows, k)?;
            for (r, x) in distinct.chunks(stride).enumerate() {
                for (l, x) in x.iter().take(k).enumerate() {
                    signs.view_mut().set(r, l, *x >= 0.0);
                }
            }
            reference::gemm_i32(signs.view(), weights.view(), &mut sums, outputs)?;
            // Ends with the last row's last element.
            floats = cycled(&distinct, m * stride - gap);
            FloatRows::new(&floats, m, k, stride)?.into()
        }
        Left::Planes { depth, gap } => {
            let distinct: Vec<u8> = (0..rows * k)
                .map(|_| numbers.byte() >> (8 - depth))
                .collect();
            reference::gemm_u8_i32(&distinct, weights.view(), &mut sums, outputs)?;
            let stride = k + gap;
            let mut x = vec![u8::MAX; m * stride - gap];
            for (x, row) in x.chunks_mut(stride).zip(distinct.chunks(k).cycle()) {
                x[..k].copy_from_slice(row);
            }
            work.resize(Planes::words(m, k, depth)?, u64::MAX);
            Planes::split(&x, stride, m, k, depth, &mut work)?.into()
        }
    };
    let weights = repeated(&weights, n)?;
    let sum = |i: usize| sums[i / n % rows * outputs + i % n % outputs];
    let expected: Vec<i32> = (0..m * n).map(sum).collect();
    for kernel in Kernel::available() {
        let packed = packed_weights(kernel, weights.view())?;
        let canonical = Weights::canonical(weights.view(), kernel);
        for weights in [Weights::from(&packed), canonical] {
            check_epilogues(
                &mut Sides { left, weights },
                n,
                gap,
                &expected,
                &mut numbers,
            );
        }
    }
    Ok(())
}

/// A matrix of `rows` rows, those of `bits` over and over.
fn repeated(bits: &BitMatrix, rows: usize) -> Result<BitMatrix, Error> {
    let words = bits.words().len() / bits.rows() * rows;
    BitMatrix::from_words(cycled(bits.words(), words), rows, bits.cols())
}

fn cycled<T: Copy>(from: &[T], len: usize) -> Vec<T> {
    from.iter().copied().cycle().take(len).collect()
}

struct Sides<'a> {
    left: Activations<'a>,
    weights: Weights<'a>,
}

impl Product for Sides<'_> {
    fn i32(&mut self, c: &mut [i32], c_stride: usize) -> Result<(), Error> {
        gemm_i32(self.left, self.weights, c, c_stride)
    }

    fn f32(
        &mut self,
        scale: &[f32],
        bias: &[f32],
        c: &mut [f32],
        c_stride: usize,
    ) -> Result<(), Error> {
        gemm_f32(self.left, self.weights, scale, bias, c, c_stride)
    }

    fn bits(
        &mut self,
        thresholds: Thresholds<'_>,
        out: &mut BitMatrixViewMut<'_>,
    ) -> Result<(), Error> {
        gemm_bits(self.left, self.weights, thresholds, out)
    }
}
