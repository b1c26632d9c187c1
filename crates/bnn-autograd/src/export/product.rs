//! A product of signs whose epilogue is not known yet: the layers after it decide.

use bnn_core::BitMatrix;
use bnn_core::conv::{Conv2d, PadValue, Pool2d};
use bnn_core::internal::padded_sides;
use bnn_core::model::{Epilogue, ModelError, ModelWriter};

use super::ExportError;
use super::fold::{Chain, Single};
use crate::ops::Affine;

/// A product, and what has been done to its sums since.
pub(super) struct Product {
    /// A row per output.
    pub(super) weights: BitMatrix,
    shape: Shape,
    /// The largest magnitude of a sum.
    pub(super) most: i32,
    /// How far apart the sums that can occur are: 2 where all of them are odd or all even.
    stride: usize,
    /// The affine steps in order.
    pub(super) steps: Vec<Affine<f32>>,
    /// The pools in order, each with the number of affine steps before it.
    pub(super) pools: Vec<(Pool2d, usize)>,
    /// The steps that follow the product.
    pub(super) then: Then,
}

/// What the product goes over.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Dense,
    Conv2d(Conv2d),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    /// Clipped to [-1, 1], which no sign sees.
    Clipped,
    Sign,
}

/// What the single affine step at the end of a model is.
pub(super) struct Scores {
    pub(super) scale: Vec<f32>,
    pub(super) bias: Vec<f32>,
    /// For each output how far scores can be from those of all the steps.
    pub(super) differences: Vec<f64>,
    /// The output that is the farthest from all the steps, and how far, as a share of its largest
    /// score.
    pub(super) worst: (usize, f64),
}

impl Shape {
    /// `[height, width, channels]` of its output.
    pub(super) fn output(&self, n: usize) -> [usize; 3] {
        let [height, width] = match self {
            Shape::Dense => [1, 1],
            Shape::Conv2d(conv) => conv.windows().output_size(),
        };
        [height, width, n]
    }
}

impl Product {
    /// A product over `shape` whose sums are at most `most` in magnitude; of signs if `of_signs`,
    /// else of numbers.
    pub(super) fn new(weights: BitMatrix, shape: Shape, most: i32, of_signs: bool) -> Self {
        let stride = match shape {
            // As many signs as there are weights, all of them 1 or -1.
            Shape::Dense if of_signs => 2,
            _ => 1,
        };
        Self {
            weights,
            shape,
            most,
            stride,
            steps: Vec::new(),
            pools: Vec::new(),
            then: Then::Nothing,
        }
    }

    /// Whether zeros would not do for the padding if some of its inputs were stored negated.
    pub(super) fn is_padded_with_ones(&self) -> bool {
        match self.shape {
            Shape::Dense => false,
            Shape::Conv2d(conv) => {
                conv.pad_value() != PadValue::Zero && padded_sides(conv.windows()) != [0; 4]
            }
        }
    }

    /// The outputs whose signs are stored negated. A pool takes the largest value of a window, the
    /// model file the OR of its bits. Where the steps after the pool fall, the bit wanted is the
    /// AND, and `AND b = NOT OR (NOT b)`. `None` where an output would have to be negated for one
    /// pool and not for another.
    pub(super) fn negated(&self) -> Option<Vec<bool>> {
        let outputs = 0..self.weights.rows();
        outputs
            .map(|output| {
                let mut falls = self.pools.iter().map(|&(_, before)| {
                    let steps = &self.steps[before..];
                    Chain { steps, output }.falls()
                });
                let first = falls.next().unwrap_or(false);
                falls.all(|other| other == first).then_some(first)
            })
            .collect()
    }

    /// Takes inputs of which some are stored negated: `w * x = (-w) * (-x)`.
    pub(super) fn negate_inputs(&mut self, negated: &[bool]) {
        let (rows, cols) = (self.weights.rows(), self.weights.cols());
        for row in 0..rows {
            for col in 0..cols {
                // Columns are pixels, and in them the channels of the output's group.
                let channel = match self.shape {
                    Shape::Dense => col % negated.len(),
                    Shape::Conv2d(conv) => {
                        let per_group = conv.channels() / conv.groups();
                        let group = row / (conv.outputs() / conv.groups());
                        group * per_group + col % per_group
                    }
                };
                if negated[channel] {
                    negate(&mut self.weights, row, col);
                }
            }
        }
    }

    /// The one affine step that comes nearest to all the steps.
    pub(super) fn scores(&self) -> Scores {
        let mut scores = Scores {
            scale: Vec::new(),
            bias: Vec::new(),
            differences: Vec::new(),
            worst: (0, 0.0),
        };
        for output in 0..self.weights.rows() {
            let steps = &self.steps;
            let Single {
                scale,
                bias,
                difference,
                largest,
            } = match &**steps {
                // It is what the file holds.
                [step] => Single {
                    scale: step.scale[output],
                    bias: step.bias[output],
                    difference: 0.0,
                    largest: 1.0,
                },
                _ => Chain { steps, output }.single(self.sums()),
            };
            scores.scale.push(scale);
            scores.bias.push(bias);
            scores.differences.push(difference);
            let share = difference / largest;
            if difference > 0.0 && share > scores.worst.1 {
                scores.worst = (output, share);
            }
        }
        scores
    }

    /// All sums that can occur.
    fn sums(&self) -> impl Iterator<Item = i64> {
        let most = i64::from(self.most);
        (-most..=most).step_by(self.stride)
    }

    /// Appends it to a file, with integer sums or with scores as its outputs.
    pub(super) fn write(
        &self,
        writer: &mut ModelWriter,
        scores: Option<&Scores>,
    ) -> Result<(), ModelError> {
        let epilogue = match scores {
            None => Epilogue::Sums,
            Some(Scores { scale, bias, .. }) => Epilogue::Affine { scale, bias },
        };
        self.append(writer, self.weights.clone(), epilogue)
    }

    /// Appends it and its pools to a file, with signs as its outputs, stored
    /// [negated](Self::negated) where that says so.
    pub(super) fn write_signs(
        &self,
        writer: &mut ModelWriter,
        negated: &[bool],
    ) -> Result<(), ExportError> {
        let mut weights = self.weights.clone();
        let mut thresholds = Vec::new();
        for (output, &negated) in negated.iter().enumerate() {
            let steps = &self.steps;
            let fold = Chain { steps, output }.threshold(self.most);
            // The opposite of `sum >= t` is `-sum >= 1 - t`.
            thresholds.push(match negated {
                true => 1 - fold.at_least,
                false => fold.at_least,
            });
            if fold.negate != negated {
                (0..weights.cols()).for_each(|col| negate(&mut weights, output, col));
            }
        }
        let epilogue = Epilogue::Threshold(thresholds.as_slice().into());
        self.append(writer, weights, epilogue)?;
        for (pool, _) in &self.pools {
            writer.max_pool2d(pool)?;
        }
        Ok(())
    }

    fn append(
        &self,
        writer: &mut ModelWriter,
        weights: BitMatrix,
        epilogue: Epilogue<'_>,
    ) -> Result<(), ModelError> {
        match &self.shape {
            Shape::Dense => writer.dense(weights.view(), epilogue),
            Shape::Conv2d(conv) => writer.conv2d(conv, weights.view(), epilogue),
        }
    }
}

/// Negates a weight.
fn negate(weights: &mut BitMatrix, row: usize, col: usize) {
    let plus = weights.view().get(row, col) == Some(true);
    weights.view_mut().set(row, col, !plus);
}
