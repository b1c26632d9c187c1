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

    /// `len` zeros, for sizes that depend on arguments.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn try_zeros(len: usize) -> Result<Self, Error> {
        Ok(Self::new(memory::zeros(len.saturating_add(LINE - 1))?, len))
    }

    /// The first `len` words, which hold anything: new ones, if there are fewer.
    pub(crate) fn first(&mut self, len: usize) -> &mut [u64] {
        if self.len < len {
            *self = Self::default(); // freed first, so that both are never there at once
            *self = Self::zeros(len);
        }
        self.words_mut().get_mut(..len).unwrap_or_default()
    }

    /// The words that [`first`](Self::first) gives, for sizes that depend on arguments.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn try_first(&mut self, len: usize) -> Result<&mut [u64], Error> {
        if self.len < len {
            *self = Self::default();
            *self = Self::try_zeros(len)?;
        }
        Ok(self.first(len))
    }

    /// Frees words that are more than a thread should keep.
    pub(crate) fn free_beyond(&mut self, most: usize) {
        if self.len > most {
            *self = Self::default();
        }
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
    fn memory_serves_again_and_grows_where_it_must() -> Result<(), Error> {
        let mut words = AlignedWords::default();
        assert_eq!(words.first(0), []);
        words.first(9)[8] = 7;
        assert_eq!(words.first(9)[8], 7);
        assert_eq!(words.try_first(3)?.len(), 3);
        assert_eq!(words.try_first(9)?[8], 7);
        assert_eq!(words.try_first(10)?, [0; 10]);
        assert_eq!(words.first(10).as_ptr().align_offset(64), 0);
        words.free_beyond(10);
        assert_eq!(words.words().len(), 10);
        words.free_beyond(9);
        assert_eq!(words.words().len(), 0);
        assert!(words.try_first(usize::MAX).is_err());
        Ok(())
    }

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
