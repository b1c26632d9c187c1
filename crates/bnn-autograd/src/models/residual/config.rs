//! What a residual network consists of, and the published ones that it may follow.

use crate::error::Error;
use crate::ops::Padding;

/// The published networks whose units a [`ResidualNet`](super::ResidualNet) may have.
///
/// | | a unit computes | paper |
/// | --- | --- | --- |
/// | `BiRealNet` | `x + norm(conv(sign(x)))` | Liu et al. 2018, arXiv 1808.00278 |
/// | `ReActNet` | `rprelu(x + norm(conv(rsign(x))))` | Liu et al. 2020, arXiv 2003.03488 |
/// | `QuickNet` | `x + norm(relu(conv(sign(x))))` | Bannink et al. 2021, arXiv 2011.09398 |
///
/// `conv` is a binary convolution, `norm` batch normalisation. In a unit with weights of 8 bits
/// there are no signs: `conv` takes `x` as it is in a `ReActNet`, and else `relu(x)`, with no other
/// rectifier. All signs have the gradient of
/// Bi-Real Net ([`Estimator::Approx`](crate::ops::Estimator::Approx)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A shortcut around each convolution.
    BiRealNet,
    /// A shortcut around each convolution, and learned shifts of signs and activations.
    ReActNet,
    /// A shortcut around each convolution, rectifiers, and pools of the largest.
    QuickNet,
}

/// The sizes of a [`ResidualNet`](super::ResidualNet).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResidualConfig {
    /// `[height, width, channels]` of the images.
    pub image: [usize; 3],
    /// The function of a unit.
    pub family: Family,
    /// The first layers of the network.
    pub stem: StemConfig,
    /// The units after it, at least one.
    pub units: Vec<UnitConfig>,
    /// Number of classes.
    pub classes: usize,
    /// Whether numbers are fixed-point ones of 16 bits, multiples of `2^-exponent`
    /// ([`FixedPoint`](crate::nn::FixedPoint)), so that a device computes in integers up to the
    /// scores. `None` in the networks below.
    pub fixed_point: Option<i8>,
    /// Whether the scores, too, are integers, so that a device computes without floats to the end:
    /// multiples of `2^-12` of 32 bits. Only where numbers are fixed-point ones. `false` in the
    /// networks below.
    pub integer_scores: bool,
    /// Whether windows stay inside the image above and below, and a shortcut is the last rows of
    /// what it goes around, as many as there are. If rows are the steps of a series, the newest last,
    /// the network is a causal one (as in Bai et al. 2018, arXiv 1803.01271), and its file slides over
    /// a series without an end ([`bnn_core::model::Stream`]). Over columns, images are padded as
    /// ever; filters of images of one column have one column. `false` in the networks below.
    pub slides: bool,
    /// How many units, the first ones, have weights of 8 bits instead of binary ones: a mixed
    /// network, for cores whose products of bytes cost little and where the channels are few. Only
    /// where numbers are fixed-point ones, and with filters of at most 511 elements. 0 in the
    /// networks below.
    pub int8_units: usize,
    /// How many units at a time keep nothing but their input for the reverse pass, which computes
    /// them again ([`Recomputed`](crate::nn::Recomputed)): less memory for a second forward pass,
    /// and the same network, bit for bit. 0, as in the networks below: none.
    pub recompute: usize,
}

/// The convolution of pixels with weights of 8 bits that a network begins with; batch normalisation
/// follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StemConfig {
    /// The channels that it gives out.
    pub channels: usize,
    /// The side of its square filters.
    pub kernel: usize,
    /// Pixels from window to window.
    pub stride: usize,
    /// Whether a pool of the largest of 3 x 3, two pixels apart, comes last.
    pub pool: bool,
}

/// A convolution and the shortcut around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitConfig {
    /// The channels that it gives out: as many as it takes, or a multiple.
    pub channels: usize,
    /// The side of its square filters.
    pub kernel: usize,
    /// Pixels from window to window, 1 or 2.
    pub stride: usize,
    /// Whether each channel has a filter of its own; then it gives out as many as it takes.
    pub depthwise: bool,
}

/// Images with a longer side begin with filters of 7 x 7, two pixels apart, and a pool.
const SMALL: usize = 96;

impl ResidualConfig {
    /// A network of one stage for each of `blocks`, as a ResNet has them (He et al. 2016, arXiv
    /// 1512.03385): stages of `blocks[i]` blocks of two units of 3 x 3 with `width * 2^i` channels,
    /// each but the first beginning with a stride of 2. Images up to 96 pixels begin with filters
    /// of 3 x 3, larger ones with 7 x 7, a stride of 2 and a pool.
    ///
    /// `Family::BiRealNet` with a width of 64 and `[2; 4]` is Bi-Real Net 18; with `[1, 1, 1]` on
    /// small images there are six binary convolutions.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] without stages or for widths that are too large.
    pub fn resnet(
        family: Family,
        image: [usize; 3],
        width: usize,
        blocks: &[usize],
        classes: usize,
    ) -> Result<Self, Error> {
        let large = image[0].max(image[1]) > SMALL;
        let mut units = Vec::new();
        for (stage, &blocks) in blocks.iter().enumerate() {
            let factor = u32::try_from(stage)
                .ok()
                .and_then(|s| 2_usize.checked_pow(s));
            let channels = factor.and_then(|factor| width.checked_mul(factor));
            let fits = channels.is_some();
            Error::check_range(
                "channels of a stage",
                "few enough to count",
                f64::INFINITY,
                fits,
            )?;
            let units_of_stage = blocks.saturating_mul(2);
            let fits = units_of_stage <= MOST_UNITS;
            let what = "units of a stage";
            Error::check_range(what, "at most 512", units_of_stage as f64, fits)?;
            units.extend((0..units_of_stage).map(|unit| UnitConfig {
                channels: channels.unwrap_or_default(),
                kernel: 3,
                stride: if stage > 0 && unit == 0 { 2 } else { 1 },
                depthwise: false,
            }));
        }
        Ok(Self {
            image,
            family,
            stem: StemConfig {
                channels: width,
                kernel: if large { 7 } else { 3 },
                stride: if large { 2 } else { 1 },
                pool: large,
            },
            units,
            classes,
            fixed_point: None,
            integer_scores: false,
            slides: false,
            int8_units: 0,
            recompute: 0,
        })
    }

    /// ReActNet-A, whose units follow MobileNet V1: 3 x 3, then 1 x 1, thirteen times, from `width`
    /// channels (32 in the paper) to 32 times as many. The paper's images have 224 x 224 pixels.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a width that is too large.
    pub fn react_net_a(image: [usize; 3], width: usize, classes: usize) -> Result<Self, Error> {
        let fits = width <= usize::MAX / 32;
        Error::check_range(
            "channels of a network",
            "few enough to count",
            width as f64,
            fits,
        )?;
        // Channels in multiples of the width, and the stride, of each pair.
        const PAIRS: [(usize, usize); 13] = [
            (2, 1),
            (4, 2),
            (4, 1),
            (8, 2),
            (8, 1),
            (16, 2),
            (16, 1),
            (16, 1),
            (16, 1),
            (16, 1),
            (16, 1),
            (32, 2),
            (32, 1),
        ];
        let (mut units, mut before) = (Vec::new(), width);
        for (multiple, stride) in PAIRS {
            let channels = multiple * width;
            units.push(UnitConfig {
                channels: before,
                kernel: 3,
                stride,
                depthwise: false,
            });
            units.push(UnitConfig {
                channels,
                kernel: 1,
                stride: 1,
                depthwise: false,
            });
            before = channels;
        }
        Ok(Self {
            image,
            family: Family::ReActNet,
            stem: StemConfig {
                channels: width,
                kernel: 3,
                stride: 2,
                pool: false,
            },
            units,
            classes,
            fixed_point: None,
            integer_scores: false,
            slides: false,
            int8_units: 0,
            recompute: 0,
        })
    }
}

impl ResidualConfig {
    /// The same network of separable convolutions (Howard et al. 2017, MobileNets, arXiv
    /// 1704.04861): each unit of more than one tap that is not depthwise becomes two, a depthwise one
    /// and one of 1 x 1, which take far fewer products. It is for
    /// [`int8_units`](Self::int8_units): nine binary weights say little.
    #[must_use]
    pub fn separable(mut self) -> Self {
        let mut before = self.stem.channels;
        let mut units = Vec::new();
        for unit in self.units {
            let mut mixing = unit;
            if unit.kernel > 1 && !unit.depthwise {
                units.push(UnitConfig {
                    channels: before,
                    depthwise: true,
                    ..unit
                });
                (mixing.kernel, mixing.stride) = (1, 1);
            }
            units.push(mixing);
            before = unit.channels;
        }
        self.units = units;
        self
    }
}

/// Units of a stage: as many as a model file has room for.
const MOST_UNITS: usize = 512;

impl ResidualConfig {
    /// `[height, width]` of square filters over images of `width` columns.
    pub(super) fn kernel(&self, kernel: usize, width: usize) -> [usize; 2] {
        match (self.slides, width) {
            (true, 1) => [kernel, 1],
            _ => [kernel; 2],
        }
    }

    /// The padding of windows of `kernel` columns, `stride` apart, over images of `width` columns.
    pub(super) fn padding(&self, width: usize, kernel: usize, stride: usize) -> Padding {
        if !self.slides {
            return Padding::Same;
        }
        let last = width.saturating_sub(1) / stride.max(1);
        let reach = last.saturating_mul(stride).saturating_add(kernel);
        let around = reach.saturating_sub(width);
        Padding::Explicit {
            top: 0,
            bottom: 0,
            left: around / 2,
            right: around - around / 2,
        }
    }

    /// Rows or columns of windows over a side.
    pub(super) fn side(&self, side: usize, kernel: usize, stride: usize, is_height: bool) -> usize {
        let stride = stride.max(1);
        match self.slides && is_height {
            true => side.checked_sub(kernel).map_or(0, |rest| rest / stride + 1),
            false => side.div_ceil(stride),
        }
    }
}
