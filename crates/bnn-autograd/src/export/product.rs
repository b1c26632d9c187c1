//! A product of signs whose epilogue is not known yet: the layers behind it decide.

use bnn_core::BitMatrix;
use bnn_core::conv::{Conv2d, PadValue, Pool2d};
use bnn_core::model::{Epilogue, ModelError, ModelWriter};

use super::{ExportError, Threshold};

/// A product, and what has been done to its sums since.
pub(super) struct Product {
    /// A row per output.
    pub(super) weights: BitMatrix,
    shape: Shape,
    /// The largest magnitude of a sum.
    most: i32,
    /// Pools of the sums.
    pub(super) sum_pools: Vec<Pool2d>,
    /// Batch normalisation: factors and summands.
    pub(super) affine: Option<(Vec<f32>, Vec<f32>)>,
    /// Pools of what comes of that.
    pub(super) bit_pools: Vec<Pool2d>,
    /// What followed.
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

impl Shape {
    /// `[height, width, channels]` of its output.
    pub(super) fn output(&self, n: usize) -> [usize; 3] {
        let [height, width] = match self {
            Shape::Dense => [1, 1],
            Shape::Conv2d(conv) => conv.output_size(),
        };
        [height, width, n]
    }
}

impl Product {
    /// Of signs, or of a model's input, with sums of at most `most`.
    pub(super) fn new(weights: BitMatrix, shape: Shape, most: i32) -> Self {
        Self {
            weights,
            shape,
            most,
            sum_pools: Vec::new(),
            affine: None,
            bit_pools: Vec::new(),
            then: Then::Nothing,
        }
    }

    pub(super) fn has_pools(&self) -> bool {
        !self.sum_pools.is_empty() || !self.bit_pools.is_empty()
    }

    /// Whether zeros would not do for the padding, were some of its inputs stored with the other sign.
    pub(super) fn is_padded_with_ones(&self) -> bool {
        match self.shape {
            Shape::Dense => false,
            Shape::Conv2d(conv) => {
                let padding = [conv.padding_before(), conv.padding_after()];
                conv.pad_value() != PadValue::Zero && padding != [[0; 2]; 2]
            }
        }
    }

    /// The outputs whose signs are stored the other way round, for the largest of a window of sums is then
    /// the smallest of what becomes of them: `AND b = NOT OR (NOT b)`.
    pub(super) fn turned(&self) -> Vec<bool> {
        let folds = self.folds().into_iter();
        let pooled = !self.sum_pools.is_empty();
        folds.map(|fold| pooled && fold.negate).collect()
    }

    /// Takes inputs of which some are stored with the other sign: `w * x = (-w) * (-x)`.
    pub(super) fn turn_inputs(&mut self, turned: &[bool]) {
        let (rows, cols) = (self.weights.rows(), self.weights.cols());
        for row in 0..rows {
            for col in 0..cols {
                // Columns are pixels, and in them the channels of the output's group.
                let channel = match self.shape {
                    Shape::Dense => col % turned.len(),
                    Shape::Conv2d(conv) => {
                        let per_group = conv.channels() / conv.groups();
                        let group = row / (conv.outputs() / conv.groups());
                        group * per_group + col % per_group
                    }
                };
                if turned[channel] {
                    self.turn(row, col);
                }
            }
        }
    }

    /// Appends it to a file, with the epilogue that it has become.
    pub(super) fn write(&self, writer: &mut ModelWriter) -> Result<(), ModelError> {
        let epilogue = match &self.affine {
            None => Epilogue::Sums,
            Some((scale, bias)) => Epilogue::Affine { scale, bias },
        };
        self.append(writer, epilogue)
    }

    /// Appends it to a file, with signs as its epilogue.
    pub(super) fn write_signs(&self, writer: &mut ModelWriter) -> Result<(), ExportError> {
        let turned = self.turned();
        let mut own = Self::new(self.weights.clone(), self.shape, self.most);
        let mut thresholds = Vec::new();
        for (row, fold) in self.folds().iter().enumerate() {
            if turned[row] {
                // b is -sum >= t; its opposite is sum >= 1 - t.
                thresholds.push(1 - fold.at_least);
                continue;
            }
            if fold.negate {
                (0..own.weights.cols()).for_each(|col| own.turn(row, col));
            }
            thresholds.push(fold.at_least);
        }
        let epilogue = Epilogue::Threshold(thresholds.as_slice().into());
        own.append(writer, epilogue)?;
        for pool in self.sum_pools.iter().chain(&self.bit_pools) {
            writer.max_pool2d(pool)?;
        }
        Ok(())
    }

    fn append(&self, writer: &mut ModelWriter, epilogue: Epilogue<'_>) -> Result<(), ModelError> {
        match &self.shape {
            Shape::Dense => writer.dense(self.weights.view(), epilogue),
            Shape::Conv2d(conv) => writer.conv2d(conv, self.weights.view(), epilogue),
        }
    }

    /// The comparison that makes each output's sign.
    fn folds(&self) -> Vec<Threshold> {
        match &self.affine {
            None => vec![Threshold::fold(1.0, 0.0, self.most); self.weights.rows()],
            Some((scale, bias)) => {
                let pairs = scale.iter().zip(bias);
                let fold = |(&scale, &bias)| Threshold::fold(scale, bias, self.most);
                pairs.map(fold).collect()
            }
        }
    }

    /// Turns the sign of a weight.
    fn turn(&mut self, row: usize, col: usize) {
        let plus = self.weights.view().get(row, col) == Some(true);
        self.weights.view_mut().set(row, col, !plus);
    }
}
