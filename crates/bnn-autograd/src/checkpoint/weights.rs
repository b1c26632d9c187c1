//! Weights under plain names, to be exchanged with other programs.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::SafeTensors;

use super::elements::{READ, elements};
use super::file::{io_error, read_file};
use super::format::{Bytes, is_checkpoint, malformed};
use super::{BUFFER, CheckpointError, PARAM, check_finite};
use crate::error::Error;
use crate::files::write_atomic;
use crate::nn::Module;
use crate::real::Real;
use crate::tensor::Tensor;

/// Writes the parameters and buffers of a model to a `safetensors` file, under their dotted names.
/// The file is replaced whole or not at all.
///
/// # Errors
/// Those of [`Weights::of`] and [`Weights::save`].
pub fn save_weights<T: Real>(
    model: &dyn Module<T>,
    path: impl AsRef<Path>,
) -> Result<(), CheckpointError> {
    Weights::of(model)?.save(path)
}

/// Gives a model the parameters and buffers of a `safetensors` file that has exactly its names, as
/// [`save_weights`] writes it, or of a checkpoint; all of them or, on an error, none. Numbers of 16, 32
/// and 64 bits are converted. For other files see [`Weights`].
///
/// # Errors
/// Those of [`Weights::load`] and [`Weights::restore`].
pub fn load_weights<T: Real>(
    model: &mut dyn Module<T>,
    path: impl AsRef<Path>,
) -> Result<(), CheckpointError> {
    Weights::load(path)?.restore(model)
}

/// Tensors by name: a model's parameters and buffers, or what a `safetensors` file holds.
///
/// Weights that were trained elsewhere come in by their names, after what differs was adapted:
/// ```
/// use bnn_autograd::checkpoint::{Weights, oihw_to_ohwi};
/// use bnn_autograd::nn::{BatchNorm, BinaryLinear, Sequential};
/// use bnn_autograd::{Error, Rng, Tensor};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut theirs = Weights::<f32>::default();
/// # theirs.insert("module.fc1.weight", Tensor::full(0.5, &[4, 8])?);
/// # for name in ["weight", "bias", "running_mean", "running_var"] {
/// #     theirs.insert(format!("module.bn1.{name}"), Tensor::full(0.5, &[4])?);
/// # }
/// # theirs.insert("module.conv.weight", Tensor::full(0.5, &[2, 3, 5, 5])?);
/// # let bytes = theirs.to_bytes()?;
/// // A state_dict of PyTorch's DataParallel, written by safetensors.torch.save_file:
/// let mut weights = Weights::from_bytes(&bytes)?
///     .rename(|name| name.strip_prefix("module.").map(str::to_owned))?
///     .rename_from_pytorch()?;
/// weights.change("conv.weight", oihw_to_ohwi)?;
///
/// let mut net = Sequential::<f32>::new()
///     .named("fc1", BinaryLinear::new(8, 4, &mut Rng::new(1))?)
///     .named("bn1", BatchNorm::new(4)?);
/// let left = weights.restore_matching(&mut net)?; // `restore` wants all names to match
/// assert_eq!(left.unexpected, ["conv.weight"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Weights<T: Real = f32> {
    tensors: BTreeMap<String, Tensor<T>>,
    /// Types of the tensors that are no floats, of which a file may have some.
    others: BTreeMap<String, String>,
}

/// Names that only one side had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamesLeft {
    /// Parameters and buffers of the model that were left as they are.
    pub missing: Vec<String>,
    /// Tensors of the file that the model has no place for.
    pub unexpected: Vec<String>,
}

impl<T: Real> Weights<T> {
    /// The parameters and buffers of a model, under their dotted names. Shares the tensors until they
    /// change.
    ///
    /// # Errors
    /// [`CheckpointError::Duplicate`] where two of them have one name;
    /// [`CheckpointError::NotFinite`] where a number is NaN or infinite.
    pub fn of(model: &dyn Module<T>) -> Result<Self, CheckpointError> {
        let weights = Self::collect(model)?;
        for (name, tensor) in &weights.tensors {
            check_finite(name, tensor)?;
        }
        Ok(weights)
    }

    /// The parameters and buffers of a model, whatever their numbers are.
    fn collect(model: &dyn Module<T>) -> Result<Self, CheckpointError> {
        let mut weights = Self::default();
        let mut twice = None;
        let mut add = |name: &str, tensor: &Tensor<T>| {
            if weights.insert(name, tensor.clone()).is_some() {
                twice = Some(name.to_owned());
            }
        };
        model.params(&mut |name, param| add(name, param.value()));
        model.buffers(&mut |name, buffer| add(name, buffer));
        match twice {
            Some(name) => Err(CheckpointError::Duplicate { name }),
            None => Ok(weights),
        }
    }

    /// Reads a file; see [`Weights::from_bytes`].
    ///
    /// # Errors
    /// [`CheckpointError::Io`], and those of [`Weights::from_bytes`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let path = path.as_ref();
        Self::from_bytes(&read_file(path).map_err(|source| io_error(path, source))?)
    }

    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    /// [`CheckpointError::Io`]; what was at `path` before is then still there.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        let path = path.as_ref();
        write_atomic(path, &self.to_bytes()?).map_err(|source| io_error(path, source))
    }

    /// Reads a `safetensors` file of any program; whatever the bytes are, they give weights or an
    /// error, in memory proportional to their number. Floats of 16, 32 and 64 bits become the nearest
    /// values of `T`. Tensors of other types keep their names alone; they are an error once a model
    /// wants them. Of a [`Checkpoint`](super::Checkpoint) these are the parameters and buffers under
    /// their plain names.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`], also for a float tensor without elements; of a checkpoint
    /// [`CheckpointError::Version`], [`CheckpointError::Checksum`] and [`CheckpointError::Duplicate`]
    /// where a parameter and a buffer have one name.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let is_checkpoint = is_checkpoint(bytes)?;
        let file = SafeTensors::deserialize(bytes).map_err(malformed)?;
        let mut weights = Self::default();
        for (name, view) in file.iter() {
            let plain = || name.strip_prefix(PARAM).or(name.strip_prefix(BUFFER));
            let name = match is_checkpoint {
                false => name,
                true => match plain() {
                    Some(plain) => plain,
                    None => continue,
                },
            };
            let Some(data) = elements(view.dtype(), view.data()) else {
                let dtype = view.dtype().to_string();
                weights.others.insert(name.to_owned(), dtype);
                continue;
            };
            let tensor = Tensor::new(data, view.shape());
            let tensor = tensor.map_err(|error| malformed(format!("`{name}`: {error}")))?;
            if weights.insert(name, tensor).is_some() {
                return Err(CheckpointError::Duplicate { name: name.into() });
            }
        }
        Ok(weights)
    }

    /// The bytes of a `safetensors` file, in numbers of type `T`. Equal weights give equal bytes.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] where the names exceed what a header may hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CheckpointError> {
        let tensors = self.tensors.iter().map(|(name, x)| (name, Bytes(x)));
        safetensors::serialize(tensors, None).map_err(malformed)
    }

    /// All names, also those of tensors that are no floats.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors
            .keys()
            .chain(self.others.keys())
            .map(|name| &**name)
    }

    /// The tensor of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tensor<T>> {
        self.tensors.get(name)
    }

    /// Adds a tensor; returns the one that had the name before.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor<T>) -> Option<Tensor<T>> {
        let name = name.into();
        self.others.remove(&name);
        self.tensors.insert(name, tensor)
    }

    /// Renames the tensors; those for which `new_name` gives `None` are left out.
    ///
    /// # Errors
    /// [`CheckpointError::Duplicate`] where two tensors would have one name.
    pub fn rename(
        self,
        mut new_name: impl FnMut(&str) -> Option<String>,
    ) -> Result<Self, CheckpointError> {
        let tensors = renamed(self.tensors, &mut new_name)?;
        let others = renamed(self.others, &mut new_name)?;
        match others.keys().find(|name| tensors.contains_key(*name)) {
            Some(name) => Err(CheckpointError::Duplicate { name: name.clone() }),
            None => Ok(Self { tensors, others }),
        }
    }

    /// Replaces a tensor by what `change` makes of it; [`oihw_to_ohwi`](super::oihw_to_ohwi) is such a
    /// change, for the weights of a convolution.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`] where there is no such tensor; [`CheckpointError::Layout`] with
    /// the error of `change`.
    pub fn change(
        &mut self,
        name: &str,
        change: impl FnOnce(&Tensor<T>) -> Result<Tensor<T>, Error>,
    ) -> Result<(), CheckpointError> {
        let name = || name.to_owned();
        let tensor = self.tensors.get_mut(&name());
        let tensor = tensor.ok_or_else(|| CheckpointError::Missing { name: name() })?;
        *tensor = change(tensor).map_err(|source| CheckpointError::Layout {
            name: name(),
            source,
        })?;
        Ok(())
    }

    /// Gives a model all its parameters and buffers; all of them or, on an error, none.
    ///
    /// # Errors
    /// [`CheckpointError::Names`] with all names that only one side has; else as
    /// [`Weights::restore_matching`].
    pub fn restore(&self, model: &mut dyn Module<T>) -> Result<(), CheckpointError> {
        let NamesLeft {
            missing,
            unexpected,
        } = self.compare(model)?;
        if !missing.is_empty() || !unexpected.is_empty() {
            return Err(CheckpointError::Names {
                missing,
                unexpected,
            });
        }
        self.give(model)
    }

    /// Gives a model those of its parameters and buffers that are here, and returns the names that were left
    /// over on both sides; on an error, none.
    ///
    /// # Errors
    /// [`CheckpointError::Shape`] where a tensor has another shape than the model's;
    /// [`CheckpointError::ElementType`] where it is not of a float type;
    /// [`CheckpointError::NotFinite`] where a number of it is NaN or infinite;
    /// [`CheckpointError::Duplicate`] where the model has one name twice.
    pub fn restore_matching(
        &self,
        model: &mut dyn Module<T>,
    ) -> Result<NamesLeft, CheckpointError> {
        let left = self.compare(model)?;
        self.give(model)?;
        Ok(left)
    }

    /// Names that only one side has; what both have fits.
    fn compare(&self, model: &dyn Module<T>) -> Result<NamesLeft, CheckpointError> {
        let wanted = Self::collect(model)?.tensors;
        let mut left = NamesLeft::default();
        for (name, like) in &wanted {
            match self.tensors.get(name) {
                Some(tensor) if tensor.shape() == like.shape() => check_finite(name, tensor)?,
                Some(tensor) => {
                    return Err(CheckpointError::Shape {
                        name: name.clone(),
                        expected: like.shape().to_vec(),
                        found: tensor.shape().to_vec(),
                    });
                }
                None => match self.others.get(name) {
                    Some(found) => {
                        return Err(CheckpointError::ElementType {
                            name: name.clone(),
                            expected: READ.into(),
                            found: found.clone(),
                        });
                    }
                    None => left.missing.push(name.clone()),
                },
            }
        }
        let unexpected = self.names().filter(|&name| !wanted.contains_key(name));
        left.unexpected = unexpected.map(str::to_owned).collect();
        Ok(left)
    }

    fn give(&self, model: &mut dyn Module<T>) -> Result<(), CheckpointError> {
        let mut result = Ok(());
        model.params_mut(&mut |name, param| {
            if let Some(value) = self.tensors.get(name)
                && param.set_value(value.clone()).is_err()
            {
                result = Err(CheckpointError::Unstable { name: name.into() });
            }
        });
        model.buffers_mut(&mut |name, buffer| {
            if let Some(value) = self.tensors.get(name) {
                *buffer = value.clone();
            }
        });
        result
    }
}

impl<T: Real> Default for Weights<T> {
    /// No tensors.
    fn default() -> Self {
        Self {
            tensors: BTreeMap::new(),
            others: BTreeMap::new(),
        }
    }
}

fn renamed<V>(
    all: BTreeMap<String, V>,
    new_name: &mut impl FnMut(&str) -> Option<String>,
) -> Result<BTreeMap<String, V>, CheckpointError> {
    let mut renamed = BTreeMap::new();
    for (old, value) in all {
        let Some(name) = new_name(&old) else {
            continue;
        };
        if renamed.insert(name.clone(), value).is_some() {
            return Err(CheckpointError::Duplicate { name });
        }
    }
    Ok(renamed)
}
