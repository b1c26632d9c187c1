//! The wire format of protocol buffers, read in place: fields of varints, of 4 and 8 bytes, and of
//! bytes, which may be messages themselves.
//!
//! A reader of one page, and not a crate: those that there are build a tree of owned messages of
//! whatever the bytes say before anyone can look at it, and bring a code generator. Here nothing is
//! allocated, and depth is that of the caller's code.

use crate::ImportError;

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FieldValue<'a> {
    Varint(u64),
    Eight([u8; 8]),
    Bytes(&'a [u8]),
    Four([u8; 4]),
}

/// The fields of a message, in the order of the file: numbers and values. After an error it ends.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
    /// For errors.
    message: &'static str,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8], message: &'static str) -> Self {
        Self {
            rest: bytes,
            message,
        }
    }

    fn field(&mut self) -> Option<(u32, FieldValue<'a>)> {
        let key = varint(&mut self.rest)?;
        let number = u32::try_from(key >> 3).ok().filter(|&number| number > 0)?;
        let value = match key & 7 {
            0 => FieldValue::Varint(varint(&mut self.rest)?),
            1 => FieldValue::Eight(array(&mut self.rest)?),
            2 => {
                let len = usize::try_from(varint(&mut self.rest)?).ok()?;
                let (bytes, rest) = self.rest.split_at_checked(len)?;
                self.rest = rest;
                FieldValue::Bytes(bytes)
            }
            5 => FieldValue::Four(array(&mut self.rest)?),
            // Groups, which no schema of today has, and what does not exist.
            _ => return None,
        };
        Some((number, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, FieldValue<'a>), ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let found = self.rest.len();
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field.ok_or_else(|| {
            ImportError::format(
                self.message,
                "the fields of a protobuf message",
                format!("other bytes, {found} before its end"),
            )
        }))
    }
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (array, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*array)
}

/// Seven bits a byte, the least first; at most ten bytes.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

impl<'a> FieldValue<'a> {
    /// Bytes, where the schema has some.
    pub(crate) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            FieldValue::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Text; what is not UTF-8 is replaced.
    pub(crate) fn text(self) -> Option<String> {
        self.bytes()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    pub(crate) fn int(self) -> Option<i64> {
        match self {
            FieldValue::Varint(value) => Some(value.cast_signed()),
            _ => None,
        }
    }

    pub(crate) fn float(self) -> Option<f32> {
        match self {
            FieldValue::Four(bytes) => Some(f32::from_le_bytes(bytes)),
            _ => None,
        }
    }

    /// How many integers [`FieldValue::ints`] adds, at most.
    pub(crate) fn len_of_ints(self) -> usize {
        match self {
            // Each ends in the byte that is below 0x80.
            FieldValue::Bytes(bytes) => bytes.iter().filter(|&&byte| byte < 0x80).count(),
            _ => 1,
        }
    }

    /// How many floats [`FieldValue::floats`] or [`FieldValue::doubles`] adds, at most.
    pub(crate) fn len_of_floats(self) -> usize {
        match self {
            FieldValue::Bytes(bytes) => bytes.len() / size_of::<f32>(),
            _ => 1,
        }
    }

    /// Adds integers to `list`: one, or many in a row. `None` for another type or a number that is
    /// cut off.
    pub(crate) fn ints(self, list: &mut Vec<i64>) -> Option<()> {
        match self {
            FieldValue::Varint(value) => list.push(value.cast_signed()),
            FieldValue::Bytes(mut bytes) => {
                while !bytes.is_empty() {
                    list.push(varint(&mut bytes)?.cast_signed());
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Adds floats to `list`, as [`FieldValue::ints`].
    pub(crate) fn floats(self, list: &mut Vec<f32>) -> Option<()> {
        match self {
            FieldValue::Four(bytes) => list.push(f32::from_le_bytes(bytes)),
            FieldValue::Bytes(bytes) => {
                let (numbers, rest) = bytes.as_chunks();
                if !rest.is_empty() {
                    return None;
                }
                list.extend(numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)));
            }
            _ => return None,
        }
        Some(())
    }

    /// Adds floats of 8 bytes to `list`, as [`FieldValue::ints`].
    pub(crate) fn doubles(self, list: &mut Vec<f32>) -> Option<()> {
        match self {
            FieldValue::Eight(bytes) => list.push(f64::from_le_bytes(bytes) as f32),
            FieldValue::Bytes(bytes) => {
                let (numbers, rest) = bytes.as_chunks();
                if !rest.is_empty() {
                    return None;
                }
                list.extend(
                    numbers
                        .iter()
                        .map(|&bytes| f64::from_le_bytes(bytes) as f32),
                );
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Vec<Option<(u32, FieldValue<'_>)>> {
        Fields::new(bytes, "test").map(Result::ok).collect()
    }

    #[test]
    fn fields_are_read_in_order() {
        let bytes = [
            0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1d, 0, 0, 0x80, 0x3f,
        ];
        let expected = [
            Some((1, FieldValue::Varint(150))),
            Some((2, FieldValue::Bytes(b"hi"))),
            Some((3, FieldValue::Four(1_f32.to_le_bytes()))),
        ];
        assert_eq!(fields(&bytes), expected);
        assert_eq!(FieldValue::Varint(u64::MAX).int(), Some(-1));
    }

    #[test]
    fn what_is_cut_off_or_no_field_is_an_error_and_the_end() {
        for bytes in [
            &[0x08][..],
            &[0x08, 0x80],
            &[0x12, 3, 1, 2],
            &[0x1d, 0, 0],
            &[0x09, 0],
            &[0x0b],
            &[0x00, 0],
            &[0xff; 11],
            &[
                0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
            ],
        ] {
            assert_eq!(fields(bytes), [None], "{bytes:?}");
        }
    }

    #[test]
    fn lists_are_single_values_or_many_in_a_row() {
        let mut ints = Vec::new();
        assert_eq!(FieldValue::Varint(1).ints(&mut ints), Some(()));
        assert_eq!(FieldValue::Bytes(&[2, 0x80, 1]).ints(&mut ints), Some(()));
        assert_eq!(ints, [1, 2, 128]);
        assert_eq!(FieldValue::Bytes(&[0x80]).ints(&mut ints), None);
        assert_eq!(FieldValue::Bytes(&[0; 5]).floats(&mut Vec::new()), None);
    }
}
