//! Images of bytes, as pixels are before they are scaled: a convolution with signs sums integers,
//! and the kernels for bytes are faster than products of floats.

use std::ops::Range;

use bnn_core::conv::{Conv2d, Images, PackedFilters, PadValue, conv2d_f32};
use bnn_core::internal::packed_filters_for_bytes;

use super::passes::Filters;
use crate::error::Error;
use crate::parallel::wide;
use crate::real::Real;

/// A batch of images whose elements are bytes, and the filters laid out for them.
pub(super) struct ByteImages {
    bytes: Vec<u8>,
    filters: PackedFilters,
}

/// Integers up to here are exact in `f32`.
const EXACT: usize = 1 << 24;

impl ByteImages {
    /// `None` unless all elements of `x` are bytes and every sum of the convolution is exact in
    /// `f32`, in any order of summation: then the result is the same.
    pub(super) fn new<T: Real>(
        conv: &Conv2d,
        x: &[T],
        filters: Filters<'_, T>,
    ) -> Result<Option<Self>, Error> {
        let (Some(x), Filters::Signs(signs)) = (T::as_f32s(x), filters) else {
            return Ok(None);
        };
        let exact = conv.patch_len().saturating_mul(usize::from(u8::MAX)) <= EXACT;
        if !exact || conv.groups() > 1 || conv.pad_value() != PadValue::Zero {
            return Ok(None);
        }
        let Some(bytes) = bytes_of(x) else {
            return Ok(None);
        };
        let filters = packed_filters_for_bytes(conv, signs)?;
        Ok(Some(Self { bytes, filters }))
    }

    /// Writes the sums of some images to every element of `y`, which is of the type that `new` has
    /// seen.
    pub(super) fn sums<T: Real>(&self, images: Range<usize>, y: &mut [T]) -> Result<(), Error> {
        let conv = self.filters.conv();
        let [height, width] = conv.windows().input_size();
        let image = height * width * conv.channels();
        let x = Images::Unsigned {
            x: &self.bytes[images.start * image..images.end * image],
            depth: 8,
        };
        let n = conv.outputs();
        let Some(y) = T::as_f32s_mut(y) else {
            unreachable!("images of bytes are made of `f32` alone")
        };
        Ok(conv2d_f32(
            x,
            &self.filters,
            &vec![1.0; n],
            &vec![0.0; n],
            y,
            n,
        )?)
    }
}

/// The numbers as bytes, if all of them are.
fn bytes_of(x: &[f32]) -> Option<Vec<u8>> {
    // Real data is found not to be bytes at its first numbers.
    const BLOCK: usize = 4096;
    let mut bytes = vec![0; x.len()];
    for (bytes, x) in bytes.chunks_mut(BLOCK).zip(x.chunks(BLOCK)) {
        let exact = wide(|| {
            let mut exact = true;
            for (byte, &x) in bytes.iter_mut().zip(x) {
                let integer = x as i32;
                *byte = integer as u8;
                exact &= integer as f32 == x && integer & 0xFF == integer;
            }
            exact
        });
        if !exact {
            return None;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bytes_are_taken_for_bytes() {
        let all: Vec<f32> = (0..=255_u8).map(f32::from).collect();
        assert_eq!(bytes_of(&all), Some((0..=255).collect()));
        assert_eq!(bytes_of(&[-0.0]), Some(vec![0]));
        for other in [-1.0, 0.5, 256.0, 1e10, f32::NAN, f32::INFINITY] {
            assert_eq!(bytes_of(&[1.0, other, 2.0]), None, "{other}");
        }
    }
}
