//! Images without some of their rows and columns.

use rayon::prelude::*;

use crate::buffer::take_buffer;
use crate::context::Context;
use crate::error::Error;
use crate::function::{Derivatives, Function, inputs};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// Images `[batch, height, width, channels]` without their `[top, bottom]` rows and
/// `[left, right]` columns, `cut_off` in this order. So a shortcut around a convolution without
/// padding loses the rows and columns that the convolution loses.
///
/// Kept for the reverse pass: nothing.
///
/// ```
/// use bnn_autograd::{Tape, Tensor, ops};
///
/// # fn main() -> Result<(), bnn_autograd::Error> {
/// let tape = Tape::new();
/// let x = tape.constant(Tensor::new(vec![1.0_f32, 2.0, 3.0, 4.0], &[1, 4, 1, 1])?);
/// let y = ops::crop(&x, [2, 0, 0, 0])?;
/// assert_eq!(y.value().data(), [3.0, 4.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Shape`] for another rank than 4, or if nothing would be left.
pub fn crop<T: Real>(x: &Var<T>, cut_off: [usize; 4]) -> Result<Var<T>, Error> {
    let crop = Crop::new(x.shape(), cut_off)?;
    x.tape().apply(crop, &[x])
}

struct Crop {
    /// `[batch, height, width, channels]` of the input and of the output.
    from: [usize; 4],
    to: [usize; 4],
    top: usize,
    left: usize,
}

impl Crop {
    fn new(x: &[usize], [top, bottom, left, right]: [usize; 4]) -> Result<Self, Error> {
        let refuse = || Error::Shape {
            what: "images of crop",
            expected: format!(
                "[batch, height, width, channels] of more than {top} + {bottom} rows and {left} + {right} columns"
            ),
            found: x.to_vec(),
        };
        let from: [usize; 4] = x.try_into().map_err(|_| refuse())?;
        let [batch, height, width, channels] = from;
        let left_of = |side: usize, [before, after]: [usize; 2]| {
            let rest = side.checked_sub(before)?.checked_sub(after)?;
            (rest > 0).then_some(rest)
        };
        match (
            left_of(height, [top, bottom]),
            left_of(width, [left, right]),
        ) {
            (Some(height), Some(width)) => Ok(Self {
                from,
                to: [batch, height, width, channels],
                top,
                left,
            }),
            _ => Err(refuse()),
        }
    }

    /// Where a row of the output lies in the input.
    fn place(&self, row: usize) -> usize {
        let [_, from_height, from_width, channels] = self.from;
        let (image, y) = (row / self.to[1], row % self.to[1]);
        ((image * from_height + self.top + y) * from_width + self.left) * channels
    }

    fn cropped<T: Real>(&self, x: &Tensor<T>) -> Tensor<T> {
        let mut y = take_buffer(self.to.iter().product());
        let len = self.to[2] * self.to[3];
        y.par_chunks_mut(len).enumerate().for_each(|(row, y)| {
            let at = self.place(row);
            y.copy_from_slice(&x.data()[at..at + len]);
        });
        Tensor::trusted(y, self.to.to_vec())
    }
}

impl<T: Real> Function<T> for Crop {
    fn name(&self) -> &'static str {
        "crop"
    }

    fn forward(&self, _: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of crop", given)?;
        Ok(vec![self.cropped(x)])
    }

    fn backward(
        &self,
        _: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let mut dx = take_buffer(self.from.iter().product());
        let image = self.from[1..].iter().product();
        let len = self.to[2] * self.to[3];
        dx.par_chunks_mut(image).enumerate().for_each(|(i, dx)| {
            dx.fill(T::zero());
            for row in i * self.to[1]..(i + 1) * self.to[1] {
                let at = self.place(row) - i * image;
                dx[at..at + len].copy_from_slice(&dy.data()[row * len..(row + 1) * len]);
            }
        });
        Ok(vec![Some(Tensor::trusted(dx, self.from.to_vec()))])
    }

    /// A part is its own derivative.
    fn jvp(
        &self,
        _: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        Ok(vec![Some(self.cropped(&tangents.single()?))])
    }
}
