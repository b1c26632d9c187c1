//! Features of sound for small networks: samples of 16 bits at 16 kHz go in one by one, and every
//! 20 ms come [`FEATURES`] bytes. A second gives 49 frames.
//!
//! Everything is computed in integers, without a heap, and the tables are made by the compiler, so
//! that a host and a microcontroller get the same bits. A frame is made of 30 ms:
//!
//! 1. Differences of samples, `x[t] - x[t-1]` (pre-emphasis), and a Hann window ([`spectrum`]).
//! 2. A Fourier transform of 512 points, of which the window fills 480, in block floating point: 16
//!    bits and one exponent for all.
//! 3. The power of 30 bands between 60 and 7600 Hz, evenly spaced in mel ([`bands`]), and its
//!    logarithm to the base 2, which begins at a floor.
//! 4. Cepstral coefficients 0 to 9, the cosine transform of the logarithms ([`cepstrum`]), each
//!    shifted and scaled by constants of its own so that speech fills the range of a byte.
//!
//! ```
//! use tiny_audio::FrontEnd;
//!
//! let mut front_end = FrontEnd::new();
//! let second = (0..16_000).map(|t| ((t * t / 700) % 2000 - 1000) as i16);
//! let frames: Vec<[u8; 10]> = second.filter_map(|sample| front_end.push(sample)).collect();
//! assert_eq!(frames.len(), 49);
//! ```
#![no_std]

pub mod bands;
pub mod cepstrum;
mod constants;
pub mod spectrum;

pub use cepstrum::FEATURES;

/// Samples in a second.
pub const RATE: usize = 16_000;
/// Samples under a window, 30 ms.
pub const WINDOW: usize = 480;
/// Samples from one window to the next, 20 ms.
pub const HOP: usize = 320;
/// Samples that two windows share.
const SHARED: usize = WINDOW - HOP;

/// Frames that `samples` samples give.
#[must_use]
pub const fn frames(samples: usize) -> usize {
    match samples.checked_sub(WINDOW) {
        Some(rest) => rest / HOP + 1,
        None => 0,
    }
}

/// Takes samples one by one and gives the features of a frame whenever there is one: after the
/// first [`WINDOW`] samples, and after each [`HOP`] further ones.
#[derive(Clone, Debug)]
pub struct FrontEnd {
    /// The last samples, of which the first `filled` are there.
    samples: [i16; WINDOW],
    filled: usize,
}

impl FrontEnd {
    /// A front end before its first sample.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            samples: [0; WINDOW],
            filled: 0,
        }
    }

    /// Takes a sample. If it completes a frame, that frame's features are returned.
    pub fn push(&mut self, sample: i16) -> Option<[u8; FEATURES]> {
        if let Some(place) = self.samples.get_mut(self.filled) {
            *place = sample;
            self.filled += 1;
        }
        if self.filled < WINDOW {
            return None;
        }
        let frame = features(&self.samples);
        self.samples.copy_within(HOP.., 0);
        self.filled = SHARED;
        Some(frame)
    }
}

impl Default for FrontEnd {
    fn default() -> Self {
        Self::new()
    }
}

/// The features of one window.
#[must_use]
pub fn features(samples: &[i16; WINDOW]) -> [u8; FEATURES] {
    cepstrum::bytes(&cepstrum::coefficients(&log_bands(samples)))
}

/// The logarithms of the bands' powers in one window; see [`bands::logarithms`].
#[must_use]
pub fn log_bands(samples: &[i16; WINDOW]) -> [i16; bands::BANDS] {
    let spectrum = spectrum::Spectrum::of(samples);
    bands::logarithms(&spectrum)
}
