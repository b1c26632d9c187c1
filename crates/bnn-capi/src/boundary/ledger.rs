//! The memory of a call: its regions have sizes that Rust can address, and none that is written
//! overlaps another.

use core::cell::Cell;

use crate::error::Error;

/// The most regions of memory that the arguments of an exported function can be: the ledger has a
/// line for each. Bare metal has fewer functions and small stacks.
pub(crate) const MAX_REGIONS: usize = if cfg!(feature = "std") {
    8
} else if cfg!(feature = "conv") {
    6
} else {
    5
};

/// The memory that a call has asked for so far.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    regions: [Cell<Option<Region>>; MAX_REGIONS],
}

impl Ledger {
    /// Notes a region, unless it overlaps an earlier one and either of the two is written.
    #[inline(always)] // else the region goes through memory, which costs more than the checks
    pub(super) fn enter(&self, new: Region) -> Result<(), Error> {
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
        // Not reached: an argument is used up when it enters its regions, and `export!` proves that
        // there are lines for the regions of all arguments.
        Err(Error::Core(bnn_core::Error::OutOfRange {
            what: "pointers of a call",
            max: MAX_REGIONS,
            found: MAX_REGIONS + 1,
        }))
    }

    /// Notes memory that the call reads beside its arguments: nothing that it writes may overlap it.
    pub(crate) fn reads<T>(&self, name: &'static str, memory: &[T]) -> Result<(), Error> {
        self.enter(Region::of(name, memory.as_ptr(), memory.len(), false)?)
    }
}

/// Addresses `start .. end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    name: &'static str,
    start: usize,
    end: usize,
    written: bool,
}

impl Region {
    /// The region of `len` elements, which Rust wants to have at most `isize::MAX` bytes and not to
    /// wrap around the address space.
    pub(super) fn of<T>(
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
    fn a_clash_is_found_after_other_regions_and_names_the_output_first() {
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
}
