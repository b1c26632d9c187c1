//! Arguments as large as they can be: a shape is refused, or computed with in time and memory that
//! the buffers given account for. Overflow checks are on in tests.

use super::*;

/// Sizes at which arithmetic breaks if it does.
const EXTREMES: [usize; 9] = [
    1,
    2,
    5,
    HALF >> 1,
    HALF - 1,
    HALF,
    HALF << 8,
    usize::MAX >> 1,
    1 << (usize::BITS - 1),
];

/// Its square is the first number that is too large.
const HALF: usize = 1 << (usize::BITS / 2);

fn around(top: usize, bottom: usize, left: usize, right: usize) -> Padding {
    Padding::Explicit {
        top,
        bottom,
        left,
        right,
    }
}

#[test]
fn a_stride_beyond_the_image_is_like_one_that_just_leaves_it() -> Result<(), Error> {
    for value in [PadValue::Zero, PadValue::MinusOne, PadValue::PlusOne] {
        for stride in EXTREMES {
            for channels in [3, 64, 256] {
                let options = ConvOptions {
                    stride: [2, stride],
                    ..padded(around(1, 2, 2, 3), value)
                };
                let case = Case::new([1, 5, channels], 5, [4, 4], options);
                case.check(Input::Bits, Kernel::available())?;
            }
        }
    }
    Ok(())
}

#[test]
fn filters_are_packed_whatever_surrounds_the_image() -> Result<(), Error> {
    let mut packed = 0;
    for input in EXTREMES {
        for before in EXTREMES {
            for [stride, dilation] in [[1, 1], [2, 1], [1, 7], [HALF << 8, 3]] {
                for value in [PadValue::Zero, PadValue::PlusOne] {
                    let options = ConvOptions {
                        stride: [stride, 1],
                        dilation: [dilation, 1],
                        ..padded(around(before, 1, 1, 0), value)
                    };
                    let Ok(conv) = Conv2d::new([input, 1, 2], 3, [3, 2], options) else {
                        continue;
                    };
                    let filters = BitMatrix::zeros(3, conv.patch_len())?;
                    PackedFilters::new(&conv, filters.view())?;
                    packed += 1;
                }
            }
        }
    }
    assert!(packed > 100, "only {packed} shapes are shapes");
    Ok(())
}

#[test]
fn a_pool_may_be_as_large_as_its_padded_image() -> Result<(), Error> {
    for size in EXTREMES {
        for stride in EXTREMES {
            for padding in [Padding::Same, around(size - 1, size - 1, 0, 0)] {
                let Ok(pool) = Pool2d::new([1, 1, 3], [size, 1], [stride, 1], padding) else {
                    continue;
                };
                let [rows, _] = pool.windows().output_size();
                if rows > 1000 {
                    continue; // no such output is given
                }
                let x = BitMatrix::pack(&[1_i8, -1, 1], 1, 3)?;
                let mut y = BitMatrix::zeros(rows, 3)?;
                max_pool2d(x.view(), &pool, &mut y.view_mut())?;
                assert!(y.words().iter().all(|&word| word == 0b101), "{pool:?}");
            }
        }
    }
    Ok(())
}
