//! A model in memory of the caller's: how a [`Model`] lies in a `bnn_model_t`.
#![allow(unsafe_code, reason = "the C boundary")]

use core::ffi::c_void;
use core::ptr;

use bnn_core::model::Model;

use crate::error::Error;
use crate::model::bnn_model_t;

/// What the last word of an open model holds: no number that memory is likely to have by itself.
const OPEN: usize = 0xB1AA_71E5_6D0D_E15A_u64 as usize;

// The model lies in the words before the last.
const _: () = assert!(size_of::<Model<'_>>() < size_of::<bnn_model_t>());
const _: () = assert!(size_of::<bnn_model_t>() - size_of::<Model<'_>>() >= size_of::<usize>());
const _: () = assert!(align_of::<Model<'_>>() <= align_of::<bnn_model_t>());

impl bnn_model_t {
    /// The model, with the lifetime of its file forgotten: C's caller keeps the file.
    pub(crate) fn of(model: Model<'_>) -> Self {
        // Words are pointers, not numbers, so that they keep what pointers are besides numbers.
        let mut own = Self {
            words: [ptr::null(); 16],
        };
        own.words[15] = ptr::without_provenance::<c_void>(OPEN);
        // SAFETY: the words have room for a model in front of the last one, and its alignment.
        unsafe { ptr::from_mut(&mut own).cast::<Model<'_>>().write(model) };
        own
    }

    /// The model that lies here; in place, as a copy would be on the stack of a small device.
    pub(crate) fn opened(&self) -> Result<&Model<'_>, Error> {
        if self.words[15].addr() != OPEN {
            return Err(Error::NotOpen {
                argument: "model",
                by: "bnn_model_open",
            });
        }
        // SAFETY: only `of` writes the last word so, and a model in front of it, which has the words' alignment and
        // is borrowed with them; `bnn_model_open` asks the caller to keep the file for as long as he uses the model.
        Ok(unsafe { &*ptr::from_ref(self).cast::<Model<'_>>() })
    }
}
