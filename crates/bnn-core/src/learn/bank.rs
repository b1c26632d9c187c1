//! A bank of what was learned: a header, the counters, which classes are known, the checksum. All
//! numbers are little-endian, and all parts are whole words of 8 bytes.
//!
//! ```text
//!  0  magic            8 bytes
//!  8  model            u32: its checksum
//! 12  number           u32: of the save, from 1 on
//! 16  classes          u32
//! 20  features         u32
//! 24  counters         i8: for each class whole words of 64
//!     known            u64: a bit for each class that is known
//!     checksum         u32: CRC-32 of all before; u32: zero
//! ```

use super::flash::Flash;
use crate::model::crc;

/// Not text, and damaged by a transfer that treats it as text, as a model's.
const MAGIC: [u8; 8] = *b"\x89BNL\r\n\x1a\n";
/// Bytes of the header, after which the counters begin.
pub(super) const HEADER_BYTES: usize = 3 * size_of::<Word>();

/// What a bank is read and written in.
pub(super) type Word = [u8; 8];

/// What a bank holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bank {
    /// Nothing that was learned: it does not begin as such a bank does.
    Empty,
    /// What was learned with another model, or for another number of classes or features; or a save
    /// that was cut off before it had said for which (24 bytes).
    Foreign,
    /// Changed bytes, or a save that was cut off: the checksum differs, or a read failed.
    Damaged,
    /// What was learned.
    Whole {
        /// The number of the save, from 1 on.
        number: u32,
    },
}

impl Bank {
    /// The number of the save; 0 if there is none.
    pub(super) fn number(self) -> u32 {
        match self {
            Bank::Whole { number } => number,
            _ => 0,
        }
    }
}

/// What a bank is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purpose {
    /// The model's checksum.
    pub(super) model: u32,
    pub(super) classes: u32,
    pub(super) features: u32,
    /// Bytes of the bank, as [`bytes`] tells.
    pub(super) bytes: usize,
}

/// Bytes of a bank for so many classes with so many words of features.
pub(super) const fn bytes(classes: usize, words: usize) -> usize {
    HEADER_BYTES + classes * words * 64 + 2 * size_of::<Word>()
}

fn pair(low: u32, high: u32) -> Word {
    (u64::from(high) << 32 | u64::from(low)).to_le_bytes()
}

impl Purpose {
    /// The header of a save.
    fn header(&self, number: u32) -> [Word; 3] {
        let sizes = pair(self.classes, self.features);
        [MAGIC, pair(self.model, number), sizes]
    }

    /// Looks at all of a bank.
    pub(super) fn look<F: Flash>(&self, flash: &mut F, bank: usize) -> Result<Bank, F::Error> {
        let mut header = [Word::default(); 3];
        flash.read(bank, 0, header.as_flattened_mut())?;
        let [magic, [.., a, b, c, d], _] = header;
        if magic != MAGIC {
            return Ok(Bank::Empty);
        }
        let number = u32::from_le_bytes([a, b, c, d]);
        if header != self.header(number) {
            return Ok(Bank::Foreign);
        }
        let mut crc = crc::further(crc::START, header.as_flattened());
        let mut word = Word::default();
        let mut at = HEADER_BYTES;
        loop {
            flash.read(bank, at, &mut word)?;
            at += word.len();
            if at >= self.bytes {
                break;
            }
            crc = crc::further(crc, &word);
        }
        Ok(match number > 0 && word == pair(!crc, 0) {
            true => Bank::Whole { number },
            false => Bank::Damaged,
        })
    }
}

/// A bank that is written, from the begin to the end.
pub(super) struct Writer<'f, F> {
    flash: &'f mut F,
    bank: usize,
    at: usize,
    crc: u32,
}

impl<'f, F: Flash> Writer<'f, F> {
    /// Erases the bank and writes the header of a save.
    pub(super) fn begin(
        flash: &'f mut F,
        bank: usize,
        purpose: &Purpose,
        number: u32,
    ) -> Result<Self, F::Error> {
        flash.erase(bank)?;
        let (at, crc) = (0, crc::START);
        let mut writer = Self {
            flash,
            bank,
            at,
            crc,
        };
        writer.put(purpose.header(number).as_flattened())?;
        Ok(writer)
    }

    /// Writes whole words.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), F::Error> {
        self.flash.write(self.bank, self.at, bytes)?;
        self.at += bytes.len();
        self.crc = crc::further(self.crc, bytes);
        Ok(())
    }

    /// Writes the checksum, which makes the bank whole.
    pub(super) fn finish(mut self) -> Result<(), F::Error> {
        self.put(&pair(!self.crc, 0))
    }
}
