//! Puts a function of your own on the tape, in reverse and forward mode, and checks both.
//!
//! The function is a quantizer to four levels, {-1, -1/3, 1/3, 1}: a staircase, whose true gradient
//! is zero almost everywhere. The backward pass uses the straight-through estimator instead, the
//! gradient of clipping to [-1, 1], which needs one flag per element.
//!
//! `cargo run --example custom_function`

use bnn_autograd::function::inputs;
use bnn_autograd::{
    Context, Derivatives, Error, Function, Real, Tape, Tensor, Tolerance, Var, gradcheck_surrogate,
    modes_agree, saved_state,
};

/// Rounds to the nearest of four levels; straight-through inside [-1, 1].
struct TwoBit;

/// What the function keeps: whether each element lies inside [-1, 1].
struct Inside {
    passes: Vec<bool>,
}

saved_state!(Inside { passes });

impl TwoBit {
    /// Both modes: the derivative passes inside [-1, 1].
    fn pass<T: Real>(
        ctx: &Context<T>,
        derivatives: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let Inside { passes } = ctx.saved_state()?;
        let mut d = derivatives.single()?;
        for (d, &passes) in d.data_mut().iter_mut().zip(passes) {
            if !passes {
                *d = T::zero();
            }
        }
        Ok(vec![Some(d)])
    }
}

impl<T: Real> Function<T> for TwoBit {
    // The separate style: `compute` computes the values ...
    fn compute(&self, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [x] = inputs("inputs of TwoBit", given)?;
        let (half, three) = (T::from_f64(1.5), T::from_i32(3));
        let level = |x: &T| ((x.max(-T::one()).min(T::one()) + T::one()) * half).round();
        let y = x
            .data()
            .iter()
            .map(|x| level(x) * T::from_i32(2) / three - T::one());
        Ok(vec![Tensor::new(y.collect(), x.shape())?])
    }

    // ... and `setup_context` saves what the passes need.
    fn setup_context(
        &self,
        ctx: &mut Context<T>,
        given: &[&Tensor<T>],
        _: &[Tensor<T>],
    ) -> Result<(), Error> {
        let [x] = inputs("inputs of TwoBit", given)?;
        let passes: Vec<bool> = x.data().iter().map(|x| x.abs() <= T::one()).collect();
        ctx.save(Inside { passes });
        Ok(())
    }

    fn backward(
        &self,
        ctx: &Context<T>,
        grad_outputs: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        Self::pass(ctx, grad_outputs)
    }

    fn jvp(
        &self,
        ctx: &Context<T>,
        tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        Self::pass(ctx, tangents)
    }
}

fn two_bit<T: Real>(x: &Var<T>) -> Result<Var<T>, Error> {
    x.tape().apply(TwoBit, &[x])
}

/// The values that the example quantizes.
fn quantized_at() -> Result<Tensor, Error> {
    Tensor::new(vec![-1.7, -0.4, 0.1, 0.8], &[4])
}

fn main() -> Result<(), Error> {
    let tape = Tape::new();
    let x = tape.leaf(quantized_at()?);
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
    let worst = gradcheck_surrogate(
        std::slice::from_ref(&x),
        Tolerance::default(),
        |x| two_bit(&x[0]),
        clip,
    )?;
    println!("gradient check:  passed, largest distance {worst:e}");

    let tangent = Tensor::full(10.0, &[4])?;
    let dual = tape.constant(quantized_at()?).with_tangent(tangent)?;
    println!(
        "tangent:         {:?}",
        two_bit(&dual)?.tangent().map(Tensor::data)
    );
    let distance = modes_agree(&[x], 1e-12, |x| two_bit(&x[0]))?;
    println!("modes agree:     distance {distance:e}");
    Ok(())
}
