//! Weights laid out once for a kernel.

use crate::aligned::AlignedWords;
use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::kernel::{Kernel, NR};
use crate::shape::{matrix_words, mul, row_words};

/// Weights `[n, k]` in the layout of one kernel, which they remember: a product uses that kernel, so
/// layout and kernel cannot disagree.
///
/// Takes about as many bytes as the bits do, `n` rounded up to a multiple of 32.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedWeights {
    /// The kernel's panels, one after the other.
    panels: AlignedWords,
    rows: usize,
    cols: usize,
    kernel: &'static Kernel,
}

impl PackedWeights {
    /// Lays `weights` out for the active kernel.
    ///
    /// # Errors
    /// As [`PackedWeights::for_kernel`] and [`Kernel::active`].
    pub fn new(weights: BitMatrixView<'_>) -> Result<Self, Error> {
        Self::for_kernel(Kernel::active()?, weights)
    }

    /// Lays `weights` out for the given kernel.
    ///
    /// # Errors
    /// A size that overflows when rounded up to panels; [`Error::OutOfMemory`].
    pub fn for_kernel(kernel: &'static Kernel, weights: BitMatrixView<'_>) -> Result<Self, Error> {
        let (rows, cols) = (weights.rows(), weights.cols());
        let words = row_words(cols);
        let panels = rows.div_ceil(NR);
        // A kernel may round the words of a row up.
        matrix_words(
            mul("rows rounded up to panels", panels, NR)?,
            mul("k", cols, 2)?,
        )?;
        let panel_words = kernel.panel_words(words);
        let mut panels = AlignedWords::try_zeros(mul("words of panels", panels, panel_words)?)?;
        let sources = weights.words().chunks(NR * words);
        for (panel, source) in panels
            .words_mut()
            .chunks_exact_mut(panel_words)
            .zip(sources)
        {
            kernel.fill_panel(source, words, panel);
        }
        Ok(Self {
            panels,
            rows,
            cols,
            kernel,
        })
    }

    /// Number of outputs, `n`.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Elements per output, `k`.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The kernel whose layout this is.
    #[must_use]
    pub fn kernel(&self) -> &'static Kernel {
        self.kernel
    }

    pub(super) fn panels(&self) -> &[u64] {
        self.panels.words()
    }
}
