//! The right side of a product, in either layout, together with the kernel that will read it.

#[cfg(feature = "alloc")]
use super::packed::PackedWeights;
use crate::bits::BitMatrixView;
use crate::error::Error;
use crate::kernel::Kernel;
use crate::shape::row_words;

/// The right side of a product, `[n, k]`: made from a [`PackedWeights`], which knows its kernel, or
/// from the canonical rows of a [`BitMatrixView`], which any kernel reads in place (a model in
/// flash), slower for many samples.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'w> {
    layout: Layout<'w>,
    rows: usize,
    cols: usize,
    /// `None`: the active one.
    kernel: Option<&'static Kernel>,
}

#[derive(Clone, Copy, Debug)]
enum Layout<'w> {
    /// `[n / nr][word][nr]`, `n` rounded up to panels with zero rows.
    #[cfg(feature = "alloc")]
    Panels(&'w [u64]),
    /// `[n][word]`.
    Canonical(&'w [u64]),
}

impl<'w> Weights<'w> {
    /// Canonical rows, to be read by a kernel other than the active one.
    #[must_use]
    pub fn canonical(rows: BitMatrixView<'w>, kernel: &'static Kernel) -> Self {
        Self {
            kernel: Some(kernel),
            ..Self::from(rows)
        }
    }

    /// Bits per row.
    pub(super) fn cols(&self) -> usize {
        self.cols
    }

    pub(super) fn resolve(self) -> Result<Resolved<'w>, Error> {
        let kernel = match self.kernel {
            Some(kernel) => kernel,
            None => Kernel::active()?,
        };
        Ok(Resolved {
            weights: self,
            kernel,
        })
    }
}

impl<'w> From<BitMatrixView<'w>> for Weights<'w> {
    fn from(bits: BitMatrixView<'w>) -> Self {
        Self {
            layout: Layout::Canonical(bits.words()),
            rows: bits.rows(),
            cols: bits.cols(),
            kernel: None,
        }
    }
}

#[cfg(feature = "alloc")]
impl<'w> From<&'w PackedWeights> for Weights<'w> {
    fn from(packed: &'w PackedWeights) -> Self {
        Self {
            layout: Layout::Panels(packed.panels()),
            rows: packed.rows(),
            cols: packed.cols(),
            kernel: Some(packed.kernel()),
        }
    }
}

/// Weights whose kernel is known.
#[derive(Clone, Copy)]
pub(super) struct Resolved<'w> {
    weights: Weights<'w>,
    kernel: &'static Kernel,
}

impl Resolved<'_> {
    pub(super) fn kernel(&self) -> &'static Kernel {
        self.kernel
    }

    /// Number of outputs, `n`.
    pub(super) fn rows(&self) -> usize {
        self.weights.rows
    }

    /// Counts mismatches between up to `mr` rows and the `nr` weight rows from `nr * panel` on;
    /// those past the last weight row are left out or count garbage, by layout.
    pub(super) fn counts(&self, rows: &[&[u64]], panel: usize, counts: &mut [u32]) {
        let (nr, words) = (self.kernel.nr(), row_words(self.weights.cols));
        let panel_words = nr * words;
        match self.weights.layout {
            #[cfg(feature = "alloc")]
            Layout::Panels(panels) => {
                let panel = panels.chunks_exact(panel_words).nth(panel);
                self.kernel.tile(rows, panel.unwrap_or_default(), counts);
            }
            Layout::Canonical(canonical) => {
                let panel = canonical.chunks(panel_words).nth(panel);
                let panel = panel.unwrap_or_default().chunks_exact(words);
                for (j, weights) in panel.enumerate() {
                    for (row, counts) in rows.iter().zip(counts.chunks_exact_mut(nr)) {
                        if let Some(count) = counts.get_mut(j) {
                            *count = self.kernel.count(row, weights);
                        }
                    }
                }
            }
        }
    }
}
