//! Runs a checked model: layer after layer, in scratch memory that the caller gives.

use super::arguments::check_run;
use super::error::ModelError;
use super::io::{Input, Output, Reals, RunConfig, SumsWriter, disjoint, reach, reals};
use super::layer::InputType;
use super::reader::Model;
use crate::gemm::{Resolved, Sample};
use crate::kernel::Kernel;
use crate::planes::Planes;

impl Model<'_> {
    /// Runs `samples` samples, one after the other, on the calling thread. `scratch` has at least
    /// [`scratch_words(samples)`](Model::scratch_words) words; what it holds does not matter.
    ///
    /// Convolutions and pools run row by row: each holds no more than the rows of its input that a
    /// row of its output needs, and the first one reads the image where it lies.
    ///
    /// # Errors
    /// Input or output of another type or length than the model's, scratch memory too short, an
    /// input element out of range, zero samples. The output is not touched then.
    // Inlined for the sake of `Reals`.
    #[inline]
    pub fn run(
        &self,
        samples: usize,
        input: Input<'_>,
        output: Output<'_>,
        scratch: &mut [u64],
    ) -> Result<(), ModelError> {
        let reals = reals(&output);
        self.run_in_place(samples, input, output, reals, scratch)
    }

    fn run_in_place(
        &self,
        samples: usize,
        input: Input<'_>,
        mut output: Output<'_>,
        reals: Reals,
        scratch: &mut [u64],
    ) -> Result<(), ModelError> {
        check_run(self, samples, &input, &output, scratch)?;
        let kernel = Kernel::active()?;
        let config = RunConfig { kernel, reals };
        let (x, y) = (self.input_len(), self.output_len());
        for sample in 0..samples {
            let input = input.part(sample * x..(sample + 1) * x);
            let mut output = output.part(sample * y..(sample + 1) * y);
            if self.is_graph() {
                self.run_graph(input, &mut output, kernel, scratch);
                continue;
            }
            if self.spatial() > 0 {
                self.run_rows(input, &mut output, config, scratch);
                self.run_dense(None, &mut output, config, scratch);
                continue;
            }
            self.run_dense(Some(input), &mut output, config, scratch);
        }
        Ok(())
    }

    /// Runs the dense layers on a sample: the first one on `input` or, without one, on what
    /// convolutions and pools have written where it reads.
    pub(super) fn run_dense(
        &self,
        mut input: Option<Input<'_>>,
        output: &mut Output<'_>,
        config: RunConfig,
        scratch: &mut [u64],
    ) {
        let mut index = self.spatial();
        while let Some(record) = self.record(index) {
            let k = record.inputs as usize;
            let layer = self.layer_weights(&record, k);
            let [read, work, write] = disjoint(scratch, self.regions(index, &record));
            let sample = match (layer.input, input.take()) {
                (InputType::Unsigned { depth }, Some(Input::Bytes(x))) => {
                    if config.kernel.counts_by_arithmetic() {
                        Sample::Bytes(x)
                    } else {
                        let depth = depth.into();
                        let planes = Planes::split_checked(x, k, k, depth, config.kernel, work);
                        Sample::Planes(planes.bits())
                    }
                }
                (_, Some(Input::Bytes(x))) => {
                    reach(x, layer.input_thresholds, work);
                    Sample::Signs(work)
                }
                // `check_run` has read it.
                (_, Some(Input::Bits(x))) => Sample::Signs(x),
                _ => Sample::Signs(read),
            };
            let (epilogue, reals) = (layer.epilogue, config.reals);
            let writer = SumsWriter { epilogue, reals };
            let weights = Resolved::canonical(layer.weights, config.kernel);
            let mut output = match write.is_empty() {
                true => output.all(),
                false => Output::Bits(write),
            };
            weights.outputs(sample, &mut |first, sums| {
                writer.put(sums, first, &mut output)
            });
            index += 1;
        }
    }
}
