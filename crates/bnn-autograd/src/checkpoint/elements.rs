//! Numbers of any float type in a file, as numbers of the model's.

use safetensors::Dtype;

use crate::real::Real;

/// The float types that are read.
pub(super) const READ: &str = "F64, F32, F16 or BF16";

/// The name in a file of the type `T`. [`Real`] is sealed, so its size tells which type it is.
pub(super) const fn dtype<T: Real>() -> Dtype {
    match size_of::<T>() {
        4 => Dtype::F32,
        _ => Dtype::F64,
    }
}

/// The elements, each the nearest value of `T`; `None` for types that are not read.
pub(super) fn elements<T: Real>(found: Dtype, bytes: &[u8]) -> Option<Vec<T>> {
    fn each<T: Real, const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<T> {
        let (elements, _) = bytes.as_chunks::<N>();
        elements.iter().map(|&x| T::from_f64(number(x))).collect()
    }
    match found {
        same if same == dtype::<T>() => bytes.chunks(size_of::<T>()).map(T::from_le).collect(),
        Dtype::F64 => Some(each(bytes, f64::from_le_bytes)),
        Dtype::F32 => Some(each(bytes, |x| f32::from_le_bytes(x).into())),
        Dtype::F16 => Some(each(bytes, |x| f16_to_f32(u16::from_le_bytes(x)).into())),
        Dtype::BF16 => Some(each(bytes, |x| bf16_to_f32(u16::from_le_bytes(x)).into())),
        _ => None,
    }
}

/// The upper half of an `f32`.
fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// IEEE 754 binary16: 5 bits of exponent with a bias of 15, 10 bits of mantissa.
fn f16_to_f32(bits: u16) -> f32 {
    let bits = u32::from(bits);
    let (sign, exponent, mantissa) = (bits >> 15 << 31, bits >> 10 & 31, bits & 0x3FF);
    let magnitude = match exponent {
        // Multiples of 2^-24, of which f32 has no subnormals.
        0 => mantissa as f32 / (1_u32 << 24) as f32,
        31 => f32::from_bits(0xFF << 23 | mantissa << 13),
        exponent => f32::from_bits((exponent + 127 - 15) << 23 | mantissa << 13),
    };
    f32::from_bits(sign | magnitude.to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_has_the_value_that_its_bits_say() {
        for bits in 0..=u16::MAX {
            let found = f64::from(f16_to_f32(bits));
            let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
            let (exponent, mantissa) = (i32::from(bits >> 10 & 31), f64::from(bits & 0x3FF));
            let expected = sign
                * match exponent {
                    31 if mantissa == 0.0 => f64::INFINITY,
                    31 => f64::NAN,
                    0 => mantissa / 1024.0 * f64::exp2(-14.0),
                    e => (1.0 + mantissa / 1024.0) * f64::exp2(f64::from(e - 15)),
                };
            let same = found == expected || found.is_nan() && expected.is_nan();
            assert!(same, "{bits:#06x}: {found} is not {expected}");
            assert_eq!(found.is_sign_negative(), bits >> 15 == 1, "{bits:#06x}");
        }
    }

    #[test]
    fn brain_floats_are_the_upper_halves_of_floats() {
        for x in [0.0, -0.0, 1.0, -2.5, f32::INFINITY, 1.0e-38, 3.0e38] {
            let bits = (x.to_bits() >> 16) as u16;
            assert_eq!(bf16_to_f32(bits).to_bits(), x.to_bits() & 0xFFFF_0000);
        }
    }

    #[test]
    fn every_float_type_becomes_every_other() {
        let (f16, bf16) = (0xC100_u16.to_le_bytes(), 0xC020_u16.to_le_bytes());
        let (f32, f64) = ((-2.5_f32).to_le_bytes(), (-2.5_f64).to_le_bytes());
        let files = [
            (Dtype::F16, &f16[..]),
            (Dtype::BF16, &bf16),
            (Dtype::F32, &f32),
            (Dtype::F64, &f64),
        ];
        for (dtype, bytes) in files {
            assert_eq!(elements::<f32>(dtype, bytes), Some(vec![-2.5]));
            assert_eq!(elements::<f64>(dtype, bytes), Some(vec![-2.5]));
        }
        assert_eq!(elements::<f32>(Dtype::I64, &f64), None);
    }
}
