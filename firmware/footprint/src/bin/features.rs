//! `run` of the body of a model, which gives out features in bits, and nothing else: what `learn`
//! adds to it is what learning takes. Not to be run: `ci/footprint.sh` links and measures it.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the linker needs the name of the entry")]

use bnn_core::model::{Input, Model, Output};

/// The entry of the link. The model comes from outside too, so that nothing of it is known when
/// compiling.
#[unsafe(no_mangle)]
extern "Rust" fn entry(
    body: &Model<'_>,
    pixels: &[u8],
    features: &mut [u64],
    scratch: &mut [u64],
) -> bool {
    let (input, output) = (Input::Bytes(pixels), Output::Bits(features));
    body.run(1, input, output, scratch).is_ok()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
