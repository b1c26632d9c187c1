//! The float network computes what the model of its shapes would with floats.

use bnn_core::BitMatrix;
use bnn_core::conv::{ConvOptions, Padding};
use bnn_core::model::{AlignedBytes, Input, InputType, ModelWriter, Output};

use super::*;
use crate::numbers;

const IMAGE: [usize; 3] = [7, 5, 6];

fn bits(rows: usize, cols: usize) -> Result<BitMatrix, Error> {
    BitMatrix::pack(&numbers(rows * cols), rows, cols)
}

/// The network of one convolution that gives sums adds its bias to those of the model.
fn computes_the_sums_of(
    outputs: usize,
    options: ConvOptions,
) -> Result<(), Box<dyn std::error::Error>> {
    let conv = Conv2d::new(IMAGE, outputs, [3, 3], options)?;
    let mut writer = ModelWriter::new(InputType::Unsigned { depth: 4 });
    writer.conv2d(
        &conv,
        bits(outputs, conv.patch_len())?.view(),
        Epilogue::Sums,
    )?;
    let file = AlignedBytes::from(writer.finish()?.as_slice());
    let model = Model::open(&file)?;
    let samples = 2;
    let x: Vec<u8> = (0..samples * 7 * 5 * 6)
        .map(|i| (i * 11 % 16) as u8)
        .collect();
    let len: usize = model.output_shape().iter().product();
    let mut sums = vec![0; samples * len];
    let mut scratch = vec![0; model.scratch_words(samples)?];
    model.run(
        samples,
        Input::Bytes(&x),
        Output::I32(&mut sums),
        &mut scratch,
    )?;

    let network = FloatNetwork::new(&model, 1)?;
    let x: Vec<f32> = x.into_iter().map(f32::from).collect();
    for library in F32Gemm::ALL {
        let mut y = vec![f32::NAN; samples * len];
        network.run(library, &x, &mut y);
        for (i, (y, sum)) in y.iter().zip(&sums).enumerate() {
            assert_eq!(
                *y,
                *sum as f32 + (i % outputs % 7) as f32 - 3.0,
                "{library:?} {options:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn convolutions_of_all_kinds_are_those_of_the_model() -> Result<(), Box<dyn std::error::Error>> {
    for (outputs, groups, padding) in [
        (9, 1, Padding::Same),
        (9, 1, Padding::Valid),
        (4, 2, Padding::Same),
        (6, 6, Padding::Same),
    ] {
        for (stride, dilation) in [([1, 1], [1, 1]), ([2, 1], [1, 2]), ([1, 2], [2, 1])] {
            let options = ConvOptions {
                stride,
                dilation,
                padding,
                groups,
                ..ConvOptions::default()
            };
            computes_the_sums_of(outputs, options)?;
        }
    }
    Ok(())
}

/// ReLU of a bias that the pool and the dense layers see.
#[test]
fn a_whole_network_is_computed_layer_by_layer() -> Result<(), Box<dyn std::error::Error>> {
    let thresholds = [0_i32; 5];
    let conv = Conv2d::new(IMAGE, 5, [3, 3], ConvOptions::default())?;
    let pool = Pool2d::new(conv_output(&conv), [2, 2], [2, 2], Padding::Valid)?;
    let [height, width] = pool.windows().output_size();
    let flat = Conv2d::new(
        [height, width, 5],
        5,
        [height, width],
        ConvOptions::default(),
    )?;
    let mut writer = ModelWriter::new(InputType::Unsigned { depth: 4 });
    let filters = bits(5, conv.patch_len())?;
    writer.conv2d(
        &conv,
        filters.view(),
        Epilogue::Threshold(thresholds.as_slice().into()),
    )?;
    writer.max_pool2d(&pool)?;
    let all = bits(5, flat.patch_len())?;
    writer.conv2d(
        &flat,
        all.view(),
        Epilogue::Threshold(thresholds.as_slice().into()),
    )?;
    let last = bits(2, 5)?;
    writer.dense(
        last.view(),
        Epilogue::Affine {
            scale: &[1.0; 2],
            bias: &[0.5, -0.5],
        },
    )?;
    let file = AlignedBytes::from(writer.finish()?.as_slice());
    let network = FloatNetwork::new(&Model::open(&file)?, 2)?;
    assert_eq!((network.images.len(), network.rows.len()), (2, 2));

    // More samples than a block has.
    let samples = 2 * BLOCK + 3;
    let x: Vec<f32> = (0..samples * 7 * 5 * 6)
        .map(|i| (i * 7 % 16) as f32)
        .collect();
    let expected: Vec<f32> = x
        .chunks(7 * 5 * 6)
        .flat_map(|image| {
            let sums = convolve(&conv, image, &filters);
            let pooled = pooled(&pool, &relu(&sums, 5));
            let hidden = relu(&products(&pooled, &all), 5);
            let scores = products(&hidden, &last);
            [scores[0] + 0.5, scores[1] - 0.5]
        })
        .collect();
    for library in F32Gemm::ALL {
        let mut y = vec![f32::NAN; samples * 2];
        network.run(library, &x, &mut y);
        assert_eq!(y, expected, "{library:?}");
    }
    Ok(())
}

fn conv_output(conv: &Conv2d) -> [usize; 3] {
    let [height, width] = conv.windows().output_size();
    [height, width, conv.outputs()]
}

fn weight(bits: &BitMatrix, row: usize, col: usize) -> f32 {
    if bits.view().get(row, col) == Some(true) {
        1.0
    } else {
        -1.0
    }
}

fn relu(sums: &[f32], outputs: usize) -> Vec<f32> {
    let sums = sums.iter().enumerate();
    sums.map(|(i, sum)| (sum + (i % outputs % 7) as f32 - 3.0).max(0.0))
        .collect()
}

fn products(x: &[f32], w: &BitMatrix) -> Vec<f32> {
    let sum = |row| {
        x.iter()
            .enumerate()
            .map(|(i, x)| x * weight(w, row, i))
            .sum()
    };
    (0..w.rows()).map(sum).collect()
}

/// Without padding, with strides of 1.
fn convolve(conv: &Conv2d, x: &[f32], filters: &BitMatrix) -> Vec<f32> {
    let ([height, width], [_, _, channels]) = (conv.windows().output_size(), IMAGE);
    let mut sums = Vec::new();
    for (row, col) in (0..height).flat_map(|row| (0..width).map(move |col| (row, col))) {
        let pixels = (0..9).flat_map(|tap| {
            let pixel = (row + tap / 3) * IMAGE[1] + col + tap % 3;
            x[pixel * channels..(pixel + 1) * channels].to_vec()
        });
        sums.extend(products(&pixels.collect::<Vec<_>>(), filters));
    }
    sums
}

/// Windows of 2 x 2 side by side.
fn pooled(pool: &Pool2d, x: &[f32]) -> Vec<f32> {
    let ([height, width], [_, across]) =
        (pool.windows().output_size(), pool.windows().input_size());
    let mut out = Vec::new();
    for (row, col) in (0..height).flat_map(|row| (0..width).map(move |col| (row, col))) {
        for channel in 0..pool.channels() {
            let at =
                |dy, dx| x[((2 * row + dy) * across + 2 * col + dx) * pool.channels() + channel];
            out.push(at(0, 0).max(at(0, 1)).max(at(1, 0)).max(at(1, 1)));
        }
    }
    out
}
