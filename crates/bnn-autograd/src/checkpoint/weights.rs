//! Weights under plain names, to be exchanged with other programs.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::SafeTensors;

use super::elements::{READ, elements};
use super::error::malformed;
use super::file::{io_error, read_file};
use super::format::{Bytes, is_checkpoint};
use super::{BUFFER, CheckpointError, PARAM, check_finite};
use crate::files::write_atomic;
use crate::nn::Module;
use crate::real::Real;
use crate::tensor::Tensor;

/// Tensors by name: a model's parameters and buffers, or what a `safetensors` file holds.
///
/// ```
/// use bnn_autograd::checkpoint::Weights;
/// use bnn_autograd::nn::BatchNorm;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("norm.safetensors");
/// let mut norm = BatchNorm::<f32>::new(4)?;
/// Weights::of(&norm)?.save(&path)?;
/// Weights::load(&path)?.restore(&mut norm)?; // also from a checkpoint
/// # Ok(())
/// # }
/// ```
///
/// Weights that were trained elsewhere come in by their names, after what differs was adapted:
/// ```
/// use bnn_autograd::checkpoint::Weights;
/// use bnn_autograd::nn::{BatchNorm, BinaryLinear, Sequential};
/// use bnn_autograd::{Error, Rng, Tensor};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut theirs = Weights::<f32>::default();
/// # let mut insert = |name: &str, x| theirs.tensors.insert(format!("module.{name}"), x);
/// # insert("fc1.weight", Tensor::full(0.5, &[4, 8])?);
/// # for name in ["weight", "bias", "running_mean", "running_var"] {
/// #     insert(&format!("bn1.{name}"), Tensor::full(0.5, &[4])?);
/// # }
/// # insert("conv.weight", Tensor::full(0.5, &[2, 3, 5, 5])?);
/// # let bytes = theirs.to_bytes()?;
/// // A state_dict of PyTorch's DataParallel, written by safetensors.torch.save_file:
/// let weights = Weights::try_from(&bytes[..])?
///     .rename(|name| name.strip_prefix("module.").map(str::to_owned))?
///     .convert_from_pytorch()?;
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
    /// Tensors by their names.
    pub tensors: BTreeMap<String, Tensor<T>>,
    /// The types of elements that are no floats, by the names of their tensors, which are an error
    /// once a model wants them. A name of `tensors` does not count here.
    pub others: BTreeMap<String, String>,
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
    /// The parameters and buffers of a model, under their dotted names. Shares the tensors until
    /// they change.
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
            if weights
                .tensors
                .insert(name.to_owned(), tensor.clone())
                .is_some()
            {
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

    /// Reads a file as `Weights::try_from` reads bytes.
    ///
    /// # Errors
    /// [`CheckpointError::Io`], and those of `Weights::try_from`.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let path = path.as_ref();
        Self::try_from(&*read_file(path).map_err(|source| io_error(path, source))?)
    }

    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    /// [`CheckpointError::Io`]; what was at `path` before is then still there.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        let path = path.as_ref();
        write_atomic(path, &self.to_bytes()?).map_err(|source| io_error(path, source))
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
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let others = self.others.keys();
        let others = others.filter(|&name| !self.tensors.contains_key(name));
        self.tensors.keys().chain(others).map(|name| &**name)
    }

    /// Renames the tensors; those for which `new_name` gives `None` are left out.
    ///
    /// # Errors
    /// [`CheckpointError::Duplicate`] where two tensors would have one name.
    pub fn rename(
        self,
        mut new_name: impl FnMut(&str) -> Option<String>,
    ) -> Result<Self, CheckpointError> {
        let mut others = self.others;
        others.retain(|name, _| !self.tensors.contains_key(name));
        let tensors = renamed(self.tensors, &mut new_name)?;
        let others = renamed(others, &mut new_name)?;
        match others.keys().find(|name| tensors.contains_key(*name)) {
            Some(name) => Err(CheckpointError::Duplicate { name: name.clone() }),
            None => Ok(Self { tensors, others }),
        }
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

    /// Gives a model those of its parameters and buffers that are here, and returns the names that
    /// were left over on both sides; on an error, none.
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

impl<T: Real> TryFrom<&[u8]> for Weights<T> {
    type Error = CheckpointError;

    /// Reads a `safetensors` file of any program; whatever the bytes are, they give weights or an
    /// error, in memory proportional to their number. Floats of 16, 32 and 64 bits become the
    /// nearest values of `T`. Tensors of other types keep their names alone; they are an error once
    /// a model wants them. Of a [`Checkpoint`](super::Checkpoint) these are the parameters and
    /// buffers under their plain names.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`], also for a float tensor without elements; of a checkpoint
    /// [`CheckpointError::Version`], [`CheckpointError::Checksum`] and
    /// [`CheckpointError::Duplicate`] where a parameter and a buffer have one name.
    fn try_from(bytes: &[u8]) -> Result<Self, CheckpointError> {
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
            if weights.tensors.insert(name.to_owned(), tensor).is_some() {
                return Err(CheckpointError::Duplicate { name: name.into() });
            }
        }
        Ok(weights)
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
