//! Weights laid out once for a kernel.

use super::weights::{Resolved, Storage, Weights};
use crate::aligned::AlignedWords;
use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::kernel::micro_kernel::Block;
use crate::kernel::{Kernel, NR, Sums};
use crate::shape::{matrix_words, mul, row_len, row_words};

/// Weights `[n, k]` in the layout of one kernel, which they remember: a product uses that kernel,
/// so layout and kernel cannot disagree.
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
    /// A size that overflows when rounded up to panels; [`Error::OutOfMemory`]; otherwise as
    /// [`Kernel::active`].
    pub fn new(weights: BitMatrixView<'_>) -> Result<Self, Error> {
        Self::for_kernel(Kernel::active()?, weights)
    }

    /// Lays `weights` out for the given kernel.
    ///
    /// # Errors
    /// A size that overflows when rounded up to panels; [`Error::OutOfMemory`].
    pub(crate) fn for_kernel(
        kernel: &'static Kernel,
        weights: BitMatrixView<'_>,
    ) -> Result<Self, Error> {
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

    /// Bytes of the panels.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.panels.words())
    }

    /// The kernel whose layout this is.
    #[doc(hidden)]
    #[must_use]
    pub fn kernel(&self) -> &'static Kernel {
        self.kernel
    }

    pub(super) fn panels(&self) -> &[u64] {
        self.panels.words()
    }
}

impl<'w> From<&'w PackedWeights> for Weights<'w> {
    fn from(packed: &'w PackedWeights) -> Self {
        Self {
            storage: Storage::Panels(packed.panels()),
            rows: packed.rows(),
            cols: packed.cols(),
            kernel: Some(packed.kernel()),
        }
    }
}

impl<'w> Weights<'w> {
    /// Chooses the kernel that multiplies `rows` rows with these weights.
    pub(crate) fn resolve(self, rows: usize) -> Result<Resolved<'w>, Error> {
        let kernel = match self.kernel {
            Some(kernel) => kernel,
            None => Kernel::active()?,
        };
        let kernel = match self.storage {
            Storage::Panels(_) => kernel.for_size(rows, row_len(self.cols), self.rows),
            Storage::Canonical(_) => kernel,
        };
        Ok(Resolved {
            weights: self,
            kernel,
        })
    }
}

impl<'w> Resolved<'w> {
    /// The rows of weights from `first` on, each of `words` words; nothing, if they are in panels.
    pub(crate) fn canonical_rows(&self, first: usize, words: usize) -> &'w [u64] {
        match self.weights.storage {
            Storage::Canonical(weights) => weights.get(first * words..).unwrap_or_default(),
            Storage::Panels(_) => &[],
        }
    }

    /// Words of room for laying out `rows` rows of `words` words for these weights.
    pub(super) fn block_words(&self, rows: usize, words: usize) -> usize {
        match self.weights.storage {
            Storage::Panels(_) => self.kernel.block_words(rows, words),
            Storage::Canonical(_) => 0,
        }
    }

    /// Lays rows out for the kernel in the first words of `room`, or returns them as they are.
    pub(super) fn fill_block<'s>(&self, rows: &'s [u64], room: &'s mut [u64]) -> &'s [u64] {
        match self.weights.storage {
            Storage::Panels(_) => {
                let words = row_words(self.weights.cols);
                let block = self.kernel.block_words(rows.len() / words, words);
                let room = room.get_mut(..block).unwrap_or_default();
                self.kernel.fill_block(rows, words, room)
            }
            Storage::Canonical(_) => rows,
        }
    }

    /// Sums of `rows` rows of signs, laid out as `block`, against the weight rows from `NR * panel`
    /// on: `sums[r].0[j]`. Sums past the last weight row mean nothing.
    pub(super) fn multiply(&self, rows: usize, block: &[u64], panel: usize, sums: &mut [Sums]) {
        let words = row_words(self.weights.cols);
        match self.weights.storage {
            Storage::Panels(panels) => {
                let block = Block {
                    layout: block,
                    rows,
                    words,
                    k: self.weights.cols as u32,
                };
                let panels = panels
                    .chunks_exact(self.kernel.panel_words(words))
                    .nth(panel);
                self.kernel
                    .multiply(block, panels.unwrap_or_default(), sums);
            }
            Storage::Canonical(_) => {
                for (row, sums) in block.chunks_exact(words).zip(sums) {
                    self.sums(row, NR * panel, &mut sums.0);
                }
            }
        }
    }
}
