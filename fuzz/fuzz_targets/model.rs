//! Model files of any bytes, and files of the writer's that are damaged, as they are and behind a header that fits:
//! an error, or a model that runs in the scratch memory it asks for, in place as with packed weights.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use bnn_core::model::{
    AlignedBytes, Ending, Input, InputType, Model, ModelError, ModelWriter, Output, OutputType,
    PackedModel,
};
use bnn_core::row_words;
use bnn_fuzz::{Numbers, guarded};
use libfuzzer_sys::fuzz_target;

// Where the header has the length of the file and the checksum, which is of all bytes but its own four
// (docs/MODEL_FORMAT.md).
const LEN: std::ops::Range<usize> = 12..16;
const CRC: std::ops::Range<usize> = 16..20;
/// Samples of a run.
const SAMPLES: usize = 2;

#[derive(Arbitrary, Debug)]
enum File<'a> {
    Foreign(&'a [u8]),
    Damaged {
        net: Net,
        damage: Vec<Damage>,
        cut: Option<u8>,
        numbers: &'a [u8],
    },
}

#[derive(Arbitrary, Debug)]
struct Net {
    /// 0: bits.
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=8))]
    depth: u8,
    #[arbitrary(with = size)]
    inputs: usize,
    hidden: Vec<Hidden>,
    #[arbitrary(with = size)]
    outputs: usize,
    ending: Last,
}

#[derive(Arbitrary, Debug)]
struct Hidden {
    #[arbitrary(with = size)]
    outputs: usize,
    wide: bool,
}

#[derive(Arbitrary, Debug)]
enum Last {
    Sums,
    Affine,
    Threshold,
}

#[derive(Arbitrary, Debug)]
enum Damage {
    Byte(u16, u8),
    /// An aligned one, as most numbers of the format are.
    Word(u16, u32),
}

fn size(u: &mut Unstructured<'_>) -> arbitrary::Result<usize> {
    u.int_in_range(1..=140)
}

fuzz_target!(|file: File<'_>| {
    match file {
        File::Foreign(bytes) => {
            let numbers = &mut Numbers::new(bytes);
            let _ = open_and_run(bytes, numbers);
            let _ = open_and_run(&repaired(bytes), numbers);
        }
        File::Damaged {
            net,
            damage,
            cut,
            numbers,
        } => {
            let numbers = &mut Numbers::new(numbers);
            let mut bytes = net.file(numbers).expect("layers that fit each other");
            open_and_run(&bytes, numbers).expect("a file of the writer's opens");
            for damage in damage {
                damage.inflict(&mut bytes);
            }
            let cut = cut.map_or(0, usize::from);
            bytes.truncate(bytes.len().saturating_sub(cut));
            let _ = open_and_run(&bytes, numbers);
            let _ = open_and_run(&repaired(&bytes), numbers);
        }
    }
});

impl Net {
    fn file(&self, numbers: &mut Numbers<'_>) -> Result<Vec<u8>, ModelError> {
        let mut writer = ModelWriter::new(match self.depth {
            0 => InputType::Bits,
            depth => InputType::Unsigned { depth },
        });
        let mut k = self.inputs;
        for hidden in self.hidden.iter().take(4) {
            let n = hidden.outputs;
            let far = if hidden.wide { 1 << 20 } else { 1 << 8 };
            let thresholds: Vec<i32> = (0..n).map(|_| numbers.i32() % far).collect();
            let ending = Ending::Threshold(thresholds.as_slice().into());
            writer.dense(numbers.bits(n, k)?.view(), ending)?;
            k = n;
        }
        let n = self.outputs;
        let weights = numbers.bits(n, k)?;
        let scale: Vec<f32> = (0..n).map(|_| numbers.f32()).collect();
        let bias: Vec<f32> = (0..n).map(|_| numbers.f32()).collect();
        let thresholds: Vec<i16> = (0..n).map(|_| i16::from(numbers.byte())).collect();
        let ending = match self.ending {
            Last::Sums => Ending::Sums,
            Last::Affine => Ending::Affine {
                scale: &scale,
                bias: &bias,
            },
            Last::Threshold => Ending::Threshold(thresholds.as_slice().into()),
        };
        writer.dense(weights.view(), ending)?;
        writer.meta("name=fuzz\n").finish()
    }
}

impl Damage {
    fn inflict(&self, bytes: &mut [u8]) {
        match *self {
            Damage::Byte(at, byte) => {
                let at = usize::from(at) % bytes.len();
                bytes[at] = byte;
            }
            Damage::Word(at, word) => {
                let (words, _) = bytes.as_chunks_mut::<4>();
                let at = usize::from(at) % words.len();
                words[at] = word.to_le_bytes();
            }
        }
    }
}

/// The same bytes with a length and a checksum that fit: an attacker's file.
fn repaired(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.len() >= CRC.end {
        let len = bytes.len() as u32;
        bytes[LEN].copy_from_slice(&len.to_le_bytes());
        let mut crc = crc32fast::Hasher::new();
        crc.update(&bytes[..CRC.start]);
        crc.update(&bytes[CRC.end..]);
        bytes[CRC].copy_from_slice(&crc.finalize().to_le_bytes());
    }
    bytes
}

/// Whatever the bytes are, no panic; whatever opens also runs, both ways with the same result.
fn open_and_run(bytes: &[u8], numbers: &mut Numbers<'_>) -> Result<(), ModelError> {
    let file = AlignedBytes::from(bytes);
    let model = Model::open(file.bytes())?;
    let words = model.scratch_words(SAMPLES)?;
    // Scratch memory is in proportion to the file: nobody can ask for much more by few bytes.
    assert!(words <= SAMPLES * (20 * bytes.len() + 64), "{words} words");
    let (k, input) = model.input();
    let bits = numbers.bits(SAMPLES, k)?;
    let bytes: Vec<u8> = match input {
        InputType::Unsigned { depth } => (0..SAMPLES * k)
            .map(|_| numbers.byte() >> (8 - depth))
            .collect(),
        _ => Vec::new(),
    };
    let input = match input {
        InputType::Unsigned { .. } => Input::Bytes(&bytes),
        _ => Input::Bits(bits.words()),
    };
    let packed = PackedModel::new(model)?;
    let in_place = outputs(&model, |output| {
        guarded(words, u64::MAX, |scratch| {
            let run = model.run(SAMPLES, input, output, scratch);
            run.expect("a model that opens runs");
        });
    });
    let with_packed = outputs(&model, |output| {
        let run = packed.run(SAMPLES, input, output, &mut vec![u64::MAX; words]);
        run.expect("a model that opens runs");
    });
    assert_eq!(in_place, with_packed);
    Ok(())
}

/// What `run` writes, bit for bit; NaNs are all the same.
fn outputs(model: &Model<'_>, run: impl FnOnce(Output<'_>)) -> Vec<u64> {
    let (n, output) = model.output();
    match output {
        OutputType::I32 => {
            let y = guarded(SAMPLES * n, 0x5EED, |y| run(Output::I32(y)));
            y.into_iter().map(|y: i32| y as u64).collect()
        }
        OutputType::F32 => {
            let y = guarded(SAMPLES * n, 7.0_f32, |y| run(Output::F32(y)));
            y.into_iter()
                .map(|y| u64::from(if y.is_nan() { f32::NAN } else { y }.to_bits()))
                .collect()
        }
        _ => guarded(SAMPLES * row_words(n), u64::MAX, |y| run(Output::Bits(y))),
    }
}
