//! The part of the ZIP format that `.npz` files have: members, stored or deflated, found by the
//! directory at the end of the file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;
use flate2::{Crc, CrcReader};

use super::super::{DataError, source};

/// The most bytes of a directory that are read.
const MAX_DIRECTORY: u64 = 1 << 20;

/// An archive whose directory has been read.
#[derive(Debug)]
pub(super) struct Archive {
    path: PathBuf,
    members: Vec<Member>,
}

/// One member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    name: String,
    deflated: bool,
    crc: u32,
    compressed: u64,
    offset: u64,
}

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let archive = |members| Self {
            path: path.to_owned(),
            members,
        };
        let mut file = File::open(path).map_err(source::io_error(path))?;
        directory(&mut file)
            .map(archive)
            .map_err(source::io_error(path))
    }

    /// The names of the members, in the order of the directory.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }

    /// Hands the contents of a member to `read`, and then checks that all of it was read and its
    /// checksum.
    pub(super) fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&mut dyn Read, &Path) -> Result<T, DataError>,
    ) -> Result<T, DataError> {
        let path = self.path.join(name);
        let member = self.members.iter().find(|member| member.name == name);
        let member = member.ok_or_else(|| DataError::Missing { path: path.clone() })?;
        let contents = member
            .contents(&self.path)
            .map_err(source::io_error(&path))?;
        let mut contents = CrcReader::new(contents);
        let value = read(&mut contents, &path)?;
        let crc: &Crc = contents.crc();
        if crc.sum() != member.crc {
            return Err(source::io_error(&path)(wrong("its checksum is wrong")));
        }
        Ok(value)
    }
}

impl Member {
    fn contents(&self, path: &Path) -> io::Result<Box<dyn Read>> {
        const SIGNATURE: [u8; 4] = *b"PK\x03\x04";
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        let mut header = [0; 30];
        file.read_exact(&mut header)?;
        if !header.starts_with(&SIGNATURE) {
            return Err(wrong("no member where the directory says"));
        }
        let skipped = u16_at(&header, 26) + u16_at(&header, 28);
        file.seek(SeekFrom::Current(skipped as i64))?;
        let bytes = io::BufReader::new(file).take(self.compressed);
        Ok(if self.deflated {
            Box::new(DeflateDecoder::new(bytes))
        } else {
            Box::new(bytes)
        })
    }
}

/// Reads the directory, which the last bytes of the file lead to.
fn directory(file: &mut File) -> io::Result<Vec<Member>> {
    const END: [u8; 4] = *b"PK\x05\x06";
    const END_LENGTH: usize = 22;
    /// The end may be followed by a comment of that length.
    const MAX_COMMENT: u64 = u16::MAX as u64;
    let length = file.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(MAX_COMMENT + END_LENGTH as u64);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.by_ref().take(length - start).read_to_end(&mut tail)?;
    let ends = tail
        .windows(END_LENGTH)
        .rposition(|bytes| bytes.starts_with(&END));
    let end = ends
        .map(|at| &tail[at..])
        .ok_or_else(|| wrong("no directory of a ZIP file"))?;
    let (count, bytes, offset) = (u16_at(end, 10), u32_at(end, 12), u32_at(end, 16));
    if count == usize::from(u16::MAX)
        || bytes == u64::from(u32::MAX)
        || offset == u64::from(u32::MAX)
    {
        return Err(wrong("a ZIP file of more than 4 GiB"));
    }
    if bytes > MAX_DIRECTORY || offset + bytes > length {
        return Err(wrong("the directory of the ZIP file is too long"));
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut directory = vec![0; bytes as usize];
    file.read_exact(&mut directory)?;
    let mut rest = directory.as_slice();
    (0..count).map(|_| member(&mut rest)).collect()
}

/// Takes one entry off the directory.
fn member(rest: &mut &[u8]) -> io::Result<Member> {
    const SIGNATURE: [u8; 4] = *b"PK\x01\x02";
    const LENGTH: usize = 46;
    let cut = || wrong("the directory of the ZIP file is cut short");
    let header = rest
        .get(..LENGTH)
        .filter(|header| header.starts_with(&SIGNATURE))
        .ok_or_else(cut)?;
    let name_end = LENGTH + u16_at(header, 28);
    let name = rest.get(LENGTH..name_end).ok_or_else(cut)?;
    let end = name_end + u16_at(header, 30) + u16_at(header, 32);
    let method = u16_at(header, 10);
    if u16_at(header, 8) & 1 != 0 || !matches!(method, 0 | 8) {
        return Err(wrong(
            "a member that is encrypted or neither stored nor deflated",
        ));
    }
    let member = Member {
        name: String::from_utf8_lossy(name).into_owned(),
        deflated: method == 8,
        crc: u32_at(header, 16) as u32,
        compressed: u32_at(header, 20),
        offset: u32_at(header, 42),
    };
    *rest = rest.get(end..).ok_or_else(cut)?;
    Ok(member)
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A number of 16 bits; the bytes must be there.
fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

/// A number of 32 bits; the bytes must be there.
fn u32_at(bytes: &[u8], at: usize) -> u64 {
    (u16_at(bytes, at) | u16_at(bytes, at + 2) << 16) as u64
}
