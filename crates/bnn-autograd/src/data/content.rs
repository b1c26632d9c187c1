//! What the bytes of a file are.

use super::picture;

/// What bytes are, told by the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// An IDX file of unsigned bytes.
    Idx,
    /// An array of NumPy's.
    Npy,
    /// A ZIP file, and so perhaps an `.npz` file.
    Npz,
    /// An image in one of the formats that are read.
    Image,
    /// Anything else: text, if it is something that is read at all.
    Text,
}

impl Content {
    /// Looks at the first bytes, at most 16 of which matter.
    #[must_use]
    pub fn of(start: &[u8]) -> Self {
        match start {
            [0, 0, 8, ..] => Self::Idx,
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Self::Npy,
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Self::Npz,
            _ if picture::is_one(start) => Self::Image,
            _ => Self::Text,
        }
    }
}
