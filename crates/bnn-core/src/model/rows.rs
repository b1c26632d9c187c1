//! Convolutions and pools, row by row. Every layer has a buffer of the rows of its input that one
//! row of its output needs; the layer before appends to it, and rows that are no longer needed are
//! dropped. The only whole image in memory is the caller's.
//!
//! Rows are made on demand: if the last layer lacks a row of its input, the layer before makes one,
//! and so on up. A loop over levels replaces recursion.

use bytemuck::cast_slice_mut;

use super::format::{Record, input};
use super::io::{Input, Output, RunConfig, disjoint};
use super::layer::OutputType;
use super::moved::move_to_front;
use super::reader::{Model, numbers_of};
use super::row::compute_row;

/// The source of the first layer.
#[derive(Debug)]
pub(super) enum Image<'r> {
    /// The caller's image, whole.
    Whole(Input<'r>),
    /// A buffer of rows, as the other layers have it. Of bytes: eight to a word.
    Rows(&'r mut [u64]),
}

/// The convolutions and pools of a model on their way through an image.
#[derive(Debug)]
pub(super) struct RowPipeline<'r> {
    model: Model<'r>,
    image: Image<'r>,
    config: RunConfig,
    scratch: &'r mut [u64],
    /// Whether the image never ends: then every row of windows is like the first one.
    endless: bool,
}

/// Which rows a layer has in its buffer: a word of scratch memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    /// The row of its output that it makes next.
    next: u32,
    /// Rows in its buffer. The first one is the first that the next row of the output needs.
    held: u16,
    /// Coming rows that no window needs, because the stride is larger than the kernel.
    skip: u16,
}

impl State {
    fn load(word: u64) -> Self {
        Self {
            next: word as u32,
            held: (word >> 32) as u16,
            skip: (word >> 48) as u16,
        }
    }

    fn store(self) -> u64 {
        u64::from(self.next) | u64::from(self.held) << 32 | u64::from(self.skip) << 48
    }
}

impl Model<'_> {
    /// Runs the convolutions and pools on an image.
    pub(super) fn run_rows(
        &self,
        image: Input<'_>,
        output: &mut Output<'_>,
        config: RunConfig,
        scratch: &mut [u64],
    ) {
        let mut rows = RowPipeline::new(self, Image::Whole(image), config, scratch);
        rows.clear();
        while rows.next(output) {}
    }
}

impl<'r> RowPipeline<'r> {
    /// For the arguments of a run, which have been checked.
    pub(super) fn new(
        model: &Model<'r>,
        image: Image<'r>,
        config: RunConfig,
        scratch: &'r mut [u64],
    ) -> Self {
        Self {
            model: *model,
            image,
            config,
            scratch,
            endless: false,
        }
    }

    /// Makes the rows of an endless image, which has no padding above, if `endless` holds.
    pub(super) fn endless(self, endless: bool) -> Self {
        Self { endless, ..self }
    }

    /// Begins with the first row of an image.
    pub(super) fn clear(&mut self) {
        for record in self.model.records.iter().take(self.model.spatial()) {
            if let Some(word) = self
                .scratch
                .get_mut(Record::decode(record).input_at as usize)
            {
                *word = State::default().store();
            }
        }
    }

    /// Makes the next row of the last layer's output: in scratch memory, or in `output` where the
    /// model ends with it. `false`: there is none, or it needs more rows of the image.
    pub(super) fn next(&mut self, output: &mut Output<'_>) -> bool {
        let last = self.model.spatial() - 1;
        let mut level = last;
        while let Some(record) = self.model.record(level) {
            match self.readiness(level, &record) {
                Readiness::Ready => {
                    self.make_row(level, &record, output);
                    if level == last {
                        return true;
                    }
                    level += 1;
                }
                Readiness::Lacking if level > 0 => level -= 1,
                _ => break,
            }
        }
        false
    }
}

/// Whether a layer can make its next row.
enum Readiness {
    Ready,
    /// The layer lacks rows of its input.
    Lacking,
    /// There is no next row.
    Done,
}

impl RowPipeline<'_> {
    fn readiness(&self, level: usize, record: &Record) -> Readiness {
        let y = record.window.windows().y;
        let word = self.scratch.get(record.input_at as usize);
        let state = word.map_or(State::default(), |word| State::load(*word));
        let next = state.next as usize;
        let whole = level == 0 && matches!(self.image, Image::Whole(_));
        if next >= y.output {
            Readiness::Done
        } else if whole || state.skip == 0 && usize::from(state.held) >= y.stop(next).0.len() {
            Readiness::Ready
        } else {
            Readiness::Lacking
        }
    }

    /// Makes the next row of a layer that is ready, and hands it to the next layer.
    fn make_row(&mut self, level: usize, record: &Record, output: &mut Output<'_>) {
        let windows = record.window.windows();
        let y = &windows.y;
        let mut regions = self.model.regions(level, record);
        let is_last = level + 1 == self.model.spatial();
        if !is_last && let Some(next) = self.model.record(level + 1) {
            regions.output = self.model.regions(level + 1, &next).input;
        }
        let [read, work, write] = disjoint(self.scratch, regions);
        let Some((word, held)) = read.split_first_mut() else {
            return;
        };
        let mut state = State::load(*word);
        let next = state.next as usize;
        let rows = y.stop(next).0;
        let is_bits = record.input == input::BITS;
        let row = numbers_of([1, windows.x.input, record.inputs as usize], is_bits);
        let pixels = match (&self.image, level) {
            (Image::Whole(x), 0) => x.part(rows.start * row..rows.end * row),
            (Image::Rows(held), 0) => first_rows(held, is_bits, rows.len() * row),
            _ => first_rows(held, true, rows.len() * row),
        };
        let gives_bits = record.output_type() == OutputType::Bits;
        let row_out = numbers_of([1, windows.x.output, record.outputs as usize], gives_bits);
        let place = if !is_last {
            append(write, row_out).map(Output::Bits)
        } else if write.is_empty() {
            Some(output.part(next * row_out..(next + 1) * row_out))
        } else {
            Some(Output::Bits(write))
        };
        // A row that no window needs is not computed.
        if let Some(place) = place {
            let line = windows.line(next);
            compute_row(&self.model, record, line, pixels, place, self.config, work);
        }
        if !self.endless {
            state.next += 1;
        }
        let gone = y.first(next + 1) - y.first(next);
        let held = match (&mut self.image, level) {
            (Image::Whole(_), 0) => &mut [],
            (Image::Rows(held), 0) => &mut **held,
            _ => held,
        };
        let row_bytes = if is_bits { row * size_of::<u64>() } else { row };
        state.drop_rows(cast_slice_mut(held), row_bytes, gone);
        *word = state.store();
    }

    /// Takes the next row of the image, where that comes row by row. Nothing lacks memory for it.
    pub(super) fn push(&mut self, pixels: Input<'_>) {
        let word = match self.model.record(0) {
            Some(record) => self.scratch.get_mut(record.input_at as usize),
            None => None,
        };
        let (Some(word), Image::Rows(held)) = (word, &mut self.image) else {
            return;
        };
        let mut state = State::load(*word);
        match pixels {
            Input::Bits(x) => state
                .take_row(held, x.len())
                .map(|row| row.copy_from_slice(x)),
            Input::Bytes(x) => state
                .take_row(cast_slice_mut::<u64, u8>(held), x.len())
                .map(|row| row.copy_from_slice(x)),
        };
        *word = state.store();
    }
}

impl State {
    /// The room of a row that comes; `None` where nothing needs it.
    fn take_row<'h, T>(&mut self, held: &'h mut [T], row: usize) -> Option<&'h mut [T]> {
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        let at = usize::from(self.held) * row;
        // No more than a kernel's; more only where a caller has changed the memory of a stream that
        // he resumes.
        self.held = self.held.saturating_add(1);
        held.get_mut(at..at + row)
    }

    /// Drops the first `gone` rows, also of those that are still to come, and moves the others up.
    /// `row` is in bytes.
    fn drop_rows(&mut self, held: &mut [u8], row: usize, gone: usize) {
        let count = usize::from(self.held);
        let here = gone.min(count);
        let rows = held.get_mut(..count * row).unwrap_or_default();
        move_to_front(rows, here * row);
        self.held -= here as u16;
        self.skip = (gone - here) as u16; // a stride at most
    }
}

/// The first `len` numbers of a buffer: words of bits, else bytes.
fn first_rows(held: &[u64], bits: bool, len: usize) -> Input<'_> {
    match bits {
        true => Input::Bits(held.get(..len).unwrap_or_default()),
        false => Input::Bytes(bytemuck::cast_slice(held).get(..len).unwrap_or_default()),
    }
}

/// The room of the next row of a buffer with its state in front; `None` where nothing needs the
/// row.
fn append(buffer: &mut [u64], row: usize) -> Option<&mut [u64]> {
    let (word, held) = buffer.split_first_mut()?;
    let mut state = State::load(*word);
    let room = state.take_row(held, row);
    *word = state.store();
    room
}
