//! In the place of `types` without an allocator: there is one kernel, and the compiler knows its
//! functions ([`products`](super::products)).

use super::isa::Isa;

/// A micro-kernel that this CPU can run: holding a `&'static Kernel` is the proof that it can.
pub struct Kernel {
    pub(super) isa: Isa,
    /// Whether this CPU has the instructions that the kernel's functions use.
    pub(super) supported: fn() -> bool,
}

impl Kernel {
    pub(super) const fn new(isa: Isa, supported: fn() -> bool) -> Self {
        Self { isa, supported }
    }
}
