//! `OrderedConv2d`: convolutions with real weights, whose sums are in a stated order.

use std::ffi::CStr;

use bnn_core::conv::Conv2d;
use bnn_core::internal::{Axis, Loop, OrderedWeights, axes, vectorised};
use rayon::prelude::*;

use super::window::Window;
use super::{Input, NodeInfo, Operator, Output, first};
use crate::schema::op;
use crate::tensor::{Data, Element, Refusal, Tensor, refused};

/// Images of floats or bytes to floats `[batch, height, width, outputs]`: products are added in the
/// order of a filter's elements, each product and each sum rounded.
#[derive(Debug)]
pub(crate) struct OrderedConv {
    window: Window,
    outputs: usize,
    /// By groups of channels.
    groups: Vec<OrderedWeights>,
}

impl Operator for OrderedConv {
    const NAME: &'static CStr = op::ORDERED_CONV;
    const INPUTS: &'static [Input] = &[Input::any(), Input::of(Element::F32)];
    const OUTPUT: Element = Element::F32;

    fn new(node: &impl NodeInfo) -> Result<Self, Refusal> {
        let window = Window::of(node, false)?;
        let (k, groups) = (window.patch_len()?, window.groups());
        let weights = node.constant(1)?;
        let (outputs, weights) = match &weights {
            Some(Tensor {
                data: Data::F32(weights),
                shape,
            }) if shape.len() == 2 && shape[1] == k && shape[0] % groups == 0 && shape[0] > 0 => {
                (shape[0], *weights)
            }
            _ => {
                return refused(format!(
                    "the input W: expected constant rows of {k} floats, as many for each of \
                     {groups} groups"
                ));
            }
        };
        let n = outputs / groups;
        let groups = weights.chunks_exact(n * k);
        let groups: Result<_, _> = groups.map(|rows| OrderedWeights::new(rows, n, k)).collect();
        Ok(Self {
            window,
            outputs,
            groups: groups?,
        })
    }

    fn steps(&self, inputs: &[Option<Tensor<'_>>]) -> usize {
        let products = self.window.products(self.outputs);
        first(inputs).map_or(0, |x| x.len().saturating_mul(products))
    }

    fn run<'a>(
        &self,
        inputs: &[Option<Tensor<'a>>],
        output: impl Output<'a> + Send,
    ) -> Result<(), Refusal> {
        let x = first(inputs)?;
        let [batch, height, width, _] = x.image()?;
        x.check_channels(self.window.channels)?;
        let conv = self.window.conv([height, width], self.outputs)?;
        let [rows, columns] = conv.windows().output_size();
        let y = output.floats(&[batch, rows, columns, self.outputs])?;
        match x.data {
            Data::F32(x) => self.convolve(&conv, x, y, |x| x),
            Data::U8(x) => self.convolve(&conv, x, y, f32::from),
            _ => refused("the input X: expected float32 or uint8, found another type"),
        }
    }
}

impl OrderedConv {
    fn convolve<X: Copy + Sync>(
        &self,
        conv: &Conv2d,
        x: &[X],
        y: &mut [f32],
        number: impl Fn(X) -> f32 + Sync,
    ) -> Result<(), Refusal> {
        let [down, across] = axes(conv.windows());
        let image = (down.input * across.input * conv.channels()).max(1);
        let (n, k) = (self.outputs / self.groups.len(), conv.patch_len());
        let outputs = y.par_chunks_mut((across.output * self.outputs).max(1));
        outputs.enumerate().try_for_each_init(
            || (vec![0.0; across.output * k], vec![0.0; across.output * n]),
            |(patches, sums), (row, y)| {
                let start = row / down.output * image;
                let x = x.get(start..start + image).unwrap_or_default();
                for (group, weights) in self.groups.iter().enumerate() {
                    patches.fill(0.0);
                    vectorised(Gather {
                        axes: [&down, &across],
                        row: row % down.output,
                        channels: conv.channels(),
                        group: [group, conv.channels() / self.groups.len()],
                        x,
                        patches: patches.as_mut_slice(),
                        number: &number,
                    });
                    weights.multiply(patches, sums)?;
                    for (y, sums) in y.chunks_exact_mut(self.outputs).zip(sums.chunks_exact(n)) {
                        let y = y.get_mut(group * n..(group + 1) * n).unwrap_or_default();
                        y.copy_from_slice(sums);
                    }
                }
                Ok::<_, Refusal>(())
            },
        )
    }
}

/// Writes the patches under a row of windows, of the channels of a group; zeros stay where a window
/// reaches into the padding.
struct Gather<'r, X, F> {
    axes: [&'r Axis; 2],
    row: usize,
    channels: usize,
    /// Which group, and its channels.
    group: [usize; 2],
    x: &'r [X],
    patches: &'r mut [f32],
    number: F,
}

impl<X: Copy, F: Fn(X) -> f32> Loop for Gather<'_, X, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let ([down, across], [group, channels]) = (self.axes, self.group);
        let k = down.kernel * across.kernel * channels;
        for (ox, patch) in self.patches.chunks_exact_mut(k).enumerate() {
            for ky in down.inside(self.row) {
                for kx in across.inside(ox) {
                    let pixel = down.pixel(self.row, ky) * across.input + across.pixel(ox, kx);
                    let from = pixel * self.channels + group * channels;
                    let to = (ky * across.kernel + kx) * channels;
                    let from = self.x.get(from..from + channels).unwrap_or_default();
                    let to = patch.get_mut(to..to + channels).unwrap_or_default();
                    for (to, &x) in to.iter_mut().zip(from) {
                        *to = (self.number)(x);
                    }
                }
            }
        }
    }
}
