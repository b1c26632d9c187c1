//! The value of a variable, which may be put off until somebody looks at it.
//!
//! What a batch norm gives out is an affine function of its input. A binary layer after it needs
//! signs alone: it takes them of the input, a piece at a time, and the normalised activations never
//! lie in memory. Anybody else who looks at the variable finds the tensor, computed then.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use crate::affine::Affine;
use crate::real::Real;
use crate::tensor::Tensor;

/// The value of a variable.
#[derive(Clone)]
pub(super) enum Value<T: Real> {
    Ready(Tensor<T>),
    /// Clones compute it once.
    PutOff(Rc<PutOff<T>>),
}

/// What an affine function is one of.
#[derive(Clone)]
pub(super) struct AffineOf<T: Real> {
    pub(super) x: Tensor<T>,
    pub(super) affine: Rc<Affine<T>>,
}

/// An affine function of a tensor.
pub(super) struct PutOff<T: Real> {
    shape: Vec<usize>,
    /// Until the value is computed.
    source: RefCell<Option<AffineOf<T>>>,
    value: OnceCell<Tensor<T>>,
}

impl<T: Real> Value<T> {
    pub(super) fn put_off(x: Tensor<T>, affine: Rc<Affine<T>>) -> Self {
        Self::PutOff(Rc::new(PutOff {
            shape: x.shape().to_vec(),
            source: RefCell::new(Some(AffineOf { x, affine })),
            value: OnceCell::new(),
        }))
    }

    pub(super) fn tensor(&self) -> &Tensor<T> {
        match self {
            Self::Ready(tensor) => tensor,
            Self::PutOff(later) => later.value.get_or_init(|| {
                let Some(AffineOf { x, affine }) = later.source.take() else {
                    unreachable!("the source is there until the value is")
                };
                Tensor::trusted(affine.apply(x.data()), x.shape().to_vec())
            }),
        }
    }

    pub(super) fn shape(&self) -> &[usize] {
        match self {
            Self::Ready(tensor) => tensor.shape(),
            Self::PutOff(later) => &later.shape,
        }
    }

    /// What the value is an affine function of, if it has not been computed.
    pub(super) fn source(&self) -> Option<AffineOf<T>> {
        match self {
            Self::Ready(_) => None,
            Self::PutOff(later) => later.source.borrow().clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::{self, Estimator};
    use crate::{Error, Tape, Tensor};

    #[test]
    fn signs_leave_a_batch_norm_put_off_and_other_looks_compute_it_once() -> Result<(), Error> {
        let tape = Tape::<f32>::new();
        let x = tape.leaf(Tensor::new(vec![1.0, -2.0, 3.0, 5.0], &[2, 2])?);
        let gamma = tape.leaf(Tensor::full(2.0, &[2])?);
        let w = tape.leaf(Tensor::full(1.0, &[3, 2])?);
        let (y, _) = ops::batch_norm(&x, &gamma, &gamma, 1e-5)?;
        let same = y.clone();
        ops::binary_linear(&y, &w)?;
        assert!(y.value.source().is_some());
        // An estimator whose slope varies keeps the values.
        ops::sign(&y, Estimator::Approx)?;
        assert!(same.value.source().is_none());
        assert_eq!(same.value().address(), y.value().address());
        Ok(())
    }
}
