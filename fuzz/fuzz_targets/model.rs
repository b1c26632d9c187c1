//! Model files of any bytes, as they are and with a checksum that fits: an error, or a model that runs in the
//! scratch memory it asks for.
#![no_main]

use bnn_core::model::{AlignedBytes, Input, InputType, Model, Output, OutputType};
use bnn_core::row_words;
use libfuzzer_sys::fuzz_target;

/// Where the header has the checksum, which is of all bytes but these four (docs/MODEL_FORMAT.md).
const CRC: std::ops::Range<usize> = 16..20;
/// Weights of the largest model to run.
const MOST: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    open(bytes);
    if bytes.len() >= CRC.end {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&bytes[..CRC.start]);
        crc.update(&bytes[CRC.end..]);
        let mut repaired = bytes.to_vec();
        repaired[CRC].copy_from_slice(&crc.finalize().to_le_bytes());
        open(&repaired);
    }
});

fn open(bytes: &[u8]) {
    let file = AlignedBytes::from(bytes);
    let Ok(model) = Model::open(file.bytes()) else {
        return;
    };
    let (k, input) = model.input();
    let (n, output) = model.output();
    let Ok(words) = model.scratch_words(1) else {
        return;
    };
    let weights: usize = model
        .layers()
        .map(|layer| layer.weights.words().len())
        .sum();
    if weights.max(words).max(k).max(n) > MOST {
        return;
    }
    let (bits, bytes) = (vec![0; row_words(k)], vec![1; k]);
    let input = match input {
        InputType::Unsigned { .. } => Input::Bytes(&bytes),
        _ => Input::Bits(&bits),
    };
    let (mut y_bits, mut y_i32, mut y_f32) = (vec![0; row_words(n)], vec![0; n], vec![0.0; n]);
    let output = match output {
        OutputType::I32 => Output::I32(&mut y_i32),
        OutputType::F32 => Output::F32(&mut y_f32),
        _ => Output::Bits(&mut y_bits),
    };
    let mut scratch = vec![u64::MAX; words];
    model
        .run(1, input, output, &mut scratch)
        .expect("a model that opens runs");
}
