//! Operations that compute each element of a row from one element, or two, of the same place.

use super::ending::Ending;
use super::fixed;
use super::high_product::{HighProduct, UpperHalf, plus, saturated};
use super::node::NodeParts;
use super::record::{FLOAT, kind};
use super::rows::copy;
use super::tensor::{RowMut, RowNumbers};
use crate::gemm::weights::OUTPUTS;
use crate::kernel::add_to_each;
use crate::model::patch::HALF;
use crate::shape::{WORD, positive, row_len};

/// Computes a row from the same row of the input, or of both.
pub(in crate::model) fn per_channel(
    node: &NodeParts<'_>,
    a: RowNumbers<'_>,
    b: RowNumbers<'_>,
    mut out: RowMut<'_>,
) {
    match (node.record.kind, &mut out) {
        (kind::CONCAT, _) => concat(node, a, b, out),
        (kind::SIGN, RowMut::Bits(y)) => sign(node, a, y),
        (kind::AFFINE, _) => affine(node, a, out),
        _ => {
            match (a, &mut out) {
                (RowNumbers::Real(x), RowMut::Real(y)) => copy(x, y),
                (RowNumbers::Fixed(x), RowMut::Fixed(y)) => copy(x, y),
                _ => {} // `open` has refused it
            }
            replace(node, 0, [a, b], out);
        }
    }
}

/// Computes a row, of an operation that may replace its input's rows, in the place of that of input
/// `replaced`; of the inputs, the other one is read.
pub(in crate::model) fn replace(
    node: &NodeParts<'_>,
    replaced: usize,
    [a, b]: [RowNumbers<'_>; 2],
    out: RowMut<'_>,
) {
    match (node.record.kind, out) {
        (kind::ADD, out) => {
            let exponents = [node.input.exponent, node.second.exponent];
            match replaced {
                0 => add(node, b, exponents, out),
                _ => add(node, a, [exponents[1], exponents[0]], out),
            }
        }
        (_, RowMut::Fixed(y)) => of_fixed(node, y),
        (_, RowMut::Real(y)) if FLOAT => of_real(node, y),
        _ => {} // `open` has refused it
    }
}

/// `f` of each element and the two parameters of its channel.
#[inline(always)]
fn each<X: Copy, Y, P: Copy>(x: &[X], y: &mut [Y], [p, q]: [&[P]; 2], f: impl Fn(X, P, P) -> Y) {
    let channels = positive(p.len());
    for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
        for (((y, &x), &p), &q) in y.iter_mut().zip(x).zip(p).zip(q) {
            *y = f(x, p, q);
        }
    }
}

/// `f` of each element and the three parameters of its channel, in place.
#[inline(always)]
fn shifted<X: Copy, P: Copy>(y: &mut [X], [p, q, r]: [&[P]; 3], f: impl Fn(X, P, P, P) -> X) {
    for y in y.chunks_exact_mut(positive(p.len())) {
        for (y, ((&p, &q), &r)) in y.iter_mut().zip(p.iter().zip(q).zip(r)) {
            *y = f(*y, p, q, r);
        }
    }
}

/// `f` of each element and the parameter of its channel, in place.
#[inline(always)]
fn sloped<X: Copy, P: Copy>(y: &mut [X], p: &[P], f: impl Fn(X, P) -> X) {
    for y in y.chunks_exact_mut(positive(p.len())) {
        for (y, &p) in y.iter_mut().zip(p) {
            *y = f(*y, p);
        }
    }
}

/// `f` of each element, in place.
#[inline(always)]
fn map<X: Copy>(y: &mut [X], f: impl Fn(X) -> X) {
    for y in y {
        *y = f(*y);
    }
}

/// Products and sums are rounded one by one: Rust never fuses them. Integers are what sums of a
/// product are.
#[inline(never)] // for its memory on the stack
fn affine(node: &NodeParts<'_>, x: RowNumbers<'_>, mut out: RowMut<'_>) {
    if let (RowNumbers::Real(x), RowMut::Real(y)) = (x, &mut out)
        && FLOAT
    {
        return each(x, y, [node.reals(0), node.reals(1)], |x, p, q| p * x + q);
    }
    let ending = Ending::new(node);
    let channels = positive(node.record.channels as usize);
    let mut sums = [0; OUTPUTS]; // each one is written before it is used
    for pixel in 0..node.record.sides[1].into() {
        for first in (0..channels).step_by(OUTPUTS) {
            let at = pixel * channels + first;
            let end = at + OUTPUTS.min(channels - first);
            let sums = sums.get_mut(..end - at).unwrap_or_default();
            match x {
                RowNumbers::Fixed(x) => widen(x.get(at..end), sums),
                RowNumbers::Bytes(x) => widen(x.get(at..end), sums),
                _ => {} // `open` has refused it
            }
            ending.put(sums, pixel, first, &mut out);
        }
    }
}

fn widen<T: Copy + Into<i32>>(x: Option<&[T]>, sums: &mut [i32]) {
    for (sum, x) in sums.iter_mut().zip(x.unwrap_or_default()) {
        *sum = (*x).into();
    }
}

fn of_real(node: &NodeParts<'_>, y: &mut [f32]) {
    let prelu = |x: f32, slope: f32| if x >= 0.0 { x } else { slope * x };
    match node.record.kind {
        kind::RELU => map(y, |x| if x <= 0.0 { 0.0 } else { x }),
        kind::CLAMP => {
            let Some([low, high]) = node.range() else {
                return;
            };
            map(y, |x: f32| clamped(x, low, high));
        }
        kind::PRELU => {
            sloped(y, node.reals(0), prelu);
        }
        kind::RPRELU => {
            let numbers = [node.reals(0), node.reals(1), node.reals(2)];
            shifted(y, numbers, |x, before, slope, after| {
                prelu(x + before, slope) + after
            });
        }
        _ => {}
    }
}

fn of_fixed(node: &NodeParts<'_>, y: &mut [i16]) {
    let shift = node.record.shift;
    let way = match HighProduct::new(i16::MAX as u64, shift) {
        Some(HighProduct::Upper(way)) => Some(way),
        _ => None,
    };
    match node.record.kind {
        kind::RELU => map(y, |v| v.max(0)),
        kind::CLAMP => {
            let Some([low, high]) = node.range::<i32>() else {
                return;
            };
            map(y, |v| {
                fixed::saturated(clamped(i32::from(v), low, high).into())
            });
        }
        kind::PRELU => {
            let slopes = node.integers(0);
            match way {
                Some(way) => sloped(y, slopes, |v, slope| prelu(way, v, slope)),
                None => sloped(y, slopes, |v, slope| fixed::prelu(v, slope, shift)),
            }
        }
        kind::RPRELU => {
            let numbers = [node.integers(0), node.integers(1), node.integers(2)];
            match way {
                Some(way) => rprelu(way, y, numbers),
                None => shifted(y, numbers, |v, before, slope, after| {
                    let v = fixed::plus(v, before);
                    fixed::plus(fixed::prelu(v, slope, shift), after)
                }),
            }
        }
        _ => {}
    }
}

/// In place. (Apart, so that its loop finds registers.)
#[inline(never)]
fn rprelu(way: UpperHalf, y: &mut [i16], numbers: [&[i32]; 3]) {
    shifted(y, numbers, |v, before, slope, after| {
        let v = prelu(way, plus(v.into(), before), slope);
        plus(v.into(), after)
    });
}

/// [`fixed::prelu`].
#[inline(always)]
fn prelu(way: UpperHalf, v: i16, slope: i32) -> i16 {
    match v >= 0 {
        true => v,
        false => saturated(way.of(v.into(), slope)),
    }
}

/// `high` above it, `low` below it; NaN stays NaN.
#[inline(always)]
pub(super) fn clamped<T: Copy + PartialOrd>(x: T, low: T, high: T) -> T {
    let least = if x < low { low } else { x };
    if x > high { high } else { least }
}

/// Adds to a row, of the first of these exponents, another one, of the second.
fn add(node: &NodeParts<'_>, x: RowNumbers<'_>, from: [i8; 2], out: RowMut<'_>) {
    match (x, out) {
        (RowNumbers::Real(x), RowMut::Real(y)) if FLOAT => {
            for (y, x) in y.iter_mut().zip(x) {
                *y += x;
            }
        }
        (RowNumbers::Fixed(x), RowMut::Fixed(y)) => {
            let to = node.record.exponent;
            match from == [to, to] {
                true => add_to_each(y, x),
                false => {
                    let pairs = y.iter_mut().zip(x);
                    pairs.for_each(|(y, &x)| *y = fixed::add(*y, x, from, to));
                }
            }
        }
        _ => {} // `open` has refused it
    }
}

fn concat(node: &NodeParts<'_>, a: RowNumbers<'_>, b: RowNumbers<'_>, out: RowMut<'_>) {
    let widths = [node.input.channels as usize, node.second.channels as usize];
    match (a, b, out) {
        (RowNumbers::Real(a), RowNumbers::Real(b), RowMut::Real(y)) => joined(a, b, y, widths),
        (RowNumbers::Fixed(a), RowNumbers::Fixed(b), RowMut::Fixed(y)) => joined(a, b, y, widths),
        (RowNumbers::Bits(a), RowNumbers::Bits(b), RowMut::Bits(y)) => {
            let [a, b] = [(a, widths[0]), (b, widths[1])];
            let pixel = row_len(widths[0] + widths[1]);
            let parts =
                a.0.chunks_exact(row_len(a.1))
                    .zip(b.0.chunks_exact(row_len(b.1)));
            for (y, (a, b)) in y.chunks_exact_mut(pixel).zip(parts) {
                y.fill(0);
                place(y, 0, a);
                place(y, widths[0], b);
            }
        }
        _ => {} // `open` has refused it
    }
}

fn joined<T: Copy>(a: &[T], b: &[T], y: &mut [T], [first, second]: [usize; 2]) {
    let parts = a
        .chunks_exact(positive(first))
        .zip(b.chunks_exact(positive(second)));
    for (y, (a, b)) in y.chunks_exact_mut(positive(first + second)).zip(parts) {
        let (to_a, to_b) = y.split_at_mut_checked(first).unwrap_or_default();
        copy(a, to_a);
        copy(b, to_b);
    }
}

/// Writes bits, with zeros after them, from bit `at` on, into words that are zero there.
pub(super) fn place(words: &mut [u64], at: usize, bits: &[u64]) {
    let (word, shift) = (at / WORD, at % WORD);
    let Some(words) = words.get_mut(word..) else {
        return;
    };
    for (i, bits) in bits.iter().enumerate() {
        if let Some(low) = words.get_mut(i) {
            *low |= bits << shift;
        }
        if shift > 0
            && let Some(high) = words.get_mut(i + 1)
        {
            *high |= bits >> (WORD - shift);
        }
    }
}

fn sign(node: &NodeParts<'_>, x: RowNumbers<'_>, y: &mut [u64]) {
    match x {
        RowNumbers::Real(x) if FLOAT => reach(x, node.reals(0), y, |x, t| x >= t),
        RowNumbers::Fixed(x) => reach(x, node.integers(0), y, |v, t| i32::from(v) >= t),
        RowNumbers::Bytes(x) => reach(x, node.integers(0), y, |v, t| i32::from(v) >= t),
        _ => {} // `open` has refused it
    }
}

/// The bits that say whether elements reach the thresholds of their channels.
fn reach<X: Copy, T: Copy>(x: &[X], t: &[T], y: &mut [u64], f: impl Fn(X, T) -> bool) {
    let channels = positive(t.len());
    let pixels = y
        .chunks_exact_mut(row_len(channels))
        .zip(x.chunks_exact(channels));
    for (y, x) in pixels {
        // Small cores shift half a word by one instruction.
        let halves: &mut [u32] = bytemuck::cast_slice_mut(y);
        let mut pairs = x.chunks(HALF).zip(t.chunks(HALF));
        for half in halves {
            let (x, t) = pairs.next().unwrap_or_default();
            let pairs = x.iter().zip(t).rev();
            *half = pairs.fold(0, |bits, (&x, &t)| bits << 1 | u32::from(f(x, t)));
        }
    }
}
