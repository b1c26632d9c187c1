//! A graph on a host: node after node over whole tensors of a block of samples, with weights laid
//! out for this CPU.

use alloc::vec::Vec;
use core::ops::Range;

use super::node::NodeParts;
use super::packed_product::PackedProduct;
use super::record::{NodeRecord, kind, values};
use super::rows::make_row;
use super::tensor::{RowMut, RowNumbers, Rows};
use super::whole::RowsMut;
use crate::error::Error;
use crate::kernel::Kernel;
use crate::memory;
use crate::model::error::ModelError;
use crate::model::io::{Input, Output};
use crate::model::reader::Model;
use crate::model::workspaces::Workspace;
use crate::shape::{WORD, mul, positive, row_len};

/// A graph laid out for this CPU.
#[derive(Clone, Debug)]
pub(in crate::model) struct PackedGraph<'a> {
    kernel: &'static Kernel,
    /// All nodes except the input.
    nodes: Vec<PackedNode<'a>>,
    /// Words of the tensors of a sample that live at the same time, and words to work in.
    tensor_words: usize,
    work_words: usize,
}

#[derive(Clone, Debug)]
struct PackedNode<'a> {
    parts: NodeParts<'a>,
    product: Option<PackedProduct<'a>>,
    /// The last node of its run: nodes that follow each other and compute a row from the same row
    /// take turns, so that a row stays in the cache.
    run_end: usize,
    /// Where its tensor lies, in words of a sample; empty where that is the caller's.
    words: Range<usize>,
}

/// Words of a node's tensor of a sample, without gaps between rows.
fn tensor_words(record: &NodeRecord) -> usize {
    let elements = record.height() * record.row_len();
    match record.values {
        values::BITS => elements,
        _ => (elements * record.element_bytes()).div_ceil(size_of::<u64>()),
    }
}

impl<'a> PackedGraph<'a> {
    pub(in crate::model) fn new(model: &Model<'a>) -> Result<Self, ModelError> {
        let kernel = Kernel::active()?;
        let mut nodes: Vec<PackedNode<'a>> = memory::with_capacity(model.records.len())?;
        let (mut tensor_end, mut work_words, mut run_begin) = (0, 0, 1);
        for index in 1..model.records.len() {
            let Some(parts) = model.node(index) else {
                break;
            };
            let product = match parts.record.kind {
                kind::PRODUCT => Some(PackedProduct::new(&parts, kernel)?),
                _ => None,
            };
            let joins = nodes.last().is_some_and(|before| {
                let before = &before.parts.record;
                let same_rows = before.height() == parts.record.height();
                before.is_per_channel() && parts.record.is_per_channel() && same_rows
            });
            if !joins {
                run_begin = index;
            }
            work_words = product
                .as_ref()
                .map_or(0, |product| product.work_words(&parts))
                .max(work_words);
            let words = match parts.record.last {
                0 => 0..0,
                _ => free(&nodes, run_begin, tensor_words(&parts.record)),
            };
            tensor_end = words.end.max(tensor_end);
            nodes.push(PackedNode {
                parts,
                product,
                run_end: index,
                words,
            });
            for node in nodes.iter_mut().skip(run_begin - 1) {
                node.run_end = index;
            }
        }
        Ok(Self {
            kernel,
            nodes,
            tensor_words: tensor_end,
            work_words,
        })
    }

    /// Bytes of the weights as they are laid out.
    pub(in crate::model) fn bytes(&self) -> usize {
        let products = self.nodes.iter().filter_map(|node| node.product.as_ref());
        products.map(PackedProduct::bytes).sum()
    }

    /// Words of a sample between the nodes.
    pub(in crate::model) fn words(&self) -> usize {
        self.tensor_words.saturating_add(self.work_words)
    }

    /// Runs a block of samples, for arguments that have been checked.
    pub(in crate::model) fn run(
        &self,
        model: &Model<'_>,
        samples: usize,
        input: Input<'_>,
        mut output: Output<'_>,
        workspace: &mut Workspace,
    ) -> Result<(), ModelError> {
        let what = "words between nodes";
        let tensors = mul(what, samples, self.tensor_words)?;
        let work = mul(what, samples, self.work_words)?;
        let all = tensors.checked_add(work).ok_or(Error::Overflow { what })?;
        let (tensors, work) = workspace
            .words(all)?
            .split_at_mut_checked(tensors)
            .unwrap_or_default();
        let mut block = SampleBlock {
            graph: self,
            given: NodeRecord::of(model.records, 0).unwrap_or_default(),
            samples,
            input,
            tensors,
        };
        let mut nodes = self.nodes.as_slice();
        let mut first = 1;
        while let [node, ..] = nodes {
            let (run, after) = nodes
                .split_at_checked(node.run_end + 1 - first)
                .unwrap_or_default();
            match &node.product {
                Some(product) => {
                    let ([images, _], out) = block.operands(node, &mut output);
                    product.run(&node.parts, samples, images, out, work)?;
                }
                None => block.rows(run, &mut output),
            }
            nodes = after;
            first = node.run_end + 1;
        }
        Ok(())
    }
}

/// A block of samples on its way through a graph.
struct SampleBlock<'r, 'a> {
    graph: &'r PackedGraph<'a>,
    /// The record of the input.
    given: NodeRecord,
    samples: usize,
    input: Input<'r>,
    tensors: &'r mut [u64],
}

impl SampleBlock<'_, '_> {
    /// The inputs of a node, and where it writes.
    fn operands<'s>(
        &'s mut self,
        node: &PackedNode<'_>,
        output: &'s mut Output<'_>,
    ) -> ([Rows<'s>; 2], RowsMut<'s>) {
        let samples = self.samples;
        let words = node.words.start * samples..node.words.end * samples;
        let (before, own) = self
            .tensors
            .split_at_mut_checked(words.start)
            .unwrap_or_default();
        let (own, after) = own.split_at_mut_checked(words.len()).unwrap_or_default();
        let (before, after, graph) = (&*before, &*after, self.graph);
        let (given, input) = (&self.given, self.input);
        let read = |index: u16| match graph.nodes.get(usize::from(index).wrapping_sub(1)) {
            None => Rows::given(given, input),
            Some(of) => {
                let (from, len) = (of.words.start * samples, of.words.len() * samples);
                let (part, from) = match from < words.start {
                    true => (before, from),
                    false => (after, from.saturating_sub(words.end)),
                };
                let part = part.get(from..from + len).unwrap_or_default();
                Rows::without_gaps(&of.parts.record, part)
            }
        };
        let out = match node.parts.record.last {
            0 => RowsMut::given(output.all()),
            _ => RowsMut::of(&node.parts.record, own),
        };
        (node.parts.record.inputs.map(read), out)
    }

    /// Makes all rows of nodes that take turns.
    fn rows(&mut self, run: &[PackedNode<'_>], output: &mut Output<'_>) {
        let height = run.first().map_or(0, |node| node.parts.record.height());
        for sample in 0..self.samples {
            for y in 0..height {
                for node in run {
                    self.row(node, sample, y, output);
                }
            }
        }
    }

    fn row(&mut self, node: &PackedNode<'_>, sample: usize, y: usize, output: &mut Output<'_>) {
        let (kernel, parts) = (self.graph.kernel, &node.parts);
        let ([a, b], mut out) = self.operands(node, output);
        let inputs = [
            a.skip(sample * parts.input.height()),
            b.skip(sample * parts.second.height()),
        ];
        let row = parts.record.row_len();
        let at = (sample * parts.record.height() + y) * row;
        let out = out.part(at..at + row);
        match (parts.record.kind, out) {
            (kind::SIGN, RowMut::Bits(out)) => signs(parts, inputs[0].row(y), out, kernel),
            (_, out) => make_row(parts, y, inputs, out, &mut [], kernel),
        }
    }
}

/// The first range of `words` words that holds no tensor which node `index`, the first of a run, or
/// a later node reads.
fn free(nodes: &[PackedNode<'_>], index: usize, words: usize) -> Range<usize> {
    let in_use = || {
        let nodes = nodes.iter();
        nodes.filter(|node| usize::from(node.parts.record.last) >= index)
    };
    let mut start: usize = 0;
    loop {
        let end = start.saturating_add(words);
        let hit = in_use()
            .filter(|node| node.words.start < end && start < node.words.end)
            .map(|node| node.words.end)
            .max();
        match hit {
            Some(after) => start = after,
            None => return start..end,
        }
    }
}

/// Elements whose signs are taken at once; whole words.
const SIGNS: usize = 256;

/// The signs of a row, by the functions of the kernel: `x >= t` is `x - t >= 0`, which is rounded
/// but never to the other side of 0.
fn signs(node: &NodeParts<'_>, x: RowNumbers<'_>, y: &mut [u64], kernel: &Kernel) {
    let reals = node.reals(0);
    let integers = node.integers(0);
    let distance = |v: i32, t: i32| v.saturating_sub(t) as f32;
    match x {
        RowNumbers::Real(x) => signs_of(x, reals, y, kernel, |x, t| x - t),
        RowNumbers::Fixed(x) => signs_of(x, integers, y, kernel, |v, t| distance(v.into(), t)),
        RowNumbers::Bytes(x) => signs_of(x, integers, y, kernel, |v, t| distance(v.into(), t)),
        RowNumbers::Bits(_) => {} // `open` has refused it
    }
}

fn signs_of<X: Copy, T: Copy>(
    x: &[X],
    t: &[T],
    y: &mut [u64],
    kernel: &Kernel,
    distance: impl Fn(X, T) -> f32,
) {
    let channels = positive(t.len());
    let mut distances = [0.0; SIGNS];
    let pixels = y
        .chunks_exact_mut(row_len(channels))
        .zip(x.chunks_exact(channels));
    for (y, x) in pixels {
        let parts = y
            .chunks_mut(SIGNS / WORD)
            .zip(x.chunks(SIGNS).zip(t.chunks(SIGNS)));
        for (y, (x, t)) in parts {
            for (to, (&x, &t)) in distances.iter_mut().zip(x.iter().zip(t)) {
                *to = distance(x, t);
            }
            (kernel.packing().f32)(distances.get(..x.len()).unwrap_or_default(), y);
        }
    }
}
