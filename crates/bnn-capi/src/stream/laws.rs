//! Streams through the C functions give what a run gives on each window by itself.
#![allow(unsafe_code, reason = "exported functions are called as C would")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::mem::MaybeUninit;

use bnn_core::BitMatrix;
use bnn_core::conv::{Conv2d, ConvOptions, Padding, Pool2d};
use bnn_core::model::{AlignedBytes, Epilogue, InputType, ModelWriter};
use proptest::prelude::*;

use super::*;
use crate::model::run::bnn_model_run;
use crate::status::bnn_status_t::*;

/// A net of two convolutions, a pool of pairs of rows where that fits, a convolution over all that
/// is left, and a dense layer.
#[derive(Clone, Copy, Debug)]
struct Net {
    image: [usize; 3],
    kernel: usize,
    stride: usize,
    padded: bool,
    bytes: bool,
    epilogue: u8,
}

fn signs(rows: usize, cols: usize, seed: usize) -> BitMatrix {
    let signs: Vec<i32> = (0..rows * cols)
        .map(|i| ((i + seed) * (i + 3) * 31) as i32 % 7 - 3)
        .collect();
    BitMatrix::pack(&signs, rows, cols).unwrap()
}

impl Net {
    fn file(self) -> AlignedBytes {
        let input = match self.bytes {
            true => InputType::Unsigned { depth: 5 },
            false => InputType::Bits,
        };
        let mut writer = ModelWriter::new(input);
        let padding = match self.padded {
            true => Padding::Same,
            false => Padding::Valid,
        };
        let mut shape = self.image;
        for (outputs, kernel, stride) in [(5, self.kernel, self.stride), (66, 2, 1)] {
            if shape[0] < kernel {
                continue;
            }
            let options = ConvOptions {
                padding,
                stride: [stride, 1],
                ..ConvOptions::default()
            };
            let conv = Conv2d::new(shape, outputs, [kernel, 1], options).unwrap();
            let filters = signs(outputs, kernel * shape[2], outputs);
            let thresholds: Vec<i32> = (0..outputs as i32).map(|i| i % 5 - 2).collect();
            let epilogue = Epilogue::Threshold(thresholds.as_slice().into());
            writer.conv2d(&conv, filters.view(), epilogue).unwrap();
            let [rows, columns] = conv.windows().output_size();
            shape = [rows, columns, outputs];
        }
        if shape[0] >= 2 {
            let pool = Pool2d::new(shape, [2, 1], [2, 1], Padding::Valid).unwrap();
            writer.max_pool2d(&pool).unwrap();
            let [rows, columns] = pool.windows().output_size();
            shape = [rows, columns, shape[2]];
        }
        let all = Conv2d::new(shape, 65, [shape[0], shape[1]], ConvOptions::default()).unwrap();
        let filters = signs(65, shape.iter().product(), 2);
        let zeros = [0_i32; 65];
        let epilogue = Epilogue::Threshold(zeros.as_slice().into());
        writer.conv2d(&all, filters.view(), epilogue).unwrap();
        let weights = signs(3, 65, 1);
        let (scale, bias) = ([0.5, 2.0, -1.5], [0.0, 1.0, -0.25]);
        let thresholds = [1_i32, 0, -3];
        let epilogue = match self.epilogue {
            0 => Epilogue::Sums,
            1 => Epilogue::Affine {
                scale: &scale,
                bias: &bias,
            },
            _ => Epilogue::Threshold(thresholds.as_slice().into()),
        };
        writer.dense(weights.view(), epilogue).unwrap();
        AlignedBytes::from(writer.finish().unwrap().as_slice())
    }

    /// Rows of noise, one after the other, in words so that they are aligned; and the bytes of
    /// one.
    fn rows(self, count: usize) -> (Vec<u64>, usize) {
        let [_, width, channels] = self.image;
        let number = |i: usize| (i * i * 7 + i / 3 + 5) as u8 % 32;
        if self.bytes {
            let bytes: Vec<u8> = (0..count * width * channels).map(number).collect();
            let mut words = vec![0_u64; bytes.len().div_ceil(8)];
            for (i, byte) in bytes.iter().enumerate() {
                words[i / 8] |= u64::from(*byte) << (8 * (i % 8));
            }
            return (words, width * channels);
        }
        let numbers: Vec<i32> = (0..count * width * channels)
            .map(|i| i32::from(number(i)) - 16)
            .collect();
        let bits = BitMatrix::pack(&numbers, count * width, channels).unwrap();
        (bits.words().to_vec(), width * channels.div_ceil(64) * 8)
    }
}

fn opened(file: &AlignedBytes) -> bnn_model_t {
    bnn_model_t::of(Model::open(file).unwrap())
}

/// A stream through `model` in `memory`.
fn stream(model: &bnn_model_t, memory: &mut [u64]) -> bnn_stream_t {
    let mut stream = MaybeUninit::uninit();
    let (start, bytes) = (memory.as_mut_ptr().cast(), size_of_val(memory));
    // SAFETY: memory of the size that is passed, and a place for the struct, written where all went
    // well.
    unsafe {
        assert_eq!(
            bnn_stream_open(model, start, bytes, stream.as_mut_ptr()),
            BNN_OK
        );
        stream.assume_init()
    }
}

fn nets() -> impl Strategy<Value = Net> {
    let sides = (2..9_usize, 1..4_usize, 1..70_usize);
    let layer = (1..4_usize, 1..4_usize, any::<bool>());
    (sides, layer, any::<bool>(), 0..3_u8).prop_map(|(sides, layer, bytes, epilogue)| Net {
        image: [sides.0, sides.1, sides.2],
        kernel: layer.0.min(sides.0),
        stride: layer.1,
        padded: layer.2,
        bytes,
        epilogue,
    })
}

proptest! {
    #[test]
    fn every_result_is_that_of_a_run_on_its_window(net in nets()) {
        let file = net.file();
        let model = opened(&file);
        let (inner, height) = (Model::open(&file).unwrap(), net.image[0]);
        let windows = 5;
        let (rows, row_bytes) = net.rows(windows * height);
        let row = |i: usize| rows.as_ptr().cast::<u8>().wrapping_add(i * row_bytes);
        let output_bytes = output_of(&inner).unwrap().bytes;
        // SAFETY: an open model.
        let bytes = unsafe { bnn_model_stream_bytes(&model) };
        prop_assert_eq!(bytes, Stream::words(&inner).unwrap() * 8);
        let mut memory = vec![u64::MAX; bytes / 8];
        let mut stream = stream(&model, &mut memory);

        let mut results = Vec::new();
        for again in 0..2 {
            for i in 0..windows * height {
                let (mut y, mut ready) = ([u64::MAX; 2], 7);
                // SAFETY: a row and an output of the sizes that are passed.
                let status = unsafe {
                    bnn_stream_push(&mut stream, row(i).cast(), row_bytes, y.as_mut_ptr().cast(), output_bytes, &mut ready)
                };
                prop_assert_eq!(status, BNN_OK);
                match ready {
                    0 => prop_assert_eq!(y, [u64::MAX; 2]),
                    _ => results.push((again, i, y)),
                }
                prop_assert!(ready == 0 || ready == 1);
            }
            // SAFETY: an open stream.
            prop_assert_eq!(unsafe { bnn_stream_reset(&mut stream) }, BNN_OK);
        }
        let half = results.len() / 2;
        for (a, b) in results[..half].iter().zip(&results[half..]) {
            prop_assert_eq!((a.1, a.2), (b.1, b.2));
        }

        // SAFETY: an open stream.
        let slides = unsafe { bnn_stream_slides(&stream) } == 1;
        let strides = inner.layers().map(|layer| match layer.kind {
            bnn_core::model::LayerKind::Conv2d(conv) => conv.windows().stride()[0],
            bnn_core::model::LayerKind::MaxPool2d(pool) => pool.windows().stride()[0],
            _ => 1,
        });
        let step = if slides { strides.product() } else { height };
        let expected = (windows - 1) * height / step + 1;
        prop_assert!(half >= expected, "{half} results of {expected}");
        let mut scratch = vec![0_u64; inner.scratch_words(1).unwrap()];
        for (k, (_, _, y)) in results[..half].iter().take(expected).enumerate() {
            // A window that begins on a word, as a row may not.
            let mut window = vec![0_u64; (height * row_bytes).div_ceil(8)];
            let mut own = [u64::MAX; 2];
            // SAFETY: the rows of a window lie in `rows`, and have room in `window`; sizes as
            // passed.
            let status = unsafe {
                row(k * step).copy_to(window.as_mut_ptr().cast(), height * row_bytes);
                bnn_model_run(
                    &model,
                    window.as_ptr().cast(),
                    height * row_bytes,
                    own.as_mut_ptr().cast(),
                    output_bytes,
                    scratch.as_mut_ptr().cast(),
                    scratch.len() * 8,
                )
            };
            prop_assert_eq!(status, BNN_OK);
            prop_assert_eq!(own, *y, "window {}", k);
        }
    }

    /// Whatever else lies in a stream and its memory than the pointer and the length of it: results
    /// mean nothing then, and that is all.
    #[test]
    fn what_a_stream_keeps_may_be_anything(net in nets(), seen: usize, flags: usize, noise in any::<[u64; 4]>()) {
        let file = net.file();
        let model = opened(&file);
        let inner = Model::open(&file).unwrap();
        let mut memory = vec![0; Stream::words(&inner).unwrap()];
        let mut stream = stream(&model, &mut memory);
        scribble(&mut stream, &mut memory, [seen, flags], noise);
        let (rows, row_bytes) = net.rows(1);
        let output_bytes = output_of(&inner).unwrap().bytes;
        for _ in 0..20 {
            let (mut y, mut ready) = ([0_u64; 2], 7);
            // SAFETY: a row and an output of the sizes that are passed.
            let status = unsafe {
                bnn_stream_push(
                    &mut stream,
                    rows.as_ptr().cast(),
                    row_bytes,
                    y.as_mut_ptr().cast(),
                    output_bytes,
                    &mut ready,
                )
            };
            prop_assert_eq!(status, BNN_OK);
        }
    }
}

/// Two numbers a row, windows of `height` rows: numbers, two products over three rows with the last
/// rows of what each goes around, the second one from every other row on or `padded`, and the mean.
fn residual_net(height: usize, padded: bool) -> AlignedBytes {
    use bnn_core::model::graph::{Graph, Node, NodeEpilogue, NodeWeights, Operation, Values};
    let fixed = Values::Fixed { exponent: 0 };
    let epilogue = |channels: usize| NodeEpilogue::Fixed {
        factor: (1..=channels as i32).collect(),
        bias: vec![-7; channels],
        shift: 1,
    };
    let node = |operation, inputs: &[usize], values| Node {
        operation,
        inputs: inputs.to_vec(),
        values,
    };
    let product = |rows: usize, padding| {
        let options = ConvOptions {
            padding,
            ..ConvOptions::default()
        };
        let conv = Conv2d::new([rows, 1, 2], 2, [3, 1], options).unwrap();
        Operation::Product {
            conv,
            weights: NodeWeights::I8((0..12).map(|i| i * 5 % 11 - 5).collect()),
            epilogue: epilogue(2),
        }
    };
    let padding = if padded {
        Padding::Same
    } else {
        Padding::Valid
    };
    let lost = if padded { 0 } else { 2 };
    let pool = |rows: usize, high: usize, stride: usize| {
        Pool2d::new([rows, 1, 2], [high, 1], [stride, 1], Padding::Valid).unwrap()
    };
    let rows = (height - 2 - lost) / 2;
    let nodes = vec![
        node(Operation::Affine(epilogue(2)), &[0], fixed),
        node(product(height, Padding::Valid), &[1], fixed),
        node(Operation::Crop([2, 0, 0, 0]), &[1], fixed),
        node(Operation::Add, &[2, 3], fixed),
        node(product(height - 2, padding), &[4], fixed),
        node(Operation::Crop([lost, 0, 0, 0]), &[4], fixed),
        node(Operation::Add, &[5, 6], fixed),
        node(
            Operation::MaxPool(pool(height - 2 - lost, 2, 2)),
            &[7],
            fixed,
        ),
        node(Operation::AveragePool(pool(rows, rows, 1)), &[8], fixed),
        node(
            Operation::Affine(epilogue(2)),
            &[9],
            Values::Integer { exponent: 0 },
        ),
    ];
    let graph = Graph {
        input: InputType::Unsigned { depth: 8 },
        input_shape: [height, 1, 2],
        nodes,
        meta: String::new(),
    };
    AlignedBytes::from(graph.write().unwrap().as_slice())
}

/// Writes anything into a stream and its memory, but the pointer to it and its length.
fn scribble(stream: &mut bnn_stream_t, memory: &mut [u64], kept: [usize; 2], noise: [u64; 4]) {
    for (word, kept) in stream.words[2..].iter_mut().zip(kept) {
        *word = core::ptr::without_provenance(kept);
    }
    for (i, word) in memory.iter_mut().enumerate() {
        *word = noise[i % 4].rotate_left(i as u32);
    }
    stream.words[0] = memory.as_mut_ptr().cast_const().cast();
}

/// Pushes a row of two bytes; its result, if there is one.
fn pushed(stream: &mut bnn_stream_t, row: &[u8]) -> Option<[i32; 2]> {
    let (mut y, mut ready) = ([0; 2], 7);
    // SAFETY: a row and an output of the sizes that are passed.
    let status = unsafe {
        bnn_stream_push(
            stream,
            row.as_ptr().cast(),
            row.len(),
            y.as_mut_ptr().cast(),
            size_of_val(&y),
            &mut ready,
        )
    };
    assert_eq!(status, BNN_OK);
    (ready == 1).then_some(y)
}

#[test]
fn graphs_slide_where_nothing_is_padded() {
    let rows: Vec<u8> = (0..80_u32).map(|i| (i * i * 37 + i) as u8).collect();
    for (padded, step) in [(false, 2), (true, 12)] {
        let file = residual_net(12, padded);
        let (model, inner) = (opened(&file), Model::open(&file).unwrap());
        let mut memory = vec![u64::MAX; Stream::words(&inner).unwrap()];
        let mut stream = stream(&model, &mut memory);
        // SAFETY: an open stream.
        let slides = unsafe { bnn_stream_slides(&stream) };
        assert_eq!(slides, u32::from(!padded));
        let mut results = Vec::new();
        for row in rows.chunks(2) {
            results.extend(pushed(&mut stream, row));
        }
        assert_eq!(results.len(), (rows.len() / 2 - 12) / step + 1);
        let mut scratch = vec![0; inner.scratch_words(1).unwrap()];
        for (k, result) in results.iter().enumerate() {
            let window = bnn_core::model::Input::Bytes(&rows[2 * k * step..][..24]);
            let mut y = [0; 2];
            let output = bnn_core::model::Output::I32(&mut y);
            inner.run(1, window, output, &mut scratch).unwrap();
            assert_eq!(*result, y, "window {k}");
        }
    }
}

proptest! {
    /// As of chains.
    #[test]
    fn what_a_stream_through_a_graph_keeps_may_be_anything(
        height in 6_usize..9, padded: bool, seen: usize, flags: usize, noise in any::<[u64; 4]>(),
    ) {
        let file = residual_net(height, padded);
        let model = opened(&file);
        let inner = Model::open(&file).unwrap();
        let mut memory = vec![0; Stream::words(&inner).unwrap()];
        let mut stream = stream(&model, &mut memory);
        scribble(&mut stream, &mut memory, [seen, flags], noise);
        for _ in 0..20 {
            pushed(&mut stream, &[3, 4]);
        }
    }
}

/// How much the last of three samples rises above the first two.
fn rise() -> AlignedBytes {
    let conv = Conv2d::new([3, 1, 1], 1, [3, 1], ConvOptions::default()).unwrap();
    let filter = BitMatrix::pack(&[-1_i8, -1, 1], 1, 3).unwrap();
    let mut writer = ModelWriter::new(InputType::Unsigned { depth: 8 });
    writer.conv2d(&conv, filter.view(), Epilogue::Sums).unwrap();
    AlignedBytes::from(writer.finish().unwrap().as_slice())
}

/// Two rows of three bits with padding around them, times signs.
fn padded() -> AlignedBytes {
    let options = ConvOptions {
        padding: Padding::Same,
        stride: [2, 1],
        ..ConvOptions::default()
    };
    let conv = Conv2d::new([2, 1, 3], 2, [3, 1], options).unwrap();
    let mut writer = ModelWriter::new(InputType::Bits);
    let filters = signs(2, 9, 0);
    writer
        .conv2d(&conv, filters.view(), Epilogue::Sums)
        .unwrap();
    AlignedBytes::from(writer.finish().unwrap().as_slice())
}

/// A model as an array of C's.
fn array(name: &str, file: &AlignedBytes) -> String {
    let bytes = file;
    let words: Vec<String> = bytes
        .chunks(8)
        .map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            format!("UINT64_C({:#018x}),", u64::from_le_bytes(word))
        })
        .collect();
    let lines: Vec<String> = words
        .chunks(3)
        .map(|line| format!("    {}\n", line.join(" ")))
        .collect();
    format!(
        "enum {{ {}_BYTES = {} }};\nstatic const uint64_t {name}[{}] = {{\n{}}};\n",
        name.to_uppercase(),
        bytes.len(),
        words.len(),
        lines.concat()
    )
}

#[test]
fn the_models_of_the_c_programs_are_what_their_names_say() {
    let expected = [array("rise", &rise()), array("padded", &padded())].join("\n");
    let header = include_str!("../../../../ffi-tests/c/series.h");
    assert!(header.contains(&expected), "expected in it:\n{expected}");
}
