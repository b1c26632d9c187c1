//! The layers of a model, read in the file: shapes, packed weights and parameters.

use core::ptr;

use bnn_core::Thresholds;
#[cfg(feature = "conv")]
use bnn_core::conv::PadValue;
#[cfg(feature = "conv")]
use bnn_core::model::LayerKind;
use bnn_core::model::{Epilogue, InputType, Layer};

use super::{bnn_element_t, bnn_model_t};
use crate::error::Error;
use crate::shape::at_most;
use crate::status::bnn_status_t;

/// Kinds of layers of a model. Numbers are fixed.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the names of the header")]
pub enum bnn_layer_kind_t {
    /// A fully connected layer.
    BNN_LAYER_DENSE = 0,
    /// A convolution.
    BNN_LAYER_CONV2D = 1,
    /// The largest element of each window, from bits to bits.
    BNN_LAYER_MAX_POOL2D = 2,
}

use bnn_layer_kind_t::*;

/// A layer of a model. Its pointers point into the model's file; those that the layer has no use
/// for are NULL. A layer whose `scale` and both `thresholds` are NULL gives out its sums
/// (BNN_ELEMENT_I32) or, if it is a pool, bits; one with a `scale` gives out floats, one with
/// thresholds bits.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_layer_t {
    /// Height, width and channels of its input; a dense layer's is one pixel.
    pub input_shape: [usize; 3],
    /// Height, width and channels of its output.
    pub output_shape: [usize; 3],
    /// Height and width of a window: 1 and 1 of a dense layer.
    pub kernel: [usize; 2],
    /// Pixels from window to window, downwards and to the right.
    pub stride: [usize; 2],
    /// Pixels from tap to tap, downwards and to the right.
    pub dilation: [usize; 2],
    /// Rows above and below an image, columns to its left and right.
    pub padding: [usize; 4],
    /// Groups of channels of a convolution, each with its own outputs; 1 for other layers.
    pub groups: usize,
    /// Weights per output, `k`: those of a window and the channels of a group; 0 of a pool.
    pub weights_per_output: usize,
    /// A packed row of `k` bits per output, `bnn_row_words(k)` words each.
    pub weights: *const u64,
    /// A threshold per channel of the input: the layer makes bits of bytes, +1 where a byte reaches
    /// it.
    pub input_thresholds: *const u8,
    /// A factor per output: the outputs are `scale * sum + bias`.
    pub scale: *const f32,
    /// A summand per output.
    pub bias: *const f32,
    /// A threshold per output: the outputs are the bits `sum >= threshold`.
    pub thresholds_i16: *const i16,
    /// A threshold per output, if some do not fit 16 bits: the outputs are `sum >= threshold`.
    pub thresholds_i32: *const i32,
    /// A `bnn_layer_kind_t`.
    pub kind: i32,
    /// A `bnn_element_t`: the type of its input's elements.
    pub element: i32,
    /// Bits in use per element of its input, as in `bnn_tensor_t`.
    pub element_bits: i32,
    /// A `bnn_pad_value_t`: what the padding is made of.
    pub pad_value: i32,
}

plain!(bnn_layer_t {
    input_shape,
    output_shape,
    kernel,
    stride,
    dilation,
    padding,
    groups,
    weights_per_output,
    weights,
    input_thresholds,
    scale,
    bias,
    thresholds_i16,
    thresholds_i32,
    kind,
    element,
    element_bits,
    pad_value
});

const EMPTY: bnn_layer_t = bnn_layer_t {
    input_shape: [0; 3],
    output_shape: [0; 3],
    kernel: [1; 2],
    stride: [1; 2],
    dilation: [1; 2],
    padding: [0; 4],
    groups: 1,
    weights_per_output: 0,
    weights: ptr::null(),
    input_thresholds: ptr::null(),
    scale: ptr::null(),
    bias: ptr::null(),
    thresholds_i16: ptr::null(),
    thresholds_i32: ptr::null(),
    kind: BNN_LAYER_DENSE as i32,
    element: 0,
    element_bits: 1,
    pad_value: 0,
};

impl bnn_layer_t {
    fn of(layer: &Layer<'_>) -> Result<Self, Error> {
        let mut own = Self {
            input_shape: layer.input_shape,
            output_shape: layer.output_shape,
            ..EMPTY
        };
        (own.element, own.element_bits) = match layer.input {
            InputType::Bits => (bnn_element_t::BNN_ELEMENT_BITS as i32, 1),
            InputType::Unsigned { depth } => (bnn_element_t::BNN_ELEMENT_U8 as i32, depth.into()),
            InputType::Thresholds => (bnn_element_t::BNN_ELEMENT_U8 as i32, 8),
            _ => return Err(super::UNKNOWN),
        };
        if let [_, ..] = layer.input_thresholds {
            own.input_thresholds = layer.input_thresholds.as_ptr();
        }
        if let Some(weights) = layer.weights {
            own.weights = weights.words().as_ptr();
            own.weights_per_output = weights.cols();
        }
        match layer.epilogue {
            None | Some(Epilogue::Sums) => {}
            Some(Epilogue::Affine { scale, bias }) => {
                (own.scale, own.bias) = (scale.as_ptr(), bias.as_ptr());
            }
            Some(Epilogue::Threshold(Thresholds::I16(t))) => own.thresholds_i16 = t.as_ptr(),
            Some(Epilogue::Threshold(Thresholds::I32(t))) => own.thresholds_i32 = t.as_ptr(),
            Some(_) => return Err(super::UNKNOWN),
        }
        own.window(layer)?;
        Ok(own)
    }

    /// Sets what a layer with windows has besides.
    #[cfg(feature = "conv")]
    fn window(&mut self, layer: &Layer<'_>) -> Result<(), Error> {
        let windows = match &layer.kind {
            LayerKind::Conv2d(conv) => {
                self.kind = BNN_LAYER_CONV2D as i32;
                self.groups = conv.groups();
                self.pad_value = match conv.pad_value() {
                    PadValue::Zero => 0,
                    PadValue::MinusOne => 1,
                    PadValue::PlusOne => 2,
                };
                conv.windows()
            }
            LayerKind::MaxPool2d(pool) => {
                self.kind = BNN_LAYER_MAX_POOL2D as i32;
                pool.windows()
            }
            LayerKind::Dense => return Ok(()),
            _ => return Err(super::UNKNOWN),
        };
        self.kernel = windows.kernel();
        self.stride = windows.stride();
        self.dilation = windows.dilation();
        let [top, left, bottom, right] = bnn_core::internal::padded_sides(windows);
        self.padding = [top, bottom, left, right];
        Ok(())
    }

    #[cfg(not(feature = "conv"))]
    fn window(&mut self, _: &Layer<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// What [`bnn_model_layer`] says of a model without layers.
const GRAPH: Error = Error::Core(bnn_core::Error::Unsupported {
    what: "layers of a graph, whose nodes are none; `bnn info --weights` writes their arrays",
});

export! {
    /// Layers of the model, at least 1; 0 of a graph (version 2 of the format), whose nodes are not
    /// layers. 0 where `model` is NULL or not open.
    pub fn bnn_model_layers(model: *const bnn_model_t) -> usize {
        Ok(model.opened()?.layers().len())
    }
}

export! {
    /// A layer of the model, with its packed weights and parameters as arrays in the file.
    ///
    /// - `index`: 0 for the layer that takes the model's input, and so on.
    /// - `out`: written on success only.
    ///
    /// A graph (version 2 of the format) has no layers: UNSUPPORTED for any index. The command
    /// `bnn info --weights` writes the arrays of its nodes.
    ///
    /// Errors: NULL, MISALIGNED, NOT_OPEN, RANGE, UNSUPPORTED, OVERLAP.
    pub fn bnn_model_layer(
        model: *const bnn_model_t,
        index: usize,
        out: *mut bnn_layer_t,
    ) -> bnn_status_t {
        let model = model.opened()?;
        let last = model.layers().len().checked_sub(1).ok_or(GRAPH)?;
        at_most("index", last, index)?;
        // There is one: the index has just been checked.
        if let Some(layer) = model.layers().nth(index) {
            let layer = bnn_layer_t::of(&layer)?;
            out.place()?.put(layer);
        }
        Ok(())
    }
}
