//! Memory that outlasts the power, as its driver offers it.

/// Two banks of memory that keep their bytes without power: usually flash, at least a sector each,
/// so that one can be erased without the other. Each has room for
/// [`Learner::BANK_BYTES`](super::Learner::BANK_BYTES) bytes. On a host, two files.
pub trait Flash {
    /// Why an access failed.
    type Error;

    /// Reads the bytes from `at` on of the bank, 0 or 1, into all of `bytes`.
    ///
    /// # Errors
    /// The driver's.
    fn read(&mut self, bank: usize, at: usize, bytes: &mut [u8]) -> Result<(), Self::Error>;

    /// Erases the bank, so that all of it can be written.
    ///
    /// # Errors
    /// The driver's.
    fn erase(&mut self, bank: usize) -> Result<(), Self::Error>;

    /// Writes all of `bytes` from `at` on into a bank that was erased. A save writes from the begin
    /// to the end, each byte once; `at` and the number of bytes are multiples of 8.
    ///
    /// # Errors
    /// The driver's.
    fn write(&mut self, bank: usize, at: usize, bytes: &[u8]) -> Result<(), Self::Error>;
}
