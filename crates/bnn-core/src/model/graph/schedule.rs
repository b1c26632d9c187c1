//! The order in which the rows of a graph are made, and which rows a buffer must hold.
//!
//! At each step the last node that is ready makes its next row. Reader, writer and runner share
//! this definition: the writer counts which rows each buffer holds, the reader counts whether what
//! the file gives suffices, the runner computes. All of it is constant.

use super::record::{NodeRecord, kind};
use crate::model::format::RECORD_BYTES;
use crate::model::moved::move_to_front;

/// The nodes of a graph whose rows are made.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct Nodes<'a> {
    pub(in crate::model) records: &'a [[u8; RECORD_BYTES]],
    /// Whether rows of the input come without an end, so that every tensor has rows without an
    /// end: the window slides. They are counted modulo `2^16`. Else they are those of one image.
    pub(in crate::model) endless: bool,
}

/// More rows than lie between any two numbers of rows that are compared, where they are counted
/// modulo `2^16`: half as many as would tell before from after.
pub(in crate::model) const FAR: usize = 1 << 14;

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
    pub(in crate::model) fn place<T: bytemuck::Pod>(
        &mut self,
        nodes: Nodes<'_>,
        rows: usize,
        first: usize,
        buffer: &mut [T],
        len: usize,
    ) -> Option<usize> {
        if nodes.before(self.next.into(), first) {
            self.base = self.next.wrapping_add(1);
            return None;
        }
        let mut held = self.next.wrapping_sub(self.base).into();
        if held >= rows {
            let gone = (first as u16).wrapping_sub(self.base);
            let gone = usize::from(gone).min(held);
            if let Some(full) = buffer.get_mut(..held * len) {
                move_to_front(bytemuck::cast_slice_mut(full), gone * len * size_of::<T>());
            }
            held -= gone;
            self.base = self.base.wrapping_add(gone as u16);
        }
        Some(held)
    }
}

impl Nodes<'_> {
    /// Whether row `a` comes before row `b`.
    const fn before(self, a: usize, b: usize) -> bool {
        // The lower 16 bits of the difference tell, where rows are counted modulo 2^16.
        let unused = (self.endless as u32) << 4;
        (a.wrapping_sub(b) as i32) << unused < 0
    }

    /// The first row of an input of this `height` that the rows of `node` from `next` on need, and
    /// the row after the last one that row `next` needs.
    pub(in crate::model) const fn needed(
        self,
        node: &NodeRecord,
        height: u16,
        next: usize,
    ) -> [usize; 2] {
        if !self.endless && next >= node.height() {
            return [height as usize, 0];
        }
        if node.is_windowed() {
            let y = node.window.over_rows(height);
            let end = (next * y.stride + y.extent()).saturating_sub(y.before);
            let first = y.first(next);
            return match self.endless || end < y.input {
                true => [first, end],
                false => [if first < y.input { first } else { y.input }, y.input],
            };
        }
        match node.kind {
            kind::FLATTEN => [next, next + height as usize],
            kind::CROP => {
                let first = next + node.window.padding[0] as usize;
                [first, first + 1]
            }
            _ => [next, next + 1],
        }
    }
}

/// The first row of node `index` that any reader still needs.
pub(in crate::model) const fn in_use(
    nodes: Nodes<'_>,
    states: &[u32],
    index: usize,
    record: &NodeRecord,
) -> usize {
    let mut first = match nodes.endless {
        true => NodeState::load(states, index).next as usize + FAR,
        false => record.height(),
    };
    let mut reader = index + 1;
    while reader <= record.last as usize {
        // Most nodes in between do not read it: their inputs alone are looked at.
        if NodeRecord::may_read(nodes.records, reader, index)
            && let Some(node) = NodeRecord::of(nodes.records, reader)
            && node.reads(index)
        {
            let [needs, _] = nodes.needed(
                &node,
                record.sides[0],
                NodeState::load(states, reader).next as usize,
            );
            if nodes.before(needs, first) {
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
    nodes: Nodes<'_>,
    states: &[u32],
    mut index: usize,
    record: &NodeRecord,
) -> usize {
    let mut first = in_use(nodes, states, index, record);
    let mut record = *record;
    while let Some(after) = replaced_by(nodes.records, &record) {
        index = record.last as usize;
        record = after;
        let used = in_use(nodes, states, index, &record);
        if nodes.before(used, first) {
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
const fn is_ready(nodes: Nodes<'_>, states: &[u32], index: usize) -> bool {
    let Some(node) = NodeRecord::of(nodes.records, index) else {
        return false;
    };
    let next = NodeState::load(states, index).next as usize;
    if !nodes.endless && next >= node.height() {
        return false;
    }
    let [a, b] = node.inputs;
    let arity = node.arity();
    if arity > 0 && lacks(nodes, states, &node, next, a as usize)
        || arity > 1 && lacks(nodes, states, &node, next, b as usize)
    {
        return false;
    }
    // The last node writes to the caller's memory; a row that replaces another one has its place.
    if node.last == 0 || replaced(nodes.records, &node).is_some() {
        return true;
    }
    let rows = if node.rows == 0 { 1 } else { node.rows };
    nodes.before(next, kept_from(nodes, states, index, &node) + rows as usize)
}

/// Whether the next row of a node needs rows of node `input` that are still to come.
const fn lacks(
    nodes: Nodes<'_>,
    states: &[u32],
    node: &NodeRecord,
    next: usize,
    input: usize,
) -> bool {
    match NodeRecord::height_of(nodes.records, input) {
        Some(height) => {
            let [_, end] = nodes.needed(node, height, next);
            nodes.before(NodeState::load(states, input).next as usize, end)
        }
        None => true,
    }
}

/// The last node that can make its next row, of those up to `from`.
pub(in crate::model) const fn last_ready(
    nodes: Nodes<'_>,
    states: &[u32],
    from: usize,
) -> Option<usize> {
    let mut above = from + 1;
    while above > 0 {
        above -= 1;
        if is_ready(nodes, states, above) {
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
    let next = state.next.wrapping_add(1);
    NodeState { next, ..state }.store(states, index);
}

/// Whether nobody needs the row of node `input` any more that has the number of the last row of
/// node `index`.
pub(in crate::model) const fn is_free(
    nodes: Nodes<'_>,
    states: &[u32],
    input: usize,
    index: usize,
) -> bool {
    match NodeRecord::of(nodes.records, input) {
        Some(record) => {
            let next = NodeState::load(states, index).next as usize;
            !nodes.before(in_use(nodes, states, input, &record), next)
        }
        None => true,
    }
}

/// What a step has shown.
enum Step {
    /// Node 0 is to make a row that is not wanted.
    Enough,
    /// No node is ready.
    Stuck,
    /// A row that was passed on was not taken, or one was replaced that somebody still needs.
    Unsound,
    Made(usize),
}

/// Steps of a run, one after the other.
struct Steps {
    /// From where to look for the next node.
    from: usize,
    /// The node that has passed a row on.
    passed: Option<usize>,
}

impl Steps {
    const fn new(nodes: Nodes<'_>) -> Self {
        Self {
            from: nodes.records.len().saturating_sub(1),
            passed: None,
        }
    }

    /// Takes a step, where node 0 makes no more than `rows` rows.
    const fn take(&mut self, nodes: Nodes<'_>, states: &mut [u32], rows: usize) -> Step {
        let Some(index) = last_ready(nodes, states, self.from) else {
            return Step::Stuck;
        };
        let enough = index == 0 && NodeState::load(states, 0).next as usize >= rows;
        if !enough {
            count(states, index);
        }
        if let Some(passed) = self.passed
            && !is_free(nodes, states, passed, passed)
        {
            return Step::Unsound;
        }
        if enough {
            return Step::Enough;
        }
        let Some(record) = NodeRecord::of(nodes.records, index) else {
            return Step::Stuck;
        };
        if let Some(input) = replaced(nodes.records, &record)
            && !is_free(nodes, states, input, index)
        {
            return Step::Unsound;
        }
        self.passed = match record.passes_on() {
            true => Some(index),
            false => None,
        };
        self.from = look_from(&record, index);
        Step::Made(index)
    }
}

/// Whether the last node makes all rows of its image, each row that is passed on is taken by the
/// next step, and no row is replaced that somebody still needs.
pub(in crate::model) const fn completes(
    records: &[[u8; RECORD_BYTES]],
    states: &mut [u32],
) -> bool {
    let nodes = Nodes {
        records,
        endless: false,
    };
    let mut steps = Steps::new(nodes);
    loop {
        match steps.take(nodes, states, usize::MAX) {
            Step::Made(_) => {}
            Step::Unsound => return false,
            Step::Stuck | Step::Enough => break,
        }
    }
    let last = records.len().saturating_sub(1);
    match NodeRecord::of(records, last) {
        Some(record) => NodeState::load(states, last).next as usize == record.height(),
        None => false,
    }
}

/// Goes on until node 0 has made `rows` rows, of an input without an end; whether each row that is
/// passed on is taken by the next step, no row is replaced that somebody still needs, the last node
/// makes no two rows between two of the input, and the work is no more than `steps` steps.
pub(in crate::model) const fn goes_on(
    records: &[[u8; RECORD_BYTES]],
    states: &mut [u32],
    rows: usize,
    mut steps: usize,
) -> bool {
    let nodes = Nodes {
        records,
        endless: true,
    };
    let last = records.len().saturating_sub(1);
    let mut taken = Steps::new(nodes);
    let mut given = false;
    while steps > 0 {
        match taken.take(nodes, states, rows) {
            Step::Made(index) => {
                if index == last && given {
                    return false;
                }
                given = index == last || given && index > 0;
            }
            Step::Enough => return true,
            Step::Unsound | Step::Stuck => return false,
        }
        steps -= 1;
    }
    false
}
