//! What does not fit is refused, and nothing is written.

use alloc::vec;

use super::*;

#[test]
fn shapes_that_cannot_be_are_refused() {
    let new = |image, outputs, options| Conv2d::new(image, outputs, [3, 3], options);
    let options = ConvOptions::default();
    for image in [[0, 5, 2], [5, 0, 2], [5, 5, 0]] {
        assert!(matches!(new(image, 2, options), Err(Error::Zero { .. })));
    }
    assert!(matches!(
        new([5, 5, 2], 0, options),
        Err(Error::Zero { .. })
    ));
    let groups = |groups| ConvOptions { groups, ..options };
    assert!(matches!(
        new([5, 5, 2], 2, groups(0)),
        Err(Error::Zero { .. })
    ));
    for (channels, outputs, wrong) in [(6, 4, 6), (4, 6, 6)] {
        let refused = new([5, 5, channels], outputs, groups(4));
        assert!(
            matches!(refused, Err(Error::Indivisible { divisor: 4, found, .. }) if found == wrong)
        );
    }
    assert!(matches!(
        new([2, 5, 2], 2, options),
        Err(Error::OutOfRange {
            max: 2,
            found: 3,
            ..
        })
    ));
    for huge in [1 << 31, usize::MAX / 2, usize::MAX] {
        for image in [[huge, huge, 1], [huge, 3, huge], [3, 3, huge]] {
            assert!(new(image, 1, options).is_err());
        }
        assert!(new([huge, huge, 1], huge, options).is_err());
    }
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_written() -> Result<(), Error> {
    let conv = Conv2d::new(
        [3, 3, 2],
        4,
        [3, 3],
        padded(Padding::Same, PadValue::MinusOne),
    )?;
    let filters = BitMatrix::zeros(4, 18)?;
    for wrong in [BitMatrix::zeros(3, 18)?, BitMatrix::zeros(4, 17)?] {
        assert!(PackedFilters::new(&conv, wrong.view()).is_err());
    }
    let packed = PackedFilters::new(&conv, filters.view())?;
    let images = BitMatrix::zeros(18, 2)?;
    let mut c = [GUARD; 2 * 9 * 4];

    // Images of other channels, in parts, and none.
    for wrong in [BitMatrix::zeros(18, 3)?, BitMatrix::zeros(17, 2)?] {
        assert!(conv2d_i32(wrong.view(), &packed, &mut c, 4).is_err());
    }
    for wrong in [[0.0; 35].as_slice(), &[]] {
        assert!(conv2d_i32(wrong, &packed, &mut c, 4).is_err());
    }
    // Outputs too short, or with rows that overlap.
    assert!(conv2d_i32(images.view(), &packed, &mut c[..71], 4).is_err());
    assert!(conv2d_i32(images.view(), &packed, &mut c, 3).is_err());
    assert!(conv2d_i32(images.view(), &packed, &mut c, usize::MAX).is_err());
    // Unsigned inputs that are padded with -1, or too large for their depth.
    let unsigned = |x, depth| Images::Unsigned { x, depth };
    assert!(matches!(
        conv2d_i32(unsigned(&[0; 36], 8), &packed, &mut c, 4),
        Err(Error::Unsupported { .. })
    ));
    let options = padded(Padding::Same, PadValue::Zero);
    let conv = Conv2d::new([3, 3, 2], 4, [3, 3], options)?;
    let zeros = PackedFilters::new(&conv, filters.view())?;
    let mut bytes = [3; 36];
    bytes[35] = 4;
    assert_eq!(
        conv2d_i32(unsigned(&bytes, 2), &zeros, &mut c, 4),
        Err(Error::OutOfRange {
            what: "element of an unsigned input",
            max: 3,
            found: 4
        })
    );
    for depth in [0, 9] {
        assert!(conv2d_i32(unsigned(&bytes, depth), &zeros, &mut c, 4).is_err());
    }
    assert_eq!(c, [GUARD; 72]);

    let mut y = [0.5; 72];
    assert!(conv2d_f32(images.view(), &packed, &[1.0; 3], &[0.0; 4], &mut y, 4).is_err());
    assert!(conv2d_f32(images.view(), &packed, &[1.0; 4], &[0.0; 5], &mut y, 4).is_err());
    assert_eq!(y, [0.5; 72]);
    for (rows, cols, thresholds) in [(18, 4, 3), (17, 4, 4), (18, 5, 4)] {
        let mut out = BitMatrix::pack(&vec![1_i8; rows * cols], rows, cols)?;
        let before = out.clone();
        let thresholds = vec![0_i32; thresholds];
        let refused = conv2d_bits(
            images.view(),
            &packed,
            thresholds.as_slice(),
            &mut out.view_mut(),
        );
        assert!(refused.is_err());
        assert_eq!(out, before);
    }
    Ok(())
}
