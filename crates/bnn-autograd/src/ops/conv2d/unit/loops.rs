//! The loops over the numbers of some images. The body of each is a function of slices, so that the
//! compiler knows that what is written overlaps nothing that is read.

use bnn_core::internal::Loop;

use crate::ops::Estimator;
use crate::real::Real;

/// `y = x + by`, by channel.
pub(super) struct Shifted<'a, T> {
    pub(super) x: &'a [T],
    pub(super) by: &'a [T],
    pub(super) y: &'a mut [T],
}

impl<T: Real> Loop for Shifted<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let n = self.by.len();
        for (y, x) in self.y.chunks_exact_mut(n).zip(self.x.chunks_exact(n)) {
            add(x, self.by, y);
        }
    }
}

#[inline(always)]
fn add<T: Real>(a: &[T], b: &[T], y: &mut [T]) {
    for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
        *y = a + b;
    }
}

/// Sums of 32 bits in 16, which they fit, at least `least`.
pub(super) struct Narrow<'a> {
    pub(super) x: &'a [i32],
    pub(super) least: i32,
    pub(super) y: &'a mut [i16],
}

impl Loop for Narrow<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        narrow(self.x, self.least, self.y);
    }
}

#[inline(always)]
fn narrow(x: &[i32], least: i32, y: &mut [i16]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = x.max(least) as i16;
    }
}

/// The total of each column, and then those of their squares. No sum is above `most`.
pub(super) struct Moments<'a> {
    pub(super) sums: &'a [i16],
    pub(super) cols: usize,
    pub(super) most: usize,
}

impl Loop for Moments<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(self) -> Vec<f64> {
        // Squares of this many rows add up to less than 2^31; `most` is below 2^15.
        let rows = (i32::MAX as usize / (self.most * self.most)).min(1024);
        let mut totals = vec![0.0; 2 * self.cols];
        let mut part = vec![0; 2 * self.cols];
        for block in self.sums.chunks(rows * self.cols) {
            let (total, squares) = part.split_at_mut(self.cols);
            for sums in block.chunks_exact(self.cols) {
                add_moments(sums, total, squares);
            }
            for (total, part) in totals.iter_mut().zip(&mut part) {
                *total += f64::from(std::mem::take(part));
            }
        }
        totals
    }
}

#[inline(always)]
fn add_moments(sums: &[i16], total: &mut [i32], squares: &mut [i32]) {
    for ((total, square), &sum) in total.iter_mut().zip(squares).zip(sums) {
        let sum = i32::from(sum);
        *total += sum;
        *square += sum * sum;
    }
}

/// Everything after the sums.
pub(super) struct Finish<'a, T> {
    pub(super) sums: &'a [i16],
    pub(super) shortcut: &'a [T],
    pub(super) scale: &'a [T],
    pub(super) bias: &'a [T],
    /// `before`, slopes, `after`.
    pub(super) activation: Option<[&'a [T]; 3]>,
    pub(super) y: &'a mut [T],
}

impl<T: Real> Loop for Finish<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let n = self.scale.len();
        let rows = self.y.chunks_exact_mut(n).zip(self.sums.chunks_exact(n));
        let rows = rows.zip(self.shortcut.chunks_exact(n));
        match self.activation {
            None => {
                for ((y, sums), shortcut) in rows {
                    normalise(sums, shortcut, self.scale, self.bias, y);
                }
            }
            Some([before, slope, after]) => {
                for ((y, sums), shortcut) in rows {
                    normalise(sums, shortcut, self.scale, self.bias, y);
                    activate(before, slope, after, y);
                }
            }
        }
    }
}

/// `y = scale * sum + bias + shortcut`, each operation rounded.
#[inline(always)]
fn normalise<T: Real>(sums: &[i16], shortcut: &[T], scale: &[T], bias: &[T], y: &mut [T]) {
    let columns = scale.iter().zip(bias);
    let numbers = y.iter_mut().zip(sums).zip(shortcut);
    for (((y, &sum), &shortcut), (&scale, &bias)) in numbers.zip(columns) {
        *y = (scale * number(sum) + bias) + shortcut;
    }
}

#[inline(always)]
fn activate<T: Real>(before: &[T], slope: &[T], after: &[T], y: &mut [T]) {
    let columns = before.iter().zip(slope).zip(after);
    for (y, ((&before, &slope), &after)) in y.iter_mut().zip(columns) {
        let x = *y + before;
        *y = (if x >= T::zero() { x } else { slope * x }) + after;
    }
}

#[inline(always)]
fn number<T: Real>(sum: i16) -> T {
    T::from_i32(sum.into())
}

/// The gradient of what the normalisation gives, in place of the output's, without an activation:
/// they are the same. Its total in each column is that of `beta`, and with distances of the sums
/// from their means as factors that of `gamma`, but for the deviation.
pub(super) struct NormTotals<'a, T> {
    pub(super) d: &'a [T],
    pub(super) sums: &'a [i16],
    pub(super) mean: &'a [T],
}

impl<T: Real> Loop for NormTotals<'_, T> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(self) -> Vec<f64> {
        let n = self.mean.len();
        let mut totals = vec![0.0; 2 * n];
        let (beta, gamma) = totals.split_at_mut(n);
        for (d, sums) in self.d.chunks_exact(n).zip(self.sums.chunks_exact(n)) {
            add_norm_totals(d, sums, self.mean, beta, gamma);
        }
        totals
    }
}

#[inline(always)]
fn add_norm_totals<T: Real>(
    d: &[T],
    sums: &[i16],
    mean: &[T],
    beta: &mut [f64],
    gamma: &mut [f64],
) {
    let totals = beta.iter_mut().zip(gamma);
    let numbers = d.iter().zip(sums).zip(mean);
    for ((beta, gamma), ((d, &sum), &mean)) in totals.zip(numbers) {
        let d = d.as_f64();
        *beta += d;
        *gamma += d * (number::<T>(sum) - mean).as_f64();
    }
}

/// The gradient before the activation in place of the output's. Totals of each column: what
/// [`NormTotals`] has, and then those of the slopes and of `after`.
pub(super) struct Deactivate<'a, T> {
    pub(super) d: &'a mut [T],
    pub(super) sums: &'a [i16],
    pub(super) shortcut: &'a [T],
    pub(super) scale: &'a [T],
    pub(super) bias: &'a [T],
    pub(super) before: &'a [T],
    pub(super) slope: &'a [T],
    pub(super) mean: &'a [T],
}

impl<T: Real> Loop for Deactivate<'_, T> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(self) -> Vec<f64> {
        let n = self.mean.len();
        let mut totals = vec![0.0; 4 * n];
        let (norm, activation) = totals.split_at_mut(2 * n);
        let ((beta, gamma), (slopes, after)) = (norm.split_at_mut(n), activation.split_at_mut(n));
        let mut x = vec![T::zero(); n];
        let rows = self.d.chunks_exact_mut(n).zip(self.sums.chunks_exact(n));
        for ((d, sums), shortcut) in rows.zip(self.shortcut.chunks_exact(n)) {
            normalise(sums, shortcut, self.scale, self.bias, &mut x);
            deactivate(d, &x, self.before, self.slope, slopes, after);
            add_norm_totals(d, sums, self.mean, beta, gamma);
        }
        totals
    }
}

#[inline(always)]
fn deactivate<T: Real>(
    d: &mut [T],
    x: &[T],
    before: &[T],
    slope: &[T],
    slopes: &mut [f64],
    after: &mut [f64],
) {
    let totals = slopes.iter_mut().zip(after);
    let numbers = d.iter_mut().zip(x).zip(before.iter().zip(slope));
    for ((slopes, after), ((d, &x), (&before, &slope))) in totals.zip(numbers) {
        let x = x + before;
        let passes = x >= T::zero();
        let negative = if passes { T::zero() } else { x };
        *after += d.as_f64();
        *slopes += d.as_f64() * negative.as_f64();
        *d *= if passes { T::one() } else { slope };
    }
}

/// The gradient of the sums by that of what the normalisation gives: `scale * d + slope * (sum -
/// mean) + offset`; with `rectified`, 0 where the sum is.
pub(super) struct Denormalise<'a, T> {
    pub(super) d: &'a [T],
    pub(super) sums: &'a [i16],
    pub(super) scale: &'a [T],
    pub(super) mean: &'a [T],
    pub(super) slope: &'a [T],
    pub(super) offset: &'a [T],
    pub(super) rectified: bool,
    pub(super) dsums: &'a mut [T],
}

impl<T: Real> Loop for Denormalise<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let n = self.mean.len();
        let rows = self.dsums.chunks_exact_mut(n).zip(self.d.chunks_exact(n));
        for ((dsums, d), sums) in rows.zip(self.sums.chunks_exact(n)) {
            denormalise(
                d,
                sums,
                [self.scale, self.mean, self.slope, self.offset],
                dsums,
            );
            if self.rectified {
                rectify(sums, dsums);
            }
        }
    }
}

#[inline(always)]
fn denormalise<T: Real>(d: &[T], sums: &[i16], columns: [&[T]; 4], dsums: &mut [T]) {
    let [scale, mean, slope, offset] = columns;
    let columns = scale.iter().zip(mean).zip(slope.iter().zip(offset));
    let numbers = dsums.iter_mut().zip(d).zip(sums);
    for (((dsum, &d), &sum), ((&scale, &mean), (&slope, &offset))) in numbers.zip(columns) {
        *dsum = scale * d + (slope * (number::<T>(sum) - mean) + offset);
    }
}

#[inline(always)]
fn rectify<T: Real>(sums: &[i16], dsums: &mut [T]) {
    for (dsum, &sum) in dsums.iter_mut().zip(sums) {
        *dsum = if sum > 0 { *dsum } else { T::zero() };
    }
}

/// The gradient of the shifted images by that of their signs, `d`, in its place; returns its total
/// in each column.
pub(super) struct ThroughSigns<'a, T> {
    pub(super) d: &'a mut [T],
    pub(super) x: &'a [T],
    pub(super) shift: &'a [T],
}

impl<T: Real> Loop for ThroughSigns<'_, T> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(self) -> Vec<f64> {
        let n = self.shift.len();
        let mut totals = vec![0.0; n];
        for (d, x) in self.d.chunks_exact_mut(n).zip(self.x.chunks_exact(n)) {
            through_signs(d, x, self.shift, &mut totals);
        }
        totals
    }
}

#[inline(always)]
fn through_signs<T: Real>(d: &mut [T], x: &[T], shift: &[T], totals: &mut [f64]) {
    let numbers = d.iter_mut().zip(x).zip(shift);
    for (((d, &x), &shift), total) in numbers.zip(totals) {
        *d *= Estimator::Approx.slope(x + shift);
        *total += d.as_f64();
    }
}

/// [`ThroughSigns`], added to `y` instead.
pub(super) struct AddThroughSigns<'a, T> {
    pub(super) d: &'a [T],
    pub(super) x: &'a [T],
    pub(super) shift: &'a [T],
    pub(super) y: &'a mut [T],
}

impl<T: Real> Loop for AddThroughSigns<'_, T> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(self) -> Vec<f64> {
        let n = self.shift.len();
        let mut totals = vec![0.0; n];
        let rows = self.y.chunks_exact_mut(n).zip(self.d.chunks_exact(n));
        for ((y, d), x) in rows.zip(self.x.chunks_exact(n)) {
            add_through_signs(d, x, self.shift, y, &mut totals);
        }
        totals
    }
}

#[inline(always)]
fn add_through_signs<T: Real>(d: &[T], x: &[T], shift: &[T], y: &mut [T], totals: &mut [f64]) {
    let numbers = y.iter_mut().zip(d).zip(x.iter().zip(shift));
    for (((y, &d), (&x, &shift)), total) in numbers.zip(totals) {
        let d = d * Estimator::Approx.slope(x + shift);
        *total += d.as_f64();
        *y += d;
    }
}
