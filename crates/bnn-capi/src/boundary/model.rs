//! A model in memory of the caller: how a [`Model`] lies in the words of a struct of the header.
#![allow(unsafe_code, reason = "the C boundary")]

use core::ffi::c_void;
use core::ptr;

use bnn_core::model::Model;

use crate::error::Error;

/// The words of a struct in which a model lies. They are pointers, not numbers, so that they keep
/// what pointers are besides numbers.
type ModelWords = [*const c_void; 16];

/// The last word of an open model: a number that memory is unlikely to hold by chance.
const OPEN: usize = 0xB1AA_71E5_6D0D_E15A_u64 as usize;

// The model lies in the words before the last.
const _: () = assert!(size_of::<Model<'_>>() < size_of::<ModelWords>());
const _: () = assert!(size_of::<ModelWords>() - size_of::<Model<'_>>() >= size_of::<usize>());
const _: () = assert!(align_of::<Model<'_>>() <= align_of::<ModelWords>());

/// The words of a model, with the lifetime of its file forgotten: C's caller keeps the file. Every
/// byte is initialised, for C may copy and compare them: a [`Model`] has no padding.
pub(crate) fn model_words(model: Model<'_>) -> ModelWords {
    let mut words = [ptr::null(); 16];
    words[15] = ptr::without_provenance::<c_void>(OPEN);
    // SAFETY: the words have the alignment of a model and room for one before the last word.
    unsafe { ptr::from_mut(&mut words).cast::<Model<'_>>().write(model) };
    words
}

/// The model that lies in the words; in place, because a copy would be on the stack of a small
/// device.
pub(crate) fn model_in(words: &ModelWords) -> Result<&Model<'_>, Error> {
    if words[15].addr() != OPEN {
        return Err(Error::NotOpen {
            argument: "model",
            by: "bnn_model_open",
        });
    }
    // SAFETY: only `model_words` writes this last word, and a model before it, which has the
    // alignment of the words and is borrowed with them. `bnn_model_open` asks the caller to keep the
    // file in place for as long as the model is used.
    Ok(unsafe { &*ptr::from_ref(words).cast::<Model<'_>>() })
}
