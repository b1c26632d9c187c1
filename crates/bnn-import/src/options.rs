//! The options of an import.

/// The options of an import. The default suits a network of images whose bytes were divided by
/// 255.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The relation of the network's input to the model's.
    pub inputs: Inputs,
    /// The sign of 0 that the network was trained with.
    pub sign_of_zero: SignOfZero,
    /// The memory and work that a file may ask for.
    pub limits: Limits,
}

/// The relation of the network's input to the model's.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Inputs {
    /// The model takes bytes; the network was trained on `(byte * scale - mean) / deviation`.
    Bytes {
        /// The factor of a byte, whose product is rounded to `f32`: 1/255 where pixels were from 0
        /// to 1.
        scale: f64,
        /// The numbers that are subtracted then: one for each channel, one for all, or none.
        mean: Vec<f32>,
        /// The numbers to divide by then: one for each channel, one for all, or none.
        deviation: Vec<f32>,
    },
    /// The model takes bits; the network was trained on -1 and +1.
    Bits,
}

impl Default for Inputs {
    /// Bytes, divided by 255.
    fn default() -> Self {
        Self::Bytes {
            scale: 1.0 / 255.0,
            mean: Vec::new(),
            deviation: Vec::new(),
        }
    }
}

/// The sign of 0 in the network. In a model file it is always +1, in ONNX it is 0: where a sum of
/// the network can be 0, file and network can differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignOfZero {
    /// 0, as in ONNX: a network whose scores depend on it is refused.
    #[default]
    AsOnnx,
    /// +1: the network was trained with it.
    PlusOne,
}

/// The memory and work that a file may ask for. An import that needs more is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together.
    pub file_bytes: u64,
    /// Bytes of memory for what is read of the files, for all values of a run of the network, and
    /// for the constants that it becomes in a model.
    pub memory_bytes: u64,
    /// Operations of the float interpretation, over all runs.
    pub operations: u64,
    /// Samples that network and model are compared on, at least one. There are fewer if so many
    /// take more than these operations.
    pub samples: usize,
}

impl Default for Limits {
    /// 512 MiB of files, 1 GiB of memory, 2^33 operations (ten seconds to a minute), 64
    /// samples.
    fn default() -> Self {
        Self {
            file_bytes: 512 << 20,
            memory_bytes: 1 << 30,
            operations: 1 << 33,
            samples: 64,
        }
    }
}
