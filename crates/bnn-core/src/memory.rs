//! Memory whose size depends on arguments: where the system has none, the caller gets an error.

use alloc::vec::Vec;

use crate::error::Error;

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

// A machine of smaller words may have all the memory that they can address.
#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_does_not_have_is_an_error_with_the_size() {
        assert_eq!(zeros::<u64>(3), Ok(alloc::vec![0; 3]));
        for len in [1 << (usize::BITS - 8), usize::MAX] {
            let bytes = len.saturating_mul(8);
            assert_eq!(zeros::<u64>(len), Err(Error::OutOfMemory { bytes }));
        }
    }
}
