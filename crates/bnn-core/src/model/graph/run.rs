//! Runs a graph row by row, in scratch memory that the caller gives. Each buffer holds no more rows
//! than the file says; see `schedule`.

use super::record::{NodeRecord, state_words, values};
use super::rows::make_row;
use super::schedule::{self, NodeState, in_use, last_ready, look_from};
use super::tensor::{RowMut, RowNumbers, Rows};
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
        let mut run = GraphRun::new(self, Given::Whole(input), kernel, scratch);
        run.clear();
        let mut from = self.records.len().saturating_sub(1);
        while let Some(index) = last_ready(self.records, run.states, from) {
            from = run.make(index, output);
        }
    }

    /// Words of the rows of the input that a stream holds.
    pub(in crate::model) const fn graph_first_rows(&self) -> usize {
        match NodeRecord::of(self.records, 0) {
            Some(record) => first_words(&record),
            None => 0,
        }
    }
}

/// Words of the rows of the input, which are without gaps.
const fn first_words(record: &NodeRecord) -> usize {
    let len = record.rows as usize * record.row_len();
    match record.values {
        values::BITS => len,
        _ => len.div_ceil(size_of::<u64>()),
    }
}

/// The input of a graph.
#[derive(Debug)]
pub(in crate::model) enum Given<'r> {
    /// The caller's image, whole.
    Whole(Input<'r>),
    /// A buffer of rows, without gaps.
    Rows(&'r mut [u64]),
}

impl<'r> Given<'r> {
    /// The rows that there are.
    fn rows(&'r self, record: &NodeRecord, base: usize) -> Rows<'r> {
        match self {
            Given::Whole(input) => Rows::given(record, *input),
            Given::Rows(words) => Rows {
                numbers: RowNumbers::of(record, words),
                first: base,
                ..Rows::given(record, Input::Bits(&[]))
            },
        }
    }
}

/// A graph on its way through a sample.
#[derive(Debug)]
pub(in crate::model) struct GraphRun<'r> {
    model: &'r Model<'r>,
    input: Given<'r>,
    kernel: &'static Kernel,
    states: &'r mut [u32],
    /// Scratch memory after the states: patches and buffers.
    memory: &'r mut [u64],
    /// Words of scratch memory before `memory`.
    begin: usize,
}

impl<'r> GraphRun<'r> {
    /// A run whose states lie where the scratch memory begins.
    pub(in crate::model) fn new(
        model: &'r Model<'r>,
        input: Given<'r>,
        kernel: &'static Kernel,
        scratch: &'r mut [u64],
    ) -> Self {
        let begin = state_words(model.records.len());
        let (states, memory) = scratch.split_at_mut_checked(begin).unwrap_or_default();
        Self {
            model,
            input,
            kernel,
            states: bytemuck::cast_slice_mut(states),
            memory,
            begin,
        }
    }

    /// Begins with the first row.
    pub(in crate::model) fn clear(&mut self) {
        self.states.fill(0);
    }

    /// Takes the next row of an input that comes row by row, and makes what can be made of it;
    /// whether that completes the output.
    pub(in crate::model) fn push(&mut self, row: Input<'_>, output: &mut Output<'_>) -> bool {
        self.take(row);
        let last = self.model.records.len().saturating_sub(1);
        let mut from = last;
        while let Some(index @ 1..) = last_ready(self.model.records, self.states, from) {
            from = self.make(index, output);
        }
        let height = NodeRecord::of(self.model.records, last).map_or(0, |record| record.height());
        usize::from(NodeState::load(self.states, last).next) == height
    }

    /// Appends a row to those of the input; there is room, as `check` has counted.
    fn take(&mut self, row: Input<'_>) {
        let (Some(record), Given::Rows(words)) =
            (NodeRecord::of(self.model.records, 0), &mut self.input)
        else {
            return;
        };
        let mut state = NodeState::load(self.states, 0);
        let first = in_use(self.model.records, self.states, 0, &record);
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(words);
        let row: &[u8] = match row {
            Input::Bits(x) => bytemuck::cast_slice(x),
            Input::Bytes(x) => x,
        };
        let rows = record.rows.into();
        if let Some(at) = state.place(rows, first, bytes, row.len())
            && let Some(place) = bytes.get_mut(at * row.len()..(at + 1) * row.len())
        {
            place.copy_from_slice(row);
        }
        state.store(self.states, 0);
        schedule::count(self.states, 0);
    }

    /// Makes the next row of a node that is ready; returns from where to look for the next one.
    fn make(&mut self, index: usize, output: &mut Output<'_>) -> usize {
        let Some(node) = self.model.node(index) else {
            return 0;
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
            let inputs = inputs_of(self.model, &self.input, self.states, record, buffers, begin);
            let out = RowMut::given(record, output.all(), y);
            make_row(&node, y, inputs, out, work, self.kernel);
        } else if index > 0 {
            self.make_buffered(index, &node);
        }
        schedule::count(self.states, index);
        look_from(record, index)
    }

    /// Words of patches: the first buffer, or the end, follows them.
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
        let patches = self.patches();
        let at = (record.at as usize).saturating_sub(self.begin);
        let (before, own) = self.memory.split_at_mut_checked(at).unwrap_or_default();
        let words = record.row_words();
        let place = state.place(record.rows.into(), first, own, words);
        state.store(self.states, index);
        let Some(held) = place else {
            return;
        };
        let (work, buffers) = before.split_at_mut_checked(patches).unwrap_or_default();
        let begin = self.begin + patches;
        let inputs = inputs_of(self.model, &self.input, self.states, record, buffers, begin);
        let own = own.get_mut(held * words..(held + 1) * words);
        let out = RowMut::of(record, own.unwrap_or_default());
        make_row(node, next, inputs, out, work, self.kernel);
    }
}

/// The rows that there are of a node's inputs; `buffers` begin `begin` words after the start of the
/// scratch memory.
fn inputs_of<'r>(
    model: &Model<'_>,
    input: &'r Given<'r>,
    states: &[u32],
    node: &NodeRecord,
    buffers: &'r [u64],
    begin: usize,
) -> [Rows<'r>; 2] {
    node.inputs.map(|index| {
        let index = usize::from(index);
        let record = NodeRecord::of(model.records, index).unwrap_or_default();
        let base = NodeState::load(states, index).base.into();
        if index == 0 {
            return input.rows(&record, base);
        }
        let at = (record.at as usize).saturating_sub(begin);
        let words = usize::from(record.rows) * record.row_words();
        let words = buffers
            .get(at..at.saturating_add(words))
            .unwrap_or_default();
        Rows::buffered(&record, words, base)
    })
}
