//! `open`, `run` and `argmax` of a model of dense layers or, with the feature `conv`, of any, and
//! nothing else. Not to be run: `ci/footprint.sh` links it, measures it, and looks for panics in
//! it.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the linker needs the name of the entry")]

use bnn_core::model::{Input, Model, ModelError, Output, argmax};

/// What firmware does with a model: opens it, runs it on one sample, takes the largest score.
///
/// # Errors
/// Those of the library.
#[inline(never)]
fn classify(
    file: &[u8],
    pixels: &[u8],
    scores: &mut [f32],
    scratch: &mut [u64],
) -> Result<Option<usize>, ModelError> {
    let model = Model::open(file)?;
    model.run(1, Input::Bytes(pixels), Output::F32(scores), scratch)?;
    Ok(argmax(scores))
}

/// The entry of the link. Arguments come from outside, so that nothing of them is known when
/// compiling.
#[unsafe(no_mangle)]
extern "Rust" fn entry(
    file: &[u8],
    pixels: &[u8],
    scores: &mut [f32],
    scratch: &mut [u64],
) -> Option<usize> {
    classify(file, pixels, scores, scratch).ok().flatten()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
