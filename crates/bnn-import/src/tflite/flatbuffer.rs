//! The wire format of FlatBuffers, read in place: tables of fields, vectors, text.
//!
//! A reader of one page, and not a crate: with those that there are, one verifies a file by code
//! that is generated from its schema, or reads unchecked. Here each access is checked by itself,
//! nothing is allocated, and nothing follows an offset but the caller's code.

/// Bytes of a text that are read. (Many tables may share one.)
const MOST_TEXT: usize = 256;

/// Integers in a vector of some.
const MOST_INTS: usize = 64;

/// A table of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    file: &'a [u8],
    /// Where it lies, and its fields.
    at: usize,
    fields: usize,
}

/// A vector of the file: where its elements lie, and how many there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vector<'a> {
    file: &'a [u8],
    at: usize,
    len: usize,
}

fn array<const N: usize>(file: &[u8], at: usize) -> Option<[u8; N]> {
    file.get(at..)?.first_chunk().copied()
}

fn u32_at(file: &[u8], at: usize) -> Option<usize> {
    array(file, at).map(|bytes| u32::from_le_bytes(bytes) as usize)
}

/// Where the offset at a place leads.
fn target(file: &[u8], at: usize) -> Option<usize> {
    let target = at.checked_add(u32_at(file, at)?)?;
    (target < file.len()).then_some(target)
}

impl<'a> Table<'a> {
    /// The table that a file begins with.
    pub(super) fn root(file: &'a [u8]) -> Option<Self> {
        Self::new(file, target(file, 0)?)
    }

    fn new(file: &'a [u8], at: usize) -> Option<Self> {
        let back = i32::from_le_bytes(array(file, at)?);
        let fields = at.checked_add_signed((back as isize).checked_neg()?)?;
        (fields < file.len()).then_some(Self { file, at, fields })
    }

    /// Where a field lies; `None` where it has its default.
    fn field(&self, index: usize) -> Option<usize> {
        let len = u16::from_le_bytes(array(self.file, self.fields)?);
        let place = 4 + 2 * index;
        if place + 2 > usize::from(len) {
            return None;
        }
        let offset = u16::from_le_bytes(array(self.file, self.fields.checked_add(place)?)?);
        match offset {
            0 => None,
            offset => self.at.checked_add(offset.into()),
        }
    }

    pub(super) fn byte(&self, index: usize) -> u8 {
        let byte = self.field(index).and_then(|at| self.file.get(at));
        byte.copied().unwrap_or(0)
    }

    pub(super) fn int(&self, index: usize, default: i32) -> i32 {
        let bytes = self.field(index).and_then(|at| array(self.file, at));
        bytes.map_or(default, i32::from_le_bytes)
    }

    pub(super) fn float(&self, index: usize) -> f32 {
        let bytes = self.field(index).and_then(|at| array(self.file, at));
        bytes.map_or(0.0, f32::from_le_bytes)
    }

    pub(super) fn table(&self, index: usize) -> Option<Table<'a>> {
        Table::new(self.file, target(self.file, self.field(index)?)?)
    }

    /// A vector, of elements of whatever type; an empty one where there is none.
    pub(super) fn vector(&self, index: usize) -> Vector<'a> {
        let found = self.field(index).and_then(|at| target(self.file, at));
        let found = found.and_then(|at| Some((at.checked_add(4)?, u32_at(self.file, at)?)));
        let (at, len) = found.unwrap_or((0, 0));
        Vector {
            file: self.file,
            at,
            len,
        }
    }

    /// Text; what is not UTF-8 is replaced, and what is too long for a name is cut off.
    pub(super) fn text(&self, index: usize) -> String {
        let bytes = self.vector(index).bytes().unwrap_or_default();
        let bytes = bytes.get(..MOST_TEXT).unwrap_or(bytes);
        String::from_utf8_lossy(bytes).into_owned()
    }
}

impl<'a> Vector<'a> {
    /// The bytes of a vector of bytes.
    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        self.file.get(self.at..self.at.checked_add(self.len)?)
    }

    /// The integers of a short vector of integers.
    pub(super) fn ints(&self) -> Option<impl ExactSizeIterator<Item = i32> + use<'a>> {
        if self.len > MOST_INTS {
            return None;
        }
        Some(
            self.elements()?
                .iter()
                .map(|&bytes| i32::from_le_bytes(bytes)),
        )
    }

    /// The numbers of a vector of `float`.
    pub(super) fn floats(&self) -> Option<impl ExactSizeIterator<Item = f32> + use<'a>> {
        let numbers = self.elements()?;
        Some(numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)))
    }

    /// The numbers of a vector of `long`.
    pub(super) fn longs(&self) -> Option<impl ExactSizeIterator<Item = i64> + use<'a>> {
        let numbers = self.elements()?;
        Some(numbers.iter().map(|&bytes| i64::from_le_bytes(bytes)))
    }

    /// Its elements of `N` bytes each.
    fn elements<const N: usize>(&self) -> Option<&'a [[u8; N]]> {
        let end = self.at.checked_add(self.len.checked_mul(N)?)?;
        Some(self.file.get(self.at..end)?.as_chunks().0)
    }

    /// How many elements there are, as it says.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The tables of a vector of tables.
    pub(super) fn table(&self, index: usize) -> Option<Table<'a>> {
        if index >= self.len {
            return None;
        }
        let at = self.at.checked_add(index.checked_mul(4)?)?;
        Table::new(self.file, target(self.file, at)?)
    }
}
