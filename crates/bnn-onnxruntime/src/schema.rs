//! Names of the operators and of their attributes, for those who write nodes and those who run
//! them. `docs/ONNX_RUNTIME.md` describes what each computes.

use std::ffi::CStr;

/// The operator domain of our nodes in ONNX files.
pub const DOMAIN: &str = "bnn";

/// The version of the operators in it.
pub(crate) const VERSION: i64 = 1;

/// [`DOMAIN`] for C.
pub(crate) const DOMAIN_C: &CStr = c"bnn";

/// Types of nodes.
pub(crate) mod op {
    use super::CStr;

    pub(crate) const PACK: &CStr = c"PackSigns";
    pub(crate) const UNPACK: &CStr = c"UnpackSigns";
    pub(crate) const LINEAR: &CStr = c"BinaryLinear";
    pub(crate) const LINEAR_BITS: &CStr = c"BinaryLinearBits";
    pub(crate) const CONV: &CStr = c"BinaryConv2d";
    pub(crate) const CONV_BITS: &CStr = c"BinaryConv2dBits";
    pub(crate) const ORDERED_CONV: &CStr = c"OrderedConv2d";
    pub(crate) const MAX_POOL: &CStr = c"MaxPoolBits";
    pub(crate) const AVERAGE_POOL: &CStr = c"OrderedAveragePool";
}

/// Attributes of nodes; windows have the names that they have in ONNX.
pub(crate) mod attribute {
    use super::CStr;

    pub(crate) const CHANNELS: &CStr = c"channels";
    pub(crate) const KERNEL: &CStr = c"kernel_shape";
    pub(crate) const STRIDES: &CStr = c"strides";
    pub(crate) const DILATIONS: &CStr = c"dilations";
    /// Above, left of, below and right of the image.
    pub(crate) const PADS: &CStr = c"pads";
    pub(crate) const GROUP: &CStr = c"group";
    pub(crate) const PAD_VALUE: &CStr = c"pad_value";
}
