//! The arguments of `bnn train`.

use std::path::PathBuf;

use bnn_autograd::data::Augment;
use bnn_autograd::data::LabelColumn;
use clap::{Args as ClapArgs, ValueEnum};

use crate::images::parse_size;

/// Train a network, pack it, and check the packed file against the training run.
///
/// The command trains with binary weights and binary activations in every hidden layer, folds batch
/// norm and sign into integer thresholds, writes the model file, reads it back, runs the test set
/// on bits and compares image by image. Without options, it trains on the built-in handwritten
/// digits, in seconds.
///
/// It writes a checkpoint after every epoch; Ctrl-C loses at most the epoch it interrupts. The same
/// command with --resume goes on from there and ends with the same file, byte for byte.
///
/// Examples:
///   bnn train
///   bnn train --data /usr/share/datasets/fashion-mnist --out fashion.bnn
///   bnn train --data photos --image-size 32x32
///   bnn train --arch mlp:128,64 --epochs 40 --seed 3 --json
///   bnn train --input bits --scores integer
///   bnn train --data photos --arch reactnet:width=32 --augment --keep best --validation 0.1
#[derive(Debug, ClapArgs)]
#[command(verbatim_doc_comment)]
pub(crate) struct TrainArgs {
    /// `digits` (1797 8x8 images, built in), or a path: a folder of IDX files as MNIST has them, or
    /// that folder and the prefix of their names; the binary files of CIFAR; images (PNG, JPEG,
    /// GIF, WebP, BMP, PNM) in a sub-folder for each class, DATA/train/CLASS/* and
    /// DATA/test/CLASS/*, or DATA/CLASS/*; NumPy arrays x_train, y_train, x_test, y_test in an .npz
    /// file or as .npy files; a table (CSV) of numbers and a label, or a folder with train.csv.
    /// Each may be compressed with gzip. Without test samples, a fifth of the data, the same in
    /// every run, is for testing
    #[arg(long, default_value = "digits")]
    pub(crate) data: String,
    /// Resize the images of a folder, as in 32x32 [default: all must have the same size]
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = parse_size)]
    pub(crate) image_size: Option<(usize, usize)>,
    /// Column of a table that is the label: `first`, `last`, or its name in the header [default:
    /// the column called label, class, target or y, else the last]
    #[arg(long, value_name = "COLUMN", value_parser = parse_label)]
    pub(crate) label: Option<LabelColumn>,
    /// Read the numbers of a table as real numbers: the range of each column in the training rows
    /// is mapped to 0 to 255, and the model notes the ranges [default: whole numbers from 0 to 255]
    #[arg(long)]
    pub(crate) scale: bool,
    /// Hold out this share of the training samples, as in 0.1, and measure each epoch on them
    /// instead of the test samples, so that settings can be chosen without looking at the test set
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub(crate) validation: Option<f64>,
    /// Network: `mlp:` and the widths of the hidden layers, or `mlp` for widths that suit the data;
    /// for images, `cnn`, or a residual network: `resnet` (units of Bi-Real Net), `reactnet` or
    /// `quicknet`. Sizes follow a colon, as in reactnet:width=32,blocks=2,stages=3 (channels of the
    /// first stage, which double from stage to stage; blocks of two convolutions in each stage) and
    /// cnn:width=32,stages=3,hidden=256. With stem=2 or stem=4 the first layers of a residual
    /// network make two or four pixels of a side one (4 by default above 96 pixels, 1 below).
    /// With fixed=8 a residual network computes with fixed-point numbers of 16 bits, 8 of them after
    /// the point, for devices without floats; with int8=3 as well, its first three convolutions have
    /// weights of 8 bits instead of binary ones. With first=8 its stem has eight channels; with
    /// separable each convolution becomes a depthwise one and one of 1 x 1. With slides its filters
    /// stay inside the image above and below, so that the model slides over a series whose steps are
    /// rows. With recompute=6 it keeps the input of every sixth convolution for the reverse pass and
    /// computes the rest again: less memory, the same network
    #[arg(long, default_value = "mlp")]
    pub(crate) arch: String,
    /// Input of the first layer: the `bytes` of the pixels, or `bits`, +1 where a pixel is not
    /// below the mean of the training images (of each colour); the model holds these thresholds, so
    /// that it takes bytes in either case
    #[arg(long, value_enum, default_value_t = Inputs::Bytes)]
    pub(crate) input: Inputs,
    /// Scores of the network: `real`, or `integer`, for devices without floats: of `mlp` the sums
    /// of the last layer, of residual networks with fixed= multiples of 2^-12
    #[arg(long, value_enum, default_value_t = ScoreKind::Real)]
    pub(crate) scores: ScoreKind,
    /// Passes over the training images [default: suits the data]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) epochs: Option<u64>,
    /// Images per step [default: suits the data]
    #[arg(long, value_parser = clap::value_parser!(u64).range(2..=65536))]
    pub(crate) batch: Option<u64>,
    /// Peak learning rate of the cosine schedule [default: suits the data]
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) lr: Option<f64>,
    /// Epochs in which the learning rate rises to its peak
    #[arg(long, default_value_t = 0)]
    pub(crate) warmup: u64,
    /// Rule by which weights learn: `adam`; `adamw`, with a weight decay of 0.01; `sgd`, with a
    /// momentum of 0.9; or, without latent weights, `bop` (--lr is its gamma) or `diode-mix`, with
    /// Adam for parameters that are not binary
    #[arg(long, value_enum, default_value_t = OptimizerKind::Adam)]
    pub(crate) optimizer: OptimizerKind,
    /// Vary the training images, every one anew in each epoch: `crop=N` (shift by up to N pixels,
    /// as a crop of the padded image does), `flip` (left and right), `rotate=DEGREES`, `zoom=SHARE`
    /// and `cutout=N`, with commas between them [without a value: a crop by an eighth of the side,
    /// and flip]
    #[arg(long, value_name = "HOW", num_args = 0..=1, value_parser = parse_augment)]
    pub(crate) augment: Option<Option<AugmentArg>>,
    /// Share of the target that goes to all classes alike, as in 0.1
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    pub(crate) label_smoothing: f64,
    /// Learn also from the scores of a network that was trained before: a checkpoint of `bnn train`
    /// for the same kind of data
    #[arg(long, value_name = "FILE")]
    pub(crate) teacher: Option<PathBuf>,
    /// Share of the loss that is the distance from the teacher's scores
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.9,
        allow_negative_numbers = true,
        requires = "teacher"
    )]
    pub(crate) teacher_share: f64,
    /// Number that divides all scores before they are compared with the teacher's
    #[arg(
        long,
        default_value_t = 4.0,
        allow_negative_numbers = true,
        requires = "teacher"
    )]
    pub(crate) teacher_temperature: f64,
    /// Which epoch's network to write: the `last` one, or the `best` by the samples that
    /// --validation holds out
    #[arg(long, value_enum, default_value_t = Keep::Last)]
    pub(crate) keep: Keep,
    /// Seed of all random numbers; the same seed gives the same file, for any number of threads
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Threads to compute on, beside one that prepares the batches [default: all cores]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub(crate) threads: Option<u64>,
    /// Model file to write [default: NAME.bnn in this folder, NAME being the data's]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Report to write [default: the model file's name with .html]
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Checkpoint to keep [default: the model file's name with .checkpoint]
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Go on from the checkpoint. All settings must be those it was written with, but --epochs may
    /// be larger: the learning rate then follows the schedule of the larger number from there on
    #[arg(long)]
    pub(crate) resume: bool,
    /// Begin with the weights of this file: a checkpoint of `bnn train`, or a .safetensors file
    /// with the same names and shapes [default: random weights]
    #[arg(long, value_name = "FILE")]
    pub(crate) init: Option<PathBuf>,
    /// Replace existing outputs even if they come from a run with other settings
    #[arg(long)]
    pub(crate) force: bool,
    /// Print one line of JSON at the end, and nothing else on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Inputs {
    Bytes,
    Bits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScoreKind {
    Real,
    Integer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OptimizerKind {
    Adam,
    Adamw,
    Sgd,
    Bop,
    DiodeMix,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Keep {
    Last,
    Best,
}

impl Keep {
    /// The text of the value on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Best => "best",
        }
    }
}

/// The value of `--augment`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AugmentArg(pub(crate) Augment);

impl AugmentArg {
    /// The text of the value on the command line.
    pub(crate) fn text(augment: &Augment) -> String {
        let Augment {
            shift,
            flip,
            rotate,
            zoom,
            cutout,
        } = *augment;
        let parts = [
            (shift > 0).then(|| format!("crop={shift}")),
            flip.then(|| "flip".to_owned()),
            (rotate != 0.0).then(|| format!("rotate={rotate}")),
            (zoom != 0.0).then(|| format!("zoom={zoom}")),
            (cutout > 0).then(|| format!("cutout={cutout}")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(",")
    }
}

fn parse_augment(text: &str) -> Result<AugmentArg, String> {
    let mut augment = Augment::default();
    for part in text.split(',').map(str::trim) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let whole = value.parse().ok();
        let number = value.parse().ok();
        let known = match name {
            "flip" => value.is_empty().then(|| augment.flip = true),
            "crop" => whole.map(|pixels| augment.shift = pixels),
            "cutout" => whole.map(|pixels| augment.cutout = pixels),
            "rotate" => number.map(|degrees| augment.rotate = degrees),
            "zoom" => number.map(|share| augment.zoom = share),
            _ => None,
        };
        known.ok_or_else(|| {
            format!("`{part}`: expected crop=N, flip, rotate=DEGREES, zoom=SHARE or cutout=N")
        })?;
    }
    match augment == Augment::default() {
        true => Err("it varies nothing; leave it out".to_owned()),
        false => Ok(AugmentArg(augment)),
    }
}

fn parse_label(text: &str) -> Result<LabelColumn, std::convert::Infallible> {
    text.parse()
}

#[cfg(test)]
mod tests {
    use super::{AugmentArg, parse_augment};

    #[test]
    fn augmentations_are_read_written_and_read_again_or_refused() {
        for text in [
            "crop=4,flip",
            "flip",
            "rotate=10,zoom=0.1",
            "crop=1,flip,rotate=5.5,zoom=0.25,cutout=8",
        ] {
            let AugmentArg(augment) = parse_augment(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(AugmentArg::text(&augment), text);
        }
        for wrong in [
            "",
            "crop",
            "crop=x",
            "flip=1",
            "crop=0",
            "spin",
            "crop=1,,flip",
        ] {
            assert!(parse_augment(wrong).is_err(), "{wrong}");
        }
    }
}
