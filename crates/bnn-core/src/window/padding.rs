//! The padding around an image.

/// The padding around an image, which a window may reach into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// No padding: windows stay inside the image.
    #[default]
    Valid,
    /// Enough padding for an output of `ceil(input / stride)`, half of it before and half of it
    /// after the image. If the total is odd, the larger part comes after, as in TensorFlow; with a
    /// stride of 1 and an odd kernel all frameworks agree.
    Same,
    /// The given number of pixels on each side.
    Explicit {
        /// Rows above the image.
        top: usize,
        /// Rows below the image.
        bottom: usize,
        /// Columns to the left of the image.
        left: usize,
        /// Columns to the right of the image.
        right: usize,
    },
}

impl Padding {
    /// Pixels before and after the image on each axis; `None` for [`Padding::Same`].
    pub(super) fn explicit(self) -> [Option<[usize; 2]>; 2] {
        match self {
            Padding::Valid => [Some([0, 0]); 2],
            Padding::Same => [None; 2],
            Padding::Explicit {
                top,
                bottom,
                left,
                right,
            } => [Some([top, bottom]), Some([left, right])],
        }
    }
}
