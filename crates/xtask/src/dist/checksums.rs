//! `SHA256SUMS`, as `sha256sum --check` reads it.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::files;
use crate::program::Fallible;

/// Writes the checksums of all files of a folder into it.
pub(super) fn write(folder: &Path) -> Fallible<()> {
    let mut lines = String::new();
    for (name, path) in files(folder)? {
        writeln!(lines, "{}  {name}", sha256(&fs::read(path)?))?;
    }
    Ok(fs::write(folder.join("SHA256SUMS"), lines)?)
}

/// The checksum in hexadecimal digits.
fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod laws {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() -> Fallible<()> {
        // The examples of FIPS 180-4.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("b"), "abc")?;
        fs::write(folder.path().join("a"), "")?;
        write(folder.path())?;
        let written = fs::read_to_string(folder.path().join("SHA256SUMS"))?;
        assert_eq!(written, format!("{empty}  a\n{abc}  b\n"));
        Ok(())
    }
}
