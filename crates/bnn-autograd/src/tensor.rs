//! Row-major arrays of numbers that are cheap to clone and are copied only when written to.

use std::fmt;
use std::sync::Arc;

use bnn_core::BitMatrix;

use crate::bits::pack_signs;
use crate::buffer::Buffer;
use crate::error::Error;
use crate::parallel::for_pairs;
use crate::real::Real;

/// A row-major array of any rank. Every dimension is at least 1; rank 0 is a scalar.
///
/// Clones share their elements until one of them is written to.
///
/// ```
/// use bnn_autograd::Tensor;
///
/// # fn main() -> Result<(), bnn_autograd::Error> {
/// let x = Tensor::new(vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3])?;
/// assert_eq!(x.shape(), [2, 3]);
/// assert!(Tensor::new(vec![1.0_f32; 5], &[2, 3]).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tensor<T: Real = f32> {
    data: Arc<Buffer<T>>,
    shape: Vec<usize>,
    /// The signs of the elements, if they were packed as the elements were written.
    signs: Option<Arc<BitMatrix>>,
}

impl<T: Real> Tensor<T> {
    /// A tensor of the given elements, row-major.
    ///
    /// # Errors
    /// A dimension of 0, an overflowing shape, or another number of elements than the shape has.
    pub fn new(data: Vec<T>, shape: &[usize]) -> Result<Self, Error> {
        let expected = element_count(shape)?;
        if data.len() != expected {
            return Err(Error::ElementCount {
                shape: shape.to_vec(),
                expected,
                found: data.len(),
            });
        }
        Ok(Self::trusted(data, shape.to_vec()))
    }

    /// A tensor whose elements are all `value`.
    ///
    /// # Errors
    /// A dimension of 0 or an overflowing shape.
    pub fn full(value: T, shape: &[usize]) -> Result<Self, Error> {
        let count = element_count(shape)?;
        Ok(Self::trusted(vec![value; count], shape.to_vec()))
    }

    /// A scalar: rank 0, one element.
    #[must_use]
    pub fn scalar(value: T) -> Self {
        Self::trusted(vec![value], Vec::new())
    }

    /// A tensor of as many elements as its shape has, which the crate computed itself.
    pub(crate) fn trusted(data: Vec<T>, shape: Vec<usize>) -> Self {
        debug_assert_eq!(element_count(&shape).ok(), Some(data.len()));
        Self {
            data: Arc::new(Buffer::new(data)),
            shape,
            signs: None,
        }
    }

    /// A vector of these values, rounded to `T`.
    pub(crate) fn from_f64s(values: impl IntoIterator<Item = f64>) -> Self {
        let data: Vec<T> = values.into_iter().map(T::from_f64).collect();
        let shape = vec![data.len()];
        Self::trusted(data, shape)
    }

    /// Zeros in the shape of `self`.
    pub(crate) fn zeros_like(&self) -> Self {
        Self::trusted(vec![T::zero(); self.numel()], self.shape.clone())
    }

    /// The dimensions, outermost first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of elements, at least 1.
    #[must_use]
    pub fn numel(&self) -> usize {
        self.data.len()
    }

    /// The elements, row-major.
    #[must_use]
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// The elements, mutable; copies them first if a clone shares them.
    pub fn data_mut(&mut self) -> &mut [T] {
        self.signs = None;
        Arc::make_mut(&mut self.data).as_mut_slice()
    }

    /// A tensor of these elements in another shape; nothing is copied.
    ///
    /// # Errors
    /// A shape that is not valid or has another number of elements.
    pub fn reshape(&self, shape: &[usize]) -> Result<Self, Error> {
        let expected = element_count(shape)?;
        if expected != self.numel() {
            return Err(Error::ElementCount {
                shape: shape.to_vec(),
                expected,
                found: self.numel(),
            });
        }
        Ok(Self {
            data: Arc::clone(&self.data),
            shape: shape.to_vec(),
            signs: self.signs.clone(),
        })
    }

    /// The one element of a one-element tensor.
    ///
    /// # Errors
    /// [`Error::NotScalar`] if there are more.
    pub fn item(&self) -> Result<T, Error> {
        match self.data() {
            [one] => Ok(*one),
            _ => Err(Error::NotScalar {
                shape: self.shape.clone(),
            }),
        }
    }

    /// Adds `other`, of the same shape, elementwise.
    pub(crate) fn add_assign(&mut self, other: &Self) {
        debug_assert_eq!(self.shape, other.shape);
        for_pairs(self.data_mut(), other.data(), |a, &b| *a += b);
    }

    /// Rows and columns with the leading dimensions flattened: `[.., c]` is `[rows, c]`.
    pub(crate) fn rows_cols(&self) -> (usize, usize) {
        let cols = self.shape.last().copied().unwrap_or(1);
        (self.numel() / cols, cols)
    }

    /// The first dimension, and the product of all others: the matrix that the weights of a layer
    /// are, a row for each output. A scalar is one row of one.
    pub(crate) fn outer_and_inner(&self) -> (usize, usize) {
        let rows = self.shape.first().copied().unwrap_or(1);
        (rows, self.numel() / rows)
    }

    /// Rows and columns of a rank-2 tensor.
    pub(crate) fn matrix(&self, what: &'static str) -> Result<(usize, usize), Error> {
        match *self.shape() {
            [rows, cols] => Ok((rows, cols)),
            _ => Err(Error::Shape {
                what,
                expected: "[rows, columns]".into(),
                found: self.shape.clone(),
            }),
        }
    }

    /// The signs of the elements as a `[rows, cols]` matrix: those that came with them, or packed
    /// now.
    pub(crate) fn signs(&self, rows: usize, cols: usize) -> Result<BitMatrix, Error> {
        match &self.signs {
            Some(signs) if [signs.rows(), signs.cols()] == [rows, cols] => Ok((**signs).clone()),
            _ => Ok(pack_signs(self.data(), rows, cols)?),
        }
    }

    /// Whether the signs came with the elements.
    #[cfg(test)]
    pub(crate) fn has_signs(&self) -> bool {
        self.signs.is_some()
    }

    /// Keeps the signs of the elements until one of them is written to.
    pub(crate) fn keep_signs(&mut self, signs: BitMatrix) {
        debug_assert_eq!(signs.rows() * signs.cols(), self.numel());
        self.signs = Some(Arc::new(signs));
    }

    /// Checks that every element is a finite number.
    pub(crate) fn check_finite(&self, what: &'static str) -> Result<(), Error> {
        match self.data().iter().position(|x| !x.is_finite()) {
            None => Ok(()),
            Some(index) => Err(Error::NotFinite {
                what,
                index,
                found: self.data()[index].as_f64(),
            }),
        }
    }

    /// Bytes of the elements.
    pub(crate) fn bytes(&self) -> usize {
        self.numel() * size_of::<T>()
    }

    /// The address of the elements: equal for tensors that share them.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.data) as usize
    }

    /// A handle that is empty once the elements are freed.
    #[cfg(test)]
    pub(crate) fn watch(&self) -> std::sync::Weak<Buffer<T>> {
        Arc::downgrade(&self.data)
    }

    /// Whether another tensor shares the elements.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.data) > 1
    }
}

impl<T: Real> PartialEq for Tensor<T> {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.data == other.data
    }
}

impl<T: Real> From<Tensor<T>> for Vec<T> {
    /// The elements; copies them only if a clone shares them.
    fn from(tensor: Tensor<T>) -> Self {
        Arc::unwrap_or_clone(tensor.data).into_vec()
    }
}

impl<T: Real> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        write!(f, "Tensor{:?} ", self.shape)?;
        f.debug_list()
            .entries(self.data.iter().take(SHOWN))
            .finish()?;
        if self.numel() > SHOWN {
            write!(f, " and {} more", self.numel() - SHOWN)?;
        }
        Ok(())
    }
}

/// Elements that a shape has, checked.
fn element_count(shape: &[usize]) -> Result<usize, Error> {
    if shape.contains(&0) {
        return Err(Error::ZeroDimension {
            shape: shape.to_vec(),
        });
    }
    // 16 bytes an element leave room for the largest element type and its doubled buffers.
    shape
        .iter()
        .try_fold(1_usize, |count, &d| count.checked_mul(d))
        .filter(|&count| count <= isize::MAX as usize / 16)
        .ok_or_else(|| Error::TooLarge {
            shape: shape.to_vec(),
        })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn writing_to_a_clone_leaves_the_original() {
        let a = Tensor::new(vec![1.0_f32, 2.0], &[2]).unwrap();
        let mut b = a.clone();
        assert!(a.is_shared());
        b.data_mut()[0] = 9.0;
        assert_eq!(a.data(), [1.0, 2.0]);
        assert_eq!(b.data(), [9.0, 2.0]);
        assert!(!a.is_shared());
    }

    #[test]
    fn kept_signs_go_when_an_element_is_written() {
        let mut x = Tensor::new(vec![1.0_f32, -2.0, -3.0, 4.0], &[2, 2]).unwrap();
        x.keep_signs(x.signs(2, 2).unwrap());
        let (row, clone) = (x.reshape(&[4]).unwrap(), x.clone());
        assert!(row.has_signs() && clone.has_signs());
        assert_eq!(
            row.signs(1, 4).unwrap(),
            BitMatrix::pack(row.data(), 1, 4).unwrap()
        );
        x.data_mut()[0] = -1.0;
        assert!(!x.has_signs());
        assert_eq!(
            x.signs(2, 2).unwrap(),
            BitMatrix::pack(x.data(), 2, 2).unwrap()
        );
        assert_ne!(x.signs(2, 2).unwrap(), clone.signs(2, 2).unwrap());
    }

    #[test]
    fn bad_shapes_are_errors_with_their_numbers() {
        let error = Tensor::new(vec![1.0_f32; 5], &[2, 3]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "shape [2, 3] has 6 elements, but 5 were given"
        );
        assert!(matches!(
            Tensor::<f32>::full(0.0, &[3, 0]),
            Err(Error::ZeroDimension { .. })
        ));
        assert!(matches!(
            Tensor::<f32>::full(0.0, &[usize::MAX, 2]),
            Err(Error::TooLarge { .. })
        ));
        assert!(
            Tensor::new(vec![1.0_f32; 6], &[6])
                .unwrap()
                .reshape(&[4, 2])
                .is_err()
        );
    }

    #[test]
    fn a_scalar_has_rank_zero_and_one_element() {
        let x = Tensor::scalar(3.0_f32);
        assert_eq!(x.shape(), [0_usize; 0]);
        assert_eq!(x.item().unwrap(), 3.0);
        assert_eq!(x.rows_cols(), (1, 1));
        assert!(Tensor::<f32>::full(1.0, &[2]).unwrap().item().is_err());
    }
}
