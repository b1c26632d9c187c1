//! What bodies read and write as memory: numbers, pointers and the structs of the header. A struct
//! is named in its own room by `plain!`, which has the compiler prove that it is one.
#![allow(unsafe_code, reason = "the C boundary")]

/// Memory that holds a value whatever its bits are, and that has no padding.
///
/// # Safety
/// Every pattern of bits is a value of the type, and every byte belongs to one of its numbers.
pub(crate) unsafe trait Plain: Copy + 'static {}

macro_rules! numbers {
    ($($type:ty),+) => {$(
        // SAFETY: a number has no invalid patterns and no padding.
        unsafe impl Plain for $type {}
    )+};
}

numbers!(u8, i8, i32, u64, f32, usize);

// SAFETY: a thin pointer may have any address as long as nobody follows it, and has no padding.
unsafe impl<T: 'static> Plain for *const T {}

// SAFETY: the elements of an array follow each other without gaps.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// The size of a field that may be part of a plain struct.
pub(crate) const fn field_bytes<S, F: Plain>(_: fn(&S) -> &F) -> usize {
    size_of::<F>()
}

/// Lets a struct of the header lie in memory of C's: `plain_layout!(name { every, field })`. It does
/// not compile if a field is missing or not plain, or if there is padding.
macro_rules! plain_layout {
    ($type:ident { $($field:ident),+ $(,)? }) => {
        const _: () = {
            // Refused by the compiler unless all fields are named, each once.
            const fn fields(all: $type) -> $type {
                let $type { $($field),+ } = all;
                $type { $($field),+ }
            }
            let _: fn($type) -> $type = fields;
            let fields = 0 $(+ $crate::boundary::field_bytes::<$type, _>(|all| &all.$field))+;
            assert!(size_of::<$type>() == fields);
        };

        #[allow(unsafe_code, reason = "the C boundary; proved above")]
        // SAFETY: all fields are plain, and their sizes add up to that of the struct.
        unsafe impl $crate::boundary::Plain for $type {}
    };
}

/// Lets pointers to a struct of the header be arguments, as those to numbers are:
/// `plain!(name { every, field })`. The conditions are those of `plain_layout!`.
macro_rules! plain {
    ($type:ident { $($field:ident),+ $(,)? }) => {
        plain_layout!($type { $($field),+ });

        impl $crate::boundary::Readable for $type {
            type Seen<'call> = $crate::boundary::Input<'call, Self>;

            fn seen(input: $crate::boundary::Input<'_, Self>) -> Self::Seen<'_> {
                input
            }
        }

        impl $crate::boundary::Writable for $type {
            type Seen<'call> = $crate::boundary::Output<'call, Self>;

            fn seen(output: $crate::boundary::Output<'_, Self>) -> Self::Seen<'_> {
                output
            }
        }
    };
}
