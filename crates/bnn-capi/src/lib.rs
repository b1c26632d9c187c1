//! The C ABI of the engine: `libbnn`, described to C by the generated `include/bnn.h`.
//!
//! Rust programs use `bnn-core`; nothing here is meant to be called from Rust. The macro `export!`
//! (see `boundary`) makes every function: it checks each pointer and catches panics, so that the
//! bodies are safe code over slices. The header lists the modules in the order in which they are
//! declared here.
//!
//! With `std` (the default) the library has threads, `BNN_ISA`, messages with numbers and caught
//! panics. Without `std` it needs neither an operating system nor a heap.

#![cfg_attr(not(feature = "std"), no_std)]

#[macro_use]
mod boundary;
#[cfg(feature = "std")]
mod draft;
mod error;
mod last_error;
#[cfg(feature = "std")]
mod layer;
#[cfg(feature = "std")]
mod memory;
mod shape;
#[cfg(all(test, feature = "std"))]
mod testing;

// In the order of the header. The empty lines keep rustfmt from sorting the modules.
pub mod status;

pub mod message;

pub mod info;

pub mod threads;

pub mod pack;

pub mod gemm;

// These own memory and need a heap.
#[cfg(feature = "std")]
pub mod linear;

#[cfg(feature = "std")]
pub mod conv2d;

pub mod model;

// Owns memory and runs on threads.
#[cfg(feature = "std")]
pub mod packed_model;

#[cfg(feature = "conv")]
pub mod stream;

#[cfg(feature = "std")]
pub mod builder;

#[cfg(feature = "std")]
pub mod graph;

/// On bare metal the library stands alone and defines what a panic does: it stops here, and a
/// debugger or a watchdog finds it. No argument of a call makes the library panic.
#[cfg(all(target_os = "none", not(feature = "std")))]
#[panic_handler]
fn stop(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// In a browser as well, where it is the trap that ends the call: a loop would stop the page.
#[cfg(all(target_family = "wasm", target_os = "unknown", not(feature = "std")))]
#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
