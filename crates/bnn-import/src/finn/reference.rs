//! The definition, neuron by neuron: how many inputs match the weights. What a model is compared
//! with.

use bnn_core::model::{AlignedBytes, Input, Model, Output, PackedModel};

use super::layer::Layer;
use super::network::{BRIGHT, CONVOLUTIONS, FinnKind, FinnNetwork, IMAGE, is_pooled};
use crate::ImportError;

/// Compares the scores of a model on samples of bytes.
pub(super) fn compare(network: &FinnNetwork, file: &[u8], bytes: &[u8]) -> Result<(), ImportError> {
    let file = AlignedBytes::from(file);
    let model = PackedModel::new(Model::open(&file)?)?;
    let samples = bytes.len() / network.inputs();
    let last = &network.layers[network.layers.len() - 1];
    // Padding, which matches nothing, is no input of the model.
    let padding = match network.layers.len() {
        1 => network.padding,
        _ => 0,
    };
    let (n, k) = (last.rows.len(), last.inputs() - padding);
    let mut found = vec![0; samples * n];
    model.run(samples, Input::Bytes(bytes), Output::I32(&mut found))?;
    let pairs = bytes.chunks(network.inputs()).zip(found.chunks(n));
    for (first, (sample, found)) in pairs.enumerate() {
        let matches = scores(network, sample);
        for (output, (&found, &matches)) in found.iter().zip(&matches).enumerate() {
            let expected = 2 * matches - k as i64;
            if i64::from(found) != expected {
                return Err(ImportError::Different {
                    different: 1,
                    samples,
                    first,
                    output,
                    found: found as f32,
                    expected: expected as f32,
                    hint: "",
                });
            }
        }
    }
    Ok(())
}

/// Matches of the last layer.
fn scores(network: &FinnNetwork, sample: &[u8]) -> Vec<i64> {
    match network.kind {
        FinnKind::Dense => {
            let pixels = sample.iter().map(|&byte| byte >= BRIGHT);
            let padding = (0..network.padding).map(|_| false);
            dense(&network.layers, pixels.chain(padding).collect())
        }
        FinnKind::Cnv => {
            let [mut side, _, channels] = IMAGE;
            let first = &network.layers[0];
            let mut image: Vec<bool> = windows(sample, side, channels)
                .flat_map(|window| {
                    let neurons = first.rows.iter().zip(&first.thresholds);
                    neurons.map(move |(row, &threshold)| {
                        let products = row.iter().zip(&window).map(|(&plus, &byte)| {
                            let x = 2 * i64::from(byte) - 255;
                            if plus { x } else { -x }
                        });
                        256 * products.sum::<i64>() > threshold.saturating_mul(255)
                    })
                })
                .collect();
            side -= 2;
            for (index, layer) in network.layers[..CONVOLUTIONS].iter().enumerate().skip(1) {
                let channels = layer.inputs() / 9;
                image = windows(&image, side, channels)
                    .flat_map(|window| fire(layer, &window))
                    .collect();
                side -= 2;
                if is_pooled(index) {
                    image = pooled(&image, side, layer.rows.len());
                    side /= 2;
                }
            }
            dense(&network.layers[CONVOLUTIONS..], image)
        }
    }
}

fn dense(layers: &[Layer], mut x: Vec<bool>) -> Vec<i64> {
    let (last, hidden) = match layers {
        [hidden @ .., last] => (last, hidden),
        [] => return Vec::new(),
    };
    for layer in hidden {
        x = fire(layer, &x);
    }
    matches(last, &x).collect()
}

fn matches(layer: &Layer, x: &[bool]) -> impl Iterator<Item = i64> {
    let matching = move |row: &Vec<bool>| row.iter().zip(x).filter(|(w, x)| w == x).count() as i64;
    layer.rows.iter().map(matching)
}

fn fire(layer: &Layer, x: &[bool]) -> Vec<bool> {
    let sums = matches(layer, x).zip(&layer.thresholds);
    sums.map(|(sum, &threshold)| sum > threshold).collect()
}

/// Windows of 3x3 pixels of a square image, in the order rows, columns, channels.
fn windows<T: Copy>(
    image: &[T],
    side: usize,
    channels: usize,
) -> impl Iterator<Item = Vec<T>> + use<'_, T> {
    let places = (0..side - 2).flat_map(move |y| (0..side - 2).map(move |x| (y, x)));
    places.map(move |(y, x)| {
        let rows = (y..y + 3).flat_map(|y| &image[(y * side + x) * channels..][..3 * channels]);
        rows.copied().collect()
    })
}

/// The maxima of squares of 2x2 pixels.
fn pooled(image: &[bool], side: usize, channels: usize) -> Vec<bool> {
    let half = side / 2;
    let at = |i: usize| {
        let (pixel, c) = (i / channels, i % channels);
        let (y, x) = (pixel / half * 2, pixel % half * 2);
        let square = [(y, x), (y, x + 1), (y + 1, x), (y + 1, x + 1)];
        square
            .iter()
            .any(|(y, x)| image[(y * side + x) * channels + c])
    };
    (0..half * half * channels).map(at).collect()
}
