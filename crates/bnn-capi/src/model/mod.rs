//! Opens model files in place and runs them in memory of the caller: no heap.

use core::ffi::c_void;

use bnn_core::model::{InputType, Model, OutputType};

use bnn_element_t::*;

use crate::boundary::{Input, Ledger, Output, Readable, Writable, model_in, model_words};
use crate::error::Error;
use crate::shape::nonzero;
use crate::status::bnn_status_t;

/// The type of the elements of a model's input or output. Numbers are fixed.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the names of the header")]
pub enum bnn_element_t {
    /// -1 or +1, packed by the bit law; a sample, and of images every pixel, starts on a word
    /// (`uint64_t`).
    BNN_ELEMENT_BITS = 0,
    /// Unsigned integers, a `uint8_t` each.
    BNN_ELEMENT_U8 = 1,
    /// Integer sums, an `int32_t` each.
    BNN_ELEMENT_I32 = 2,
    /// Scores, a `float` each.
    BNN_ELEMENT_F32 = 3,
    /// Fixed point, signed integers of 16 bits: of nodes inside graphs alone, neither of an input
    /// nor of an output.
    BNN_ELEMENT_I16 = 4,
}

/// A sample of what a model takes in or gives out.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_tensor_t {
    /// Elements per sample.
    pub elements: usize,
    /// Bytes per sample; samples follow each other without gaps.
    pub bytes: usize,
    /// A `bnn_element_t`: the type of the elements. Later versions may add some.
    pub element: i32,
    /// Bits in use per element: 1 for bits; 1 to 8 for unsigned integers, each less than `1 <<
    /// bits`; 32 for the others.
    pub element_bits: i32,
}

plain!(bnn_tensor_t {
    elements,
    bytes,
    element,
    element_bits
});

/// An open model file. The struct belongs to the caller and may be on the stack; copies of it work
/// equally, and there is nothing to free. Only `bnn_model_open` writes it, and any number of
/// threads may use it at once. The other functions refuse a struct that is all zeros.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_model_t {
    /// For the library only.
    pub words: [*const c_void; 16],
}

plain_layout!(bnn_model_t { words });

impl bnn_model_t {
    pub(crate) fn of(model: Model<'_>) -> Self {
        let words = model_words(model);
        Self { words }
    }

    /// The model that lies here.
    pub(crate) fn opened(&self) -> Result<&Model<'_>, Error> {
        model_in(&self.words)
    }
}

/// Enters the file of `model` into the ledger.
pub(crate) fn enter_file(model: &Model<'_>, ledger: &Ledger) -> Result<(), Error> {
    ledger.reads("the model's file", model.file())
}

/// `const bnn_model_t *`: a model that a call uses.
#[derive(Debug)]
pub(crate) struct ModelInput<'call>(Input<'call, bnn_model_t>);

impl<'call> ModelInput<'call> {
    /// The model; no output of the call overlaps it or its file.
    pub(crate) fn opened(self) -> Result<&'call Model<'call>, Error> {
        let ledger = self.0.ledger();
        let model = self.0.one()?.opened()?;
        enter_file(model, ledger)?;
        Ok(model)
    }
}

impl Readable for bnn_model_t {
    type Seen<'call> = ModelInput<'call>;
    /// The struct and the file.
    const REGIONS: usize = 2;

    fn seen(input: Input<'_, Self>) -> ModelInput<'_> {
        ModelInput(input)
    }
}

impl Writable for bnn_model_t {
    type Seen<'call> = Output<'call, Self>;

    fn seen(output: Output<'_, Self>) -> Output<'_, Self> {
        output
    }
}

pub(crate) fn input_of(model: &Model<'_>) -> Result<bnn_tensor_t, Error> {
    let (elements, input) = model.input();
    match input {
        InputType::Bits => bits(elements, model.sizes().input_len),
        InputType::Unsigned { depth } => numbers(BNN_ELEMENT_U8, elements, 1, depth.into()),
        // The model makes bits of them.
        InputType::Thresholds => numbers(BNN_ELEMENT_U8, elements, 1, 8),
        _ => Err(UNKNOWN),
    }
}

pub(crate) fn output_of(model: &Model<'_>) -> Result<bnn_tensor_t, Error> {
    let (elements, output) = model.output();
    match output {
        OutputType::Bits => bits(elements, model.sizes().output_len),
        OutputType::I32 => numbers(BNN_ELEMENT_I32, elements, size_of::<i32>(), 32),
        OutputType::F32 => numbers(BNN_ELEMENT_F32, elements, size_of::<f32>(), 32),
        _ => Err(UNKNOWN),
    }
}

/// A type that a later core has added, and this file does not know yet.
const UNKNOWN: Error = Error::Core(bnn_core::Error::Unsupported {
    what: "a model of a type of elements that this library does not know",
});

fn bits(elements: usize, words: usize) -> Result<bnn_tensor_t, Error> {
    let tensor = numbers(BNN_ELEMENT_BITS, words, size_of::<u64>(), 1)?;
    Ok(bnn_tensor_t { elements, ..tensor })
}

fn numbers(
    element: bnn_element_t,
    elements: usize,
    size: usize,
    element_bits: i32,
) -> Result<bnn_tensor_t, Error> {
    Ok(bnn_tensor_t {
        elements,
        bytes: times("bytes of a sample", elements, size)?,
        element: element as i32,
        element_bits,
    })
}

pub(crate) fn times(what: &'static str, a: usize, b: usize) -> Result<usize, Error> {
    Ok(a.checked_mul(b).ok_or(bnn_core::Error::Overflow { what })?)
}

export! {
    /// Checks all of a model file and opens it in place.
    ///
    /// - `bytes`: read, `len` bytes, the whole file, from an address that is a multiple of 8. They
    ///   must stay where and as they are for as long as the model, or a copy of it, is used.
    /// - `out`: receives the model. Written on success only.
    ///
    /// A model that opens is safe to run, whatever the bytes are.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, OVERLAP, MODEL_FORMAT, MODEL_DAMAGED,
    /// MODEL_INVALID.
    pub fn bnn_model_open(bytes: *const u8, len: usize, out: *mut bnn_model_t) -> bnn_status_t {
        nonzero("len", len)?;
        let bytes = bytes.read(len)?;
        let out = out.place()?;
        out.put(bnn_model_t::of(Model::open(bytes)?));
        Ok(())
    }
}

export! {
    /// Describes a sample of the model's input.
    ///
    /// - `out`: written.
    ///
    /// Errors: NULL, MISALIGNED, NOT_OPEN, OVERLAP.
    pub fn bnn_model_input(model: *const bnn_model_t, out: *mut bnn_tensor_t) -> bnn_status_t {
        let input = input_of(model.opened()?)?;
        out.place()?.put(input);
        Ok(())
    }
}

export! {
    /// Describes a sample of the model's output.
    ///
    /// - `out`: written.
    ///
    /// Errors: NULL, MISALIGNED, NOT_OPEN, OVERLAP.
    pub fn bnn_model_output(model: *const bnn_model_t, out: *mut bnn_tensor_t) -> bnn_status_t {
        let output = output_of(model.opened()?)?;
        out.place()?.put(output);
        Ok(())
    }
}

/// `[height, width, channels]`.
fn put_shape(shape: [usize; 3], out: &mut [usize]) {
    for (out, side) in out.iter_mut().zip(shape) {
        *out = side;
    }
}

export! {
    /// The shape of a sample of the model's input: height, width and channels of an image, whose
    /// elements are in this order. Height and width are 1 if the model does not take images. A row
    /// of an image has as many bytes as a sample (see `bnn_model_input`) divided by the height.
    ///
    /// - `shape`: written, 3 numbers.
    ///
    /// Errors: NULL, MISALIGNED, NOT_OPEN, OVERLAP.
    pub fn bnn_model_input_shape(model: *const bnn_model_t, shape: *mut usize) -> bnn_status_t {
        put_shape(model.opened()?.input_shape(), shape.write(3)?);
        Ok(())
    }
}

export! {
    /// The shape of a sample of the model's output, as in `bnn_model_input_shape`.
    ///
    /// - `shape`: written, 3 numbers.
    ///
    /// Errors: NULL, MISALIGNED, NOT_OPEN, OVERLAP.
    pub fn bnn_model_output_shape(model: *const bnn_model_t, shape: *mut usize) -> bnn_status_t {
        put_shape(model.opened()?.output_shape(), shape.write(3)?);
        Ok(())
    }
}

export! {
    /// Bytes of scratch memory that a run needs per sample; may be 0. A model with convolutions or
    /// pools runs its samples one by one and needs no more for several of them. Also 0 if `model`
    /// is NULL or not open, which `bnn_model_run` refuses.
    pub fn bnn_model_scratch_bytes(model: *const bnn_model_t) -> usize {
        Ok(model.opened()?.scratch_words(1)? * size_of::<u64>())
    }
}

export! {
    /// The text that the file keeps for people and tools: by convention lines of `key=value` that
    /// end in a line feed, such as `class.0=cat`. See `bnn_builder_meta`.
    ///
    /// - `text`: written: where the text begins, inside the file. UTF-8, not closed by a 0.
    /// - `len`: written: its bytes; 0 if there is none.
    ///
    /// Errors: NULL, MISALIGNED, NOT_OPEN, OVERLAP.
    pub fn bnn_model_meta(
        model: *const bnn_model_t,
        text: *mut *const u8,
        len: *mut usize,
    ) -> bnn_status_t {
        let meta = model.opened()?.meta();
        let (text, len) = (text.place()?, len.place()?);
        text.put(meta.as_ptr());
        len.put(meta.len());
        Ok(())
    }
}

// Here, so that the header has them in this order.
pub mod layer;

pub mod run;

#[cfg(all(test, feature = "std"))]
mod laws;
