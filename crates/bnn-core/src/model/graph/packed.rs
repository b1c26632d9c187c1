//! A graph on a host: group after group of nodes over whole tensors of a block of samples, with
//! weights laid out for this CPU.

use alloc::vec::Vec;
use core::ops::Range;

use super::group::outputs::MOST_OUTPUTS;
use super::group::steps::Step;
use super::group::{MOST_STEPS, plan};
use super::node::NodeParts;
use super::packed_block::SampleBlock;
use super::packed_pool::pool_words;
use super::packed_product::{PackedProduct, SumsOf};
use super::record::{NodeRecord, kind, values};
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
    pub(super) kernel: &'static Kernel,
    /// All nodes except the input.
    nodes: Vec<PackedNode<'a>>,
    groups: Vec<Group<'a>>,
    /// Words of the tensors of a sample that live at the same time.
    tensor_words: usize,
    /// Words to work in.
    work_words: usize,
}

#[derive(Clone, Debug)]
pub(super) struct PackedNode<'a> {
    pub(super) parts: NodeParts<'a>,
    pub(super) product: Option<PackedProduct<'a>>,
    /// Where its tensor lies, in words of a sample; empty where that is the caller's, or where
    /// there is none because only its group reads it.
    pub(super) words: Range<usize>,
    /// The last group that reads it.
    last: usize,
}

/// Nodes that are computed together.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    /// The number of its first node.
    pub(super) head: usize,
    pub(super) start: Start,
    /// What becomes of what it starts with; nothing where the head writes its tensor itself.
    pub(super) steps: Vec<Step<'a>>,
    /// The nodes whose tensors are written, in the order of their places in memory.
    pub(super) outputs: Vec<usize>,
}

/// What the steps of a group start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// The sums of a product, tile by tile.
    Sums,
    /// Whole tensors.
    Tensors,
    /// Rows that the head makes.
    Rows,
}

/// Words of a cache line: tensors begin on one.
const LINE: usize = 8;

/// Words of a node's tensor of a sample, without gaps between rows.
fn tensor_words(record: &NodeRecord) -> usize {
    let elements = record.height() * record.row_len();
    let words = match record.values {
        values::BITS => elements,
        _ => (elements * record.element_bytes()).div_ceil(size_of::<u64>()),
    };
    words.next_multiple_of(LINE)
}

impl<'a> PackedGraph<'a> {
    pub(in crate::model) fn new(model: &Model<'a>) -> Result<Self, ModelError> {
        let kernel = Kernel::active()?;
        let mut records = memory::with_capacity(model.records.len())?;
        records.extend(model.records.iter().map(NodeRecord::decode));
        let mut graph = Self {
            kernel,
            nodes: memory::with_capacity(records.len())?,
            groups: memory::with_capacity(records.len())?,
            tensor_words: 0,
            work_words: 0,
        };
        for parts in (1..records.len()).map_while(|index| model.node(index)) {
            let product = match parts.record.kind {
                kind::PRODUCT => Some(PackedProduct::new(&parts, kernel)?),
                _ => None,
            };
            graph.nodes.push(PackedNode {
                parts,
                product,
                words: 0..0,
                last: 0,
            });
        }
        let plan = plan::groups(&records)?;
        for (number, members) in plan.iter().enumerate() {
            for &member in members {
                for input in graph
                    .node(member)
                    .map_or([0; 2], |node| node.parts.record.inputs)
                {
                    let node = usize::from(input).checked_sub(1);
                    if let Some(node) = node.and_then(|node| graph.nodes.get_mut(node)) {
                        node.last = number;
                    }
                }
            }
        }
        for (number, members) in plan.iter().enumerate() {
            graph.add_group(number, members, plan::written(&records, members))?;
        }
        Ok(graph)
    }

    /// Node `number` of the file; `None`: the input.
    pub(super) fn node(&self, number: usize) -> Option<&PackedNode<'a>> {
        self.nodes.get(number.checked_sub(1)?)
    }

    fn add_group(
        &mut self,
        number: usize,
        members: &[usize],
        written: impl Iterator<Item = usize>,
    ) -> Result<(), ModelError> {
        let Some((&head, tail)) = members.split_first() else {
            return Ok(()); // a group has a node
        };
        let Some(node) = self.node(head) else {
            return Ok(()); // the input is in no group
        };
        let is_row = !node.parts.record.is_per_channel();
        let product = node.product.as_ref();
        let mut steps: Vec<Step<'a>> = memory::with_capacity(MOST_STEPS)?;
        let start = match product {
            Some(PackedProduct::Signs(_)) => Start::Sums,
            _ if is_row => Start::Rows,
            _ => Start::Tensors,
        };
        let mut work = match product {
            Some(product) => product.work_words(&node.parts),
            None => pool_words(&node.parts.record),
        };
        let [a, _] = node.parts.record.inputs.map(usize::from);
        let sums = product.and_then(PackedProduct::sums);
        match (start, Step::of(head, &node.parts, a)) {
            (Start::Rows, step) => {
                if let Some(sums) = sums {
                    steps.push(Step::load(head, head));
                    let of_reals = Step::of_real_sums(head, &node.parts);
                    match (sums, of_reals) {
                        (SumsOf::Integers, _) => steps.extend(step),
                        (_, Some(step)) => steps.push(step),
                        (_, None) => {
                            steps.push(Step::to_integers(head));
                            steps.extend(step);
                        }
                    }
                } else if !tail.is_empty() {
                    work += node.parts.record.row_words();
                    steps.push(Step::load(head, head));
                }
            }
            (_, None) => {}
            (Start::Tensors, Some(step)) if !step.begins() => {
                steps.extend([Step::load(head, a), step]);
            }
            (_, Some(step)) => steps.push(step),
        }
        let mut current = head;
        for &member in tail {
            let Some(node) = self.node(member) else {
                break;
            };
            steps.extend(Step::of(member, &node.parts, current));
            if node.parts.record.kind != kind::SIGN {
                current = member;
            }
        }
        let mut outputs = memory::with_capacity(MOST_OUTPUTS)?;
        for member in written {
            outputs.push(member);
            let Some(record) = self.node(member).map(|node| node.parts.record) else {
                continue;
            };
            let words = match record.last {
                0 => 0..0,
                _ => free(&self.nodes, number, tensor_words(&record)),
            };
            self.tensor_words = words.end.max(self.tensor_words);
            if let Some(node) = self.nodes.get_mut(member - 1) {
                node.words = words;
            }
        }
        outputs.sort_unstable_by_key(|&member| self.node(member).map(|node| node.words.start));
        for (place, output) in outputs.iter().enumerate() {
            // The last step of a node has made what is written.
            let step = steps.iter_mut().rev().find(|step| step.node == *output);
            if let Some(step) = step {
                step.out = Some(place);
            }
        }
        self.work_words = self.work_words.max(work);
        self.groups.push(Group {
            head,
            start,
            steps,
            outputs,
        });
        Ok(())
    }

    /// Bytes of the weights as they are laid out.
    pub(in crate::model) fn bytes(&self) -> usize {
        let products = self.nodes.iter().filter_map(|node| node.product.as_ref());
        products.map(PackedProduct::bytes).sum()
    }

    /// Words between the nodes for a block of samples.
    pub(in crate::model) fn words(&self, samples: usize) -> Result<usize, Error> {
        let what = "words between nodes";
        let tensors = mul(what, samples, self.tensor_words)?;
        let words = tensors.checked_add(self.work_words);
        words.ok_or(Error::Overflow { what })
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
        let (tensors, work) = workspace
            .words(self.words(samples)?)?
            .split_at_mut_checked(samples * self.tensor_words)
            .unwrap_or_default();
        let mut block = SampleBlock {
            graph: self,
            given: NodeRecord::of(model.records, 0).unwrap_or_default(),
            samples,
            input,
            tensors,
        };
        for group in &self.groups {
            block.run(group, &mut output, work)?;
        }
        Ok(())
    }
}

/// The first range of `words` words that holds no tensor which group `number` or a later one reads.
fn free(nodes: &[PackedNode<'_>], number: usize, words: usize) -> Range<usize> {
    let in_use = || nodes.iter().filter(|node| node.last >= number);
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
