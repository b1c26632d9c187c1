//! What layers cost on microcontrollers, as measured.
//!
//! The program `costs` of `firmware/boards` prints the instructions; `ci/footprint.sh` prints the flash (for
//! RISC-V the same programs were linked by hand); the stack is that of the programs `digits` and `cnn`. All
//! figures are from qemu 7.2 and rustc 1.95 or 1.96, the larger ones, with `opt-level = "s"`. `ci/firmware.sh` fails if a
//! prediction for the digits is off by more than a tenth.

use super::work::{Epilogue, Work};

/// A core, and what it takes to run a model on it.
pub(crate) struct Core {
    pub(crate) name: &'static str,
    pub(crate) target: &'static str,
    /// Bytes of `run` and `argmax` for dense layers: code, constants, the compiler's routines.
    pub(crate) library: u64,
    /// The same with convolutions and pools.
    pub(crate) library_with_conv: u64,
    /// Bytes that `open` adds, in a program whose model is not checked at compile time.
    pub(crate) checks: u64,
    /// The same with convolutions and pools.
    pub(crate) checks_with_conv: u64,
    /// Bytes of stack of a run.
    pub(crate) stack: u64,
    /// The same with convolutions and pools.
    pub(crate) stack_with_conv: u64,
    /// Instructions of `open` per byte of the file.
    open: u64,
    /// Instructions to compare a row of 1 to 4 words with one row of weights.
    counts: [u64; 4],
    /// Instructions for every further four words.
    further: u64,
    /// Instructions to turn the count into a bit, an integer or a real score.
    bit: u64,
    sum: u64,
    real: u64,
    /// Instructions per output to combine the planes of unsigned inputs.
    unsigned: u64,
    /// Instructions to split an unsigned input into planes.
    split: u64,
    /// Instructions to compare a byte with its threshold.
    reach: u64,
    /// Instructions of a layer apart from its outputs.
    layer: u64,
}

pub(crate) const CORES: [Core; 3] = [
    Core {
        name: "Cortex-M4, M7",
        target: "thumbv7em-none-eabi",
        library: 3_540 + 184 + 2_136,
        library_with_conv: 8_104 + 184 + 3_902,
        checks: 2_484 + 1_004,
        checks_with_conv: 3_192 + 1_316,
        stack: 495,
        stack_with_conv: 1_115,
        open: 12,
        counts: [40, 61, 83, 76],
        further: 67,
        bit: 5,
        sum: 0,
        real: 157,
        unsigned: 61,
        split: 22,
        reach: 6,
        layer: 525,
    },
    Core {
        name: "Cortex-M0",
        target: "thumbv6m-none-eabi",
        library: 4_034 + 184 + 2_704,
        library_with_conv: 8_710 + 184 + 4_200,
        checks: 2_918 + 1_004 + 10,
        checks_with_conv: 3_698 + 1_316,
        stack: 644,
        stack_with_conv: 1_172,
        open: 21,
        counts: [62, 97, 132, 108],
        further: 98,
        bit: 6,
        sum: 0,
        real: 324,
        unsigned: 92,
        split: 41,
        reach: 4,
        layer: 910,
    },
    Core {
        name: "RV32IMC",
        target: "riscv32imc-unknown-none-elf",
        library: 6_554 + 184,
        library_with_conv: 12_622 + 184,
        checks: 3_154 + 1_116,
        checks_with_conv: 3_654 + 1_448,
        stack: 551,
        stack_with_conv: 1_103,
        open: 21,
        counts: [56, 89, 121, 105],
        further: 94,
        bit: 5,
        sum: 0,
        real: 207,
        unsigned: 82,
        split: 24,
        reach: 8,
        layer: 678,
    },
];

impl Core {
    /// Instructions of `open` for a file of `file_bytes` bytes.
    pub(crate) fn open(&self, file_bytes: u64) -> u64 {
        self.open * file_bytes
    }

    /// Instructions of a layer for one sample. `None` for convolutions and pools, whose gathering of windows was
    /// not measured.
    pub(crate) fn run(&self, work: &Work) -> Option<u64> {
        if work.spatial {
            return None;
        }
        let words = work.words();
        let place = ((words - 1) % 4) as usize; // a row has at least one word
        let count = self.counts[place] + (words - 1) / 4 * self.further;
        let epilogue = match work.epilogue {
            Epilogue::Bit => self.bit,
            Epilogue::Sum => self.sum,
            Epilogue::Real => self.real,
        };
        let (output, inputs) = match work.depth {
            None => (count + epilogue, 0),
            // Combining planes includes making a bit.
            Some(depth) => (
                depth * count + self.unsigned + epilogue - self.bit.min(epilogue),
                work.patch * self.split,
            ),
        };
        let products = work.rows * (work.outputs * output + inputs);
        Some(self.layer + work.compared * self.reach + products)
    }
}
