//! Writes NumPy's `.npz` files: uncompressed zip archives with one `.npy` file per array.

use flate2::Crc;

use crate::error::CliError;

/// An archive under construction.
#[derive(Debug, Default)]
pub(crate) struct Npz {
    /// The files, each after its header.
    bytes: Vec<u8>,
    /// The central directory, which goes to the end: one entry per file.
    directory: Vec<u8>,
    files: usize,
}

/// A number type of NumPy.
pub(crate) trait Number: Copy {
    /// NumPy's description: byte order, kind and size.
    const DESCRIPTION: &'static str;

    fn write(self, to: &mut Vec<u8>);
}

macro_rules! numbers {
    ($($number:ty: $description:literal),* $(,)?) => {$(
        impl Number for $number {
            const DESCRIPTION: &'static str = $description;

            fn write(self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

numbers!(u8: "|u1", i8: "|i1", i16: "<i2", i32: "<i4", i64: "<i8", u64: "<u8", f32: "<f4");

impl Npz {
    /// Adds an array in row-major order under a name.
    ///
    /// # Errors
    /// [`CliError::Input`] if the archive would be larger than the format allows.
    pub(crate) fn add<T: Number>(
        &mut self,
        name: &str,
        shape: &[usize],
        elements: &[T],
    ) -> Result<(), CliError> {
        debug_assert_eq!(shape.iter().product::<usize>(), elements.len());
        let name = format!("{name}.npy");
        let file = npy(shape, elements);
        let mut crc = Crc::new();
        crc.update(&file);
        let at = number("bytes", self.bytes.len(), u32::MAX as usize)?;
        let len = number("bytes", file.len(), u32::MAX as usize)?;
        let name_len = number("bytes of a name", name.len(), u16::MAX as usize)? as u16;
        self.files += 1;
        number("arrays", self.files, u16::MAX as usize)?;

        // What the header before a file and its entry in the directory have in common.
        let mut common = Vec::new();
        put16(&mut common, &[20, 0, 0, 0, DAY]); // version 2.0, no flags, stored, time, date
        put32(&mut common, &[crc.sum(), len, len]);
        put16(&mut common, &[name_len, 0]); // no extra field

        self.bytes.extend_from_slice(b"PK\x03\x04");
        self.bytes.extend_from_slice(&common);
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(&file);

        self.directory.extend_from_slice(b"PK\x01\x02");
        put16(&mut self.directory, &[20]);
        self.directory.extend_from_slice(&common);
        put16(&mut self.directory, &[0, 0, 0]); // no comment, the first disk, no text
        put32(&mut self.directory, &[0, at]);
        self.directory.extend_from_slice(name.as_bytes());
        Ok(())
    }

    /// The bytes of the archive.
    ///
    /// # Errors
    /// Those of [`Npz::add`].
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, CliError> {
        let at = number("bytes", self.bytes.len(), u32::MAX as usize)?;
        let len = number("bytes", self.directory.len(), u32::MAX as usize)?;
        let files = number("arrays", self.files, u16::MAX as usize)? as u16;
        self.bytes.append(&mut self.directory);
        self.bytes.extend_from_slice(b"PK\x05\x06");
        put16(&mut self.bytes, &[0, 0, files, files]);
        put32(&mut self.bytes, &[len, at]);
        put16(&mut self.bytes, &[0]);
        Ok(self.bytes)
    }
}

/// 1 January 1980, the date of every file, so that equal arrays give equal bytes.
const DAY: u16 = 1 << 5 | 1;

fn number(what: &str, found: usize, most: usize) -> Result<u32, CliError> {
    match u32::try_from(found) {
        Ok(number) if found <= most => Ok(number),
        _ => Err(CliError::Input(format!(
            "an archive of {found} {what}, expected at most {most}"
        ))),
    }
}

fn put16(to: &mut Vec<u8>, numbers: &[u16]) {
    to.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
}

fn put32(to: &mut Vec<u8>, numbers: &[u32]) {
    to.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
}

/// A `.npy` file, version 1.0.
fn npy<T: Number>(shape: &[usize], elements: &[T]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let mut header = format!(
        "{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
        T::DESCRIPTION,
        // A tuple of one has a comma.
        match shape {
            [one] => format!("{one},"),
            _ => sizes.trim_end_matches(", ").to_owned(),
        },
    );
    // The elements begin at a multiple of 64.
    let before = b"\x93NUMPY\x01\x00__".len();
    let end = (before + header.len() + 1).next_multiple_of(64);
    header.extend(std::iter::repeat_n(' ', end - before - header.len() - 1));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    put16(&mut file, &[header.len() as u16]); // some hundred bytes at most
    file.extend_from_slice(header.as_bytes());
    file.reserve(size_of_val(elements));
    for element in elements {
        element.write(&mut file);
    }
    file
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn an_array_has_the_header_that_numpy_reads() {
        let file = npy(&[2, 3], &[1_i16, 2, 3, 4, 5, -6]);
        assert_eq!(&file[..10], b"\x93NUMPY\x01\x00\x76\x00");
        let header = std::str::from_utf8(&file[10..128]).unwrap();
        let dictionary = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }";
        assert_eq!(header.trim_end(), dictionary);
        assert!(header.ends_with('\n'));
        assert_eq!(file[128..], [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 250, 255]);
        let one = npy(&[2], &[7_u8, 8]);
        assert!(String::from_utf8_lossy(&one).contains("'|u1'"));
        assert!(String::from_utf8_lossy(&one).contains("(2,)"));
        assert_eq!(one[128..], [7, 8]);
    }

    #[test]
    fn an_archive_is_files_a_directory_and_an_end() {
        let mut npz = Npz::default();
        npz.add("a", &[2], &[1_u8, 2]).unwrap();
        npz.add("b", &[1], &[0.5_f32]).unwrap();
        let bytes = npz.finish().unwrap();
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..][..4].try_into().unwrap()) as usize;
        let u16_at =
            |at: usize| usize::from(u16::from_le_bytes(bytes[at..][..2].try_into().unwrap()));
        let end = bytes.len() - 22;
        assert_eq!(&bytes[end..][..4], b"PK\x05\x06");
        assert_eq!((u16_at(end + 8), u16_at(end + 10)), (2, 2));
        let mut entry = u32_at(end + 16);
        assert_eq!(entry + u32_at(end + 12), end);
        for (name, expected) in [
            ("a.npy", npy(&[2], &[1_u8, 2])),
            ("b.npy", npy(&[1], &[0.5_f32])),
        ] {
            assert_eq!(&bytes[entry..][..4], b"PK\x01\x02");
            let at = u32_at(entry + 42);
            let (crc, len) = (u32_at(entry + 16), u32_at(entry + 20));
            assert_eq!(&bytes[entry + 46..][..u16_at(entry + 28)], name.as_bytes());
            assert_eq!(&bytes[at..][..4], b"PK\x03\x04");
            assert_eq!((u32_at(at + 14), u32_at(at + 18)), (crc, len));
            let file = &bytes[at + 30 + name.len()..][..len];
            assert_eq!(file, expected);
            let mut sum = Crc::new();
            sum.update(file);
            assert_eq!(sum.sum() as usize, crc);
            entry += 46 + name.len();
        }
    }
}
