//! Models for hosts: weights laid out once for this CPU, runs on the library's threads.

mod file;

use core::sync::atomic::AtomicUsize;

use crate::boundary::{Handle, Input, KeptModel, Ledger, Readable, TextPointer};
use crate::error::Error;
use crate::model::{bnn_model_t, enter_file};
use crate::shape::nonzero;
use crate::status::bnn_status_t;

/// A model whose weights are laid out for this CPU: several times as fast as a `bnn_model_t` on
/// hosts, with the same results. It never changes, and any number of threads may use it at once.
/// Needs a build with `std`.
#[derive(Debug)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_packed_model_t {
    kept: KeptModel,
    /// The most samples of a run so far: no more memory is asked for up to this number.
    most_samples: AtomicUsize,
}

impl Handle for bnn_packed_model_t {}

impl bnn_packed_model_t {
    fn new(kept: KeptModel) -> Self {
        let most_samples = AtomicUsize::new(0);
        Self { kept, most_samples }
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
        enter_file(self.packed.kept.model(), self.ledger)?;
        Ok(self.packed)
    }
}

impl Readable for bnn_packed_model_t {
    type Seen<'call> = PackedModelInput<'call>;

    fn seen(input: Input<'_, Self>) -> PackedModelInput<'_> {
        let ledger = input.ledger();
        PackedModelInput {
            packed: input.handle(),
            ledger,
        }
    }
}

export! {
    /// Checks all of a model file and lays its weights out for this CPU. The library keeps a copy
    /// of the file: `bytes` may be freed after the call.
    ///
    /// - `bytes`: read, `len` bytes, the whole file, at any address.
    /// - `out`: receives the model, to be freed with `bnn_packed_model_free`. Written on success
    ///   only.
    ///
    /// A model that opens is safe to run, whatever the bytes are.
    ///
    /// Errors: NULL, MISALIGNED (`out`), ZERO, OVERFLOW, OVERLAP, MODEL_FORMAT, MODEL_DAMAGED,
    /// MODEL_INVALID, ISA_UNKNOWN, ISA_ABSENT.
    pub fn bnn_packed_model_new(
        bytes: *const u8,
        len: usize,
        out: *mut *mut bnn_packed_model_t,
    ) -> bnn_status_t {
        nonzero("len", len)?;
        let file = file::copied(bytes.read(len)?)?;
        out.put(bnn_packed_model_t::new(KeptModel::owning(file)?))
    }
}

export! {
    /// Opens a model as `bnn_packed_model_new` does, and borrows its bytes, such as those of a
    /// mapped file: they must not move or change until the model is freed.
    ///
    /// - `bytes`: read, `len` bytes, the whole file, from an address that is a multiple of 8.
    ///
    /// Errors: as `bnn_packed_model_new`, and MISALIGNED (`bytes`).
    pub fn bnn_packed_model_new_borrowing(
        bytes: *const u8,
        len: usize,
        out: *mut *mut bnn_packed_model_t,
    ) -> bnn_status_t {
        nonzero("len", len)?;
        let kept = KeptModel::borrowing(bytes.read(len)?)?;
        out.put(bnn_packed_model_t::new(kept))
    }
}

export! {
    /// Opens a model as `bnn_packed_model_new` does, from a regular file, which is read whole.
    ///
    /// - `path`: read, a string closed by a 0, as the system's functions take it (UTF-8 on
    ///   Windows).
    ///
    /// Errors: as `bnn_packed_model_new`, and FILE (there is no such file, or it cannot be read).
    pub fn bnn_packed_model_new_from_file(
        path: TextPointer,
        out: *mut *mut bnn_packed_model_t,
    ) -> bnn_status_t {
        let file = file::read(path.text()?)?;
        out.put(bnn_packed_model_t::new(KeptModel::owning(file)?))
    }
}

export! {
    /// Opens the file of a packed model as a `bnn_model_t`, for all that there is to ask of one:
    /// `bnn_model_input`, `bnn_model_output`, `bnn_model_input_shape`, `bnn_model_layer`,
    /// `bnn_model_meta` and so on.
    ///
    /// - `out`: receives the model. Written on success only. It may be used until `packed` is freed
    ///   or, if that borrows its file, as long as the file stays.
    ///
    /// Errors: NULL, MISALIGNED, OVERLAP.
    pub fn bnn_packed_model_view(
        packed: *const bnn_packed_model_t,
        out: *mut bnn_model_t,
    ) -> bnn_status_t {
        let packed = packed.opened()?;
        out.place()?.put(bnn_model_t::of(*packed.kept.model()));
        Ok(())
    }
}

export! {
    /// The memory that a packed model takes beside its file, and a run of `samples` samples.
    ///
    /// - `weights_bytes`: written: the bytes of the weights as they are laid out for this CPU,
    ///   there as long as the model.
    /// - `workspace_bytes`: written: the bytes of what lies between the layers in a run, for each
    ///   thread that takes part in it; the model keeps them for the next run. The products of a
    ///   thread take some more while they run, at most about 5 MiB.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERLAP.
    pub fn bnn_packed_model_memory(
        packed: *const bnn_packed_model_t,
        samples: usize,
        weights_bytes: *mut usize,
        workspace_bytes: *mut usize,
    ) -> bnn_status_t {
        nonzero("samples", samples)?;
        let memory = packed.opened()?.kept.packed().memory(samples);
        let (weights, workspace) = (weights_bytes.place()?, workspace_bytes.place()?);
        weights.put(memory.weights);
        workspace.put(memory.workspace);
        Ok(())
    }
}

// Here, so that the header has it before the function that frees.
pub mod run;

export! {
    /// Frees a packed model, which no call may be using. NULL is legal and does nothing.
    pub fn bnn_packed_model_free(packed: Option<Box<bnn_packed_model_t>>) -> () {
        drop(packed);
        Ok(())
    }
}
