//! Runs a model of handwritten digits, which stays in flash, on 100 images, and compares every
//! score with the host's, bit for bit. Prints what a run costs: instructions and stack.

use bnn_core::model::{Input, Model, ModelError, Output, argmax};
use semihosting::println;

use crate::counter::Counter;
use crate::outcome::exit_code;
use crate::stack;

/// The score that a model gives a class.
pub trait Score: Copy + Default + PartialOrd {
    /// The room for scores, as a run takes it.
    fn output(scores: &mut [Self]) -> Output<'_>;
    /// The bytes of the score in the file of outputs.
    fn to_le_bytes(self) -> [u8; 4];
}

impl Score for f32 {
    fn output(scores: &mut [Self]) -> Output<'_> {
        Output::F32(scores)
    }
    fn to_le_bytes(self) -> [u8; 4] {
        self.to_le_bytes()
    }
}

impl Score for i32 {
    fn output(scores: &mut [Self]) -> Output<'_> {
        Output::I32(scores)
    }
    fn to_le_bytes(self) -> [u8; 4] {
        self.to_le_bytes()
    }
}

/// A model, and what `bnn test-vectors` wrote for it.
pub struct Digits {
    /// The model, checked when compiling.
    pub model: &'static Model<'static>,
    /// The images.
    pub inputs: &'static [u8],
    /// The scores of each image.
    pub outputs: &'static [u8],
    /// Bytes of stack that a run must not need more of.
    pub most_stack: usize,
}

impl Digits {
    /// Runs every image; the exit code: 1 on any difference. `CLASSES` and `SCRATCH` are the
    /// model's [`Sizes`](bnn_core::model::Sizes).
    pub fn run<S: Score, const CLASSES: usize, const SCRATCH: usize>(&self) -> i32 {
        exit_code("digits", self.check::<S, CLASSES, SCRATCH>())
    }

    /// # Errors
    /// What differs from the host, or takes more than it may.
    fn check<S: Score, const CLASSES: usize, const SCRATCH: usize>(
        &self,
    ) -> Result<(), &'static str> {
        let refused = |_: ModelError| "the library refused the model or a run";
        let mut counter = Counter::start();
        let (mut samples, mut most_instructions, mut most_stack) = (0, 0, 0);
        let outputs = self.outputs.as_chunks::<4>().0.chunks(CLASSES);
        for (pixels, expected) in self
            .inputs
            .chunks(self.model.sizes().input_len)
            .zip(outputs)
        {
            let mut scratch = [0; SCRATCH];
            let mut scores = [S::default(); CLASSES];
            let painted = stack::paint();
            let (run, instructions) = counter.count(|| {
                let input = Input::Bytes(pixels);
                self.model
                    .run(1, input, S::output(&mut scores), &mut scratch)
            });
            most_stack = most_stack.max(painted.used());
            most_instructions = most_instructions.max(instructions);
            run.map_err(refused)?;
            if !scores
                .iter()
                .map(|score| score.to_le_bytes())
                .eq(expected.iter().copied())
            {
                return Err("a score differs from the host's");
            }
            if argmax(&scores).is_none() {
                return Err("no class was found");
            }
            samples += 1;
        }
        println!("run: at most {most_instructions} instructions and {most_stack} bytes of stack");
        println!("scratch memory: {} bytes", SCRATCH * size_of::<u64>());
        if most_stack > self.most_stack {
            return Err("more stack than the budget");
        }
        if samples != 100 {
            return Err("not 100 images");
        }
        println!("{samples} images: every score is the host's, bit for bit");
        Ok(())
    }
}

/// The program around a model of digits and the scores that it must give, files of
/// `firmware/models`; how it gives a score, and the bytes of stack that it must not need more of.
/// Paths are relative to the source file.
#[macro_export]
macro_rules! digits {
    ($model:literal, $outputs:literal, $score:ty, $most_stack:literal) => {
        /// Checked when compiling: a file that is no model does not build.
        static MODEL: bnn_core::model::Model<'static> = bnn_core::include_model!($model);

        const SIZES: bnn_core::model::Sizes = MODEL.sizes();

        #[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
        #[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
        fn main() -> ! {
            let digits = $crate::digits::Digits {
                model: &MODEL,
                inputs: include_bytes!("../../../models/digits.inputs"),
                outputs: include_bytes!($outputs),
                most_stack: $most_stack,
            };
            semihosting::process::exit(
                digits.run::<$score, { SIZES.outputs }, { SIZES.scratch_words }>(),
            )
        }
    };
}
