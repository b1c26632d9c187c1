//! How deep the stack grows: the memory below it is painted, and searched for where the paint is
//! gone.

use core::ptr::{read_volatile, write_volatile};

/// Bytes below the stack that are painted: what is used beyond them is not seen.
const DEPTH: usize = 4096;
/// Bytes under the painter's own frame that are left alone.
const GAP: usize = 256;
const PAINT: u8 = 0xC5;

/// Memory that has been painted.
pub struct Painted {
    top: usize,
}

/// Paints the memory below the caller's stack.
#[inline(never)]
pub fn paint() -> Painted {
    let here = 0_u8;
    let top = (&raw const here).addr() - GAP;
    for address in top - DEPTH..top {
        // SAFETY: below the stack pointer there is RAM of this program alone, of which nothing
        // lives: the boards have more than `DEPTH + GAP` of it, and no interrupt is enabled.
        unsafe { write_volatile(core::ptr::with_exposed_provenance_mut(address), PAINT) }
    }
    Painted { top }
}

impl Painted {
    /// Bytes of stack, from the painter's frame down, that have been used since.
    #[inline(never)]
    pub fn used(&self) -> usize {
        let bottom = self.top - DEPTH;
        let is_painted = |address: &usize| {
            // SAFETY: below the stack pointer there is RAM of this program alone, which `paint` has
            // written; no interrupt is enabled.
            let byte: u8 = unsafe { read_volatile(core::ptr::with_exposed_provenance(*address)) };
            byte == PAINT
        };
        let untouched = (bottom..self.top).take_while(is_painted).count();
        DEPTH - untouched + GAP
    }
}
