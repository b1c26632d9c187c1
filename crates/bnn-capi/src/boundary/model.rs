//! A model in memory of the caller: how a [`Model`] lies in a `bnn_model_t`.
#![allow(unsafe_code, reason = "the C boundary")]

use core::ffi::c_void;
use core::ptr;

use bnn_core::model::Model;

use super::argument::Argument;
use super::ledger::{Ledger, Region};
use super::pointer::{Input, Output, checked};
use crate::error::Error;
use crate::model::bnn_model_t;

/// The last word of an open model: a number that memory is unlikely to hold by chance.
const OPEN: usize = 0xB1AA_71E5_6D0D_E15A_u64 as usize;

// The model lies in the words before the last.
const _: () = assert!(size_of::<Model<'_>>() < size_of::<bnn_model_t>());
const _: () = assert!(size_of::<bnn_model_t>() - size_of::<Model<'_>>() >= size_of::<usize>());
const _: () = assert!(align_of::<Model<'_>>() <= align_of::<bnn_model_t>());

impl bnn_model_t {
    /// The model, with the lifetime of its file forgotten: C's caller keeps the file. Every byte is
    /// initialised, for C may copy and compare them: a [`Model`] has no padding.
    pub(crate) fn of(model: Model<'_>) -> Self {
        // Words are pointers, not numbers, so that they keep what pointers are besides numbers.
        let mut own = Self {
            words: [ptr::null(); 16],
        };
        own.words[15] = ptr::without_provenance::<c_void>(OPEN);
        // SAFETY: the words have the alignment of a model and room for one before the last word.
        unsafe { ptr::from_mut(&mut own).cast::<Model<'_>>().write(model) };
        own
    }

    /// The model that lies here; in place, because a copy would be on the stack of a small device.
    pub(crate) fn opened(&self) -> Result<&Model<'_>, Error> {
        if self.words[15].addr() != OPEN {
            return Err(Error::NotOpen {
                argument: "model",
                by: "bnn_model_open",
            });
        }
        // SAFETY: only `of` writes this last word, and a model before it, which has the alignment
        // of the words and is borrowed with them. `bnn_model_open` asks the caller to keep the file
        // in place for as long as the model is used.
        Ok(unsafe { &*ptr::from_ref(self).cast::<Model<'_>>() })
    }
}

/// Enters the file of `model` into the ledger: nothing that a call writes may overlap it.
pub(super) fn enter_file(model: &Model<'_>, ledger: &Ledger) -> Result<(), Error> {
    let file = model.file();
    ledger.enter(Region::of(
        "the model's file",
        file.as_ptr(),
        file.len(),
        false,
    )?)
}

/// `const bnn_model_t *`: a model that a call uses.
#[derive(Debug)]
pub(crate) struct ModelInput<'call>(Input<'call, bnn_model_t>);

impl<'call> ModelInput<'call> {
    /// The model; no output of the call overlaps it or its file.
    pub(crate) fn opened(self) -> Result<&'call Model<'call>, Error> {
        let ledger = self.0.ledger;
        let [model] = self.0.read(1)? else {
            // A slice of length 1 has one element.
            return Err(bnn_core::Error::Zero { what: "model" }.into());
        };
        let model = model.opened()?;
        enter_file(model, ledger)?;
        Ok(model)
    }
}

impl Argument for *const bnn_model_t {
    type Checked<'call> = ModelInput<'call>;
    /// The struct and the file.
    const REGIONS: usize = 2;

    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<ModelInput<'call>, Error> {
        let pointer = checked(name, self)?;
        Ok(ModelInput(Input {
            pointer,
            name,
            ledger,
        }))
    }
}

impl Argument for *mut bnn_model_t {
    type Checked<'call> = Output<'call, bnn_model_t>;

    unsafe fn check<'call>(
        self,
        name: &'static str,
        ledger: &'call Ledger,
    ) -> Result<Output<'call, bnn_model_t>, Error> {
        let pointer = checked(name, self.cast_const())?.cast_mut();
        Ok(Output {
            pointer,
            name,
            ledger,
        })
    }
}
