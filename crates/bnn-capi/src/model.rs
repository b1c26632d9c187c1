//! Model files are opened in place and run in memory of the caller's: no heap.

use core::ffi::c_void;

use crate::status::bnn_status_t;

/// What the elements of a model's input or output are. Numbers are fixed.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the names of the header")]
pub enum bnn_element_t {
    /// -1 or +1, packed by the bit law; a sample starts on a word (`uint64_t`).
    BNN_ELEMENT_BITS = 0,
    /// Unsigned integers, a `uint8_t` each.
    BNN_ELEMENT_U8 = 1,
    /// Integer sums, an `int32_t` each.
    BNN_ELEMENT_I32 = 2,
    /// Scores, a `float` each.
    BNN_ELEMENT_F32 = 3,
}

/// What a model takes in, or gives out.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_tensor_t {
    /// Elements per sample.
    pub elements: usize,
    /// Bytes per sample; samples lie one behind the other without gaps.
    pub bytes: usize,
    /// A `bnn_element_t`: the type of the elements. Later versions may add some.
    pub element: i32,
    /// Bits in use per element: 1 for bits; 1 to 8 for unsigned integers, each less than `1 << bits`;
    /// 32 for the others.
    pub element_bits: i32,
}

/// A model file that has been opened. The memory is the caller's, on the stack if he likes; copies of
/// it are as good, and there is nothing to free. Only `bnn_model_open` writes it, and any number of
/// threads may use it at once. The other calls refuse one that is all zeros.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_model_t {
    /// The library's.
    pub words: [usize; 16],
}

export! {
    /// Checks a model file, all of it, and opens it in place.
    ///
    /// - `bytes`: read, `len` bytes, the whole file, from an address that is a multiple of 8. They
    ///   must stay where and as they are for as long as the model, or a copy of it, is used.
    /// - `out`: receives the model. Written on success only.
    ///
    /// Whatever the bytes are, a model that opens is safe to run.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERLAP, MODEL_FORMAT, MODEL_DAMAGED, MODEL_INVALID, and those
    /// of shapes in the file that break a law: ZERO, OVERFLOW, RANGE, TAIL_BITS.
    pub fn bnn_model_open(bytes: *const u8, len: usize, out: *mut bnn_model_t) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// What a sample of the model's input is.
    ///
    /// - `out`: written.
    ///
    /// Errors: NULL, MISALIGNED, NOT_OPEN, OVERLAP.
    pub fn bnn_model_input(model: *const bnn_model_t, out: *mut bnn_tensor_t) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// What a sample of the model's output is.
    ///
    /// - `out`: written.
    ///
    /// Errors: NULL, MISALIGNED, NOT_OPEN, OVERLAP.
    pub fn bnn_model_output(model: *const bnn_model_t, out: *mut bnn_tensor_t) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// Bytes of scratch memory that a run needs for each of its samples; may be 0. 0 also where
    /// `model` is NULL or not open, which `bnn_model_run` refuses.
    pub fn bnn_model_scratch_bytes(model: *const bnn_model_t) -> usize {
        todo!()
    }
}

export! {
    /// Runs the model on one sample.
    ///
    /// - `input`: read, `input_bytes` bytes, exactly those of a sample; aligned to the element type
    ///   (8 bytes for bits, whose tail bits are 0).
    /// - `output`: written, `output_bytes` bytes, exactly those of a sample; aligned to the element
    ///   type (8 bytes for bits).
    /// - `scratch`: written, `scratch_bytes` bytes, at least `bnn_model_scratch_bytes`; aligned to 8
    ///   bytes. May be NULL where none are needed.
    ///
    /// Errors: NULL, MISALIGNED, MISMATCH, TOO_SHORT, RANGE (an input element has more bits than the
    /// model says: then scratch memory may be written), TAIL_BITS, OVERLAP, NOT_OPEN, ISA_UNKNOWN,
    /// ISA_ABSENT.
    pub fn bnn_model_run(
        model: *const bnn_model_t,
        input: *const c_void,
        input_bytes: usize,
        output: *mut c_void,
        output_bytes: usize,
        scratch: *mut c_void,
        scratch_bytes: usize,
    ) -> bnn_status_t {
        todo!()
    }
}

export! {
    /// Runs the model on `samples` samples, one behind the other in `input` and `output`: all sizes
    /// are `samples` times those of `bnn_model_run`.
    ///
    /// Errors: as `bnn_model_run`, and ZERO, OVERFLOW.
    pub fn bnn_model_run_batch(
        model: *const bnn_model_t,
        samples: usize,
        input: *const c_void,
        input_bytes: usize,
        output: *mut c_void,
        output_bytes: usize,
        scratch: *mut c_void,
        scratch_bytes: usize,
    ) -> bnn_status_t {
        todo!()
    }
}
