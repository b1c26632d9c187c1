//! Words on a cache line: vector loads that straddle two lines cost twice.

use alloc::vec;
use alloc::vec::Vec;

use crate::error::Error;
use crate::memory;

/// Words in a cache line of 64 bytes.
const LINE: usize = 8;

/// Words that start on a cache line. Only speed depends on it.
#[derive(Debug, Default)]
pub(crate) struct AlignedWords {
    /// `LINE - 1` words longer than needed.
    words: Vec<u64>,
    start: usize,
    len: usize,
}

impl AlignedWords {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        Self::new(vec![0; len.saturating_add(LINE - 1)], len)
    }

    /// The same where the size depends on arguments.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn try_zeros(len: usize) -> Result<Self, Error> {
        Ok(Self::new(memory::zeros(len.saturating_add(LINE - 1))?, len))
    }

    /// Over `words`, `LINE - 1` more than `len`.
    fn new(words: Vec<u64>, len: usize) -> Self {
        // A word's address is a multiple of 8, so fewer than LINE words are skipped.
        let start = words.as_ptr().align_offset(LINE * size_of::<u64>());
        let start = start.min(LINE - 1);
        Self { words, start, len }
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words[self.start..self.start + self.len]
    }

    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words[self.start..self.start + self.len]
    }
}

impl Clone for AlignedWords {
    fn clone(&self) -> Self {
        let mut copy = Self::zeros(self.len);
        copy.words_mut().copy_from_slice(self.words());
        copy
    }
}

impl PartialEq for AlignedWords {
    fn eq(&self, other: &Self) -> bool {
        self.words() == other.words()
    }
}

impl Eq for AlignedWords {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_begins_a_cache_line_also_in_a_copy() {
        for len in [1, 7, 8, 9, 1000] {
            let mut words = AlignedWords::zeros(len);
            words.words_mut()[len - 1] = 5;
            let copy = words.clone();
            assert_eq!(copy, words);
            for words in [&words, &copy] {
                assert_eq!(words.words().len(), len);
                assert_eq!(words.words().as_ptr().align_offset(64), 0);
            }
        }
    }
}
