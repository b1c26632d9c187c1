//! A model beside the network that it was made of, on the same samples.

use bnn_core::model::{AlignedBytes, Input, InputType, Model, Output, OutputType, PackedModel};
use bnn_core::{BitMatrix, row_words};

use crate::chain::Finished;
use crate::{Comparison, ImportError, Inputs};

/// Samples in the model's order, `[samples, height, width, channels]`: bytes, or bits as 0 and 1.
pub(crate) struct Samples<'a> {
    pub(crate) bytes: &'a [u8],
}

/// Scores may differ by this share of the largest one.
const TOLERANCE: f32 = 1e-4;
/// One sample in this many may have other scores.
const SELDOM: usize = 16;
/// The most numbers that samples have together, and that all their scores are.
const MOST: usize = 1 << 22;

/// Runs both on random samples, at most `most`.
pub(crate) fn compare(
    finished: &Finished,
    inputs: &Inputs,
    most: usize,
    mut network: impl FnMut(&Samples<'_>) -> Result<Vec<f32>, ImportError>,
) -> Result<Comparison, ImportError> {
    let [height, width, channels] = finished.input;
    let elements = height * width * channels;
    let outputs: usize = finished.output.iter().product();
    let samples = (MOST / elements.max(outputs).max(1)).clamp(1, most.max(1));
    let bytes = noise(samples * elements, *inputs == Inputs::Bits);
    let found = model(finished, &bytes, samples)?;
    let expected = network(&Samples { bytes: &bytes })?;
    if expected.len() != found.len() || outputs == 0 {
        let expected = format!("{} outputs", found.len());
        let found = format!("{} of the network's", samples * outputs);
        return Err(ImportError::format("comparison", expected, found));
    }
    let mut worst = None;
    let mut different = 0;
    let pairs = found.chunks(outputs).zip(expected.chunks(outputs));
    for (sample, (found, expected)) in pairs.enumerate() {
        let most = expected.iter().fold(1.0_f32, |most, x| most.max(x.abs()));
        let apart = |i: &usize| {
            let distance = (found[*i] - expected[*i]).abs();
            // What is infinite or not a number is another score, too.
            !distance.is_finite() || distance > TOLERANCE * most
        };
        if let Some(output) = (0..outputs).find(apart) {
            different += 1;
            worst = worst.or(Some((sample, output, found[output], expected[output])));
        }
    }
    match worst {
        Some((first, output, found, expected)) if different > samples / SELDOM => {
            let has_zeros = finished.notes.iter().any(|note| note.contains("Sign"));
            Err(ImportError::Different {
                different,
                samples,
                first,
                output,
                found,
                expected,
                hint: match has_zeros {
                    true => "; the network takes signs of 0, which are 0 in ONNX and +1 in a model",
                    false => "",
                },
            })
        }
        _ => Ok(Comparison::Samples {
            samples,
            equal: samples - different,
        }),
    }
}

/// Pseudo-random bytes, or bits, equal in every call.
pub(crate) fn noise(len: usize, is_bits: bool) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let numbers = (0..len).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 56) as u8
    });
    match is_bits {
        true => numbers.map(|byte| byte & 1).collect(),
        false => numbers.collect(),
    }
}

/// The model's outputs as floats, bits as what they stand for.
fn model(finished: &Finished, bytes: &[u8], samples: usize) -> Result<Vec<f32>, ImportError> {
    let file = AlignedBytes::from(finished.file.as_slice());
    let opened = Model::open(&file)?;
    let packed = PackedModel::new(opened)?;
    let [height, width, channels] = finished.input;
    let bits;
    let input = match opened.input().1 {
        InputType::Bits => {
            let signs: Vec<i8> = bytes
                .iter()
                .map(|&bit| 2 * i8::from(bit == 1) - 1)
                .collect();
            bits = BitMatrix::pack(&signs, samples * height * width, channels)?;
            Input::Bits(bits.words())
        }
        _ => Input::Bytes(bytes),
    };
    let [height, width, channels] = finished.output;
    let pixels = samples * height * width;
    let len = pixels * channels;
    Ok(match opened.output().1 {
        OutputType::F32 => {
            let mut scores = vec![0.0; len];
            packed.run(samples, input, Output::F32(&mut scores))?;
            scores
        }
        OutputType::I32 => {
            let mut sums = vec![0; len];
            packed.run(samples, input, Output::I32(&mut sums))?;
            sums.iter().map(|&sum| sum as f32).collect()
        }
        _ => {
            let words = row_words(channels);
            let mut bits = vec![0; pixels * words];
            packed.run(samples, input, Output::Bits(&mut bits))?;
            let [low, high] = finished.values.unwrap_or([-1.0, 1.0]);
            let of = |i: usize| {
                let (pixel, c) = (i / channels, i % channels);
                let is_set = bits[pixel * words + c / 64] >> (c % 64) & 1 == 1;
                if is_set { high } else { low }
            };
            (0..len).map(of).collect()
        }
    })
}
