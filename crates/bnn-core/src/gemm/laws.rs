//! Every kernel, layout, epilogue and thread count against the naive reference.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::bits::BitMatrix;
use crate::kernel::Kernel;
use crate::noise::noise;
use crate::reference;

const GUARD: i32 = 0x5EED;

fn bits(seed: u64, rows: usize, cols: usize) -> Result<BitMatrix, Error> {
    BitMatrix::pack(&noise(seed, rows * cols), rows, cols)
}

/// Every epilogue of a product, on every kernel and in both layouts, against `expected`. Canonical
/// weights are read in place or laid out on the way, as the shape has it.
fn check(a: Activations<'_>, w: &BitMatrix, m: usize, expected: &[i32]) -> Result<(), Error> {
    let (n, gap) = (w.rows(), 3);
    for kernel in Kernel::available() {
        let packed = PackedWeights::for_kernel(kernel, w.view())?;
        for w in [Weights::from(&packed), Weights::canonical(w.view(), kernel)] {
            let mut c = vec![GUARD; m * (n + gap)];
            gemm_i32(a, w, &mut c, n + gap)?;
            for (row, expected) in c.chunks(n + gap).zip(expected.chunks(n)) {
                assert_eq!(&row[..n], expected, "{kernel:?} {w:?}");
                assert!(
                    row[n..].iter().all(|&c| c == GUARD),
                    "{kernel:?} wrote past a row"
                );
            }

            let scale: Vec<f32> = noise(5, n).iter().map(|&x| x as f32 * 1e-9).collect();
            let bias: Vec<f32> = noise(6, n).iter().map(|&x| x as f32 * 1e-8).collect();
            let mut y = vec![0.0; m * n];
            gemm_f32(a, w, &scale, &bias, &mut y, n)?;
            for (i, y) in y.iter().enumerate() {
                let affine = scale[i % n] * expected[i] as f32 + bias[i % n];
                assert_eq!(y.to_bits(), affine.to_bits(), "{kernel:?}");
            }

            // Thresholds at, just below and just above sums that occur, and at both ends.
            let t: Vec<i32> = (0..n)
                .map(|j| match j % 5 {
                    0 => i32::MIN,
                    1 => i32::MAX,
                    step => expected[j].saturating_add(step as i32 - 3),
                })
                .collect();
            let mut out = BitMatrix::zeros(m, n)?;
            gemm_bits(a, w, t.as_slice(), &mut out.view_mut())?;
            assert!(
                BitMatrixView::new(out.words(), m, n).is_ok(),
                "{kernel:?} set a tail bit"
            );
            for (i, &sum) in expected.iter().enumerate() {
                let plus = out.view().get(i / n, i % n);
                assert_eq!(plus, Some(sum >= t[i % n]), "{kernel:?} {i}");
            }
            let narrow: Vec<i16> = t.iter().map(|&t| t.clamp(-30_000, 30_000) as i16).collect();
            gemm_bits(a, w, narrow.as_slice(), &mut out.view_mut())?;
            for (i, &sum) in expected.iter().enumerate() {
                let plus = out.view().get(i / n, i % n);
                assert_eq!(
                    plus,
                    Some(sum >= i32::from(narrow[i % n])),
                    "{kernel:?} {i}"
                );
            }
        }
    }
    Ok(())
}

fn check_bits(m: usize, n: usize, k: usize, seed: u64) -> Result<(), Error> {
    let (a, w) = (bits(seed, m, k)?, bits(seed + 1, n, k)?);
    let mut expected = vec![0; m * n];
    reference::gemm_i32(a.view(), w.view(), &mut expected, n)?;
    check(a.view().into(), &w, m, &expected)
}

/// Signs of floats, in rows with gaps, taken by the product itself.
fn check_floats(m: usize, n: usize, k: usize, seed: u64) -> Result<(), Error> {
    let gap = 5;
    let x: Vec<f32> = noise(seed, m * (k + gap))
        .iter()
        .enumerate()
        .map(|(i, &x)| match i % 9 {
            0 => 0.0,
            1 => -0.0,
            2 => f32::NAN,
            _ => x as f32,
        })
        .collect();
    let mut a = BitMatrix::zeros(m, k)?;
    crate::pack::pack(&x, k + gap, &mut a.view_mut())?;
    let w = bits(seed + 1, n, k)?;
    let mut expected = vec![0; m * n];
    reference::gemm_i32(a.view(), w.view(), &mut expected, n)?;
    check(FloatRows::new(&x, m, k, k + gap)?.into(), &w, m, &expected)
}

fn check_planes(m: usize, n: usize, k: usize, depth: usize, seed: u64) -> Result<(), Error> {
    let w = bits(seed, n, k)?;
    let x: Vec<u8> = noise(seed + 1, m * k)
        .iter()
        .map(|&x| (x & ((1 << depth) - 1)) as u8)
        .collect();
    let mut expected = vec![0; m * n];
    reference::gemm_u8_i32(&x, w.view(), &mut expected, n)?;
    let mut work = vec![u64::MAX; Planes::words(m, k, depth)? + 1];
    let planes = Planes::split(&x, k, m, k, depth, &mut work)?;
    check(planes.into(), &w, m, &expected)
}

#[test]
fn sizes_around_every_tile_panel_word_and_flush_edge_are_exact() -> Result<(), Error> {
    for m in [1, 2, 3, 4, 7, 8, 9, 17] {
        for n in [1, 3, 4, 8, 9, 15, 16, 17, 31, 32, 33, 65] {
            for k in [1, 63, 64, 65, 127, 257] {
                check_bits(m, n, k, (m * n * k) as u64)?;
            }
        }
    }
    for k in [31 * 64, 31 * 64 + 1, 62 * 64 + 63] {
        check_bits(5, 17, k, k as u64)?;
    }
    // Large enough for a kernel that leaves small products to another one.
    check_bits(49, 257, 1025, 1)?;
    check_bits(83, 290, 1100, 2)?;
    // Around the sizes from which canonical weights are laid out on the way, in one slab and
    // several.
    for m in [5, 6, 7, 16] {
        for n in [23, 24, 25, 63, 64, 65, 127, 129, 193] {
            for k in [1, 64, 65, 511, 513, 1100] {
                check_bits(m, n, k, (m + n * k) as u64)?;
            }
        }
    }
    // Around the length of rows from which they stay in place.
    for k in [128 * 64 - 1, 128 * 64, 128 * 64 + 1, 200 * 64] {
        check_bits(6, 70, k, k as u64)?;
    }
    // More samples than a block has.
    for m in [127, 128, 129, 255, 257] {
        check_bits(m, 33, 65, m as u64)?;
    }
    Ok(())
}

#[test]
fn the_signs_of_floats_are_taken_on_the_way() -> Result<(), Error> {
    for (m, n, k) in [
        (1, 1, 1),
        (3, 33, 63),
        (8, 32, 64),
        (9, 65, 257),
        (6, 130, 513),
        (300, 5, 130),
    ] {
        check_floats(m, n, k, k as u64)?;
    }
    assert!(FloatRows::new(&[1.0; 6], 2, 3, 3).is_ok());
    assert!(FloatRows::new(&[1.0; 6], 2, 3, 2).is_err());
    assert!(FloatRows::new(&[1.0; 6], 2, 3, 4).is_err());
    assert!(FloatRows::new(&[1.0; 6], 0, 3, 3).is_err());
    Ok(())
}

#[test]
fn integers_of_every_depth_are_exact() -> Result<(), Error> {
    for depth in 1..=8 {
        for (m, n, k) in [
            (1, 1, 1),
            (1, 17, 64),
            (3, 65, 65),
            (9, 5, 130),
            (4, 100, 530),
        ] {
            check_planes(m, n, k, depth, depth as u64)?;
        }
    }
    Ok(())
}

#[test]
fn the_extreme_sums_are_exact() -> Result<(), Error> {
    let k = 100_000;
    let ones = BitMatrix::pack(&vec![1_i8; k], 1, k)?;
    let mixed = BitMatrix::pack(&[vec![1_i8; k], vec![-1_i8; k]].concat(), 2, k)?;
    check(ones.view().into(), &mixed, 1, &[k as i32, -(k as i32)])?;
    let mut work = vec![0; Planes::words(1, k, 8)?];
    let planes = Planes::split(&vec![255; k], k, 1, k, 8, &mut work)?;
    check(planes.into(), &mixed, 1, &[255 * k as i32, -255 * k as i32])
}

#[cfg(feature = "std")]
#[test]
fn any_number_of_threads_gives_the_same_result() -> Result<(), Box<dyn std::error::Error>> {
    // Large enough for several threads, cut along samples, along outputs, and along neither.
    for (m, n, k) in [
        (67, 200, 1000),
        (3, 900, 2100),
        (1, 1021, 4099),
        (300, 7, 3000),
        (2, 3, 9),
    ] {
        for threads in [1, 2, 3, 8] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()?;
            pool.install(|| check_bits(m, n, k, 3))?;
        }
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build()?;
    pool.install(|| check_planes(40, 100, 784, 8, 4))?;
    Ok(())
}

#[test]
fn sides_that_do_not_fit_are_refused_and_nothing_is_written() -> Result<(), Error> {
    let (a, w) = (bits(1, 2, 64)?, bits(2, 3, 65)?);
    let mut c = [GUARD; 6];
    let wrong = gemm_i32(a.view(), w.view(), &mut c, 3);
    assert!(matches!(
        wrong,
        Err(Error::Mismatch {
            expected: 65,
            found: 64,
            ..
        })
    ));

    let w = bits(2, 3, 64)?;
    assert!(matches!(
        gemm_i32(a.view(), w.view(), &mut c[..5], 3),
        Err(Error::TooShort {
            needed: 6,
            found: 5,
            ..
        })
    ));
    assert!(gemm_i32(a.view(), w.view(), &mut c, 2).is_err());
    assert!(gemm_i32(a.view(), w.view(), &mut c, usize::MAX).is_err());
    assert_eq!(c, [GUARD; 6]);
    let mut y = [0.0; 6];
    assert!(gemm_f32(a.view(), w.view(), &[1.0; 2], &[0.0; 3], &mut y, 3).is_err());
    assert!(gemm_f32(a.view(), w.view(), &[1.0; 3], &[0.0; 4], &mut y, 3).is_err());
    let mut out = BitMatrix::zeros(2, 3)?;
    assert!(
        gemm_bits(
            a.view(),
            w.view(),
            [0_i32; 2].as_slice(),
            &mut out.view_mut()
        )
        .is_err()
    );
    let mut out = BitMatrix::zeros(3, 3)?;
    assert!(
        gemm_bits(
            a.view(),
            w.view(),
            [0_i32; 3].as_slice(),
            &mut out.view_mut()
        )
        .is_err()
    );
    Ok(())
}

#[test]
fn bytes_with_more_bits_than_the_depth_are_refused() {
    let mut work = [0; 64];
    assert_eq!(
        Planes::split(&[3, 16], 2, 1, 2, 4, &mut work).map(|p| p.rows()),
        Err(Error::OutOfRange {
            what: "element of an unsigned input",
            max: 15,
            found: 16
        })
    );
    assert!(Planes::split(&[3], 1, 1, 1, 0, &mut work).is_err());
    assert!(Planes::split(&[3], 1, 1, 1, 9, &mut work).is_err());
    assert!(Planes::split(&[3], 1, 2, 1, 8, &mut work).is_err());
    assert!(Planes::split(&[3], 1, 1, 1, 8, &mut []).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_shape_is_exact(m in 1_usize..12, n in 1_usize..160, k in 1_usize..400, seed in 0_u64..1000) {
        check_bits(m, n, k, seed)?;
    }

    #[test]
    fn any_shape_of_floats_is_exact(m in 1_usize..12, n in 1_usize..40, k in 1_usize..300, seed in 0_u64..1000) {
        check_floats(m, n, k, seed)?;
    }

    #[test]
    fn any_shape_of_integers_is_exact(
        m in 1_usize..6, n in 1_usize..40, k in 1_usize..300, depth in 1_usize..9, seed in 0_u64..1000,
    ) {
        check_planes(m, n, k, depth, seed)?;
    }
}
