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

/// Memory that a thread keeps for its next call: what computes a block of a product works in it.
/// Without `std` it is allocated for each call.
#[cfg(feature = "std")]
pub(crate) struct Lent<T: 'static>(pub(crate) &'static std::thread::LocalKey<core::cell::Cell<T>>);

#[cfg(feature = "std")]
impl<T: Default> Lent<T> {
    /// Calls `work` with the thread's memory, or with new memory where that is lent already.
    pub(crate) fn lend<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // An error where the thread is about to end.
        let mut memory = self.0.try_with(core::cell::Cell::take).unwrap_or_default();
        let result = work(&mut memory);
        let _ = self.0.try_with(|kept| kept.set(memory));
        result
    }
}

/// Memory for a block of a product; without `std` it is allocated for each call.
#[cfg(not(feature = "std"))]
pub(crate) struct Lent<T>(pub(crate) core::marker::PhantomData<fn() -> T>);

#[cfg(not(feature = "std"))]
impl<T: Default> Lent<T> {
    pub(crate) fn lend<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut T::default())
    }
}

/// `static NAME: T;`, a [`Lent`] of `T`.
macro_rules! lent {
    (static $name:ident: $type:ty) => {
        #[cfg(feature = "std")]
        static $name: $crate::memory::Lent<$type> = {
            std::thread_local! {
                static KEPT: core::cell::Cell<$type> = core::cell::Cell::new(Default::default());
            }
            $crate::memory::Lent(&KEPT)
        };
        #[cfg(not(feature = "std"))]
        static $name: $crate::memory::Lent<$type> = $crate::memory::Lent(core::marker::PhantomData);
    };
}
pub(crate) use lent;

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
