//! A block of samples that goes through the groups of a graph.

use super::group::outputs::{GroupOutputs, MOST_OUTPUTS, PixelRows};
use super::group::steps::Step;
use super::group::{Beside, GroupRun, MOST_STEPS, Numbers};
use super::packed::{Group, PackedGraph, PackedNode, Start};
use super::packed_pool::{PoolRow, is_pool_of_numbers};
use super::packed_product::{PackedProduct, bits_or_bytes};
use super::record::NodeRecord;
use super::rows::make_row;
use super::tensor::{RowMut, RowNumbers, Rows};
use super::whole::RowsMut;
use crate::conv::conv2d_tiles;
use crate::kernel::{Kernel, vectorised};
use crate::model::error::ModelError;
use crate::model::io::{Input, Output};

/// A block of samples on its way through a graph.
pub(super) struct SampleBlock<'r, 'a> {
    pub(super) graph: &'r PackedGraph<'a>,
    /// The record of the input.
    pub(super) given: NodeRecord,
    pub(super) samples: usize,
    pub(super) input: Input<'r>,
    pub(super) tensors: &'r mut [u64],
}

/// The tensors that a group reads.
struct Readable<'s, 'a> {
    graph: &'s PackedGraph<'a>,
    given: &'s NodeRecord,
    samples: usize,
    input: Input<'s>,
    /// What lies between the tensors that are written, with the place of each piece.
    pieces: [(usize, &'s [u64]); MOST_OUTPUTS + 1],
}

impl<'s> Readable<'s, '_> {
    /// The tensor of a node.
    fn rows(&self, number: usize) -> Rows<'s> {
        let Some(node) = self.graph.node(number) else {
            return Rows::given(self.given, self.input);
        };
        let words = node.words.start * self.samples..node.words.end * self.samples;
        let words = self.pieces.iter().find_map(|(at, piece)| {
            let start = words.start.checked_sub(*at)?;
            piece.get(start..start + words.len())
        });
        Rows::without_gaps(&node.parts.record, words.unwrap_or_default())
    }

    /// What the steps of a group read.
    fn beside(&self, steps: &[Step<'_>]) -> [[Option<Beside<'s>>; 2]; MOST_STEPS] {
        let mut all = [[None; 2]; MOST_STEPS];
        for (all, step) in all.iter_mut().zip(steps) {
            *all = step.beside.map(|number| {
                let record = match self.graph.node(number?) {
                    Some(node) => &node.parts.record,
                    None => self.given,
                };
                Some(Beside {
                    numbers: Numbers::of(self.rows(number?).numbers)?,
                    first: 0,
                    channels: record.channels as usize,
                })
            });
        }
        all
    }
}

impl SampleBlock<'_, '_> {
    /// What a group reads, and the tensors that it writes.
    fn split<'s>(
        &'s mut self,
        group: &Group<'_>,
        output: &'s mut Output<'_>,
    ) -> (Readable<'s, 's>, [Option<RowsMut<'s>>; MOST_OUTPUTS]) {
        let samples = self.samples;
        let mut written = [const { None }; MOST_OUTPUTS];
        let mut pieces: [(usize, &[u64]); MOST_OUTPUTS + 1] = [(0, &[]); _];
        let (mut at, mut rest) = (0, &mut *self.tensors);
        let mut given = Some(output.all());
        let places = written.iter_mut().zip(&mut pieces);
        for ((written, piece), &number) in places.zip(&group.outputs) {
            let Some(node) = self.graph.node(number) else {
                break;
            };
            if node.parts.record.last == 0 {
                *written = given.take().map(RowsMut::given);
                continue;
            }
            let words = node.words.start * samples..node.words.end * samples;
            let before = core::mem::take(&mut rest);
            let before = before.split_at_mut_checked(words.start - at);
            let (before, own) = before.unwrap_or_default();
            let (own, after) = own.split_at_mut_checked(words.len()).unwrap_or_default();
            *piece = (at, before);
            *written = Some(RowsMut::of(&node.parts.record, own));
            (at, rest) = (words.end, after);
        }
        let [.., last] = &mut pieces;
        *last = (at, rest);
        let readable = Readable {
            graph: self.graph,
            given: &self.given,
            samples,
            input: self.input,
            pieces,
        };
        (readable, written)
    }

    /// Computes a group.
    pub(super) fn run(
        &mut self,
        group: &Group<'_>,
        output: &mut Output<'_>,
        work: &mut [u64],
    ) -> Result<(), ModelError> {
        let (samples, kernel) = (self.samples, self.graph.kernel);
        let Some(head) = self.graph.node(group.head) else {
            return Ok(()); // a group has a node
        };
        let record = &head.parts.record;
        let [height, width, channels] = record.shape().sizes();
        let (readable, mut written) = self.split(group, output);
        let [a, b] = record.inputs.map(|input| readable.rows(input.into()));
        if group.steps.is_empty() {
            return match &mut written {
                [Some(out), ..] => make_alone(head, samples, [a, b], out, work, kernel),
                _ => Ok(()), // somebody reads what a node makes
            };
        }
        let pixels = samples * height * width;
        let mut outputs = GroupOutputs::default();
        let places = outputs.tensors.iter_mut().zip(written);
        for ((place, rows), &number) in places.zip(&group.outputs) {
            if let (Some(rows), Some(node)) = (rows, readable.graph.node(number)) {
                *place = PixelRows::new(&node.parts.record, pixels, rows);
            }
        }
        let steps = group.steps.as_slice();
        let beside = readable.beside(steps);
        match (group.start, &head.product) {
            (Start::Sums, Some(PackedProduct::Signs(filters))) => {
                let images = bits_or_bytes(&head.parts, samples, a)?;
                let run = GroupRun {
                    steps,
                    beside,
                    outputs,
                };
                conv2d_tiles(images, filters, run)?;
            }
            (Start::Rows, product) => {
                for (y, first) in (0..samples * height).zip((0..).step_by(width)) {
                    let (sample, y) = (y / height, y % height);
                    let inputs = inputs_of(head, sample, [a, b]);
                    let made = match product {
                        Some(product) => Some(product.row(&head.parts, y, inputs[0], work)),
                        None => {
                            let (row, work) = work
                                .split_at_mut_checked(record.row_words())
                                .unwrap_or_default();
                            let made = RowMut::of(record, row);
                            make_one(head, y, inputs, made, work, kernel);
                            let row = RowNumbers::of(record, row);
                            Numbers::of(row.part(0..record.row_len()))
                        }
                    };
                    let mut beside = beside;
                    let [[place, _], ..] = &mut beside;
                    *place = made.map(|numbers| Beside {
                        numbers,
                        first,
                        channels,
                    });
                    let mut run = GroupRun {
                        steps,
                        beside,
                        outputs,
                    };
                    run.pixels(first, width, channels);
                    outputs = run.outputs;
                }
            }
            _ => {
                let mut run = GroupRun {
                    steps,
                    beside,
                    outputs,
                };
                run.pixels(0, pixels, channels);
            }
        }
        Ok(())
    }
}

/// The inputs of a sample.
fn inputs_of<'r>(node: &PackedNode<'_>, sample: usize, [a, b]: [Rows<'r>; 2]) -> [Rows<'r>; 2] {
    [
        a.skip(sample * node.parts.input.height()),
        b.skip(sample * node.parts.second.height()),
    ]
}

/// Makes a row of a node that is no product.
fn make_one(
    node: &PackedNode<'_>,
    y: usize,
    inputs: [Rows<'_>; 2],
    out: RowMut<'_>,
    work: &mut [u64],
    kernel: &'static Kernel,
) {
    match is_pool_of_numbers(&node.parts.record) {
        true => vectorised(PoolRow {
            node: &node.parts,
            y,
            image: inputs[0],
            out,
            work,
        }),
        false => make_row(&node.parts, y, inputs, out, &mut [], kernel),
    }
}

/// Makes the tensor of a node that nothing follows.
fn make_alone(
    node: &PackedNode<'_>,
    samples: usize,
    inputs: [Rows<'_>; 2],
    out: &mut RowsMut<'_>,
    work: &mut [u64],
    kernel: &'static Kernel,
) -> Result<(), ModelError> {
    let record = &node.parts.record;
    let (height, row) = (record.height(), record.row_len());
    if let (Some(PackedProduct::ToBits(layer)), RowsMut::Bits(y)) = (&node.product, &mut *out) {
        let y = y.get_mut(..samples * height * row).unwrap_or_default();
        layer.run(bits_or_bytes(&node.parts, samples, inputs[0])?, y)?;
        return Ok(());
    }
    for at in 0..samples * height {
        let inputs = inputs_of(node, at / height, inputs);
        let out = out.part(at * row..(at + 1) * row);
        make_one(node, at % height, inputs, out, work, kernel);
    }
    Ok(())
}
