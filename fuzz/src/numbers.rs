//! Numbers made of an input's bytes.

use bnn_core::{BitMatrix, Error};

/// The bytes of an input, and noise after them: short inputs describe large operands too.
#[derive(Clone, Debug)]
pub struct Numbers<'a> {
    bytes: core::slice::Iter<'a, u8>,
    noise: u64,
}

impl<'a> Numbers<'a> {
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let seed = bytes.iter().fold(0, |seed: u64, &byte| {
            (seed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        Self {
            bytes: bytes.iter(),
            noise: seed | 1,
        }
    }

    pub fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or_else(|| {
            self.noise ^= self.noise << 13;
            self.noise ^= self.noise >> 7;
            self.noise ^= self.noise << 17;
            (self.noise >> 32) as u8
        })
    }

    pub fn i32(&mut self) -> i32 {
        i32::from_le_bytes([0; 4].map(|_| self.byte()))
    }

    /// Any `f32`, and often one at an edge of the sign law.
    pub fn f32(&mut self) -> f32 {
        match self.byte() % 16 {
            0 => 0.0,
            1 => -0.0,
            2 => f32::NAN,
            3 => -f32::NAN,
            4 => f32::from_bits(1),
            5 => -f32::from_bits(1),
            6 => f32::INFINITY,
            7 => f32::NEG_INFINITY,
            _ => f32::from_bits(self.i32().cast_unsigned()),
        }
    }

    /// Any `f64`, and often one that is an `f32`.
    pub fn f64(&mut self) -> f64 {
        match self.byte() % 4 {
            0 => f64::from_bits(u64::from_le_bytes([0; 8].map(|_| self.byte()))),
            // Vanishes as an `f32`.
            1 => -f64::from_bits(u64::from(self.byte())),
            _ => f64::from(self.f32()),
        }
    }

    /// Bits, eight of them from a byte.
    ///
    /// # Errors
    /// A zero or overflowing shape.
    pub fn bits(&mut self, rows: usize, cols: usize) -> Result<BitMatrix, Error> {
        let mut bits = BitMatrix::zeros(rows, cols)?;
        let mut view = bits.view_mut();
        for r in 0..rows {
            let mut byte = 0;
            for c in 0..cols {
                if c % 8 == 0 {
                    byte = self.byte();
                }
                view.set(r, c, byte >> (c % 8) & 1 == 1);
            }
        }
        Ok(bits)
    }
}
