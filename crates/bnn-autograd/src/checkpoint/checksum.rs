//! The checksum of a checkpoint: XXH3-128 of the whole file, with zeros in place of its own digits.

use twox_hash::XxHash3_128;

use super::CheckpointError;
use super::error::malformed;

/// Digits of the checksum, in hexadecimal.
const DIGITS: usize = 32;

/// What a file has in place of its checksum while that is computed.
pub(super) const ZEROS: &str = "00000000000000000000000000000000";

/// What the digits follow in the header: a key of the JSON object that is, escaped, a string in
/// JSON. Strings of the caller come after it, and a quote in them is escaped twice.
const KEY: &[u8] = br#"checksum\":\""#;

/// Writes the checksum of a file in place of its zeros.
pub(super) fn seal(file: &mut [u8]) -> Result<(), CheckpointError> {
    let at = place(file)?;
    let checksum = checksum(file, at);
    file[at..at + DIGITS].copy_from_slice(checksum.as_bytes());
    Ok(())
}

/// Checks the checksum of a file.
pub(super) fn verify(file: &[u8]) -> Result<(), CheckpointError> {
    let at = place(file)?;
    let found = checksum(file, at);
    let expected = &file[at..at + DIGITS];
    if expected == found.as_bytes() {
        return Ok(());
    }
    Err(CheckpointError::Checksum {
        expected: String::from_utf8_lossy(expected).into_owned(),
        found,
    })
}

fn checksum(file: &[u8], at: usize) -> String {
    let mut hash = XxHash3_128::new();
    hash.write(&file[..at]);
    hash.write(ZEROS.as_bytes());
    hash.write(&file[at + DIGITS..]);
    format!("{:032x}", hash.finish_128())
}

/// Where the digits begin. The header comes first, and the key first in it.
fn place(file: &[u8]) -> Result<usize, CheckpointError> {
    let key = file.windows(KEY.len()).position(|bytes| bytes == KEY);
    let at = key.map(|key| key + KEY.len());
    at.filter(|at| at + DIGITS <= file.len())
        .ok_or_else(|| malformed("its header has no checksum"))
}
