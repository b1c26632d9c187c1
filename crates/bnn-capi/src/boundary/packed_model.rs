//! A packed model with the file that it points into, which it keeps itself or C's caller keeps.
#![allow(unsafe_code, reason = "the C boundary")]

use core::ptr;

use bnn_core::model::{AlignedBytes, Model, PackedModel};

use crate::error::Error;

/// A model, plain and packed, of a file that stays where it is.
#[derive(Debug)]
pub(crate) struct KeptModel {
    packed: PackedModel<'static>,
    model: Model<'static>,
    /// What the models above point into, if it is the library's; dropped after them.
    _file: Option<AlignedBytes>,
}

impl KeptModel {
    /// A model of bytes that it keeps.
    pub(crate) fn owning(file: AlignedBytes) -> Result<Self, Error> {
        // SAFETY: the bytes lie on the heap, where they stay, wherever `file` is moved, until it is
        // dropped. It is dropped after the models that point there, which are fields before it, or
        // here, where the models are gone by then; and nobody writes to them: the field is for
        // dropping alone.
        let bytes: &'static [u8] = unsafe { &*ptr::from_ref(&*file) };
        Self::new(bytes, Some(file))
    }

    /// A model of bytes that C's caller keeps.
    pub(crate) fn borrowing(bytes: &[u8]) -> Result<Self, Error> {
        // SAFETY: `bnn_packed_model_new_borrowing` asks the caller to keep the bytes where and as
        // they are until the model is freed.
        let bytes: &'static [u8] = unsafe { &*ptr::from_ref(bytes) };
        Self::new(bytes, None)
    }

    fn new(bytes: &'static [u8], file: Option<AlignedBytes>) -> Result<Self, Error> {
        let model = Model::open(bytes)?;
        Ok(Self {
            packed: PackedModel::new(model)?,
            model,
            _file: file,
        })
    }

    pub(crate) fn packed(&self) -> &PackedModel<'_> {
        &self.packed
    }

    pub(crate) fn model(&self) -> &Model<'_> {
        &self.model
    }
}
