//! Float products against their definition.

use super::*;
use bnn_core::BitMatrix;
use proptest::prelude::*;

/// Small integers, so that every order of summation gives the same f32.
fn integers(count: usize, seed: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i * 7919 + seed * 104_729) % 17) as f32 - 8.0)
        .collect()
}

/// The definition, over the rows of `a` and the columns of `b` as contiguous slices: by their indices
/// a large product would take minutes without optimisation.
fn naive(a: Mat<'_, f32>, b: Mat<'_, f32>) -> Vec<f32> {
    let depth = a.view().ncols();
    let rows: Vec<f32> = a.view().iter().copied().collect();
    let columns: Vec<f32> = b.view().t().iter().copied().collect();
    let dot = |row: &[f32], column: &[f32]| row.iter().zip(column).map(|(x, y)| x * y).sum();
    rows.chunks(depth)
        .flat_map(|row| columns.chunks(depth).map(move |column| dot(row, column)))
        .collect()
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![
        Just(1),
        Just(63),
        Just(64),
        Just(65),
        Just(131),
        1_usize..40
    ]
}

proptest! {
    #[test]
    fn products_equal_the_definition_for_every_shape_and_transpose(
        m in sizes(), n in sizes(), k in sizes(), turn_a: bool, turn_b: bool,
    ) {
        let (a, b) = (integers(m * k, 1), integers(k * n, 2));
        let a = if turn_a { mat(&a, k, m).t() } else { mat(&a, m, k) };
        let b = if turn_b { mat(&b, n, k).t() } else { mat(&b, k, n) };
        prop_assert_eq!(matmul(a, b), naive(a, b));
    }

    #[test]
    fn products_with_bits_equal_products_with_their_signs(
        m in sizes(), n in sizes(), k in sizes(),
    ) {
        let (a, b) = (integers(m * k, 3), integers(k * n, 4));
        let a = mat(&a, m, k);
        let bits = BitMatrix::pack(&b, k, n).unwrap();
        let signs: Vec<f32> = bits.unpack().unwrap();
        prop_assert_eq!(matmul_signs(a, bits.view()), naive(a, mat(&signs, k, n)));
        let bits = BitMatrix::pack(&b, n, k).unwrap();
        let signs: Vec<f32> = bits.unpack().unwrap();
        prop_assert_eq!(
            matmul_signs_transposed(a, bits.view()),
            naive(a, mat(&signs, n, k).t())
        );
    }
}

#[test]
fn products_of_several_tiles_and_depths_equal_the_definition() {
    let (m, k, n) = (TILE_ROWS + 3, DEPTH + 65, TILE_COLS + 9);
    let (a, b) = (integers(m * k, 5), integers(k * n, 6));
    let a = mat(&a, m, k);
    let bits = BitMatrix::pack(&b, k, n).unwrap();
    let signs: Vec<f32> = bits.unpack().unwrap();
    assert_eq!(matmul(a, mat(&b, k, n)), naive(a, mat(&b, k, n)));
    assert_eq!(matmul_signs(a, bits.view()), naive(a, mat(&signs, k, n)));
    let bits = BitMatrix::pack(&b, n, k).unwrap();
    let signs: Vec<f32> = bits.unpack().unwrap();
    assert_eq!(
        matmul_signs_transposed(a, bits.view()),
        naive(a, mat(&signs, n, k).t())
    );
}

#[test]
fn products_are_the_same_bits_for_any_number_of_threads() {
    let (m, k, n) = (131, 300, 70);
    let floats = |count, seed| -> Vec<f32> {
        let thirds = integers(count, seed).into_iter().map(|x| x / 3.0);
        thirds.collect()
    };
    let (a, b) = (floats(m * k, 7), floats(k * n, 8));
    let (bits, transposed) = (BitMatrix::pack(&b, k, n), BitMatrix::pack(&b, n, k));
    let (bits, transposed) = (bits.unwrap(), transposed.unwrap());
    let products = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            [
                matmul_signs(mat(&a, m, k), bits.view()),
                matmul_signs(mat(&a, k, m).t(), bits.view()),
                matmul_signs_transposed(mat(&a, m, k), transposed.view()),
            ]
        })
    };
    let one = products(1);
    assert_eq!(products(2), one);
    assert_eq!(products(5), one);
}
