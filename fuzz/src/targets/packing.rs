//! Numbers to bits and back, bytes to planes, and transposing, at any start and stride: by the sign
//! law and the bit law, element by element; what does not fit is refused. The active kernel does
//! it: `BNN_ISA` chooses.

use core::fmt::Debug;
use core::ops::Range;

use super::parsed;
use crate::{Numbers, affordable, guarded};
use arbitrary::{Arbitrary, Unstructured};
use bnn_core::{
    Activations, BitMatrixView, BitMatrixViewMut, Error, Number, Planes, gemm_i32, matrix_words,
    pack, pack_threshold, reference, unpack,
};

/// Elements of the largest matrix.
const ELEMENTS: usize = 1 << 14;

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(1..=140))]
    rows: usize,
    // Several of the widest vectors of words, and of the blocks of a transposition.
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(1..=700))]
    cols: usize,
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=9))]
    gap: usize,
    /// Elements before the first row, which is then aligned for no vector.
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=7))]
    start: usize,
    step: Step,
    numbers: &'a [u8],
}

#[derive(Arbitrary, Debug)]
enum Step {
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    AtLeast(u8),
    Planes(#[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(1..=8))] usize),
    Transpose,
}

/// Runs the case that the bytes describe; whether they describe one that can be run.
///
/// # Panics
/// Where a result is wrong.
pub fn packing(data: &[u8]) -> bool {
    parsed(data).is_some_and(|case: Case<'_>| case.run())
}

impl Case<'_> {
    fn run(self) -> bool {
        let case = self;
        let is_affordable = affordable(&[case.rows, case.cols + case.gap], ELEMENTS);
        if is_affordable {
            let numbers = &mut Numbers::new(case.numbers);
            match case.step {
                Step::F32 => case.there_and_back(7.0, || numbers.f32()),
                Step::F64 => case.there_and_back(7.0, || numbers.f64()),
                Step::I8 => case.there_and_back(7, || numbers.byte().cast_signed()),
                Step::I16 => case.there_and_back(7, || numbers.i32() as i16),
                Step::I32 => case.there_and_back(7, || numbers.i32()),
                Step::I64 => case.there_and_back(7, || i64::from(numbers.i32()) << 20),
                Step::AtLeast(threshold) => case.at_least(threshold, numbers),
                Step::Planes(depth) => case.planes(depth, numbers),
                Step::Transpose => case.transpose(numbers),
            }
        }
        is_affordable
    }
}

impl Case<'_> {
    fn stride(&self) -> usize {
        self.cols + self.gap
    }

    /// The least room that holds all rows, after `start` elements: it ends with the last row's
    /// last element.
    fn room(&self) -> Range<usize> {
        self.start..self.start + self.rows * self.stride() - self.gap
    }

    fn there_and_back<T: Number + From<i8> + Debug>(&self, guard: T, number: impl FnMut() -> T) {
        let x: Vec<T> = std::iter::repeat_with(number)
            .take(self.room().end)
            .collect();
        let x = &x[self.room()];
        let plus = |r: usize, c: usize| x[r * self.stride() + c] >= T::zero();
        let bits = self.packed(plus, |x_stride, short, out| {
            pack(&x[..x.len() - short], x_stride, out)
        });

        let bits = BitMatrixView::new(&bits, self.rows, self.cols).expect("tail bits are zero");
        let short = &mut vec![guard; x.len() - 1];
        assert!(unpack(bits, short, self.stride()).is_err());
        assert!(short.iter().all(|x| *x == guard), "written on error");
        // At the same start as the numbers.
        let back = guarded(self.room().end, guard, |x| {
            unpack(bits, &mut x[self.room()], self.stride()).expect("room for all rows");
        });
        let (before, back) = back.split_at(self.start);
        assert!(before.iter().all(|x| *x == guard), "written before");
        for (i, &back) in back.iter().enumerate() {
            let (r, c) = (i / self.stride(), i % self.stride());
            let sign = |plus| T::from(if plus { 1 } else { -1 });
            let expected = if c < self.cols {
                sign(plus(r, c))
            } else {
                guard
            };
            assert_eq!(back, expected, "row {r}, column {c}");
        }
    }

    /// The words that `pack` writes, given a stride, by how much its numbers are to be too few, and
    /// the output: all that is not `plus` is minus.
    fn packed(
        &self,
        plus: impl Fn(usize, usize) -> bool,
        pack: impl Fn(usize, usize, &mut BitMatrixViewMut<'_>) -> Result<(), Error>,
    ) -> Vec<u64> {
        let words = matrix_words(self.rows, self.cols).expect("a small matrix");
        let packed = guarded(words, u64::MAX, |words| {
            let out = &mut BitMatrixViewMut::cleared(words, self.rows, self.cols)
                .expect("as many words as it wants");
            assert!(pack(self.stride(), 1, out).is_err());
            assert!(pack(self.cols - 1, 0, out).is_err());
            pack(self.stride(), 0, out).expect("numbers for all rows");
        });
        let bits = BitMatrixView::new(&packed, self.rows, self.cols).expect("tail bits are zero");
        for r in 0..self.rows {
            for c in 0..self.cols {
                assert_eq!(bits.get(r, c), Some(plus(r, c)), "row {r}, column {c}");
            }
        }
        packed
    }

    fn bytes(&self, numbers: &mut Numbers<'_>) -> Vec<u8> {
        (0..self.room().end).map(|_| numbers.byte()).collect()
    }

    fn at_least(&self, threshold: u8, numbers: &mut Numbers<'_>) {
        let x = self.bytes(numbers);
        let x = &x[self.room()];
        let plus = |r: usize, c: usize| x[r * self.stride() + c] >= threshold;
        self.packed(plus, |x_stride, short, out| {
            pack_threshold(&x[..x.len() - short], x_stride, threshold, out)
        });
    }

    /// Planes cannot be looked at; a product with them can.
    fn planes(&self, depth: usize, numbers: &mut Numbers<'_>) {
        let x = self.bytes(numbers);
        let words = Planes::words(self.rows, self.cols, depth).expect("a small matrix");
        let split = |x: &[u8], words: usize| {
            let mut work = vec![u64::MAX; words];
            let planes = Planes::split(x, self.stride(), self.rows, self.cols, depth, &mut work);
            planes.map(|_| ())
        };
        let fits = x[self.room()]
            .chunks(self.stride())
            .flat_map(|row| &row[..self.cols])
            .all(|x| u32::from(*x) < 1 << depth);
        assert_eq!(split(&x[self.room()], words).is_ok(), fits);

        let small: Vec<u8> = x.iter().map(|x| x >> (8 - depth)).collect();
        let small = &small[self.room()];
        assert!(split(small, words - 1).is_err());
        assert!(split(&small[..small.len() - 1], words).is_err());
        let weights = numbers.bits(1, self.cols).expect("a small matrix");
        let rows = small.chunks(self.stride());
        let dense: Vec<u8> = rows.flat_map(|row| &row[..self.cols]).copied().collect();
        let mut expected = vec![0; self.rows];
        reference::gemm_u8_i32(&dense, weights.view(), &mut expected, 1)
            .expect("sides that fit each other");
        guarded(words, u64::MAX, |work| {
            let planes = Planes::split(small, self.stride(), self.rows, self.cols, depth, work);
            let planes: Activations<'_> = planes.expect("bytes of that depth").into();
            let mut sums = vec![0; self.rows];
            gemm_i32(planes, weights.view(), &mut sums, 1).expect("sides that fit each other");
            assert_eq!(sums, expected);
        });
    }

    fn transpose(&self, numbers: &mut Numbers<'_>) {
        let bits = numbers.bits(self.rows, self.cols).expect("a small matrix");
        let transposed = bits.view().transposed().expect("a small matrix");
        BitMatrixView::new(transposed.words(), self.cols, self.rows).expect("tail bits are zero");
        for r in 0..self.rows {
            for c in 0..self.cols {
                assert_eq!(transposed.view().get(c, r), bits.view().get(r, c));
            }
        }
    }
}
