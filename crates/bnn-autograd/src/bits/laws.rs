//! Signs and masks, packed and applied, against loops over elements.

use super::*;
use proptest::prelude::*;

fn values(count: usize, seed: u64) -> Vec<f64> {
    let edge = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        1.0 + f64::EPSILON,
        f64::NAN,
        f64::INFINITY,
        -0.5,
    ];
    (0..count as u64)
        .map(|i| edge[((i ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61) as usize])
        .collect()
}

proptest! {
    #[test]
    fn signs_and_masks_hold_element_by_element(
        rows in 1_usize..9, cols in 1_usize..200, seed: u64,
    ) {
        let x = values(rows * cols, seed);
        let signs = pack_signs(&x, rows, cols).unwrap();
        prop_assert_eq!(&signs, &BitMatrix::pack(&x, rows, cols).unwrap());
        let mask = pack_mask(&x, rows, cols).unwrap();
        prop_assert_eq!(
            pack_signs_and_mask(&x, rows, cols).unwrap(),
            (signs, mask.clone())
        );
        let mut kept = vec![3.0; rows * cols];
        apply_mask(&mut kept, mask.view());
        for (i, x) in x.iter().enumerate() {
            let inside = (-1.0..=1.0).contains(x);
            prop_assert_eq!(mask.view().get(i / cols, i % cols), Some(inside));
            prop_assert_eq!(kept[i], if inside { 3.0 } else { 0.0 });
        }
    }

    #[test]
    fn expanding_a_part_gives_the_signs_of_that_part(
        rows in 1_usize..9, cols in 1_usize..300, from_row in 0_usize..9, from_word in 0_usize..5,
        width in 1_usize..300, seed: u64,
    ) {
        let (from_row, from_col) = (from_row % rows, from_word % row_words(cols) * 64);
        let width = width.min(cols - from_col);
        let bits = BitMatrix::pack(&values(rows * cols, seed), rows, cols).unwrap();
        let all: Vec<f32> = bits.unpack().unwrap();
        let mut part = vec![0.0_f32; (rows - from_row) * width];
        expand_signs(bits.view(), from_row..rows, from_col..from_col + width, &mut part);
        for (i, &sign) in part.iter().enumerate() {
            let (r, c) = (from_row + i / width, from_col + i % width);
            prop_assert_eq!(sign, all[r * cols + c]);
        }
    }
}

proptest! {
    #[test]
    fn runs_and_split_rows_are_the_bits_from_where_they_start(
        rows in 1_usize..4, parts in 1_usize..5, cols in 1_usize..150, first in 0_usize..200,
        seed: u64,
    ) {
        let k = parts * cols;
        let x = values(rows * k, seed);
        let bits = BitMatrix::pack(&x, rows, k).unwrap();
        let split = split_rows(bits.view(), cols).unwrap();
        prop_assert_eq!(split, BitMatrix::pack(&x, rows * parts, cols).unwrap());
        let first = first % k;
        let mut run = vec![0.0_f64; k - first];
        expand_run(bits.view().row(rows - 1), first, &mut run);
        let all: Vec<f64> = bits.unpack().unwrap();
        prop_assert_eq!(&run[..], &all[(rows - 1) * k + first..]);

        let at = seed as usize % 130;
        let mut copied = vec![0; row_words(at + k - first + 70)];
        copy_run(bits.view().row(rows - 1), first, &mut copied, at..at + k - first);
        let mut found = vec![0.0_f64; 64 * copied.len()];
        expand_run(&copied, 0, &mut found);
        prop_assert_eq!(&found[at..at + k - first], &run[..]);
        let around = found[..at].iter().chain(&found[at + k - first..]);
        prop_assert!(around.into_iter().all(|&x| x == -1.0));

        let count = 1 + at.min(k - first - 1);
        let starts = [first, 0, k - count, first];
        let mut joined = vec![0; row_words(4 * count)];
        join_runs(bits.view().row(rows - 1), starts.into_iter(), count, &mut joined);
        let mut one_by_one = vec![0; joined.len()];
        for (i, start) in starts.into_iter().enumerate() {
            let to = i * count..(i + 1) * count;
            copy_run(bits.view().row(rows - 1), start, &mut one_by_one, to);
        }
        prop_assert_eq!(joined, one_by_one);

        set_run(&mut copied, at..at + k - first);
        expand_run(&copied, 0, &mut found);
        let inside = |i: usize| (at..at + k - first).contains(&i);
        prop_assert!(found.iter().enumerate().all(|(i, &x)| (x == 1.0) == inside(i)));
    }
}

#[test]
fn matrices_of_several_tasks_pack_as_one() {
    let (rows, cols) = (37, 1023);
    assert!(rows > task_rows(cols));
    let x = values(rows * cols, 5);
    assert_eq!(
        pack_signs(&x, rows, cols).unwrap(),
        BitMatrix::pack(&x, rows, cols).unwrap()
    );
}
