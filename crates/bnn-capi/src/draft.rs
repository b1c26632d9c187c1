//! What the builders of chains and of graphs have in common: a model in the making becomes a file.

use bnn_core::model::InputType;

use crate::boundary::{Input, Output};
use crate::error::Error;
use crate::memory;
use crate::model::bnn_element_t;
use crate::shape::{at_least, at_most};
use crate::status::bnn_status_t;

/// The most bytes of anything in a model file, which is smaller than 4 GiB.
pub(crate) const MAX_BYTES: usize = u32::MAX as usize;

/// A model in the making, or its file.
#[derive(Debug)]
pub(crate) enum Draft<T> {
    Open(Box<T>),
    /// The file.
    Finished(Vec<u8>),
}

impl<T> Draft<T> {
    /// The model, as long as something can be added to it.
    pub(crate) fn open(&mut self) -> Result<&mut T, Error> {
        match self {
            Draft::Open(model) => Ok(model),
            Draft::Finished(_) => Err(refused("the model is finished: nothing can be added")),
        }
    }

    /// Copies the file, which the function `by` has finished, to C.
    pub(crate) fn copy(&self, by: &str, bytes: Output<'_, u8>, len: usize) -> Result<(), Error> {
        let Draft::Finished(file) = self else {
            let message = format!("the model is not finished, expected {by} before");
            return Err(refused(&message));
        };
        at_least("len", file.len(), len)?;
        bytes.write(file.len())?.copy_from_slice(file);
        Ok(())
    }
}

/// Checks that there is memory to write a file of `bytes` bytes of weights, numbers and text: the
/// section, which doubles as it grows, the file, and a copy of it that is opened.
pub(crate) fn room_to_write(bytes: usize) -> Result<(), Error> {
    memory::available(bytes.saturating_mul(5).saturating_add(1 << 20))
}

/// Checks that there is memory for the scales and the biases of `n` columns, which a batch norm
/// becomes: whole pages.
pub(crate) fn room_to_fold(n: usize) -> Result<(), Error> {
    memory::available(
        n.saturating_mul(2 * size_of::<f32>())
            .saturating_add(1 << 16),
    )
}

/// A refusal of what a model, or its file, cannot hold.
pub(crate) fn refused(message: &str) -> Error {
    Error::Refused {
        status: bnn_status_t::BNN_ERROR_LAYER,
        message: message.to_owned(),
    }
}

/// A refusal of a number that is none of those expected.
pub(crate) fn out_of_range(message: String) -> Error {
    Error::Refused {
        status: bnn_status_t::BNN_ERROR_RANGE,
        message,
    }
}

/// The type of samples: bits, or unsigned integers of `element_bits` bits.
pub(crate) fn input_type(element: i32, element_bits: i32) -> Result<InputType, Error> {
    let bits = bnn_element_t::BNN_ELEMENT_BITS as i32;
    let bytes = bnn_element_t::BNN_ELEMENT_U8 as i32;
    match (element, element_bits) {
        (element, 1) if element == bits => Ok(InputType::Bits),
        (element, 1..=8) if element == bytes => Ok(InputType::Unsigned {
            depth: element_bits as u8,
        }),
        _ => Err(out_of_range(format!(
            "element is {element} of {element_bits} bits, expected BNN_ELEMENT_BITS of 1 or BNN_ELEMENT_U8 of 1 to 8"
        ))),
    }
}

/// A copy of `len` bytes of C's as the metadata of a file.
pub(crate) fn metadata(text: Input<'_, u8>, len: usize) -> Result<String, Error> {
    at_most("len", MAX_BYTES, len)?;
    String::from_utf8(memory::copied(text.read(len)?)?)
        .map_err(|error| out_of_range(format!("text: expected UTF-8: {error}")))
}
