//! Counts of binary weights that change their sign: a measure of whether, and how fast, a binary
//! network still learns (Helwegen et al. 2019, arXiv 1906.02107, section 5.1).

use std::collections::BTreeMap;

use bnn_core::BitMatrixViewMut;
use rayon::prelude::*;

use crate::error::Error;
use crate::nn::{Module, Param, ParamKind};
use crate::parallel::TASK_ELEMENTS;
use crate::real::Real;

/// The signs of all binary parameters of a model at some time, one bit per weight.
///
/// ```
/// use bnn_autograd::nn::{BinaryLinear, Module};
/// use bnn_autograd::optim::SignSnapshot;
/// use bnn_autograd::{Error, Rng, Tensor};
///
/// # fn main() -> Result<(), Error> {
/// let mut layer = BinaryLinear::<f32>::new(3, 2, &mut Rng::new(1))?;
/// let before = SignSnapshot::of(&layer)?;
/// let opposite = layer.weight.value().data().iter().map(|w| -w).collect();
/// let opposite = Tensor::new(opposite, &[2, 3])?;
/// layer.params_mut(&mut |_, param| param.set_value(opposite.clone()).unwrap());
/// let flips = before.flips_to(&SignSnapshot::of(&layer)?)?;
/// assert_eq!(flips.total.flipped, flips.total.of);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignSnapshot {
    params: BTreeMap<String, Signs>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Signs {
    words: Vec<u64>,
    /// Weights: the bits in use.
    count: u64,
}

/// How many weights differ in sign between two snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flips {
    /// The flips of each binary parameter, by its dotted name.
    pub params: BTreeMap<String, FlipCount>,
    /// The flips of all parameters together.
    pub total: FlipCount,
}

/// Flipped weights among all weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlipCount {
    /// Weights whose sign is another.
    pub flipped: u64,
    /// All weights.
    pub of: u64,
}

impl SignSnapshot {
    /// The signs as they are now.
    ///
    /// # Errors
    /// [`Error::Core`] if `BNN_ISA` asks for an instruction set that this CPU does not have.
    pub fn of<T: Real>(model: &dyn Module<T>) -> Result<Self, Error> {
        let mut params = Ok(BTreeMap::new());
        model.params(&mut |name, param| {
            if param.kind() == ParamKind::Binary
                && let Ok(all) = &mut params
            {
                match Signs::of(param) {
                    Ok(signs) => drop(all.insert(name.to_string(), signs)),
                    Err(error) => params = Err(error),
                }
            }
        });
        params.map(|params| Self { params })
    }

    /// Counts the weights that differ in sign between this snapshot and another of the same model.
    ///
    /// # Errors
    /// [`Error::Count`] if they are of different models: other binary parameters, or other sizes.
    pub fn flips_to(&self, other: &Self) -> Result<Flips, Error> {
        let mut params = BTreeMap::new();
        let mut total = FlipCount::default();
        for ((name, signs), (other_name, others)) in self.params.iter().zip(&other.params) {
            if (name, signs.count) != (other_name, others.count) {
                continue;
            }
            let (flipped, of) = (signs.distance(others), signs.count);
            params.insert(name.clone(), FlipCount { flipped, of });
            total.flipped += flipped;
            total.of += of;
        }
        let most = self.params.len().max(other.params.len());
        Error::check_count(
            "binary parameters common to two snapshots",
            most,
            params.len(),
        )?;
        Ok(Flips { params, total })
    }
}

impl Signs {
    fn of<T: Real>(param: &Param<T>) -> Result<Self, Error> {
        let x = param.value().data();
        let mut words = vec![0; x.len().div_ceil(64)];
        // Pieces are whole words: their length is a multiple of 64.
        words
            .par_chunks_mut(TASK_ELEMENTS / 64)
            .zip(x.par_chunks(TASK_ELEMENTS))
            .try_for_each(|(words, x)| {
                let mut bits = BitMatrixViewMut::cleared(words, 1, x.len())?;
                bnn_core::pack(x, x.len(), &mut bits)
            })?;
        let count = x.len() as u64;
        Ok(Self { words, count })
    }

    fn distance(&self, other: &Self) -> u64 {
        let pairs = self.words.iter().zip(&other.words);
        pairs.map(|(a, b)| u64::from((a ^ b).count_ones())).sum()
    }
}
