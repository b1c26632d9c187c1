//! Laws of the products of `f32` with signs, where the CPU has a fast way.

use super::*;
use crate::bits::BitMatrix;
use crate::kernel::f32_operands::Bf16Exact;
use crate::noise::noise;

fn way() -> Option<F32Product> {
    let way = F32Product::active().expect("an active kernel");
    if way.is_none() {
        eprintln!("skipped: the kernel in use has no way of its own to multiply f32 with signs");
    }
    way
}

/// Numbers of both signs, small and large, with all 24 bits.
fn floats(seed: u64, n: usize) -> Vec<f32> {
    let exponents = noise(seed + 1, n);
    noise(seed, n)
        .into_iter()
        .zip(exponents)
        .map(|(x, e)| x as f32 * 2_f32.powi(e % 8 - 31))
        .collect()
}

fn transposed(x: &[f32], cols: usize) -> Vec<f32> {
    (0..cols)
        .flat_map(|c| x.iter().skip(c).step_by(cols).copied())
        .collect()
}

/// For each element the sum in `f64` and that of the absolute values.
fn exact(a: &[f32], b: &[f32], depth: usize, cols: usize) -> Vec<(f64, f64)> {
    let element = |row: &[f32], j| {
        let terms = row.iter().zip(b.iter().skip(j).step_by(cols));
        terms.fold((0.0, 0.0), |(sum, total), (a, b)| {
            let product = f64::from(*a) * f64::from(*b);
            (sum + product, total + product.abs())
        })
    };
    a.chunks(depth)
        .flat_map(|row| (0..cols).map(move |j| element(row, j)))
        .collect()
}

/// Around every edge of tiles, pairs of tiles and blocks of terms and columns.
const SHAPES: [[usize; 3]; 10] = [
    [1, 1, 1],
    [1, 63, 2],
    [2, 31, 3],
    [16, 32, 16],
    [17, 33, 15],
    [32, 128, 32],
    [33, 129, 65],
    [31, 100, 1024],
    [40, 300, 1057],
    [128, 127, 64],
];

#[test]
fn products_with_signs_err_as_sums_in_f32_do() -> Result<(), Error> {
    let Some(way) = way() else { return Ok(()) };
    for [m, k, n] in SHAPES {
        let a = floats(1, m * k);
        let bits = BitMatrix::pack(
            &noise(2, k * n)
                .iter()
                .map(|&x| x as f32)
                .collect::<Vec<_>>(),
            k,
            n,
        )?;
        let signs: Vec<f32> = bits.unpack()?;
        let mut out = vec![f32::NAN; m * n];
        way.multiply(
            F32Rows::rows(&a, k)?,
            F32Right::Signs(bits.view()),
            &mut out,
        )?;
        for (x, (sum, total)) in out.iter().zip(exact(&a, &signs, k, n)) {
            let bound = 3.0 * k as f64 * f64::from(f32::EPSILON) * total;
            assert!(
                (f64::from(*x) - sum).abs() <= bound,
                "{m} x {k} x {n}: {x} for {sum}"
            );
        }
    }
    Ok(())
}

#[test]
fn columns_give_the_bits_that_rows_do_and_so_does_any_part_of_them() -> Result<(), Error> {
    let Some(way) = way() else { return Ok(()) };
    for [m, k, n] in SHAPES {
        let a = floats(3, m * k);
        let turned = transposed(&a, k);
        let bits = BitMatrix::pack(&floats(4, k * n), k, n)?;
        let b = F32Right::Signs(bits.view());
        let mut whole = vec![f32::NAN; m * n];
        way.multiply(F32Rows::rows(&a, k)?, b, &mut whole)?;
        for first in [0, m / 3, m - 1] {
            for count in [1, (m - first).div_ceil(2), m - first] {
                let mut part = vec![f32::NAN; count * n];
                way.multiply(F32Rows::columns(&turned, m, first, count)?, b, &mut part)?;
                assert_eq!(
                    part,
                    whole[first * n..(first + count) * n],
                    "{m} x {k} x {n}, {first}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn integers_are_exact_with_pixels() -> Result<(), Error> {
    let Some(way) = way() else { return Ok(()) };
    for [m, k, n] in SHAPES {
        let pixels: Vec<f32> = noise(5, k * n).iter().map(|x| (x & 0xFF) as f32).collect();
        let Some(b) = Bf16Exact::new(&pixels, n) else {
            panic!("pixels are narrow")
        };
        // With 1 part and with several; of both signs, so that sums stay far below 2^24 units.
        for (most, unit) in [(100, 1.0), (1000, 0.125)] {
            let a: Vec<f32> = noise(6, m * k)
                .iter()
                .map(|x| (x % most) as f32 * unit)
                .collect();
            let mut out = vec![f32::NAN; m * n];
            way.multiply(F32Rows::rows(&a, k)?, F32Right::Bf16Exact(b), &mut out)?;
            let sums = exact(&a, &pixels, k, n);
            let expected: Vec<f32> = sums.iter().map(|(sum, _)| *sum as f32).collect();
            assert_eq!(out, expected, "{m} x {k} x {n}");
        }
    }
    Ok(())
}

#[test]
fn nan_and_infinity_go_through() -> Result<(), Error> {
    let Some(way) = way() else { return Ok(()) };
    let smallest_nan = f32::from_bits(0x7F80_0001);
    let bits = BitMatrix::pack(&[1.0_f32, -1.0], 1, 2)?;
    let mut out = [0.0; 2];
    for x in [f32::NAN, smallest_nan] {
        way.multiply(
            F32Rows::rows(&[x], 1)?,
            F32Right::Signs(bits.view()),
            &mut out,
        )?;
        assert!(out.iter().all(|x| x.is_nan()), "{out:?}");
    }
    way.multiply(
        F32Rows::rows(&[f32::INFINITY], 1)?,
        F32Right::Signs(bits.view()),
        &mut out,
    )?;
    assert_eq!(out, [f32::INFINITY, f32::NEG_INFINITY]);
    way.multiply(
        F32Rows::rows(&[f32::MAX], 1)?,
        F32Right::Signs(bits.view()),
        &mut out,
    )?;
    assert_eq!(out, [f32::MAX, f32::MIN]);
    Ok(())
}

#[test]
fn sizes_that_do_not_fit_are_refused() -> Result<(), Error> {
    assert!(F32Rows::rows(&[1.0; 7], 3).is_err());
    assert!(F32Rows::columns(&[1.0; 6], 3, 2, 2).is_err());
    assert!(F32Rows::columns(&[1.0; 7], 3, 0, 1).is_err());
    assert!(F32Rows::rows(&[], 3).is_err() && F32Rows::rows(&[1.0], 0).is_err());
    assert!(F32Rows::columns(&[], 3, 0, 1).is_err() && F32Rows::columns(&[1.0], 0, 0, 1).is_err());
    assert!(F32Rows::columns(&[1.0; 6], 3, 1, 0).is_err());
    assert!(Bf16Exact::new(&[], 3).is_none() && Bf16Exact::new(&[1.0], 0).is_none());
    assert!(Bf16Exact::new(&[1.0; 7], 3).is_none());
    assert!(Bf16Exact::new(&[257.0], 1).is_none());
    assert!(Bf16Exact::new(&[f32::INFINITY], 1).is_none());
    let Some(way) = way() else { return Ok(()) };
    let bits = BitMatrix::zeros(2, 3)?;
    let b = F32Right::Signs(bits.view());
    assert!(
        way.multiply(F32Rows::rows(&[1.0; 4], 2)?, b, &mut [0.0; 5])
            .is_err()
    );
    assert!(
        way.multiply(F32Rows::rows(&[1.0; 6], 3)?, b, &mut [0.0; 6])
            .is_err()
    );
    Ok(())
}
