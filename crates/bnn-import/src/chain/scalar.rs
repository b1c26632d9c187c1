//! Functions of one number, with parameters for each channel: what lies between two products.
//!
//! Each of them is monotone, in `f32` with its roundings too, so that what a chain of them makes of
//! integer sums changes from one of two values to the other at one sum at most.

use super::batch_norm::BatchNorm;
use super::quantizer::Quantizer;

#[derive(Clone, Debug)]
pub(crate) enum Scalar {
    Add(Vec<f32>),
    Subtract(Vec<f32>),
    /// The parameter less the number.
    SubtractFrom(Vec<f32>),
    Multiply(Vec<f32>),
    Divide(Vec<f32>),
    BatchNorm(BatchNorm),
    Clip {
        least: f32,
        most: f32,
    },
    /// +1 where the number is at least 0, else -1. ONNX's sign of 0 is 0: the node that said so.
    Sign {
        node: String,
    },
    /// The scale where the number is at least 0, else its negative.
    Bipolar(Vec<f32>),
    /// 1 where it is true of the number and the parameter, else 0.
    Compare(Relation, Vec<f32>),
    /// One parameter where the number is not 0, else the other.
    Select {
        yes: Vec<f32>,
        no: Vec<f32>,
    },
    Quantize(Quantizer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Scalar {
    /// What it makes of a number of channel `c`.
    pub(crate) fn apply(&self, c: usize, x: f32) -> f32 {
        match self {
            Self::Add(a) => x + a[c],
            Self::Subtract(a) => x - a[c],
            Self::SubtractFrom(a) => a[c] - x,
            Self::Multiply(a) => x * a[c],
            Self::Divide(a) => x / a[c],
            Self::BatchNorm(norm) => norm.apply(c, x),
            Self::Clip { least, most } => x.max(*least).min(*most),
            Self::Sign { .. } => sign(x),
            Self::Bipolar(scale) => scale[c] * sign(x),
            Self::Compare(comparison, a) => {
                let is = match comparison {
                    Relation::Greater => x > a[c],
                    Relation::GreaterOrEqual => x >= a[c],
                    Relation::Less => x < a[c],
                    Relation::LessOrEqual => x <= a[c],
                };
                f32::from(u8::from(is))
            }
            Self::Select { yes, no } => {
                if x == 0.0 {
                    no[c]
                } else {
                    yes[c]
                }
            }
            Self::Quantize(levels) => levels.apply(x),
        }
    }

    /// How many lists of a number for each channel it has.
    pub(crate) fn lists(&self) -> usize {
        match self {
            Self::Add(_)
            | Self::Subtract(_)
            | Self::SubtractFrom(_)
            | Self::Multiply(_)
            | Self::Divide(_)
            | Self::Bipolar(_)
            | Self::Compare(..) => 1,
            Self::Select { .. } => 2,
            Self::BatchNorm(_) => 4,
            Self::Clip { .. } | Self::Sign { .. } | Self::Quantize(_) => 0,
        }
    }

    /// The parameters of the only channel become those of `channels`.
    pub(crate) fn spread(&mut self, channels: usize) {
        let spread = |list: &mut Vec<f32>| {
            if let &[one] = list.as_slice() {
                *list = vec![one; channels];
            }
        };
        match self {
            Self::Add(a)
            | Self::Subtract(a)
            | Self::SubtractFrom(a)
            | Self::Multiply(a)
            | Self::Divide(a)
            | Self::Bipolar(a)
            | Self::Compare(_, a) => spread(a),
            Self::Select { yes, no } => [yes, no].into_iter().for_each(spread),
            Self::BatchNorm(norm) => {
                let lists = [
                    &mut norm.scale,
                    &mut norm.bias,
                    &mut norm.mean,
                    &mut norm.factor,
                ];
                lists.into_iter().for_each(spread);
            }
            Self::Clip { .. } | Self::Sign { .. } | Self::Quantize(_) => {}
        }
    }

    /// Whether it falls in channel `c`.
    pub(crate) fn falls(&self, c: usize) -> bool {
        match self {
            Self::SubtractFrom(_) => true,
            Self::Multiply(a) | Self::Divide(a) | Self::Bipolar(a) => a[c] < 0.0,
            Self::BatchNorm(norm) => norm.scale[c] < 0.0,
            Self::Compare(comparison, _) => {
                matches!(comparison, Relation::Less | Relation::LessOrEqual)
            }
            Self::Select { yes, no } => yes[c] < no[c],
            _ => false,
        }
    }

    /// `(scale, bias)` of channel `c`, if it is a linear function.
    pub(crate) fn linear(&self, c: usize) -> Option<(f64, f64)> {
        Some(match self {
            Self::Add(a) => (1.0, a[c].into()),
            Self::Subtract(a) => (1.0, -f64::from(a[c])),
            Self::SubtractFrom(a) => (-1.0, a[c].into()),
            Self::Multiply(a) => (a[c].into(), 0.0),
            Self::Divide(a) => (f64::from(a[c]).recip(), 0.0),
            Self::BatchNorm(norm) => {
                let scale = f64::from(norm.scale[c]) * f64::from(norm.factor[c]);
                let mean = f64::from(norm.mean[c]);
                (scale, f64::from(norm.bias[c]) - mean * scale)
            }
            _ => return None,
        })
    }
}

fn sign(x: f32) -> f32 {
    if x >= 0.0 { 1.0 } else { -1.0 }
}

/// What all of them make of a number of channel `c`, one after the other.
pub(crate) fn apply_all<'s>(
    scalars: impl IntoIterator<Item = &'s Scalar>,
    c: usize,
    x: f32,
) -> f32 {
    let scalars = scalars.into_iter();
    scalars.fold(x, |x, scalar| scalar.apply(c, x))
}
