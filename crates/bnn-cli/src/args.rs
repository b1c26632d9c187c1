//! The command line: its arguments and their help.

mod train;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use train::{AugmentArg, Inputs, Keep, OptimizerKind, ScoreKind, TrainArgs};

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
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// Run a model on labelled data: accuracy, recall of each class, and which classes it confuses.
///
/// Without --data, the command uses the test part of the data that the model was trained on. The
/// model file notes the name of that data: the digits, or a file or folder, here or beside the
/// model.
///
/// Examples:
///   bnn eval digits.bnn
///   bnn eval photos.bnn --data more-photos --json
#[derive(Debug, ClapArgs)]
#[command(verbatim_doc_comment)]
pub(crate) struct EvalArgs {
    /// Model file
    pub(crate) model: PathBuf,
    /// Data as `bnn train` takes it. The test part is used, or all rows of a single table; images
    /// are read in the size and colours that the model was trained on [default: the model's own
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
/// as numbers; one further column is taken for the label and ignored. IDX files and .npy arrays of
/// images work too. All of these may be compressed with gzip.
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
    /// Swap light and dark in images
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
/// A graph, such as a residual network, has nodes in the place of layers. For node 3 of the table:
/// `node3.weights`, u64 words with `node3.weights_shape`, or numbers of 8 bits or f32 in the shape
/// [outputs, height, width, channels]; `node3.thresholds`, or `node3.scale` and `node3.bias`, in
/// fixed point `node3.factor`, `node3.bias` and `node3.shift`; `slope`, `before` and `after` of a
/// rectifier; `low` and `high` of a clamp; `exponent` e where a number v stands for v * 2^-e. --mcu
/// tells its flash, RAM and operations by the width of the weights, not instructions.
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
    /// Let --weights replace a file that exists, whatever it holds; without it, only one that would
    /// be written the same
    #[arg(long, requires = "weights")]
    pub(crate) force: bool,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Write a model as source code, to be compiled into a program, for example into its flash, or for
/// ONNX Runtime.
///
/// c: NAME.h and NAME.c in C99, which need bnn.h and the library; the model is a constant array,
/// and its sizes are macros. rust: NAME.rs, which needs bnn-core. bin: NAME.bin, the bytes of the
/// model file after they have been checked, for a linker or a flash programmer; their address must
/// be a multiple of 8. onnx: NAME.onnx, whose binary layers ONNX Runtime runs with the library
/// bnn_onnxruntime.
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
    /// Replace files that exist, whatever they hold; without it, only files that this export would
    /// write the same
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Language {
    C,
    Rust,
    Bin,
    Onnx,
}

/// Make a model file of a network that another program trained: ONNX, TensorFlow Lite of Larq
/// Compute Engine, or weights of BNN-PYNQ.
///
/// An ONNX file may come from `torch.onnx.export` (both exporters), Brevitas or QONNX. A chain of
/// products with binary weights on binary activations, with batch norms, max pools and arithmetic
/// between them, becomes a model that runs on bits alone; its first product may take the bytes of
/// images. Any other network, such as a residual one or one with real weights in its first layer,
/// becomes a graph. A .tflite file holds floats or 8-bit integers beside the operators of Larq
/// Compute Engine. A folder holds the files of BNN-PYNQ (`0-0-weights.bin` and so on).
///
/// The command compares the model with the network, computed in floats, before it writes the model.
/// If a model file cannot hold some part of the network, the error names the node, its type and the
/// reason. Networks in ONNX take numbers: --scale, --mean and --std say how they were made of bytes.
/// The sign of 0 is 0 in ONNX and +1 in a model: the command refuses a network whose scores depend
/// on it, unless --sign-of-zero says that the network was trained with +1.
///
/// Examples:
///   bnn import TFC_1W1A.onnx
///   bnn import cifar.onnx --mean 0.5 --std 0.5 -o cifar.bnn
///   bnn import bnn/params/mnist/lfcW1A1 -o lfc.bnn
#[derive(Debug, ClapArgs)]
#[command(verbatim_doc_comment)]
pub(crate) struct ImportArgs {
    /// ONNX or .tflite file, or folder of weights
    pub(crate) network: PathBuf,
    /// Model file to write [default: the network's name with .bnn, in this folder]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace a model file that exists, whatever it holds; without it, only one that this import
    /// would write the same
    #[arg(long)]
    pub(crate) force: bool,
    /// What the model takes: `bytes`, or `bits` where the network was trained on -1 and +1
    #[arg(long, value_enum, default_value_t = ImportInputs::Bytes)]
    pub(crate) input: ImportInputs,
    /// The network's number for a byte: byte * SCALE, before --mean and --std [default: 1/255]
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) scale: Option<f64>,
    /// Number to subtract after --scale: one, or one for each channel with commas between them
    #[arg(long, value_delimiter = ',', allow_negative_numbers = true)]
    pub(crate) mean: Vec<f32>,
    /// Number to divide by after --mean: one, or one for each channel
    #[arg(long, value_delimiter = ',', allow_negative_numbers = true)]
    pub(crate) std: Vec<f32>,
    /// Sign of 0 that the network was trained with
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
/// The command writes two files, sample after sample without header or gaps. Inputs are bytes, one
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
    /// Data as `bnn eval` takes it; samples are drawn from it, spread over the classes [default:
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
    /// Replace files that exist, whatever they hold; without it, only files that would be written
    /// the same
    #[arg(long)]
    pub(crate) force: bool,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Time the kernels of this CPU, or a model file, against f32.
///
/// Without shapes, the command times five matrix products and two convolutions. Every kernel
/// computes each of them from bits to sums, from bits to bits and from floats to floats; the crates
/// `matrixmultiply` and `rten-gemm` compute it in f32 (a convolution by im2col and a product).
/// Ratios are to the faster of the two. Everything runs on one thread.
///
/// With --model, the command times a model file beside a float network of the same shapes: one
/// sample and a batch on one thread, and the batch on several threads. The float network has its
/// weights packed for each library, takes floats, adds a bias and applies ReLU after each layer.
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
    use super::sizes;

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

/// Print a script that lets a shell complete the options and values of `bnn`.
///
/// Examples:
///   bnn completions bash > ~/.local/share/bash-completion/completions/bnn
///   bnn completions zsh > ~/.zfunc/_bnn
///   bnn completions fish > ~/.config/fish/completions/bnn.fish
#[derive(Debug, ClapArgs)]
#[command(verbatim_doc_comment)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

/// Write the manual pages: bnn.1 and one for each command, bnn-train.1 and so on.
///
/// Examples:
///   bnn man --out ~/.local/share/man/man1
#[derive(Debug, ClapArgs)]
#[command(verbatim_doc_comment)]
pub(crate) struct ManArgs {
    /// Folder to write to [default: the current one]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// Replace files that exist, whatever they hold; without it, only pages of this version
    #[arg(long)]
    pub(crate) force: bool,
}
