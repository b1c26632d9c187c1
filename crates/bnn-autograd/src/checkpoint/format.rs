//! A checkpoint as bytes, and untrusted bytes as a checkpoint.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::View;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use super::checksum::{self, ZEROS};
use super::elements::dtype;
use super::error::malformed;
use super::{Checkpoint, CheckpointError, PREFIXES, check_finite};
use crate::real::Real;
use crate::tensor::Tensor;

/// Version 1 had no checksum.
const VERSION: u64 = 2;

/// The one metadata entry. Of several, safetensors would write the order anew each time, and equal
/// states give equal bytes.
const ENTRY: &str = "bnn_checkpoint";

impl<T: Real> Checkpoint<T> {
    /// The checkpoint as the bytes of its file.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] where the names and strings exceed what a header may hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CheckpointError> {
        // The keys are written in the order of the alphabet: the checksum comes first.
        let entry = json!({
            "checksum": ZEROS,
            "version": VERSION,
            "optimizer_steps": self.optimizer_steps,
            "metadata": self.metadata,
        });
        let header = HashMap::from([(ENTRY.to_string(), entry.to_string())]);
        let tensors = self.tensors.iter().map(|(name, x)| (name, Bytes(x)));
        let mut file = safetensors::serialize(tensors, Some(header)).map_err(malformed)?;
        checksum::seal(&mut file)?;
        Ok(file)
    }
}

impl<T: Real> TryFrom<&[u8]> for Checkpoint<T> {
    type Error = CheckpointError;

    /// Reads a checkpoint; whatever the bytes are, they give a checkpoint or an error.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`], [`CheckpointError::Version`], [`CheckpointError::Checksum`];
    /// [`CheckpointError::ElementType`] where tensors are not of type `T`; what
    /// [`Checkpoint::capture`] does not write either, such as [`CheckpointError::NotFinite`].
    fn try_from(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let entry = entry(bytes)?;
        let entry = entry.ok_or_else(|| malformed(format!("no metadata entry `{ENTRY}`")))?;
        match version(&entry)? {
            VERSION => checksum::verify(bytes)?,
            found => {
                return Err(CheckpointError::Version {
                    expected: VERSION,
                    found,
                });
            }
        }
        let optimizer_steps = match &entry["optimizer_steps"] {
            Value::Null => None,
            steps => Some(
                steps
                    .as_u64()
                    .ok_or_else(|| malformed("the number of steps is not a count"))?,
            ),
        };
        let metadata = strings(&entry["metadata"])?;
        let file = SafeTensors::deserialize(bytes).map_err(malformed)?;
        let tensors = file.iter().map(|(name, view)| {
            let dtype = view.dtype();
            Ok((
                name.to_string(),
                tensor(name, dtype, view.shape(), view.data())?,
            ))
        });
        let tensors: BTreeMap<_, _> = tensors.collect::<Result<_, CheckpointError>>()?;
        for (name, tensor) in &tensors {
            check_finite(name, tensor)?;
            if !PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
                let unknown =
                    format!("`{name}` is neither a parameter nor a buffer nor an average");
                return Err(malformed(unknown));
            }
        }
        Ok(Self {
            tensors,
            optimizer_steps,
            metadata,
        })
    }
}

/// The entry of a checkpoint in a safetensors file; `None` in other files.
fn entry(bytes: &[u8]) -> Result<Option<Value>, CheckpointError> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
    let entry = header.metadata().as_ref().and_then(|m| m.get(ENTRY));
    entry
        .map(|entry| serde_json::from_str(entry).map_err(malformed))
        .transpose()
}

fn version(entry: &Value) -> Result<u64, CheckpointError> {
    entry["version"]
        .as_u64()
        .ok_or_else(|| malformed("no format version"))
}

/// Whether the bytes are those of a checkpoint, whole if its version has a checksum.
///
/// # Errors
/// [`CheckpointError::Version`] for one of a newer program, [`CheckpointError::Checksum`],
/// [`CheckpointError::Malformed`].
pub(super) fn is_checkpoint(bytes: &[u8]) -> Result<bool, CheckpointError> {
    let Some(entry) = entry(bytes)? else {
        return Ok(false);
    };
    match version(&entry)? {
        1 => {}
        VERSION => checksum::verify(bytes)?,
        found => {
            return Err(CheckpointError::Version {
                expected: VERSION,
                found,
            });
        }
    }
    Ok(true)
}

fn tensor<T: Real>(
    name: &str,
    found: Dtype,
    shape: &[usize],
    bytes: &[u8],
) -> Result<Tensor<T>, CheckpointError> {
    if found != dtype::<T>() {
        return Err(CheckpointError::ElementType {
            name: name.to_string(),
            expected: dtype::<T>().to_string(),
            found: found.to_string(),
        });
    }
    let elements = bytes.chunks(size_of::<T>()).map(T::from_le);
    let elements: Option<Vec<T>> = elements.collect();
    let elements = elements.ok_or_else(|| malformed(format!("`{name}` ends in mid-element")))?;
    Tensor::new(elements, shape).map_err(|error| malformed(format!("`{name}`: {error}")))
}

fn strings(object: &Value) -> Result<BTreeMap<String, String>, CheckpointError> {
    let object = object
        .as_object()
        .ok_or_else(|| malformed("the metadata is not an object"))?;
    let string = |(key, value): (&String, &Value)| {
        let value = value
            .as_str()
            .ok_or_else(|| malformed(format!("`{key}` is not a string")))?;
        Ok((key.clone(), value.to_string()))
    };
    object.iter().map(string).collect()
}

/// A tensor as safetensors takes it.
pub(super) struct Bytes<'a, T: Real>(pub(super) &'a Tensor<T>);

impl<T: Real> View for Bytes<'_, T> {
    fn dtype(&self) -> Dtype {
        dtype::<T>()
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = Vec::with_capacity(self.data_len());
        self.0.data().iter().for_each(|x| x.put_le(&mut bytes));
        bytes.into()
    }

    fn data_len(&self) -> usize {
        self.0.bytes()
    }
}
