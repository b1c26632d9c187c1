//! Operations that compute each element of a row from one element, or two, of the same place.

use super::fixed;
use super::node::NodeParts;
use super::record::{FLOAT, kind};
use super::rows::copy;
use super::tensor::{RowMut, RowNumbers};
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

/// Products and sums are rounded one by one: Rust never fuses them.
fn affine(node: &NodeParts<'_>, x: RowNumbers<'_>, out: RowMut<'_>) {
    let shift = node.record.shift;
    let real = || [node.reals(0), node.reals(1)];
    let integer = || [node.integers(0), node.integers(1)];
    let narrow = |v: i32, p, q| fixed::saturated(fixed::affine(v, p, q, shift));
    let wide = |v: i32, p, q| fixed::saturated_wide(fixed::affine(v, p, q, shift));
    match (x, out) {
        (RowNumbers::Real(x), RowMut::Real(y)) if FLOAT => each(x, y, real(), |x, p, q| p * x + q),
        (RowNumbers::Fixed(x), RowMut::Real(y)) if FLOAT => {
            each(x, y, real(), |x, p, q| p * f32::from(x) + q);
        }
        (RowNumbers::Bytes(x), RowMut::Real(y)) if FLOAT => {
            each(x, y, real(), |x, p, q| p * f32::from(x) + q);
        }
        (RowNumbers::Fixed(x), RowMut::Fixed(y)) => {
            each(x, y, integer(), |x, p, q| narrow(x.into(), p, q));
        }
        (RowNumbers::Bytes(x), RowMut::Fixed(y)) => {
            each(x, y, integer(), |x, p, q| narrow(x.into(), p, q));
        }
        (RowNumbers::Fixed(x), RowMut::Integer(y)) => {
            each(x, y, integer(), |x, p, q| wide(x.into(), p, q));
        }
        (RowNumbers::Bytes(x), RowMut::Integer(y)) => {
            each(x, y, integer(), |x, p, q| wide(x.into(), p, q));
        }
        _ => {} // `open` has refused it
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
            sloped(y, node.integers(0), |v, slope| {
                fixed::prelu(v, slope, shift)
            });
        }
        kind::RPRELU => {
            let numbers = [node.integers(0), node.integers(1), node.integers(2)];
            shifted(y, numbers, |v, before, slope, after| {
                let v = fixed::plus(v, before);
                fixed::plus(fixed::prelu(v, slope, shift), after)
            });
        }
        _ => {}
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
            for (y, &x) in y.iter_mut().zip(x) {
                *y = fixed::add(*y, x, from, node.record.exponent);
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
        for (y, x) in y.iter_mut().zip(a.iter().chain(b)) {
            *y = *x;
        }
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
        for (y, (x, t)) in y.iter_mut().zip(x.chunks(WORD).zip(t.chunks(WORD))) {
            let pairs = x.iter().zip(t).rev();
            *y = pairs.fold(0, |bits, (&x, &t)| bits << 1 | u64::from(f(x, t)));
        }
    }
}
