//! Without the feature `int8`, filters for single channels are filters like others.

use super::ending::Ending;
use super::node::NodeParts;
use super::tensor::RowMut;
use super::windowed::WindowRow;

/// See the module with the feature.
pub(super) const fn is_depthwise(_: &NodeParts<'_>) -> bool {
    false
}

/// Computes nothing, for there are no such products.
pub(super) const fn of_channels(
    _: &NodeParts<'_>,
    _: &WindowRow<'_>,
    _: &[i8],
    _: &Ending<'_>,
    _: &mut RowMut<'_>,
) {
}
