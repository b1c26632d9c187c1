//! The rest of the memory and work that a file may ask for.

use crate::{ImportError, Limits};

/// Dimensions of a tensor, at most: more are no network's.
pub(crate) const RANK: usize = 16;

/// Counts down. Memory that is dropped is not given back: what is counted is an upper bound.
///
/// Lists of a file's sizes come from here: their memory is counted, and asked of the system so that
/// a refusal is an error.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    memory: u64,
    operations: u64,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            memory: limits.memory_bytes,
            operations: limits.operations,
        }
    }

    /// All memory is there again, when the values of a run of the network are gone. Operations are
    /// not: there is one number of them for all runs.
    pub(crate) fn release(&mut self) {
        self.memory = self.limits.memory_bytes;
    }

    /// Operations that are left.
    pub(crate) fn operations(&self) -> u64 {
        self.operations
    }

    /// Asks for bytes of memory, which the caller allocates.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<(), ImportError> {
        let left = self.memory.checked_sub(count as u64);
        self.memory = left.ok_or(ImportError::Limit {
            what: "bytes of memory",
            most: self.limits.memory_bytes,
        })?;
        Ok(())
    }

    /// Elements of a shape, and the bytes of as many of `size` bytes. Dimensions of 0 count as 1 in
    /// the bytes, so that strides do not overflow either.
    fn sizes(&self, shape: &[usize], size: usize) -> Result<(usize, usize), ImportError> {
        if shape.len() > RANK {
            return Err(ImportError::Limit {
                what: "dimensions of a tensor",
                most: RANK as u64,
            });
        }
        let mut sizes = shape.iter().map(|&size| size.max(1)).chain([size]);
        let bytes = sizes.try_fold(1_usize, usize::checked_mul);
        let bytes = bytes.filter(|&bytes| bytes as u64 <= self.limits.memory_bytes);
        let bytes = bytes.ok_or(ImportError::Limit {
            what: "bytes of memory",
            most: self.limits.memory_bytes,
        })?;
        Ok((shape.iter().product(), bytes))
    }

    /// Asks for the memory of lists of `len` floats each, which the caller allocates.
    pub(crate) fn floats(&mut self, lists: usize, len: usize) -> Result<(), ImportError> {
        (0..lists).try_for_each(|_| self.count(&[len], size_of::<f32>()).map(|_| ()))
    }

    /// Asks for the memory of elements of `size` bytes; returns how many this shape has.
    fn count(&mut self, shape: &[usize], size: usize) -> Result<usize, ImportError> {
        let (len, bytes) = self.sizes(shape, size)?;
        self.bytes(bytes)?;
        Ok(len)
    }

    /// How many numbers a shape has, of which all memory could hold one tensor. None is taken.
    pub(crate) fn len(&self, shape: &[usize]) -> Result<usize, ImportError> {
        Ok(self.sizes(shape, size_of::<f32>())?.0)
    }

    /// Asks for the memory of numbers of this shape, of up to 8 bytes each, which the caller
    /// allocates; returns how many there are.
    pub(crate) fn elements(&mut self, shape: &[usize]) -> Result<usize, ImportError> {
        self.count(shape, 8)
    }

    /// An empty list with room for the elements of a shape.
    pub(crate) fn list<T>(&mut self, shape: &[usize]) -> Result<Vec<T>, ImportError> {
        let len = self.count(shape, size_of::<T>())?;
        let mut list = Vec::new();
        let failed = |_| out_of_memory::<T>(len);
        list.try_reserve_exact(len).map_err(failed)?;
        Ok(list)
    }

    /// Makes room for more elements in a list.
    pub(crate) fn grow<T>(&mut self, list: &mut Vec<T>, more: usize) -> Result<(), ImportError> {
        self.count(&[more], size_of::<T>())?;
        list.try_reserve(more)
            .map_err(|_| out_of_memory::<T>(list.len().saturating_add(more)))
    }

    /// A list of elements, as many as the shape has.
    pub(crate) fn collect<T>(
        &mut self,
        shape: &[usize],
        elements: impl IntoIterator<Item = T>,
    ) -> Result<Vec<T>, ImportError> {
        let mut list = self.list(shape)?;
        list.extend(elements);
        Ok(list)
    }

    /// A list of one value, as often as the shape has elements.
    pub(crate) fn fill<T: Clone>(
        &mut self,
        shape: &[usize],
        value: T,
    ) -> Result<Vec<T>, ImportError> {
        let mut list = self.list(shape)?;
        list.resize(shape.iter().product(), value);
        Ok(list)
    }

    /// The same elements again.
    pub(crate) fn copy<T: Copy>(&mut self, elements: &[T]) -> Result<Vec<T>, ImportError> {
        self.collect(&[elements.len()], elements.iter().copied())
    }

    /// Asks for the work of as many operations as the factors multiply to.
    pub(crate) fn work(&mut self, factors: &[usize]) -> Result<(), ImportError> {
        let mut factors = factors.iter();
        let count = factors.try_fold(1_u64, |all, &n| all.checked_mul(n as u64));
        let left = count.and_then(|count| self.operations.checked_sub(count));
        self.operations = left.ok_or(ImportError::Limit {
            what: "operations",
            most: self.limits.operations,
        })?;
        Ok(())
    }
}

fn out_of_memory<T>(len: usize) -> ImportError {
    ImportError::Memory {
        bytes: len.saturating_mul(size_of::<T>()) as u64,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn budget() -> Budget {
        Budget::new(Limits {
            memory_bytes: 64,
            operations: 10,
            ..Limits::default()
        })
    }

    #[test]
    fn memory_is_counted_in_bytes_of_the_type() {
        assert_eq!(budget().fill(&[4, 4], 1_f32).unwrap(), [1.0; 16]);
        assert!(budget().fill(&[17], 1_f32).is_err());
        assert_eq!(budget().fill(&[8], 1_i64).unwrap(), [1; 8]);
        assert!(budget().fill(&[9], 1_i64).is_err());
        assert!(budget().list::<bool>(&[0, 65]).is_err());
        assert!(budget().list::<bool>(&[usize::MAX, 2]).is_err());
        let mut budget = budget();
        assert_eq!(budget.copy(&[1_i64; 5]).unwrap(), [1; 5]);
        assert!(budget.copy(&[1_i64; 5]).is_err());
        budget.release();
        assert!(budget.copy(&[1_i64; 5]).is_ok());
    }

    #[test]
    fn shapes_are_within_all_memory_and_take_none() {
        let mut budget = budget();
        budget.bytes(64).unwrap();
        assert_eq!(budget.len(&[4, 4]).unwrap(), 16);
        assert_eq!(budget.len(&[4, 0]).unwrap(), 0);
        assert!(budget.len(&[17]).is_err());
        // Products that wrap are more than any limit.
        let budget = Budget::new(Limits {
            memory_bytes: u64::MAX,
            ..Limits::default()
        });
        for shape in [&[1 << 31, 1 << 31, 4][..], &[0, usize::MAX, 2]] {
            let error = budget.len(shape).unwrap_err();
            assert!(matches!(error, ImportError::Limit { .. }), "{error}");
        }
    }

    #[test]
    fn operations_do_not_come_back() {
        let mut budget = budget();
        budget.work(&[2, 3]).unwrap();
        budget.release();
        assert_eq!(budget.operations(), 4);
        assert!(budget.work(&[5]).is_err());
        assert!(budget.work(&[usize::MAX, usize::MAX]).is_err());
    }

    #[test]
    fn memory_that_the_system_does_not_have_is_an_error() {
        let mut budget = Budget::new(Limits {
            memory_bytes: u64::MAX,
            ..Limits::default()
        });
        let error = budget.list::<u8>(&[usize::MAX / 2]).unwrap_err();
        assert!(matches!(error, ImportError::Memory { .. }), "{error}");
    }
}
