//! A model file runs as the laws say, and nothing that is not one opens.

mod body;
mod dense;
mod hostile;
pub(super) mod net;
mod packed;
mod spatial;
mod stream;

use alloc::vec;
use alloc::vec::Vec;

use super::*;

/// The inputs of a run, owned.
#[derive(Clone, Debug)]
pub(super) enum Samples {
    Bits(Vec<u64>),
    Bytes(Vec<u8>),
}

impl Samples {
    pub(super) fn input(&self) -> Input<'_> {
        match self {
            Samples::Bits(words) => Input::Bits(words),
            Samples::Bytes(bytes) => Input::Bytes(bytes),
        }
    }
}

/// What `run` writes for `samples` samples, bit for bit; NaNs are all the same. What was there
/// before does not show through.
pub(super) fn outputs<R>(
    model: &Model<'_>,
    samples: usize,
    run: impl FnOnce(Output<'_>) -> R,
) -> (Vec<u64>, R) {
    let len = samples * model.output_len();
    let float = |y: f32| if y.is_nan() { f32::NAN } else { y }.to_bits();
    match model.output().1 {
        OutputType::Bits => {
            let mut y = vec![u64::MAX; len];
            let done = run(Output::Bits(&mut y));
            (y, done)
        }
        OutputType::I32 => {
            let mut y = vec![0x5EED; len];
            let done = run(Output::I32(&mut y));
            (y.into_iter().map(|y| y as u64).collect(), done)
        }
        OutputType::F32 => {
            let mut y = vec![7.0; len];
            let done = run(Output::F32(&mut y));
            (y.into_iter().map(|y| float(y).into()).collect(), done)
        }
    }
}

/// Words of memory of a stream, as its constant says and as it says itself.
fn check_stream_words(model: &Model<'_>) {
    if let Ok(words) = Stream::words(model) {
        assert_eq!(model.sizes().stream_words, words);
    }
}
