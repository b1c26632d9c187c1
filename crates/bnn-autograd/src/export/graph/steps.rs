//! Steps that are no products: of each element alone, of two tensors, and pools.

use bnn_core::conv::Pool2d;
use bnn_core::model::graph::{NodeEpilogue, NodeNumber, Numbers, Operation, Slopes, Values};

use super::{Branch, NOTHING, TensorElements};
use crate::export::lowering::SampleShape;
use crate::export::operations::Role;
use crate::export::{ExportError, Lowering};
use crate::ops::{Affine, Padding};
use crate::real::Real;
use crate::tensor::Tensor;

/// The most fixed-point numbers whose mean on the tape, rounded to `f32`, rounds on to the very
/// integer that a file computes: sums have at most 24 bits, and a quotient that is no tie is at
/// least `1 / (2 * 256) = 2^-9` from one, while rounding moves it by 2^-10 at most.
pub(crate) const MOST_TAPS: usize = 256;

impl Lowering {
    /// The sum of the values at hand and of others: [`ops::add`](crate::ops::add).
    ///
    /// # Errors
    /// [`ExportError::Layer`] where the two are not real numbers of the same shape.
    pub fn add(&mut self, other: &Branch) -> Result<(), ExportError> {
        self.is_graph()?;
        let ([here, there], shape) = self.both(other, |here, there| here == there)?;
        let kind = self.kind_of_numbers();
        let graph = self.nodes();
        graph.push(Operation::Add, vec![here, there], kind, shape);
        // The file saturates.
        graph.unrounded = kind != Values::Real;
        self.operations.account(Role::Add);
        Ok(())
    }

    /// The sum of the values at hand and of the last rows of others, as many as the image at hand
    /// has.
    pub(crate) fn add_last_rows(&mut self, other: &Branch) -> Result<(), ExportError> {
        let rows = |values| match values {
            SampleShape::Image([height, ..]) => height,
            _ => 0,
        };
        let lost = rows(other.values).saturating_sub(rows(self.values));
        if lost == 0 || rows(self.values) == 0 {
            return self.add(other);
        }
        let inner = self.branch();
        self.go_on_from(other);
        self.crop([lost, 0, 0, 0])?;
        self.add(&inner)
    }

    /// The channels at hand, and after them others: [`ops::concat`](crate::ops::concat).
    ///
    /// # Errors
    /// [`ExportError::Layer`] where the two are not real numbers of the same height and width.
    pub fn concat(&mut self, other: &Branch) -> Result<(), ExportError> {
        self.is_graph()?;
        let (inputs, [height, width, channels]) =
            self.both(other, |here, there| here[..2] == there[..2])?;
        let more = self
            .nodes()
            .shapes
            .get(inputs[1])
            .map_or(0, |shape| shape[2]);
        let shape = [height, width, channels + more];
        let kind = self.kind_of_numbers();
        self.nodes()
            .push(Operation::Concat, inputs.to_vec(), kind, shape);
        if let SampleShape::Image(_) = self.values {
            self.values = SampleShape::Image(shape);
        }
        self.operations.account(Role::Concat);
        Ok(())
    }

    /// The tensor at hand and another, both real and flattened if they are to be, and the shape of
    /// the first.
    fn both(
        &mut self,
        other: &Branch,
        fit: impl Fn([usize; 3], [usize; 3]) -> bool,
    ) -> Result<([usize; 2], [usize; 3]), ExportError> {
        let here = self.number_tensor()?;
        let kind = self.kind_of_numbers();
        let (branch, values) = (self.branch(), self.values);
        self.go_on_from(other);
        let there = self.number_tensor();
        let other_kind = self.kind_of_numbers();
        self.go_on_from(&branch);
        self.values = values;
        let there = there?;
        if kind != other_kind {
            return Err(self.refusal(format!("its branches are {kind:?} and {other_kind:?}")));
        }
        let shapes = [here, there].map(|tensor| self.nodes().shapes.get(tensor).copied());
        match shapes {
            [Some(a), Some(b)] if fit(a, b) => Ok(([here, there], a)),
            [a, b] => {
                let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
                Err(self.refusal(format!("its branches have the shapes {a:?} and {b:?}")))
            }
        }
    }

    /// The tensor at hand, in real numbers.
    fn real_tensor(&mut self) -> Result<usize, ExportError> {
        let at = self.number_tensor()?;
        match self.kind_of_numbers() {
            Values::Real => Ok(at),
            _ => Err(self.refusal("it computes with fixed-point numbers as if they were real")),
        }
    }

    /// The type of the numbers at hand.
    fn kind_of_numbers(&self) -> Values {
        match self.elements() {
            TensorElements::Fixed(exponent) => Values::Fixed { exponent },
            _ => Values::Real,
        }
    }

    /// The tensor at hand, in real or fixed-point numbers.
    fn number_tensor(&mut self) -> Result<usize, ExportError> {
        self.flatten_now()?;
        if self.settled()? == TensorElements::Bits {
            return Err(self.refusal("it computes with signs as if they were real numbers"));
        }
        if self.nodes().shape().is_none() {
            let SampleShape::Image(_) = self.values else {
                return Err(self.refusal("no layer before it tells of what size the input is"));
            };
            self.tensor(0);
        }
        self.take_reals();
        Ok(self.nodes().at)
    }

    /// Makes bytes of the input real numbers.
    pub(super) fn take_reals(&mut self) {
        if self.elements() == TensorElements::Bytes
            && let Some(shape) = self.nodes().shape()
        {
            let same = NodeEpilogue::Real {
                scale: vec![1.0; shape[2]],
                bias: vec![NOTHING; shape[2]],
            };
            self.step_node(Operation::Affine(same), Values::Real, shape);
        }
    }

    /// Signs of the tensor at hand.
    pub(in crate::export) fn graph_sign(&mut self) -> Result<(), ExportError> {
        match self.settled()? {
            TensorElements::Bits => Ok(()),
            TensorElements::Fixed(_) => {
                let shape = self.nodes().shape().unwrap_or_default();
                let zeros = Numbers::Fixed(vec![0; shape[2]]);
                self.step_node(Operation::Sign(zeros), Values::Bits, shape);
                Ok(())
            }
            TensorElements::Bytes => Err(self.refusal("unsigned inputs all have the sign +1")),
            TensorElements::Reals => {
                // The elements of a flattened image have one threshold.
                let shape = self.nodes().shape().unwrap_or_default();
                let zeros = Numbers::Real(vec![0.0; shape[2]]);
                self.step_node(Operation::Sign(zeros), Values::Bits, shape);
                Ok(())
            }
        }
    }

    /// Signs of the tensor at hand after a shift: `x + shift >= 0`.
    pub(in crate::export) fn graph_shifted_sign<T: Real>(
        &mut self,
        shift: &Tensor<T>,
        threshold: impl Fn(T) -> Option<u8>,
    ) -> Result<(), ExportError> {
        self.flatten_now()?;
        let shape = self.columns(shift.numel())?;
        let thresholds = match self.settled()? {
            TensorElements::Bits => {
                return Err(self.refusal("it shifts signs, which model files do not"));
            }
            TensorElements::Fixed(exponent) => {
                // `v 2^-e + shift >= 0`; a cast of `f64` saturates.
                let unit = f64::from(exponent).exp2();
                let least = |shift: &T| (-shift.as_f64() * unit).ceil() as i32;
                Numbers::Fixed(shift.data().iter().map(least).collect())
            }
            TensorElements::Reals => {
                let shift = self.numbers("shift", shift.data())?;
                Numbers::Real(shift.iter().map(|shift| -shift).collect())
            }
            TensorElements::Bytes => {
                let mut thresholds = Vec::new();
                for (channel, &shift) in shift.data().iter().enumerate() {
                    let threshold = threshold(shift).ok_or_else(|| {
                        self.refusal(format!(
                            "channel {channel} is shifted by {shift}: no byte reaches its threshold, expected one of 0 to 255"
                        ))
                    })?;
                    thresholds.push(threshold.into());
                }
                Numbers::Fixed(thresholds)
            }
        };
        self.step_node(Operation::Sign(thresholds), Values::Bits, shape);
        Ok(())
    }

    /// `scale * x + bias` per channel.
    pub(in crate::export) fn graph_affine<T: Real>(
        &mut self,
        affine: &Affine<T>,
    ) -> Result<(), ExportError> {
        let scale = self.numbers("scale of output", &affine.scale)?;
        let bias = self.numbers("bias of output", &affine.bias)?;
        self.flatten_now()?;
        let shape = self.columns(scale.len())?;
        if bias.len() != scale.len() {
            return Err(self.refuse_width(bias.len()));
        }
        match self.settled()? {
            TensorElements::Bits => {
                return Err(self.refusal("it computes with signs as if they were real numbers"));
            }
            TensorElements::Fixed(_) => {
                return Err(
                    self.refusal("it computes with fixed-point numbers as if they were real")
                );
            }
            _ => {}
        }
        let step = NodeEpilogue::Real { scale, bias };
        let graph = self.nodes();
        if graph.bare
            && let Some(node) = graph.nodes.last_mut()
            && let Operation::Product { epilogue, .. } = &mut node.operation
        {
            *epilogue = step;
            graph.bare = false;
            return Ok(());
        }
        self.step_node(Operation::Affine(step), Values::Real, shape);
        Ok(())
    }

    /// Clipping to [-1, 1].
    pub(in crate::export) fn graph_clip(&mut self) -> Result<(), ExportError> {
        if self.settled()? == TensorElements::Bits {
            return Ok(());
        }
        let clamp = Operation::Clamp {
            low: NodeNumber::Real(-1.0),
            high: NodeNumber::Real(1.0),
        };
        self.of_reals(clamp)
    }

    /// `max(x, 0)`: [`ops::relu`](crate::ops::relu).
    pub(crate) fn relu(&mut self) -> Result<(), ExportError> {
        self.is_graph()?;
        let at = self.number_tensor()?;
        let shape = self.nodes().shapes.get(at).copied().unwrap_or_default();
        let kind = self.kind_of_numbers();
        self.step_node(Operation::Relu, kind, shape);
        self.operations.account(Role::Rectify);
        Ok(())
    }

    /// `x` where `x >= 0`, else `slope * x`: [`ops::prelu`](crate::ops::prelu).
    pub(crate) fn prelu<T: Real>(&mut self, slope: &Tensor<T>) -> Result<(), ExportError> {
        self.is_graph()?;
        self.flatten_now()?;
        self.columns(slope.numel())?;
        let slopes = Slopes::Real(self.numbers("slope", slope.data())?);
        self.of_reals(Operation::Prelu(slopes))?;
        self.operations.account(Role::Rectify);
        Ok(())
    }

    /// `prelu(x + before) + after`: [`RPReLU`](crate::nn::RPReLU).
    pub(crate) fn rprelu<T: Real>(
        &mut self,
        before: &Tensor<T>,
        slope: &Tensor<T>,
        after: &Tensor<T>,
    ) -> Result<(), ExportError> {
        self.is_graph()?;
        self.flatten_now()?;
        for numbers in [before, slope, after] {
            self.columns(numbers.numel())?;
        }
        let operation = Operation::Rprelu {
            before: Numbers::Real(self.numbers("shift", before.data())?),
            slope: Slopes::Real(self.numbers("slope", slope.data())?),
            after: Numbers::Real(self.numbers("shift", after.data())?),
        };
        self.of_reals(operation)?;
        self.operations.account(Role::Affine);
        self.operations.account(Role::Rectify);
        self.operations.account(Role::Affine);
        Ok(())
    }

    /// The mean under each window: [`ops::avg_pool2d`](crate::ops::avg_pool2d).
    pub(crate) fn avg_pool2d(
        &mut self,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: Padding,
    ) -> Result<(), ExportError> {
        self.is_graph()?;
        let image = self.present_image()?;
        let pool = Pool2d::new(image, kernel, stride, padding);
        let pool = pool.map_err(|error| self.refusal(error.to_string()))?;
        self.number_tensor()?;
        let kind = self.kind_of_numbers();
        let [taps_high, taps_wide] = kernel;
        let taps = taps_high.saturating_mul(taps_wide);
        if kind != Values::Real && taps > MOST_TAPS {
            return Err(self.refusal(format!(
                "it takes the mean of {taps} fixed-point numbers, expected at most {MOST_TAPS}"
            )));
        }
        self.push_pool(pool, Operation::AveragePool(pool), kind);
        // The file rounds.
        self.nodes().unrounded = kind != Values::Real;
        Ok(())
    }

    /// The mean over the image, which is a row then:
    /// [`ops::global_avg_pool`](crate::ops::global_avg_pool).
    pub(crate) fn global_avg_pool(&mut self) -> Result<(), ExportError> {
        self.is_graph()?;
        let [height, width, _] = self.present_image()?;
        self.avg_pool2d([height, width], [1, 1], Padding::Valid)?;
        self.values = SampleShape::Row;
        Ok(())
    }

    /// The image without rows above and below, and columns left and right:
    /// [`ops::crop`](crate::ops::crop).
    pub(crate) fn crop(&mut self, cut_off: [usize; 4]) -> Result<(), ExportError> {
        self.is_graph()?;
        let [height, width, channels] = self.present_image()?;
        let [top, bottom, left, right] = cut_off;
        let of = |side: usize, [before, after]: [usize; 2]| {
            let rest = side.checked_sub(before)?.checked_sub(after)?;
            (rest > 0).then_some(rest)
        };
        let (Some(rows), Some(columns)) = (of(height, [top, bottom]), of(width, [left, right]))
        else {
            return Err(self.refusal(format!(
                "it cuts {top} + {bottom} rows and {left} + {right} columns off an image of {height} x {width}"
            )));
        };
        let kind = match self.settled()? {
            TensorElements::Bits => {
                self.tensor(0);
                Values::Bits
            }
            _ => {
                self.number_tensor()?;
                self.kind_of_numbers()
            }
        };
        let shape = [rows, columns, channels];
        self.step_node(Operation::Crop(cut_off), kind, shape);
        self.values = SampleShape::Image(shape);
        self.operations.account(Role::Crop);
        Ok(())
    }

    /// The largest under each window.
    pub(in crate::export) fn graph_max_pool(&mut self, pool: Pool2d) -> Result<(), ExportError> {
        let kind = match self.settled()? {
            TensorElements::Bits => Values::Bits,
            TensorElements::Reals => Values::Real,
            TensorElements::Fixed(exponent) => Values::Fixed { exponent },
            TensorElements::Bytes => {
                return Err(self.refusal("it pools the bytes of the model's input"));
            }
        };
        self.tensor(0);
        self.push_pool(pool, Operation::MaxPool(pool), kind);
        Ok(())
    }

    fn push_pool(&mut self, pool: Pool2d, operation: Operation, kind: Values) {
        let [height, width] = pool.windows().output_size();
        let shape = [height, width, pool.channels()];
        self.step_node(operation, kind, shape);
        self.values = SampleShape::Image(shape);
        self.operations.account(Role::Pool);
    }

    /// A step of each element of the tensor at hand, in real numbers.
    fn of_reals(&mut self, operation: Operation) -> Result<(), ExportError> {
        let at = self.real_tensor()?;
        let shape = self.nodes().shapes.get(at).copied().unwrap_or_default();
        self.step_node(operation, Values::Real, shape);
        Ok(())
    }

    /// The shape of the tensor at hand, which has `columns` channels.
    pub(super) fn columns(&mut self, columns: usize) -> Result<[usize; 3], ExportError> {
        let shape = self.tensor(columns);
        match shape[2] == columns {
            true => Ok(shape),
            false => Err(self.refuse_width(columns)),
        }
    }
}
