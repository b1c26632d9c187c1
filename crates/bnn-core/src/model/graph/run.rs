//! Runs a graph row by row, in scratch memory that the caller gives. Each buffer holds no more rows
//! than the file says; see `schedule`.

use core::ops::Range;

use super::check::passed_words;
use super::node::NodeParts;
use super::per_channel::replace;
use super::record::{NodeRecord, state_words, values};
use super::rows::make_row;
use super::schedule::{
    self, NodeState, Nodes, buffers_begin, in_use, kept_from, last_ready, look_from, set_base,
};
use super::slide;
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
        let mut run = GraphRun::new(self, Given::Whole(input), kernel, scratch, false);
        run.clear();
        let mut from = self.records.len().saturating_sub(1);
        while let Some(index) = last_ready(run.nodes, run.states, from) {
            from = run.make(index, output);
        }
    }

    /// Rows of the input from one window to the next, of a graph that slides.
    pub(in crate::model) const fn graph_step(&self) -> usize {
        slide::step(self.records, 0)
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
    /// The rows that there are of a node's inputs.
    fn rows_of(
        &'r self,
        model: &Model<'_>,
        states: &[u32],
        node: &NodeRecord,
        buffers: Buffers<'r>,
    ) -> [Rows<'r>; 2] {
        node.inputs.map(|index| {
            let index = usize::from(index);
            let record = NodeRecord::of(model.records, index).unwrap_or_default();
            let base = NodeState::load(states, index).base.into();
            match self {
                Given::Whole(input) if index == 0 => Rows::given(&record, *input),
                Given::Rows(words) if index == 0 => Rows {
                    numbers: RowNumbers::of(&record, words),
                    first: base,
                    ..Rows::given(&record, Input::Bits(&[]))
                },
                _ => Rows::buffered(&record, buffers.of(&record), base),
            }
        })
    }
}

/// A graph on its way through a sample.
#[derive(Debug)]
pub(in crate::model) struct GraphRun<'r> {
    model: &'r Model<'r>,
    nodes: Nodes<'r>,
    input: Given<'r>,
    kernel: &'static Kernel,
    states: &'r mut [u32],
    patches: &'r mut [u64],
    /// The row that the next step takes.
    passed: &'r mut [u64],
    buffers: &'r mut [u64],
    /// Words of scratch memory before the buffers.
    begin: usize,
}

impl<'r> GraphRun<'r> {
    /// A run whose states lie where the scratch memory begins, through one image or `endless` rows.
    pub(in crate::model) fn new(
        model: &'r Model<'r>,
        input: Given<'r>,
        kernel: &'static Kernel,
        scratch: &'r mut [u64],
        endless: bool,
    ) -> Self {
        let states = state_words(model.records.len());
        let begin = buffers_begin(model.records).unwrap_or(scratch.len());
        let passed = begin.saturating_sub(passed_words(model.records));
        let (work, buffers) = scratch.split_at_mut_checked(begin).unwrap_or_default();
        let (work, passed) = work.split_at_mut_checked(passed).unwrap_or_default();
        let (states, patches) = work.split_at_mut_checked(states).unwrap_or_default();
        Self {
            model,
            nodes: Nodes {
                records: model.records,
                endless,
            },
            input,
            kernel,
            states: bytemuck::cast_slice_mut(states),
            patches,
            passed,
            buffers,
            begin,
        }
    }

    /// Begins with the first row.
    pub(in crate::model) fn clear(&mut self) {
        self.states.fill(0);
    }

    /// Takes the next row of an input that comes row by row, and makes what can be made of it;
    /// whether that has made a row of the output.
    pub(in crate::model) fn push(&mut self, row: Input<'_>, output: &mut Output<'_>) -> bool {
        self.take(row);
        let last = self.model.records.len().saturating_sub(1);
        let (mut from, mut done) = (last, false);
        while let Some(index @ 1..) = last_ready(self.nodes, self.states, from) {
            from = self.make(index, output);
            done |= index == last;
        }
        done
    }

    /// Appends a row to those of the input; there is room, as `check` has counted.
    fn take(&mut self, row: Input<'_>) {
        let (Some(record), Given::Rows(words)) =
            (NodeRecord::of(self.model.records, 0), &mut self.input)
        else {
            return;
        };
        let mut state = NodeState::load(self.states, 0);
        let first = in_use(self.nodes, self.states, 0, &record);
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(words);
        let row: &[u8] = match row {
            Input::Bits(x) => bytemuck::cast_slice(x),
            Input::Bytes(x) => x,
        };
        let rows = record.rows.into();
        if let Some(at) = state.place(self.nodes, rows, first, bytes, row.len())
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
        // The image of node 0 is the caller's.
        if index > 0 {
            let replaced = node.record.replaces([&node.input, &node.second]);
            if let Some(place) = self.place(index, &node.record, replaced.is_some()) {
                self.write(index, &node, replaced, place, output);
            }
        }
        schedule::count(self.states, index);
        look_from(&node.record, index)
    }

    /// Where the next row of a node belongs in its buffer, in rows; 0 if it has none. `None`: no
    /// reader needs it.
    #[inline(never)]
    fn place(&mut self, index: usize, record: &NodeRecord, replaces: bool) -> Option<usize> {
        let mut state = NodeState::load(self.states, index);
        if record.last == 0 {
            return Some(0);
        }
        if record.passes_on() {
            state.base = state.next;
            state.store(self.states, index);
            return Some(0);
        }
        if replaces {
            return Some(state.next.wrapping_sub(state.base).into());
        }
        let records = self.model.records;
        let first = kept_from(self.nodes, self.states, index, record);
        let at = (record.at as usize).saturating_sub(self.begin);
        let own = self.buffers.get_mut(at..).unwrap_or_default();
        let place = state.place(
            self.nodes,
            record.rows.into(),
            first,
            own,
            record.row_words(),
        );
        set_base(records, self.states, index, state.base);
        place
    }

    /// Computes the next row of a node, in place `place` of its buffer.
    fn write(
        &mut self,
        index: usize,
        node: &NodeParts<'_>,
        replaced: Option<usize>,
        place: usize,
        output: &mut Output<'_>,
    ) {
        let record = &node.record;
        let next = usize::from(NodeState::load(self.states, index).next);
        // Of rows without an end, every one is like the first one.
        let y = if self.nodes.endless { 0 } else { next };
        let (there, out) = if record.last == 0 {
            let there = Buffers::all(self.passed, self.buffers, self.begin);
            (there, RowMut::given(record, output.all(), y))
        } else if record.passes_on() {
            let there = Buffers::all(&[], self.buffers, self.begin);
            (there, RowMut::of(record, self.passed))
        } else {
            let words = record.row_words();
            let at = (record.at as usize).saturating_sub(self.begin) + place * words;
            let (there, own) =
                Buffers::around(at..at + words, self.passed, self.buffers, self.begin);
            (there, RowMut::of(record, own))
        };
        let mut inputs = self.input.rows_of(self.model, self.states, record, there);
        if self.nodes.endless {
            for (rows, input) in inputs.iter_mut().zip([&node.input, &node.second]) {
                let [at, _] = self.nodes.needed(record, input.sides[0], next);
                let before = at.wrapping_sub(rows.first) as u16;
                // The first row that row 0 needs: windows of rows that slide have no padding.
                let like = usize::from(record.window.padding[0]);
                rows.first = like.wrapping_sub(before.into());
            }
        }
        match replaced {
            Some(input) => replace(node, input, inputs.map(|rows| rows.row(y)), out),
            None => make_row(node, y, inputs, out, self.patches, self.kernel),
        }
    }
}

/// The memory that a node reads while it writes a row.
#[derive(Clone, Copy, Debug)]
struct Buffers<'r> {
    /// The row that is passed on.
    passed: &'r [u64],
    /// The buffers before and after the row that is being written, and where each part begins, in
    /// words of scratch memory.
    before: (&'r [u64], usize),
    after: (&'r [u64], usize),
}

impl<'r> Buffers<'r> {
    /// All buffers, which begin at `begin`.
    fn all(passed: &'r [u64], buffers: &'r [u64], begin: usize) -> Self {
        Self {
            passed,
            before: (buffers, begin),
            after: (&[], begin + buffers.len()),
        }
    }

    /// What lies around the words `own` of the buffers, and these.
    fn around(
        own: Range<usize>,
        passed: &'r [u64],
        buffers: &'r mut [u64],
        begin: usize,
    ) -> (Self, &'r mut [u64]) {
        let (before, rest) = buffers.split_at_mut_checked(own.start).unwrap_or_default();
        let (row, after) = rest.split_at_mut_checked(own.len()).unwrap_or_default();
        let there = Self {
            passed,
            before: (before, begin),
            after: (after, begin + own.end),
        };
        (there, row)
    }

    /// The buffer of a node.
    fn of(&self, node: &NodeRecord) -> &'r [u64] {
        if node.passes_on() {
            return self.passed;
        }
        let at = node.at as usize;
        let (part, begin) = match at < self.after.1 {
            true => self.before,
            false => self.after,
        };
        let at = at.saturating_sub(begin);
        let words = usize::from(node.rows) * node.row_words();
        part.get(at..at.saturating_add(words)).unwrap_or_default()
    }
}
