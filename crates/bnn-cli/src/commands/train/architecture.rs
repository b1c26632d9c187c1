//! `--arch`: which network, as text and as one of the library's.

use std::fmt;

use bnn_autograd::data::Dataset;
use bnn_autograd::internal::MOST_WEIGHTS;
use bnn_autograd::models::{
    Cnn, CnnConfig, Family, Mlp, MlpConfig, ResidualConfig, ResidualNet, StemConfig,
};
use bnn_autograd::{Error, Rng};

use super::network::Network;
use crate::error::CliError;

/// A network, all sizes spelled out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Architecture {
    /// `mlp:WIDTH,WIDTH,..`
    Mlp(Vec<usize>),
    /// `cnn:width=W,stages=S,hidden=H`: stages of two convolutions and a pool, of a width that
    /// doubles (one convolution in the first), then a fully connected layer.
    Cnn {
        width: usize,
        stages: usize,
        hidden: usize,
    },
    /// `resnet:width=W,blocks=B,stages=S,stem=R,first=C,fixed=F,int8=I,recompute=U`, and besides
    /// `separable` and `slides`; the same of `reactnet` and `quicknet`.
    Residual {
        family: Family,
        width: usize,
        blocks: usize,
        stages: usize,
        /// How many pixels of a side become one in the first layers, if given: 1, 2 or 4.
        stem: Option<usize>,
        /// Channels of the first layer, if not those of the first stage.
        first: Option<usize>,
        /// Bits after the point, if numbers are fixed-point ones.
        fixed: Option<i8>,
        /// [`ResidualConfig::int8_units`].
        int8: usize,
        /// [`ResidualConfig::separable`].
        separable: bool,
        /// [`ResidualConfig::slides`].
        slides: bool,
        /// [`ResidualConfig::recompute`]. Not part of the text of the network: it is the same
        /// network with another number, and a run may go on with one.
        recompute: usize,
    },
}

/// What the first and the last layer of a network are besides their widths.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    /// Thresholds of the inputs, if the first layer takes bits; of an MLP alone.
    pub(super) thresholds: Option<Vec<u8>>,
    /// Of an MLP, and of a residual network in fixed point.
    pub(super) integer_scores: bool,
}

impl Architecture {
    /// What the text says, the rest as suits images of that size; `hidden` are the widths of an
    /// MLP that suits the data.
    pub(super) fn parse(text: &str, hidden: &[usize], data: &Dataset) -> Result<Self, CliError> {
        let (name, options) = match text.split_once(':') {
            Some((name, options)) => (name, Some(options)),
            None => (text, None),
        };
        let sides = [data.layout().height, data.layout().width];
        let wrong = |expected: &str| {
            let found = format!("--arch {text}: expected {expected}");
            CliError::Input(found)
        };
        let family = match name {
            "mlp" => {
                let widths = match options {
                    None => hidden.to_vec(),
                    Some(widths) => widths
                        .split(',')
                        .map(whole)
                        .collect::<Option<_>>()
                        .ok_or_else(|| {
                            wrong("mlp, or mlp: and widths of at least 1, as in mlp:256,128")
                        })?,
                };
                return Self::Mlp(widths).checked(text, data);
            }
            "cnn" => {
                let [width, stages, hidden] =
                    numbers(options, ["width", "stages", "hidden"]).ok_or_else(|| {
                        wrong("cnn, or cnn: and sizes of at least 1, as in cnn:width=32,stages=3,hidden=256")
                    })?;
                let stages = stages.unwrap_or_else(|| stages_for(sides));
                let (width, hidden) = (width.unwrap_or(32), hidden.unwrap_or(256));
                let cnn = Self::Cnn {
                    width,
                    stages,
                    hidden,
                };
                return cnn.checked(text, data);
            }
            "resnet" => Family::BiRealNet,
            "reactnet" => Family::ReActNet,
            "quicknet" => Family::QuickNet,
            _ => return Err(wrong("mlp, cnn, resnet, reactnet or quicknet")),
        };
        const NAMES: [&str; 8] = [
            "width",
            "blocks",
            "stages",
            "stem",
            "first",
            "fixed",
            "int8",
            "recompute",
        ];
        let (slides, options) = taken(options, "slides");
        let (separable, options) = taken(options.as_deref(), "separable");
        let found = numbers(options.as_deref(), NAMES);
        let [width, blocks, stages, stem, first, fixed, int8, recompute] = found.ok_or_else(|| {
            wrong(&format!(
                "{name}, or {name}: and sizes of at least 1, as in {name}:width=32,blocks=2,stages=3"
            ))
        })?;
        let fixed = fixed.map(|bits| i8::try_from(bits).ok().filter(|bits| *bits <= 15));
        if fixed == Some(None) {
            return Err(wrong("fixed=, from 1 to 15 bits after the point"));
        }
        if stem.is_some_and(|pixels| stem_of(pixels, 1).is_none()) {
            return Err(wrong(
                "stem=1, 2 or 4, the pixels of a side that become one",
            ));
        }
        if int8.is_some() && fixed.is_none() {
            return Err(wrong("fixed= where there is int8="));
        }
        let residual = Self::Residual {
            family,
            width: width.unwrap_or(32),
            blocks: blocks.unwrap_or(1),
            stages: stages.unwrap_or_else(|| stages_for(sides)),
            stem,
            first,
            fixed: fixed.flatten(),
            int8: int8.unwrap_or_default(),
            separable,
            slides,
            recompute: recompute.unwrap_or_default(),
        };
        residual.checked(text, data)
    }

    /// Whether it is an MLP, of which alone some options are.
    pub(super) fn is_mlp(&self) -> bool {
        matches!(self, Self::Mlp(_))
    }

    /// Whether its numbers are fixed-point ones.
    pub(super) fn is_fixed_point(&self) -> bool {
        matches!(self, Self::Residual { fixed: Some(_), .. })
    }

    /// The number that divides integer scores in the loss.
    pub(super) fn temperature(&self) -> f64 {
        match self {
            // They are sums of signs.
            Self::Mlp(widths) => (widths.last().copied().unwrap_or(1) as f64).sqrt(),
            // They are multiples of a power of two.
            Self::Cnn { .. } | Self::Residual { .. } => 1.0,
        }
    }

    /// A network for the data, with random weights.
    pub(super) fn build(
        &self,
        data: &Dataset,
        ends: &Ends,
        rng: &mut Rng,
    ) -> Result<Network, Error> {
        let layout = data.layout();
        let image = [layout.height, layout.width, layout.channels];
        let classes = layout.classes;
        Ok(match self {
            Self::Mlp(hidden) => {
                let sizes = MlpConfig {
                    inputs: data.features(),
                    depth: layout.depth(),
                    hidden: hidden.clone(),
                    classes,
                    thresholds: ends.thresholds.clone(),
                    integer_scores: ends.integer_scores,
                };
                Network::Mlp(Mlp::new(sizes, rng)?)
            }
            &Self::Cnn {
                width,
                stages,
                hidden,
            } => {
                let stage = |i: usize| vec![width << i; if i == 0 { 1 } else { 2 }];
                let sizes = CnnConfig {
                    image,
                    stages: (0..stages).map(stage).collect(),
                    hidden: vec![hidden],
                    classes,
                };
                let depth = layout.depth();
                Network::Cnn(Cnn::new(sizes, rng)?, depth)
            }
            &Self::Residual {
                family,
                width,
                blocks,
                stages,
                stem,
                first,
                fixed,
                int8,
                separable,
                slides,
                recompute,
            } => {
                let blocks = vec![blocks; stages];
                let usual = ResidualConfig::resnet(family, image, width, &blocks, classes)?;
                let stem = stem.and_then(|pixels| stem_of(pixels, width));
                let stem = stem.unwrap_or(usual.stem);
                let sizes = ResidualConfig {
                    stem: StemConfig {
                        channels: first.unwrap_or(stem.channels),
                        ..stem
                    },
                    fixed_point: fixed,
                    integer_scores: ends.integer_scores,
                    int8_units: int8,
                    slides,
                    recompute,
                    ..usual
                };
                let depth = layout.depth();
                let sizes = if separable { sizes.separable() } else { sizes };
                Network::Residual(ResidualNet::new(sizes, rng)?, depth)
            }
        })
    }

    /// The text of the value on the command line, with what is no property of the network but of
    /// a run.
    pub(super) fn of_run(&self) -> String {
        match self {
            Self::Residual {
                recompute: units @ 1..,
                ..
            } => format!("{self},recompute={units}"),
            _ => self.to_string(),
        }
    }

    /// Refuses what would take all memory.
    fn checked(self, text: &str, data: &Dataset) -> Result<Self, CliError> {
        let weights = self.weights(data);
        match weights {
            Some(weights) if weights <= MOST_WEIGHTS => Ok(self),
            Some(weights) => Err(CliError::Input(format!(
                "--arch {text}: {weights} weights, expected at most {MOST_WEIGHTS}"
            ))),
            None => Err(CliError::Input(format!(
                "--arch {text}: too many weights, expected at most {MOST_WEIGHTS}"
            ))),
        }
    }

    /// Binary weights and those of 8 bits; `None` if they cannot be counted.
    fn weights(&self, data: &Dataset) -> Option<usize> {
        let layout = data.layout();
        let mut weights = 0_usize;
        let mut add = |outputs: usize, inputs: usize| {
            weights = weights.checked_add(outputs.checked_mul(inputs)?)?;
            Some(())
        };
        let width_of = |width: usize, stage: usize| {
            let factor = u32::try_from(stage)
                .ok()
                .and_then(|s| 2_usize.checked_pow(s))?;
            width.checked_mul(factor)
        };
        match *self {
            Self::Mlp(ref widths) => {
                let mut before = data.features();
                for &width in widths.iter().chain([&layout.classes]) {
                    add(width, before)?;
                    before = width;
                }
            }
            Self::Cnn {
                width,
                stages,
                hidden,
            } => {
                let mut before = layout.channels;
                for stage in 0..stages {
                    let channels = width_of(width, stage)?;
                    add(channels, before.checked_mul(9)?)?;
                    if stage > 0 {
                        add(channels, channels.checked_mul(9)?)?;
                    }
                    before = channels;
                }
                let pixels = (layout.height >> stages.min(63)) * (layout.width >> stages.min(63));
                add(hidden, before.checked_mul(pixels)?)?;
                add(layout.classes, hidden)?;
            }
            Self::Residual {
                width,
                blocks,
                stages,
                first,
                ..
            } => {
                let mut before = first.unwrap_or(width);
                add(before, layout.channels.checked_mul(49)?)?;
                for stage in 0..stages {
                    let channels = width_of(width, stage)?;
                    add(channels, before.checked_mul(9)?)?;
                    let rest = blocks.checked_mul(2)? - 1;
                    add(channels.checked_mul(rest)?, channels.checked_mul(9)?)?;
                    before = channels;
                }
                add(layout.classes, before)?;
            }
        }
        Some(weights)
    }
}

impl fmt::Display for Architecture {
    /// The text of the value on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mlp(widths) => {
                let widths: Vec<String> = widths.iter().map(usize::to_string).collect();
                write!(f, "mlp:{}", widths.join(","))
            }
            Self::Cnn {
                width,
                stages,
                hidden,
            } => write!(f, "cnn:width={width},stages={stages},hidden={hidden}"),
            Self::Residual {
                family,
                width,
                blocks,
                stages,
                stem,
                first,
                fixed,
                int8,
                separable,
                slides,
                recompute: _,
            } => {
                let name = match family {
                    Family::BiRealNet => "resnet",
                    Family::ReActNet => "reactnet",
                    Family::QuickNet => "quicknet",
                };
                write!(f, "{name}:width={width},blocks={blocks},stages={stages}")?;
                if let Some(pixels) = stem {
                    write!(f, ",stem={pixels}")?;
                }
                if let Some(channels) = first {
                    write!(f, ",first={channels}")?;
                }
                if *separable {
                    f.write_str(",separable")?;
                }
                if *slides {
                    f.write_str(",slides")?;
                }
                if let Some(bits) = fixed {
                    write!(f, ",fixed={bits}")?;
                }
                match int8 {
                    0 => Ok(()),
                    units => write!(f, ",int8={units}"),
                }
            }
        }
    }
}

/// A whole number of at least 1.
fn whole(text: &str) -> Option<usize> {
    text.trim().parse().ok().filter(|&number| number >= 1)
}

/// The numbers of `NAME=NUMBER,..`, each at most once; `None` for another text.
fn numbers<const N: usize>(options: Option<&str>, names: [&str; N]) -> Option<[Option<usize>; N]> {
    let mut found = [None; N];
    for option in options.into_iter().flat_map(|options| options.split(',')) {
        let (name, number) = option.split_once('=')?;
        let at = names.iter().position(|known| *known == name.trim())?;
        if found[at].replace(whole(number)?).is_some() {
            return None;
        }
    }
    Some(found)
}

/// Whether a word is among the options, and the others.
fn taken(options: Option<&str>, word: &str) -> (bool, Option<String>) {
    let Some(options) = options else {
        return (false, None);
    };
    let mut all: Vec<&str> = options.split(',').collect();
    let place = all.iter().position(|option| option.trim() == word);
    if let Some(place) = place {
        all.remove(place);
    }
    let rest = (!all.is_empty()).then(|| all.join(","));
    (place.is_some(), rest)
}

/// The first layers that make so many pixels of a side one; `None` for another number than 1, 2 or
/// 4.
fn stem_of(pixels: usize, channels: usize) -> Option<StemConfig> {
    let (kernel, stride, pool) = match pixels {
        1 => (3, 1, false),
        2 => (3, 1, true),
        4 => (7, 2, true),
        _ => return None,
    };
    Some(StemConfig {
        channels,
        kernel,
        stride,
        pool,
    })
}

/// The stages for images of this size, so that the last ones have at least four pixels a side.
fn stages_for([height, width]: [usize; 2]) -> usize {
    match height.min(width) {
        0..16 => 2,
        16..64 => 3,
        _ => 4,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod laws;
