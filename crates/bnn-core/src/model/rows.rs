//! Convolutions and pools, row by row. Every layer has a buffer of just the rows of its input that one row
//! of its output needs; the layer before appends to it, and what is not needed any more is dropped. So no
//! image but the caller's is ever whole in memory.
//!
//! Rows are made on demand, from the last layer up: where the last one lacks a row of its input, the layer
//! before makes one, if it has what it needs for that, and so on. A level is counted instead of calling
//! itself.

use core::ops::Range;

use bytemuck::cast_slice_mut;

use super::error::ModelError;
use super::layer::{InputType, Layer, OutputType};
use super::reader::{Model, Step};
use super::row::compute_row;
use super::runner::{Input, Output, Reals, disjoint};
use crate::conv::Axis;
use crate::shape::row_words;

/// Where the first layer reads.
#[derive(Debug)]
pub(super) enum Image<'r> {
    /// The caller's image, whole.
    Whole(Input<'r>),
    /// A buffer of rows, as the other layers have it. Of bytes: eight to a word.
    Rows(&'r mut [u64]),
}

/// The convolutions and pools of a model on their way through an image.
#[derive(Debug)]
pub(super) struct Rows<'r> {
    model: Model<'r>,
    image: Image<'r>,
    reals: Reals,
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
    /// Rows still to come that nothing needs, for the stride is larger than the kernel.
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

impl<'r> Rows<'r> {
    /// For the arguments of a run, which have been checked.
    pub(super) fn new(
        model: &Model<'r>,
        image: Image<'r>,
        reals: Reals,
        scratch: &'r mut [u64],
    ) -> Self {
        Self {
            model: *model,
            image,
            reals,
            scratch,
            endless: false,
        }
    }

    /// The same for an image without an end, of which there is no padding above.
    pub(super) fn endless(self, endless: bool) -> Self {
        Self { endless, ..self }
    }

    /// Begins with the first row of an image.
    pub(super) fn clear(&mut self) {
        for regions in (0..self.model.spatial).filter_map(|level| self.model.regions(level)) {
            if let Some(word) = self.scratch.get_mut(regions.input.start) {
                *word = State::default().store();
            }
        }
    }

    /// Makes the next row of the last layer's output: in scratch memory, or in `output` where the model
    /// ends with it. `false`: there is none, or it needs more rows of the image.
    pub(super) fn next(&mut self, output: &mut Output<'_>) -> Result<bool, ModelError> {
        let last = self.model.spatial - 1;
        let mut level = last;
        while let Some((step, y)) = self.spatial(level) {
            match self.readiness(level, &step, &y) {
                Readiness::Ready => {
                    self.make_row(level, &step, &y, output)?;
                    if level == last {
                        return Ok(true);
                    }
                    level += 1;
                }
                Readiness::Lacking if level > 0 => level -= 1,
                _ => break,
            }
        }
        Ok(false)
    }
}

/// Whether a layer can make its next row.
enum Readiness {
    Ready,
    /// It lacks rows of its input.
    Lacking,
    /// There is no next row.
    Done,
}

impl<'r> Rows<'r> {
    fn readiness(&self, level: usize, step: &Step<'_>, y: &Axis) -> Readiness {
        let word = self.scratch.get(step.regions.input.start);
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

    /// A layer, and its windows from row to row.
    fn spatial(&self, level: usize) -> Option<(Step<'r>, Axis)> {
        let step = self.model.step(level)?;
        let y = match &step.layer {
            Layer::Conv2d { conv, .. } => *conv.vertical(),
            Layer::MaxPool2d(pool) => *pool.vertical(),
            Layer::Dense { .. } => return None,
        };
        Some((step, y))
    }

    /// Makes the next row of a layer that is ready, and hands it to the layer behind.
    fn make_row(
        &mut self,
        level: usize,
        step: &Step<'_>,
        y: &Axis,
        output: &mut Output<'_>,
    ) -> Result<(), ModelError> {
        let (layer, regions) = (&step.layer, &step.regions);
        let behind = match level + 1 < self.model.spatial {
            true => self.model.regions(level + 1),
            false => None,
        };
        let target = behind.as_ref().map_or(&regions.output, |at| &at.input);
        let regions = [&regions.input, &regions.work, target].map(Range::clone);
        let [read, work, write] = disjoint(self.scratch, regions)?;
        let Some((word, held)) = read.split_first_mut() else {
            return Ok(());
        };
        let mut state = State::load(*word);
        let next = state.next as usize;
        let rows = y.stop(next).0;
        let row = row_len(layer.input_shape(), layer.input() == InputType::Bits);
        let pixels = match (&self.image, level) {
            (Image::Whole(x), 0) => x.part(rows.start * row..rows.end * row),
            (Image::Rows(held), 0) => first_rows(held, layer.input(), rows.len() * row),
            _ => first_rows(held, InputType::Bits, rows.len() * row),
        };
        let row_out = row_len(layer.output_shape(), layer.output() == OutputType::Bits);
        let place = match behind {
            Some(_) => append(write, row_out).map(Output::Bits),
            None if write.is_empty() => Some(output.part(next * row_out..(next + 1) * row_out)),
            None => Some(Output::Bits(write)),
        };
        // What nothing needs is not computed.
        if let Some(place) = place {
            compute_row(layer, next, pixels, place, self.reals, work)?;
        }
        if !self.endless {
            state.next += 1;
        }
        let gone = y.first(next + 1) - y.first(next);
        match (&mut self.image, level) {
            (Image::Whole(_), 0) => {}
            (Image::Rows(held), 0) if layer.input() != InputType::Bits => {
                state.drop_rows(cast_slice_mut::<u64, u8>(held), row, gone);
            }
            (Image::Rows(held), 0) => state.drop_rows(held, row, gone),
            _ => state.drop_rows(held, row, gone),
        }
        *word = state.store();
        Ok(())
    }

    /// Takes the next row of the image, where that comes row by row. Nothing lacks memory for it.
    pub(super) fn push(&mut self, pixels: Input<'_>) {
        let word = match self.model.regions(0) {
            Some(regions) => self.scratch.get_mut(regions.input.start),
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
        self.held += 1;
        held.get_mut(at..at + row)
    }

    /// Drops the first `gone` rows, also of those that are still to come, and moves the others up.
    fn drop_rows<T: Copy>(&mut self, held: &mut [T], row: usize, gone: usize) {
        let count = usize::from(self.held);
        let here = gone.min(count);
        let rows = held.get_mut(..count * row).unwrap_or_default();
        if here * row <= rows.len() {
            rows.copy_within(here * row.., 0);
        }
        self.held -= here as u16;
        self.skip = (gone - here) as u16; // a stride at most
    }
}

/// Numbers of a row of an image.
fn row_len([_, width, channels]: [usize; 3], bits: bool) -> usize {
    width * if bits { row_words(channels) } else { channels }
}

/// The first `len` numbers of a buffer.
fn first_rows(held: &[u64], input: InputType, len: usize) -> Input<'_> {
    match input {
        InputType::Bits => Input::Bits(held.get(..len).unwrap_or_default()),
        InputType::Unsigned { .. } => {
            Input::Bytes(bytemuck::cast_slice(held).get(..len).unwrap_or_default())
        }
    }
}

/// The room of the next row of a buffer with its state in front; `None` where nothing needs the row.
fn append(buffer: &mut [u64], row: usize) -> Option<&mut [u64]> {
    let (word, held) = buffer.split_first_mut()?;
    let mut state = State::load(*word);
    let room = state.take_row(held, row);
    *word = state.store();
    room
}
