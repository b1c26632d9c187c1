//! Puts a function of one's own on the tape and checks its gradient.
//!
//! The function is a quantizer to four levels, {-1, -1/3, 1/3, 1}: a staircase, whose true gradient
//! is zero almost everywhere. Backward takes the straight-through estimator instead, the gradient of
//! clipping to [-1, 1], for which one bit per element is enough to remember.
//!
//! `cargo run -p bnn-autograd --example custom_function`

use bnn_autograd::{
    Context, Derivatives, Error, Function, Real, Saved, Tape, Tensor, Tolerance, Var,
    gradcheck_surrogate, inputs,
};

/// Rounds to the nearest of four levels; straight-through inside [-1, 1].
struct TwoBit;

impl<T: Real> Function<T> for TwoBit {
    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of TwoBit", given)?;
        if ctx.needs_input_grad(0) {
            let passes: Vec<bool> = x.data().iter().map(|x| x.abs() <= T::one()).collect();
            let bytes = passes.len();
            ctx.save_for_backward(Saved::other(passes, bytes));
        }
        let (half, three) = (T::from_f64(1.5), T::from_i32(3));
        let level = |x: &T| ((x.max(-T::one()).min(T::one()) + T::one()) * half).round();
        let y = x
            .data()
            .iter()
            .map(|x| level(x) * T::from_i32(2) / three - T::one());
        Ok(vec![Tensor::new(y.collect(), x.shape())?])
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let passes: &Vec<bool> = ctx.saved_other(0)?;
        let mut grad = grad_outputs.single()?;
        for (g, &passes) in grad.data_mut().iter_mut().zip(passes) {
            if !passes {
                *g = T::zero();
            }
        }
        Ok(vec![Some(grad)])
    }
}

fn two_bit<T: Real>(x: &Var<T>) -> Result<Var<T>, Error> {
    x.tape().apply(TwoBit, &[x])
}

fn main() -> Result<(), Error> {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::new(vec![-1.7_f32, -0.4, 0.1, 0.8], &[4])?);
    let y = two_bit(&x)?;
    println!("quantized:       {:?}", y.value().data());
    println!("kept on tape:    {:?}", tape.memory().nodes);
    let gradients = y.vjp(Tensor::full(1.0, &[4])?)?;
    println!("gradient:        {:?}", gradients.get(&x).map(Tensor::data));

    let x = Tensor::new(vec![-1.7_f64, -0.4, 0.1, 0.8], &[4])?;
    let clip = |x: &[Tensor<f64>]| {
        let clipped = x[0].data().iter().map(|x| x.clamp(-1.0, 1.0));
        Tensor::new(clipped.collect(), x[0].shape())
    };
    let worst = gradcheck_surrogate(&[x], Tolerance::default(), |x| two_bit(&x[0]), clip)?;
    println!("gradient check:  passed, largest distance {worst:e}");
    Ok(())
}
