//! Models with convolutions and pools compute what their layers do one after the other, by the
//! definition.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::net::{Kind, Limits, SpatialNet};
use super::{Samples, check_stream_words, outputs};
use crate::bits::BitMatrix;
use crate::conv::{Conv2d, ConvOptions, PadValue, Padding, Pool2d};
use crate::model::graph::graph_of;
use crate::model::plan::needs;
use crate::model::*;
use crate::shape::row_words;

const LIMITS: Limits = Limits {
    image: [9, 7],
    vertical_padding: true,
    one_row: false,
};

/// Runs `samples` samples in both ways and compares with the definition.
fn check(net: &SpatialNet, samples: usize, seed: u64) -> Result<(), ModelError> {
    let file = AlignedBytes::from(net.file()?.as_slice());
    let model = Model::open(&file)?;
    assert_eq!(model.input_shape(), net.image);
    check_stream_words(&model);
    check_work(&model)?;
    let x = net.samples(samples, seed)?;
    let len = model.input_len();
    let mut expected = Vec::new();
    for i in 0..samples {
        expected.extend(net.compute(&match &x {
            Samples::Bits(x) => Samples::Bits(x[i * len..(i + 1) * len].to_vec()),
            Samples::Bytes(x) => Samples::Bytes(x[i * len..(i + 1) * len].to_vec()),
        })?);
    }
    let mut scratch = vec![u64::MAX; model.scratch_words(samples)?];
    let (y, done) = outputs(&model, samples, |y| {
        model.run(samples, x.input(), y, &mut scratch)
    });
    done?;
    assert_eq!(y, expected, "in place");
    let packed = PackedModel::new(model)?;
    let (y, done) = outputs(&model, samples, |y| packed.run(samples, x.input(), y));
    done?;
    assert_eq!(y, expected, "packed");
    let graph = AlignedBytes::from(graph_of(&model)?.write()?.as_slice());
    let graph = PackedModel::new(Model::open(&graph)?)?;
    let (y, done) = outputs(&model, samples, |y| graph.run(samples, x.input(), y));
    done?;
    assert_eq!(y, expected, "as a graph");
    Ok(())
}

/// The work memory planned is what patches take.
fn check_work(model: &Model<'_>) -> Result<(), ModelError> {
    for (record, layer) in model.records.iter().zip(model.layers()) {
        let record = format::Record::decode(record);
        if let LayerKind::Conv2d(conv) = layer.kind {
            let zeros = conv.pad_value() == PadValue::Zero && record.window.padding != [0; 4];
            let rows = match layer.input {
                // A row of zeros and bit planes.
                InputType::Unsigned { depth } => usize::from(depth) + 1,
                InputType::Bits | InputType::Thresholds if zeros => 2,
                InputType::Bits | InputType::Thresholds => 1,
            };
            assert_eq!(needs(&record).work, rows * row_words(conv.patch_len()));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_model_equals_its_layers_one_after_the_other(seed: u32, samples in 1_usize..3) {
        let net = SpatialNet::draw(seed.into(), LIMITS)?;
        check(&net, samples, seed.into())?;
    }
}

#[test]
fn the_random_models_have_every_kind_of_layer() -> Result<(), ModelError> {
    let mut seen = [0; 8];
    for seed in 0..300 {
        let net = SpatialNet::draw(seed, LIMITS)?;
        let bytes = net.input != InputType::Bits;
        for (i, (kind, _)) in net.layers.iter().enumerate() {
            let place = match kind {
                Kind::Pool(_) => 0,
                Kind::Dense(_) => 1,
                Kind::Conv(conv, _) if conv.groups() > 1 && bytes && i == 0 => 2,
                Kind::Conv(conv, _) if conv.groups() == conv.channels() && conv.channels() > 1 => 3,
                Kind::Conv(conv, _) if conv.groups() > 1 => 4,
                Kind::Conv(conv, _) if conv.windows().padding_before()[0] > 0 => 5,
                Kind::Conv(conv, _) if conv.windows().kernel() == conv.windows().input_size() => 6,
                Kind::Conv(..) => 7,
            };
            seen[place] += 1;
        }
    }
    assert!(seen.iter().all(|&n| n >= 10), "{seen:?}");
    Ok(())
}

/// A 3 x 3 convolution with zeros around, a pool, and all of what is left at once.
fn writer(image: [usize; 3], channels: usize) -> Result<ModelWriter, ModelError> {
    let options = ConvOptions {
        padding: Padding::Same,
        ..ConvOptions::default()
    };
    let conv = Conv2d::new(image, channels, [3, 3], options)?;
    let pool = Pool2d::new(
        [image[0], image[1], channels],
        [2, 2],
        [2, 2],
        Padding::Valid,
    )?;
    let rest = [image[0] / 2, image[1] / 2];
    let all = Conv2d::new(
        [rest[0], rest[1], channels],
        10,
        rest,
        ConvOptions::default(),
    )?;
    let zeros = |conv: &Conv2d| BitMatrix::zeros(conv.outputs(), conv.patch_len());
    let thresholds = vec![0_i32; channels];
    let mut writer = ModelWriter::new(InputType::Unsigned { depth: 8 });
    writer.conv2d(
        &conv,
        zeros(&conv)?.view(),
        Epilogue::Threshold(thresholds.as_slice().into()),
    )?;
    writer.max_pool2d(&pool)?;
    writer.conv2d(&all, zeros(&all)?.view(), Epilogue::Sums)?;
    Ok(writer)
}

#[test]
fn memory_is_that_of_the_rows_that_are_needed() -> Result<(), ModelError> {
    let file = AlignedBytes::from(writer([28, 28, 1], 32)?.finish()?.as_slice());
    let model = Model::open(&file)?;
    // States of three layers; two rows for the pool; the whole pooled image; and the larger one of
    // the bit planes of a patch of the first layer, and a patch of the last one.
    let patch = (14 * 14 * 32) / 64;
    assert_eq!(model.scratch_words(1)?, 3 + 2 * 28 + 14 * 14 + patch);
    // Samples run one by one.
    assert_eq!(model.scratch_words(1000)?, model.scratch_words(1)?);
    Ok(())
}

#[test]
fn layers_tell_their_shapes() -> Result<(), ModelError> {
    let file = AlignedBytes::from(writer([8, 6, 3], 5)?.finish()?.as_slice());
    let model = Model::open(&file)?;
    let shapes: Vec<_> = model
        .layers()
        .map(|layer| {
            (
                layer.kind.to_string(),
                layer.input_shape,
                layer.output_shape,
                layer.bytes(),
            )
        })
        .collect();
    let expected = [
        (
            alloc::string::String::from("conv2d"),
            [8, 6, 3],
            [8, 6, 5],
            5 * 8 + 5 * 2,
        ),
        (
            alloc::string::String::from("max_pool2d"),
            [8, 6, 5],
            [4, 3, 5],
            0,
        ),
        (
            alloc::string::String::from("conv2d"),
            [4, 3, 5],
            [1, 1, 10],
            10 * 8,
        ),
    ];
    assert_eq!(shapes, expected);
    assert_eq!(model.input(), (8 * 6 * 3, InputType::Unsigned { depth: 8 }));
    assert_eq!(model.output(), (10, OutputType::I32));
    Ok(())
}

#[test]
fn wrong_arguments_are_refused_before_anything_is_written() -> Result<(), ModelError> {
    let mut writer = ModelWriter::new(InputType::Unsigned { depth: 4 });
    let conv = Conv2d::new([3, 2, 1], 2, [2, 2], ConvOptions::default())?;
    writer.conv2d(&conv, BitMatrix::zeros(2, 4)?.view(), Epilogue::Sums)?;
    let file = AlignedBytes::from(writer.finish()?.as_slice());
    let model = Model::open(&file)?;
    let packed = PackedModel::new(model)?;
    let mut scratch = vec![0; model.scratch_words(2)?];
    let mut y = [7; 8];
    let needed = model.scratch_words(2)?;
    let mut run = |samples, x: &[u8], len: usize, words: usize| {
        let output = Output::I32(&mut y[..len]);
        let input = Input::Bytes(x);
        let done = model.run(samples, input, output, &mut scratch[..words]);
        if words == needed {
            let again = packed.run(samples, input, Output::I32(&mut y[..len]));
            assert_eq!(done, again);
        }
        done
    };
    let words = needed;
    assert!(run(2, &[1; 11], 8, words).is_err());
    assert!(run(2, &[1; 12], 7, words).is_err());
    assert!(run(2, &[1; 12], 8, words - 1).is_err());
    assert!(run(0, &[], 0, words).is_err());
    let mut large = [1; 12];
    large[11] = 16; // in the second sample
    assert!(run(2, &large, 8, words).is_err());
    assert_eq!(y, [7; 8]);
    Ok(())
}

#[test]
fn layers_that_do_not_fit_are_refused_by_the_writer() -> Result<(), ModelError> {
    let bits = [0_i32; 300];
    let threshold = |n: usize| Epilogue::Threshold(bits[..n].into());
    let zeros = |conv: &Conv2d| BitMatrix::zeros(conv.outputs(), conv.patch_len());
    let new = |image, kernel, options| Conv2d::new(image, 2, kernel, options);
    let padded = |top, bottom, pad_value| ConvOptions {
        padding: Padding::Explicit {
            top,
            bottom,
            left: 0,
            right: 0,
        },
        pad_value,
        ..ConvOptions::default()
    };
    let refused = |input, conv: Conv2d, what: &str| -> Result<(), ModelError> {
        let mut writer = ModelWriter::new(input);
        let error = writer.conv2d(&conv, zeros(&conv)?.view(), threshold(2));
        let text = error.map_err(|error| alloc::string::ToString::to_string(&error));
        assert!(
            matches!(&text, Err(text) if text.contains(what)),
            "{text:?}"
        );
        Ok(())
    };
    let bits_in = InputType::Bits;
    let bytes_in = InputType::Unsigned { depth: 8 };
    let one = |pad_value| padded(1, 1, pad_value);
    refused(
        bytes_in,
        new([4, 4, 1], [3, 3], one(PadValue::PlusOne))?,
        "zeros around images",
    )?;
    refused(
        bits_in,
        new([1, 70_000, 1], [1, 3], ConvOptions::default())?,
        "image width",
    )?;
    refused(
        bits_in,
        new([300, 1, 1], [256, 1], ConvOptions::default())?,
        "kernel",
    )?;
    refused(
        bits_in,
        new([4, 4, 1], [2, 2], padded(2, 0, PadValue::Zero))?,
        "padding",
    )?;
    refused(
        bits_in,
        new([4, 4, 1], [3, 3], padded(2, 2, PadValue::Zero))?,
        "no more outputs",
    )?;
    refused(
        InputType::Unsigned { depth: 9 },
        new([4, 4, 1], [3, 3], ConvOptions::default())?,
        "bits per element",
    )?;

    let conv = new([4, 4, 1], [3, 3], ConvOptions::default())?;
    let pool = Pool2d::new([2, 2, 2], [2, 2], [1, 1], Padding::Valid)?;
    let mut writer = ModelWriter::new(bytes_in);
    assert!(writer.max_pool2d(&pool).is_err(), "a pool of integers");
    let filters = zeros(&conv)?;
    assert!(writer.conv2d(&conv, filters.view(), threshold(3)).is_err());
    assert!(
        writer
            .conv2d(&conv, BitMatrix::zeros(2, 8)?.view(), threshold(2))
            .is_err()
    );
    writer.conv2d(&conv, filters.view(), threshold(2))?;
    assert!(
        writer.conv2d(&conv, filters.view(), threshold(2)).is_err(),
        "another image"
    );
    assert!(
        writer
            .dense(BitMatrix::zeros(3, 2)?.view(), threshold(3))
            .is_err(),
        "four pixels"
    );
    writer.max_pool2d(&pool)?;
    writer.dense(BitMatrix::zeros(3, 2)?.view(), threshold(3))?;
    let again = new([1, 1, 3], [1, 1], ConvOptions::default())?;
    assert!(
        writer
            .conv2d(&again, zeros(&again)?.view(), threshold(2))
            .is_err(),
        "after dense"
    );
    // What was refused has left nothing behind.
    writer.finish()?;
    Ok(())
}
