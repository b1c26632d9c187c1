//! The spectrum of a window, in block floating point: numbers of 16 bits with one exponent.
//!
//! Products are of 16 bits by 16 bits, which every core multiplies in one instruction.

use crate::WINDOW;
use crate::constants::{round, sin_cos};

/// Points of the transform of complex numbers, half of those of the real one: even samples are its
/// real parts, odd ones the imaginary parts.
const POINTS: usize = 256;
const LEVELS: u32 = POINTS.ilog2();
/// Numbers of this many bits, sign left out, do not overflow in a butterfly: `2^13 (1 + sqrt(2)) <
/// 2^15`.
const BITS: u32 = 13;

/// A complex number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Complex {
    /// The real part.
    pub re: i16,
    /// The imaginary part.
    pub im: i16,
}

const ZERO: Complex = Complex { re: 0, im: 0 };

/// The transform of a window as [`Spectrum::powers`] takes it apart.
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// The transform of even and odd samples as real and imaginary parts.
    points: [Complex; POINTS],
    /// The points times `2^exponent` are those of the samples.
    exponent: i32,
}

/// `2^14` times the Hann window, over the middles of samples.
static HANN: [u16; WINDOW] = {
    let (mut window, mut t) = ([0; WINDOW], 0);
    while t < WINDOW {
        let (_, cos) = sin_cos((t as f64 + 0.5) / WINDOW as f64);
        window[t] = round(8192.0 * (1.0 - cos)) as u16;
        t += 1;
    }
    window
};

/// `2^14 exp(-2 pi i k / 512)`, for a quarter of a turn and the point after it.
static ROOTS: [Complex; POINTS / 2 + 1] = {
    let (mut roots, mut k) = ([ZERO; POINTS / 2 + 1], 0);
    while k <= POINTS / 2 {
        let (sin, cos) = sin_cos(k as f64 / (2 * POINTS) as f64);
        roots[k] = Complex {
            re: round(16384.0 * cos) as i16,
            im: round(-16384.0 * sin) as i16,
        };
        k += 1;
    }
    roots
};

/// `2^14 exp(-2 pi i k / 256)`, for half a turn.
static TWIDDLES: [Complex; POINTS / 2] = {
    let (mut twiddles, mut k) = ([ZERO; POINTS / 2], 0);
    while k < POINTS / 2 {
        let (sin, cos) = sin_cos(k as f64 / POINTS as f64);
        twiddles[k] = Complex {
            re: round(16384.0 * cos) as i16,
            im: round(-16384.0 * sin) as i16,
        };
        k += 1;
    }
    twiddles
};

impl Spectrum {
    /// The spectrum of a window of samples, after pre-emphasis and the Hann window.
    #[must_use]
    pub fn of(samples: &[i16; WINDOW]) -> Self {
        let seen = windowed(samples).fold(0, |seen, x| seen | magnitude(x));
        // From 31 bits to BITS, up as well as down.
        let shift = (u32::BITS - seen.leading_zeros()) as i32 - BITS as i32;
        let mut spectrum = Self {
            points: [ZERO; POINTS],
            exponent: shift - 14,
        };
        let mut numbers = windowed(samples).map(|x| match shift < 0 {
            true => (x << -shift) as i16,
            false => ((x + ((1 << shift) >> 1)) >> shift) as i16,
        });
        for place in 0..=u8::MAX {
            let (Some(re), Some(im)) = (numbers.next(), numbers.next()) else {
                break;
            };
            spectrum.points[usize::from(place.reverse_bits())] = Complex { re, im };
        }
        spectrum.transform();
        spectrum
    }

    /// Decimation in time: butterflies over ever larger blocks, each level after as many shifts to
    /// the right as it needs.
    fn transform(&mut self) {
        for level in 0..LEVELS {
            let shift = self.excess(BITS);
            let (half, step) = (1_usize << level, POINTS >> (level + 1));
            for block in self.points.chunks_exact_mut(2 * half) {
                let Some((low, high)) = block.split_at_mut_checked(half) else {
                    continue;
                };
                let roots = TWIDDLES.iter().step_by(step.max(1));
                for ((low, high), root) in low.iter_mut().zip(high).zip(roots) {
                    let (re, im) = times(i32::from(high.re), i32::from(high.im), *root, 14 + shift);
                    let (a, b) = (shifted(low.re, shift), shifted(low.im, shift));
                    *low = Complex {
                        re: (a + re) as i16,
                        im: (b + im) as i16,
                    };
                    *high = Complex {
                        re: (a - re) as i16,
                        im: (b - im) as i16,
                    };
                }
            }
            self.exponent += shift as i32;
        }
        // So that a power has 32 bits.
        let shift = self.excess(14);
        for point in &mut self.points {
            point.re = shifted(point.re, shift) as i16;
            point.im = shifted(point.im, shift) as i16;
        }
        self.exponent += shift as i32;
    }

    /// By how many bits the numbers are larger than `bits` bits and a sign.
    fn excess(&self, bits: u32) -> u32 {
        let of = |point: &Complex| magnitude(point.re.into()) | magnitude(point.im.into());
        let seen = self.points.iter().fold(0, |seen, point| seen | of(point));
        (u32::BITS - seen.leading_zeros()).saturating_sub(bits)
    }

    /// Twice the exponent of the numbers: powers times 2 to this number are those of the samples.
    #[must_use]
    pub fn power_exponent(&self) -> i32 {
        2 * self.exponent
    }

    /// Hands the powers of the frequencies `k / 512`, `k` from 1 to 255, to `take`, two by two: `k`,
    /// its power, and the power of `256 - k`.
    pub fn powers(&self, mut take: impl FnMut(u8, u32, u32)) {
        let both = self.points.iter().skip(1).zip(self.points.iter().rev());
        for (k, ((z, mirrored), root)) in (1..=128).zip(both.zip(ROOTS.iter().skip(1))) {
            // The spectra of the even and of the odd samples, each halved.
            let even_re = halved(i32::from(z.re) + i32::from(mirrored.re));
            let even_im = halved(i32::from(z.im) - i32::from(mirrored.im));
            let odd_re = halved(i32::from(z.im) + i32::from(mirrored.im));
            let odd_im = halved(i32::from(mirrored.re) - i32::from(z.re));
            let (re, im) = times(odd_re, odd_im, *root, 14);
            let low = square(even_re + re) + square(even_im + im);
            let high = square(even_re - re) + square(even_im - im);
            take(k, low, high);
        }
    }
}

/// The samples after pre-emphasis and window, times `2^14`: 30 bits and a sign.
fn windowed(samples: &[i16; WINDOW]) -> impl Iterator<Item = i32> {
    let mut before = i32::from(samples[0]);
    samples.iter().zip(&HANN).map(move |(sample, weight)| {
        let sample = i32::from(*sample);
        let risen = sample - before;
        before = sample;
        risen * i32::from(*weight)
    })
}

/// A number with the same leading zeros as the absolute value, or that of the number below it.
fn magnitude(x: i32) -> u32 {
    (x ^ (x >> 31)) as u32
}

/// `x` divided by `2^shift`, to the nearest.
fn shifted(x: i16, shift: u32) -> i32 {
    (i32::from(x) + ((1 << shift) >> 1)) >> shift
}

/// Half of `x`, rounded up.
fn halved(x: i32) -> i32 {
    (x + 1) >> 1
}

/// A product with a root of 1, divided by `2^shift`, to the nearest; each part has 15 bits and a
/// sign.
fn times(re: i32, im: i32, root: Complex, shift: u32) -> (i32, i32) {
    let (c, s) = (i32::from(root.re), i32::from(root.im));
    let half = (1 << shift) >> 1;
    (
        (re * c - im * s + half) >> shift,
        (re * s + im * c + half) >> shift,
    )
}

fn square(x: i32) -> u32 {
    x.unsigned_abs().pow(2)
}
