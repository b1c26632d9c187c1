//! Memory whose size depends on arguments: where the system has none, the caller gets an error.

use bnn_core::Error as Core;

use crate::error::Error;

/// Checks that the system has `bytes` bytes now, for work that allocates them piece by piece and
/// would end the process if there were none. (Another thread may take them in between.)
pub(crate) fn available(bytes: usize) -> Result<(), Error> {
    let mut room: Vec<u8> = Vec::new();
    let reserved = room.try_reserve_exact(bytes);
    // Else the compiler may leave the allocation out.
    core::hint::black_box(room.as_ptr());
    reserved.map_err(|_| Core::OutOfMemory { bytes }.into())
}

/// A copy of `elements`.
pub(crate) fn copied<T: Copy>(elements: &[T]) -> Result<Vec<T>, Error> {
    let mut copy = with_capacity(elements.len())?;
    copy.extend_from_slice(elements);
    Ok(copy)
}

/// `element`, `len` times.
pub(crate) fn filled<T: Copy>(element: T, len: usize) -> Result<Vec<T>, Error> {
    let mut all = with_capacity(len)?;
    all.resize(len, element);
    Ok(all)
}

fn with_capacity<T>(len: usize) -> Result<Vec<T>, Error> {
    let mut room = Vec::new();
    room.try_reserve_exact(len).map_err(|_| Core::OutOfMemory {
        bytes: len.saturating_mul(size_of::<T>()),
    })?;
    Ok(room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::bnn_status_t;

    #[test]
    fn memory_that_is_not_there_is_an_error_with_the_size() {
        assert_eq!(available(1 << 20), Ok(()));
        assert_eq!(copied(&[1, 2]), Ok(vec![1, 2]));
        assert_eq!(filled(7, 2), Ok(vec![7, 7]));
        let bytes = usize::MAX / 4;
        let refused = [
            available(bytes),
            filled(0_u8, bytes).map(drop),
            filled(0_u64, usize::MAX).map(drop),
        ];
        for refused in refused {
            let status = refused.map_err(|error| error.status());
            assert_eq!(status, Err(bnn_status_t::BNN_ERROR_NO_MEMORY));
        }
    }
}
