//! Windows of convolutions and pools.

use super::nodes::pair;
use super::value::Why;
use crate::onnx::Attribute;

/// The padding of an operator: as much as makes outputs of `ceil(input / stride)`.
pub(super) const SAME: i64 = 0;

/// A pool; pairs are vertical and horizontal.
pub(super) struct Pool {
    pub(super) kernel: [i64; 2],
    pub(super) strides: [i64; 2],
    pub(super) padding: i64,
}

/// Pairs are vertical and horizontal.
pub(super) struct Window {
    pub(super) kernel: [i64; 2],
    pub(super) strides: [i64; 2],
    pub(super) dilations: [i64; 2],
    pub(super) padding: i64,
}

impl Window {
    pub(super) fn attributes(&self) -> Vec<(&'static str, Attribute)> {
        vec![
            ("kernel_shape", pair(self.kernel)),
            ("strides", pair(self.strides)),
            ("dilations", pair(self.dilations)),
        ]
    }

    /// The padding above, below, left and right that "same" means, and the size of the output.
    pub(super) fn over(&self, image: [usize; 2]) -> Result<([usize; 4], [usize; 2]), Why> {
        let odd = || {
            format!(
                "windows of {:?} taps, strides {:?}, dilations {:?} and the padding {} on {image:?}",
                self.kernel, self.strides, self.dilations, self.padding
            )
        };
        let (mut sides, mut output) = ([0; 4], [0; 2]);
        for axis in 0..2 {
            let size = |n: i64| {
                usize::try_from(n)
                    .ok()
                    .filter(|n| (1..=1 << 16).contains(n))
            };
            let [kernel, stride, dilation] =
                [self.kernel, self.strides, self.dilations].map(|pair| size(pair[axis]));
            let (Some(kernel), Some(stride), Some(dilation)) = (kernel, stride, dilation) else {
                return Err(odd().into());
            };
            let reach = (kernel - 1) * dilation + 1;
            let input = image[axis];
            let all = match self.padding {
                SAME => {
                    let span = input.div_ceil(stride).saturating_sub(1) * stride;
                    (span + reach).saturating_sub(input)
                }
                1 => 0,
                _ => return Err(odd().into()),
            };
            sides[2 * axis] = all / 2;
            sides[2 * axis + 1] = all - all / 2;
            let room = (input + all).checked_sub(reach).ok_or_else(odd)?;
            output[axis] = room / stride + 1;
        }
        Ok((sides, output))
    }
}
