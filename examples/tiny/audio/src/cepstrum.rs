//! Cepstral coefficients of the bands, as bytes.

use crate::bands::BANDS;
use crate::constants::{round, sin_cos};

/// Bytes of a frame.
pub const FEATURES: usize = 10;

/// `2^12` times the cosines of the transform (DCT-II): 30 products with logarithms below 13 000 have
/// 31 bits.
static COSINES: [[i16; BANDS]; FEATURES] = {
    let (mut cosines, mut i) = ([[0; BANDS]; FEATURES], 0);
    while i < FEATURES {
        let mut band = 0;
        while band < BANDS {
            let (_, cos) = sin_cos(i as f64 * (band as f64 + 0.5) / (2 * BANDS) as f64);
            cosines[i][band] = round(4096.0 * cos) as i16;
            band += 1;
        }
        i += 1;
    }
    cosines
};

/// What of a coefficient becomes a byte.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The coefficient that becomes 128.
    pub middle: i32,
    /// How far from it a byte reaches on either side.
    pub reach: i32,
}

/// The spans of the coefficients.
pub const SPANS: [Span; FEATURES] = [
    Span {
        middle: 222000,
        reach: 105000,
    },
    Span {
        middle: 1500,
        reach: 36000,
    },
    Span {
        middle: 1800,
        reach: 19000,
    },
    Span {
        middle: -450,
        reach: 18500,
    },
    Span {
        middle: -1200,
        reach: 12000,
    },
    Span {
        middle: -900,
        reach: 10300,
    },
    Span {
        middle: -840,
        reach: 10000,
    },
    Span {
        middle: -260,
        reach: 7900,
    },
    Span {
        middle: -580,
        reach: 7400,
    },
    Span {
        middle: 460,
        reach: 7400,
    },
];

/// The coefficients 0 to 9 of logarithms in 256ths: sums of them, each weighted with a cosine.
#[must_use]
pub fn coefficients(logarithms: &[i16; BANDS]) -> [i32; FEATURES] {
    let mut coefficients = [0; FEATURES];
    for (coefficient, cosines) in coefficients.iter_mut().zip(&COSINES) {
        let products = cosines.iter().zip(logarithms);
        let sum: i32 = products
            .map(|(cos, log)| i32::from(*cos) * i32::from(*log))
            .sum();
        *coefficient = sum >> 12;
    }
    coefficients
}

/// `2^23` times 128 divided by the reach of each span, for a multiplication where a division would
/// take a routine.
static FACTORS: [i32; FEATURES] = {
    let (mut factors, mut i) = ([0; FEATURES], 0);
    while i < FEATURES {
        factors[i] = (1 << 30) / SPANS[i].reach;
        i += 1;
    }
    factors
};

/// The coefficients as bytes, saturated.
#[must_use]
pub fn bytes(coefficients: &[i32; FEATURES]) -> [u8; FEATURES] {
    let mut bytes = [0; FEATURES];
    let constants = SPANS.iter().zip(&FACTORS);
    for ((byte, x), (span, factor)) in bytes.iter_mut().zip(coefficients).zip(constants) {
        let from_middle = (i64::from(x - span.middle) * i64::from(*factor)) >> 23;
        *byte = (128 + from_middle).clamp(0, 255) as u8;
    }
    bytes
}
