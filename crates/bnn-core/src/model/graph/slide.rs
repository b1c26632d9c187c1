//! Whether the window of a graph slides over rows without an end, in the memory that its file gives.
//! Constant, as all checks are.

use super::check::{MAX_WORK, work};
use super::record::NodeRecord;
use super::schedule::{FAR, NodeState, goes_on};
use crate::model::format::RECORD_BYTES;

/// Rows of node `index` from one window to the next, whose results follow each other: the product
/// of all vertical strides on the way to the output.
pub(in crate::model) const fn step(records: &[[u8; RECORD_BYTES]], mut index: usize) -> usize {
    let mut step: usize = 1;
    while let Some(node) = NodeRecord::of(records, index) {
        let Some(reader) = NodeRecord::of(records, node.last as usize) else {
            break;
        };
        if node.last == 0 {
            break;
        }
        if reader.is_windowed() {
            step = step.saturating_mul(reader.window.stride[0] as usize);
        }
        index = node.last as usize;
    }
    step
}

/// Rows of the input in which a graph shows whether it slides: those of a window and a step. `None`:
/// it does not, for a window is padded above or below, rows of the output are several, rows too many,
/// or a step is longer than a window, so that windows would be left out.
pub(in crate::model) const fn rows_to_show(records: &[[u8; RECORD_BYTES]]) -> Option<usize> {
    let last = records.len().saturating_sub(1);
    let mut index = 0;
    while let Some(node) = NodeRecord::of(records, index) {
        let is_padded = match NodeRecord::of(records, node.inputs[0] as usize) {
            Some(input) => node.is_windowed() && node.window.over(input.sides).y.is_padded(),
            None => true,
        };
        if is_padded || index == last && node.height() != 1 {
            return None;
        }
        index += 1;
    }
    let step = step(records, 0);
    match NodeRecord::of(records, 0) {
        // No two rows that are of use at the same time are farther apart.
        Some(input) if step <= input.height() && input.height() + step <= FAR => {
            Some(input.height() + step)
        }
        _ => None,
    }
}

/// The most steps of the rows that [`rows_to_show`] tells.
pub(in crate::model) const fn most_steps(records: &[[u8; RECORD_BYTES]]) -> usize {
    let (mut index, mut distances) = (0, 0);
    while let Some(node) = NodeRecord::of(records, index) {
        distances += (node.last as usize).saturating_sub(index);
        index += 1;
    }
    MAX_WORK / crate::shape::positive(work(1, records.len(), distances))
}

/// Whether the window slides. `states` are zeros; what they hold afterwards means nothing.
///
/// After a window's rows, every node stands somewhere. If after a further step of the window each
/// one stands as many rows farther as its readers' strides tell, everything is as it was, and goes
/// on so without an end.
pub(in crate::model) const fn slides(records: &[[u8; RECORD_BYTES]], states: &mut [u32]) -> bool {
    let Some(rows) = rows_to_show(records) else {
        return false;
    };
    let (last, step, steps) = (
        records.len().saturating_sub(1),
        step(records, 0),
        most_steps(records),
    );
    if !goes_on(records, states, rows.saturating_sub(step), steps) {
        return false;
    }
    let mut index = 0;
    while index <= last {
        let next = NodeState::load(states, index).next;
        NodeState { next, base: next }.store(states, index);
        index += 1;
    }
    let has_result = NodeState::load(states, last).next > 0;
    if !has_result || !goes_on(records, states, rows, steps) || gone(states, last) != 1 {
        return false;
    }
    index = 1;
    while let Some(node) = NodeRecord::of(records, index) {
        let stride = match node.is_windowed() {
            true => node.window.stride[0] as usize,
            false => 1,
        };
        let [a, b] = node.inputs;
        let expected = gone(states, index) * stride;
        if gone(states, a as usize) != expected
            || node.arity() > 1 && gone(states, b as usize) != expected
        {
            return false;
        }
        index += 1;
    }
    true
}

/// The rows that a node has made since it stood where `base` says.
const fn gone(states: &[u32], index: usize) -> usize {
    let state = NodeState::load(states, index);
    (state.next as usize).saturating_sub(state.base as usize)
}
