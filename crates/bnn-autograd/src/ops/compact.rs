//! An input kept for the reverse pass at the least cost.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::context::{Context, Saved};
use crate::error::Error;
use crate::parallel::TASK_ELEMENTS;
use crate::real::Real;
use crate::tensor::Tensor;

/// A tensor's elements: as `i16` where all of them are such integers (2 bytes an element, as behind
/// a binary layer of up to 32 767 inputs), else the tensor itself, shared or computed again.
pub(super) enum Compact<'a, T: Real> {
    Integers(&'a [i16]),
    Tensor(Tensor<T>),
}

impl<'a, T: Real> Compact<'a, T> {
    /// What to save of `x`, input `i` of the function: nothing if it can be computed again.
    pub(super) fn save(ctx: &Context<T>, i: usize, x: &Tensor<T>) -> Saved<T> {
        if let Some(recipe) = ctx.recomputed_input(i) {
            return recipe;
        }
        match exact_integers(x.data()) {
            Some(integers) => {
                let bytes = size_of_val(&integers[..]);
                Saved::other(integers, bytes)
            }
            None => x.clone().into(),
        }
    }

    /// Finds it again.
    pub(super) fn saved(ctx: &'a Context<T>, slot: usize) -> Result<Self, Error> {
        match ctx.saved_other::<Vec<i16>>(slot) {
            Ok(integers) => Ok(Self::Integers(integers)),
            Err(_) => ctx.saved_tensor(slot).map(Self::Tensor),
        }
    }
}

/// What to save of `x`, input `i` of the function, to have its elements as they are: nothing if they
/// can be computed again, else the tensor, shared.
pub(super) fn share<T: Real>(ctx: &Context<T>, i: usize, x: &Tensor<T>) -> Saved<T> {
    ctx.recomputed_input(i).unwrap_or_else(|| x.clone().into())
}

/// The elements as integers, if they all are.
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
            let mut same = true;
            for (i, &x) in integers.iter_mut().zip(x) {
                *i = x.truncated_i16();
                same &= T::from_i32(i32::from(*i)) == x;
            }
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
