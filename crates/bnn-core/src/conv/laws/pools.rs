//! Pools against their definitions.

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::bits::{BitMatrix, BitMatrixView};
use crate::noise::noise;

/// The elements of the windows of a pool, from its definition; what lies outside is not there.
fn windows(
    x: BitMatrixView<'_>,
    [height, width]: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    before: [usize; 2],
    out: [usize; 2],
    batch: usize,
) -> Vec<Vec<bool>> {
    let mut windows = Vec::new();
    for (b, oy) in (0..batch).flat_map(|b| (0..out[0]).map(move |oy| (b, oy))) {
        for (ox, c) in (0..out[1]).flat_map(|ox| (0..x.cols()).map(move |c| (ox, c))) {
            let taps = (0..kernel[0]).flat_map(|ky| (0..kernel[1]).map(move |kx| (ky, kx)));
            let elements = taps.filter_map(|(ky, kx)| {
                let iy = (oy * stride[0] + ky).checked_sub(before[0])?;
                let ix = (ox * stride[1] + kx).checked_sub(before[1])?;
                let inside = iy < height && ix < width;
                inside.then(|| x.get((b * height + iy) * width + ix, c))?
            });
            windows.push(elements.collect());
        }
    }
    windows
}

#[test]
fn pools_take_the_largest_of_each_window() -> Result<(), Error> {
    let around = Padding::Explicit {
        top: 1,
        bottom: 0,
        left: 0,
        right: 1,
    };
    let batch = 2;
    for channels in [1, 3, 63, 64, 65, 130] {
        for (kernel, stride) in [
            ([1, 1], [1, 1]),
            ([2, 2], [2, 2]),
            ([3, 3], [2, 2]),
            ([2, 3], [3, 1]),
        ] {
            for (padding, size) in [
                (Padding::Valid, [5, 6]),
                (Padding::Same, [5, 4]),
                (around, [4, 5]),
            ] {
                if padding == around && kernel == [1, 1] {
                    continue;
                }
                let pixels = batch * size[0] * size[1];
                // Mostly one sign, so that windows of one sign occur.
                for offset in [-1 << 30, 1 << 30] {
                    let x: Vec<i32> = noise(7, pixels * channels)
                        .iter()
                        .map(|&x| (x / 2).saturating_add(offset))
                        .collect();
                    let x = BitMatrix::pack(&x, pixels, channels)?;
                    let image = [size[0], size[1], channels];
                    let pool = Pool2d::new(image, kernel, stride, padding)?;
                    let out = pool.windows().output_size();
                    let before = match padding {
                        Padding::Valid => [0, 0],
                        Padding::Same => [0, 1].map(|i| {
                            ((out[i] - 1) * stride[i] + kernel[i]).saturating_sub(size[i]) / 2
                        }),
                        Padding::Explicit { top, left, .. } => [top, left],
                    };
                    let expected = windows(x.view(), size, kernel, stride, before, out, batch);
                    let mut y = BitMatrix::zeros(batch * out[0] * out[1], channels)?;
                    max_pool2d(x.view(), &pool, &mut y.view_mut())?;
                    for (i, window) in expected.iter().enumerate() {
                        let any = window.iter().any(|&plus| plus);
                        assert_eq!(y.view().get(i / channels, i % channels), Some(any));
                    }
                    assert!(BitMatrixView::new(y.words(), y.rows(), channels).is_ok());
                }
            }
        }
    }
    Ok(())
}

#[test]
fn pools_refuse_what_does_not_fit_and_write_nothing() -> Result<(), Error> {
    let wide = |top, right| Padding::Explicit {
        top,
        bottom: 0,
        left: 0,
        right,
    };
    for (image, kernel, padding) in [
        ([4, 4, 0], [2, 2], Padding::Valid),
        ([0, 4, 1], [2, 2], Padding::Valid),
        ([4, 4, 1], [5, 2], Padding::Valid),
        ([4, 4, 1], [0, 2], Padding::Same),
        ([4, 4, 1], [2, 2], wide(2, 0)),
        ([4, 4, 1], [2, 3], wide(1, 3)),
        ([usize::MAX, 4, 4], [2, 2], Padding::Valid),
    ] {
        assert!(Pool2d::new(image, kernel, [2, 2], padding).is_err());
    }
    let pool = Pool2d::new([4, 4, 3], [2, 2], [2, 2], Padding::Valid)?;
    for (pixels, channels, out_pixels, out_channels) in [
        (16, 2, 4, 3),
        (17, 3, 4, 3),
        (16, 3, 5, 3),
        (16, 3, 4, 2),
        (32, 3, 4, 3),
    ] {
        let x = BitMatrix::zeros(pixels, channels)?;
        let ones = vec![1_i8; out_pixels * out_channels];
        let mut y = BitMatrix::pack(&ones, out_pixels, out_channels)?;
        let before = y.clone();
        assert!(max_pool2d(x.view(), &pool, &mut y.view_mut()).is_err());
        assert_eq!(y, before);
    }
    Ok(())
}
