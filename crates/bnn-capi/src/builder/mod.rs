//! Model files are put together of what was trained.

use bnn_autograd::export::{ExportError, Lowering};
use bnn_autograd::internal::export::FileBuilder;
use bnn_autograd::nn::InputThresholds;
use bnn_core::model::InputType;

use crate::boundary::{Handle, Input, Output, Readable, Writable};
use crate::draft::{Draft, MAX_BYTES, input_type, metadata, refused, room_to_write};
use crate::error::Error;
use crate::memory;
use crate::shape::{at_most, nonzero};
use crate::status::bnn_status_t;

/// A model file in the making. One thread at a time may use it. Needs a build with `std`.
#[derive(Debug)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_builder_t {
    input: InputType,
    /// Layers so far, by which errors name the next one.
    layers: usize,
    /// Whether the first product, which alone may take numbers, has been added.
    has_product: bool,
    /// Bytes of the weights and numbers of the layers so far, at least as many as in the file.
    bytes: usize,
    /// Bytes of the metadata.
    meta_bytes: usize,
    draft: Draft<FileBuilder>,
}

impl Handle for bnn_builder_t {}

impl Readable for bnn_builder_t {
    type Seen<'call> = &'call Self;

    fn seen(input: Input<'_, Self>) -> &Self {
        input.handle()
    }
}

/// Builders are the handles that calls change.
impl Writable for bnn_builder_t {
    type Seen<'call> = &'call mut Self;

    fn seen(output: Output<'_, Self>) -> &mut Self {
        output.handle()
    }
}

impl bnn_builder_t {
    fn new(input: InputType, file: FileBuilder) -> Self {
        Self {
            input,
            layers: 0,
            has_product: false,
            bytes: 0,
            meta_bytes: 0,
            draft: Draft::Open(Box::new(file)),
        }
    }

    /// Whether the next product takes the unsigned integers of the input instead of signs.
    fn is_on_numbers(&self) -> bool {
        !self.has_product && matches!(self.input, InputType::Unsigned { .. })
    }

    /// Adds a product of weights `[n, k]`; if it is refused, the builder is unchanged.
    fn add_product(
        &mut self,
        kind: &'static str,
        [n, k]: [usize; 2],
        lower: impl FnOnce(&mut Lowering) -> Result<(), ExportError>,
    ) -> Result<(), Error> {
        let bits = n.saturating_mul(k.div_ceil(64)).saturating_mul(8);
        // Those of the input are repeated for each pixel where images were flattened.
        let thresholds = match (self.input, self.has_product) {
            (InputType::Thresholds, false) => k,
            _ => 0,
        };
        // Of each output the threshold or the scores, and what they are computed of.
        let bytes = bits.saturating_add(n.saturating_mul(32));
        self.add(kind, bytes.saturating_add(thresholds), lower)?;
        self.has_product = true;
        Ok(())
    }

    /// Adds an affine step of `n` outputs; if it is refused, the builder is unchanged.
    fn add_affine(
        &mut self,
        kind: &'static str,
        n: usize,
        lower: impl FnOnce(&mut Lowering) -> Result<(), ExportError>,
    ) -> Result<(), Error> {
        self.add(kind, n.saturating_mul(2 * size_of::<f32>()), lower)
    }

    /// Adds a layer of `bytes` bytes; if it is refused, the builder is unchanged.
    fn add(
        &mut self,
        kind: &'static str,
        bytes: usize,
        lower: impl FnOnce(&mut Lowering) -> Result<(), ExportError>,
    ) -> Result<(), Error> {
        let name = self.layers.to_string();
        let bytes = self.bytes.saturating_add(bytes);
        let file = self.draft.open()?;
        // A layer writes the one before it.
        room_to_write(bytes)?;
        file.step(&name, kind, lower)?;
        self.layers += 1;
        self.bytes = bytes;
        Ok(())
    }

    /// `[height, width, channels]` of the images that the layers so far give out.
    fn image(&mut self) -> Result<[usize; 3], Error> {
        let image = self.open()?.images();
        image.ok_or_else(|| refused("there are no images, expected bnn_builder_image before"))
    }

    fn open(&mut self) -> Result<&mut FileBuilder, Error> {
        self.draft.open()
    }
}

export! {
    /// Begins a model.
    ///
    /// - `element`: a `bnn_element_t`, what samples are made of: BNN_ELEMENT_BITS or
    ///   BNN_ELEMENT_U8.
    /// - `element_bits`: 1 for bits; for unsigned integers 1 to 8: all elements are less than
    ///   `1 << element_bits`.
    /// - `out`: receives the builder, to be freed with `bnn_builder_free`. Written on success only.
    ///
    /// Errors: NULL, MISALIGNED, RANGE.
    pub fn bnn_builder_new(element: i32, element_bits: i32, out: *mut *mut bnn_builder_t) -> bnn_status_t {
        let input = input_type(element, element_bits)?;
        out.put(bnn_builder_t::new(input, FileBuilder::new(input)?))
    }
}

export! {
    /// Begins a model of bytes of which it makes bits itself, by a threshold for each input: `+1`
    /// where `x[l] >= thresholds[l]`, else `-1`. Samples are BNN_ELEMENT_U8 of 8 bits; the first
    /// product takes the signs.
    ///
    /// - `thresholds`: read, `len` bytes: one for each input of the first product.
    /// - `out`: receives the builder, to be freed with `bnn_builder_free`. Written on success only.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, RANGE (more than 2^32 - 1 bytes), OVERLAP.
    pub fn bnn_builder_new_thresholds(
        thresholds: *const u8,
        len: usize,
        out: *mut *mut bnn_builder_t,
    ) -> bnn_status_t {
        nonzero("len", len)?;
        at_most("len", MAX_BYTES, len)?;
        // The thresholds are in memory as floats, twice, as bytes, and in the file.
        memory::available(len.saturating_mul(16))?;
        let thresholds: InputThresholds = InputThresholds::new(thresholds.read(len)?)?;
        let input = InputType::Thresholds;
        let mut file = FileBuilder::new(input)?;
        file.layer("input", &thresholds)?;
        out.put(bnn_builder_t::new(input, file))
    }
}

export! {
    /// Frees a builder. NULL is legal and does nothing.
    pub fn bnn_builder_free(builder: Option<Box<bnn_builder_t>>) -> () {
        drop(builder);
        Ok(())
    }
}

export! {
    /// Sets the text that the file keeps for people and tools, by convention lines of `key=value`
    /// that end in a line feed.
    ///
    /// - `text`: read, `len` bytes of UTF-8; not closed by a 0.
    ///
    /// Errors: NULL, MISALIGNED, RANGE (not UTF-8, or more than 2^32 - 1 bytes), LAYER (the model
    /// is finished).
    pub fn bnn_builder_meta(builder: *mut bnn_builder_t, text: *const u8, len: usize) -> bnn_status_t {
        let file = builder.open()?;
        file.set_meta(metadata(text, len)?);
        builder.meta_bytes = len;
        Ok(())
    }
}

// Here, so that the header has them in between.
pub mod layers;

pub mod images;

export! {
    /// Finishes the model: nothing can be added any more, and `bnn_builder_file` hands out its
    /// bytes. The output of the model is scores (BNN_ELEMENT_F32) after an affine map or a batch
    /// norm, sums (BNN_ELEMENT_I32) after a product, bits (BNN_ELEMENT_BITS) after a sign.
    ///
    /// - `file_bytes`: written: the size of the file.
    ///
    /// Errors: NULL, MISALIGNED, LAYER (no product, or finished before), OVERFLOW.
    pub fn bnn_builder_finish(builder: *mut bnn_builder_t, file_bytes: *mut usize) -> bnn_status_t {
        let file_bytes = file_bytes.place()?;
        if builder.layers == 0 {
            return Err(refused("the model has no layers, expected a product"));
        }
        let bytes = builder.bytes.saturating_add(builder.meta_bytes);
        let model = builder.open()?;
        room_to_write(bytes)?;
        let file = model.finish()?;
        file_bytes.put(file.len());
        builder.draft = Draft::Finished(file);
        Ok(())
    }
}

export! {
    /// Copies the bytes of the finished model.
    ///
    /// - `bytes`: written, as many bytes as `bnn_builder_finish` said; `len`, its size, may be
    ///   larger, and what lies after them stays as it was. For `bnn_model_open` it begins at a
    ///   multiple of 8.
    ///
    /// Errors: NULL, MISALIGNED, TOO_SHORT, LAYER (not finished).
    pub fn bnn_builder_file(builder: *const bnn_builder_t, bytes: *mut u8, len: usize) -> bnn_status_t {
        builder.draft.copy("bnn_builder_finish", bytes, len)
    }
}

#[cfg(test)]
mod laws;
