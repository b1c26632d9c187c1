//! A stream in memory of the caller: what a `bnn_stream_t` holds, and how a call borrows its
//! memory.
#![allow(unsafe_code, reason = "the C boundary")]

use core::ffi::c_void;
use core::ptr;

use bnn_core::model::{Model, StreamState};

use super::argument::Argument;
use super::ledger::Ledger;
use super::model::enter_file;
use super::pointer::{Input, Output, checked};
use crate::error::Error;
use crate::model::bnn_model_t;
use crate::stream::bnn_stream_t;

/// What the last word of an open stream holds: no number that memory is likely to have by itself.
const OPEN: usize = 0x57EA_71E5_6D0D_E15A_u64 as usize;

/// Bits of the word that has them.
const SLIDES: usize = 1;
const DONE: usize = 2;

/// The model of an open stream, its memory for the time of a call, and what else it keeps.
#[derive(Debug)]
pub(crate) struct Opened<'call> {
    pub(crate) model: &'call Model<'call>,
    pub(crate) memory: &'call mut [u64],
    /// To be changed.
    pub(crate) state: StreamState,
    words: &'call mut [*const c_void; 8],
}

impl Opened<'_> {
    /// Notes `state`, which the stream is to go on from.
    pub(crate) fn keep(self) {
        let [_, _, seen, flags, ..] = self.words;
        *seen = number(self.state.seen);
        *flags = number(flags_of(self.state));
    }
}

/// Words are pointers, not numbers, so that they keep what pointers are besides numbers.
fn number(n: usize) -> *const c_void {
    ptr::without_provenance(n)
}

fn flags_of(state: StreamState) -> usize {
    (if state.slides { SLIDES } else { 0 }) | (if state.done { DONE } else { 0 })
}

impl bnn_stream_t {
    /// A stream that is to go on from `state`, with memory that C's caller keeps.
    pub(crate) fn of(model: bnn_model_t, memory: &mut [u64], state: StreamState) -> Self {
        let (start, len) = (memory.as_mut_ptr(), memory.len());
        Self {
            model,
            words: [
                start.cast_const().cast(),
                number(len),
                number(state.seen),
                number(flags_of(state)),
                ptr::null(),
                ptr::null(),
                ptr::null(),
                number(OPEN),
            ],
        }
    }

    pub(crate) fn state(&self) -> Result<StreamState, Error> {
        let [_, _, seen, flags, _, _, _, tag] = self.words;
        if tag.addr() != OPEN {
            return Err(Error::NotOpen {
                argument: "stream",
                by: "bnn_stream_open",
            });
        }
        Ok(StreamState {
            slides: flags.addr() & SLIDES != 0,
            seen: seen.addr(),
            done: flags.addr() & DONE != 0,
        })
    }
}

impl<'call> Output<'call, bnn_stream_t> {
    /// The stream that lies here, to be changed; no other argument of the call overlaps it or its
    /// memory.
    pub(crate) fn opened(self) -> Result<Opened<'call>, Error> {
        let ledger = self.ledger;
        let [stream] = self.write(1)? else {
            // A slice of length 1 has one element.
            return Err(bnn_core::Error::Zero { what: "stream" }.into());
        };
        let state = stream.state()?;
        let bnn_stream_t { model, words } = stream;
        let model = model.opened()?;
        enter_file(model, ledger)?;
        let memory = words[0].cast_mut().cast::<u64>();
        // Memory that `bnn_stream_open` got from the caller, who was asked to leave it to the
        // stream.
        let memory = Output {
            pointer: checked("the stream's memory", memory.cast_const())?.cast_mut(),
            name: "the stream's memory",
            ledger,
        }
        .write(words[1].addr())?;
        Ok(Opened {
            model,
            memory,
            state,
            words,
        })
    }
}

impl Argument for *const bnn_stream_t {
    type Checked<'call> = Input<'call, bnn_stream_t>;

    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<Input<'call, bnn_stream_t>, Error> {
        let pointer = checked(name, self)?;
        Ok(Input {
            pointer,
            name,
            ledger,
        })
    }
}

impl Argument for *mut bnn_stream_t {
    type Checked<'call> = Output<'call, bnn_stream_t>;
    /// The stream, its memory and the model's file.
    const REGIONS: usize = 3;

    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<Output<'call, bnn_stream_t>, Error> {
        let pointer = checked(name, self.cast_const())?.cast_mut();
        Ok(Output {
            pointer,
            name,
            ledger,
        })
    }
}
