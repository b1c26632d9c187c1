//! What a graph takes on a microcontroller: flash, RAM, and products by the width of their weights.
//! Instructions are not predicted.

use bnn_core::internal::nodes;
use bnn_core::model::Model;
use bnn_core::model::graph::Values;
use comfy_table::Table;
use serde_json::{Value, json};

use super::sample_bytes;
use crate::error::CliError;
use crate::table::{columns, facts, thousands};

/// Why there is no prediction of instructions.
const NOT_PREDICTED: &str = "instructions are predicted of chains alone: two graphs have been \
                             measured, firmware/models/residual.bnn and resnet.bnn \
                             (docs/EMBEDDED.md)";

/// The nodes whose weights have the same width, or which have none.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    nodes: usize,
    /// Bytes of weights and parameters in the file.
    bytes: usize,
    operations: u64,
}

/// What a graph needs, one sample at a time.
pub(crate) struct Needs {
    file_bytes: usize,
    scratch: u64,
    input: u64,
    output: u64,
    /// Products with weights of one bit, of 8 bits and of 32 bits, and nodes without weights.
    shares: [Share; 4],
    /// Whether some tensor is `f32`.
    float: bool,
}

/// What the shares are of: in words, and in the names of JSON.
const KINDS: [(&str, &str, &str); 4] = [
    (
        "products with weights of one bit",
        "1_bit",
        "products_of_1_bit",
    ),
    (
        "products with weights of 8 bits",
        "8_bit",
        "products_of_8_bit",
    ),
    ("products with weights of f32", "f32", "products_of_f32"),
    ("operations without weights", "others", "other_operations"),
];

impl Needs {
    pub(crate) fn of(model: &Model<'_>) -> Result<Self, CliError> {
        let words = model.scratch_words(1).map_err(CliError::failed)?;
        let [input, output] = sample_bytes(model);
        let mut needs = Self {
            file_bytes: model.file_bytes(),
            scratch: (words * size_of::<u64>()) as u64,
            input,
            output,
            shares: [Share::default(); 4],
            float: false,
        };
        // The first node is the input.
        for node in nodes(model).skip(1) {
            let kind = match node.weight_bits {
                1 => 0,
                8 => 1,
                0 => 3,
                _ => 2,
            };
            let share = &mut needs.shares[kind];
            share.nodes += 1;
            share.bytes += node.bytes;
            share.operations = share.operations.saturating_add(node.operations);
            needs.float |= node.values == Values::Real;
        }
        Ok(needs)
    }

    /// Flash and operations of each kind of node.
    pub(crate) fn kinds(&self) -> Table {
        let rows: Vec<_> = KINDS
            .iter()
            .zip(&self.shares)
            .map(|((name, ..), share)| {
                [
                    (*name).to_owned(),
                    share.nodes.to_string(),
                    thousands(share.bytes),
                    thousands(share.operations),
                ]
            })
            .collect();
        columns(["", "nodes", "bytes of flash", "operations"], &rows)
    }

    /// Flash and RAM.
    pub(crate) fn memory(&self) -> Table {
        let rows = [
            ("flash: model", self.file_bytes as u64),
            ("RAM: scratch memory", self.scratch),
            ("RAM: input", self.input),
            ("RAM: output", self.output),
        ];
        facts(&rows.map(|(name, bytes)| (name.to_owned(), thousands(bytes))))
    }

    /// What the widths mean for a core, line by line.
    pub(crate) fn notes(&self) -> Vec<String> {
        let [_, bytes, floats, _] = &self.shares;
        let mut notes = Vec::new();
        if bytes.nodes > 0 {
            notes.push(format!(
                "Weights of 8 bits take a byte of flash each, and each product is a multiplication \
                 and an addition: {} of them, where one operation on words does 32 or 64 products \
                 of bits. If there are many, the feature `int8` halves their instructions on \
                 Cortex-M4 and M7, for 2 KB of flash and 3 KB of stack.",
                thousands(bytes.operations)
            ));
        }
        if floats.nodes > 0 {
            notes.push(format!(
                "Weights of f32 take four bytes of flash each, and each product is a multiplication \
                 and an addition of floats: {} of them.",
                thousands(floats.operations)
            ));
        }
        notes.push(match self.float {
            true => "It computes with f32: the features `graph` and `float`, best on a core with \
                     an FPU. Without one, as on a Cortex-M0, M3 or RV32IMC, each float operation \
                     is a call of a routine of the compiler, and each f32 tensor takes four bytes \
                     of RAM for an element of its rows."
                .to_owned(),
            false => {
                "It is in fixed point: the feature `graph`, and no float instruction.".to_owned()
            }
        });
        notes.push(format!("No estimate of instructions: {NOT_PREDICTED}."));
        notes
    }

    pub(crate) fn as_json(&self) -> Value {
        let mut told = json!({
            "model_bytes": self.file_bytes,
            "scratch_bytes": self.scratch,
            "input_bytes": self.input,
            "output_bytes": self.output,
            "float": self.float,
            "run_instructions": null,
            "run_instructions_missing": NOT_PREDICTED,
        });
        for ((_, key, operations), share) in KINDS.iter().zip(&self.shares) {
            told["weight_bytes"][key] = share.bytes.into();
            told[operations] = share.operations.into();
        }
        told
    }
}
