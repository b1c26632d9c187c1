//! The bytes that the contexts keep, node by node.

use std::collections::HashSet;

use super::{Node, Origin};
use crate::context::Part;
use crate::real::Real;

/// The memory that the contexts of a tape keep for the reverse pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The recorded functions in order; released ones keep 0 bytes.
    pub nodes: Vec<NodeMemory>,
    /// Total bytes; elements that several contexts share are counted once.
    pub total: usize,
    /// The part of `total` that is no tensor, such as bits.
    pub besides_tensors: usize,
}

/// The memory that one context keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeMemory {
    /// The function.
    pub name: &'static str,
    /// Bytes of everything saved.
    pub bytes: usize,
    /// The part of `bytes` in tensors that are also held elsewhere (the caller's input, a
    /// parameter, another context), so that saving them costs nothing.
    pub shared: usize,
}

pub(super) fn measure<T: Real>(nodes: &[Node<T>]) -> Memory {
    let mut seen = HashSet::new();
    let mut memory = Memory {
        nodes: Vec::new(),
        total: 0,
        besides_tensors: 0,
    };
    for node in nodes {
        let Origin::Function { name, recorded, .. } = &node.origin else {
            continue;
        };
        let (mut bytes, mut shared) = (0, 0);
        let mut count = |part: Part<'_, T>| match part {
            Part::Bytes(other) => {
                bytes += other;
                memory.total += other;
                memory.besides_tensors += other;
            }
            Part::Tensor(tensor) => {
                bytes += tensor.bytes();
                if tensor.is_shared() {
                    shared += tensor.bytes();
                }
                if seen.insert(tensor.address()) {
                    memory.total += tensor.bytes();
                }
            }
        };
        let saved = recorded.as_ref().map(|r| r.context.saved_for_backward());
        for item in saved.unwrap_or_default() {
            item.parts(&mut count);
        }
        memory.nodes.push(NodeMemory {
            name,
            bytes,
            shared,
        });
    }
    memory
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod laws;
