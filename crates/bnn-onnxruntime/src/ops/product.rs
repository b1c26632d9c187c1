//! Products with signs: `BinaryLinear` and `BinaryConv2d`, whose output is floats, and the same
//! with thresholds, whose output is bits.

use std::ffi::CStr;
use std::sync::{Arc, Mutex, PoisonError};

use bnn_core::conv::{Images, PackedFilters, conv2d_bits, conv2d_f32};
use bnn_core::internal::packed_filters_for_bytes;
use bnn_core::{BitMatrix, BitMatrixView, BitMatrixViewMut, row_words};

use super::window::Window;
use super::{Input, NodeInfo, Operator, Output, first};
use crate::schema::op;
use crate::tensor::{Data, Element, Refusal, Tensor, per_channel, refused};

/// Bits of the unsigned numbers in a tensor of bytes.
const DEPTH: usize = 8;

/// The images that filters were laid out for: their size, and whether they are of bytes.
type Laid = ([usize; 2], bool, Arc<PackedFilters>);

/// Filters, and the layout of them for the images that came last.
#[derive(Debug)]
struct Product {
    window: Window,
    is_linear: bool,
    filters: BitMatrix,
    laid: Mutex<Option<Laid>>,
}

impl Product {
    fn new(node: &impl NodeInfo, is_linear: bool) -> Result<Self, Refusal> {
        let window = Window::of(node, is_linear)?;
        let k = window.patch_len()?;
        let Some(weights) = node.constant(1)? else {
            return refused(
                "the input W: expected a constant of the file, found a computed tensor",
            );
        };
        let (n, words) = (weights.rows(), weights.last());
        let filters = match weights.data {
            Data::U64(rows) if weights.shape.len() == 2 && words == row_words(k) => {
                BitMatrix::from_words(rows.to_vec(), n, k)?
            }
            _ => {
                return refused(format!(
                    "the input W: expected a row of {} words (uint64) for each output, of {k} \
                     signs, found a shape of {:?}",
                    row_words(k),
                    weights.shape
                ));
            }
        };
        Ok(Self {
            window,
            is_linear,
            filters,
            laid: Mutex::new(None),
        })
    }

    fn steps(&self, inputs: &[Option<Tensor<'_>>]) -> usize {
        let products = self.window.products(self.outputs());
        first(inputs).map_or(0, |x| x.len().saturating_mul(products))
    }

    fn outputs(&self) -> usize {
        self.filters.rows()
    }

    /// The filters for images of a size.
    fn filters(&self, size: [usize; 2], of_bytes: bool) -> Result<Arc<PackedFilters>, Refusal> {
        let mut laid = self.laid.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, bytes, filters)) = &*laid
            && (*known, *bytes) == (size, of_bytes)
        {
            return Ok(Arc::clone(filters));
        }
        let conv = self.window.conv(size, self.outputs())?;
        let filters = Arc::new(match of_bytes {
            true => packed_filters_for_bytes(&conv, self.filters.view())?,
            false => PackedFilters::new(&conv, self.filters.view())?,
        });
        *laid = Some((size, of_bytes, Arc::clone(&filters)));
        Ok(filters)
    }

    /// The images of a tensor with the filters for them, and the shape of the output without its
    /// last side.
    fn operands<'a>(
        &self,
        x: &Tensor<'a>,
    ) -> Result<(Images<'a>, Arc<PackedFilters>, Vec<usize>), Refusal> {
        let channels = self.window.channels;
        match x.data {
            Data::U64(_) => x.words(channels).map(|_| ())?,
            _ => x.check_channels(channels)?,
        }
        let images = match x.data {
            Data::F32(x) => Images::Floats(x),
            Data::U8(x) => Images::Unsigned { x, depth: DEPTH },
            Data::U64(words) => Images::Bits(BitMatrixView::new(words, x.rows(), channels)?),
            Data::I32(_) => {
                return refused(
                    "the input X: expected float32, uint8 or words of signs (uint64), found int32",
                );
            }
        };
        let of_bytes = matches!(x.data, Data::U8(_));
        if self.is_linear {
            let filters = self.filters([1, 1], of_bytes)?;
            return Ok((images, filters, x.shape[..x.shape.len() - 1].to_vec()));
        }
        let [batch, height, width, _] = x.image()?;
        let filters = self.filters([height, width], of_bytes)?;
        let [height, width] = filters.conv().windows().output_size();
        Ok((images, filters, vec![batch, height, width]))
    }
}

/// A product whose sums become floats: `scale * sum + bias`, rounded twice, or the sums.
#[derive(Debug)]
struct ToFloats {
    product: Product,
    scale: Vec<f32>,
    bias: Vec<f32>,
}

impl ToFloats {
    fn new(node: &impl NodeInfo, is_linear: bool) -> Result<Self, Refusal> {
        let product = Product::new(node, is_linear)?;
        let n = product.outputs();
        let scale = per_channel("the input scale", node.constant(2)?.as_ref(), n)?;
        let bias = per_channel("the input bias", node.constant(3)?.as_ref(), n)?;
        Ok(Self {
            product,
            scale: scale.unwrap_or_else(|| vec![1.0; n]),
            bias: bias.unwrap_or_else(|| vec![0.0; n]),
        })
    }

    fn run<'a>(
        &self,
        inputs: &[Option<Tensor<'a>>],
        output: impl Output<'a>,
    ) -> Result<(), Refusal> {
        let n = self.product.outputs();
        let (images, filters, mut shape) = self.product.operands(first(inputs)?)?;
        shape.push(n);
        let out = output.floats(&shape)?;
        if out.is_empty() {
            return Ok(());
        }
        conv2d_f32(images, &filters, &self.scale, &self.bias, out, n)?;
        Ok(())
    }
}

/// A product whose sums become the bits `sum >= threshold`.
#[derive(Debug)]
struct ToBits {
    product: Product,
    thresholds: Vec<i32>,
}

impl ToBits {
    fn new(node: &impl NodeInfo, is_linear: bool) -> Result<Self, Refusal> {
        let product = Product::new(node, is_linear)?;
        let n = product.outputs();
        let thresholds = match node.constant(2)? {
            Some(Tensor {
                data: Data::I32(thresholds),
                ..
            }) if thresholds.len() == n => thresholds.to_vec(),
            _ => {
                return refused(format!(
                    "the input thresholds: expected {n} constants in int32, found others"
                ));
            }
        };
        Ok(Self {
            product,
            thresholds,
        })
    }

    fn run<'a>(
        &self,
        inputs: &[Option<Tensor<'a>>],
        output: impl Output<'a>,
    ) -> Result<(), Refusal> {
        let n = self.product.outputs();
        let (images, filters, mut shape) = self.product.operands(first(inputs)?)?;
        shape.push(row_words(n));
        let out = output.words(&shape)?;
        if out.is_empty() {
            return Ok(());
        }
        let pixels = out.len() / row_words(n);
        let mut out = BitMatrixViewMut::cleared(out, pixels, n)?;
        conv2d_bits(images, &filters, &self.thresholds[..], &mut out)?;
        Ok(())
    }
}

/// The inputs of products whose output is floats.
const TO_FLOATS: &[Input] = &[
    Input::any(),
    Input::of(Element::U64),
    Input::optional(Element::F32),
    Input::optional(Element::F32),
];

/// The inputs of products whose output is bits.
const TO_BITS: &[Input] = &[
    Input::any(),
    Input::of(Element::U64),
    Input::of(Element::I32),
];

macro_rules! operator {
    ($(#[$doc:meta])* $name:ident: $kind:ident, $op:expr, $inputs:expr, $output:expr, $is_linear:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name($kind);

        impl Operator for $name {
            const NAME: &'static CStr = $op;
            const INPUTS: &'static [Input] = $inputs;
            const OUTPUT: Element = $output;

            fn new(node: &impl NodeInfo) -> Result<Self, Refusal> {
                Ok(Self($kind::new(node, $is_linear)?))
            }

            fn steps(&self, inputs: &[Option<Tensor<'_>>]) -> usize {
                self.0.product.steps(inputs)
            }

            fn run<'a>(
                &self,
                inputs: &[Option<Tensor<'a>>],
                output: impl Output<'a> + Send,
            ) -> Result<(), Refusal> {
                self.0.run(inputs, output)
            }
        }
    };
}

operator!(
    /// `[.., channels]` to floats `[.., outputs]`.
    Linear: ToFloats, op::LINEAR, TO_FLOATS, Element::F32, true
);
operator!(
    /// `[.., channels]` to bits, `[.., words]`.
    LinearBits: ToBits, op::LINEAR_BITS, TO_BITS, Element::U64, true
);
operator!(
    /// Images to floats `[batch, height, width, outputs]`.
    Conv: ToFloats, op::CONV, TO_FLOATS, Element::F32, false
);
operator!(
    /// Images to bits, `[batch, height, width, words]`.
    ConvBits: ToBits, op::CONV_BITS, TO_BITS, Element::U64, false
);
