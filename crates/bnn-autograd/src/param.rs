//! Trainable parameters: values that outlive the tape of one step.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;
use crate::real::Real;
use crate::tensor::Tensor;

/// The kind of a parameter, by which an optimizer treats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// A latent weight of which only the sign is used. It is clipped to `[-1, 1]` after every step,
    /// because a sign changes too late if the weight is far from 0 (Courbariaux et al. 2015,
    /// arXiv 1511.00363, section 2.4).
    Binary,
    /// An ordinary number.
    Float,
}

/// Identifies a parameter on a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ParamId(u64);

impl ParamId {
    fn fresh() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A trainable parameter: its value, and the gradient collected since the last
/// [`zero_grad`](crate::nn::Module::zero_grad). A clone is a separate parameter.
#[derive(Debug)]
pub struct Param<T: Real = f32> {
    id: ParamId,
    kind: ParamKind,
    value: Tensor<T>,
    grad: Option<Tensor<T>>,
    /// Counts the changes of the value.
    version: u64,
}

impl<T: Real> Param<T> {
    /// A parameter with an initial value.
    #[must_use]
    pub fn new(kind: ParamKind, value: Tensor<T>) -> Self {
        Self {
            id: ParamId::fresh(),
            kind,
            value,
            grad: None,
            version: 0,
        }
    }

    /// The kind of the parameter, by which an optimizer treats it.
    #[must_use]
    pub fn kind(&self) -> ParamKind {
        self.kind
    }

    /// The current value.
    #[must_use]
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }

    /// Replaces the value.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shape differs.
    pub fn set_value(&mut self, value: Tensor<T>) -> Result<(), Error> {
        Error::check_shape("value of a parameter", self.value.shape(), value.shape())?;
        self.value = value;
        self.version += 1;
        Ok(())
    }

    /// The gradient, if one was collected.
    #[must_use]
    pub fn grad(&self) -> Option<&Tensor<T>> {
        self.grad.as_ref()
    }

    /// Adds to the gradient.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shape is not that of the value.
    pub fn add_grad(&mut self, grad: Tensor<T>) -> Result<(), Error> {
        Error::check_shape("gradient of a parameter", self.value.shape(), grad.shape())?;
        match &mut self.grad {
            Some(sum) => sum.add_assign(&grad),
            none => *none = Some(grad),
        }
        Ok(())
    }

    /// The elements of the gradient, if one was collected, mutable.
    pub(crate) fn grad_mut(&mut self) -> Option<&mut [T]> {
        self.grad.as_mut().map(Tensor::data_mut)
    }

    /// Forgets the gradient.
    pub(crate) fn clear_grad(&mut self) {
        self.grad = None;
    }

    /// Changes the elements of the value in place by those of the gradient; does nothing without a
    /// gradient.
    pub(crate) fn update(&mut self, change: impl FnOnce(&mut Tensor<T>, &[T])) {
        if let Some(grad) = &self.grad {
            change(&mut self.value, grad.data());
            self.version += 1;
        }
    }

    /// Changes with every change of the value.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn id(&self) -> ParamId {
        self.id
    }
}

impl<T: Real> Clone for Param<T> {
    fn clone(&self) -> Self {
        Self {
            id: ParamId::fresh(),
            kind: self.kind,
            value: self.value.clone(),
            grad: self.grad.clone(),
            version: 0,
        }
    }
}
