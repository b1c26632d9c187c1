//! What the linear layer and the convolution have in common.

use std::borrow::Cow;

use bnn_autograd::internal::gradients::{self, SavedInput};
use bnn_core::BitMatrix;

use crate::boundary::{Input, Output};
use crate::error::Error;
use crate::memory;
use crate::shape::at_least;
use crate::status::bnn_status_t;

/// A number per output, and how far gradients pass.
#[derive(Clone, Debug)]
pub(crate) struct Epilogue {
    pub(crate) scale: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) clip: f32,
}

impl Epilogue {
    /// For `outputs` outputs, the number that the weights are known to have. A NULL scale is 1
    /// everywhere, a NULL bias 0.
    pub(crate) fn new(
        outputs: usize,
        scale: Option<Input<'_, f32>>,
        bias: Option<Input<'_, f32>>,
        clip: f32,
    ) -> Result<Self, Error> {
        if !is_positive(clip) {
            return Err(Error::Refused {
                status: bnn_status_t::BNN_ERROR_RANGE,
                message: format!("clip is {clip}, expected more than 0"),
            });
        }
        let numbers = |given: Option<Input<'_, f32>>, default: f32| match given {
            Some(given) => memory::copied(given.read(outputs)?),
            None => memory::filled(default, outputs),
        };
        Ok(Self {
            scale: numbers(scale, 1.0)?,
            bias: numbers(bias, 0.0)?,
            clip,
        })
    }

    /// The gradient with respect to the sums, given the one with respect to the outputs.
    pub(crate) fn to_sums<'g>(&self, grad_y: &'g [f32]) -> Result<Cow<'g, [f32]>, Error> {
        if self.scale.iter().all(|&scale| scale == 1.0) {
            return Ok(Cow::Borrowed(grad_y));
        }
        Ok(Cow::Owned(gradients::scaled(grad_y, &self.scale)?))
    }
}

/// Not NaN.
fn is_positive(x: f32) -> bool {
    x > 0.0
}

/// The signs of latent weights, packed.
pub(crate) fn latent(w: Input<'_, f32>, rows: usize, cols: usize) -> Result<BitMatrix, Error> {
    let what = "elements of the weights";
    let elements = rows.checked_mul(cols);
    let elements = elements.ok_or(bnn_core::Error::Overflow { what })?;
    let name = w.name();
    let w = w.read(elements)?;
    finite(name, w)?;
    Ok(BitMatrix::pack(w, rows, cols)?)
}

/// Refuses numbers of which one is infinite or NaN: as weights they would pass for signs.
pub(crate) fn finite(what: &'static str, x: &[f32]) -> Result<(), Error> {
    match x.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::Refused {
            status: bnn_status_t::BNN_ERROR_NOT_FINITE,
            message: format!("{what}[{at}] is {}, expected a finite number", x[at]),
        }),
    }
}

/// Weights that are packed already.
pub(crate) fn packed(
    bits: Input<'_, u64>,
    bits_words: usize,
    rows: usize,
    cols: usize,
) -> Result<BitMatrix, Error> {
    at_least(
        "bits_words",
        bnn_core::matrix_words(rows, cols)?,
        bits_words,
    )?;
    let view = crate::shape::packed(bits, rows, cols)?;
    Ok(BitMatrix::from_words(
        memory::copied(view.words())?,
        rows,
        cols,
    )?)
}

/// The words in which `[rows, cols]` is to be saved.
pub(crate) fn room<'call>(
    saved: Output<'call, u64>,
    saved_words: usize,
    rows: usize,
    cols: usize,
) -> Result<&'call mut [u64], Error> {
    let words = SavedInput::words(rows, cols)?;
    at_least("saved_words", words, saved_words)?;
    saved.write(words)
}

/// What was saved of `[rows, cols]`.
pub(crate) fn saved<'call>(
    saved: Input<'call, u64>,
    saved_words: usize,
    rows: usize,
    cols: usize,
) -> Result<SavedInput<'call>, Error> {
    let words = SavedInput::words(rows, cols)?;
    at_least("saved_words", words, saved_words)?;
    let words = saved.read(words)?;
    SavedInput::read(words, rows, cols).map_err(|error| match error {
        bnn_autograd::Error::Core(error) => Error::Argument {
            argument: "saved",
            error,
        },
        other => other.into(),
    })
}

/// A gradient that is asked for, if it is.
pub(crate) fn wanted<'call>(
    grad: Option<Output<'call, f32>>,
    len: usize,
) -> Result<Option<&'call mut [f32]>, Error> {
    grad.map(|grad| grad.write(len)).transpose()
}

/// Checks that there is memory for a pass over matrices of `floats` floats each, which allocates
/// copies and products of their sizes. Less than a mebibyte is not worth the check.
pub(crate) fn working_memory<const N: usize>(floats: [usize; N]) -> Result<(), Error> {
    let floats = floats.into_iter().fold(0, usize::saturating_add);
    // Each twice, and what the threads multiply in.
    let bytes = floats.saturating_mul(2 * size_of::<f32>());
    match bytes < (1 << 20) {
        true => Ok(()),
        false => memory::available(bytes.saturating_add(16 << 20)),
    }
}
