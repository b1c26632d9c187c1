//! Bytes at addresses that are multiples of 8, as a model requires.

#[cfg(feature = "alloc")]
use alloc::vec;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;

#[cfg(feature = "alloc")]
use crate::error::Error;
#[cfg(feature = "alloc")]
use crate::memory;

/// Embeds a model file in the program: a [`Model<'static>`](crate::model::Model) whose bytes are in
/// flash. The path is relative to the source file, as in `include_bytes!`.
///
/// The compiler checks the file as [`Model::open`](crate::model::Model::open) does, so that the
/// program contains no checks; a file that is refused does not compile. In a constant all sizes are
/// known:
///
/// ```ignore
/// const MODEL: Model = include_model!("digits.bnn");
/// let mut scratch = [0; MODEL.sizes().scratch_words];
/// ```
#[macro_export]
macro_rules! include_model {
    ($path:expr) => {{
        static FILE: &$crate::model::Aligned<[u8]> =
            &$crate::model::Aligned(*include_bytes!($path));
        // Checking takes a few steps for each byte.
        #[allow(long_running_const_eval)]
        const MODEL: $crate::model::Model<'static> = match $crate::model::Model::embedded(FILE) {
            Ok(model) => model,
            Err(error) => panic!("{}", error.brief()),
        };
        MODEL
    }};
}

/// Bytes at an address that is a multiple of 8, by their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct Aligned<B: ?Sized>(pub B);

/// `len` bytes from `at` on, if they lie inside. In constants too, where there is no `get`.
pub(super) const fn part(bytes: &[u8], at: usize, len: usize) -> Option<&[u8]> {
    let Some((_, from)) = bytes.split_at_checked(at) else {
        return None;
    };
    match from.split_at_checked(len) {
        Some((part, _)) => Some(part),
        None => None,
    }
}

/// Owned bytes at an address that is a multiple of 8.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlignedBytes {
    words: Vec<u64>,
    len: usize,
}

#[cfg(feature = "alloc")]
impl AlignedBytes {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Result<Self, Error> {
        let words = memory::zeros(len.div_ceil(size_of::<u64>()))?;
        Ok(Self { words, len })
    }
}

#[cfg(feature = "alloc")]
impl core::ops::DerefMut for AlignedBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.len]
    }
}

#[cfg(feature = "alloc")]
impl core::ops::Deref for AlignedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }
}

#[cfg(feature = "alloc")]
impl From<&[u8]> for AlignedBytes {
    fn from(bytes: &[u8]) -> Self {
        let mut words = vec![0_u64; bytes.len().div_ceil(size_of::<u64>())];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Self {
            words,
            len: bytes.len(),
        }
    }
}
