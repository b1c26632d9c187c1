//! Times a model file, beside a float network of the same shapes if it is a chain.

use std::num::NonZero;
use std::path::Path;
use std::time::Duration;

use bnn_benches::{F32Gemm, FloatNetwork};
use bnn_core::internal::nodes;
use bnn_core::model::{Input, InputType, Model, Output, OutputType, PackedMemory, PackedModel};
use bnn_core::{BitMatrix, Kernel};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde_json::{Map, Value, json};

use crate::args::BenchArgs;
use crate::cost::{Cost, float_bytes};
use crate::error::CliError;
use crate::model_file;
use crate::out::{self, line};
use crate::table::columns;
use crate::timing::best_ns_in_turns;

/// Most samples of a run, and most threads.
const MOST: usize = 1 << 16;

pub(super) fn run(args: &BenchArgs, path: &Path, budget: Duration) -> Result<(), CliError> {
    let threads = match args.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, NonZero::get),
    };
    for (name, n) in [("--batch", args.batch), ("--threads", threads)] {
        if n == 0 || n > MOST {
            return Err(CliError::Input(format!("{name} {n}: expected 1 to {MOST}")));
        }
    }
    let bytes = model_file::read(path)?;
    let model = model_file::open(&bytes, path)?;
    let about = |error: CliError| error.about(path.display());
    let cost = Cost::of(&model).map_err(about)?;
    let vectors = cost.vector_bytes.saturating_mul(args.batch as u64);
    // Graphs have no float network.
    let beside = nodes(&model).next().is_none();
    let floats = beside.then(|| float_bytes(&model, args.batch, threads));
    for (found, what) in [
        (vectors, "samples"),
        (floats.unwrap_or(0), "the float network beside it"),
    ] {
        if found > 1 << 30 {
            let batch = args.batch;
            let line = format!("--batch {batch}: {found} bytes of {what}, expected at most 2^30");
            return Err(about(CliError::Input(line)));
        }
    }
    let mut contest = Contest::new(&model, args.batch, threads).map_err(about)?;

    let mut settings = vec![(1, 1), (args.batch, 1), (args.batch, threads)];
    settings.dedup();
    let mut rows = Vec::new();
    for (batch, threads) in settings {
        rows.push(contest.measure(batch, threads, budget)?);
    }
    let weights = contest.packed.memory(1).weights;
    let active = Kernel::active().map_err(CliError::input)?.isa().name();
    if args.json {
        let rows: Vec<Value> = rows.iter().map(Row::to_json).collect();
        let (input, output) = (model.input_shape(), model.output_shape());
        return out::json(json!({
            "active": active, "model": path.display().to_string(), "input": input, "output": output,
            "products": model.operations(), "weights_bytes": weights, "runs": rows,
        }));
    }
    line(format_args!(
        "{}: {} to {}, {} products of bits per sample",
        path.display(),
        model_file::shape(model.input_shape()),
        model_file::shape(model.output_shape()),
        model.operations(),
    ))?;
    line(format_args!(
        "{weights} bytes of packed weights; workspace: bytes between the layers, for each thread"
    ))?;
    line(match beside {
        true => {
            "microseconds per sample, best of many runs; f32: the same shapes with bias and ReLU, the faster of two libraries"
        }
        false => {
            "microseconds per sample, best of many runs; graphs have no float network beside them"
        }
    })?;
    let cells: Vec<[String; 5]> = rows.iter().map(Row::cells).collect();
    let head = ["", active, "f32", "ratio", "workspace"];
    out::table(columns(head, &cells))
}

/// A model, the float network, and samples for both.
struct Contest<'m> {
    model: &'m Model<'m>,
    packed: PackedModel<'m>,
    floats: Option<Floats>,
    bytes: Vec<u8>,
    bits: Vec<u64>,
    outputs: Outputs,
}

/// The float network with its samples.
struct Floats {
    network: FloatNetwork,
    x: Vec<f32>,
    y: Vec<f32>,
}

enum Outputs {
    Bits(Vec<u64>),
    I32(Vec<i32>),
    F32(Vec<f32>),
}

#[derive(Clone, Copy)]
enum ModelContender {
    Bits,
    Floats(F32Gemm),
}

impl<'m> Contest<'m> {
    fn new(model: &'m Model<'m>, batch: usize, threads: usize) -> Result<Self, CliError> {
        let [height, width, channels] = model.input_shape();
        let (pixels, outputs) = (
            height * width,
            model.output_shape().iter().product::<usize>(),
        );
        let most = match model.input().1 {
            InputType::Unsigned { depth } => u8::MAX >> 8_u8.saturating_sub(depth),
            _ => 255,
        };
        let numbers = (0..batch * pixels * channels).map(|i| (i * 37 % 251) as u8 & most);
        let bytes: Vec<u8> = numbers.collect();
        let mut bits = Vec::new();
        if model.input().1 == InputType::Bits {
            let signs: Vec<i8> = bytes
                .iter()
                .map(|&x| if x < 125 { -1 } else { 1 })
                .collect();
            let packed = BitMatrix::pack(&signs, batch * pixels, channels);
            bits = packed.map_err(CliError::input)?.words().to_vec();
        }
        let sizes = model.sizes();
        let floats = match nodes(model).next() {
            Some(_) => None,
            None => Some(Floats {
                network: FloatNetwork::new(model, threads).map_err(CliError::input)?,
                x: bytes.iter().copied().map(f32::from).collect(),
                y: vec![0.0; batch * outputs],
            }),
        };
        Ok(Self {
            packed: PackedModel::new(*model).map_err(CliError::input)?,
            floats,
            bits,
            bytes,
            outputs: match model.output().1 {
                OutputType::Bits => Outputs::Bits(vec![0; batch * sizes.output_len]),
                OutputType::I32 => Outputs::I32(vec![0; batch * outputs]),
                _ => Outputs::F32(vec![0.0; batch * outputs]),
            },
            model,
        })
    }

    fn measure(&mut self, batch: usize, threads: usize, budget: Duration) -> Result<Row, CliError> {
        let pool = pool(threads)?;
        let libraries: &[F32Gemm] = match self.floats {
            Some(_) => &F32Gemm::ALL,
            None => &[],
        };
        let floats = libraries.iter().copied().map(ModelContender::Floats);
        let contenders: Vec<ModelContender> =
            [ModelContender::Bits].into_iter().chain(floats).collect();
        let times = pool.install(|| {
            best_ns_in_turns(budget, &contenders, |contender| match contender {
                ModelContender::Bits => self.run_bits(batch),
                ModelContender::Floats(library) => {
                    self.run_floats(library, batch);
                    Ok(())
                }
            })
        })?;
        let mut each = times.into_iter().map(|ns| ns / 1e3 / batch as f64);
        let bits = each.next().unwrap_or_default();
        let floats = libraries.iter().map(|library| library.name()).zip(each);
        Ok(Row {
            batch,
            threads,
            bits,
            floats: floats.collect(),
            memory: self.packed.memory(batch),
        })
    }

    fn run_bits(&mut self, batch: usize) -> Result<(), CliError> {
        let sizes = self.model.sizes();
        let input = match self.model.input().1 {
            InputType::Bits => Input::Bits(&self.bits[..batch * sizes.input_len]),
            _ => Input::Bytes(&self.bytes[..batch * sizes.input_len]),
        };
        let len = batch * sizes.output_len;
        let output = match &mut self.outputs {
            Outputs::Bits(y) => Output::Bits(&mut y[..len]),
            Outputs::I32(y) => Output::I32(&mut y[..len]),
            Outputs::F32(y) => Output::F32(&mut y[..len]),
        };
        self.packed
            .run(batch, input, output)
            .map_err(CliError::failed)
    }

    fn run_floats(&mut self, library: F32Gemm, batch: usize) {
        let inputs: usize = self.model.input_shape().iter().product();
        let outputs: usize = self.model.output_shape().iter().product();
        if let Some(Floats { network, x, y }) = &mut self.floats {
            network.run(library, &x[..batch * inputs], &mut y[..batch * outputs]);
        }
    }
}

fn pool(threads: usize) -> Result<ThreadPool, CliError> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(CliError::failed)
}

/// Microseconds per sample.
struct Row {
    batch: usize,
    threads: usize,
    bits: f64,
    floats: Vec<(&'static str, f64)>,
    memory: PackedMemory,
}

impl Row {
    /// The faster float library, and its time.
    fn baseline(&self) -> Option<(&'static str, f64)> {
        let floats = self.floats.iter().copied();
        floats.reduce(|best, next| if next.1 < best.1 { next } else { best })
    }

    fn cells(&self) -> [String; 5] {
        let threads = match self.threads {
            1 => "1 thread".to_owned(),
            threads => format!("{threads} threads"),
        };
        let baseline = self.baseline();
        let none = || "-".to_owned();
        [
            format!("batch {}, {threads}", self.batch),
            format!("{:.1}", self.bits),
            baseline.map_or_else(none, |(library, float)| format!("{library} {float:.1}")),
            baseline.map_or_else(none, |(_, float)| format!("{:.1}", float / self.bits)),
            self.memory.workspace.to_string(),
        ]
    }

    fn to_json(&self) -> Value {
        let baseline = self.baseline();
        let floats = self
            .floats
            .iter()
            .map(|(name, us)| ((*name).to_owned(), json!(us)));
        json!({
            "batch": self.batch,
            "threads": self.threads,
            "us_per_sample": self.bits,
            "f32_us_per_sample": floats.collect::<Map<_, _>>(),
            "baseline": baseline.map(|(library, _)| library),
            "ratio": baseline.map(|(_, float)| float / self.bits),
            "workspace_bytes": self.memory.workspace,
        })
    }
}
