//! Runs a model of convolutions on a series that arrives row by row, such as a sensor's: no heap.

use core::ffi::c_void;

use bnn_core::model::{Model, Stream, StreamState};

use crate::boundary::{
    Input, Output, Readable, StreamWords, Writable, set_stream_state, stream_memory, stream_state,
    stream_words,
};
use crate::error::Error;
use crate::model::run::{Memory, equal, input_in, output_in};
use crate::model::{bnn_model_t, enter_file, input_of, output_of, times};
use crate::shape::at_least;
use crate::status::bnn_status_t;

/// A stream of rows through a model: a series of sensor frames, whose time is the height of the
/// model's images. The struct belongs to the caller, as a `bnn_model_t` does, and there is nothing
/// to free. It points to the stream's memory and to the model's file; use only one of its copies.
/// The other functions refuse a struct that is all zeros. One thread at a time may use a stream.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_stream_t {
    /// For the library only.
    pub model: bnn_model_t,
    /// For the library only.
    pub words: [*const c_void; 8],
}

plain_layout!(bnn_stream_t { model, words });

impl bnn_stream_t {
    /// A stream that is to go on from `state`, with memory that C's caller keeps.
    fn of(model: bnn_model_t, memory: &mut [u64], state: StreamState) -> Self {
        let words = stream_words(memory, state);
        Self { model, words }
    }

    fn state(&self) -> Result<StreamState, Error> {
        stream_state(&self.words)
    }
}

impl Readable for bnn_stream_t {
    type Seen<'call> = Input<'call, Self>;

    fn seen(input: Input<'_, Self>) -> Input<'_, Self> {
        input
    }
}

impl Writable for bnn_stream_t {
    type Seen<'call> = Output<'call, Self>;
    /// The stream, its memory and the model's file.
    const REGIONS: usize = 3;

    fn seen(output: Output<'_, Self>) -> Output<'_, Self> {
        output
    }
}

/// The model of an open stream, its memory for the time of a call, and what else it keeps.
#[derive(Debug)]
struct Opened<'call> {
    model: &'call Model<'call>,
    memory: &'call mut [u64],
    /// To be changed.
    state: StreamState,
    words: &'call mut StreamWords,
}

impl<'call> Opened<'call> {
    /// The stream that lies there, to be changed; no other argument of the call overlaps it, its
    /// memory or its model's file.
    fn new(stream: Output<'call, bnn_stream_t>) -> Result<Self, Error> {
        let ledger = stream.ledger();
        let stream = stream.one()?;
        let state = stream.state()?;
        let bnn_stream_t { model, words } = stream;
        let model = model.opened()?;
        enter_file(model, ledger)?;
        Ok(Self {
            model,
            memory: stream_memory(words, ledger)?,
            state,
            words,
        })
    }

    /// Notes the state, from which the stream is to go on.
    fn keep(self) {
        set_stream_state(self.words, self.state);
    }
}

fn row_bytes(model: &Model<'_>) -> Result<usize, Error> {
    let [height, ..] = model.input_shape();
    Ok(input_of(model)?
        .bytes
        .checked_div(height)
        .unwrap_or_default())
}

export! {
    /// Bytes of memory that a stream through the model needs. 0 if there is no such stream, which
    /// `bnn_stream_open` refuses: if the model does not begin with a convolution or a pool, if its
    /// output has several rows, or if `model` is NULL or not open.
    pub fn bnn_model_stream_bytes(model: *const bnn_model_t) -> usize {
        times("bytes of a stream", Stream::words(model.opened()?)?, size_of::<u64>())
    }
}

export! {
    /// Opens a stream, which then expects its first row.
    ///
    /// - `memory`: written, `memory_bytes` bytes, at least `bnn_model_stream_bytes`; aligned to 8
    ///   bytes. Only the stream may read and write it for as long as the stream is used.
    /// - `out`: receives the stream, which holds a copy of the model. Written on success only.
    ///
    /// Errors: NULL, MISALIGNED, NOT_OPEN, TOO_SHORT, OVERLAP, UNSUPPORTED (there is no stream
    /// through this model, see `bnn_model_stream_bytes`), OVERFLOW, ISA_UNKNOWN, ISA_ABSENT.
    pub fn bnn_stream_open(
        model: *const bnn_model_t,
        memory: *mut c_void,
        memory_bytes: usize,
        out: *mut bnn_stream_t,
    ) -> bnn_status_t {
        let model = model.opened()?;
        let words = Stream::words(model)?;
        at_least("memory_bytes", times("memory_bytes", words, size_of::<u64>())?, memory_bytes)?;
        let memory = memory.write::<u64>(words)?;
        let out = out.place()?;
        let state = Stream::new(*model, memory)?.state();
        out.put(bnn_stream_t::of(bnn_model_t::of(*model), memory, state));
        Ok(())
    }
}

export! {
    /// Takes the next row, `[width, channels]` of `bnn_model_input_shape`. Gives a result as soon
    /// as the rows that it depends on are there: the result of `bnn_model_run` on a window of as
    /// many rows as the model's images have. If `bnn_stream_slides`, the first window begins at the
    /// first row, and each further one begins later by the product of all vertical strides on the
    /// way to the output. Otherwise the windows follow each other without overlap.
    ///
    /// - `stream`: read and written.
    /// - `row`: read, `row_bytes` bytes, exactly those of a row: the bytes of a sample (see
    ///   `bnn_model_input`) divided by the height; aligned to the element type (8 bytes for bits,
    ///   whose tail bits are 0).
    /// - `output`: written if a result is complete, else left unchanged; `output_bytes` bytes,
    ///   exactly those of a sample of `bnn_model_output`; aligned to the element type.
    /// - `ready`: written; 1 where `output` has a result now, else 0.
    ///
    /// An error does not change the stream.
    ///
    /// Errors: NULL, MISALIGNED, NOT_OPEN, MISMATCH, RANGE (an element has more bits than the model
    /// says), TAIL_BITS, OVERLAP (also with the stream's memory), ISA_UNKNOWN, ISA_ABSENT.
    pub fn bnn_stream_push(
        stream: *mut bnn_stream_t,
        row: *const c_void,
        row_bytes: usize,
        output: *mut c_void,
        output_bytes: usize,
        ready: *mut i32,
    ) -> bnn_status_t {
        let mut opened = Opened::new(stream)?;
        let model = opened.model;
        equal("row_bytes", self::row_bytes(model)?, row_bytes)?;
        equal("output_bytes", output_of(model)?.bytes, output_bytes)?;
        let row = input_in(model, Memory { pointer: row, bytes: row_bytes })?;
        let output = output_in(model, Memory { pointer: output, bytes: output_bytes })?;
        let ready = ready.place()?;
        let mut stream = Stream::resume(*model, opened.memory, opened.state)?;
        let done = stream.push(row, output)?;
        opened.state = stream.state();
        opened.keep();
        ready.put(done.into());
        Ok(())
    }
}

export! {
    /// Forgets all rows: the next one is the first of a window.
    ///
    /// - `stream`: read and written.
    ///
    /// Errors: NULL, MISALIGNED, NOT_OPEN, ISA_UNKNOWN, ISA_ABSENT.
    pub fn bnn_stream_reset(stream: *mut bnn_stream_t) -> bnn_status_t {
        let mut opened = Opened::new(stream)?;
        let mut stream = Stream::resume(*opened.model, opened.memory, opened.state)?;
        stream.reset();
        opened.state = stream.state();
        opened.keep();
        Ok(())
    }
}

export! {
    /// 1 if the window slides, which it does if no layer of the model is padded above or below and,
    /// of a graph, branches that rejoin have the same strides. 0 otherwise, and if `stream` is NULL
    /// or not open.
    pub fn bnn_stream_slides(stream: *const bnn_stream_t) -> u32 {
        Ok(stream.one()?.state()?.slides.into())
    }
}

#[cfg(all(test, feature = "std"))]
mod laws;
