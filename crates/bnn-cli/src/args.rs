//! The command line: its arguments and their help.

use std::path::PathBuf;

use bnn_autograd::data::Augment;
use bnn_autograd::data::csv::LabelColumn;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::images::parse_size;

/// Binary neural networks: one bit per weight, one bit per activation.
///
/// `bnn train` trains a network and packs it into a `.bnn` file. The file runs on bits, from a
/// server to a microcontroller, and gives exactly the results of training.
///
/// Exit codes: 0 success, 1 the run failed, 2 wrong input, 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "bnn", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Train(Box<TrainArgs>),
    Eval(EvalArgs),
    Predict(PredictArgs),
    Info(InfoArgs),
    Export(ExportArgs),
    Import(ImportArgs),
    TestVectors(TestVectorsArgs),
    Bench(BenchArgs),
}

/// Train a network, pack it, and check the packed file against the training run.
///
/// Trains with binary weights and binary activations in every hidden layer, folds batch norm and
/// sign into integer thresholds, writes the model file, reads it back, runs the test set on bits
/// and compares image by image. With no options: the handwritten digits that are built in, in
/// seconds.
///
/// A checkpoint is written after every epoch; Ctrl-C loses at most the epoch it interrupts. The
/// same command with --resume goes on from there and ends with the very same file.
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
    /// Each may be gzip. Without test samples, a fifth, the same in every run, is for testing
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
    /// of images `cnn`, or a residual network: `resnet` (units of Bi-Real Net), `reactnet` or
    /// `quicknet`. After a colon their sizes, as in reactnet:width=32,blocks=2,stages=3 (channels
    /// of the first stage, which double from stage to stage; blocks of two convolutions in each
    /// stage) and cnn:width=32,stages=3,hidden=256; resnet:fixed=8 has fixed-point numbers of 16
    /// bits, 8 of them behind the point, for devices without floats
    #[arg(long, default_value = "mlp")]
    pub(crate) arch: String,
    /// Input of the first layer: the `bytes` of the pixels, or `bits`, +1 where a pixel is not below
    /// the mean of the training images (of each colour); the model holds these thresholds, so that
    /// it takes bytes in either case
    #[arg(long, value_enum, default_value_t = Inputs::Bytes)]
    pub(crate) input: Inputs,
    /// Scores of the network: `real` after a last batch norm, or `integer`, the sums of the last
    /// layer, for devices without floats
    #[arg(long, value_enum, default_value_t = Scores::Real)]
    pub(crate) scores: Scores,
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
    /// What weights learn by: `adam`; `adamw`, with a weight decay of 0.01; `sgd`, with a momentum
    /// of 0.9; or without latent weights by `bop` (--lr is its gamma) or `diode-mix`, beside Adam
    /// for what is not binary
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
    /// Learn from the scores of a network that was trained before, too: a checkpoint of `bnn
    /// train` for the same kind of data
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
    /// What scores are divided by before they are compared with the teacher's
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
pub(crate) enum Scores {
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
    /// As the command line has it.
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
    /// As the command line has it.
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

/// Run a model on labelled data: accuracy, recall of each class, and which classes it confuses.
///
/// Without --data, the test part of the data that the model notes: the digits, or the file or
/// folder of that name here or beside the model.
///
/// Examples:
///   bnn eval digits.bnn
///   bnn eval photos.bnn --data more-photos --json
#[derive(Debug, ClapArgs)]
#[command(verbatim_doc_comment)]
pub(crate) struct EvalArgs {
    /// Model file
    pub(crate) model: PathBuf,
    /// Data as `bnn train` takes it, of which the test part is used (images in the size and colours
    /// that the model was trained on); of one table all rows are used [default: the model's own
    /// data]
    #[arg(long)]
    pub(crate) data: Option<String>,
    /// Count also how often the right class is among the K with the largest scores
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) top: u32,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print the classes of images and of rows of numbers.
///
/// An image (PNG, JPEG, GIF, WebP, BMP, PNM) is turned to grey, unless the model was trained on
/// colours, and scaled to the model's size and range. White on black is taken as it is; use
/// --invert for dark ink on light paper. A table (CSV) has one sample per row, the model's inputs
/// as numbers; one column more is taken for the label and passed over. IDX files and .npy arrays of
/// images are taken too, and all of it compressed with gzip.
///
/// A class is printed by its name if the training data had names, else by its number; for more than
/// one input, after the name of the file.
///
/// Examples:
///   bnn predict digits.bnn seven.png --invert
///   bnn predict photos.bnn holiday/ more/*.jpg
///   zcat samples.csv.gz | bnn predict digits.bnn - --json
#[derive(Debug, ClapArgs)]
#[command(verbatim_doc_comment)]
pub(crate) struct PredictArgs {
    /// Model file
    pub(crate) model: PathBuf,
    /// Files, folders of images, or - for standard input
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Turn light and dark of an image
    #[arg(long)]
    pub(crate) invert: bool,
    /// Print a line of JSON for every sample, with all scores
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show what is in a model file: layers, shapes, bytes, scratch memory, checksum.
///
/// --mcu predicts what the model takes on microcontrollers, one sample at a time: flash, RAM and
/// instructions, from measurements in emulators, and the operations of each layer. These are binary
/// MACs (products of bits; an input of several bits counts once for each of them) and words of 64
/// of them.
///
/// --weights writes the weights and parameters as NumPy arrays. For layer 0: `layer0.weights`, u64
/// words whose bit 1 means +1; `layer0.weights_shape`; `layer0.thresholds`, or `layer0.scale` and
/// `layer0.bias`; `layer0.input_thresholds`. In Python:
///   f = numpy.load("digits.npz"); n, k = f["layer0.weights_shape"]
///   bits = numpy.unpackbits(f["layer0.weights"].view("u1"), axis=1, bitorder="little")[:, :k]
///
/// Examples:
///   bnn info digits.bnn
///   bnn info digits.bnn --mcu
///   bnn info digits.bnn --weights digits.npz
#[derive(Debug, ClapArgs)]
#[command(verbatim_doc_comment)]
pub(crate) struct InfoArgs {
    /// Model file
    pub(crate) model: PathBuf,
    /// Predict flash, RAM and instructions on microcontrollers
    #[arg(long)]
    pub(crate) mcu: bool,
    /// Print the graph in the language of Graphviz, for `dot -Tsvg`
    #[arg(long, conflicts_with_all = ["json", "mcu", "weights"])]
    pub(crate) dot: bool,
    /// Write the packed weights, thresholds, scales and biases to this .npz file
    #[arg(long, value_name = "FILE")]
    pub(crate) weights: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Write a model as source code, to be compiled into a program, for example into its flash.
///
/// c: NAME.h and NAME.c in C99, which need bnn.h and the library; the model is a constant array,
/// and its sizes are macros. rust: NAME.rs, which needs bnn-core. bin: NAME.bin, the bytes of the
/// model file after they have been checked, for a linker or a flash programmer; their address must
/// be a multiple of 8.
///
/// Examples:
///   bnn export digits.bnn --to c
///   bnn export digits.bnn --to rust --out src
#[derive(Debug, ClapArgs)]
#[command(verbatim_doc_comment)]
pub(crate) struct ExportArgs {
    /// Model file
    pub(crate) model: PathBuf,
    /// What to write
    #[arg(long, value_enum)]
    pub(crate) to: Language,
    /// Name of the files and of the identifiers in them [default: the model file's name]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Folder to write to [default: the current one]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Language {
    C,
    Rust,
    Bin,
}

/// Make a model file of a network that others trained: ONNX, or weights of BNN-PYNQ.
///
/// An ONNX file may come from `torch.onnx.export` (both exporters), Brevitas or QONNX. It must be a
/// chain of products with binary weights on binary activations, with batch norms, max pools and
/// arithmetic between them; the first product may take the bytes of images. A folder holds the
/// files of BNN-PYNQ (`0-0-weights.bin` and so on).
///
/// The model is run beside the network's float interpretation before it is written. What a model
/// file cannot hold is an error that names the node, its type and why. Networks in ONNX take
/// numbers: --scale, --mean and --std say how they were made of bytes. The sign of 0 is 0 in ONNX
/// and +1 in a model: where that shows the network is refused, unless --sign-of-zero says that it
/// was trained with +1.
///
/// Examples:
///   bnn import TFC_1W1A.onnx
///   bnn import cifar.onnx --mean 0.5 --std 0.5 -o cifar.bnn
///   bnn import bnn/params/mnist/lfcW1A1 -o lfc.bnn
#[derive(Debug, ClapArgs)]
#[command(verbatim_doc_comment)]
pub(crate) struct ImportArgs {
    /// ONNX file, or folder of weights
    pub(crate) network: PathBuf,
    /// Model file to write [default: the network's name with .bnn, in this folder]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// What the model takes: `bytes`, or `bits` where the network was trained on -1 and +1
    #[arg(long, value_enum, default_value_t = ImportInputs::Bytes)]
    pub(crate) input: ImportInputs,
    /// The network's number for a byte: byte * SCALE, before --mean and --std [default: 1/255]
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) scale: Option<f64>,
    /// Subtracted from that: one number, or one for each channel with commas between them
    #[arg(long, value_delimiter = ',', allow_negative_numbers = true)]
    pub(crate) mean: Vec<f32>,
    /// Divided by then: one number, or one for each channel
    #[arg(long, value_delimiter = ',', allow_negative_numbers = true)]
    pub(crate) std: Vec<f32>,
    /// What the network takes the sign of 0 for
    #[arg(long, value_enum, default_value_t = ZeroSign::Onnx)]
    pub(crate) sign_of_zero: ZeroSign,
    /// Samples of random bytes to compare network and model on
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) samples: u32,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportInputs {
    Bytes,
    Bits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ZeroSign {
    /// 0, as ONNX has it
    Onnx,
    /// +1, as a model has it
    Plus,
}

/// Write inputs of a model and the outputs that they must give, so that a device can check itself.
///
/// Two files are written, each sample after sample without header or gaps. Inputs are bytes, one
/// for each element, or words of 64 bits for a model that takes bits. Outputs are f32, i32 or words
/// of bits, as the model computes them. All numbers are little-endian. A device must compute
/// exactly the same bytes.
///
/// Examples:
///   bnn test-vectors digits.bnn --data digits
///   bnn test-vectors digits.bnn --count 20 --seed 3 --out random
#[derive(Debug, ClapArgs)]
#[command(verbatim_doc_comment)]
pub(crate) struct TestVectorsArgs {
    /// Model file
    pub(crate) model: PathBuf,
    /// Data as `bnn eval` takes it, whose samples are taken, spread over the classes [default:
    /// random inputs]
    #[arg(long)]
    pub(crate) data: Option<String>,
    /// Number of samples to write
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) count: u32,
    /// Seed of random inputs
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Name of the files: NAME.inputs and NAME.outputs [default: the model file's name without
    /// .bnn]
    #[arg(long, value_name = "NAME")]
    pub(crate) out: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Time the kernels of this CPU, or a model file, against f32.
///
/// Without shapes, five matrix products and two convolutions are timed. Every kernel computes each
/// of them from bits to sums, from bits to bits and from floats to floats; the crates
/// `matrixmultiply` and `rten-gemm` compute it in f32 (a convolution by im2col and a product).
/// Ratios are to the faster of the two. All of it on one thread.
///
/// With --model, a model file is timed beside a float network of the same shapes: one sample and a
/// batch on one thread, and the batch on several threads. The float network has its weights packed
/// for each library, takes floats, adds a bias and applies ReLU after each layer.
///
/// Operations are counted as 2*m*n*k, for bits and for f32 alike. All contenders take turns, and
/// each figure is the best of many runs. Close other programs: they disturb the long runs of f32
/// most, so that ratios come out too high.
///
/// Examples:
///   bnn bench
///   bnn bench --shape 100,1000,1000 --conv 28,28,128,128,3 --json
///   bnn bench --model fashion.bnn --batch 256 --threads 4
#[derive(Debug, ClapArgs)]
#[command(verbatim_doc_comment)]
pub(crate) struct BenchArgs {
    /// Product to time, as m,n,k; may be given several times
    #[arg(long, value_name = "M,N,K", value_parser = sizes::<3>)]
    pub(crate) shape: Vec<[usize; 3]>,
    /// Convolution to time, with zeros around the image: height, width, channels, output channels,
    /// side of the square filters; may be given several times
    #[arg(long, value_name = "H,W,C,N,S", value_parser = sizes::<5>)]
    pub(crate) conv: Vec<[usize; 5]>,
    /// Model file to time
    #[arg(long, value_name = "FILE", conflicts_with_all = ["shape", "conv"])]
    pub(crate) model: Option<PathBuf>,
    /// Samples of a batch
    #[arg(long, default_value_t = 64, requires = "model")]
    pub(crate) batch: usize,
    /// Threads of the last row [default: one for each CPU]
    #[arg(long, requires = "model")]
    pub(crate) threads: Option<usize>,
    /// Seconds to spend on each figure
    #[arg(long, default_value_t = 0.3, allow_negative_numbers = true)]
    pub(crate) seconds: f64,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_label(text: &str) -> Result<LabelColumn, std::convert::Infallible> {
    text.parse()
}

/// `N` sizes with commas between them.
fn sizes<const N: usize>(text: &str) -> Result<[usize; N], String> {
    let sizes = text.split(',').map(|size| size.trim().parse().ok());
    let sizes: Option<Vec<usize>> = sizes.map(|size| size.filter(|&size| size > 0)).collect();
    let sizes = sizes.and_then(|sizes| sizes.try_into().ok());
    sizes.ok_or_else(|| {
        format!("expected {N} whole numbers of at least 1, with commas between them")
    })
}

#[cfg(test)]
mod tests {
    use super::{AugmentArg, parse_augment, sizes};

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

    #[test]
    fn sizes_are_as_many_as_they_must_be_and_not_zero() {
        assert_eq!(sizes("1,2,3"), Ok([1, 2, 3]));
        assert_eq!(sizes(" 64, 1024 "), Ok([64, 1024]));
        for text in [
            "",
            "1",
            "1,2,3",
            "1,",
            "1,0",
            "1,-2",
            "1,x",
            "1,99999999999999999999999",
        ] {
            assert!(sizes::<2>(text).is_err(), "{text}");
        }
    }
}
