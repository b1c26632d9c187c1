//! Predicts what a model takes on a microcontroller: flash, RAM and instructions, from measurements
//! in emulators.

mod cores;
mod graph;
mod sliding;
mod work;

use bnn_core::model::{InputType, Model, OutputType};
use comfy_table::Table;
use serde_json::{Value, json};

use crate::error::CliError;
use crate::table::{columns, thousands};
use cores::{CORES, Core};
pub(crate) use graph::Needs;
pub(crate) use work::Work;

/// Bytes of a sample, and of what the model makes of it.
fn sample_bytes(model: &Model<'_>) -> [u64; 2] {
    let sizes = model.sizes();
    let input = match model.input() {
        (_, InputType::Bits) => sizes.input_len * size_of::<u64>(),
        _ => sizes.input_len,
    };
    let output = match model.output() {
        (_, OutputType::Bits) => sizes.output_len * size_of::<u64>(),
        _ => sizes.output_len * size_of::<i32>(),
    };
    [input, output].map(|bytes| bytes as u64)
}

/// The prediction, for one sample at a time.
pub(crate) struct Prediction {
    layers: Vec<(Work, u64)>,
    file_bytes: u64,
    scratch: u64,
    input: u64,
    output: u64,
}

impl Prediction {
    pub(crate) fn new(model: &Model<'_>) -> Result<Self, CliError> {
        let words = model.scratch_words(1).map_err(CliError::failed)?;
        let [input, output] = sample_bytes(model);
        Ok(Self {
            layers: model
                .layers()
                .map(|layer| (Work::of(&layer), layer.bytes() as u64))
                .collect(),
            file_bytes: model.file_bytes() as u64,
            scratch: (words * size_of::<u64>()) as u64,
            input,
            output,
        })
    }

    /// Operations and instructions of each layer and of all layers.
    pub(crate) fn layers(&self) -> Table {
        let numbers = |work: &Work, bytes: u64| {
            let fixed = [bytes, work.binary_macs(), work.word_operations()];
            let instructions = CORES.iter().map(|core| core.run(work));
            fixed.into_iter().chain(instructions).collect::<Vec<_>>()
        };
        let all: Vec<_> = self.layers.iter().map(|(w, b)| numbers(w, *b)).collect();
        let sum = |i: usize| all.iter().map(|row| row[i]).fold(0, u64::saturating_add);
        let sums: Vec<u64> = (0..3 + CORES.len()).map(sum).collect();
        let row = |name: String, sizes: String, numbers: &[u64]| {
            let number = |i: usize| thousands(numbers[i]);
            [
                name,
                sizes,
                number(0),
                number(1),
                number(2),
                number(3),
                number(4),
                number(5),
            ]
        };
        let layers = self.layers.iter().zip(&all).enumerate();
        let mut rows: Vec<_> = layers
            .map(|(i, ((work, _), numbers))| {
                let sizes = format!("{} x {} -> {}", work.rows, work.patch, work.outputs);
                row(i.to_string(), sizes, numbers)
            })
            .collect();
        rows.push(row("all".to_owned(), String::new(), &sums));
        let [m4, m0, rv32] = &CORES;
        columns(
            [
                "layer",
                "rows x inputs -> outputs",
                "bytes",
                "binary MACs",
                "words",
                &format!("instructions: {}", m4.name),
                m0.name,
                rv32.name,
            ],
            &rows,
        )
    }

    /// Flash, RAM and instructions of the model on each core.
    pub(crate) fn cores(&self) -> Table {
        type Number = fn(&Prediction, &Core) -> u64;
        let lines: [(&str, Number); 11] = [
            ("flash: model", |p, _| p.file_bytes),
            ("flash: library", |p, core| p.library(core)),
            ("flash", |p, core| p.flash(core)),
            ("flash: checks, if it calls open", |p, core| p.checks(core)),
            ("RAM: scratch memory", |p, _| p.scratch),
            ("RAM: input", |p, _| p.input),
            ("RAM: output", |p, _| p.output),
            ("RAM: stack, at most", |p, core| p.stack(core)),
            ("RAM", |p, core| p.ram(core)),
            ("instructions of open, if called", |p, core| {
                core.open(p.file_bytes)
            }),
            ("instructions of a run", Self::run),
        ];
        let [m4, m0, rv32] = &CORES;
        let rows = lines.map(|(name, number)| {
            let on = |core| thousands(number(self, core));
            [name.to_owned(), on(m4), on(m0), on(rv32)]
        });
        columns(["", m4.name, m0.name, rv32.name], &rows)
    }

    pub(crate) fn as_json(&self) -> Value {
        let core = |core: &Core| {
            json!({
                "core": core.name,
                "target": core.target,
                "library_bytes": self.library(core),
                "flash_bytes": self.flash(core),
                "open_bytes": self.checks(core),
                "stack_bytes": self.stack(core),
                "ram_bytes": self.ram(core),
                "open_instructions": core.open(self.file_bytes),
                "run_instructions": self.run(core),
                "layer_instructions":
                    self.layers.iter().map(|(work, _)| core.run(work)).collect::<Vec<_>>(),
            })
        };
        let layer = |(work, bytes): &(Work, u64)| {
            json!({
                "rows": work.rows,
                "patch": work.patch,
                "outputs": work.outputs,
                "bytes": bytes,
                "binary_macs": work.binary_macs(),
                "word_operations": work.word_operations(),
            })
        };
        json!({
            "model_bytes": self.file_bytes,
            "scratch_bytes": self.scratch,
            "input_bytes": self.input,
            "output_bytes": self.output,
            "layers": self.layers.iter().map(layer).collect::<Vec<_>>(),
            "cores": CORES.iter().map(core).collect::<Vec<_>>(),
        })
    }

    fn flash(&self, core: &Core) -> u64 {
        self.file_bytes + self.library(core)
    }

    /// Whether a layer slides a window over an image.
    fn is_spatial(&self) -> bool {
        self.layers.iter().any(|(work, _)| work.sliding.is_some())
    }

    fn library(&self, core: &Core) -> u64 {
        if self.is_spatial() {
            core.library_with_conv
        } else {
            core.library
        }
    }

    fn checks(&self, core: &Core) -> u64 {
        if self.is_spatial() {
            core.checks_with_conv
        } else {
            core.checks
        }
    }

    fn stack(&self, core: &Core) -> u64 {
        if self.is_spatial() {
            core.stack_with_conv
        } else {
            core.stack
        }
    }

    fn ram(&self, core: &Core) -> u64 {
        self.scratch + self.input + self.output + self.stack(core)
    }

    fn run(&self, core: &Core) -> u64 {
        let layers = self.layers.iter().map(|(work, _)| core.run(work));
        layers.fold(0, u64::saturating_add)
    }
}
