//! Runs a graph row by row, in scratch memory that the caller gives. Each buffer holds no more rows
//! than the file says; see `schedule`.

use super::record::{NodeRecord, state_words};
use super::rows::make_row;
use super::schedule::{self, NodeState, in_use, last_ready, look_from};
use super::tensor::{RowMut, Rows};
use crate::kernel::Kernel;
use crate::model::io::{Input, Output};
use crate::model::reader::Model;

impl Model<'_> {
    /// Runs a sample of a graph, for arguments that have been checked.
    pub(in crate::model) fn run_graph(
        &self,
        input: Input<'_>,
        output: &mut Output<'_>,
        kernel: &'static Kernel,
        scratch: &mut [u64],
    ) {
        let nodes = self.records.len();
        let (states, memory) = scratch
            .split_at_mut_checked(state_words(nodes))
            .unwrap_or_default();
        states.fill(0);
        let states: &mut [u32] = bytemuck::cast_slice_mut(states);
        let mut run = GraphRun {
            model: self,
            input,
            kernel,
            begin: state_words(nodes),
            states,
            memory,
        };
        let mut from = nodes.saturating_sub(1);
        while let Some(index) = last_ready(self.records, run.states, from) {
            run.make(index, output);
            let Some(record) = NodeRecord::of(self.records, index) else {
                return;
            };
            from = look_from(&record, index);
        }
    }
}

/// A graph on its way through a sample.
struct GraphRun<'r> {
    model: &'r Model<'r>,
    input: Input<'r>,
    kernel: &'static Kernel,
    states: &'r mut [u32],
    /// Scratch memory behind the states: patches and buffers.
    memory: &'r mut [u64],
    /// Words before it.
    begin: usize,
}

impl GraphRun<'_> {
    /// Makes the next row of a node that is ready.
    fn make(&mut self, index: usize, output: &mut Output<'_>) {
        let Some(node) = self.model.node(index) else {
            return;
        };
        let record = &node.record;
        if index > 0 && record.last == 0 {
            let y = usize::from(NodeState::load(self.states, index).next);
            let patches = self.patches();
            let (work, buffers) = self
                .memory
                .split_at_mut_checked(patches)
                .unwrap_or_default();
            let begin = self.begin + patches;
            let inputs = record.inputs.map(|at| {
                rows_of(
                    self.model,
                    self.input,
                    self.states,
                    at.into(),
                    buffers,
                    begin,
                )
            });
            let out = RowMut::given(record, output.all(), y);
            make_row(&node, y, inputs, out, work, self.kernel);
        } else if index > 0 {
            self.make_buffered(index, &node);
        }
        schedule::count(self.states, index);
    }

    /// Words of patches: the first buffer, or the end, lies behind them.
    fn patches(&self) -> usize {
        let end = match NodeRecord::of(self.model.records, 1) {
            Some(first) if first.last > 0 => first.at as usize,
            _ => self.begin + self.memory.len(),
        };
        end.saturating_sub(self.begin)
    }

    fn make_buffered(&mut self, index: usize, node: &super::node::NodeParts<'_>) {
        let record = &node.record;
        let mut state = NodeState::load(self.states, index);
        let next = usize::from(state.next);
        let first = in_use(self.model.records, self.states, index, record);
        if next < first {
            // A row that no reader needs.
            state.base = state.next.saturating_add(1);
            state.store(self.states, index);
            return;
        }
        let patches = self.patches();
        let at = (record.at as usize).saturating_sub(self.begin);
        let (before, own) = self.memory.split_at_mut_checked(at).unwrap_or_default();
        let words = record.row_words();
        let base = usize::from(state.base);
        let mut held = next.saturating_sub(base);
        if held >= record.rows.into() {
            // Full: what is of no use any more makes room.
            let gone = first.saturating_sub(base).min(held);
            if let Some(own) = own.get_mut(..held * words) {
                own.copy_within((gone * words).min(own.len()).., 0);
            }
            held -= gone;
            state.base = state.base.saturating_add(gone as u16);
            state.store(self.states, index);
        }
        let (work, buffers) = before.split_at_mut_checked(patches).unwrap_or_default();
        let begin = self.begin + patches;
        let inputs = record.inputs.map(|at| {
            rows_of(
                self.model,
                self.input,
                self.states,
                at.into(),
                buffers,
                begin,
            )
        });
        let own = own.get_mut(held * words..(held + 1) * words);
        let out = RowMut::of(record, own.unwrap_or_default());
        make_row(node, next, inputs, out, work, self.kernel);
    }
}

/// The rows that there are of a node; `buffers` lie `begin` words behind the begin of the scratch
/// memory.
fn rows_of<'r>(
    model: &Model<'_>,
    input: Input<'r>,
    states: &[u32],
    index: usize,
    buffers: &'r [u64],
    begin: usize,
) -> Rows<'r> {
    let record = NodeRecord::of(model.records, index).unwrap_or_default();
    if index == 0 {
        return Rows::given(&record, input);
    }
    let at = (record.at as usize).saturating_sub(begin);
    let words = usize::from(record.rows) * record.row_words();
    let words = buffers
        .get(at..at.saturating_add(words))
        .unwrap_or_default();
    Rows::buffered(&record, words, NodeState::load(states, index).base.into())
}
