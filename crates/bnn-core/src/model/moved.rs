//! Moving what is still needed to the beginning of a buffer.

use core::cell::Cell;

use bytemuck::try_cast_slice_mut;

/// Moves the bytes from `from` on to the beginning. Small cores do so in a loop, by words where they
/// can: the compiler's `memmove` takes 1.6 KB of their programs.
#[inline(never)]
pub(super) fn move_to_front(bytes: &mut [u8], from: usize) {
    if !cfg!(bnn_small_core) {
        if from <= bytes.len() {
            bytes.copy_within(from.., 0);
        }
        return;
    }
    match try_cast_slice_mut::<u8, u32>(bytes) {
        Ok(words) if from.is_multiple_of(size_of::<u32>()) => {
            one_by_one(words, from / size_of::<u32>());
        }
        _ => match try_cast_slice_mut::<u8, u16>(bytes) {
            // What graphs move often.
            Ok(halves) if cfg!(feature = "graph") && from.is_multiple_of(size_of::<u16>()) => {
                one_by_one(halves, from / size_of::<u16>());
            }
            _ => one_by_one(bytes, from),
        },
    }
}

fn one_by_one<T: Copy>(elements: &mut [T], from: usize) {
    let cells = Cell::from_mut(elements).as_slice_of_cells();
    let kept = cells.get(from..).unwrap_or_default();
    for (to, kept) in cells.iter().zip(kept) {
        to.set(kept.get());
    }
}
