//! The checks of a graph, on which its runner relies; constant, as those of a chain are.
//!
//! Whatever the bytes are, of a file that passes: nodes read nodes before them, of types and shapes
//! that fit; weights and parameters lie inside the file, no two nodes share them, tail bits are
//! zero and numbers finite; integer sums fit `i32`; buffers lie one after the other, and a node that
//! writes to the buffer of an input reads that input last; and the rows that buffers hold suffice.

mod node;

use super::record::{MAX_NODES, NodeRecord, kind, state_words, values, weights};
use super::schedule::completes;
use super::slide::slides;
use crate::model::bytes::part;
use crate::model::checked::{Checked, tails_are_zero};
use crate::model::container::Sections;
use crate::model::fault::{Fault, ok};
use crate::model::format::{self, RECORD_BYTES, pad};
use crate::model::layer::OutputType;
use crate::model::spatial::fits_memory;
use crate::shape::row_words;
use node::{check_shapes, check_types, check_unused, check_values};

/// The most that [`work`] may be.
pub(in crate::model) const MAX_WORK: usize = 1 << 26;

/// What bounds the time of a check, and of the steps of a run: all rows together, for each of which
/// all nodes may be asked whether they are ready, and each of these all nodes up to its last reader.
pub(in crate::model) const fn work(heights: usize, nodes: usize, distances: usize) -> usize {
    heights.saturating_mul(nodes.saturating_add(distances))
}

impl<'a> Checked<'a> {
    /// Checks a graph of these sections. Where a node is at fault, `index` is its number.
    pub(in crate::model) const fn of_graph(
        sections: &Sections<'a>,
        index: &mut usize,
    ) -> Result<Self, Fault> {
        let (records, rest) = sections.layers.as_chunks::<RECORD_BYTES>();
        if records.len() < 2 || records.len() > MAX_NODES || !rest.is_empty() {
            return Err(Fault::Nodes);
        }
        let mut before = NodesBefore {
            weights: 0,
            params: 0,
            heights: 0,
            distances: 0,
            patches: 0,
        };
        let file = Parts {
            records,
            weights: sections.weights,
            params: sections.params,
        };
        while let Some(node) = NodeRecord::of(records, *index) {
            ok!(file.check_node(*index, &node, &mut before));
            *index += 1;
        }
        *index = 0;
        if work(before.heights, records.len(), before.distances) > MAX_WORK {
            return Err(Fault::Rows);
        }
        let scratch_words = ok!(check_buffers(records, before.patches, index));
        let mut states = [0; MAX_NODES];
        let (states, _) = match states.split_at_mut_checked(records.len()) {
            Some(split) => split,
            None => return Err(Fault::Nodes),
        };
        if !completes(records, states) {
            return Err(Fault::Rows);
        }
        let mut index = 0;
        while index < states.len() {
            states[index] = 0;
            index += 1;
        }
        let slides = slides(records, states);
        let [Some(input), Some(output)] = [
            NodeRecord::of(records, 0),
            NodeRecord::of(records, records.len() - 1),
        ] else {
            return Err(Fault::Nodes);
        };
        Ok(Self {
            records,
            weights: file.weights,
            params: file.params,
            spatial: 0,
            is_graph: true,
            slides,
            input_code: input.values,
            input_shape: input.shape(),
            output_type: match output.values {
                values::BITS => OutputType::Bits,
                values::REAL => OutputType::F32,
                _ => OutputType::I32,
            },
            output_shape: output.shape(),
            scratch_words,
        })
    }
}

/// The facts about the nodes so far.
struct NodesBefore {
    /// The ends of weights and parameters.
    weights: usize,
    params: usize,
    /// The sum of all heights, and that of the distances from each node to its last reader.
    heights: usize,
    distances: usize,
    /// Words of patches.
    patches: usize,
}

struct Parts<'a> {
    records: &'a [[u8; RECORD_BYTES]],
    weights: &'a [u8],
    params: &'a [u8],
}

impl Parts<'_> {
    const fn check_node(
        &self,
        index: usize,
        node: &NodeRecord,
        before: &mut NodesBefore,
    ) -> Result<(), Fault> {
        let is_last = index + 1 == self.records.len();
        let [height, width] = node.sides;
        let sizes = [height as usize, width as usize, node.channels as usize];
        if !fits_memory(&sizes) {
            return Err(Fault::NodeShape);
        }
        before.heights = before.heights.saturating_add(height as usize);
        before.distances += (node.last as usize).saturating_sub(index);
        ok!(check_values(node, index == 0, is_last));
        ok!(self.check_reader(index, node, is_last));
        if (node.kind == kind::INPUT) != (index == 0) {
            return Err(Fault::NodeInputs);
        }
        ok!(check_unused(node));
        let [a, b] = node.inputs;
        let (a, b) = (a as usize, b as usize);
        if node.arity() == 0 {
            return Ok(());
        }
        if a >= index || b >= index {
            return Err(Fault::NodeInputs);
        }
        let [Some(a), Some(b)] = [
            NodeRecord::of(self.records, a),
            NodeRecord::of(self.records, b),
        ] else {
            return Err(Fault::NodeInputs);
        };
        if (a.last as usize) < index || node.arity() > 1 && (b.last as usize) < index {
            return Err(Fault::Reader);
        }
        ok!(check_types(node, &a, &b));
        ok!(check_shapes(node, &a, &b));
        if node.kind == kind::PRODUCT {
            ok!(self.check_weights(node, &a, before));
        }
        self.check_params(node, &a, before)
    }

    /// Checks that the last reader of a node is what the record says: it reads it, and (as every
    /// reader checks) no later node does.
    const fn check_reader(
        &self,
        index: usize,
        node: &NodeRecord,
        is_last: bool,
    ) -> Result<(), Fault> {
        if is_last {
            return match node.last {
                0 => Ok(()),
                _ => Err(Fault::Reader),
            };
        }
        match NodeRecord::of(self.records, node.last as usize) {
            Some(reader) if node.last as usize > index && reader.reads(index) => Ok(()),
            _ => Err(Fault::Reader),
        }
    }

    const fn check_weights(
        &self,
        node: &NodeRecord,
        input: &NodeRecord,
        before: &mut NodesBefore,
    ) -> Result<(), Fault> {
        let (n, at) = (node.channels as usize, node.weights_at as usize);
        let k = row_of(node, input);
        // No overflow: a window has less than 2^16 taps, an image fits memory.
        if (node.values != values::REAL || input.values != values::REAL)
            && greatest_sum(node, input) > i32::MAX as u64
        {
            return Err(Fault::Sums);
        }
        let row_bytes = match node.weights {
            weights::BITS => Some(row_words(k) * size_of::<u64>()),
            weights::I8 => Some(k),
            _ => k.checked_mul(size_of::<f32>()),
        };
        let len = match row_bytes {
            Some(row_bytes) => row_bytes.checked_mul(n),
            None => None,
        };
        let part = match len {
            Some(len) => part(self.weights, at, len),
            None => None,
        };
        let own = match part {
            Some(own) if at.is_multiple_of(format::ALIGN) => own,
            _ => return Err(Fault::Weights),
        };
        if at < before.weights {
            return Err(Fault::Shared);
        }
        before.weights = at + own.len();
        match node.weights {
            weights::BITS => {
                if !tails_are_zero(own, row_words(k) * size_of::<u64>(), k) {
                    return Err(Fault::Tails);
                }
                let words = patch_words(node, input);
                if words > before.patches {
                    before.patches = words;
                }
                Ok(())
            }
            weights::F32 => finite(own),
            _ => Ok(()),
        }
    }

    const fn check_params(
        &self,
        node: &NodeRecord,
        input: &NodeRecord,
        before: &mut NodesBefore,
    ) -> Result<(), Fault> {
        let at = node.params_at as usize;
        let numbers = params(node, input);
        let len = match (node.channels as usize).checked_mul(numbers.each) {
            Some(count) => count.checked_add(numbers.more),
            None => None,
        };
        let len = match len {
            Some(0) => {
                return match at {
                    0 => Ok(()),
                    _ => Err(Fault::Reserved),
                };
            }
            Some(count) => count.checked_mul(size_of::<u32>()),
            None => None,
        };
        let part = match len {
            Some(len) => part(self.params, at, len),
            None => None,
        };
        let own = match part {
            Some(own) if at.is_multiple_of(size_of::<u32>()) => own,
            _ => return Err(Fault::Params),
        };
        if at < before.params {
            return Err(Fault::Shared);
        }
        before.params = at + own.len();
        if numbers.are_real {
            ok!(finite(own));
        }
        if node.kind == kind::CLAMP && !is_range(own, numbers.are_real) {
            return Err(Fault::Range);
        }
        Ok(())
    }
}

/// How many numbers of 32 bits a node has as parameters.
pub(in crate::model) struct Params {
    /// Numbers for each channel.
    pub(in crate::model) each: usize,
    /// Numbers for all channels together.
    pub(in crate::model) more: usize,
    pub(in crate::model) are_real: bool,
}

pub(in crate::model) const fn params(node: &NodeRecord, input: &NodeRecord) -> Params {
    let of_real = input.values == values::REAL;
    let (each, more, are_real) = match node.kind {
        kind::PRODUCT => match node.values {
            values::BITS => (1, 0, false),
            values::REAL if node.weights == weights::F32 => (1, 0, true),
            values::REAL => (2, 0, true),
            _ => (2, 0, false),
        },
        kind::AFFINE => (2, 0, node.values == values::REAL),
        kind::PRELU | kind::SIGN => (1, 0, of_real),
        kind::RPRELU => (3, 0, of_real),
        kind::CLAMP => (0, 2, of_real),
        _ => (0, 0, false),
    };
    Params {
        each,
        more,
        are_real,
    }
}

/// Elements of a filter.
pub(in crate::model) const fn row_of(node: &NodeRecord, input: &NodeRecord) -> usize {
    let [height, width] = node.window.kernel;
    let groups = crate::shape::positive(node.groups as usize);
    height as usize * width as usize * (input.channels as usize / groups)
}

/// The greatest magnitude of an integer or a bit of a node's tensor.
pub(in crate::model) const fn greatest(node: &NodeRecord) -> u64 {
    match node.values {
        depth @ 1..=values::MAX_DEPTH => (1 << depth) - 1,
        values::FIXED => 1 << 15,
        _ => 1,
    }
}

/// The greatest magnitude of a sum of a product of integers.
pub(in crate::model) const fn greatest_sum(node: &NodeRecord, input: &NodeRecord) -> u64 {
    let weight = match node.weights {
        weights::I8 => 1 << 7,
        _ => 1,
    };
    (row_of(node, input) as u64).saturating_mul(greatest(input) * weight)
}

/// Words of the patches of a product: of bits alone, twice where zeros lie around them.
pub(in crate::model) const fn patch_words(node: &NodeRecord, input: &NodeRecord) -> usize {
    let padded = u32::from_le_bytes(node.window.padding) != 0;
    let patches = match input.values {
        values::BITS if padded && node.pad == pad::ZERO => 2,
        values::BITS => 1,
        _ => 0,
    };
    patches * row_words(row_of(node, input))
}

/// Checks that buffers lie one after the other, after the states, `patches` words, and the longest
/// row that is passed on; returns where they end. Where a node is at fault, `index` is its number.
const fn check_buffers(
    records: &[[u8; RECORD_BYTES]],
    patches: usize,
    index: &mut usize,
) -> Result<usize, Fault> {
    let work = patches.saturating_add(passed_words(records));
    let mut end = state_words(records.len()).saturating_add(work);
    while let Some(node) = NodeRecord::of(records, *index) {
        let (rows, at) = (node.rows as usize, node.at as usize);
        let is_last = *index + 1 == records.len();
        let is_buffer = *index > 0 && !is_last && rows > 0;
        if rows > node.height() || is_last && rows > 0 || *index == 0 && rows == 0 {
            return Err(Fault::BufferRows);
        }
        let [a, b] = node.inputs;
        let [Some(a), Some(b)] = [
            NodeRecord::of(records, a as usize),
            NodeRecord::of(records, b as usize),
        ] else {
            return Err(Fault::NodeInputs);
        };
        if node.passes_on() && node.reads_passed([&a, &b]) {
            return Err(Fault::BufferRows);
        }
        if is_buffer && at == end {
            // A row is part of an image that fits memory.
            end = end.saturating_add(rows.saturating_mul(node.row_words()));
        } else if is_buffer {
            ok!(check_replacing(*index, &node, [&a, &b]));
        } else if at != 0 {
            return Err(Fault::BufferPlace);
        }
        *index += 1;
    }
    *index = 0;
    match end <= isize::MAX as usize / size_of::<u64>() {
        true => Ok(end),
        false => Err(Fault::BufferPlace),
    }
}

/// Checks a node whose rows replace those of one of its inputs, which it reads last and which has a
/// buffer.
const fn check_replacing(
    index: usize,
    node: &NodeRecord,
    inputs: [&NodeRecord; 2],
) -> Result<(), Fault> {
    let [a, b] = inputs;
    if node.arity() > 1 && a.at == b.at {
        return Err(Fault::BufferPlace);
    }
    let input = match node.replaces(inputs) {
        Some(0) => a,
        Some(_) => b,
        None => return Err(Fault::BufferPlace),
    };
    match input.rows == node.rows && input.last as usize == index {
        true => Ok(()),
        false => Err(Fault::BufferPlace),
    }
}

/// Words of the longest row that is passed on.
pub(in crate::model) const fn passed_words(records: &[[u8; RECORD_BYTES]]) -> usize {
    let (mut most, mut index) = (0, 0);
    while let Some(node) = NodeRecord::of(records, index) {
        if node.passes_on() && node.row_words() > most {
            most = node.row_words();
        }
        index += 1;
    }
    most
}

/// Checks that all `f32` are finite.
const fn finite(bytes: &[u8]) -> Result<(), Fault> {
    const EXPONENT: u32 = 0x7F80_0000;
    let (mut numbers, _) = bytes.as_chunks::<4>();
    while let [number, after @ ..] = numbers {
        if u32::from_le_bytes(*number) & EXPONENT == EXPONENT {
            return Err(Fault::Finite);
        }
        numbers = after;
    }
    Ok(())
}

/// Whether the first of two numbers is not greater than the second.
const fn is_range(bytes: &[u8], are_real: bool) -> bool {
    match bytes.as_chunks::<4>() {
        ([low, high, ..], _) => match are_real {
            true => f32::from_le_bytes(*low) <= f32::from_le_bytes(*high),
            false => i32::from_le_bytes(*low) <= i32::from_le_bytes(*high),
        },
        _ => false,
    }
}
