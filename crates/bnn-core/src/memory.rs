//! Memory whose size depends on arguments: where the system has none, the caller gets an error.

#[cfg_attr(not(feature = "std"), path = "memory/unkept.rs")]
mod lent;

use alloc::vec::Vec;

use crate::error::Error;
pub(crate) use lent::{Lent, lent};

/// `len` zeros.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn zeros<T: Copy + Default>(len: usize) -> Result<Vec<T>, Error> {
    let mut numbers = with_capacity(len)?;
    numbers.resize(len, T::default());
    Ok(numbers)
}

/// Room for `len` elements.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn with_capacity<T>(len: usize) -> Result<Vec<T>, Error> {
    let mut room = Vec::new();
    room.try_reserve_exact(len)
        .map_err(|_| Error::OutOfMemory {
            bytes: len.saturating_mul(size_of::<T>()),
        })?;
    Ok(room)
}

/// Checks that the system has `bytes` bytes now, for work that allocates them piece by piece and
/// would end the process if there were none. (Another thread may take them in between.)
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn available(bytes: usize) -> Result<(), Error> {
    let room: Vec<u8> = with_capacity(bytes)?;
    // Else the compiler may leave the allocation out.
    core::hint::black_box(room.as_ptr());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_does_not_have_is_an_error_with_the_size() {
        assert_eq!(zeros::<u64>(3), Ok(alloc::vec![0; 3]));
        assert_eq!(available(1 << 20), Ok(()));
        // A part of what 64 bits can address is more than any machine has. What 32 bits can address
        // it may have, up to the largest size of a value.
        let much = if usize::BITS == 64 { 8 } else { 4 };
        for len in [1 << (usize::BITS - much), usize::MAX] {
            let bytes = len.saturating_mul(8);
            assert_eq!(zeros::<u64>(len), Err(Error::OutOfMemory { bytes }));
            assert_eq!(available(bytes), Err(Error::OutOfMemory { bytes }));
        }
    }
}
