//! What a learner promises, against the rule written down plainly; what a bank may hold, and when
//! power may fail.

mod banks;
mod rule;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::error::Error as AnyError;
use core::fmt;

use super::{Flash, Learner};
use crate::bits::BitMatrix;
use crate::error::Error;
use crate::model::{AlignedBytes, Epilogue, InputType, Model, ModelError, ModelWriter};
use crate::noise::noise;

/// Features of the models below: a whole word and a part of one.
const FEATURES: usize = 70;
const WORDS: usize = 2;
/// Classes that the models know, of five.
const KNOWN: usize = 3;

type Small = Learner<5, WORDS>;

/// A row of bits, the same for the same seed.
fn row(seed: u64) -> Result<[u64; WORDS], Error> {
    let bits = BitMatrix::pack(&noise(seed, FEATURES), 1, FEATURES)?;
    let mut row = [0; WORDS];
    row.copy_from_slice(bits.view().words());
    Ok(row)
}

/// A random model of [`KNOWN`] classes.
fn model(seed: u64) -> Result<AlignedBytes, ModelError> {
    let mut writer = ModelWriter::new(InputType::Bits);
    let body = BitMatrix::pack(&noise(seed, FEATURES * 5), FEATURES, 5)?;
    let thresholds = [0_i32; FEATURES];
    let epilogue = Epilogue::Threshold(thresholds.as_slice().into());
    writer.dense(body.view(), epilogue)?;
    let head = BitMatrix::pack(&noise(seed + 1, KNOWN * FEATURES), KNOWN, FEATURES)?;
    writer.dense(head.view(), Epilogue::Sums)?;
    Ok(AlignedBytes::from(writer.finish()?.as_slice()))
}

/// What begins with a model in erased banks.
fn beginner(file: &AlignedBytes) -> Result<Small, Box<dyn AnyError>> {
    let mut learner = Small::EMPTY;
    learner.begin(&Model::open(file)?, &mut Banks::erased(Small::BANK_BYTES))?;
    Ok(learner)
}

/// Banks in memory, and how many more bytes can be erased or written before power fails.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Banks {
    bytes: [Vec<u8>; 2],
    left: usize,
}

/// Power has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cut")
    }
}

impl Banks {
    fn erased(bytes: usize) -> Self {
        let bank = [0xFF].repeat(bytes);
        Self {
            bytes: [bank.clone(), bank],
            left: usize::MAX,
        }
    }

    /// Up to `n` bytes, as far as power lasts.
    fn spend(&mut self, n: usize) -> usize {
        let n = n.min(self.left);
        self.left -= n;
        n
    }
}

impl Flash for Banks {
    type Error = Cut;

    fn read(&mut self, bank: usize, at: usize, bytes: &mut [u8]) -> Result<(), Cut> {
        bytes.copy_from_slice(&self.bytes[bank][at..at + bytes.len()]);
        Ok(())
    }

    fn erase(&mut self, bank: usize) -> Result<(), Cut> {
        let all = self.bytes[bank].len();
        let done = self.spend(all);
        self.bytes[bank][..done].fill(0xFF);
        if done == all { Ok(()) } else { Err(Cut) }
    }

    fn write(&mut self, bank: usize, at: usize, bytes: &[u8]) -> Result<(), Cut> {
        assert!(at.is_multiple_of(8) && bytes.len().is_multiple_of(8));
        let erased = &self.bytes[bank][at..at + bytes.len()];
        assert!(erased.iter().all(|byte| *byte == 0xFF), "written twice");
        let done = self.spend(bytes.len());
        self.bytes[bank][at..at + done].copy_from_slice(&bytes[..done]);
        if done == bytes.len() {
            Ok(())
        } else {
            Err(Cut)
        }
    }
}
