//! Model files of any bytes, and files of the writer's that are damaged, as they are and after a
//! header that fits: an error, or a model that runs in the scratch memory it asks for, in place as
//! with packed weights and, where it can, as a stream of rows.

use super::parsed;
use crate::{Numbers, affordable, guarded};
use arbitrary::{Arbitrary, Unstructured};
use bnn_core::conv::{Conv2d, ConvOptions, PadValue, Padding, Pool2d};
use bnn_core::internal::nodes;
use bnn_core::model::{
    AlignedBytes, Epilogue, Input, InputType, LayerKind, Model, ModelError, ModelWriter, Output,
    OutputType, PackedModel, Stream,
};
use bnn_core::row_words;

// Where the header has the length of the file and the checksum, which is of all bytes but its own
// four (docs/MODEL_FORMAT.md).
const LEN: std::ops::Range<usize> = 12..16;
const CRC: std::ops::Range<usize> = 16..20;
/// Samples of a run.
const SAMPLES: usize = 2;
/// Elements of the largest input.
const MOST: usize = 1 << 20;
/// Operations of the slowest model.
const MOST_OPERATIONS: u64 = 1 << 23;

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
    /// 0: bits; 9: bytes that become bits by thresholds.
    #[arbitrary(with = |u: &mut Unstructured<'_>| u.int_in_range(0..=9))]
    depth: u8,
    #[arbitrary(with = size)]
    inputs: usize,
    #[arbitrary(with = |u: &mut Unstructured<'_>| Ok([u.int_in_range(1..=12)?, u.int_in_range(1..=9)?]))]
    image: [usize; 2],
    spatial: Vec<Spatial>,
    hidden: Vec<Hidden>,
    #[arbitrary(with = size)]
    outputs: usize,
    epilogue: Last,
}

/// A convolution or a pool; where its numbers do not fit the image it is left out.
#[derive(Arbitrary, Debug)]
struct Spatial {
    pool: bool,
    #[arbitrary(with = size)]
    outputs: usize,
    window: [u8; 6],
    padding: [u8; 4],
    groups: u8,
    value: u8,
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
pub(super) enum Damage {
    Byte(u16, u8),
    /// An aligned one, as most numbers of the format are.
    Word(u16, u32),
}

fn size(u: &mut Unstructured<'_>) -> arbitrary::Result<usize> {
    u.int_in_range(1..=140)
}

/// Runs the case that the bytes describe; whether they describe one that can be run.
///
/// # Panics
/// Where a result is wrong.
pub fn model(data: &[u8]) -> bool {
    parsed(data).is_some_and(|file: File<'_>| file.run())
}

impl File<'_> {
    fn run(self) -> bool {
        match self {
            File::Foreign(bytes) => {
                let numbers = &mut Numbers::new(bytes);
                let opened = open_and_run(bytes, numbers).is_ok();
                open_and_run(&repaired(bytes), numbers).is_ok() || opened
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
                true
            }
        }
    }
}

impl Spatial {
    /// Adds the layer to a file if it fits; `shape` becomes that of its output.
    fn write(
        &self,
        writer: &mut ModelWriter,
        shape: &mut [usize; 3],
        numbers: &mut Numbers<'_>,
    ) -> Option<()> {
        let small = |byte: u8, most: u8| usize::from(byte % most);
        let [kh, kw, sh, sw, dh, dw] = self.window;
        let kernel = [1 + small(kh, 4), 1 + small(kw, 4)];
        let stride = [1 + small(sh, 5), 1 + small(sw, 5)];
        let [top, bottom, left, right] = self.padding.map(|side| small(side, 4));
        let padding = Padding::Explicit {
            top,
            bottom,
            left,
            right,
        };
        if self.pool {
            let pool = Pool2d::new(*shape, kernel, stride, padding).ok()?;
            writer.max_pool2d(&pool).ok()?;
            let [height, width] = pool.windows().output_size();
            *shape = [height, width, shape[2]];
            return Some(());
        }
        let options = ConvOptions {
            stride,
            dilation: [1 + small(dh, 3), 1 + small(dw, 3)],
            groups: match self.groups % 4 {
                3 => shape[2],
                groups => 1 + usize::from(groups),
            },
            padding,
            pad_value: match self.value % 3 {
                0 => PadValue::Zero,
                1 => PadValue::MinusOne,
                _ => PadValue::PlusOne,
            },
        };
        let conv = Conv2d::new(*shape, self.outputs, kernel, options).ok()?;
        let filters = numbers.bits(conv.outputs(), conv.patch_len()).ok()?;
        let thresholds: Vec<i32> = (0..conv.outputs()).map(|_| numbers.i32() % 64).collect();
        let epilogue = Epilogue::Threshold(thresholds.as_slice().into());
        writer.conv2d(&conv, filters.view(), epilogue).ok()?;
        let [height, width] = conv.windows().output_size();
        *shape = [height, width, conv.outputs()];
        Some(())
    }
}

impl Net {
    fn file(&self, numbers: &mut Numbers<'_>) -> Result<Vec<u8>, ModelError> {
        let mut writer = match self.depth {
            0 => ModelWriter::new(InputType::Bits),
            9 => {
                let thresholds: Vec<u8> = (0..self.inputs).map(|_| numbers.byte()).collect();
                ModelWriter::with_thresholds(&thresholds)
            }
            depth => ModelWriter::new(InputType::Unsigned { depth }),
        };
        let mut k = self.inputs;
        let mut shape = [self.image[0], self.image[1], self.inputs];
        let mut written = 0;
        for spatial in self.spatial.iter().take(4) {
            let fits = spatial.write(&mut writer, &mut shape, numbers);
            written += usize::from(fits.is_some());
        }
        if written > 0 {
            // What is left of the image at once, so that dense layers can follow.
            let [height, width, _] = shape;
            let conv = Conv2d::new(shape, 9, [height, width], ConvOptions::default())?;
            let filters = numbers.bits(9, conv.patch_len())?;
            let epilogue = Epilogue::Threshold([1_i32; 9].as_slice().into());
            writer.conv2d(&conv, filters.view(), epilogue)?;
            k = 9;
        }
        for hidden in self.hidden.iter().take(4) {
            let n = hidden.outputs;
            let far = if hidden.wide { 1 << 20 } else { 1 << 8 };
            let thresholds: Vec<i32> = (0..n).map(|_| numbers.i32() % far).collect();
            let epilogue = Epilogue::Threshold(thresholds.as_slice().into());
            writer.dense(numbers.bits(n, k)?.view(), epilogue)?;
            k = n;
        }
        let n = self.outputs;
        let weights = numbers.bits(n, k)?;
        let scale: Vec<f32> = (0..n).map(|_| numbers.f32()).collect();
        let bias: Vec<f32> = (0..n).map(|_| numbers.f32()).collect();
        let thresholds: Vec<i16> = (0..n).map(|_| i16::from(numbers.byte())).collect();
        let epilogue = match self.epilogue {
            Last::Sums => Epilogue::Sums,
            Last::Affine => Epilogue::Affine {
                scale: &scale,
                bias: &bias,
            },
            Last::Threshold => Epilogue::Threshold(thresholds.as_slice().into()),
        };
        writer.dense(weights.view(), epilogue)?;
        writer.meta("name=fuzz\n").finish()
    }
}

impl Damage {
    pub(super) fn inflict(&self, bytes: &mut [u8]) {
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

/// The bytes with a length and a checksum that fit: an attacker's file.
pub(super) fn repaired(bytes: &[u8]) -> Vec<u8> {
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

/// Whatever the bytes are, no panic; whatever opens also runs, in every way with the same result.
pub(super) fn open_and_run(bytes: &[u8], numbers: &mut Numbers<'_>) -> Result<(), ModelError> {
    let file = AlignedBytes::from(bytes);
    let model = Model::open(&file)?;
    let words = model.scratch_words(SAMPLES)?;
    let [height, width, channels] = model.input_shape();
    // Scratch memory is in proportion to the file, and to the input: nobody can ask for much more
    // by few bytes.
    let images = model.layers().map(|layer| match layer.kind {
        LayerKind::Dense => 0,
        _ => height * width * row_words(layer.input_shape[2]),
    });
    let most = SAMPLES * (20 * bytes.len() + 64) + images.sum::<usize>();
    // A graph may ask for more: joining a tensor with itself doubles it.
    let is_graph = nodes(&model).len() > 0;
    assert!(is_graph || words <= most, "{words} words");
    let tensors = nodes(&model).map(|node| node.shape);
    let is_large = |shape: [usize; 3]| !affordable(&shape, MOST);
    if model.operations() > MOST_OPERATIONS
        || words > MOST
        || is_large([height, width, channels])
        || tensors.into_iter().any(is_large)
    {
        return Ok(());
    }
    let k = model.sizes().input_len;
    let bits = numbers.bits(SAMPLES * height * width, channels)?;
    let bytes: Vec<u8> = match model.input().1 {
        InputType::Unsigned { depth } => (0..SAMPLES * k)
            .map(|_| numbers.byte() >> (8 - depth))
            .collect(),
        InputType::Thresholds => (0..SAMPLES * k).map(|_| numbers.byte()).collect(),
        _ => Vec::new(),
    };
    let part = |from: usize, to: usize| match model.input().1 {
        InputType::Unsigned { .. } | InputType::Thresholds => Input::Bytes(&bytes[from..to]),
        _ => Input::Bits(&bits.words()[from..to]),
    };
    let input = part(0, SAMPLES * k);
    let packed = PackedModel::new(model)?;
    let in_place = outputs(&model, SAMPLES, |output| {
        guarded(words, u64::MAX, |scratch| {
            let run = model.run(SAMPLES, input, output, scratch);
            run.expect("a model that opens runs");
        });
    });
    let with_packed = outputs(&model, SAMPLES, |output| {
        let run = packed.run(SAMPLES, input, output);
        run.expect("a model that opens runs");
    });
    assert_eq!(in_place, with_packed);
    if let Ok(words) = Stream::words(&model) {
        assert_eq!(model.sizes().stream_words, words);
        let (row, step) = (k / height, model.sizes().stream_step);
        // Every window within the rows, or the first one where that would take long.
        let last = (SAMPLES - 1) * height;
        let windows = 1 + last / step;
        let affordable = model.operations().saturating_mul(windows as u64) <= MOST_OPERATIONS;
        let windows = if affordable { windows } else { 1 };
        let rows = height + step * (windows - 1);
        let results = guarded_stream(&model, words, rows, |i| part(i * row, (i + 1) * row));
        assert!(results.len() >= windows);
        for (i, result) in results.iter().enumerate().take(windows) {
            let from = i * step * row;
            let of_window = outputs(&model, 1, |output| {
                guarded(words, u64::MAX, |scratch| {
                    let run = model.run(1, part(from, from + k), output, scratch);
                    run.expect("a model that opens runs");
                });
            });
            assert_eq!(*result, of_window, "window {i}");
        }
    }
    Ok(())
}

/// What a stream gives for rows.
fn guarded_stream<'r>(
    model: &Model<'_>,
    words: usize,
    rows: usize,
    row: impl Fn(usize) -> Input<'r>,
) -> Vec<Vec<u64>> {
    let mut results = Vec::new();
    guarded(words, u64::MAX, |memory| {
        let mut stream = Stream::new(*model, memory).expect("memory that is enough");
        for i in 0..rows {
            let mut done = false;
            let y = outputs(model, 1, |output| {
                done = stream.push(row(i), output).expect("a row of the model's");
            });
            results.extend(done.then_some(y));
        }
    });
    results
}

/// What `run` writes for `samples` samples, bit for bit; NaNs are all the same.
fn outputs(model: &Model<'_>, samples: usize, run: impl FnOnce(Output<'_>)) -> Vec<u64> {
    let len = samples * model.sizes().output_len;
    match model.output().1 {
        OutputType::I32 => {
            let y = guarded(len, 0x5EED, |y| run(Output::I32(y)));
            y.into_iter().map(|y: i32| y as u64).collect()
        }
        OutputType::F32 => {
            let y = guarded(len, 7.0_f32, |y| run(Output::F32(y)));
            y.into_iter()
                .map(|y| u64::from(if y.is_nan() { f32::NAN } else { y }.to_bits()))
                .collect()
        }
        _ => guarded(len, u64::MAX, |y| run(Output::Bits(y))),
    }
}
