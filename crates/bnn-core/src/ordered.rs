//! Products of `f32` in a stated order: every product and every sum is rounded, in the order of the
//! elements, never fused. So a result is the same on every machine, which no other float product
//! promises. Vectors run over the outputs.

use alloc::vec::Vec;

use crate::error::Error;
use crate::kernel::loops::Loop;
use crate::kernel::vectorised;
use crate::memory;
use crate::shape::{equal, mul, nonzero, positive};

/// Outputs that are summed side by side.
const PANEL: usize = 16;

/// Rows that are multiplied at once.
const ROWS: usize = 4;

/// Weights `[n, k]`, laid out for such products.
#[derive(Clone, Debug)]
pub struct OrderedWeights {
    /// One `[k, PANEL]` for each panel of outputs, with zeros after the last output.
    panels: Vec<f32>,
    n: usize,
    k: usize,
}

impl OrderedWeights {
    /// Lays out weights `[n, k]`.
    ///
    /// # Errors
    /// Sizes of 0; weights of another length; [`Error::OutOfMemory`].
    pub fn new(weights: &[f32], n: usize, k: usize) -> Result<Self, Error> {
        nonzero("outputs", n)?;
        nonzero("elements of a row", k)?;
        equal("weights", mul("weights", n, k)?, weights.len())?;
        let panel = mul("weights of a panel", k, PANEL)?;
        let mut panels = memory::zeros(mul("weights", n.div_ceil(PANEL), panel)?)?;
        let rows = weights
            .chunks_exact(k * PANEL)
            .chain([weights.chunks_exact(k * PANEL).remainder()]);
        for (panel, rows) in panels.chunks_exact_mut(panel).zip(rows) {
            for (output, row) in rows.chunks_exact(k).enumerate() {
                for (place, w) in panel.chunks_exact_mut(PANEL).zip(row) {
                    if let Some(place) = place.get_mut(output) {
                        *place = *w;
                    }
                }
            }
        }
        Ok(Self { panels, n, k })
    }

    /// Bytes of the panels.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.panels[..])
    }

    /// `y[i, o] = (..((+0 + x[i, 0] * w[o, 0]) + x[i, 1] * w[o, 1]) ..)` for rows `x`, `[m, k]`,
    /// and `y`, `[m, n]`.
    ///
    /// # Errors
    /// `x` or `y` of another length than whole rows of the same number.
    pub fn multiply(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        let (n, k) = (positive(self.n), positive(self.k));
        let m = x.len() / k;
        equal("elements of the rows", m * k, x.len())?;
        equal("elements of the outputs", mul("outputs", m, n)?, y.len())?;
        vectorised(Multiply {
            panels: &self.panels,
            sizes: [n, k],
            x,
            y,
        });
        Ok(())
    }
}

/// A product, compiled for each instruction set.
struct Multiply<'m> {
    panels: &'m [f32],
    /// `n` and `k`.
    sizes: [usize; 2],
    x: &'m [f32],
    y: &'m mut [f32],
}

impl Loop for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let [n, k] = self.sizes.map(positive);
        let rows = self.x.chunks(ROWS * k).zip(self.y.chunks_mut(ROWS * n));
        for (x, y) in rows {
            let panels = self.panels.chunks_exact(k * PANEL);
            for (panel, first) in panels.zip((0..n).step_by(PANEL)) {
                let whole = x.len() == ROWS * k;
                let mut rest = x;
                let all = core::array::from_fn(|_| {
                    let (row, after) = rest.split_at_checked(k).unwrap_or_default();
                    rest = after;
                    row
                });
                let write = |y: &mut [f32], sums: [f32; PANEL]| {
                    let y = y.get_mut(first..).unwrap_or_default();
                    match y.first_chunk_mut() {
                        Some(y) => *y = sums,
                        None => y.iter_mut().zip(sums).for_each(|(y, sum)| *y = sum),
                    }
                };
                if whole {
                    let sums: [_; ROWS] = rows_of(panel, all);
                    for (y, sums) in y.chunks_exact_mut(n).zip(sums) {
                        write(y, sums);
                    }
                    continue;
                }
                for (y, x) in y.chunks_exact_mut(n).zip(all) {
                    let [sums] = rows_of(panel, [x]);
                    write(y, sums);
                }
            }
        }
    }
}

/// The sums of some rows with the outputs of a panel.
#[inline(always)]
fn rows_of<const R: usize>(panel: &[f32], x: [&[f32]; R]) -> [[f32; PANEL]; R] {
    let mut sums = [[0.0; PANEL]; R];
    let (panel, _) = panel.as_chunks::<PANEL>();
    for (l, w) in panel.iter().enumerate() {
        for (sums, x) in sums.iter_mut().zip(x) {
            let x = x.get(l).copied().unwrap_or_default();
            for (sum, w) in sums.iter_mut().zip(w) {
                *sum += x * w;
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::noise;

    #[test]
    fn sums_are_those_of_the_order_bit_for_bit() -> Result<(), Error> {
        for n in [1, 2, 15, 16, 17, 33] {
            for k in [1, 2, 7, 64, 65] {
                for m in [1, 2, 3, 4, 5, 8] {
                    let numbers = |seed, count| -> Vec<f32> {
                        let noise = noise(seed, count).into_iter();
                        noise.map(|x| x as f32 / 123_456.7).collect()
                    };
                    let (x, w) = (numbers(1, m * k), numbers(2, n * k));
                    let mut y = alloc::vec![f32::NAN; m * n];
                    OrderedWeights::new(&w, n, k)?.multiply(&x, &mut y)?;
                    for (i, y) in y.iter().enumerate() {
                        let (row, output) = (i / n, i % n);
                        let mut sum = 0.0_f32;
                        for l in 0..k {
                            sum += x[row * k + l] * w[output * k + l];
                        }
                        assert_eq!(y.to_bits(), sum.to_bits(), "{m} x {n} x {k}, {i}");
                    }
                }
            }
        }
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_refused() -> Result<(), Error> {
        assert!(OrderedWeights::new(&[], 0, 1).is_err());
        assert!(OrderedWeights::new(&[1.0], 1, 2).is_err());
        let weights = OrderedWeights::new(&[1.0, 2.0], 1, 2)?;
        assert!(weights.multiply(&[1.0; 3], &mut [0.0; 1]).is_err());
        assert!(weights.multiply(&[1.0; 4], &mut [0.0; 1]).is_err());
        Ok(())
    }
}
