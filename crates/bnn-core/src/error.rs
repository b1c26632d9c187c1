//! What can be wrong with an argument, with the numbers.

use core::fmt;

/// Why a call was refused. Nothing was written when one of these is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A dimension is zero; every dimension must be at least 1.
    Zero {
        /// The name of the dimension.
        what: &'static str,
    },
    /// A size does not fit the arithmetic that would use it.
    Overflow {
        /// The name of the size.
        what: &'static str,
    },
    /// Two sizes that must be equal are not.
    Mismatch {
        /// The name of the sizes.
        what: &'static str,
        /// The size that was expected.
        expected: usize,
        /// The size that was given.
        found: usize,
    },
    /// A slice or a stride is smaller than the shape needs.
    TooShort {
        /// The name of the slice or stride.
        what: &'static str,
        /// The least that suffices.
        needed: usize,
        /// The size that was given.
        found: usize,
    },
    /// A number lies outside its range.
    OutOfRange {
        /// The name of the number.
        what: &'static str,
        /// The largest value allowed.
        max: usize,
        /// The value found.
        found: usize,
    },
    /// A number is not a multiple of its divisor.
    Indivisible {
        /// The name of the numbers.
        what: &'static str,
        /// The number that must divide it.
        divisor: usize,
        /// The number found.
        found: usize,
    },
    /// Arguments that do not go together.
    Unsupported {
        /// The request, and what is expected instead.
        what: &'static str,
    },
    /// A bit after the last element of a row is set; the bit law requires zeros there.
    TailBits {
        /// The first such row.
        row: usize,
    },
    /// No instruction set has this name.
    IsaUnknown {
        /// The name that was asked for (for example in `BNN_ISA`), cut to 15 bytes.
        name: ShortName,
        /// The names there are.
        known: &'static str,
    },
    /// The instruction set is known but this CPU, or this build, does not have it.
    IsaAbsent {
        /// The instruction set's name.
        name: &'static str,
    },
    /// The system has too little memory.
    OutOfMemory {
        /// The bytes that were asked for.
        bytes: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Error::Zero { what } => write!(f, "{what} is 0, expected at least 1"),
            Error::Overflow { what } => write!(f, "{what} is too large to compute with"),
            Error::Mismatch {
                what,
                expected,
                found,
            } => write!(f, "{what}: expected {expected}, found {found}"),
            Error::TooShort {
                what,
                needed,
                found,
            } => write!(f, "{what}: expected at least {needed}, found {found}"),
            Error::OutOfRange { what, max, found } => {
                write!(f, "{what}: expected at most {max}, found {found}")
            }
            Error::Indivisible {
                what,
                divisor,
                found,
            } => write!(f, "{what}: expected a multiple of {divisor}, found {found}"),
            Error::Unsupported { what } => write!(f, "not supported: {what}"),
            Error::TailBits { row } => write!(
                f,
                "row {row} has a bit set after its last element, expected zeros there"
            ),
            Error::IsaUnknown { name, known } => {
                write!(
                    f,
                    "instruction set '{name}' is unknown, expected one of {known}"
                )
            }
            Error::IsaAbsent { name } => {
                write!(f, "instruction set '{name}' is not available on this CPU")
            }
            Error::OutOfMemory { bytes } => {
                write!(f, "the system has no memory left for {bytes} bytes")
            }
        }
    }
}

impl core::error::Error for Error {}

/// A name of at most 15 bytes held in place, so that an error that quotes it needs no allocator.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ShortName {
    bytes: [u8; 15],
    len: u8,
}

impl ShortName {
    /// The name, cut at a character border to at most 15 bytes.
    #[cfg(any(test, feature = "std"))]
    pub(crate) fn new(name: &str) -> Self {
        let mut bytes = [0; 15];
        let mut len = 0_u8;
        for c in name.chars() {
            let end = usize::from(len) + c.len_utf8();
            let Some(place) = bytes.get_mut(usize::from(len)..end) else {
                break;
            };
            c.encode_utf8(place);
            len += c.len_utf8() as u8;
        }
        Self { bytes, len }
    }

    /// The name as text.
    pub(crate) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or(&[]);
        core::str::from_utf8(bytes).unwrap_or("")
    }
}

impl fmt::Display for ShortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ShortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::ShortName;

    #[test]
    fn a_short_name_is_cut_at_a_character() {
        assert_eq!(ShortName::new("avx2").as_str(), "avx2");
        assert_eq!(ShortName::new("").as_str(), "");
        assert_eq!(ShortName::new("aaaaaaaaaaaaaaaaaa").as_str().len(), 15);
        assert_eq!(ShortName::new("aaaaaaaaaaaaaaé").as_str(), "aaaaaaaaaaaaaa");
    }
}
