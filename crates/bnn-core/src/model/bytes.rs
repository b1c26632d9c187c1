//! Bytes at addresses that are multiples of 8, as a model requires.

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
