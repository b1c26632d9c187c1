//! One head: two products on bits, and their derivatives.

use bnn_core::{BitMatrix, gemm_i32};

use crate::bits::{apply_mask, expand_signs, pack_mask, pack_signs, pack_where};
use crate::error::Error;
use crate::linalg::{mat, matmul, matmul_signs, matmul_signs_transposed};
use crate::real::Real;
use crate::saved_state;

/// Signs of a matrix, and the mask of its elements inside [-1, 1].
pub(super) struct Operand {
    signs: BitMatrix,
    inside: BitMatrix,
}

impl Operand {
    fn new<T: Real>(x: &[T], rows: usize, cols: usize) -> Result<Self, Error> {
        Ok(Self {
            signs: pack_signs(x, rows, cols)?,
            inside: pack_mask(x, rows, cols)?,
        })
    }

    /// The derivative through the sign: `x` where the operand is inside.
    fn masked<T: Real>(&self, mut x: Vec<T>) -> Vec<T> {
        apply_mask(&mut x, self.inside.view());
        x
    }
}

/// The state of a head: two bits for every element of q, k and v and for every score.
pub(super) struct Head {
    q: Operand,
    k: Operand,
    v: Operand,
    /// `[t, s]`: the positions attended to.
    chosen: BitMatrix,
    /// `[t, s]`: where the scaled score is inside [-1, 1].
    inside: BitMatrix,
}

/// Queries `[t, d]`, keys and values `[s, d]`.
#[derive(Clone, Copy)]
pub(super) struct HeadSizes {
    pub(super) t: usize,
    pub(super) s: usize,
    pub(super) d: usize,
}

impl Head {
    /// The head and its output `[t, d]`, whose elements are exact integers.
    pub(super) fn forward<T: Real>(
        q: &[T],
        k: &[T],
        v: &[T],
        HeadSizes { t, s, d }: HeadSizes,
    ) -> Result<(Self, Vec<T>), Error> {
        let (q, k, v) = (
            Operand::new(q, t, d)?,
            Operand::new(k, s, d)?,
            Operand::new(v, s, d)?,
        );
        let mut scores = vec![0; t * s];
        gemm_i32(q.signs.view(), k.signs.view(), &mut scores, s)?;
        let chosen = pack_where(&scores, t, s, |score| score >= 0)?;
        // |score / sqrt(d)| <= 1, in integers.
        let inside = pack_where(&scores, t, s, |score| {
            u64::from(score.unsigned_abs()).pow(2) <= d as u64
        })?;

        // With chosen in {0, 1}: chosen · v = (sign(chosen) · v + columns of v summed) / 2.
        let columns = v.signs.view().transposed()?;
        let mut sums = vec![0; t * d];
        gemm_i32(chosen.view(), columns.view(), &mut sums, d)?;
        let totals: Vec<i32> = (0..d).map(|j| total(&columns, j)).collect();
        let y = sums.chunks(d).flat_map(|row| row.iter().zip(&totals));
        let y = y.map(|(&sum, &total)| T::from_i32((sum + total) / 2));
        let y = y.collect();
        let head = Self {
            q,
            k,
            v,
            chosen,
            inside,
        };
        Ok((head, y))
    }

    /// The gradients of q, k and v from that of the output.
    pub(super) fn backward<T: Real>(&self, dy: &[T]) -> [Vec<T>; 3] {
        let HeadSizes { t, s, d } = self.sizes();
        let dy = mat(dy, t, d);
        let dscores = self.through_scores(matmul_signs_transposed(dy, self.v.signs.view()));
        let dscores = mat(&dscores, t, s);
        let dq = matmul_signs(dscores, self.k.signs.view());
        let dk = matmul_signs(dscores.t(), self.q.signs.view());
        let dv = matmul(mat(&self.chosen(), t, s).t(), dy);
        [self.q.masked(dq), self.k.masked(dk), self.v.masked(dv)]
    }

    /// The tangent of the output from those of q, k and v that have one.
    pub(super) fn jvp<T: Real>(
        &self,
        dq: Option<Vec<T>>,
        dk: Option<Vec<T>>,
        dv: Option<Vec<T>>,
    ) -> Vec<T> {
        let HeadSizes { t, s, d } = self.sizes();
        let mut dscores = vec![T::zero(); t * s];
        if let Some(dq) = dq {
            let dq = self.q.masked(dq);
            add(
                &mut dscores,
                matmul_signs_transposed(mat(&dq, t, d), self.k.signs.view()),
            );
        }
        if let Some(dk) = dk {
            let (dk, q) = (self.k.masked(dk), signs(&self.q.signs));
            add(&mut dscores, matmul(mat(&q, t, d), mat(&dk, s, d).t()));
        }
        let dchosen = self.through_scores(dscores);
        let mut dy = matmul_signs(mat(&dchosen, t, s), self.v.signs.view());
        if let Some(dv) = dv {
            let dv = self.v.masked(dv);
            add(&mut dy, matmul(mat(&self.chosen(), t, s), mat(&dv, s, d)));
        }
        dy
    }

    fn sizes(&self) -> HeadSizes {
        HeadSizes {
            t: self.q.signs.rows(),
            s: self.k.signs.rows(),
            d: self.q.signs.cols(),
        }
    }

    /// The derivative through `chosen = bool(score / sqrt(d))`, either way.
    fn through_scores<T: Real>(&self, mut x: Vec<T>) -> Vec<T> {
        apply_mask(&mut x, self.inside.view());
        let factor = T::from_f64((self.q.signs.cols() as f64).sqrt().recip());
        x.iter_mut().for_each(|x| *x *= factor);
        x
    }

    /// The choice as numbers 0 and 1.
    fn chosen<T: Real>(&self) -> Vec<T> {
        let mut x: Vec<T> = signs(&self.chosen);
        x.iter_mut().for_each(|x| *x = x.max(T::zero()));
        x
    }
}

saved_state!(Operand { signs, inside });
saved_state!(Head {
    q,
    k,
    v,
    chosen,
    inside
});

fn signs<T: Real>(bits: &BitMatrix) -> Vec<T> {
    let mut x = vec![T::zero(); bits.rows() * bits.cols()];
    expand_signs(bits.view(), 0..bits.rows(), 0..bits.cols(), &mut x);
    x
}

fn add<T: Real>(sum: &mut [T], x: Vec<T>) {
    sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
}

/// The sum of row `j`'s signs.
fn total(bits: &BitMatrix, j: usize) -> i32 {
    let plus: u32 = bits
        .view()
        .row(j)
        .iter()
        .map(|word| word.count_ones())
        .sum();
    2 * plus as i32 - bits.cols() as i32
}
