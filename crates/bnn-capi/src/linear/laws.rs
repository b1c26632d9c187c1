//! The layer through its exported functions, against plain loops.
#![allow(unsafe_code, reason = "exported functions are called as C would")]

use std::ptr::null_mut;

use super::bnn_linear_t;
use super::new::*;
use super::run::*;
use crate::status::bnn_status_t::{self, *};
use crate::testing::{eighths, sign};

const SIZES: [usize; 9] = [1, 2, 7, 31, 63, 64, 65, 128, 131];

/// A layer and the floats it was made of.
struct Case {
    layer: *mut bnn_linear_t,
    w: Vec<f32>,
    scale: Vec<f32>,
    bias: Vec<f32>,
    n: usize,
    k: usize,
}

impl Case {
    fn new(n: usize, k: usize, clip: f32) -> Self {
        let mut case = Self {
            layer: null_mut(),
            w: eighths(n * k, 1),
            scale: eighths(n, 2).iter().map(|x| x + 0.0625).collect(),
            bias: eighths(n, 3),
            n,
            k,
        };
        let options = bnn_linear_options_t { clip };
        // SAFETY: slices of the sizes that are passed.
        let status = unsafe {
            bnn_linear_new_with_options_f32(
                &options,
                case.w.as_ptr(),
                n,
                k,
                Some(&case.scale[..]).into(),
                Some(&case.bias[..]).into(),
                &mut case.layer,
            )
        };
        assert_eq!(status, BNN_OK);
        case
    }

    fn forward(&self, x: &[f32]) -> Vec<f32> {
        let m = x.len() / self.k;
        let mut y = vec![f32::NAN; m * self.n];
        // SAFETY: slices of the sizes that are passed.
        let status = unsafe { bnn_linear_forward_f32(self.layer, x.as_ptr(), m, y.as_mut_ptr()) };
        assert_eq!(status, BNN_OK);
        y
    }

    fn forward_saving(&self, x: &[f32]) -> (Vec<f32>, Vec<u64>) {
        let m = x.len() / self.k;
        let mut y = vec![f32::NAN; m * self.n];
        // SAFETY: no pointers.
        let words = unsafe { bnn_linear_saved_words(m, self.k) };
        let mut saved = vec![u64::MAX; words];
        // SAFETY: slices of the sizes that are passed.
        let status = unsafe {
            bnn_linear_forward_saving_f32(
                self.layer,
                x.as_ptr(),
                m,
                y.as_mut_ptr(),
                saved.as_mut_ptr(),
                words,
            )
        };
        assert_eq!(status, BNN_OK);
        (y, saved)
    }

    /// The four gradients; those that are not wanted stay empty.
    fn backward(&self, saved: &[u64], dy: &[f32], wanted: [bool; 4]) -> [Vec<f32>; 4] {
        let m = dy.len() / self.n;
        let sizes = [m * self.k, self.n * self.k, self.n, self.n];
        let mut i = 0;
        let mut grads = sizes.map(|size| {
            i += 1;
            vec![f32::NAN; if wanted[i - 1] { size } else { 0 }]
        });
        let [dx, dw, dscale, dbias] = &mut grads;
        let asked = |grad: &mut Vec<f32>| match grad.is_empty() {
            true => None.into(),
            false => Some(grad).into(),
        };
        // SAFETY: slices of the sizes that are passed.
        let status = unsafe {
            bnn_linear_backward_f32(
                self.layer,
                saved.as_ptr(),
                saved.len(),
                dy.as_ptr(),
                m,
                asked(dx),
                asked(dw),
                asked(dscale),
                asked(dbias),
            )
        };
        assert_eq!(status, BNN_OK);
        grads
    }

    fn sum(&self, x: &[f32], i: usize, j: usize) -> f32 {
        let (x, w) = (&x[i * self.k..][..self.k], &self.w[j * self.k..][..self.k]);
        x.iter().zip(w).map(|(&x, &w)| sign(x) * sign(w)).sum()
    }

    fn outputs(&self, x: &[f32]) -> Vec<f32> {
        let cells = (0..x.len() / self.k).flat_map(|i| (0..self.n).map(move |j| (i, j)));
        let output = |(i, j)| self.scale[j] * self.sum(x, i, j) + self.bias[j];
        cells.map(output).collect()
    }

    /// The four gradients by their definition.
    fn gradients(&self, x: &[f32], dy: &[f32], clip: f32) -> [Vec<f32>; 4] {
        let (n, k, m) = (self.n, self.k, x.len() / self.k);
        let mut grads = [m * k, n * k, n, n].map(|size| vec![0.0; size]);
        let [dx, dw, dscale, dbias] = &mut grads;
        for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let dy = dy[i * n + j];
            for l in 0..k {
                if x[i * k + l].abs() <= clip {
                    dx[i * k + l] += dy * self.scale[j] * sign(self.w[j * k + l]);
                }
                dw[j * k + l] += dy * self.scale[j] * sign(x[i * k + l]);
            }
            dscale[j] += dy * self.sum(x, i, j);
            dbias[j] += dy;
        }
        grads
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        // SAFETY: the handle is the library's, or NULL, and used by nobody any more.
        unsafe { bnn_linear_free((!self.layer.is_null()).then(|| Box::from_raw(self.layer))) };
    }
}

fn shapes() -> impl Iterator<Item = [usize; 3]> {
    let sizes = SIZES.into_iter();
    sizes.flat_map(|m| {
        let others = SIZES.into_iter().flat_map(|n| SIZES.map(|k| [n, k]));
        // All pairs, and every third of all triples.
        let kept = others.filter(move |[n, k]| m == 2 || (m + n + k) % 3 == 0);
        kept.map(move |[n, k]| [m, n, k])
    })
}

#[test]
fn outputs_equal_the_definition_for_every_shape_saved_or_not() {
    for [m, n, k] in shapes() {
        let case = Case::new(n, k, 1.0);
        let x = eighths(m * k, 4);
        let expected = case.outputs(&x);
        assert_eq!(case.forward(&x), expected, "{m} {n} {k}");
        assert_eq!(case.forward_saving(&x).0, expected, "{m} {n} {k}");
    }
}

#[test]
fn gradients_equal_the_definition_for_every_shape() {
    // All terms are multiples of a power of two and small: their sums are exact in any order.
    for [m, n, k] in shapes() {
        let case = Case::new(n, k, 1.0);
        let (x, dy) = (eighths(m * k, 4), eighths(m * n, 5));
        let (_, saved) = case.forward_saving(&x);
        let found = case.backward(&saved, &dy, [true; 4]);
        assert_eq!(found, case.gradients(&x, &dy, 1.0), "{m} {n} {k}");
    }
}

#[test]
fn gradients_that_are_not_asked_for_change_nothing() {
    let (m, n, k) = (3, 5, 70);
    let case = Case::new(n, k, 0.5);
    let (x, dy) = (eighths(m * k, 4), eighths(m * n, 5));
    let (_, saved) = case.forward_saving(&x);
    let all = case.gradients(&x, &dy, 0.5);
    for subset in 0..16 {
        let wanted = [1, 2, 4, 8].map(|bit| subset & bit != 0);
        let found = case.backward(&saved, &dy, wanted);
        for ((found, all), wanted) in found.iter().zip(&all).zip(wanted) {
            assert!(if wanted {
                found == all
            } else {
                found.is_empty()
            });
        }
    }
}

#[test]
fn the_range_mask_is_that_of_the_options() {
    let x = [0.0, -0.0, 2.0, -2.0, 2.5, f32::INFINITY, f32::NAN, 1e30];
    let passes = |clip: f32| {
        let case = Case::new(1, x.len(), clip);
        let (_, saved) = case.forward_saving(&x);
        assert_eq!(saved.len(), 2);
        let [dx, ..] = case.backward(&saved, &[1.0], [true, false, false, false]);
        dx.map_passes()
    };
    assert_eq!(passes(1.0), [1, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(passes(2.0), [1, 1, 1, 1, 0, 0, 0, 0]);
    assert_eq!(passes(f32::INFINITY), [1, 1, 1, 1, 1, 1, 0, 1]);
}

trait Passes {
    fn map_passes(&self) -> Vec<i32>;
}

impl Passes for Vec<f32> {
    fn map_passes(&self) -> Vec<i32> {
        self.iter().map(|x| i32::from(*x != 0.0)).collect()
    }
}

#[test]
fn the_gradient_of_the_scale_is_the_numeric_one() {
    // The outputs are linear in scale and bias, so a difference is exact but for rounding.
    let (m, n, k) = (4, 3, 65);
    let case = Case::new(n, k, 1.0);
    let (x, dy) = (eighths(m * k, 4), eighths(m * n, 5));
    let (_, saved) = case.forward_saving(&x);
    let [_, _, dscale, dbias] = case.backward(&saved, &dy, [false, false, true, true]);
    let loss = |scale: &[f32], bias: &[f32]| -> f64 {
        let cells = (0..m).flat_map(|i| (0..n).map(move |j| (i, j)));
        let terms = cells.map(|(i, j)| {
            let y = f64::from(scale[j]) * f64::from(case.sum(&x, i, j)) + f64::from(bias[j]);
            f64::from(dy[i * n + j]) * y
        });
        terms.sum()
    };
    for j in 0..n {
        let moved = |numbers: &[f32], by: f32| {
            let mut moved = numbers.to_vec();
            moved[j] += by;
            moved
        };
        let slope = |up: f64, down: f64| ((up - down) / 0.5) as f32;
        let scales = [0.25, -0.25].map(|by| loss(&moved(&case.scale, by), &case.bias));
        let biases = [0.25, -0.25].map(|by| loss(&case.scale, &moved(&case.bias, by)));
        assert_eq!(dscale[j], slope(scales[0], scales[1]));
        assert_eq!(dbias[j], slope(biases[0], biases[1]));
    }
}

#[test]
fn without_scale_and_bias_the_outputs_are_the_sums_and_packed_weights_give_the_same() {
    let (m, n, k) = (5, 9, 130);
    let (w, x) = (eighths(n * k, 1), eighths(m * k, 4));
    let bits = bnn_core::BitMatrix::pack(&w, n, k).unwrap_or_else(|error| panic!("{error}"));
    let mut layer = null_mut();
    // SAFETY: slices of the sizes that are passed.
    let status = unsafe {
        let words = bits.words();
        let none = || None.into();
        bnn_linear_new_packed(
            words.as_ptr(),
            words.len(),
            n,
            k,
            none(),
            none(),
            &mut layer,
        )
    };
    assert_eq!(status, BNN_OK);
    let case = Case {
        layer,
        w,
        scale: vec![1.0; n],
        bias: vec![0.0; n],
        n,
        k,
    };
    assert_eq!(case.forward(&x), case.outputs(&x));
}

#[test]
fn a_clip_that_lets_nothing_pass_is_refused() {
    for clip in [0.0, -1.0, f32::NAN] {
        let mut layer = null_mut();
        let options = bnn_linear_options_t { clip };
        let status: bnn_status_t = unsafe {
            // SAFETY: slices of the sizes that are passed.
            let none = || None.into();
            let w = [1.0];
            bnn_linear_new_with_options_f32(&options, w.as_ptr(), 1, 1, none(), none(), &mut layer)
        };
        assert_eq!(status, BNN_ERROR_RANGE);
        assert!(layer.is_null());
    }
}
