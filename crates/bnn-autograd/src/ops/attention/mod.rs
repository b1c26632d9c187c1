//! Attention whose two products run on bits.

mod head;
mod heads;

use rayon::prelude::*;

use self::head::{Head, HeadSizes};
use self::heads::Heads;
use crate::context::{Context, Part, SavedState};
use crate::error::Error;
use crate::function::{Derivatives, Function, Macs, inputs};
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// Bi-Attention (Qin et al. 2022, BiBERT, arXiv 2203.06390): for queries `[.., t, d]`, keys and
/// values `[.., s, d]`, head by head of `w = d / heads` features each,
/// `bool(sign(q) · sign(k)^T / sqrt(w)) · sign(v)`, output `[.., t, d]`.
///
/// `bool(x)` is 1 where `x >= 0`, else 0; it replaces the softmax. The elements of the output are
/// exact integers: the sums of the signs of the values attended to.
///
/// Derivatives pass straight through `bool` and `sign` where their argument is in `[-1, 1]`. Kept
/// for the reverse pass: two bits per element of q, k and v and two per score, rows padded to 64
/// bits.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit each other or `heads` does not divide `d`;
/// [`Error::ForeignVar`].
pub fn binary_attention<T: Real>(
    q: &Var<T>,
    k: &Var<T>,
    v: &Var<T>,
    heads: usize,
) -> Result<Var<T>, Error> {
    q.tape().apply(BinaryAttention { heads }, &[q, k, v])
}

struct BinaryAttention {
    heads: usize,
}

/// Every head of every leading index.
struct Kept {
    heads: Vec<Head>,
}

impl<T: Real> SavedState<T> for Kept {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, T>)) {
        self.heads.iter().for_each(|head| head.parts(visit));
    }
}

impl<T: Real> Function<T> for BinaryAttention {
    fn name(&self) -> &'static str {
        "binary_attention"
    }

    /// Scores and output take `t * s * d` each.
    fn macs(&self, inputs: &[Vec<usize>], _: &[Vec<usize>]) -> Macs {
        let queries: usize = inputs.first().map_or(0, |q| q.iter().product());
        let keys = inputs.get(1).and_then(|k| k.iter().rev().nth(1));
        Macs {
            binary: 2 * queries as u64 * keys.map_or(0, |&s| s as u64),
            float: 0,
        }
    }

    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [q, k, v] = inputs("inputs of binary_attention", given)?;
        let of_q = Heads::new("queries of an attention", q.shape(), self.heads)?;
        let of_k = Heads::new("keys of an attention", k.shape(), self.heads)?;
        Error::check_shape("values of an attention", k.shape(), v.shape())?;
        if (of_q.batch, of_q.width) != (of_k.batch, of_k.width) {
            return Err(Error::Shape {
                what: "keys of an attention",
                expected: format!("[.., s, d] for queries {:?}", q.shape()),
                found: k.shape().to_vec(),
            });
        }
        let sizes = HeadSizes {
            t: of_q.rows,
            s: of_k.rows,
            d: of_q.width,
        };
        let done = (0..of_q.count()).into_par_iter().map(|i| {
            let (q, k, v) = (of_q.take(q, i), of_k.take(k, i), of_k.take(v, i));
            Head::forward(&q, &k, &v, sizes)
        });
        let (kept, outputs): (Vec<_>, Vec<_>) =
            done.collect::<Result<Vec<_>, Error>>()?.into_iter().unzip();
        ctx.save(Kept { heads: kept });
        let y = of_q.join(outputs.iter().map(Vec::as_slice), q.shape());
        Ok(vec![y])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grad_outputs.single()?;
        let Kept { heads: kept } = ctx.saved_state()?;
        let of_y = Heads::new("gradient of an attention", dy.shape(), self.heads)?;
        let heads = kept.par_iter().enumerate();
        let grads: Vec<_> = heads
            .map(|(i, head)| head.backward(&of_y.take(&dy, i)))
            .collect();
        let join = |input: usize| {
            let shape = ctx.input_shape(input)?;
            let heads = Heads::new("operand of an attention", shape, self.heads)?;
            let parts = grads.iter().map(|grads| grads[input].as_slice());
            Ok(Some(heads.join(parts, shape)))
        };
        (0..3)
            .map(|i| match ctx.needs_input_grad(i) {
                true => join(i),
                false => Ok(None),
            })
            .collect()
    }

    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let Kept { heads: kept } = ctx.saved_state()?;
        let of = |i| Heads::new("operand of an attention", ctx.input_shape(i)?, self.heads);
        let of = [of(0)?, of(1)?, of(2)?];
        let tangents = [tangents.get(0), tangents.get(1), tangents.get(2)];
        let heads = kept.par_iter().enumerate();
        let dy: Vec<_> = heads
            .map(|(i, head)| {
                let part = |j: usize| tangents[j].map(|tangent| of[j].take(tangent, i));
                head.jvp(part(0), part(1), part(2))
            })
            .collect();
        let dy = of[0].join(dy.iter().map(Vec::as_slice), ctx.input_shape(0)?);
        Ok(vec![Some(dy)])
    }
}
