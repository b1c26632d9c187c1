//! A stream in memory of the caller: how its state and its memory lie in the words of a struct of
//! the header.

use core::ffi::c_void;
use core::ptr;

use bnn_core::model::StreamState;

use super::ledger::Ledger;
use super::pointer::{Output, checked};
use crate::error::Error;

/// The words of a struct that hold a stream: where its memory begins and how many words it has,
/// what [`StreamState`] says, and whether it is open. They are pointers, not numbers, so that they
/// keep what pointers are besides numbers.
pub(crate) type StreamWords = [*const c_void; 8];

/// What the last word of an open stream holds: no number that memory is likely to have by itself.
const OPEN: usize = 0x57EA_71E5_6D0D_E15A_u64 as usize;

/// Bits of the word that has them.
const SLIDES: usize = 1;
const DONE: usize = 2;

fn number(n: usize) -> *const c_void {
    ptr::without_provenance(n)
}

fn flags_of(state: StreamState) -> usize {
    (if state.slides { SLIDES } else { 0 }) | (if state.done { DONE } else { 0 })
}

/// The words of a stream that is to go on from `state`, with memory that C's caller keeps.
pub(crate) fn stream_words(memory: &mut [u64], state: StreamState) -> StreamWords {
    let (start, len) = (memory.as_mut_ptr(), memory.len());
    [
        start.cast_const().cast(),
        number(len),
        number(state.seen),
        number(flags_of(state)),
        ptr::null(),
        ptr::null(),
        ptr::null(),
        number(OPEN),
    ]
}

/// The state in the words.
pub(crate) fn stream_state(words: &StreamWords) -> Result<StreamState, Error> {
    let [_, _, seen, flags, _, _, _, tag] = words;
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

/// Notes the state from which an open stream is to go on.
pub(crate) fn set_stream_state(words: &mut StreamWords, state: StreamState) {
    let [_, _, seen, flags, ..] = words;
    *seen = number(state.seen);
    *flags = number(flags_of(state));
}

/// The memory of the stream in the words, to write; no argument of the call overlaps it.
pub(crate) fn stream_memory<'call>(
    words: &StreamWords,
    ledger: &'call Ledger,
) -> Result<&'call mut [u64], Error> {
    stream_state(words)?;
    let memory = words[0].cast_mut().cast::<u64>();
    // Only `stream_words` writes the last word of an open stream, and with it the place of memory
    // that `bnn_stream_open` got from the caller, who was asked to leave it to the stream.
    Output {
        pointer: checked("the stream's memory", memory.cast_const())?.cast_mut(),
        name: "the stream's memory",
        ledger,
    }
    .write(words[1].addr())
}
