//! The convolution with float filters in the order of a model file.

use rayon::prelude::*;

use super::BatchWindows;
use super::shape::ConvShape;
use crate::parallel::task_rows;
use crate::real::Real;

/// The sums `[batch, output height, output width, outputs]` of images and filters, each in the order
/// of a filter's elements, taps in the padding left out.
pub(super) fn ordered_output<T: Real>(shape: &ConvShape, x: &[T], w: &[T]) -> Vec<T> {
    let conv = &shape.conv;
    let windows = BatchWindows::new(conv);
    let (n, k, groups) = (conv.outputs(), conv.patch_len(), conv.groups());
    let channels = k / windows.taps();
    let (outputs, all) = (n / groups, channels * groups);
    // For each group a row for each input, so that the sums of all its outputs go on side by side.
    let by_input: Vec<T> = w
        .chunks(outputs * k)
        .flat_map(|w| (0..k).flat_map(move |i| (0..outputs).map(move |o| w[o * k + i])))
        .collect();
    let mut y = vec![T::zero(); shape.batch * windows.per_image() * n];
    let rows = task_rows(n.saturating_mul(k));
    y.par_chunks_mut(rows * n)
        .enumerate()
        .for_each(|(task, y)| {
            let first = task * rows;
            windows.visit(first..first + y.len() / n, true, |run| {
                let Some((image, pixel)) = run.pixel else {
                    return;
                };
                let pixels = &x[(image * windows.pixels() + pixel) * all..][..run.taps * all];
                let y = &mut y[run.window * n..][..n];
                let groups = y.chunks_mut(outputs).zip(by_input.chunks(k * outputs));
                for (group, (y, w)) in groups.enumerate() {
                    let taps = w[run.tap * channels * outputs..].chunks(channels * outputs);
                    for (x, w) in pixels.chunks(all).zip(taps) {
                        let x = &x[group * channels..][..channels];
                        for (&x, w) in x.iter().zip(w.chunks(outputs)) {
                            y.iter_mut().zip(w).for_each(|(y, &w)| *y += x * w);
                        }
                    }
                }
            });
        });
    y
}
