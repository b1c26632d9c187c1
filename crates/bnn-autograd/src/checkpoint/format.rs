//! A checkpoint as bytes, and bytes that nobody vouches for as a checkpoint.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::View;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use super::elements::dtype;
use super::{Checkpoint, CheckpointError};
use crate::real::Real;
use crate::tensor::Tensor;

const VERSION: u64 = 1;

/// The one metadata entry: safetensors writes several in no fixed order, and equal states shall give
/// equal bytes.
const ENTRY: &str = "bnn_checkpoint";

impl<T: Real> Checkpoint<T> {
    /// The checkpoint as the bytes of its file.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] where the names and strings exceed what a header may hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CheckpointError> {
        let entry = json!({
            "version": VERSION,
            "optimizer_steps": self.optimizer_steps,
            "metadata": self.metadata,
        });
        let header = HashMap::from([(ENTRY.to_string(), entry.to_string())]);
        let tensors = self.tensors.iter().map(|(name, x)| (name, Bytes(x)));
        safetensors::serialize(tensors, Some(header)).map_err(malformed)
    }

    /// Reads a checkpoint; whatever the bytes are, they give a checkpoint or an error.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`], [`CheckpointError::Version`], and
    /// [`CheckpointError::ElementType`] where tensors are not of type `T`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
        let entry = header.metadata().as_ref().and_then(|m| m.get(ENTRY));
        let entry = entry.ok_or_else(|| malformed(format!("no metadata entry `{ENTRY}`")))?;
        let entry: Value = serde_json::from_str(entry).map_err(malformed)?;
        match entry["version"].as_u64() {
            Some(VERSION) => {}
            Some(found) => {
                return Err(CheckpointError::Version {
                    expected: VERSION,
                    found,
                });
            }
            None => return Err(malformed("no format version")),
        }
        let optimizer_steps = match &entry["optimizer_steps"] {
            Value::Null => None,
            steps => Some(
                steps
                    .as_u64()
                    .ok_or_else(|| malformed("steps are no count"))?,
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
        Ok(Self {
            tensors: tensors.collect::<Result<_, CheckpointError>>()?,
            optimizer_steps,
            metadata,
        })
    }
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
        .ok_or_else(|| malformed("metadata is no object"))?;
    let string = |(key, value): (&String, &Value)| {
        let value = value
            .as_str()
            .ok_or_else(|| malformed(format!("`{key}` is no string")))?;
        Ok((key.clone(), value.to_string()))
    };
    object.iter().map(string).collect()
}

pub(super) fn malformed(reason: impl ToString) -> CheckpointError {
    CheckpointError::Malformed {
        reason: reason.to_string(),
    }
}

/// A tensor as safetensors wants to see it.
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
