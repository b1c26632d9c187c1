//! The boundary to ONNX Runtime, whose C interface calls us with pointers: each is checked here,
//! and `ops` sees slices. Panics do not leave; errors are statuses with a message.
#![allow(unsafe_code, reason = "the C boundary")]

mod api;
mod context;
mod info;
mod kernel;
mod register;

pub use register::RegisterCustomOps;
