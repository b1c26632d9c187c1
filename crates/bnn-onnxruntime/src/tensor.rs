//! The inputs and outputs of a node.

use std::ffi::CStr;

use bnn_core::model::ModelError;
use bnn_core::{Error, row_words};

/// Why a node is refused or cannot be computed: what was wrong and what was expected.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) String);

impl Refusal {
    /// With the type of the node.
    pub(crate) fn of(self, op: &CStr) -> Self {
        Self(format!("{}: {}", op.to_string_lossy(), self.0))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl From<ModelError> for Refusal {
    fn from(error: ModelError) -> Self {
        Self(error.to_string())
    }
}

/// A refusal in words.
pub(crate) fn refused<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(why.into()))
}

/// The type of a tensor's elements, by the numbers of ONNX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    F32 = 1,
    U8 = 2,
    I32 = 6,
    /// The type of shapes, which no operator of ours reads.
    I64 = 7,
    U64 = 13,
}

/// Elements of a tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Data<'a> {
    F32(&'a [f32]),
    U8(&'a [u8]),
    I32(&'a [i32]),
    /// Words of packed signs.
    U64(&'a [u64]),
}

/// A tensor that is read.
#[derive(Clone, Debug)]
pub(crate) struct Tensor<'a> {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Data<'a>,
}

impl<'a> Tensor<'a> {
    /// The words of an input `X` of which a pixel or a row has `channels` signs.
    pub(crate) fn words(&self, channels: usize) -> Result<&'a [u64], Refusal> {
        match self.data {
            Data::U64(words) if self.last() == row_words(channels) => Ok(words),
            _ => refused(format!(
                "the input X: expected a last side of {} words (uint64) for {channels} channels, \
                 found a shape of {:?}",
                row_words(channels),
                self.shape
            )),
        }
    }

    /// Refuses an input `X` of numbers of which a pixel or a row has not `channels`.
    pub(crate) fn check_channels(&self, channels: usize) -> Result<(), Refusal> {
        match self.last() == channels {
            true => Ok(()),
            false => refused(format!(
                "the input X: expected a last side of {channels} channels, found a shape of {:?}",
                self.shape
            )),
        }
    }

    /// The last side; 1 if there is none.
    pub(crate) fn last(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// The number of elements; for words, of the signs in them.
    pub(crate) fn len(&self) -> usize {
        match self.data {
            Data::F32(x) => x.len(),
            Data::U8(x) => x.len(),
            Data::I32(x) => x.len(),
            Data::U64(x) => x.len().saturating_mul(64),
        }
    }

    /// Elements without the last side: how many rows it has.
    pub(crate) fn rows(&self) -> usize {
        let (_, front) = self.shape.split_last().unwrap_or((&1, &[]));
        // The tensor is there, so that no overflow can be.
        front.iter().product()
    }

    /// Its sides but the last, and another last one.
    pub(crate) fn with_last(&self, last: usize) -> Vec<usize> {
        let mut shape = self.shape.clone();
        match shape.last_mut() {
            Some(side) => *side = last,
            None => shape.push(last),
        }
        shape
    }

    /// `[batch, height, width, channels or words]` of images.
    pub(crate) fn image(&self) -> Result<[usize; 4], Refusal> {
        <[usize; 4]>::try_from(&self.shape[..]).map_err(|_| {
            Refusal(format!(
                "expected images [batch, height, width, channels], found a shape of {:?}",
                self.shape
            ))
        })
    }
}

/// An input of numbers with one number for each of `n` channels.
pub(crate) fn per_channel(
    name: &str,
    input: Option<&Tensor<'_>>,
    n: usize,
) -> Result<Option<Vec<f32>>, Refusal> {
    let Some(tensor) = input else {
        return Ok(None);
    };
    match tensor.data {
        Data::F32(numbers) if numbers.len() == n => Ok(Some(numbers.to_vec())),
        _ => refused(format!(
            "{name}: expected {n} numbers in float32, found a shape of {:?}",
            tensor.shape
        )),
    }
}
