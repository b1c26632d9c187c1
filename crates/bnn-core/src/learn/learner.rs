//! The layer that learns.

use core::convert::Infallible;

use super::bank::{self, Bank, HEADER_BYTES, Purpose, Word, Writer};
use super::counters::{Counters, signs, start, step};
use super::error::LearnError;
use super::flash::Flash;
use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::gemm::Resolved;
use crate::kernel::Kernel;
use crate::model::Model;
use crate::shape::{equal, last_word_mask, row_words};

/// A class is near if its score is less than this share of the features below the right one's.
const MARGIN_SHARE: u32 = 4;

/// The last layer of a model, which learns (see [the module](super)): for up to `CLASSES` classes,
/// which are at most 64, with features of `WORDS` words, the `output_len` of the [`Sizes`](crate::model::Sizes) of
/// [`Model::body`].
///
/// Its size is known when compiling ([`LEARN_BYTES`](Self::LEARN_BYTES)): 9 bits for each class and
/// feature, and little besides. It is large for a stack, so have it in a `static` or in `main`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learner<const CLASSES: usize, const WORDS: usize> {
    pub(super) counters: [[Counters; WORDS]; CLASSES],
    /// The weights: the signs of the counters. Bits after the last feature are zero.
    pub(super) weights: [[u64; WORDS]; CLASSES],
    /// Classes of the model, or of which there was a sample.
    pub(super) known: [bool; CLASSES],
    /// 0: it has not begun.
    pub(super) features: u32,
    /// The model's checksum.
    pub(super) model: u32,
    /// The newest save and its bank. 0: there is none.
    pub(super) saves: u32,
    pub(super) bank: usize,
}

/// What a sample did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lesson {
    /// Other classes whose scores were near the right one's, or above it. 0: nothing changed, but
    /// where it was the first sample of its class.
    pub near: usize,
    /// Weights that flipped.
    pub flips: u32,
}

impl<const CLASSES: usize, const WORDS: usize> Learner<CLASSES, WORDS> {
    /// A learner that has not begun.
    pub const EMPTY: Self = {
        assert!(CLASSES <= 64, "a bank has a word of bits for the classes");
        Self {
            counters: [[[0; 64]; WORDS]; CLASSES],
            weights: [[0; WORDS]; CLASSES],
            known: [false; CLASSES],
            features: 0,
            model: 0,
            saves: 0,
            bank: 0,
        }
    };

    /// Bytes of memory that learning takes beside the model's.
    pub const LEARN_BYTES: usize = size_of::<Self>();

    /// Bytes that each of the two banks of [`Flash`] must have.
    pub const BANK_BYTES: usize = bank::bytes(CLASSES, WORDS);

    /// Begins with the last layer of `model`: with the weights of the newest bank that is whole, or
    /// with the model's own where none is. Returns what the two banks hold, in order.
    ///
    /// # Errors
    /// A model whose last layer is not a dense one after others with sums for scores, whose features
    /// have another number of words, or that has more classes; reads that fail, of both banks or of
    /// the one with the weights. The learner has not begun then.
    pub fn begin<F: Flash>(
        &mut self,
        model: &Model<'_>,
        flash: &mut F,
    ) -> Result<[Bank; 2], LearnError<F::Error>> {
        self.features = 0;
        let head = model.head().ok_or(LearnError::Model {
            expected: "a dense layer whose sums are the scores, after other layers",
        })?;
        let (classes, features) = (head.rows(), head.cols());
        equal("words of features", WORDS, row_words(features))?;
        if classes > CLASSES {
            return Err(LearnError::Core(Error::OutOfRange {
                what: "classes of the model",
                max: CLASSES,
                found: classes,
            }));
        }
        let mut purpose = self.purpose();
        purpose.model = model.checksum();
        purpose.features = features as u32;
        // Of a bank that power cut off, some flash gives errors instead of bytes: the other counts,
        // and the next save erases it.
        let [first, second] = match [purpose.look(flash, 0), purpose.look(flash, 1)] {
            [Err(error), Err(_)] => return Err(LearnError::Flash(error)),
            banks => banks.map(|bank| bank.unwrap_or(Bank::Damaged)),
        };
        (self.bank, self.saves) = newest(first.number(), second.number());
        if self.saves == 0 {
            self.start(head);
        } else {
            self.load(flash).map_err(LearnError::Flash)?;
        }
        for (weights, counters) in self.weights.iter_mut().zip(&self.counters) {
            for (weights, counters) in weights.iter_mut().zip(counters) {
                *weights = signs(counters);
            }
            if let Some(last) = weights.last_mut() {
                *last &= last_word_mask(features);
            }
        }
        self.model = purpose.model;
        self.features = purpose.features;
        Ok([first, second])
    }

    /// The score of each class for features that the model's body gave: the product with its
    /// weights; `i32::MIN` of a class that is not known. The largest one is the class's that is
    /// predicted ([`argmax`](crate::model::argmax)).
    ///
    /// # Errors
    /// [`LearnError::NotBegun`]; a bit that is set after the last feature.
    pub fn scores(&self, features: &[u64; WORDS]) -> Result<[i32; CLASSES], LearnError> {
        let mut scores = [0; CLASSES];
        let k = self.begun()? as usize;
        if features
            .last()
            .is_some_and(|last| last & !last_word_mask(k) != 0)
        {
            return Err(LearnError::Core(Error::TailBits { row: 0 }));
        }
        let weights = BitMatrixView::unchecked(self.weights.as_flattened(), CLASSES, k);
        let weights = Resolved::canonical(weights, Kernel::active()?);
        weights.dots(features, 0, &mut scores);
        for (score, known) in scores.iter_mut().zip(&self.known) {
            if !known {
                *score = i32::MIN;
            }
        }
        Ok(scores)
    }

    /// Learns that the features are of the class.
    ///
    /// # Errors
    /// Those of [`scores`](Self::scores); a class that is not below `CLASSES`. Nothing has changed
    /// then.
    pub fn learn(&mut self, features: &[u64; WORDS], class: usize) -> Result<Lesson, LearnError> {
        let Some(&is_known) = self.known.get(class) else {
            return Err(LearnError::Core(Error::OutOfRange {
                what: "class",
                max: CLASSES.saturating_sub(1),
                found: class,
            }));
        };
        let mut scores = self.scores(features)?;
        let mut lesson = Lesson { near: 0, flips: 0 };
        if !is_known {
            lesson.flips += self.step(class, features, 1);
            if let Some(known) = self.known.get_mut(class) {
                *known = true;
            }
            scores = self.scores(features)?;
        }
        let own = scores.get(class).copied().unwrap_or_default();
        let margin = (self.features / MARGIN_SHARE) as i32;
        for (other, score) in scores.into_iter().enumerate() {
            // Scores of known classes are no larger than the number of features.
            if other != class && score > own - margin {
                lesson.near += 1;
                lesson.flips += self.step(other, features, -1);
            }
        }
        if lesson.near > 0 {
            // Fewer than the classes, which are at most 64.
            lesson.flips += self.step(class, features, lesson.near as i8);
        }
        Ok(lesson)
    }

    /// Keeps what was learned: writes the bank that is not the newest one. If power fails before it
    /// returns, [`begin`](Self::begin) finds the weights of the save before or of this one. Returns
    /// the number of the save.
    ///
    /// # Errors
    /// [`LearnError::NotBegun`]; an access to the flash that fails; [`LearnError::NotKept`] where
    /// the bank reads back as something else. The save before this one is untouched then.
    pub fn save<F: Flash>(&mut self, flash: &mut F) -> Result<u32, LearnError<F::Error>> {
        if self.features == 0 {
            return Err(LearnError::NotBegun);
        }
        let bank = 1 - self.bank.min(1);
        // After the last number comes the first one, for 0 says that there is no save.
        let number = self.saves.checked_add(1).unwrap_or(1);
        let purpose = self.purpose();
        self.write(flash, bank, number).map_err(LearnError::Flash)?;
        match purpose.look(flash, bank).map_err(LearnError::Flash)? {
            Bank::Whole { number: kept } if kept == number => {}
            _ => return Err(LearnError::NotKept { bank }),
        }
        (self.bank, self.saves) = (bank, number);
        Ok(number)
    }

    fn begun(&self) -> Result<u32, LearnError<Infallible>> {
        match self.features {
            0 => Err(LearnError::NotBegun),
            features => Ok(features),
        }
    }

    fn purpose(&self) -> Purpose {
        Purpose {
            model: self.model,
            classes: CLASSES as u32,
            features: self.features,
            bytes: Self::BANK_BYTES,
        }
    }

    /// Takes the weights of the model.
    fn start(&mut self, head: BitMatrixView<'_>) {
        let rows = self.counters.iter_mut().zip(&mut self.known);
        let mut weights = head.words().chunks_exact(WORDS.max(1));
        for (counters, known) in rows {
            let row = weights.next();
            *known = row.is_some();
            for (i, counters) in counters.iter_mut().enumerate() {
                match row.and_then(|row| row.get(i)) {
                    Some(&word) => start(counters, word),
                    None => *counters = [0; 64],
                }
            }
        }
    }

    /// Moves the counters of a class so many steps towards the features, or away from them. Returns
    /// how many weights flipped.
    fn step(&mut self, class: usize, features: &[u64; WORDS], steps: i8) -> u32 {
        let mut flips = 0;
        let mask = last_word_mask(self.features as usize);
        let rows = self
            .counters
            .get_mut(class)
            .zip(self.weights.get_mut(class));
        let Some((counters, weights)) = rows else {
            return 0;
        };
        let words = counters.iter_mut().zip(weights).zip(features);
        for (i, ((counters, weights), features)) in words.enumerate() {
            step(counters, *features, steps);
            let used = if i + 1 == WORDS { mask } else { u64::MAX };
            let new = signs(counters) & used;
            flips += (*weights ^ new).count_ones();
            *weights = new;
        }
        flips
    }

    /// Writes a bank.
    fn write<F: Flash>(&self, flash: &mut F, bank: usize, number: u32) -> Result<(), F::Error> {
        let mut writer = Writer::begin(flash, bank, &self.purpose(), number)?;
        let counters = self.counters.as_flattened().as_flattened();
        writer.put(bytemuck::cast_slice(counters))?;
        let known = self.known.iter().rev();
        let known = known.fold(0, |bits, known| bits << 1 | u64::from(*known));
        writer.put(&known.to_le_bytes())?;
        writer.finish()
    }

    /// Reads the newest bank, which is whole.
    fn load<F: Flash>(&mut self, flash: &mut F) -> Result<(), F::Error> {
        let counters = self.counters.as_flattened_mut().as_flattened_mut();
        let counters: &mut [u8] = bytemuck::cast_slice_mut(counters);
        flash.read(self.bank, HEADER_BYTES, counters)?;
        let mut word = Word::default();
        flash.read(self.bank, HEADER_BYTES + counters.len(), &mut word)?;
        let mut bits = u64::from_le_bytes(word);
        for known in &mut self.known {
            *known = bits & 1 == 1;
            bits >>= 1;
        }
        Ok(())
    }
}

/// The bank with the newest save, and the number of that; 0 if there is none.
fn newest(first: u32, second: u32) -> (usize, u32) {
    // Numbers of two saves are one apart, also where the first one comes after the last.
    let is_second = first == 0 || second != 0 && second.wrapping_sub(first) as i32 > 0;
    match is_second {
        true => (1, second),
        false => (0, first),
    }
}
