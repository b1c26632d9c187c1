//! Tells words from sound on a part with 64 KB of flash and 16 KB of RAM: the linker fails where the
//! program, the model in it, or its data are larger. Samples come one by one, every 20 ms a frame of
//! features is made of them, and from the first second on each frame gives scores. Compares every
//! feature and every score with the host's, bit for bit, and prints what a frame costs. The scores
//! are integers, and no float instruction is in the program. A stack that does not fit ends in a
//! fault, for no memory lies below it.
//!
//! `ci/firmware.sh` builds it and runs it in an emulator.
#![no_std]
#![no_main]

use bnn_core::model::{Input, Model, Output, Sizes, Stream};
use boards::counter::Counter;
use boards::stack;
use boards::told::tell;
use semihosting::process;
use tiny_audio::{FEATURES, FrontEnd, HOP, RATE, WINDOW, frames};

/// Trained by `words train` ([docs/TINY.md](../../../../docs/TINY.md)).
static MODEL: Model = bnn_core::include_model!("../../../models/words.bnn");

const SIZES: Sizes = MODEL.sizes();
const SAMPLES: usize = 3 * RATE;
const FRAMES: usize = frames(SAMPLES);
/// Frames under the window of the model: the first ones give no result.
const SEEN: usize = MODEL.input_shape()[0];
const RESULTS: usize = FRAMES + 1 - SEEN;

// Written by `words vectors` into the folder that the build names.
#[unsafe(link_section = ".vectors_of_the_test")]
static SOUND: [u8; 2 * SAMPLES] = *include_bytes!(concat!(env!("BNN_VECTORS"), "/words.samples"));
#[unsafe(link_section = ".vectors_of_the_test")]
static FRAMES_OF_HOST: [u8; FRAMES * FEATURES] =
    *include_bytes!(concat!(env!("BNN_VECTORS"), "/words.features"));
#[unsafe(link_section = ".vectors_of_the_test")]
static SCORES: [u8; RESULTS * SIZES.outputs * 4] =
    *include_bytes!(concat!(env!("BNN_VECTORS"), "/words.scores"));

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    let same = check().unwrap_or(0);
    let after = " results have every feature and every score of the host, bit for bit";
    tell("", same as u32, after);
    process::exit(i32::from(same != RESULTS))
}

/// How many results have the host's scores, or nothing if a feature differs.
fn check() -> Option<usize> {
    let mut memory = [0; SIZES.stream_words];
    let mut front_end = FrontEnd::new();
    let of_stream = size_of_val(&memory) as u32;
    let mut stream = Stream::new(MODEL, &mut memory).ok()?;
    let mut counter = Counter::start();
    let (mut of_features, mut of_network, mut of_window, mut deepest) = (0, 0, 0, 0);
    let (mut same, mut results) = (0, 0);
    let mut expected_frames = FRAMES_OF_HOST.as_chunks::<FEATURES>().0.iter();
    let mut expected_scores = SCORES.as_chunks::<4>().0.chunks_exact(SIZES.outputs);
    let (first, rest) = SOUND.as_chunks::<2>().0.split_at_checked(WINDOW - HOP)?;
    for sample in first {
        front_end.push(i16::from_le_bytes(*sample));
    }
    for samples in rest.chunks_exact(HOP) {
        let painted = stack::paint();
        let (frame, instructions) = counter.count(|| {
            let mut samples = samples.iter();
            samples.find_map(|sample| front_end.push(i16::from_le_bytes(*sample)))
        });
        of_features = instructions.max(of_features);
        let frame = frame?;
        if frame != *expected_frames.next()? {
            return None;
        }
        let mut scores = [0; SIZES.outputs];
        let (is_result, instructions) =
            counter.count(|| stream.push(Input::Bytes(&frame), Output::I32(&mut scores)));
        of_network = instructions.max(of_network);
        deepest = painted.used().max(deepest);
        if results == 0 {
            of_window += instructions;
        }
        if is_result.ok()? {
            results += 1;
            let found = scores.iter().map(|score| score.to_le_bytes());
            same += usize::from(found.eq(expected_scores.next()?.iter().copied()));
        }
    }
    tell(
        "a frame: at most ",
        of_features,
        " instructions of the front end",
    );
    tell("and ", of_network, " of the network");
    tell("a window of 49 frames: ", of_window, " of the network");
    tell("bytes of memory: ", of_stream, " of the stream,");
    tell("", size_of_val(&front_end) as u32, " of the front end,");
    tell("and ", deepest as u32, " of stack");
    Some(same)
}
