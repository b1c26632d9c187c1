//! `PackSigns`: the bits `x >= threshold`.

use std::ffi::CStr;

use bnn_core::internal::{Loop, vectorised};
use bnn_core::row_words;
use rayon::prelude::*;

use super::window::channels;
use super::{Input, NodeInfo, Operator, Output, first};
use crate::schema::op;
use crate::tensor::{Data, Element, Refusal, Tensor, per_channel, refused};

/// Bits of a word.
const WORD: usize = 64;

/// Elements that a thread packs at once.
const BLOCK: usize = 1 << 14;

/// `[.., channels]` numbers to `[.., words]`: +1 where a number reaches the threshold of its
/// channel, or 0. NaN never does.
#[derive(Debug)]
pub(crate) struct Pack {
    thresholds: Vec<f32>,
}

impl Operator for Pack {
    const NAME: &'static CStr = op::PACK;
    const INPUTS: &'static [Input] = &[Input::any(), Input::optional(Element::F32)];
    const OUTPUT: Element = Element::U64;

    fn new(node: &impl NodeInfo) -> Result<Self, Refusal> {
        let n = channels(node)?;
        let thresholds = per_channel("the input thresholds", node.constant(1)?.as_ref(), n)?;
        let thresholds = thresholds.unwrap_or_else(|| vec![0.0; n]);
        match thresholds.is_empty() {
            true => refused("the attribute channels: expected at least 1, found 0"),
            false => Ok(Self { thresholds }),
        }
    }

    fn run<'a>(
        &self,
        inputs: &[Option<Tensor<'a>>],
        output: impl Output<'a> + Send,
    ) -> Result<(), Refusal> {
        let x = first(inputs)?;
        let channels = self.thresholds.len();
        x.check_channels(channels)?;
        let y = output.words(&x.with_last(row_words(channels)))?;
        match x.data {
            Data::F32(x) => pack(x, &self.thresholds, y, |x, t| x >= t),
            Data::U8(x) => pack(x, &self.thresholds, y, |x, t| f32::from(x) >= t),
            _ => return refused("the input X: expected float32 or uint8, found another type"),
        }
        Ok(())
    }
}

fn pack<X: Copy + Sync>(
    x: &[X],
    thresholds: &[f32],
    y: &mut [u64],
    reaches: impl Fn(X, f32) -> bool + Sync,
) {
    let channels = thresholds.len();
    let (words, rows) = (row_words(channels), BLOCK.div_ceil(channels));
    let blocks = y.par_chunks_mut(rows * words);
    blocks
        .zip(x.par_chunks(rows * channels))
        .for_each(|(y, x)| {
            vectorised(Reach {
                x,
                thresholds,
                y,
                reaches: &reaches,
            });
        });
}

struct Reach<'r, X, F> {
    x: &'r [X],
    thresholds: &'r [f32],
    y: &'r mut [u64],
    reaches: F,
}

impl<X: Copy, F: Fn(X, f32) -> bool> Loop for Reach<'_, X, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let channels = self.thresholds.len();
        let rows = self.y.chunks_exact_mut(row_words(channels));
        for (y, x) in rows.zip(self.x.chunks_exact(channels)) {
            let words = x.chunks(WORD).zip(self.thresholds.chunks(WORD));
            for (y, (x, thresholds)) in y.iter_mut().zip(words) {
                let pairs = x.iter().zip(thresholds).rev();
                *y = pairs.fold(0, |bits, (&x, &t)| {
                    bits << 1 | u64::from((self.reaches)(x, t))
                });
            }
        }
    }
}
