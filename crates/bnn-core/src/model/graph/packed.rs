//! A graph on a host: blocks of samples, in memory of its own.

use crate::kernel::Kernel;
use crate::model::error::ModelError;
use crate::model::io::{Input, Output};
use crate::model::reader::Model;
use crate::model::workspaces::Workspace;

/// A graph laid out for this CPU.
#[derive(Clone, Debug)]
pub(in crate::model) struct PackedGraph {
    kernel: &'static Kernel,
    words: usize,
}

impl PackedGraph {
    pub(in crate::model) fn new(model: &Model<'_>) -> Result<Self, ModelError> {
        Ok(Self {
            kernel: Kernel::active()?,
            words: model.scratch_words(1)?,
        })
    }

    /// Words between the nodes, of a sample.
    pub(in crate::model) fn words(&self) -> usize {
        self.words
    }

    /// Runs a block of samples, for arguments that have been checked.
    pub(in crate::model) fn run(
        &self,
        model: &Model<'_>,
        samples: usize,
        input: Input<'_>,
        mut output: Output<'_>,
        workspace: &mut Workspace,
    ) -> Result<(), ModelError> {
        let (x, y) = (model.input_len(), model.output_len());
        let scratch = workspace.words(self.words)?;
        for sample in 0..samples {
            let input = input.part(sample * x..(sample + 1) * x);
            let mut output = output.part(sample * y..(sample + 1) * y);
            model.run_graph(input, &mut output, self.kernel, scratch);
        }
        Ok(())
    }
}
