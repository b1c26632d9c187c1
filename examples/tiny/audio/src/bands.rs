//! The powers of bands of frequencies, and their logarithms.

use core::f64::consts::LN_2;

use crate::constants::{exp, ln, round};
use crate::spectrum::Spectrum;

/// Bands, triangles that overlap their neighbours by half.
pub const BANDS: usize = 30;
/// Where the first band begins and the last one ends, in Hz.
pub const EDGES: [u32; 2] = [60, 7600];
/// The least logarithm, in 256ths: what is below is silence, and noise of a converter.
pub const FLOOR: i16 = 22 * 256;

/// Sums of powers: those of the bands, and one before and one after them for what lies in none.
const SUMS: usize = BANDS + 2;

/// The share of a frequency that belongs to a band.
#[derive(Clone, Copy)]
struct Share {
    /// The sum that the rest of it goes to; the share goes to the next one.
    sum: u8,
    /// 256ths.
    rising: u8,
}

/// Of each frequency `k / 512`.
static SHARES: [Share; 256] = {
    let (mut shares, mut k) = ([Share { sum: 0, rising: 0 }; 256], 0);
    let (first, last) = (mel(EDGES[0] as f64), mel(EDGES[1] as f64));
    while k < 256 {
        // The place between the edges 0 to BANDS + 1 of the bands.
        let place = (mel(k as f64 * 31.25) - first) * (BANDS + 1) as f64 / (last - first);
        shares[k] = match place {
            ..0.0 => Share { sum: 0, rising: 0 },
            place if place >= (BANDS + 1) as f64 => Share {
                sum: BANDS as u8 + 1,
                rising: 0,
            },
            place => {
                let rising = round((place - place as u8 as f64) * 256.0);
                Share {
                    sum: place as u8,
                    rising: if rising > 255 { 255 } else { rising as u8 },
                }
            }
        };
        k += 1;
    }
    shares
};

/// Mel of Hz (O'Shaughnessy 1987).
const fn mel(hertz: f64) -> f64 {
    1127.0 * ln(1.0 + hertz / 700.0)
}

/// The logarithms to the base 2 of the bands' powers, in 256ths, at least [`FLOOR`]. A power is the
/// sum of the squared magnitudes of a transform of samples that are integers, weighted with up to
/// 256.
#[must_use]
pub fn logarithms(spectrum: &Spectrum) -> [i16; BANDS] {
    let mut sums = [0_u64; SUMS];
    let mut add = |k: u8, power: u32| {
        let Share { sum, rising } = SHARES[usize::from(k)];
        let rising = u64::from(power) * u64::from(rising);
        if let Some([rest, share]) = sums
            .get_mut(usize::from(sum)..)
            .and_then(<[u64]>::first_chunk_mut)
        {
            *rest += (u64::from(power) << 8) - rising;
            *share += rising;
        }
    };
    spectrum.powers(|k, low, high| {
        add(k, low);
        // The one in the middle is its own mirror.
        if k < 128 {
            add(0_u8.wrapping_sub(k), high);
        }
    });
    let exponent = 256 * spectrum.power_exponent();
    let mut logarithms = [FLOOR; BANDS];
    for (logarithm, sum) in logarithms.iter_mut().zip(&sums[1..]) {
        if *sum > 0 {
            *logarithm = FLOOR.max((log2(*sum) + exponent) as i16);
        }
    }
    logarithms
}

/// `2^12` times the logarithm to the base 2 of `1 + i / 32`.
static LOG2: [u16; 33] = {
    let (mut logs, mut i) = ([0; 33], 0);
    while i <= 32 {
        logs[i] = round(4096.0 * ln(1.0 + i as f64 / 32.0) / LN_2) as u16;
        i += 1;
    }
    logs
};

/// 256 times the logarithm to the base 2 of a number that is not 0, by linear interpolation between
/// 32 points of an octave, at most 0.3 too small.
#[must_use]
pub fn log2(x: u64) -> i32 {
    let zeros = x.leading_zeros();
    // The bits after the first one: five for the point, eight for the place behind it.
    let rest = ((x << zeros) >> 50) as u32;
    let (point, place) = ((rest >> 8) & 31, rest & 255);
    let (low, high) = match LOG2.get(point as usize..).and_then(<[u16]>::first_chunk) {
        Some([low, high]) => (u32::from(*low), u32::from(*high)),
        None => (0, 0), // there are 33 points, and `point` is below 32
    };
    let octave = low + (((high - low) * place) >> 8);
    (63 - zeros as i32) * 256 + (octave >> 4) as i32
}

/// The edges of the bands in Hz: band `i` rises from edge `i` to the next one, and falls to the one
/// after it.
#[must_use]
pub const fn edges() -> [f64; SUMS] {
    let (first, last) = (mel(EDGES[0] as f64), mel(EDGES[1] as f64));
    let (mut edges, mut i) = ([0.0; SUMS], 0);
    while i < SUMS {
        let mel = first + (last - first) * i as f64 / (BANDS + 1) as f64;
        edges[i] = 700.0 * (exp(mel / 1127.0) - 1.0);
        i += 1;
    }
    edges
}
