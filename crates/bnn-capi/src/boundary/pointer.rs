//! Raw pointers of C to slices of Rust: null, alignment, size and overlap are checked here, and
//! nowhere can they be left out, because a slice is got in no other way.
#![allow(unsafe_code, reason = "the C boundary")]

use core::cell::Cell;
use core::slice;

use crate::error::Error;

/// The most arguments that an exported function has: the ledger has a line for each.
pub(crate) const MAX_ARGUMENTS: usize = 12;

/// An argument of an exported function, on its way from C to the function's body.
pub(crate) trait Argument {
    /// What the body sees.
    type Checked<'call>;

    /// Checks what can be told from the argument alone.
    ///
    /// # Safety
    /// A pointer that is not null and is aligned must be valid, for `'call`, for as many elements
    /// as the body asks of it: initialised for an input, writable for an output, and not touched
    /// by other threads as C's memory model has it.
    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<Self::Checked<'call>, Error>;
}

mod sealed {
    /// What pointers of C may point to: numbers of which every pattern of bits is a value, without
    /// padding. Named in this file only, so that no other type is given.
    pub(crate) trait Plain: Copy {}

    impl Plain for u64 {}
    impl Plain for i32 {}
    impl Plain for f32 {}
}

use sealed::Plain;

/// Memory that a call reads.
#[derive(Debug)]
pub(crate) struct Input<'call, T> {
    pointer: *const T,
    name: &'static str,
    ledger: &'call Ledger,
}

/// Memory that a call writes.
#[derive(Debug)]
pub(crate) struct Output<'call, T> {
    pointer: *mut T,
    name: &'static str,
    ledger: &'call Ledger,
}

impl<'call, T: Plain> Input<'call, T> {
    /// The argument's name, for messages.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The first `len` elements, none of which any output of the call overlaps.
    pub(crate) fn read(self, len: usize) -> Result<&'call [T], Error> {
        self.ledger
            .enter(Region::of(self.name, self.pointer, len, false)?)?;
        // SAFETY: non-null and aligned (`check`), at most isize::MAX bytes that do not wrap
        // (`Region::of`), written by nobody during the call (`enter`, and the caller's promise to
        // `check`), which also promises that they are initialised.
        Ok(unsafe { slice::from_raw_parts(self.pointer, len) })
    }
}

impl<'call, T: Plain> Output<'call, T> {
    /// The first `len` elements, to write; no other argument of the call overlaps them.
    pub(crate) fn write(self, len: usize) -> Result<&'call mut [T], Error> {
        self.ledger
            .enter(Region::of(self.name, self.pointer, len, true)?)?;
        // SAFETY: as in `read`; the ledger refuses any second argument that overlaps, and an
        // `Output` is used up, so the slice is the only one. C may hand over memory that it never
        // wrote: `T` is `Plain`, and the core writes outputs before it reads any of them.
        Ok(unsafe { slice::from_raw_parts_mut(self.pointer, len) })
    }
}

impl<T: Plain> Argument for *const T {
    type Checked<'call> = Input<'call, T>;

    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<Input<'call, T>, Error> {
        non_null_and_aligned(name, self)?;
        Ok(Input {
            pointer: self,
            name,
            ledger,
        })
    }
}

impl<T: Plain> Argument for *mut T {
    type Checked<'call> = Output<'call, T>;

    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<Output<'call, T>, Error> {
        non_null_and_aligned(name, self)?;
        Ok(Output {
            pointer: self,
            name,
            ledger,
        })
    }
}

impl Argument for usize {
    type Checked<'call> = Self;

    unsafe fn check(self, _: &'static str, _: &Ledger) -> Result<Self, Error> {
        Ok(self)
    }
}

impl Argument for i32 {
    type Checked<'call> = Self;

    unsafe fn check(self, _: &'static str, _: &Ledger) -> Result<Self, Error> {
        Ok(self)
    }
}

fn non_null_and_aligned<T>(argument: &'static str, pointer: *const T) -> Result<(), Error> {
    if pointer.is_null() {
        return Err(Error::Null { argument });
    }
    if !pointer.is_aligned() {
        return Err(Error::Misaligned {
            argument,
            address: pointer.addr(),
            align: align_of::<T>(),
        });
    }
    Ok(())
}

/// The memory that a call has asked for so far.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    regions: [Cell<Option<Region>>; MAX_ARGUMENTS],
}

impl Ledger {
    /// Notes a region, unless it overlaps an earlier one and either of the two is written.
    fn enter(&self, new: Region) -> Result<(), Error> {
        for line in &self.regions {
            let Some(old) = line.get() else {
                line.set(Some(new));
                return Ok(());
            };
            let apart = new.end <= old.start || old.end <= new.start;
            if !apart && (new.written || old.written) {
                let (output, other) = if new.written { (new, old) } else { (old, new) };
                return Err(Error::Overlap {
                    output: output.name,
                    other: other.name,
                });
            }
        }
        // Every argument enters at most once, being used up, and there are no more arguments than
        // lines (`export!`): not reached, and refused if it were.
        Err(Error::Core(bnn_core::Error::OutOfRange {
            what: "pointers of a call",
            max: MAX_ARGUMENTS,
            found: MAX_ARGUMENTS + 1,
        }))
    }
}

/// Addresses `start .. end`.
#[derive(Clone, Copy, Debug)]
struct Region {
    name: &'static str,
    start: usize,
    end: usize,
    written: bool,
}

impl Region {
    /// The region of `len` elements, which Rust wants to have at most `isize::MAX` bytes and not to
    /// wrap around the address space.
    fn of<T>(
        name: &'static str,
        pointer: *const T,
        len: usize,
        written: bool,
    ) -> Result<Self, Error> {
        let start = pointer.addr();
        let end = len
            .checked_mul(size_of::<T>())
            .filter(|bytes| *bytes <= isize::MAX as usize)
            .and_then(|bytes| start.checked_add(bytes));
        let end = end.ok_or(bnn_core::Error::Overflow { what: name })?;
        Ok(Self {
            name,
            start,
            end,
            written,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `count` bytes from the address `start`, asked for as a call would.
    fn region(name: &'static str, start: usize, count: usize, written: bool) -> Region {
        Region {
            name,
            start,
            end: start + count,
            written,
        }
    }

    proptest! {
        #[test]
        fn regions_clash_where_they_share_a_byte_and_one_is_written(
            a in 0_usize..40, a_len in 1_usize..12, a_written: bool,
            b in 0_usize..40, b_len in 1_usize..12, b_written: bool,
        ) {
            let shared = (a..a + a_len).any(|byte| (b..b + b_len).contains(&byte));
            let ledger = Ledger::default();
            prop_assert_eq!(ledger.enter(region("a", a, a_len, a_written)), Ok(()));
            let second = ledger.enter(region("b", b, b_len, b_written));
            prop_assert_eq!(second.is_err(), shared && (a_written || b_written));
        }
    }

    #[test]
    fn a_clash_is_found_behind_other_regions_and_names_the_output_first() {
        let ledger = Ledger::default();
        assert_eq!(ledger.enter(region("a", 0, 8, false)), Ok(()));
        assert_eq!(ledger.enter(region("c", 8, 8, true)), Ok(()));
        assert_eq!(
            ledger.enter(region("b", 4, 8, false)),
            Err(Error::Overlap {
                output: "c",
                other: "b"
            })
        );
    }

    #[test]
    fn regions_that_rust_cannot_address_are_refused() {
        let some = core::ptr::dangling::<u64>();
        let limit = isize::MAX as usize / 8;
        assert!(Region::of("x", some, limit, false).is_ok());
        assert!(Region::of("x", some, limit + 1, false).is_err());
        assert!(Region::of("x", some, usize::MAX, false).is_err());
        let high = core::ptr::without_provenance::<u64>(usize::MAX - 7);
        assert!(Region::of("x", high, 1, false).is_err());
        assert!(Region::of("x", high, 0, false).is_ok());
    }

    #[test]
    fn null_and_misaligned_pointers_are_refused_by_name() {
        assert_eq!(
            non_null_and_aligned::<u64>("bits", core::ptr::null()),
            Err(Error::Null { argument: "bits" })
        );
        let odd = core::ptr::without_provenance::<u64>(0x1004);
        assert_eq!(
            non_null_and_aligned("bits", odd),
            Err(Error::Misaligned {
                argument: "bits",
                address: 0x1004,
                align: align_of::<u64>()
            })
        );
    }
}
