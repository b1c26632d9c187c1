//! NEON, which every 64-bit Arm target has but those for software floats: the build knows, and
//! there is nothing to ask at run time.

#[cfg(bnn_neon)]
mod multiply;
mod pack;
#[cfg(bnn_neon)]
mod windows;

#[cfg(bnn_neon)]
pub(in crate::kernel) use multiply::KERNEL;
pub(in crate::kernel) use pack::PACKING;
