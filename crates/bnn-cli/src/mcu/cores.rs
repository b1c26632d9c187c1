//! What layers cost on microcontrollers, as measured.
//!
//! The program `costs` of `firmware/boards` prints the instructions; `ci/footprint.sh` prints the
//! flash (for RISC-V the same programs were linked by hand); the stack is that of the programs
//! `digits` and `motions`. All figures are from qemu 7.2 and rustc 1.95 or 1.96, the larger ones,
//! with `opt-level = "s"`. What windows cost is fitted to the runs of the programs `cnn` and
//! `fashion`. `ci/firmware.sh` fails if a prediction for the digits is off by more than a tenth,
//! with convolutions or without.

use super::work::{Epilogue, Work};

/// A core, and what it takes to run a model on it.
pub(crate) struct Core {
    pub(crate) name: &'static str,
    pub(crate) target: &'static str,
    /// Bytes of `run` and `argmax` for dense layers: code, constants, the compiler's routines.
    pub(crate) library: u64,
    /// Bytes of `run` and `argmax` with convolutions and pools.
    pub(crate) library_with_conv: u64,
    /// Bytes that `open` adds, in a program whose model is not checked at compile time.
    pub(crate) checks: u64,
    /// Bytes that `open` adds with convolutions and pools.
    pub(crate) checks_with_conv: u64,
    /// Bytes of stack of a run.
    pub(crate) stack: u64,
    /// Bytes of stack of a run with convolutions and pools.
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
    /// Instructions per output to multiply up to 16 unsigned inputs.
    bytes: u64,
    /// Instructions to compare a byte with its threshold.
    reach: u64,
    /// Instructions of a layer apart from its outputs.
    layer: u64,
    /// Instructions of a row of windows, of a window, and of a tap that is gathered for it.
    line: u64,
    window: u64,
    tap: u64,
    /// Instructions that an output takes more where its window reaches out of the image.
    border: u64,
}

pub(crate) const CORES: [Core; 3] = [
    Core {
        name: "Cortex-M4, M7",
        target: "thumbv7em-none-eabi",
        library: 3_512 + 176 + 1_206,
        library_with_conv: 8_770 + 184 + 2_280,
        checks: 2_372 + 1_004,
        checks_with_conv: 3_104 + 1_316,
        stack: 703,
        stack_with_conv: 1_583,
        open: 12,
        counts: [41, 63, 85, 77],
        further: 71,
        bit: 3,
        sum: 0,
        real: 156,
        bytes: 46,
        reach: 12,
        layer: 98,
        line: 3_000,
        window: 220,
        tap: 60,
        border: 20,
    },
    Core {
        name: "Cortex-M0",
        target: "thumbv6m-none-eabi",
        library: 3_874 + 176 + 2_104,
        library_with_conv: 9_494 + 184 + 2_836,
        checks: 2_834 + 1_004 + 408,
        checks_with_conv: 3_570 + 1_316 + 34,
        stack: 716,
        stack_with_conv: 1_676,
        open: 21,
        counts: [62, 97, 133, 108],
        further: 98,
        bit: 3,
        sum: 0,
        real: 323,
        bytes: 67,
        reach: 14,
        layer: 193,
        line: 4_780,
        window: 325,
        tap: 90,
        border: 25,
    },
    Core {
        name: "RV32IMC",
        target: "riscv32imc-unknown-none-elf",
        library: 6_542 + 176,
        library_with_conv: 13_590 + 184,
        checks: 3_114 + 1_116,
        checks_with_conv: 3_364 + 1_448,
        stack: 723,
        stack_with_conv: 1_459,
        open: 21,
        counts: [57, 91, 125, 104],
        further: 101,
        bit: 4,
        sum: 0,
        real: 202,
        bytes: 51,
        reach: 13,
        layer: 99,
        line: 3_450,
        window: 280,
        tap: 70,
        border: 22,
    },
];

impl Core {
    /// Instructions of `open` for a file of `file_bytes` bytes.
    pub(crate) fn open(&self, file_bytes: u64) -> u64 {
        self.open * file_bytes
    }

    /// Instructions of a layer for one sample.
    pub(crate) fn run(&self, work: &Work) -> u64 {
        let words = work.words();
        let place = (words.saturating_sub(1) % 4) as usize;
        let count = self.counts[place] + words.saturating_sub(1) / 4 * self.further;
        let epilogue = match work.epilogue {
            Epilogue::Bit => self.bit,
            Epilogue::Sum => self.sum,
            Epilogue::Real => self.real,
        };
        let looked_up = work.patch.div_ceil(16).saturating_mul(self.bytes);
        let Some(sliding) = &work.sliding else {
            let product = if work.depth.is_some() {
                looked_up
            } else {
                count
            };
            let products = work.outputs.saturating_mul(product + epilogue);
            let compared = work.compared.saturating_mul(self.reach);
            return self.layer.saturating_add(compared).saturating_add(products);
        };
        let windows = work.rows.saturating_mul(sliding.groups);
        let outputs = work.rows.saturating_mul(work.outputs);
        let gathering = match (sliding.pool, work.depth) {
            (true, _) => sliding.taps.saturating_mul(self.tap * 2 / 5),
            // Each byte by itself, as a tap of one channel.
            (_, Some(_)) => windows.saturating_mul(work.patch).saturating_mul(self.tap),
            (_, None) if work.compared > 0 => {
                let bytes = windows.saturating_mul(work.patch);
                bytes.saturating_mul(self.tap / 4 + self.reach)
            }
            (_, None) => {
                let tap = self.tap * (13 + 7 * sliding.tap) / 20;
                windows.saturating_mul(sliding.gathered).saturating_mul(tap)
            }
        };
        let products = match (sliding.pool, work.depth) {
            (true, _) => 0,
            // The bytes of a dense layer are gathered, too, but more of them at once.
            (_, Some(_)) => outputs.saturating_mul(looked_up / 4 * 3 + epilogue),
            // The words that are inside the image and in use.
            (_, None) => {
                let halves = work.patch.div_ceil(32);
                let used = count as f64 * halves as f64 / (2 * words) as f64;
                let inside = sliding.inside as f64 / sliding.taps as f64;
                let border = sliding.border.saturating_mul(work.outputs);
                let counted = (outputs as f64 * used * inside) as u64;
                counted
                    .saturating_add(outputs.saturating_mul(epilogue))
                    .saturating_add(border.saturating_mul(self.border))
            }
        };
        let lines = sliding.lines.saturating_mul(self.line);
        let window = match sliding.pool {
            true => self.window * 3 / 10,
            false => self.window,
        };
        let all = [lines, windows.saturating_mul(window), gathering, products];
        all.into_iter().fold(0, u64::saturating_add)
    }
}
