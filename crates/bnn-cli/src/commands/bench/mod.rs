//! `bnn bench`: compares the speed of this CPU's kernels, and of model files, with f32.

mod model;

use std::time::Duration;

use bnn_benches::{
    CONVOLUTIONS, Contender, ConvShape, Convolution, Form, PRODUCTS, Product, Workload,
    use_one_thread,
};
use bnn_core::Kernel;
use bnn_core::conv::PadValue;
use serde_json::{Map, Value, json};

use crate::args::BenchArgs;
use crate::error::CliError;
use crate::out::{self, line};
use crate::table::columns;
use crate::timing::best_ns_in_turns;

pub(crate) fn run(args: &BenchArgs) -> Result<(), CliError> {
    if !(0.0..=3600.0).contains(&args.seconds) {
        let line = format!("--seconds {}: expected 0 to 3600", args.seconds);
        return Err(CliError::Input(line));
    }
    let budget = Duration::from_secs_f64(args.seconds);
    if let Some(path) = &args.model {
        return model::run(args, path, budget);
    }
    let active = Kernel::active().map_err(CliError::input)?.isa().name();
    use_one_thread().map_err(CliError::failed)?;
    let mut comparisons = Vec::new();
    for shape in products(args) {
        let [m, n, k] = shape;
        let name = format!("{m}x{n}x{k}");
        let about = |error| CliError::input(error).about(&name);
        let mut work = Product::new(shape).map_err(about)?;
        let size = json!({"m": m, "n": n, "k": k});
        comparisons.push(Comparison::measure(name, size, &mut work, budget)?);
    }
    for shape in convolutions(args) {
        let about = |error| CliError::input(error).about(shape);
        let mut work = Convolution::new(shape, PadValue::Zero).map_err(about)?;
        let size = json!({"image": shape.image, "outputs": shape.outputs, "side": shape.side});
        comparisons.push(Comparison::measure(
            shape.to_string(),
            size,
            &mut work,
            budget,
        )?);
    }
    if args.json {
        let comparisons: Vec<Value> = comparisons.into_iter().map(Comparison::into_json).collect();
        return out::json(json!({"active": active, "threads": 1, "comparisons": comparisons}));
    }
    print(&comparisons)?;
    line(format_args!("kernel in use: {active}"))
}

/// The products of the command line, or the usual ones if it names no shape.
fn products(args: &BenchArgs) -> Vec<[usize; 3]> {
    if args.shape.is_empty() && args.conv.is_empty() {
        return PRODUCTS.to_vec();
    }
    args.shape.clone()
}

/// The convolutions of the command line, or the usual ones if it names no shape.
fn convolutions(args: &BenchArgs) -> Vec<ConvShape> {
    if args.shape.is_empty() && args.conv.is_empty() {
        return CONVOLUTIONS.to_vec();
    }
    let shape = |&[height, width, channels, outputs, side]: &[usize; 5]| ConvShape {
        image: [height, width, channels],
        outputs,
        side,
        groups: 1,
    };
    args.conv.iter().map(shape).collect()
}

/// Operations per second of all contenders on one workload.
struct Comparison {
    name: String,
    size: Value,
    floats: Vec<(Contender, f64)>,
    bits: Vec<(Contender, f64)>,
}

impl Comparison {
    fn measure(
        name: String,
        size: Value,
        work: &mut impl Workload,
        budget: Duration,
    ) -> Result<Self, CliError> {
        let contenders: Vec<_> = Contender::floats().chain(Contender::bits()).collect();
        let times = best_ns_in_turns(budget, &contenders, |contender| work.run(contender));
        let times = times.map_err(CliError::failed)?;
        let operations = work.operations() as f64;
        let speeds = times.into_iter().map(|ns| 1e9 * operations / ns);
        let (floats, bits) = contenders
            .into_iter()
            .zip(speeds)
            .partition(|(contender, _)| matches!(contender, Contender::Floats(_)));
        Ok(Self {
            name,
            size,
            floats,
            bits,
        })
    }

    /// The faster float library, with which bits are compared, and its speed.
    fn baseline(&self) -> (&'static str, f64) {
        let floats = self
            .floats
            .iter()
            .map(|(library, ops)| (library.name(), *ops));
        floats.fold(
            ("", 0.0),
            |best, next| if next.1 > best.1 { next } else { best },
        )
    }

    /// The speeds of a kernel, form by form.
    fn of_kernel(&self, kernel: &'static Kernel) -> impl Iterator<Item = (Form, f64)> {
        self.bits
            .iter()
            .filter_map(move |(contender, ops)| match contender {
                Contender::Bits(form, k) if *k == kernel => Some((*form, *ops)),
                _ => None,
            })
    }

    fn into_json(self) -> Value {
        let (baseline, float) = self.baseline();
        let floats = self
            .floats
            .iter()
            .map(|(library, ops)| (library.name().to_owned(), json!(ops)));
        let of_kernel = |kernel: &'static Kernel| {
            let forms = self.of_kernel(kernel).map(|(form, ops)| {
                let told = json!({"ops_per_second": ops, "ratio": ops / float});
                (form.name().to_owned(), told)
            });
            (
                kernel.isa().name().to_owned(),
                Value::Object(forms.collect()),
            )
        };
        json!({
            "name": self.name,
            "size": self.size,
            "f32_ops_per_second": floats.collect::<Map<_, _>>(),
            "baseline": baseline,
            "kernels": Kernel::available().map(of_kernel).collect::<Map<_, _>>(),
        })
    }
}

fn print(comparisons: &[Comparison]) -> Result<(), CliError> {
    line(
        "10^9 operations per second, counted as 2*m*n*k; in a convolution m is output pixels, k a filter's elements",
    )?;
    line(
        "(in brackets: ratio to the faster of two f32 libraries); one thread, best of many runs, weights packed beforehand",
    )?;
    let mut rows = Vec::new();
    for comparison in comparisons {
        let (library, float) = comparison.baseline();
        for kernel in Kernel::available() {
            let mut row = [const { String::new() }; 6];
            row[0].clone_from(&comparison.name);
            row[1] = format!("{library} {:.1}", float / 1e9);
            row[2] = kernel.isa().name().to_owned();
            for (cell, (_, ops)) in row[3..].iter_mut().zip(comparison.of_kernel(kernel)) {
                *cell = format!("{:.1} ({:.1})", ops / 1e9, ops / float);
            }
            rows.push(row);
        }
    }
    let [a, b, c] = Form::ALL.map(Form::name);
    out::table(columns(["", "f32", "kernel", a, b, c], &rows))
}
