//! The network of the page in `f32`: what an ordinary engine computes, to compare times with.
//!
//! Weights lie in panels of outputs, so that a step over `k` is one broadcast, loads of neighbours,
//! and products and sums in registers: the compiler makes vectors of 128 bits of them. Sums of
//! `-1`, `+1` and bytes are integers below `2^24`, exact in any order.
//!
//! Not a part of the library: a peer. Its caller, `twin.js`, hands in addresses that it owns.
#![no_std]

use core::slice::{from_raw_parts, from_raw_parts_mut};

#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// `y[i][j] = sum over l of x[i][l] * w[l][j]` for `m` rows and a panel of `W` outputs.
#[inline(always)]
fn product<const W: usize>(w: &[[f32; W]], x: &[f32], y: &mut [f32], stride: usize) {
    for (x, y) in x.chunks_exact(w.len()).zip(y.chunks_mut(stride)) {
        let mut sums = [0.0; W];
        for (x, w) in x.iter().zip(w) {
            for (sum, w) in sums.iter_mut().zip(w) {
                *sum += x * w;
            }
        }
        if let Some(y) = y.first_chunk_mut() {
            *y = sums;
        }
    }
}

/// Products of `m` rows of `k` numbers with `panels` panels of 32 outputs and, after them, `half`
/// panels of 16. Rows of `y` are `stride` apart.
///
/// # Safety
/// The addresses are of as many floats as that takes, and `y` is nothing else's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn products(
    w: *const f32,
    x: *const f32,
    y: *mut f32,
    m: usize,
    k: usize,
    panels: usize,
    half: usize,
    stride: usize,
) {
    let (w, x, y) = unsafe {
        (
            from_raw_parts(w, (panels * 32 + half * 16) * k),
            from_raw_parts(x, m * k),
            from_raw_parts_mut(y, m * stride),
        )
    };
    let (wide, narrow) = w.split_at(panels * 32 * k);
    for (p, w) in wide.chunks_exact(32 * k).enumerate() {
        product::<32>(w.as_chunks().0, x, &mut y[p * 32..], stride);
    }
    for (p, w) in narrow.chunks_exact(16 * k).enumerate() {
        product::<16>(w.as_chunks().0, x, &mut y[panels * 32 + p * 16..], stride);
    }
}

/// The rows `y` of `n` numbers, `stride` apart, to `out` without gaps: +1 where they reach
/// `limits`, else -1.
///
/// # Safety
/// As of `products`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn signs(
    y: *const f32,
    limits: *const f32,
    out: *mut f32,
    m: usize,
    n: usize,
    stride: usize,
) {
    let (y, limits, out) = unsafe {
        (
            from_raw_parts(y, m * stride),
            from_raw_parts(limits, n),
            from_raw_parts_mut(out, m * n),
        )
    };
    for (y, out) in y.chunks_exact(stride).zip(out.chunks_exact_mut(n)) {
        for ((y, limit), out) in y.iter().zip(limits).zip(out) {
            *out = if y >= limit { 1.0 } else { -1.0 };
        }
    }
}

/// `scale * y + bias`, of rows as in `signs`.
///
/// # Safety
/// As of `products`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn affine(
    y: *const f32,
    scale: *const f32,
    bias: *const f32,
    out: *mut f32,
    m: usize,
    n: usize,
    stride: usize,
) {
    let (y, scale, bias, out) = unsafe {
        (
            from_raw_parts(y, m * stride),
            from_raw_parts(scale, n),
            from_raw_parts(bias, n),
            from_raw_parts_mut(out, m * n),
        )
    };
    for (y, out) in y.chunks_exact(stride).zip(out.chunks_exact_mut(n)) {
        for (((y, scale), bias), out) in y.iter().zip(scale).zip(bias).zip(out) {
            *out = scale * y + bias;
        }
    }
}

/// The patches under windows: for each of the `count` numbers in `from` the `channels` numbers of
/// that pixel of `x`.
///
/// # Safety
/// As of `products`; every pixel in `from` is one of `x`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patches(
    x: *const f32,
    from: *const u32,
    out: *mut f32,
    count: usize,
    channels: usize,
) {
    let (from, out) = unsafe {
        (
            from_raw_parts(from, count),
            from_raw_parts_mut(out, count * channels),
        )
    };
    for (from, out) in from.iter().zip(out.chunks_exact_mut(channels)) {
        out.copy_from_slice(unsafe { from_raw_parts(x.add(*from as usize * channels), channels) });
    }
}

/// The greatest of `taps` pixels, for each channel of `m` pixels.
///
/// # Safety
/// As of `patches`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greatest(
    x: *const f32,
    from: *const u32,
    out: *mut f32,
    m: usize,
    taps: usize,
    channels: usize,
) {
    let (from, out) = unsafe {
        (
            from_raw_parts(from, m * taps),
            from_raw_parts_mut(out, m * channels),
        )
    };
    for (from, out) in from
        .chunks_exact(taps)
        .zip(out.chunks_exact_mut(channels))
    {
        out.fill(f32::NEG_INFINITY);
        for from in from {
            let x = unsafe { from_raw_parts(x.add(*from as usize * channels), channels) };
            for (x, out) in x.iter().zip(&mut *out) {
                *out = if x > out { *x } else { *out };
            }
        }
    }
}
