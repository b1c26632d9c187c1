//! Products large enough for several threads, called as a program calls them: outside any pool of
//! its own, and perhaps where the system has no threads to give.

#![cfg(feature = "alloc")]

use bnn_core::{BitMatrix, Error, PackedWeights, gemm_i32, reference};

fn signs(seed: u32, rows: usize, cols: usize) -> Result<BitMatrix, Error> {
    let mut x = seed;
    let values: Vec<i32> = (0..rows * cols)
        .map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            x as i32
        })
        .collect();
    BitMatrix::pack(&values, rows, cols)
}

#[test]
fn large_products_equal_the_reference_with_and_without_threads() -> Result<(), Error> {
    // Many samples, many outputs, and a single sample.
    for (m, n, k) in [(300, 70, 1000), (3, 900, 2100), (1, 1021, 4099)] {
        let (a, w) = (signs(1, m, k)?, signs(2, n, k)?);
        let mut expected = vec![0; m * n];
        reference::gemm_i32(a.view(), w.view(), &mut expected, n)?;
        let mut found = vec![0; m * n];
        gemm_i32(a.view(), w.view(), &mut found, n)?;
        assert_eq!(found, expected, "canonical rows, {m}x{n}x{k}");
        found.fill(0);
        gemm_i32(a.view(), &PackedWeights::new(w.view())?, &mut found, n)?;
        assert_eq!(found, expected, "panels, {m}x{n}x{k}");
    }
    Ok(())
}
