//! Adds products: convolutions, and dense layers, whose kernel covers the image.

use bnn_core::conv::Conv2d;
use bnn_core::model::graph::{NodeEpilogue, NodeWeights, Operation, Values};
use bnn_core::{BitMatrix, BitMatrixView, matrix_words};

use super::{Tensor, bnn_graph_t, numbers_or, trial};
use crate::boundary::{OptionalInput, UntypedInput};
use crate::conv2d::bnn_conv2d_options_t;
use crate::draft::{out_of_range, refused};
use crate::error::Error;
use crate::layer::finite;
use crate::memory;
use crate::status::bnn_status_t;

/// The weights of a product of a graph. Numbers are fixed.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the names of the header")]
pub enum bnn_weights_t {
    /// Latent weights, a `float` each, of which the signs count. Of bits or unsigned integers.
    BNN_WEIGHTS_SIGNS = 0,
    /// Signs, packed: a row of `uint64_t` words per output, tail bits 0. Of bits or unsigned
    /// integers.
    BNN_WEIGHTS_BITS = 1,
    /// Integers, an `int8_t` each. Of unsigned integers, fixed point or floats.
    BNN_WEIGHTS_I8 = 2,
    /// Numbers, a `float` each. Of floats.
    BNN_WEIGHTS_F32 = 3,
}

use bnn_weights_t::*;

/// The weights that go with products of a type. (The writer of the core knows too, but would say
/// neither which weights nor which type.)
fn weights_of(input: Values) -> &'static [bnn_weights_t] {
    match input {
        Values::Bits => &[BNN_WEIGHTS_SIGNS, BNN_WEIGHTS_BITS],
        Values::Unsigned { .. } => &[BNN_WEIGHTS_SIGNS, BNN_WEIGHTS_BITS, BNN_WEIGHTS_I8],
        Values::Fixed { .. } => &[BNN_WEIGHTS_I8],
        Values::Real => &[BNN_WEIGHTS_I8, BNN_WEIGHTS_F32],
        _ => &[],
    }
}

/// Weights `[outputs, kernel_height, kernel_width, channels / groups]` for products of `input`,
/// which is of a type that products take.
pub(super) fn read_weights(
    weights: i32,
    w: UntypedInput<'_>,
    conv: &Conv2d,
    input: Values,
) -> Result<(bnn_weights_t, NodeWeights), Error> {
    let known = [
        BNN_WEIGHTS_SIGNS,
        BNN_WEIGHTS_BITS,
        BNN_WEIGHTS_I8,
        BNN_WEIGHTS_F32,
    ];
    let Some(kind) = known.into_iter().find(|kind| *kind as i32 == weights) else {
        let message = format!("weights is {weights}, expected a bnn_weights_t");
        return Err(out_of_range(message));
    };
    let expected = weights_of(input);
    if !expected.contains(&kind) {
        let message = format!("weights is {kind:?}, expected one of {expected:?}: x is of {input}");
        return Err(refused(&message));
    }
    let (n, k) = (conv.outputs(), conv.patch_len());
    let what = "elements of the weights";
    let elements = n.checked_mul(k).ok_or(bnn_core::Error::Overflow { what })?;
    let read = match kind {
        BNN_WEIGHTS_SIGNS => {
            let w = w.read::<f32>(elements)?;
            finite("w", w)?;
            NodeWeights::Bits(BitMatrix::pack(w, n, k)?)
        }
        BNN_WEIGHTS_BITS => {
            let words = w.read::<u64>(matrix_words(n, k)?)?;
            let within = |error| Error::Argument {
                argument: "w",
                error,
            };
            BitMatrixView::new(words, n, k).map_err(within)?;
            NodeWeights::Bits(BitMatrix::from_words(memory::copied(words)?, n, k)?)
        }
        BNN_WEIGHTS_I8 => NodeWeights::I8(memory::copied(w.read::<i8>(elements)?)?),
        BNN_WEIGHTS_F32 => {
            let w = w.read::<f32>(elements)?;
            finite("w", w)?;
            NodeWeights::F32(memory::copied(w)?)
        }
    };
    Ok((kind, read))
}

impl bnn_conv2d_options_t {
    /// The convolution of images of a shape: sizes that are 0 are those of the image.
    pub(super) fn conv_of(&self, image: [usize; 3]) -> Result<Conv2d, Error> {
        let mut filled = *self;
        let [height, width, channels] = image;
        for (size, of_image) in [
            (&mut filled.height, height),
            (&mut filled.width, width),
            (&mut filled.channels, channels),
            (&mut filled.kernel_height, height),
            (&mut filled.kernel_width, width),
        ] {
            if *size == 0 {
                *size = of_image;
            }
        }
        let found = [filled.height, filled.width, filled.channels];
        match found == image {
            true => filled.conv(),
            false => Err(refused(&format!(
                "options are of images {found:?}, expected {image:?}, those of x"
            ))),
        }
    }
}

impl bnn_graph_t {
    /// The tensor of node `x`, of a type that products take.
    pub(super) fn input_of_product(&self, x: usize) -> Result<Tensor, Error> {
        let expected = "bits, unsigned integers, fixed point or f32";
        self.tensor_of("x", x, expected, |values| !weights_of(values).is_empty())
    }

    /// Adds a product whose sums become `values`.
    pub(super) fn product(
        &mut self,
        x: usize,
        input: Tensor,
        (conv, weights, epilogue): (Conv2d, NodeWeights, NodeEpilogue),
        values: Values,
    ) -> Result<usize, Error> {
        self.draft.open()?;
        let [height, width] = conv.windows().output_size();
        let shape = [height, width, conv.outputs()];
        let operation = Operation::Product {
            conv,
            weights,
            epilogue,
        };
        let operation = trial::operation(self.tensors.len(), input, operation, values)?;
        self.add(operation, &[x], Tensor { shape, values })
    }
}

export! {
    /// Adds a convolution of node `x`, `scale * sum + bias` per output, product and sum rounded to
    /// a float each. A dense layer is one whose kernel covers the image: options of which only
    /// `outputs` is set.
    ///
    /// - `x`: a node. The weights that go with it:
    ///   bits, of which products take -1 and +1 (see `bnn_graph_sign_f32`): signs;
    ///   unsigned integers, of which they take the numbers: signs or integers;
    ///   floats: integers or floats;
    ///   fixed point: integers.
    /// - `options`: read. `height`, `width` and `channels` must be those of `x`; each of them, and
    ///   `kernel_height` and `kernel_width`, may be 0 for that of `x`. Padding other than
    ///   BNN_PAD_ZERO is for bits. `clip` is not used.
    /// - `weights`: a `bnn_weights_t`, what `w` holds.
    /// - `w`: read, `[outputs, kernel_height, kernel_width, channels / groups]` weights.
    /// - `scale`: read, `outputs` floats; NULL for factors of 1. NULL for BNN_WEIGHTS_F32, of which
    ///   a file has no factors.
    /// - `bias`: read, `outputs` floats; NULL for summands of 0.
    /// - `node`: written: the number of the new node.
    ///
    /// Sums of signs and integers are exact. Sums of floats begin with 0 and add one product after
    /// the other, in the order of the weights, each rounded to a float.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TAIL_BITS, NOT_FINITE (`w`, `scale`, `bias`),
    /// RANGE (there is no node `x`, `weights`, and as in `bnn_conv2d_new_f32`), INDIVISIBLE,
    /// UNSUPPORTED (a `scale` of BNN_WEIGHTS_F32), OVERLAP, LAYER (images of another size, weights
    /// or padding that do not go with `x`, numbers that the format has no room for, or the graph is
    /// finished).
    pub fn bnn_graph_conv2d_f32(
        graph: *mut bnn_graph_t,
        x: usize,
        options: *const bnn_conv2d_options_t,
        weights: i32,
        w: *const core::ffi::c_void,
        scale: OptionalInput,
        bias: OptionalInput,
        node: *mut usize,
    ) -> bnn_status_t {
        let input = graph.input_of_product(x)?;
        let conv = options.get()?.conv_of(input.shape)?;
        let (kind, weights) = read_weights(weights, w, &conv, input.values)?;
        let n = conv.outputs();
        let bias = numbers_or(bias, 0.0, n)?;
        let epilogue = match (kind, scale) {
            (BNN_WEIGHTS_F32, None) => NodeEpilogue::Bias(bias),
            (BNN_WEIGHTS_F32, Some(_)) => {
                let what = "a scale with BNN_WEIGHTS_F32, expected NULL: multiply the weights by it";
                return Err(bnn_core::Error::Unsupported { what }.into());
            }
            (_, scale) => NodeEpilogue::Real { scale: numbers_or(scale, 1.0, n)?, bias },
        };
        let node = node.place()?;
        node.put(graph.product(x, input, (conv, weights, epilogue), Values::Real)?);
        Ok(())
    }
}

export! {
    /// Adds a convolution of node `x` as `bnn_graph_conv2d_f32` does, of bits, unsigned integers or
    /// fixed point (weights BNN_WEIGHTS_I8), and gives out bits: `+1` where the sum is at least the
    /// threshold of its output, else `-1`.
    ///
    /// - `thresholds`: read, `outputs` numbers.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, TAIL_BITS, NOT_FINITE (`w`), RANGE, INDIVISIBLE,
    /// OVERLAP, LAYER (as `bnn_graph_conv2d_f32`, and floats in `x`).
    pub fn bnn_graph_conv2d_threshold_i32(
        graph: *mut bnn_graph_t,
        x: usize,
        options: *const bnn_conv2d_options_t,
        weights: i32,
        w: *const core::ffi::c_void,
        thresholds: *const i32,
        node: *mut usize,
    ) -> bnn_status_t {
        let input = graph.input_of_product(x)?;
        let conv = options.get()?.conv_of(input.shape)?;
        let (_, weights) = read_weights(weights, w, &conv, input.values)?;
        let thresholds = memory::copied(thresholds.read(conv.outputs())?)?;
        let epilogue = NodeEpilogue::Thresholds(thresholds);
        let node = node.place()?;
        node.put(graph.product(x, input, (conv, weights, epilogue), Values::Bits)?);
        Ok(())
    }
}
