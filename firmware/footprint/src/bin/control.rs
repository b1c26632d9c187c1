//! A program that can panic, so that `ci/footprint.sh` sees that it would find one.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "the linker needs the name of the entry")]

/// The entry of the link.
#[unsafe(no_mangle)]
extern "Rust" fn entry(bytes: &[u8], at: usize) -> u8 {
    bytes[at]
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
