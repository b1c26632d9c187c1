//! Windows of convolutions and pools.

use bnn_core::conv::{Padding, Windows};
use bnn_core::internal::windows;

use super::nodes::pair;
use super::value::NotImported;
use crate::onnx::Attribute;

/// The padding of an operator: as much as makes outputs of `ceil(input / stride)`, or none.
pub(super) const SAME: i64 = 0;
const VALID: i64 = 1;

/// How an operator says its windows; pairs are vertical and horizontal.
pub(super) struct WindowOptions {
    pub(super) kernel: [i64; 2],
    pub(super) strides: [i64; 2],
    pub(super) dilations: [i64; 2],
    pub(super) padding: i64,
}

impl WindowOptions {
    pub(super) fn attributes(&self) -> Vec<(&'static str, Attribute)> {
        vec![
            ("kernel_shape", pair(self.kernel)),
            ("strides", pair(self.strides)),
            ("dilations", pair(self.dilations)),
        ]
    }

    /// The windows over images of `[height, width]`.
    pub(super) fn over(&self, image: [usize; 2]) -> Result<Windows, NotImported> {
        let refused = |why: String| {
            format!(
                "windows of {:?} taps, strides {:?}, dilations {:?} and the padding {} on \
                 {image:?}: {why}",
                self.kernel, self.strides, self.dilations, self.padding
            )
        };
        let sizes = |pair: [i64; 2]| -> Result<[usize; 2], NotImported> {
            match pair.map(usize::try_from) {
                [Ok(height), Ok(width)] => Ok([height, width]),
                _ => Err(refused(format!("expected sizes, found {pair:?}")).into()),
            }
        };
        let padding = match self.padding {
            SAME => Padding::Same,
            VALID => Padding::Valid,
            other => {
                return Err(refused(format!("expected a padding of 0 or 1, found {other}")).into());
            }
        };
        let (kernel, strides) = (sizes(self.kernel)?, sizes(self.strides)?);
        let windows = windows(image, kernel, strides, sizes(self.dilations)?, padding);
        Ok(windows.map_err(|error| refused(error.to_string()))?)
    }
}
