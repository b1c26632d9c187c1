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

    /// Sums of up to `mr` rows of signs against the `nr` weight rows from `nr * panel` on, as
    /// [`SignTile`](crate::kernel::SignTile); past the last weight row they mean nothing.
    pub(super) fn signs(&self, rows: &[&[u64]], panel: usize, sums: &mut [i32]) {
        let k = self.weights.cols as u32;
        match self.weights.layout {
            #[cfg(feature = "alloc")]
            Layout::Panels(panels) => self.kernel.signs(rows, self.panel(panels, panel), k, sums),
            Layout::Canonical(canonical) => {
                for (j, weights) in self.rows_of_panel(canonical, panel).enumerate() {
                    for (row, sums) in rows.iter().zip(sums.chunks_exact_mut(self.kernel.nr())) {
                        let count = self.kernel.count(row, weights);
                        if let Some(sum) = sums.get_mut(j) {
                            *sum = k.wrapping_sub(count << 1).cast_signed();
                        }
                    }
                }
            }
        }
    }

    /// Sums of a sample of bit planes against the same weight rows, as
    /// [`PlaneTile`](crate::kernel::PlaneTile).
    pub(super) fn planes(&self, rows: &[&[u64]], panel: usize, sums: &mut [i32]) {
        match self.weights.layout {
            #[cfg(feature = "alloc")]
            Layout::Panels(panels) => self.kernel.planes(rows, self.panel(panels, panel), sums),
            Layout::Canonical(canonical) => {
                let Some((zero, planes)) = rows.split_first() else {
                    return;
                };
                for (sum, weights) in sums.iter_mut().zip(self.rows_of_panel(canonical, panel)) {
                    let count = self.kernel.count(zero, weights);
                    let mut total = (count << planes.len()).wrapping_sub(count);
                    for (b, plane) in planes.iter().enumerate() {
                        total = total.wrapping_sub(self.kernel.count(plane, weights) << b);
                    }
                    *sum = total.cast_signed();
                }
            }
        }
    }

    #[cfg(feature = "alloc")]
    fn panel<'w>(&self, panels: &'w [u64], panel: usize) -> &'w [u64] {
        let words = self.kernel.nr() * row_words(self.weights.cols);
        panels.chunks_exact(words).nth(panel).unwrap_or_default()
    }

    fn rows_of_panel<'w>(
        &self,
        canonical: &'w [u64],
        panel: usize,
    ) -> core::slice::ChunksExact<'w, u64> {
        let words = row_words(self.weights.cols);
        let rows = canonical.chunks(self.kernel.nr() * words).nth(panel);
        rows.unwrap_or_default().chunks_exact(words)
    }
}
