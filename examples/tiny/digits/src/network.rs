//! Convolutions on bits, described by a line of text.

use std::error::Error;
use std::str::FromStr;

use bnn_autograd::Rng;
use bnn_autograd::nn::{
    BatchNorm, BinaryConv2d, BinaryLinear, Flatten, MaxPool2d, Sequential, SignWeightConv2d,
};
use bnn_autograd::ops::{ConvOptions, Estimator, Padding};

/// A convolution, padded unless it is said otherwise, and the max pool of its sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    channels: usize,
    kernel: usize,
    stride: usize,
    is_padded: bool,
    pool: usize,
}

impl FromStr for Layer {
    type Err = String;

    /// `CHANNELS`, and after it in this order `xKERNEL` (3 by default), `sSTRIDE` (1), `v` for valid
    /// windows alone, and `mPOOL` (1): `12x5m2`.
    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || {
            format!("layer `{text}`: expected CHANNELS[xKERNEL][sSTRIDE][v][mPOOL], as in 12x5m2")
        };
        let number = |text: &str| text.parse().ok().filter(|&n| n > 0).ok_or_else(fault);
        let option = |text: &'_ str, letter: char| match text.split_once(letter) {
            Some((before, after)) => Ok((before.to_owned(), Some(number(after)?))),
            None => Ok::<_, String>((text.to_owned(), None)),
        };
        let (rest, pool) = option(text, 'm')?;
        let valid = rest.strip_suffix('v');
        let (rest, stride) = option(valid.unwrap_or(&rest), 's')?;
        let (rest, kernel) = option(&rest, 'x')?;
        Ok(Self {
            channels: number(&rest)?,
            kernel: kernel.unwrap_or(3),
            stride: stride.unwrap_or(1),
            is_padded: valid.is_none(),
            pool: pool.unwrap_or(1),
        })
    }
}

impl Layer {
    /// Pixels of a side after the layer.
    fn side(&self, before: usize) -> usize {
        let windows = if self.is_padded {
            before.div_ceil(self.stride)
        } else {
            (before + self.stride).saturating_sub(self.kernel) / self.stride
        };
        windows / self.pool
    }
}

/// A network of the layers and a dense one, whose sums are the scores, and the inputs of that one.
///
/// # Errors
/// Layers that leave nothing of the image, or sizes that are too large.
pub(crate) fn network(
    image: [usize; 3],
    layers: &[Layer],
    classes: usize,
    rng: &mut Rng,
) -> Result<(Sequential, usize), Box<dyn Error>> {
    let [mut height, mut width, mut before] = image;
    let mut net = Sequential::new();
    for (i, layer) in layers.iter().enumerate() {
        let options = ConvOptions {
            stride: [layer.stride; 2],
            padding: if layer.is_padded {
                Padding::Same
            } else {
                Padding::Valid
            },
            ..ConvOptions::default()
        };
        let (channels, kernel) = (layer.channels, [layer.kernel; 2]);
        let pool = (layer.pool > 1).then(|| MaxPool2d::new([layer.pool; 2]));
        net = if i == 0 {
            let conv = SignWeightConv2d::new(before, channels, kernel, options, rng)?;
            net.then(SignWeightConv2d { pool, ..conv })
        } else {
            let conv = BinaryConv2d::new(before, channels, kernel, options, rng)?;
            let estimator = Estimator::Approx;
            net.then(BinaryConv2d {
                pool,
                estimator,
                ..conv
            })
        };
        net = net.then(BatchNorm::new(channels)?);
        (height, width, before) = (layer.side(height), layer.side(width), channels);
    }
    let inputs = height * width * before;
    let last = BinaryLinear::new(inputs, classes, rng)?;
    Ok((net.then(Flatten).then(last), inputs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_read_with_its_defaults() {
        let layer = |text: &str| text.parse::<Layer>();
        let (channels, kernel, stride, is_padded, pool) = (12, 3, 1, true, 1);
        let plain = Layer {
            channels,
            kernel,
            stride,
            is_padded,
            pool,
        };
        assert_eq!(layer("12"), Ok(plain));
        assert_eq!(
            layer("12x5m2"),
            Ok(Layer {
                kernel: 5,
                pool: 2,
                ..plain
            })
        );
        assert_eq!(
            layer("12s2v"),
            Ok(Layer {
                stride: 2,
                is_padded: false,
                ..plain
            })
        );
        for wrong in ["", "x5", "12x", "0", "12m0", "12q"] {
            assert!(layer(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sides_are_those_of_the_layers() {
        let side = |text: &str, before| text.parse::<Layer>().map(|layer| layer.side(before));
        assert_eq!(side("8m2", 28), Ok(14));
        assert_eq!(side("8s2", 7), Ok(4));
        assert_eq!(side("8s2v", 7), Ok(3));
        assert_eq!(side("8x5v", 3), Ok(0));
    }
}
