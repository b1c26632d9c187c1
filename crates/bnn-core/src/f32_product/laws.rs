//! Laws of the products of `f32` with signs, for every kernel of this CPU that has a way of its
//! own.

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::bits::BitMatrix;
use crate::kernel::Isa;
use crate::kernel::f32_operands::Bf16Exact;
use crate::noise::noise;

/// The products with `right` of all kernels that have one.
fn ways(right: F32Right<'_>) -> impl Iterator<Item = (Isa, F32Product<'_>)> {
    Kernel::available()
        .filter_map(move |kernel| Some((kernel.isa(), F32Product::of(kernel, right)?)))
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

/// The sums of tables by their definition: of groups of terms in order, each group in the order of
/// its instruction set. `None` for kernels without tables.
fn in_order(isa: Isa, a: &[f32], b: &[f32], depth: usize, cols: usize) -> Option<Vec<f32>> {
    let (group, order): (usize, &[usize]) = match isa {
        Isa::Avx512 => (5, &[4, 0, 1, 2, 3]),
        Isa::Avx2 => (4, &[3, 0, 1, 2]),
        _ => return None,
    };
    let element = |row: &[f32], j: usize| {
        let terms = row.iter().zip(b.iter().skip(j).step_by(cols));
        let terms: Vec<f32> = terms.map(|(a, b)| a * b).collect();
        let sums = terms.chunks(group).map(|terms| {
            let terms = order.iter().map(|&i| terms.get(i).copied().unwrap_or(0.0));
            terms.reduce(|sum, x| sum + x).unwrap_or_default()
        });
        sums.fold(0.0, |sum, x| sum + x)
    };
    let rows = a.chunks(depth);
    Some(
        rows.flat_map(|row| (0..cols).map(move |j| element(row, j)))
            .collect(),
    )
}

fn same(a: f32, b: f32) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

/// Around every edge of tiles, groups, words of signs, blocks of terms and of columns.
const SHAPES: [[usize; 3]; 16] = [
    [1, 1, 1],
    [1, 63, 2],
    [2, 31, 3],
    [3, 4, 7],
    [4, 5, 8],
    [5, 6, 9],
    [16, 32, 16],
    [17, 33, 15],
    [7, 60, 33],
    [32, 128, 32],
    [33, 129, 65],
    [6, 239, 63],
    [31, 100, 1024],
    [40, 300, 1057],
    [2, 481, 4097],
    [128, 127, 64],
];

fn signs(seed: u64, rows: usize, cols: usize) -> Result<(BitMatrix, Vec<f32>), Error> {
    let bits = BitMatrix::pack(&floats(seed, rows * cols), rows, cols)?;
    let signs = bits.unpack()?;
    Ok((bits, signs))
}

#[test]
fn products_with_signs_err_as_sums_in_f32_do() -> Result<(), Error> {
    for [m, k, n] in SHAPES {
        let a = floats(1, m * k);
        let (bits, signs) = signs(2, k, n)?;
        for (isa, way) in ways(F32Right::Signs(bits.view())) {
            let mut out = vec![f32::NAN; m * n];
            way.multiply(F32Rows::rows(&a, k)?, &mut out)?;
            for (x, (sum, total)) in out.iter().zip(exact(&a, &signs, k, n)) {
                let bound = 3.0 * k as f64 * f64::from(f32::EPSILON) * total;
                assert!(
                    (f64::from(*x) - sum).abs() <= bound,
                    "{isa:?}, {m} x {k} x {n}: {x} for {sum}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn tables_add_in_the_stated_order_also_nan_and_infinity() -> Result<(), Error> {
    for [m, k, n] in SHAPES {
        let (bits, signs) = signs(7, k, n)?;
        let finite = floats(8, m * k);
        let mut special = finite.clone();
        let values = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MAX, -0.0];
        for (i, x) in special.iter_mut().step_by(k / 3 + 1).enumerate() {
            *x = values[i % values.len()];
        }
        for (isa, way) in ways(F32Right::Signs(bits.view())) {
            for a in [&finite, &special] {
                let mut out = vec![f32::NAN; m * n];
                way.multiply(F32Rows::rows(a, k)?, &mut out)?;
                let Some(expected) = in_order(isa, a, &signs, k, n) else {
                    continue;
                };
                let mut pairs = out.iter().zip(&expected);
                let wrong = pairs.position(|(x, y)| !same(*x, *y));
                assert_eq!(wrong, None, "{isa:?}, {m} x {k} x {n}");
            }
        }
    }
    Ok(())
}

#[test]
fn columns_give_the_bits_that_rows_do_and_so_does_any_part_of_them() -> Result<(), Error> {
    for [m, k, n] in SHAPES {
        let a = floats(3, m * k);
        let turned = transposed(&a, k);
        let (bits, _) = signs(4, k, n)?;
        for (isa, way) in ways(F32Right::Signs(bits.view())) {
            let mut whole = vec![f32::NAN; m * n];
            way.multiply(F32Rows::rows(&a, k)?, &mut whole)?;
            for first in [0, m / 3, m - 1] {
                for count in [1, (m - first).div_ceil(2), m - first] {
                    let mut part = vec![f32::NAN; count * n];
                    way.multiply(F32Rows::columns(&turned, m, first, count)?, &mut part)?;
                    assert_eq!(
                        part,
                        whole[first * n..(first + count) * n],
                        "{isa:?}, {m} x {k} x {n}, {first}"
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_column_has_the_same_bits_whatever_others_there_are() -> Result<(), Error> {
    for [m, k, n] in SHAPES {
        let a = floats(9, m * k);
        let (bits, signs) = signs(10, k, n)?;
        for (isa, way) in ways(F32Right::Signs(bits.view())) {
            let mut whole = vec![f32::NAN; m * n];
            way.multiply(F32Rows::rows(&a, k)?, &mut whole)?;
            for columns in [0..n.div_ceil(2), n / 2..n, n - 1..n] {
                let rows = signs.chunks(n).flat_map(|row| &row[columns.clone()]);
                let some = BitMatrix::pack(&rows.copied().collect::<Vec<_>>(), k, columns.len())?;
                let mut parts = ways(F32Right::Signs(some.view()));
                let part = parts.find_map(|(other, way)| (other == isa).then_some(way));
                let mut out = vec![f32::NAN; m * columns.len()];
                let part = part.expect("the kernel that has the whole product");
                part.multiply(F32Rows::rows(&a, k)?, &mut out)?;
                for (row, whole) in out.chunks(columns.len()).zip(whole.chunks(n)) {
                    assert_eq!(row, &whole[columns.clone()], "{isa:?}, {m} x {k} x {n}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn integers_are_exact_with_pixels() -> Result<(), Error> {
    for [m, k, n] in SHAPES {
        let pixels: Vec<f32> = noise(5, k * n).iter().map(|x| (x & 0xFF) as f32).collect();
        let Some(b) = Bf16Exact::new(&pixels, n) else {
            panic!("pixels are narrow")
        };
        for (isa, way) in ways(F32Right::Bf16Exact(b)) {
            // With 1 part and with several; of both signs, so that sums stay far below 2^24 units.
            for (most, unit) in [(100, 1.0), (1000, 0.125)] {
                let a: Vec<f32> = noise(6, m * k)
                    .iter()
                    .map(|x| (x % most) as f32 * unit)
                    .collect();
                let mut out = vec![f32::NAN; m * n];
                way.multiply(F32Rows::rows(&a, k)?, &mut out)?;
                let sums = exact(&a, &pixels, k, n);
                let expected: Vec<f32> = sums.iter().map(|(sum, _)| *sum as f32).collect();
                assert_eq!(out, expected, "{isa:?}, {m} x {k} x {n}");
            }
        }
    }
    Ok(())
}

#[test]
fn nan_and_infinity_go_through() -> Result<(), Error> {
    let smallest_nan = f32::from_bits(0x7F80_0001);
    let bits = BitMatrix::pack(&[1.0_f32, -1.0], 1, 2)?;
    for (isa, way) in ways(F32Right::Signs(bits.view())) {
        let product = |x: f32| -> Result<[f32; 2], Error> {
            let mut out = [0.0; 2];
            way.multiply(F32Rows::rows(&[x], 1)?, &mut out)?;
            Ok(out)
        };
        for x in [f32::NAN, smallest_nan] {
            assert!(product(x)?.iter().all(|x| x.is_nan()), "{isa:?}");
        }
        assert_eq!(product(f32::INFINITY)?, [f32::INFINITY, f32::NEG_INFINITY]);
        assert_eq!(product(f32::MAX)?, [f32::MAX, f32::MIN]);
    }
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
    let bits = BitMatrix::zeros(2, 3)?;
    for (_, way) in ways(F32Right::Signs(bits.view())) {
        let mut out = [7.0; 6];
        assert!(
            way.multiply(F32Rows::rows(&[1.0; 4], 2)?, &mut out[..5])
                .is_err()
        );
        assert!(
            way.multiply(F32Rows::rows(&[1.0; 6], 3)?, &mut out)
                .is_err()
        );
        assert_eq!(out, [7.0; 6]);
    }
    Ok(())
}
