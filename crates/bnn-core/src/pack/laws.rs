//! The sign law, strides and refusals of packing, through the public functions.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::bits::BitMatrix;

#[test]
fn the_sign_law_holds_at_its_edges() -> Result<(), Error> {
    let tiny = f32::from_bits(1);
    let x = [
        0.0,
        -0.0,
        f32::NAN,
        tiny,
        -tiny,
        f32::INFINITY,
        f32::NEG_INFINITY,
    ];
    assert_eq!(BitMatrix::pack(&x, 1, 7)?.words(), [0b010_1011]);
    let x = [0.0, -0.0, -f64::NAN, 1e-300, -1e-300];
    assert_eq!(BitMatrix::pack(&x, 1, 5)?.words(), [0b0_1011]);
    assert_eq!(
        BitMatrix::pack(&[0_i8, -1, i8::MIN, i8::MAX], 1, 4)?.words(),
        [0b1001]
    );
    assert_eq!(
        BitMatrix::pack(&[0_i32, -1, i32::MIN, i32::MAX], 1, 4)?.words(),
        [0b1001]
    );
    Ok(())
}

#[test]
fn a_stride_shorter_than_a_row_or_a_slice_too_short_is_refused() -> Result<(), Error> {
    let mut bits = BitMatrix::zeros(2, 3)?;
    assert!(pack(&[1.0_f32; 6], 2, &mut bits.view_mut()).is_err());
    assert!(pack(&[1.0_f32; 6], 4, &mut bits.view_mut()).is_err());
    assert!(pack(&[1.0_f32; 7], 4, &mut bits.view_mut()).is_ok());
    assert!(unpack(bits.view(), &mut [0_i8; 6], 4).is_err());
    Ok(())
}

#[test]
fn packing_counts_its_elements() {
    assert!(BitMatrix::pack(&[1.0_f32; 6], 2, 3).is_ok());
    assert!(BitMatrix::pack(&[1.0_f32; 7], 2, 3).is_err());
    assert!(BitMatrix::pack::<f32>(&[], 0, 3).is_err());
    // Refused for the numbers that are missing, before memory is asked for.
    assert_eq!(
        BitMatrix::pack(&[1.0_f32], 1, 1 << (usize::BITS - 4)),
        Err(Error::Mismatch {
            what: "elements to pack",
            expected: 1 << (usize::BITS - 4),
            found: 1
        })
    );
}

proptest! {
    #[test]
    fn packing_with_a_stride_equals_the_sign_law_bit_by_bit(
        rows in 1_usize..5, cols in 1_usize..200, gap in 0_usize..9,
        fill in proptest::collection::vec(-2.0_f32..2.0, 1..400),
    ) {
        let stride = cols + gap;
        let x: Vec<f32> = fill.iter().copied().cycle().take(rows * stride).collect();
        let mut bits = BitMatrix::zeros(rows, cols)?;
        pack(&x, stride, &mut bits.view_mut())?;
        for r in 0..rows {
            for c in 0..cols {
                prop_assert_eq!(bits.view().get(r, c), Some(x[r * stride + c] >= 0.0));
            }
        }
        prop_assert!(BitMatrixView::new(bits.words(), rows, cols).is_ok());

        let mut back = vec![7_i8; rows * stride];
        unpack(bits.view(), &mut back, stride)?;
        for (i, &v) in back.iter().enumerate() {
            let expected = if i % stride >= cols { 7 } else if x[i] >= 0.0 { 1 } else { -1 };
            prop_assert_eq!(v, expected);
        }
    }

    #[test]
    fn a_threshold_on_bytes_is_a_comparison(
        rows in 1_usize..4, cols in 1_usize..200, gap in 0_usize..9, threshold: u8,
        fill in proptest::collection::vec(any::<u8>(), 1..400),
    ) {
        let stride = cols + gap;
        let x: Vec<u8> = fill.iter().copied().cycle().take(rows * stride).collect();
        let (mut bits, mut expected) = (BitMatrix::zeros(rows, cols)?, BitMatrix::zeros(rows, cols)?);
        pack_threshold(&x, stride, threshold, &mut bits.view_mut())?;
        pack_where(&x, stride, &mut expected.view_mut(), |x| x >= threshold)?;
        prop_assert_eq!(bits, expected);
    }

    #[test]
    fn every_type_packs_and_unpacks_the_same(
        cols in 1_usize..200, fill in proptest::collection::vec(any::<i8>(), 200),
    ) {
        fn there_and_back<T: Number + From<i8>>(x: &[i8]) -> Result<(BitMatrix, bool), Error> {
            let x: Vec<T> = x.iter().map(|&x| x.into()).collect();
            let bits = BitMatrix::pack(&x, 1, x.len())?;
            let signs = x.iter().map(|&x| T::from(if x >= T::zero() { 1 } else { -1 }));
            let same = signs.eq(bits.unpack::<T>()?);
            Ok((bits, same))
        }
        let x = &fill[..cols];
        let expected = (BitMatrix::pack(x, 1, cols)?, true);
        prop_assert_eq!(&there_and_back::<i8>(x)?, &expected);
        prop_assert_eq!(&there_and_back::<i16>(x)?, &expected);
        prop_assert_eq!(&there_and_back::<i32>(x)?, &expected);
        prop_assert_eq!(&there_and_back::<i64>(x)?, &expected);
        prop_assert_eq!(&there_and_back::<f32>(x)?, &expected);
        prop_assert_eq!(&there_and_back::<f64>(x)?, &expected);
    }
}
