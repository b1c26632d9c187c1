//! The rest of the memory and work that a file may ask for.

use crate::{ImportError, Limits};

/// Dimensions of a tensor, at most: more are no network's.
pub(crate) const RANK: usize = 16;

/// Counts down. Numbers that are dropped are not given back: what is counted is an upper bound.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    elements: u64,
    operations: u64,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            elements: limits.elements,
            operations: limits.operations,
        }
    }

    /// All is there again: for another run of the network, when the values of the one before are
    /// gone.
    pub(crate) fn renewed(&self) -> Self {
        Self::new(self.limits)
    }

    /// Asks for the memory of numbers of this shape; returns how many there are. Sizes of 0 count
    /// as 1 in the limit, so that strides do not overflow either.
    pub(crate) fn elements(&mut self, shape: &[usize]) -> Result<usize, ImportError> {
        let most = self.limits.elements;
        if shape.len() > RANK {
            return Err(ImportError::Limit {
                what: "dimensions of a tensor",
                most: RANK as u64,
            });
        }
        let limit = ImportError::Limit {
            what: "numbers in memory",
            most,
        };
        let nonzero: Vec<usize> = shape.iter().map(|&size| size.max(1)).collect();
        let count = product(&nonzero).filter(|&count| count <= self.elements);
        let Some(count) = count.filter(|&count| usize::try_from(count).is_ok()) else {
            return Err(limit);
        };
        self.elements -= count;
        Ok(shape.iter().product())
    }

    /// Asks for the work of as many operations as the factors multiply to.
    pub(crate) fn work(&mut self, factors: &[usize]) -> Result<(), ImportError> {
        let count = product(factors).filter(|&count| count <= self.operations);
        let count = count.ok_or(ImportError::Limit {
            what: "operations",
            most: self.limits.operations,
        })?;
        self.operations -= count;
        Ok(())
    }
}

fn product(sizes: &[usize]) -> Option<u64> {
    let mut sizes = sizes.iter();
    sizes.try_fold(1_u64, |all, &n| all.checked_mul(n as u64))
}
