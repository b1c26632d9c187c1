//! What goes in and out of a run, and what the parts of a run hand to each other.

use core::ops::Range;

use super::error::ModelError;
use super::layer::Epilogue;
use super::plan::Regions;
use crate::gemm::epilogue::{Affine, RawSums, Threshold, TileEpilogue as _};
use crate::kernel::Kernel;
use crate::shape::WORD;

/// The inputs of a run, sample after sample without gaps.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Packed bits, for [`InputType::Bits`](super::InputType::Bits). Each sample starts on a word,
    /// and so does each pixel of an image.
    Bits(&'a [u64]),
    /// A byte per element, for [`InputType::Unsigned`](super::InputType::Unsigned) and
    /// [`InputType::Thresholds`](super::InputType::Thresholds).
    Bytes(&'a [u8]),
}

/// The room for the outputs of a run, sample after sample without gaps.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output<'a> {
    /// Packed bits, for [`OutputType::Bits`](super::OutputType::Bits). Each sample starts on a
    /// word, and so does each pixel of an image.
    Bits(&'a mut [u64]),
    /// Integers, for [`OutputType::I32`](super::OutputType::I32).
    I32(&'a mut [i32]),
    /// Floats, for [`OutputType::F32`](super::OutputType::F32).
    F32(&'a mut [f32]),
}

impl<'a> Input<'a> {
    pub(super) fn part(&self, range: Range<usize>) -> Input<'a> {
        match *self {
            Input::Bits(x) => Input::Bits(x.get(range).unwrap_or_default()),
            Input::Bytes(x) => Input::Bytes(x.get(range).unwrap_or_default()),
        }
    }
}

impl Output<'_> {
    pub(super) fn all(&mut self) -> Output<'_> {
        match self {
            Output::Bits(y) => Output::Bits(y),
            Output::I32(y) => Output::I32(y),
            Output::F32(y) => Output::F32(y),
        }
    }

    pub(super) fn part(&mut self, range: Range<usize>) -> Output<'_> {
        match self {
            Output::Bits(y) => Output::Bits(y.get_mut(range).unwrap_or_default()),
            Output::I32(y) => Output::I32(y.get_mut(range).unwrap_or_default()),
            Output::F32(y) => Output::F32(y.get_mut(range).unwrap_or_default()),
        }
    }
}

/// How all layers of a run are computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunConfig {
    pub(super) kernel: &'static Kernel,
    pub(super) reals: Reals,
}

/// A row of bits of bytes: +1 where they reach their thresholds. Writes all of `bits`.
pub(super) fn reach(x: &[u8], thresholds: &[u8], bits: &mut [u64]) {
    let pairs = x.chunks(WORD).zip(thresholds.chunks(WORD));
    for (bits, (x, thresholds)) in bits.iter_mut().zip(pairs) {
        let pairs = x.iter().zip(thresholds).rev();
        *bits = pairs.fold(0, |bits, (x, threshold)| {
            bits << 1 | u64::from(x >= threshold)
        });
    }
}

/// Writes what the sums of a layer become.
pub(super) struct SumsWriter<'a> {
    pub(super) epilogue: Epilogue<'a>,
    pub(super) reals: Reals,
}

/// The function that makes real outputs of sums, if there are any. It is a pointer, which the
/// program has only where it makes an [`Output::F32`]; other programs contain no float arithmetic,
/// and no routines for it on a core without an FPU (`ci/firmware.sh` checks that).
pub(super) type Reals = Option<fn(Affine<'_>, &[i32], usize, &mut [f32])>;

/// The way to make `output`.
#[inline(always)] // so that it is known where the output is made
pub(super) fn reals(output: &Output<'_>) -> Reals {
    match output {
        Output::F32(_) => Some(|affine, sums, first, y| affine.put(sums, first, y, first)),
        _ => None,
    }
}

impl SumsWriter<'_> {
    /// Writes what becomes of a few sums of a sample, at most a panel's, those of the outputs from
    /// `first` on.
    pub(super) fn put(&self, sums: &[i32], first: usize, output: &mut Output<'_>) {
        match (self.epilogue, output) {
            (Epilogue::Sums, Output::I32(y)) => RawSums.put(sums, first, y, first),
            (Epilogue::Affine { scale, bias }, Output::F32(y)) => {
                if let Some(put) = self.reals {
                    put(Affine { scale, bias }, sums, first, y);
                }
            }
            (Epilogue::Threshold(thresholds), Output::Bits(y)) => {
                Threshold(thresholds).put(sums, first, y, first);
            }
            _ => {} // `check_run` has refused it before
        }
    }
}

/// The regions of a layer, which `Model::open` has found not to overlap: `[input, work, output]`.
pub(super) fn disjoint(scratch: &mut [u64], regions: Regions) -> [&mut [u64]; 3] {
    let Regions {
        input,
        work,
        output,
    } = regions;
    match scratch.get_disjoint_mut([input, work, output]) {
        Ok([input, work, output]) => [input, work, output],
        Err(_) => Default::default(),
    }
}

pub(super) const OUTPUT_TYPE: ModelError = ModelError::ElementType {
    expected: "an output of the model's type (bits, i32 or f32)",
};
