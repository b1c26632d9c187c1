//! Copies the same bits of all patches of a line together, so that their places are computed once.

use core::ops::Range;

use crate::bits::bits_at;
use crate::shape::{WORD, last_word_mask, positive};

/// Patches, one after the other.
pub(super) struct Runs<'r> {
    pub(super) patches: &'r mut [u64],
    /// Words per patch.
    pub(super) words: usize,
}

/// The source of runs of bits.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    pub(super) words: &'a [u64],
    /// The first bit of the first run.
    pub(super) at: usize,
    /// Words from run to run.
    pub(super) step: usize,
}

impl Runs<'_> {
    /// Copies `bits` bits to bit `to` of the patches `place`, which are zero there.
    pub(super) fn copy(&mut self, place: Range<usize>, to: usize, bits: usize, from: Bits<'_>) {
        if [to, bits, from.at].iter().all(|at| at.is_multiple_of(WORD)) {
            return self.copy_words(place, to / WORD, bits / WORD, from);
        }
        for done in (0..bits).step_by(WORD) {
            let (count, at) = (WORD.min(bits - done), from.at + done);
            let first = from.words.get(at / WORD..).unwrap_or_default();
            let piece = |i: usize| {
                let words = first.get(i * from.step..).unwrap_or_default();
                bits_at(words, at % WORD, count)
            };
            self.join(place.clone(), to + done, count, piece);
        }
    }

    /// Sets `bits` bits from bit `to` of the patches `place`, which are zero there.
    pub(super) fn set(&mut self, place: Range<usize>, to: usize, bits: usize) {
        for done in (0..bits).step_by(WORD) {
            let count = WORD.min(bits - done);
            self.join(place.clone(), to + done, count, |_| last_word_mask(count));
        }
    }

    /// Adds the lowest `count` bits, the others being zero, to bit `to` of the patches `place`.
    #[inline]
    fn join(&mut self, place: Range<usize>, to: usize, count: usize, piece: impl Fn(usize) -> u64) {
        let (w, shift, words) = (to / WORD, to % WORD, self.words);
        let patches = self.place(place).chunks_exact_mut(positive(words));
        for (i, patch) in patches.enumerate() {
            let piece = piece(i);
            if let Some(word) = patch.get_mut(w) {
                *word |= piece << shift;
            }
            if shift + count > WORD
                && let Some(word) = patch.get_mut(w + 1)
            {
                *word |= piece >> (WORD - shift);
            }
        }
    }

    fn copy_words(&mut self, place: Range<usize>, to: usize, len: usize, from: Bits<'_>) {
        match len {
            1 => self.copy_short::<1>(place, to, from),
            2 => self.copy_short::<2>(place, to, from),
            3 => self.copy_short::<3>(place, to, from),
            4 => self.copy_short::<4>(place, to, from),
            6 => self.copy_short::<6>(place, to, from),
            _ => self.copy_rows(place, to, from, len),
        }
    }

    fn copy_rows(&mut self, place: Range<usize>, to: usize, from: Bits<'_>, len: usize) {
        let words = self.words;
        for (i, patch) in self
            .place(place)
            .chunks_exact_mut(positive(words))
            .enumerate()
        {
            let at = from.at / WORD + i * from.step;
            let to = patch.get_mut(to..to + len);
            if let (Some(to), Some(from)) = (to, from.words.get(at..at + len)) {
                to.copy_from_slice(from);
            }
        }
    }

    /// Runs so short that a call of a copy routine would cost more than the copy.
    fn copy_short<const LEN: usize>(&mut self, place: Range<usize>, to: usize, from: Bits<'_>) {
        let words = self.words;
        let first = from.words.get(from.at / WORD..).unwrap_or_default();
        for (i, patch) in self
            .place(place)
            .chunks_exact_mut(positive(words))
            .enumerate()
        {
            let from = first
                .get(i * from.step..)
                .and_then(|from| from.first_chunk::<LEN>());
            let to = patch.get_mut(to..).and_then(|to| to.first_chunk_mut());
            if let (Some(to), Some(from)) = (to, from) {
                *to = *from;
            }
        }
    }

    fn place(&mut self, place: Range<usize>) -> &mut [u64] {
        let place = place.start * self.words..place.end * self.words;
        self.patches.get_mut(place).unwrap_or_default()
    }
}
