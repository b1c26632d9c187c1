//! Models and training state in `safetensors` files.
//!
//! - [`Weights`]: the parameters and buffers of a model, under their plain names, for other
//!   programs too and from them.
//! - [`Checkpoint`]: all that a run needs to go on, with the optimizer's state and strings of the
//!   caller.
//!
//! In a checkpoint tensors are named `param.NAME`, `buffer.NAME` and `optimizer.SLOT.NAME`; the one
//! metadata entry, `bnn_checkpoint`, is a JSON object with the format version, a checksum, the
//! optimizer's step count and the caller's strings. Equal states give equal bytes. The checksum is
//! the XXH3-128 of the whole file with zeros in place of its 32 digits, so that a damaged file is
//! never taken for a state. Version 1 had none: its runs cannot go on, but its weights can be read,
//! as those of any checkpoint, as [`Weights`].

mod checksum;
mod elements;
mod error;
mod file;
mod format;
#[cfg(test)]
mod laws;
mod layout;
mod pytorch;
mod weights;

use std::collections::{BTreeMap, BTreeSet};

pub use error::CheckpointError;
pub use weights::{NamesLeft, Weights};

use crate::nn::Module;
use crate::optim::{Optimizer, OptimizerState};
use crate::real::Real;
use crate::tensor::Tensor;

/// The state of a training run.
///
/// ```
/// use std::collections::BTreeMap;
/// use bnn_autograd::Error;
/// use bnn_autograd::checkpoint::Checkpoint;
/// use bnn_autograd::nn::{BatchNorm, Module};
/// use bnn_autograd::optim::{Adam, Optimizer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let new = || Ok::<_, Error>((BatchNorm::new(3)?, Optimizer::new(Adam::new(0.01)?)));
/// let (model, optimizer): (BatchNorm, Optimizer) = new()?;
/// let strings = BTreeMap::from([("epoch".to_string(), "5".to_string())]);
/// let bytes = Checkpoint::capture(&model, Some(&optimizer), strings)?.to_bytes()?;
///
/// let (mut model, mut optimizer) = new()?;
/// let checkpoint = Checkpoint::try_from(&bytes[..])?;
/// checkpoint.restore(&mut model, Some(&mut optimizer))?;
/// assert_eq!(checkpoint.metadata["epoch"], "5");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint<T: Real = f32> {
    tensors: BTreeMap<String, Tensor<T>>,
    pub(crate) optimizer_steps: Option<u64>,
    /// The caller's strings.
    pub metadata: BTreeMap<String, String>,
}

impl<T: Real> Checkpoint<T> {
    /// The state of a model, of its optimizer if there is one, and the caller's strings (step,
    /// epoch, seed, configuration, ...). Shares the tensors until they change.
    ///
    /// # Errors
    /// [`CheckpointError::Duplicate`] where two parameters or two buffers have one name;
    /// [`CheckpointError::NotFinite`] where a number is NaN or infinite.
    pub fn capture(
        model: &dyn Module<T>,
        optimizer: Option<&Optimizer<T>>,
        metadata: BTreeMap<String, String>,
    ) -> Result<Self, CheckpointError> {
        let mut tensors = BTreeMap::new();
        let mut twice = None;
        let mut add = |name: String, tensor: &Tensor<T>| {
            if tensors.insert(name.clone(), tensor.clone()).is_some() {
                twice = Some(name);
            }
        };
        model.params(&mut |name, param| add(format!("{PARAM}{name}"), param.value()));
        model.buffers(&mut |name, buffer| add(format!("{BUFFER}{name}"), buffer));
        if let Some(optimizer) = optimizer {
            for (name, average) in &optimizer.state.averages {
                add(format!("{OPTIMIZER}{name}"), average);
            }
        }
        if let Some(name) = twice {
            return Err(CheckpointError::Duplicate { name });
        }
        for (name, tensor) in &tensors {
            check_finite(name, tensor)?;
        }
        Ok(Self {
            tensors,
            optimizer_steps: optimizer.map(|optimizer| optimizer.state.steps),
            metadata,
        })
    }

    /// Gives the model its parameters and buffers back, and the optimizer, if there is one, its
    /// state; all of it or, on an error, nothing.
    ///
    /// # Errors
    /// [`CheckpointError::Names`] with all names that only one side has, or that do not fit the
    /// optimizer's rules; [`CheckpointError::Shape`]; [`CheckpointError::NoOptimizer`] where the
    /// state of none was saved; [`CheckpointError::Negative`] for a mean of squares below 0.
    pub fn restore(
        &self,
        model: &mut dyn Module<T>,
        optimizer: Option<&mut Optimizer<T>>,
    ) -> Result<(), CheckpointError> {
        let mut wanted = Wanted::default();
        model.params(&mut |name, param| wanted.add(format!("{PARAM}{name}"), param.value()));
        model.buffers(&mut |name, buffer| wanted.add(format!("{BUFFER}{name}"), buffer));
        self.check(&wanted, &[PARAM, BUFFER])?;
        if let Some(optimizer) = optimizer {
            optimizer.state = self.state_of(optimizer, model)?;
        }

        let mut failed = Ok(());
        model.params_mut(&mut |name, param| {
            if let Some(value) = self.tensors.get(&format!("{PARAM}{name}"))
                && param.set_value(value.clone()).is_err()
            {
                failed = Err(CheckpointError::Unstable { name: name.into() });
            }
        });
        model.buffers_mut(&mut |name, buffer| {
            if let Some(value) = self.tensors.get(&format!("{BUFFER}{name}")) {
                *buffer = value.clone();
            }
        });
        failed
    }

    /// The state that was saved of an optimizer; `model` says which parameters there are.
    fn state_of(
        &self,
        optimizer: &Optimizer<T>,
        model: &dyn Module<T>,
    ) -> Result<OptimizerState<T>, CheckpointError> {
        let steps = self.optimizer_steps.ok_or(CheckpointError::NoOptimizer)?;
        let mut wanted = Wanted::default();
        let mut squares = Vec::new();
        model.params(&mut |name, param| {
            let rule = optimizer.rule(name, param);
            let mut names = Vec::new();
            for slot in rule.slots() {
                let name = format!("{OPTIMIZER}{slot}.{name}");
                if rule.is_mean_of_squares(slot) {
                    squares.push(name.clone());
                }
                names.push(name);
            }
            // A parameter that has had no gradient yet has no averages, but never a part of them.
            if names.iter().any(|name| self.tensors.contains_key(name)) {
                names
                    .into_iter()
                    .for_each(|name| wanted.add(name, param.value()));
            }
        });
        self.check(&wanted, &[OPTIMIZER])?;
        for name in squares {
            self.check_not_negative(name)?;
        }
        let strip = |(name, tensor): (&String, &Tensor<T>)| {
            Some((name.strip_prefix(OPTIMIZER)?.to_string(), tensor.clone()))
        };
        Ok(OptimizerState {
            steps,
            averages: self.tensors.iter().filter_map(strip).collect(),
        })
    }

    /// Checks that the tensors under `prefixes` are exactly the wanted ones.
    fn check(&self, wanted: &Wanted, prefixes: &[&str]) -> Result<(), CheckpointError> {
        let mut missing = Vec::new();
        for (name, expected) in &wanted.shapes {
            match self.tensors.get(name) {
                None => missing.push(name.clone()),
                Some(tensor) if tensor.shape() != expected => {
                    return Err(CheckpointError::Shape {
                        name: name.clone(),
                        expected: expected.clone(),
                        found: tensor.shape().to_vec(),
                    });
                }
                Some(_) => {}
            }
        }
        let names: BTreeSet<_> = wanted.shapes.iter().map(|(name, _)| name).collect();
        let meant = |name: &&String| prefixes.iter().any(|prefix| name.starts_with(prefix));
        let found = self.tensors.keys().filter(meant);
        let unexpected: Vec<_> = found
            .filter(|name| !names.contains(name))
            .cloned()
            .collect();
        if missing.is_empty() && unexpected.is_empty() {
            return Ok(());
        }
        Err(CheckpointError::Names {
            missing,
            unexpected,
        })
    }

    fn check_not_negative(&self, name: String) -> Result<(), CheckpointError> {
        let data = self.tensors.get(&name).map_or(&[][..], Tensor::data);
        match data.iter().position(|&x| x < T::zero()) {
            Some(index) => Err(CheckpointError::Negative {
                name,
                index,
                value: data[index].as_f64(),
            }),
            None => Ok(()),
        }
    }
}

const PARAM: &str = "param.";
const BUFFER: &str = "buffer.";
const OPTIMIZER: &str = "optimizer.";
const PREFIXES: [&str; 3] = [PARAM, BUFFER, OPTIMIZER];

/// Refuses a tensor of which a number is NaN or infinite.
fn check_finite<T: Real>(name: &str, tensor: &Tensor<T>) -> Result<(), CheckpointError> {
    let data = tensor.data();
    match data.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(CheckpointError::NotFinite {
            name: name.to_owned(),
            index,
            value: data[index].as_f64(),
        }),
        None => Ok(()),
    }
}

/// Names and shapes that a checkpoint has to have.
#[derive(Default)]
struct Wanted {
    shapes: Vec<(String, Vec<usize>)>,
}

impl Wanted {
    fn add<T: Real>(&mut self, name: String, like: &Tensor<T>) {
        self.shapes.push((name, like.shape().to_vec()));
    }
}
