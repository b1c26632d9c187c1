//! Random models of convolutions, pools and dense layers, to write a file from and to compute with
//! by the definition.

use alloc::vec;
use alloc::vec::Vec;

use super::Samples;
use crate::bits::BitMatrix;
use crate::conv::{Conv2d, ConvOptions, Images, PadValue, Padding, Pool2d};
use crate::error::Error;
use crate::model::*;
use crate::noise::noise;
use crate::reference;
use crate::shape::row_words;

/// Small numbers of a seed.
pub(in crate::model) struct Dice(u64);

impl Dice {
    pub(in crate::model) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of `0..n`.
    pub(in crate::model) fn below(&mut self, n: usize) -> usize {
        let [_, _, x] = self.numbers::<3>();
        x.unsigned_abs() as usize % n
    }

    pub(in crate::model) fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn numbers<const N: usize>(&mut self) -> [i32; N] {
        let all = self.noise(N);
        core::array::from_fn(|i| all[i])
    }

    pub(in crate::model) fn noise(&mut self, n: usize) -> Vec<i32> {
        self.0 += 1;
        noise(self.0, n)
    }
}

pub(super) enum Kind {
    Conv(Conv2d, BitMatrix),
    Pool(Pool2d),
    Dense(BitMatrix),
}

/// What sums become, owned.
pub(super) enum Last {
    Sums,
    Affine(Vec<f32>, Vec<f32>),
    Thresholds(Vec<i32>),
}

pub(super) struct SpatialNet {
    pub(super) input: InputType,
    /// One per channel, of [`InputType::Thresholds`].
    thresholds: Vec<u8>,
    pub(super) image: [usize; 3],
    /// Layers; those of a pool have no epilogue.
    pub(super) layers: Vec<(Kind, Last)>,
}

/// What the layers of a net may be.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) image: [usize; 2],
    /// Whether layers are padded above and below.
    pub(super) vertical_padding: bool,
    /// Whether the output has one row.
    pub(super) one_row: bool,
}

impl SpatialNet {
    /// A net with at least one spatial layer.
    pub(super) fn draw(seed: u64, limits: Limits) -> Result<Self, Error> {
        let dice = &mut Dice::new(seed.wrapping_mul(1 << 16));
        let depth = dice.below(11) as u8;
        let input = match depth {
            0 => InputType::Bits,
            depth @ 1..=8 => InputType::Unsigned { depth },
            _ => InputType::Thresholds,
        };
        let channels = dice.one_of(&[1, 2, 3, 6, 16, 32, 48, 64, 80, 96]);
        let image = [
            1 + dice.below(limits.image[0]),
            1 + dice.below(limits.image[1]),
            channels,
        ];
        let mut net = Self {
            input,
            thresholds: dice.noise(channels).iter().map(|&x| x as u8).collect(),
            image,
            layers: Vec::new(),
        };
        let mut shape = image;
        let spatial = 1 + dice.below(4);
        while net.layers.len() < spatial {
            let takes = match net.layers.is_empty() {
                true => input,
                false => InputType::Bits,
            };
            if let Some(layer) = draw_spatial(dice, shape, takes, limits)? {
                shape = layer.0.output_shape();
                net.layers.push(layer);
            }
        }
        if limits.one_row && shape[0] > 1 || dice.below(2) == 0 {
            // All of the image at once.
            let outputs = 1 + dice.below(70);
            let conv = Conv2d::new(shape, outputs, [shape[0], shape[1]], ConvOptions::default())?;
            net.layers.push(conv_layer(dice, conv)?);
            shape = [1, 1, outputs];
        }
        for _ in 0..dice.below(3) {
            if shape[..2] == [1, 1] {
                let n = dice.one_of(&[1, 10, 64, 65]);
                let weights = BitMatrix::pack(&dice.noise(n * shape[2]), n, shape[2])?;
                let epilogue = thresholds(dice, shape[2], n);
                net.layers.push((Kind::Dense(weights), epilogue));
                shape = [1, 1, n];
            }
        }
        if let Some((kind, epilogue)) = net.layers.last_mut()
            && !matches!(kind, Kind::Pool(_))
        {
            let numbers = |dice: &mut Dice| {
                let numbers = dice.noise(shape[2]);
                numbers.iter().map(|&x| x as f32 * 1e-9).collect()
            };
            match dice.below(3) {
                0 => *epilogue = Last::Sums,
                1 => *epilogue = Last::Affine(numbers(dice), numbers(dice)),
                _ => {}
            }
        }
        Ok(net)
    }

    pub(super) fn file(&self) -> Result<Vec<u8>, ModelError> {
        let mut writer = match self.input {
            InputType::Thresholds => ModelWriter::with_thresholds(&self.thresholds),
            input => ModelWriter::new(input),
        };
        for (kind, epilogue) in &self.layers {
            let epilogue = match epilogue {
                Last::Sums => Epilogue::Sums,
                Last::Affine(scale, bias) => Epilogue::Affine { scale, bias },
                Last::Thresholds(t) => Epilogue::Threshold(t.as_slice().into()),
            };
            match kind {
                Kind::Conv(conv, filters) => writer.conv2d(conv, filters.view(), epilogue)?,
                Kind::Pool(pool) => writer.max_pool2d(pool)?,
                Kind::Dense(weights) => writer.dense(weights.view(), epilogue)?,
            }
        }
        writer.finish()
    }

    /// Random elements for `samples` samples.
    pub(super) fn samples(&self, samples: usize, seed: u64) -> Result<Samples, Error> {
        let [height, width, channels] = self.image;
        let pixels = samples * height * width;
        let numbers = noise(seed, pixels * channels);
        Ok(match self.input {
            InputType::Bits => Samples::Bits(
                BitMatrix::pack(&numbers, pixels, channels)?
                    .words()
                    .to_vec(),
            ),
            InputType::Unsigned { depth } => {
                Samples::Bytes(numbers.iter().map(|&x| x as u8 >> (8 - depth)).collect())
            }
            InputType::Thresholds => Samples::Bytes(numbers.iter().map(|&x| x as u8).collect()),
        })
    }

    /// The outputs of one sample as `outputs` has them, by the definition.
    pub(super) fn compute(&self, sample: &Samples) -> Result<Vec<u64>, Error> {
        let [height, width, channels] = self.image;
        let mut bits = match sample {
            Samples::Bits(words) => BitMatrix::from_words(words.clone(), height * width, channels)?,
            Samples::Bytes(x) => {
                let reaches = |(i, &x): (usize, &u8)| {
                    if x >= self.thresholds[i % channels] {
                        1
                    } else {
                        -1_i8
                    }
                };
                let signs: Vec<i8> = x.iter().enumerate().map(reaches).collect();
                BitMatrix::pack(&signs, height * width, channels)?
            }
        };
        for (i, (kind, epilogue)) in self.layers.iter().enumerate() {
            let [height, width, n] = kind.output_shape();
            let sums = match kind {
                Kind::Pool(pool) => {
                    bits = max_pool(&bits, pool)?;
                    continue;
                }
                Kind::Dense(weights) => {
                    let mut sums = vec![0; n];
                    reference::gemm_i32(bits.view(), weights.view(), &mut sums, n)?;
                    sums
                }
                Kind::Conv(conv, filters) => {
                    let mut sums = vec![0; height * width * n];
                    let images = match (sample, self.input) {
                        (Samples::Bytes(x), InputType::Unsigned { depth }) if i == 0 => {
                            Images::Unsigned {
                                x,
                                depth: depth.into(),
                            }
                        }
                        _ => bits.view().into(),
                    };
                    reference::conv2d(images, conv, filters.view(), &mut sums)?;
                    sums
                }
            };
            match epilogue {
                Last::Sums => return Ok(sums.iter().map(|&sum| sum as u64).collect()),
                Last::Affine(scale, bias) => {
                    let affine = sums.iter().enumerate().map(|(j, &sum)| {
                        let y = scale[j % n] * sum as f32 + bias[j % n];
                        u64::from(y.to_bits())
                    });
                    return Ok(affine.collect());
                }
                Last::Thresholds(t) => {
                    let fires = |(j, &sum): (usize, &i32)| if sum >= t[j % n] { 1 } else { -1_i8 };
                    let signs: Vec<i8> = sums.iter().enumerate().map(fires).collect();
                    bits = BitMatrix::pack(&signs, height * width, n)?;
                }
            }
        }
        Ok(bits.words().to_vec())
    }
}

impl Kind {
    fn output_shape(&self) -> [usize; 3] {
        let ([height, width], channels) = match self {
            Kind::Conv(conv, _) => (conv.windows().output_size(), conv.outputs()),
            Kind::Pool(pool) => (pool.windows().output_size(), pool.channels()),
            Kind::Dense(weights) => ([1, 1], weights.rows()),
        };
        [height, width, channels]
    }
}

/// A layer, or none where the numbers drawn do not fit each other.
fn draw_spatial(
    dice: &mut Dice,
    shape: [usize; 3],
    input: InputType,
    limits: Limits,
) -> Result<Option<(Kind, Last)>, Error> {
    let pair = |dice: &mut Dice, of: &[usize]| [dice.one_of(of), dice.one_of(of)];
    let (kernel, stride) = (pair(dice, &[1, 2, 3]), pair(dice, &[1, 1, 2, 4]));
    let dilation = pair(dice, &[1, 1, 2]);
    let mut pad = |limit: usize| match limit {
        0 => 0,
        limit => dice.below(limit),
    };
    let vertical = if limits.vertical_padding {
        kernel[0]
    } else {
        0
    };
    let padding = Padding::Explicit {
        top: pad(vertical),
        bottom: pad(vertical),
        left: pad(kernel[1]),
        right: pad(kernel[1]),
    };
    if input == InputType::Bits && dice.below(3) == 0 {
        let pool = Pool2d::new(shape, kernel, stride, padding);
        return Ok(pool
            .ok()
            .filter(|pool| pool.windows().is_moderate())
            .map(|pool| (Kind::Pool(pool), Last::Sums)));
    }
    let channels = shape[2];
    let groups = dice.one_of(&[1, 1, 2, channels]);
    let outputs = dice.one_of(&[1, 2, 6, 32, 63, 64, 65, 96, channels, 2 * channels]);
    let options = ConvOptions {
        stride,
        dilation,
        groups,
        padding,
        pad_value: match input {
            InputType::Unsigned { .. } => PadValue::Zero,
            _ => dice.one_of(&[PadValue::Zero, PadValue::MinusOne, PadValue::PlusOne]),
        },
    };
    let conv = Conv2d::new(shape, outputs, kernel, options);
    match conv.ok().filter(|conv| conv.windows().is_moderate()) {
        None => Ok(None),
        Some(conv) => Ok(Some(conv_layer(dice, conv)?)),
    }
}

fn conv_layer(dice: &mut Dice, conv: Conv2d) -> Result<(Kind, Last), Error> {
    let (n, k) = (conv.outputs(), conv.patch_len());
    let filters = BitMatrix::pack(&dice.noise(n * k), n, k)?;
    Ok((Kind::Conv(conv, filters), thresholds(dice, k, n)))
}

/// Thresholds near the sums of `k` products.
fn thresholds(dice: &mut Dice, k: usize, n: usize) -> Last {
    let range = k as i32 / 4 + 1;
    Last::Thresholds(dice.noise(n).iter().map(|t| t % range).collect())
}

/// The largest of each window, by the definition.
fn max_pool(image: &BitMatrix, pool: &Pool2d) -> Result<BitMatrix, Error> {
    let ([height, width], [out_height, out_width]) =
        (pool.windows().input_size(), pool.windows().output_size());
    let ([top, left], channels) = (pool.windows().padding_before(), pool.channels());
    let mut out = BitMatrix::zeros(out_height * out_width, channels)?;
    for p in 0..out_height * out_width {
        for tap in 0..pool.windows().kernel()[0] * pool.windows().kernel()[1] {
            let (ky, kx) = (
                tap / pool.windows().kernel()[1],
                tap % pool.windows().kernel()[1],
            );
            let y = (p / out_width * pool.windows().stride()[0] + ky).checked_sub(top);
            let x = (p % out_width * pool.windows().stride()[1] + kx).checked_sub(left);
            let (Some(y), Some(x)) = (y.filter(|&y| y < height), x.filter(|&x| x < width)) else {
                continue;
            };
            for c in 0..channels {
                if image.view().get(y * width + x, c) == Some(true) {
                    out.view_mut().set(p, c, true);
                }
            }
        }
    }
    Ok(out)
}

/// Words or bytes of a row of the net's input.
pub(super) fn input_row(net: &SpatialNet) -> usize {
    let [_, width, channels] = net.image;
    match net.input {
        InputType::Bits => width * row_words(channels),
        InputType::Unsigned { .. } | InputType::Thresholds => width * channels,
    }
}
