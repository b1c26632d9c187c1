//! A graph on a host: node after node over whole tensors of a block of samples, with weights laid
//! out for this CPU.

use alloc::vec::Vec;
use core::ops::Range;

use super::node::NodeParts;
use super::packed_product::PackedProduct;
use super::record::{NodeRecord, kind, values};
use super::rows::make_row;
use super::tensor::{Numbers, RowMut, Rows, RowsMut};
use crate::error::Error;
use crate::kernel::Kernel;
use crate::memory;
use crate::model::error::ModelError;
use crate::model::io::{Input, Output};
use crate::model::reader::Model;
use crate::model::workspaces::Workspace;
use crate::shape::mul;

/// A graph laid out for this CPU.
#[derive(Clone, Debug)]
pub(in crate::model) struct PackedGraph<'a> {
    kernel: &'static Kernel,
    /// Without the input.
    nodes: Vec<PackedNode<'a>>,
    /// Words of the tensors of a sample that live at the same time, and words to work in.
    tensor_words: usize,
    work_words: usize,
}

#[derive(Clone, Debug)]
struct PackedNode<'a> {
    parts: NodeParts<'a>,
    product: Option<PackedProduct<'a>>,
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
        let (mut tensor_end, mut work_words) = (0, 0);
        for index in 1..model.records.len() {
            let Some(parts) = model.node(index) else {
                break;
            };
            let product = match parts.record.kind {
                kind::PRODUCT => Some(PackedProduct::new(&parts, kernel)?),
                _ => None,
            };
            work_words = product
                .as_ref()
                .map_or(0, |product| product.work_words(&parts))
                .max(work_words);
            let words = match parts.record.last {
                0 => 0..0,
                _ => free(&nodes, index, tensor_words(&parts.record)),
            };
            tensor_end = words.end.max(tensor_end);
            nodes.push(PackedNode {
                parts,
                product,
                words,
            });
        }
        Ok(Self {
            kernel,
            nodes,
            tensor_words: tensor_end,
            work_words,
        })
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
        let given = NodeRecord::of(model.records, 0).unwrap_or_default();
        for node in &self.nodes {
            let words = node.words.start * samples..node.words.end * samples;
            let (before, own) = tensors
                .split_at_mut_checked(words.start)
                .unwrap_or_default();
            let (own, behind) = own.split_at_mut_checked(words.len()).unwrap_or_default();
            let read = |index: u16| match self.nodes.get(usize::from(index).wrapping_sub(1)) {
                None => Rows::given(&given, input),
                Some(of) => {
                    let from = of.words.start * samples;
                    let len = of.words.len() * samples;
                    let words = match from < words.start {
                        true => before.get(from..from + len),
                        false => {
                            let from = from.saturating_sub(words.end);
                            behind.get(from..from + len)
                        }
                    };
                    let words = words.unwrap_or_default();
                    Rows {
                        numbers: Numbers::of(&of.parts.record, words),
                        first: 0,
                        stride: of.parts.record.row_len(),
                        len: of.parts.record.row_len(),
                    }
                }
            };
            let inputs = node.parts.record.inputs.map(read);
            let out = match node.parts.record.last {
                0 => RowsMut::given(output.all()),
                _ => RowsMut::of(&node.parts.record, own),
            };
            self.run_node(node, samples, inputs, out, work)?;
        }
        Ok(())
    }

    fn run_node(
        &self,
        node: &PackedNode<'_>,
        samples: usize,
        inputs: [Rows<'_>; 2],
        mut out: RowsMut<'_>,
        work: &mut [u64],
    ) -> Result<(), ModelError> {
        let parts = &node.parts;
        if let Some(product) = &node.product {
            let [images, _] = inputs;
            return product.run(parts, samples, images, out, work);
        }
        let (height, row) = (parts.record.height(), parts.record.row_len());
        let [a, b] = [parts.input.height(), parts.second.height()];
        for sample in 0..samples {
            let inputs = [inputs[0].skip(sample * a), inputs[1].skip(sample * b)];
            for y in 0..height {
                let at = (sample * height + y) * row;
                let out: RowMut<'_> = out.part(at..at + row);
                make_row(parts, y, inputs, out, work, self.kernel);
            }
        }
        Ok(())
    }
}

/// The first room of so many words that no tensor takes that is read from node `index` on.
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
            Some(behind) => start = behind,
            None => return start..end,
        }
    }
}
