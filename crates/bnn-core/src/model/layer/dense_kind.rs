//! In the place of `kind` where the feature `conv` is off: the one operation that layers have.

use core::fmt;

/// The operation of a layer.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum LayerKind {
    /// A fully connected layer.
    Dense,
}

impl fmt::Display for LayerKind {
    /// `dense`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dense")
    }
}

impl LayerKind {
    /// There are no pools.
    pub(super) fn pool_window(&self) -> Option<[usize; 2]> {
        None
    }
}
