//! `bnn bench`: how fast this CPU's kernels are, against f32.

use std::time::Duration;

use bnn_core::{BitMatrix, Error, Kernel, PackedWeights, gemm_i32};
use serde_json::{Value, json};

use crate::args::BenchArgs;
use crate::error::CliError;
use crate::float_net::multiply;
use crate::out::line;
use crate::table::columns;
use crate::timing::best_ns;

pub(crate) fn run(args: &BenchArgs) -> Result<(), CliError> {
    let shapes = args
        .shape
        .iter()
        .map(|text| parse(text))
        .collect::<Result<Vec<_>, _>>()?;
    if !(0.0..=3600.0).contains(&args.seconds) {
        let line = format!("--seconds {}: expected 0 to 3600", args.seconds);
        return Err(CliError::Input(line));
    }
    let budget = Duration::from_secs_f64(args.seconds);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.map_err(CliError::failed)?;
    let (mut rows, mut figures) = (Vec::new(), Vec::new());
    for shape in shapes {
        let figure = pool.install(|| measure(shape, budget))?;
        for (kernel, ops) in &figure.kernels {
            rows.push([
                format!("{} x {} x {}", shape.0, shape.1, shape.2),
                (*kernel).to_owned(),
                format!("{:.1}", ops / 1e9),
                format!("{:.1}", figure.float / 1e9),
                format!("{:.1}", ops / figure.float),
            ]);
        }
        figures.push(figure);
    }
    let active = Kernel::active().map_err(CliError::input)?;
    if args.json {
        let shapes: Vec<Value> = figures.iter().map(Figure::as_json).collect();
        return line(json!({"active": active.name(), "threads": 1, "shapes": shapes}));
    }
    line(
        "10^9 operations per second (2*m*n*k each), packed x packed -> i32, one thread, best of many runs",
    )?;
    line(columns(
        ["m x n x k", "kernel", "bits", "f32", "ratio"],
        &rows,
    ))?;
    line(format_args!("kernel in use: {}", active.name()))
}

/// Operations per second on one shape.
struct Figure {
    shape: (usize, usize, usize),
    float: f64,
    kernels: Vec<(&'static str, f64)>,
}

impl Figure {
    fn as_json(&self) -> Value {
        let (m, n, k) = self.shape;
        let kernels: serde_json::Map<_, _> = self
            .kernels
            .iter()
            .map(|(name, ops)| ((*name).to_owned(), json!(ops)))
            .collect();
        json!({"m": m, "n": n, "k": k, "f32_ops_per_second": self.float, "bits_ops_per_second": kernels})
    }
}

fn measure((m, n, k): (usize, usize, usize), budget: Duration) -> Result<Figure, CliError> {
    let too_large = || CliError::Input(format!("{m},{n},{k}: too large to allocate here"));
    let elements = |rows: usize| {
        rows.checked_mul(k)
            .filter(|&e| e <= MOST)
            .ok_or_else(too_large)
    };
    let numbers = |count: usize| -> Vec<f32> {
        (0..count)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 7 & 255) as f32 - 127.5)
            .collect()
    };
    let (a, b) = (numbers(elements(m)?), numbers(elements(n)?));
    let outputs = m
        .checked_mul(n)
        .filter(|&e| e <= MOST)
        .ok_or_else(too_large)?;
    let ops = 2.0 * m as f64 * n as f64 * k as f64;

    let mut y = vec![0.0; outputs];
    let float = best_ns(budget, || multiply(m, n, k, &a, &b, &mut y)).map_err(CliError::failed)?;

    let bits = |x: &[f32], rows| BitMatrix::pack(x, rows, k).map_err(CliError::input);
    let (a, b) = (bits(&a, m)?, bits(&b, n)?);
    let mut sums = vec![0; outputs];
    let mut kernels = Vec::new();
    for kernel in Kernel::available() {
        let w = PackedWeights::for_kernel(kernel, b.view()).map_err(CliError::input)?;
        let ns = best_ns::<Error>(budget, || gemm_i32(a.view(), &w, &mut sums, n));
        kernels.push((kernel.name(), 1e9 * ops / ns.map_err(CliError::input)?));
    }
    Ok(Figure {
        shape: (m, n, k),
        float: 1e9 * ops / float,
        kernels,
    })
}

/// Most elements of a matrix to time: 1 GiB of `f32`.
const MOST: usize = 1 << 28;

fn parse(text: &str) -> Result<(usize, usize, usize), CliError> {
    let numbers: Option<Vec<usize>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[m, n, k]) if m > 0 && n > 0 && k > 0 => Ok((m, n, k)),
        _ => Err(CliError::Input(format!(
            "--shape {text}: expected three numbers of at least 1, as in 64,1024,1024"
        ))),
    }
}
