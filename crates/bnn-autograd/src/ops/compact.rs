//! An input kept for the reverse pass in the least memory.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::context::{KeptInput, Part, Pass, SavedState};
use crate::parallel::{TASK_ELEMENTS, wide};
use crate::real::Real;
use crate::tensor::Tensor;

/// An input kept for a pass: as `i16` if all elements are such integers (2 bytes an element, as for
/// the output of a binary layer of up to 32 767 inputs), else shared or computed again.
pub(super) enum Compact<T: Real> {
    Integers(Vec<i16>),
    Input(KeptInput<T>),
}

impl<T: Real> Compact<T> {
    /// What to keep of `x`, input `i` of the function.
    pub(super) fn keep(pass: &Pass<'_, T>, i: usize, x: &Tensor<T>) -> Self {
        let input = pass.input(i, x);
        // Forward mode runs at once, while `x` is alive, and needs no second copy.
        let integers = match pass.is_reverse() && !input.is_recomputed() {
            true => exact_integers(x.data()),
            false => None,
        };
        integers.map_or(Self::Input(input), Self::Integers)
    }
}

impl<T: Real> SavedState<T> for Compact<T> {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        match self {
            Self::Integers(integers) => integers.parts(visit),
            Self::Input(input) => input.parts(visit),
        }
    }
}

/// The elements as integers, if all of them are.
fn exact_integers<T: Real>(x: &[T]) -> Option<Vec<i16>> {
    let mut integers = vec![0; x.len()];
    let exact = AtomicBool::new(true);
    integers
        .par_chunks_mut(TASK_ELEMENTS)
        .zip(x.par_chunks(TASK_ELEMENTS))
        .for_each(|(integers, x)| {
            if !exact.load(Ordering::Relaxed) {
                return;
            }
            let same = wide(|| {
                let mut same = true;
                for (i, &x) in integers.iter_mut().zip(x) {
                    *i = x.truncated_i16();
                    same &= T::from_i32(i32::from(*i)) == x;
                }
                same
            });
            exact.fetch_and(same, Ordering::Relaxed);
        });
    exact.into_inner().then_some(integers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_small_integers_are_kept_as_integers() {
        let edge = [0.0, -32_768.0, 32_767.0, -1.0];
        assert_eq!(exact_integers(&edge), Some(vec![0, i16::MIN, i16::MAX, -1]));
        for other in [0.5, 32_768.0, -32_769.0, f64::NAN, f64::INFINITY] {
            assert_eq!(exact_integers(&[1.0, other]), None);
        }
    }
}
