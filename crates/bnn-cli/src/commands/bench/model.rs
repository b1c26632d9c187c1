//! Times a model file beside a float network of the same shapes.

use std::num::NonZero;
use std::path::Path;
use std::time::Duration;

use bnn_benches::{F32Gemm, FloatNetwork};
use bnn_core::model::{Input, InputType, Model, Output, OutputType, PackedMemory, PackedModel};
use bnn_core::{BitMatrix, Kernel};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde_json::{Map, Value, json};

use crate::args::BenchArgs;
use crate::cost::Cost;
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
    if vectors > 1 << 30 {
        let line = format!(
            "--batch {}: {vectors} bytes of samples, expected at most 2^30",
            args.batch
        );
        return Err(CliError::Input(line));
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
    line(
        "microseconds per sample, best of many runs; f32: the same shapes with bias and ReLU, the faster of two libraries",
    )?;
    let cells: Vec<[String; 5]> = rows.iter().map(Row::cells).collect();
    let head = ["", active, "f32", "ratio", "workspace"];
    out::table(columns(head, &cells))
}

/// A model, the float network, and samples for both.
struct Contest<'m> {
    model: &'m Model<'m>,
    packed: PackedModel<'m>,
    floats: FloatNetwork,
    bytes: Vec<u8>,
    bits: Vec<u64>,
    x: Vec<f32>,
    outputs: Outputs,
    y: Vec<f32>,
}

enum Outputs {
    Bits(Vec<u64>),
    I32(Vec<i32>),
    F32(Vec<f32>),
}

#[derive(Clone, Copy)]
enum Contender {
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
        let x: Vec<f32> = bytes.iter().copied().map(f32::from).collect();
        let signs: Vec<f32> = x.iter().map(|x| x - 125.0).collect();
        let bits = BitMatrix::pack(&signs, batch * pixels, channels).map_err(CliError::input)?;
        let sizes = model.sizes();
        Ok(Self {
            packed: PackedModel::new(*model).map_err(CliError::input)?,
            floats: FloatNetwork::new(model, threads).map_err(CliError::input)?,
            bits: bits.words().to_vec(),
            bytes,
            x,
            outputs: match model.output().1 {
                OutputType::Bits => Outputs::Bits(vec![0; batch * sizes.output_len]),
                OutputType::I32 => Outputs::I32(vec![0; batch * outputs]),
                _ => Outputs::F32(vec![0.0; batch * outputs]),
            },
            y: vec![0.0; batch * outputs],
            model,
        })
    }

    fn measure(&mut self, batch: usize, threads: usize, budget: Duration) -> Result<Row, CliError> {
        let pool = pool(threads)?;
        let floats = F32Gemm::ALL.map(Contender::Floats);
        let contenders: Vec<Contender> = [Contender::Bits].into_iter().chain(floats).collect();
        let times = pool.install(|| {
            best_ns_in_turns(budget, &contenders, |contender| match contender {
                Contender::Bits => self.run_bits(batch),
                Contender::Floats(library) => {
                    self.run_floats(library, batch);
                    Ok(())
                }
            })
        })?;
        let mut each = times.into_iter().map(|ns| ns / 1e3 / batch as f64);
        let bits = each.next().unwrap_or_default();
        let floats = F32Gemm::ALL.map(F32Gemm::name).into_iter().zip(each);
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
        let (x, y) = (&self.x[..batch * inputs], &mut self.y[..batch * outputs]);
        self.floats.run(library, x, y);
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
    /// The faster float library.
    fn baseline(&self) -> (&'static str, f64) {
        let floats = self.floats.iter().copied();
        floats.fold(("", f64::INFINITY), |best, next| {
            if next.1 < best.1 { next } else { best }
        })
    }

    fn cells(&self) -> [String; 5] {
        let threads = match self.threads {
            1 => "1 thread".to_owned(),
            threads => format!("{threads} threads"),
        };
        let (library, float) = self.baseline();
        [
            format!("batch {}, {threads}", self.batch),
            format!("{:.1}", self.bits),
            format!("{library} {float:.1}"),
            format!("{:.1}", float / self.bits),
            self.memory.workspace.to_string(),
        ]
    }

    fn to_json(&self) -> Value {
        let (baseline, float) = self.baseline();
        let floats = self
            .floats
            .iter()
            .map(|(name, us)| ((*name).to_owned(), json!(us)));
        json!({
            "batch": self.batch,
            "threads": self.threads,
            "us_per_sample": self.bits,
            "f32_us_per_sample": floats.collect::<Map<_, _>>(),
            "baseline": baseline,
            "ratio": float / self.bits,
            "workspace_bytes": self.memory.workspace,
        })
    }
}
