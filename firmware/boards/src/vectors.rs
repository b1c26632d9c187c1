//! Runs a model on inputs of which the host's outputs are known.

use bnn_core::model::{Input, Model, ModelError, Output, argmax};
use semihosting::println;

use crate::counter::Counter;
use crate::stack;

/// A model, and what it makes of 100 images, as `bnn test-vectors` writes it.
pub struct Vectors {
    pub model: &'static [u8],
    /// Images, one behind the other.
    pub inputs: &'static [u8],
    /// Scores, little-endian.
    pub outputs: &'static [u8],
    /// Bytes of stack that a run must not need more of.
    pub most_stack: usize,
}

impl Vectors {
    /// Compares every score with the host's, bit for bit, and prints what a run costs. `scratch` and `scores` are of the
    /// sizes that the model says.
    ///
    /// # Errors
    /// What differs from the host, or takes more than it may.
    pub fn check(&self, scratch: &mut [u64], scores: &mut [f32]) -> Result<(), &'static str> {
        let refused = |_: ModelError| "the library refused the model or a run";
        let mut counter = Counter::start();
        let (opened, instructions) = counter.count(|| Model::open(self.model));
        let model = opened.map_err(refused)?;
        println!("open: {instructions} instructions");

        let (mut samples, mut most_instructions, mut most_stack) = (0, 0, 0);
        let outputs = self.outputs.as_chunks::<4>().0.chunks(scores.len());
        for (pixels, expected) in self.inputs.chunks(model.input_len()).zip(outputs) {
            scratch.fill(u64::MAX);
            scores.fill(0.0);
            let painted = stack::paint();
            let (run, instructions) = counter.count(|| {
                let input = Input::Bytes(pixels);
                model.run(1, input, Output::F32(scores), scratch)
            });
            most_stack = most_stack.max(painted.used());
            most_instructions = most_instructions.max(instructions);
            run.map_err(refused)?;
            let expected = expected.iter().map(|bytes| u32::from_le_bytes(*bytes));
            if !scores.iter().map(|score| score.to_bits()).eq(expected) {
                return Err("a score differs from the host's");
            }
            if argmax(scores).is_none() {
                return Err("no class was found");
            }
            samples += 1;
        }
        println!("run: at most {most_instructions} instructions and {most_stack} bytes of stack");
        println!("scratch memory: {} bytes", size_of_val(scratch));
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
