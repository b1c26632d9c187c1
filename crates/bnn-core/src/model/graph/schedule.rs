//! The order in which the rows of a graph are made, and which rows a buffer must hold.
//!
//! At each step the last node that is ready makes its next row. Reader, writer and runner share
//! this definition: the writer counts which rows each buffer holds, the reader counts whether what
//! the file gives suffices, the runner computes. All of it is constant.

use super::record::NodeRecord;
use crate::model::format::RECORD_BYTES;

/// Where a node stands, in 32 bits of scratch memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::model) struct NodeState {
    /// The row that it makes next.
    pub(in crate::model) next: u16,
    /// The first row in its buffer.
    pub(in crate::model) base: u16,
}

impl NodeState {
    /// The state of node `index`; at the beginning if there is no such node.
    pub(in crate::model) const fn load(states: &[u32], index: usize) -> Self {
        match states.split_at_checked(index) {
            Some((_, [word, ..])) => Self {
                next: *word as u16,
                base: (*word >> 16) as u16,
            },
            _ => Self { next: 0, base: 0 },
        }
    }

    pub(in crate::model) const fn store(self, states: &mut [u32], index: usize) {
        if let Some((_, [word, ..])) = states.split_at_mut_checked(index) {
            *word = self.next as u32 | (self.base as u32) << 16;
        }
    }

    /// Where the node's next row belongs, in rows of its `buffer` of `rows` rows of `len` elements;
    /// `first` is the first row that is still in use. If the buffer is full, rows of no use make
    /// room. `None`: no reader needs the row.
    pub(in crate::model) fn place<T: Copy>(
        &mut self,
        rows: usize,
        first: usize,
        buffer: &mut [T],
        len: usize,
    ) -> Option<usize> {
        let (next, base) = (usize::from(self.next), usize::from(self.base));
        if next < first {
            self.base = self.next.saturating_add(1);
            return None;
        }
        let mut held = next.saturating_sub(base);
        if held >= rows {
            let gone = first.saturating_sub(base).min(held);
            if let Some(full) = buffer.get_mut(..held * len) {
                full.copy_within((gone * len).min(full.len()).., 0);
            }
            held -= gone;
            self.base = self.base.saturating_add(gone as u16);
        }
        Some(held)
    }
}

/// The first row of `input` that the rows of `node` from `next` on need, and the row after the last
/// one that row `next` needs.
pub(in crate::model) const fn needed(
    node: &NodeRecord,
    input: &NodeRecord,
    next: usize,
) -> [usize; 2] {
    if next >= node.height() {
        return [input.height(), 0];
    }
    if node.is_windowed() {
        let y = node.window.over(input.sides).y;
        let end = (next * y.stride + y.extent()).saturating_sub(y.before);
        let first = y.first(next);
        return match end < y.input {
            true => [first, end],
            false => [if first < y.input { first } else { y.input }, y.input],
        };
    }
    match node.kind {
        super::record::kind::FLATTEN => [0, input.height()],
        _ => [next, next + 1],
    }
}

/// The first row of node `index` that any reader still needs.
pub(in crate::model) const fn in_use(
    records: &[[u8; RECORD_BYTES]],
    states: &[u32],
    index: usize,
    record: &NodeRecord,
) -> usize {
    let mut first = record.height();
    let mut reader = index + 1;
    while reader <= record.last as usize {
        if let Some(node) = NodeRecord::of(records, reader)
            && node.reads(index)
        {
            let [needs, _] = needed(&node, record, NodeState::load(states, reader).next as usize);
            if needs < first {
                first = needs;
            }
        }
        reader += 1;
    }
    first
}

/// The first row in the buffer of node `index` that any reader still needs, of its tensor and of
/// those whose rows replace its rows.
pub(in crate::model) const fn kept_from(
    records: &[[u8; RECORD_BYTES]],
    states: &[u32],
    mut index: usize,
    record: &NodeRecord,
) -> usize {
    let mut first = in_use(records, states, index, record);
    let mut record = *record;
    while let Some(after) = replaced_by(records, &record) {
        index = record.last as usize;
        record = after;
        let used = in_use(records, states, index, &record);
        if used < first {
            first = used;
        }
    }
    first
}

/// Sets the first row in the buffer of node `index`, for it and for the nodes whose rows replace
/// its rows.
pub(in crate::model) fn set_base(
    records: &[[u8; RECORD_BYTES]],
    states: &mut [u32],
    mut index: usize,
    base: u16,
) {
    let mut node = NodeRecord::of(records, index);
    while let Some(record) = node {
        let state = NodeState::load(states, index);
        NodeState { base, ..state }.store(states, index);
        index = record.last.into();
        node = replaced_by(records, &record);
    }
}

/// Where the first buffer lies, in words of scratch memory; `None`: there are no buffers.
pub(in crate::model) const fn buffers_begin(records: &[[u8; RECORD_BYTES]]) -> Option<usize> {
    let mut index = 1;
    while let Some(node) = NodeRecord::of(records, index) {
        if node.at > 0 {
            return Some(node.at as usize);
        }
        index += 1;
    }
    None
}

/// The node whose rows replace those of a node: it is its last reader.
const fn replaced_by(records: &[[u8; RECORD_BYTES]], record: &NodeRecord) -> Option<NodeRecord> {
    match NodeRecord::of(records, record.last as usize) {
        Some(after) if record.at > 0 && after.at == record.at => Some(after),
        _ => None,
    }
}

/// The input whose rows the rows of a node replace.
pub(in crate::model) const fn replaced(
    records: &[[u8; RECORD_BYTES]],
    node: &NodeRecord,
) -> Option<usize> {
    if node.at == 0 || !node.may_replace() {
        return None;
    }
    let [a, b] = node.inputs;
    let [Some(first), Some(second)] = [
        NodeRecord::of(records, a as usize),
        NodeRecord::of(records, b as usize),
    ] else {
        return None;
    };
    match node.replaces([&first, &second]) {
        Some(0) => Some(a as usize),
        Some(_) => Some(b as usize),
        None => None,
    }
}

/// Whether a node can make its next row.
const fn is_ready(records: &[[u8; RECORD_BYTES]], states: &[u32], index: usize) -> bool {
    let Some(node) = NodeRecord::of(records, index) else {
        return false;
    };
    let next = NodeState::load(states, index).next as usize;
    if next >= node.height() {
        return false;
    }
    let [a, b] = node.inputs;
    let arity = node.arity();
    if arity > 0 && lacks(records, states, &node, next, a as usize)
        || arity > 1 && lacks(records, states, &node, next, b as usize)
    {
        return false;
    }
    // The last node writes to the caller's memory; a row that replaces another one has its place.
    if node.last == 0 || replaced(records, &node).is_some() {
        return true;
    }
    let rows = if node.rows == 0 { 1 } else { node.rows };
    next < kept_from(records, states, index, &node) + rows as usize
}

/// Whether the next row of a node needs rows of node `input` that are still to come.
const fn lacks(
    records: &[[u8; RECORD_BYTES]],
    states: &[u32],
    node: &NodeRecord,
    next: usize,
    input: usize,
) -> bool {
    match NodeRecord::of(records, input) {
        Some(record) => {
            let [_, end] = needed(node, &record, next);
            (NodeState::load(states, input).next as usize) < end
        }
        None => true,
    }
}

/// The last node that can make its next row, of those up to `from`.
pub(in crate::model) const fn last_ready(
    records: &[[u8; RECORD_BYTES]],
    states: &[u32],
    from: usize,
) -> Option<usize> {
    let mut above = from + 1;
    while above > 0 {
        above -= 1;
        if is_ready(records, states, above) {
            return Some(above);
        }
    }
    None
}

/// After node `index` has made a row: the last node that can have become ready. Nodes after it have
/// got neither a row nor room.
pub(in crate::model) const fn look_from(record: &NodeRecord, index: usize) -> usize {
    match record.last {
        0 => index,
        last => last as usize,
    }
}

/// Counts a row that node `index` makes.
pub(in crate::model) const fn count(states: &mut [u32], index: usize) {
    let state = NodeState::load(states, index);
    let next = state.next.saturating_add(1);
    NodeState { next, ..state }.store(states, index);
}

/// Whether nobody needs the row of node `input` any more that has the number of the last row of
/// node `index`.
pub(in crate::model) const fn is_free(
    records: &[[u8; RECORD_BYTES]],
    states: &[u32],
    input: usize,
    index: usize,
) -> bool {
    match NodeRecord::of(records, input) {
        Some(record) => {
            let next = NodeState::load(states, index).next as usize;
            in_use(records, states, input, &record) >= next
        }
        None => true,
    }
}

/// Whether the last node makes all of its rows, each row that is passed on is taken by the next
/// step, and no row is replaced that somebody still needs.
pub(in crate::model) const fn completes(
    records: &[[u8; RECORD_BYTES]],
    states: &mut [u32],
) -> bool {
    let last = records.len().saturating_sub(1);
    let (mut from, mut passed) = (last, None);
    while let Some(index) = last_ready(records, states, from) {
        count(states, index);
        if let Some(passed) = passed
            && !is_free(records, states, passed, passed)
        {
            return false;
        }
        let Some(record) = NodeRecord::of(records, index) else {
            return false;
        };
        if let Some(input) = replaced(records, &record)
            && !is_free(records, states, input, index)
        {
            return false;
        }
        passed = match record.passes_on() {
            true => Some(index),
            false => None,
        };
        from = look_from(&record, index);
    }
    match NodeRecord::of(records, last) {
        Some(record) => NodeState::load(states, last).next as usize == record.height(),
        None => false,
    }
}
