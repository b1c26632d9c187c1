//! The network of a graph with one input and one output.

use std::collections::HashMap;

use super::interpreter::{Interpreter, Values};
use super::schema::{Graph, Node};
use super::value::Tensor;
use crate::budget::Budget;
use crate::compare::Samples;
use crate::{ImportError, Inputs, Options};

#[derive(Debug)]
pub(super) struct Network<'g> {
    pub(super) graph: &'g Graph,
    interpreter: Interpreter<'g>,
    inputs: Inputs,
    pub(super) input: &'g str,
    pub(super) output: &'g str,
    /// The shape of the input, the batch first: that of the file, or of one sample.
    pub(super) shape: Vec<usize>,
    /// `[height, width, channels]` of a sample.
    pub(super) image: [usize; 3],
}

impl<'g> Network<'g> {
    pub(super) fn new(graph: &'g Graph, options: &Options) -> Result<Self, ImportError> {
        let wrong = |expected: &str, found: usize| {
            ImportError::format("ONNX graph", expected, found.to_string())
        };
        let [input] = graph.inputs.as_slice() else {
            return Err(wrong("one input", graph.inputs.len()));
        };
        let [output] = graph.outputs.as_slice() else {
            return Err(wrong("one output", graph.outputs.len()));
        };
        let mut sizes = input.shape.iter();
        let batch = sizes.next().copied().flatten().unwrap_or(1);
        let sizes: Option<Vec<usize>> = sizes.copied().collect();
        let image = match sizes.as_deref() {
            Some(&[features]) => [1, 1, features],
            Some(&[channels, height, width]) => [height, width, channels],
            _ => {
                return Err(ImportError::format(
                    format!("input {}", input.name),
                    "the shape [batch, features] or [batch, channels, height, width], all but the \
                     batch known",
                    format!("{:?}", input.shape),
                ));
            }
        };
        if batch == 0 || image.contains(&0) {
            let found = format!("{:?}", input.shape);
            let at = format!("input {}", input.name);
            return Err(ImportError::format(at, "sizes of at least 1", found));
        }
        check_softmax(graph)?;
        let shape = [vec![batch], sizes.unwrap_or_default()].concat();
        Ok(Self {
            graph,
            interpreter: Interpreter::new(graph, output, options.sign_of_zero),
            inputs: options.inputs.clone(),
            input: &input.name,
            output,
            shape,
            image,
        })
    }

    /// A first run: shapes and constants.
    pub(super) fn probe(&mut self, budget: &mut Budget) -> Result<Values, ImportError> {
        let tensor = Tensor::floats(&self.shape, budget.fill(&self.shape, 0.0)?);
        self.interpreter.run((self.input, tensor), budget)
    }

    /// How many samples can be run with the operations that are left, at most `most` and at least
    /// one; after the first run.
    pub(super) fn affordable(&self, most: usize, budget: &Budget) -> usize {
        let runs = budget.operations() / self.interpreter.operations_of_run.max(1);
        let runs = usize::try_from(runs).unwrap_or(usize::MAX);
        runs.saturating_mul(self.shape[0]).clamp(1, most.max(1))
    }

    /// Outputs of samples, `[samples, ..]`, in the order of the model's outputs.
    pub(super) fn run(
        &mut self,
        samples: &Samples<'_>,
        budget: &mut Budget,
    ) -> Result<Vec<f32>, ImportError> {
        let [height, width, channels] = self.image;
        let (batch, pixels) = (self.shape[0], height * width);
        let mut outputs = Vec::new();
        for group in samples.bytes.chunks(batch * pixels * channels) {
            budget.release();
            let mut x = budget.fill(&self.shape, 0.0)?;
            // The network's images have the channels first.
            for (i, &byte) in group.iter().enumerate() {
                let (sample, at) = (i / (pixels * channels), i % (pixels * channels));
                let (pixel, c) = (at / channels, at % channels);
                x[(sample * channels + c) * pixels + pixel] = self.inputs.value(c, byte);
            }
            let tensor = Tensor::floats(&self.shape, x);
            let values = self.interpreter.run((self.input, tensor), budget)?;
            let output = values.get(self.output).map(|known| &known.tensor);
            let missing = || ImportError::format("output", "a value of the graph", self.output);
            let output = output.ok_or_else(missing)?;
            let scores = output.to_floats(budget)?;
            let per_sample = scores.len() / batch;
            let (pixels, channels) = match output.shape.as_slice() {
                &[_, channels, height, width] => (height * width, channels),
                _ => (1, per_sample),
            };
            let real = group.len() / (height * width * self.image[2]);
            for sample in scores.chunks_exact(per_sample.max(1)).take(real) {
                let order = (0..pixels)
                    .flat_map(|pixel| (0..channels).map(move |channel| channel * pixels + pixel));
                outputs.extend(order.map(|i| sample[i]));
            }
        }
        Ok(outputs)
    }
}

/// A softmax of the scores is left out, as it does not change their order; one within the network
/// would be another function.
fn check_softmax(graph: &Graph) -> Result<(), ImportError> {
    let is_softmax = |node: &&Node| matches!(node.op.as_str(), "Softmax" | "LogSoftmax");
    let softmaxes = graph.nodes.iter().filter(is_softmax);
    let made: HashMap<&str, &Node> = softmaxes
        .flat_map(|node| node.outputs.iter().map(move |name| (name.as_str(), node)))
        .collect();
    let mut inputs = graph.nodes.iter().flat_map(|node| &node.inputs);
    match inputs.find_map(|name| made.get(name.as_str())) {
        Some(node) => Err(node.refused("another node takes what it makes; expected it at the end")),
        None => Ok(()),
    }
}
