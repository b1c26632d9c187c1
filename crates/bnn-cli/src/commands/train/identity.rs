//! What identifies settings, samples and files.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use bnn_autograd::data::Layout;

use crate::error::CliError;

/// FNV-1a of 64 bits. It tells settings and files apart; nobody gains anything by a collision.
pub(super) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

impl fmt::Display for Fnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Size and range of the samples of a data set.
pub(super) fn samples(layout: Layout) -> String {
    let Layout {
        width,
        height,
        channels,
        white,
        ..
    } = layout;
    format!("{width}x{height}x{channels} up to {white}")
}

/// A hash of a file's content.
pub(super) fn hashed(path: &Path) -> Result<String, CliError> {
    let about = |error| CliError::input(error).about(format!("cannot read {}", path.display()));
    let mut file = File::open(path).map_err(about)?;
    let mut hash = Fnv::default();
    let mut part = vec![0; 1 << 16];
    loop {
        match file.read(&mut part).map_err(about)? {
            0 => break,
            len => hash.update(&part[..len]),
        }
    }
    Ok(hash.to_string())
}
