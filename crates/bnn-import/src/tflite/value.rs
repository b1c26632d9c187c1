//! What came of tensors of a file, and why of some nothing comes.

use super::schema::Operator;
use crate::ImportError;

/// The value that a tensor of the file became.
#[derive(Clone, Debug)]
pub(super) struct NodeValue {
    pub(super) name: String,
    /// `[batch, height, width, channels]` or `[batch, features]`; of signs, without packing.
    pub(super) shape: Vec<usize>,
    /// The image that was flattened, if there was one of several pixels.
    pub(super) flat: Option<[usize; 3]>,
    pub(super) is_packed: bool,
    /// What its numbers stand for, if they are those of a tensor of 8-bit integers.
    pub(super) grid: Option<Grid>,
}

/// A tensor's 8-bit integer `q` stands for `scale * (q - zero)`. Values of the graph are
/// `q - zero`, in floats: sums of their products with weights of 8 bits are exact as long as they
/// stay below 2^24. Beyond, each addition rounds by at most 1 in 2^24 of its sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grid {
    pub(super) scale: f32,
    pub(super) zero: i32,
}

impl Grid {
    /// The least and the greatest integer less the zero point that an operator with this activation
    /// makes.
    pub(super) fn bounds(&self, activation: i64) -> Result<[i32; 2], NotImported> {
        let (least, most) = (-128 - self.zero, 127 - self.zero);
        let level = |number: f32| (number / self.scale).round() as i32;
        let (low, high) = match activation {
            0 => (least, most),
            1 => (0, most),
            2 => (level(-1.0), level(1.0)),
            3 => (0, level(6.0)),
            other => return Err(format!("the activation {other}").into()),
        };
        Ok([low.clamp(least, most), high.clamp(least, most)])
    }
}

pub(super) fn refused(label: &str, operator: &Operator<'_>, why: impl Into<String>) -> ImportError {
    ImportError::Node {
        name: label.to_owned(),
        op: operator.op.clone(),
        why: why.into(),
    }
}

/// Why an operator is not brought over.
pub(super) enum NotImported {
    Refused(String),
    Failed(ImportError),
}

impl From<String> for NotImported {
    fn from(why: String) -> Self {
        Self::Refused(why)
    }
}

impl From<&str> for NotImported {
    fn from(why: &str) -> Self {
        Self::Refused(why.to_owned())
    }
}

impl From<ImportError> for NotImported {
    fn from(error: ImportError) -> Self {
        Self::Failed(error)
    }
}

pub(super) fn image(x: &NodeValue) -> Result<[usize; 4], NotImported> {
    let image = <[usize; 4]>::try_from(&x.shape[..]);
    image.map_err(|_| format!("expected images, found a value of {:?}", x.shape).into())
}

/// An option of a custom operator.
pub(super) fn option(operator: &Operator<'_>, name: &str) -> Result<i64, NotImported> {
    let found = operator.custom.and_then(|options| options.int(name));
    found.ok_or_else(|| format!("expected the option {name}, found none").into())
}

impl NodeValue {
    /// What a 1 stands for.
    pub(super) fn unit(&self) -> f32 {
        self.grid.map_or(1.0, |grid| grid.scale)
    }
}
