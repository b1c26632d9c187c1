//! Packed models: a handle whose model points into a file that the handle itself, or C's caller,
//! keeps.
#![allow(unsafe_code, reason = "the C boundary")]

use core::ptr;
use core::sync::atomic::AtomicUsize;

use bnn_core::model::{AlignedBytes, Model, PackedModel};

use super::argument::Argument;
use super::ledger::Ledger;
use super::model::enter_file;
use super::pointer::checked;
use crate::error::Error;
use crate::packed_model::bnn_packed_model_t;

impl bnn_packed_model_t {
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
            most_samples: AtomicUsize::new(0),
            _file: file,
        })
    }
}

/// `const bnn_packed_model_t *`: a model that a call uses.
#[derive(Debug)]
pub(crate) struct PackedModelInput<'call> {
    packed: &'call bnn_packed_model_t,
    ledger: &'call Ledger,
}

impl<'call> PackedModelInput<'call> {
    /// The model; no output of the call overlaps its file.
    pub(crate) fn opened(self) -> Result<&'call bnn_packed_model_t, Error> {
        enter_file(&self.packed.model, self.ledger)?;
        Ok(self.packed)
    }
}

impl Argument for *const bnn_packed_model_t {
    type Checked<'call> = PackedModelInput<'call>;

    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<PackedModelInput<'call>, Error> {
        let pointer = checked(name, self)?;
        // SAFETY: non-null and aligned, and by the caller's promise a handle that nobody frees
        // during the call.
        let packed = unsafe { &*pointer };
        Ok(PackedModelInput { packed, ledger })
    }
}
