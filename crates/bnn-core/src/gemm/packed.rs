//! Weights laid out once for a kernel.

use alloc::vec;
use alloc::vec::Vec;

use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::kernel::Kernel;
use crate::shape::{matrix_words, mul, row_words};

/// Weights `[n, k]` in the layout of one kernel, which they remember: a product uses that kernel, so
/// layout and kernel cannot disagree.
///
/// Takes `n` rounded up to the kernel's panel (at most 64 rows), times `row_words(k)` words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedWeights {
    /// `[n / nr][word][nr]`, each `[nr]` in the kernel's own order.
    panels: Vec<u64>,
    rows: usize,
    cols: usize,
    kernel: &'static Kernel,
}

impl PackedWeights {
    /// Lays `weights` out for the active kernel.
    ///
    /// # Errors
    /// As [`Kernel::active`].
    pub fn new(weights: BitMatrixView<'_>) -> Result<Self, Error> {
        Self::for_kernel(Kernel::active()?, weights)
    }

    /// Lays `weights` out for the given kernel.
    ///
    /// # Errors
    /// A size that overflows when rounded up to panels.
    pub fn for_kernel(kernel: &'static Kernel, weights: BitMatrixView<'_>) -> Result<Self, Error> {
        let (rows, cols, nr) = (weights.rows(), weights.cols(), kernel.nr());
        let padded = mul("rows rounded up to panels", rows.div_ceil(nr), nr)?;
        let mut panels = vec![0; matrix_words(padded, cols)?];
        let panel_words = nr * row_words(cols);
        let sources = weights.words().chunks(panel_words);
        for (panel, source) in panels.chunks_exact_mut(panel_words).zip(sources) {
            for (j, row) in source.chunks_exact(row_words(cols)).enumerate() {
                for (group, word) in panel.chunks_exact_mut(nr).zip(row) {
                    group[j] = *word;
                }
            }
            panel
                .chunks_exact_mut(nr)
                .for_each(|group| kernel.arrange(group));
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
        &self.panels
    }
}
