//! The contract between a function, its context and the tape: two styles, two modes, what is saved.

use bnn_autograd::function::inputs;
use bnn_autograd::nn::{BatchNorm, BinaryLinear, Module, Sequential};
use bnn_autograd::optim::{Adam, Optimizer};
use bnn_autograd::{
    Context, Derivatives, Error, Function, Gradients, KeptInput, Real, Rng, Tape, Tensor,
    Tolerance, Var, gradcheck, modes_agree, ops, saved_state,
};
use bnn_core::BitMatrix;

type Outputs = Result<Vec<Tensor<f64>>, Error>;
type Grads = Result<Vec<Option<Tensor<f64>>>, Error>;

fn vector(x: &[f64]) -> Tensor<f64> {
    Tensor::new(x.to_vec(), &[x.len()]).unwrap()
}

fn map(x: &Tensor<f64>, f: impl Fn(f64) -> f64) -> Tensor<f64> {
    Tensor::new(x.data().iter().map(|&x| f(x)).collect(), x.shape()).unwrap()
}

fn times(a: &Tensor<f64>, b: &Tensor<f64>) -> Tensor<f64> {
    let product = a.data().iter().zip(b.data()).map(|(a, b)| a * b);
    Tensor::new(product.collect(), a.shape()).unwrap()
}

/// `sin x` in the combined style; each pass has its own slots.
struct Combined;

impl Function<f64> for Combined {
    fn forward(&self, ctx: &mut Context<f64>, given: &[&Tensor<f64>]) -> Outputs {
        let [x] = inputs("inputs of Combined", given)?;
        ctx.save_for_backward(None::<Tensor<f64>>);
        ctx.save_for_backward(map(x, f64::cos));
        ctx.save_for_forward(x.clone());
        Ok(vec![map(x, f64::sin)])
    }
    fn backward(&self, ctx: &Context<f64>, grads: Derivatives<f64>) -> Grads {
        Ok(vec![Some(times(
            ctx.saved::<Tensor<f64>>(1)?,
            &grads.single()?,
        ))])
    }
    fn jvp(&self, ctx: &Context<f64>, tangents: Derivatives<f64>) -> Grads {
        let slope = map(ctx.saved::<Tensor<f64>>(0)?, f64::cos);
        Ok(vec![Some(times(&slope, &tangents.single()?))])
    }
}

/// `sin x` in the separate style.
struct Separate;

impl Function<f64> for Separate {
    fn compute(&self, given: &[&Tensor<f64>]) -> Outputs {
        let [x] = inputs("inputs of Separate", given)?;
        Ok(vec![map(x, f64::sin)])
    }
    fn setup_context(
        &self,
        ctx: &mut Context<f64>,
        inputs: &[&Tensor<f64>],
        outputs: &[Tensor<f64>],
    ) -> Result<(), Error> {
        assert_eq!(outputs[0], map(inputs[0], f64::sin));
        ctx.save(map(inputs[0], f64::cos));
        ctx.save(Vec::from(*b"any data"));
        Ok(())
    }
    fn backward(&self, ctx: &Context<f64>, grads: Derivatives<f64>) -> Grads {
        assert_eq!(ctx.saved::<Vec<u8>>(1)?, b"any data");
        Ok(vec![Some(times(
            ctx.saved::<Tensor<f64>>(0)?,
            &grads.single()?,
        ))])
    }
    fn jvp(&self, ctx: &Context<f64>, tangents: Derivatives<f64>) -> Grads {
        self.backward(ctx, tangents)
    }
}

#[test]
fn both_styles_and_both_modes_compute_the_same() {
    let at = [vector(&[0.3, -1.2, 2.0])];
    let (combined, separate) = (
        |v: &[Var<f64>]| v[0].tape().apply(Combined, &[&v[0]]),
        |v: &[Var<f64>]| v[0].tape().apply(Separate, &[&v[0]]),
    );
    gradcheck(&at, Tolerance::default(), combined).unwrap();
    gradcheck(&at, Tolerance::default(), separate).unwrap();
    modes_agree(&at, 1e-14, combined).unwrap();
    modes_agree(&at, 1e-14, separate).unwrap();
}

/// Offers reverse mode only.
struct Reverse;

impl Function<f64> for Reverse {
    fn compute(&self, given: &[&Tensor<f64>]) -> Outputs {
        Ok(vec![given[0].clone()])
    }
    fn backward(&self, _: &Context<f64>, grads: Derivatives<f64>) -> Grads {
        Ok(vec![Some(grads.single()?)])
    }
}

/// Offers a forward pass only.
struct Value;

impl Function<f64> for Value {
    fn compute(&self, given: &[&Tensor<f64>]) -> Outputs {
        Ok(vec![given[0].clone()])
    }
}

/// Offers nothing.
struct Mute;

impl Function<f64> for Mute {}

#[test]
fn a_pass_that_is_not_offered_is_named_when_it_is_asked_for() {
    let tape = Tape::new();
    let x = tape.leaf(vector(&[1.0]));
    let error = tape.apply(Mute, &[&x]).unwrap_err();
    assert_eq!(error.to_string(), "`Mute` does not offer a forward pass");

    let y = tape.apply(Value, &[&x]).unwrap();
    let error = y.backward().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`Value` does not offer `backward` (reverse mode)"
    );

    let dual = x.clone().with_tangent(vector(&[1.0])).unwrap();
    let error = tape.apply(Reverse, &[&dual]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`Reverse` does not offer `jvp` (forward mode)"
    );
    // Without tangents it works.
    assert!(tape.apply(Reverse, &[&x]).unwrap().backward().is_ok());
}

/// The largest element and its index; the index does not vary.
struct Largest;

impl Function<f64> for Largest {
    fn forward(&self, ctx: &mut Context<f64>, given: &[&Tensor<f64>]) -> Outputs {
        let [x] = inputs("inputs of Largest", given)?;
        let by_value = x
            .data()
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1));
        let (at, largest) = by_value.unwrap();
        ctx.save(vec![at]);
        ctx.mark_non_differentiable(1);
        Ok(vec![vector(&[*largest]), vector(&[at as f64])])
    }
    fn backward(&self, ctx: &Context<f64>, mut grads: Derivatives<f64>) -> Grads {
        assert!(grads.get(1).is_none());
        let mut dx = Tensor::full(0.0, ctx.input_shape(0)?)?;
        dx.data_mut()[ctx.saved::<Vec<usize>>(0)?[0]] = grads.take_dense(0)?.item()?;
        Ok(vec![Some(dx)])
    }
    fn jvp(&self, ctx: &Context<f64>, tangents: Derivatives<f64>) -> Grads {
        let t = tangents.single()?.data()[ctx.saved::<Vec<usize>>(0)?[0]];
        // What is said of an output that does not vary is not believed.
        Ok(vec![Some(vector(&[t])), Some(vector(&[99.0]))])
    }
}

#[test]
fn an_output_marked_non_differentiable_has_neither_gradient_nor_tangent() {
    let tape = Tape::new();
    let x = tape.leaf(vector(&[1.0, 5.0, 2.0]));
    let x = x.with_tangent(vector(&[10.0, 20.0, 30.0])).unwrap();
    let outputs = tape.apply_many(Largest, &[&x]).unwrap();
    let [largest, index] = &outputs[..] else {
        panic!("two outputs");
    };
    assert_eq!(largest.tangent().unwrap().data(), [20.0]);
    assert!(index.tangent().is_none() && !index.requires_grad());
    assert!(matches!(index.backward(), Err(Error::NoGradient)));
    let gradients = largest.backward().unwrap();
    assert_eq!(gradients.get(&x).unwrap().data(), [0.0, 1.0, 0.0]);
}

/// Returns a tangent of the wrong shape, or none at all.
struct BrokenTangent(Vec<Option<Tensor<f64>>>);

impl Function<f64> for BrokenTangent {
    fn compute(&self, given: &[&Tensor<f64>]) -> Outputs {
        Ok(vec![given[0].clone()])
    }
    fn jvp(&self, _: &Context<f64>, _: Derivatives<f64>) -> Grads {
        Ok(self.0.clone())
    }
}

#[test]
fn a_function_that_returns_wrong_tangents_is_named() {
    let tape = Tape::new();
    let x = tape
        .constant(vector(&[1.0]))
        .with_tangent(vector(&[1.0]))
        .unwrap();
    let run = |tangents| tape.apply(BrokenTangent(tangents), &[&x]);
    assert!(matches!(
        run(vec![Some(vector(&[1.0, 2.0]))]),
        Err(Error::TangentShape {
            function: "BrokenTangent",
            output: 0,
            ..
        })
    ));
    assert!(matches!(
        run(vec![]),
        Err(Error::Count {
            expected: 1,
            found: 0,
            ..
        })
    ));
    assert!(run(vec![None]).unwrap().tangent().is_none());
    assert!(matches!(
        x.with_tangent(vector(&[1.0, 2.0])),
        Err(Error::Shape { .. })
    ));
}

#[test]
fn tangents_need_no_recording_and_are_dropped_by_detach() {
    let tape = Tape::new();
    let x = tape
        .constant(vector(&[0.5]))
        .with_tangent(vector(&[2.0]))
        .unwrap();
    let y = tape.no_grad(|| tape.apply(Combined, &[&x])).unwrap();
    assert_eq!(y.tangent().unwrap().data(), [2.0 * 0.5_f64.cos()]);
    assert!(!y.requires_grad());
    assert!(tape.memory().nodes.is_empty(), "forward mode keeps nothing");
    assert!(y.detach().tangent().is_none());
}

#[test]
fn what_is_saved_for_forward_mode_is_gone_once_it_has_run() {
    let tape = Tape::new();
    let x = tape.leaf(vector(&[0.5; 100]));
    let alone = ops::hard_tanh(&x).unwrap();
    let dual = x.with_tangent(vector(&[1.0; 100])).unwrap();
    let both = ops::hard_tanh(&dual).unwrap();
    let nodes = tape.memory().nodes;
    assert_eq!(nodes[0].bytes, 16);
    assert_eq!(nodes[1].bytes, nodes[0].bytes);
    drop((alone, both));
}

#[test]
fn a_change_in_place_cannot_reach_what_is_saved() {
    let tape = Tape::new();
    let mut x = vector(&[1.0, 2.0]);
    let leaf = tape.leaf(x.clone());
    let w = tape.leaf(Tensor::full(3.0, &[1, 2]).unwrap());
    let y = ops::linear(&leaf, &w, None).unwrap();
    x.data_mut()[0] = 99.0; // `linear` has saved these elements: this writes to a copy
    let gradients = y.vjp(vector(&[1.0])).unwrap();
    assert_eq!(gradients.get(&w).unwrap().data(), [1.0, 2.0]);
    assert_eq!(x.data(), [99.0, 2.0]);
}

/// One step's gradients of a small network.
fn gradients(net: &mut Sequential<f64>, tape: &Tape<f64>, x: &Tensor<f64>) -> Gradients<f64> {
    let y = net.forward(&tape.constant(x.clone())).unwrap();
    ops::cross_entropy(&y, &[0_usize, 1, 1, 0], 0.0)
        .unwrap()
        .backward()
        .unwrap()
}

fn network() -> (Sequential<f64>, Tensor<f64>) {
    let mut rng = Rng::new(3);
    let net = Sequential::default()
        .then(BinaryLinear::new(70, 65, &mut rng).unwrap())
        .then(BatchNorm::new(65).unwrap())
        .then(BinaryLinear::new(65, 2, &mut rng).unwrap())
        .then(BatchNorm::new(2).unwrap());
    let x = bnn_autograd::nn::Init::Uniform(2.0)
        .tensor(&[4, 70], &mut rng)
        .unwrap();
    (net, x)
}

#[test]
fn a_parameter_changed_between_forward_and_use_of_its_gradient_is_reported() {
    let (mut net, x) = network();
    let mut adam = Optimizer::new(Adam::new(0.1).unwrap());
    gradients(&mut net, &Tape::new(), &x)
        .add_to(&mut net)
        .unwrap();
    let stale = gradients(&mut net, &Tape::new(), &x);
    adam.step(&mut net).unwrap();
    let error = stale.add_to(&mut net).unwrap_err();
    assert!(
        matches!(&error, Error::ParamChanged { name } if name == "0.weight"),
        "{error}"
    );
    // A new forward pass is in order again.
    net.zero_grad();
    gradients(&mut net, &Tape::new(), &x)
        .add_to(&mut net)
        .unwrap();
}

#[test]
fn recomputing_gives_the_gradients_of_keeping_bit_for_bit() {
    let (mut net, x) = network();
    let found = [true, false].map(|recompute| {
        let tape = Tape::new();
        tape.set_recompute(recompute);
        gradients(&mut net, &tape, &x).add_to(&mut net).unwrap();
        let mut grads = Vec::new();
        net.params(&mut |_, param| grads.push(param.grad().cloned()));
        net.zero_grad();
        grads
    });
    assert!(found[0].iter().all(Option::is_some));
    assert_eq!(found[0], found[1]);
}

#[test]
fn a_recomputation_outlives_the_variable_that_it_computes() {
    let tape = Tape::<f32>::new();
    let x = tape.constant(Tensor::full(0.5, &[4, 10]).unwrap());
    let w = tape.leaf(Tensor::full(0.5, &[3, 10]).unwrap());
    let (gamma, beta) = (
        Tensor::full(1.0, &[3]).unwrap(),
        Tensor::full(0.0, &[3]).unwrap(),
    );
    let (gamma, beta) = (tape.leaf(gamma), tape.constant(beta));
    let sums = ops::binary_linear(&x, &w).unwrap();
    let (y, _) = ops::batch_norm(&sums, &gamma, &beta, 1e-5).unwrap();
    drop((x, sums));
    // Twice: the first pass retains what the second recomputes from.
    let loss = ops::sum(&y).unwrap();
    let first = loss.backward_retain().unwrap();
    let second = loss.backward().unwrap();
    assert_eq!(first.get(&gamma), second.get(&gamma));
    assert!(matches!(loss.backward(), Err(Error::Released { .. })));
}

#[test]
fn forward_mode_varies_the_parameters_of_a_network() {
    // The directional derivative by both modes.
    let (mut net, x) = network();
    let tape = Tape::new();
    let mut tangents = Vec::new();
    let mut rng = Rng::new(9);
    net.params(&mut |_, param| {
        let mut tangent = param.value().clone();
        tangent
            .data_mut()
            .iter_mut()
            .for_each(|t| *t = rng.uniform(-1.0, 1.0));
        tape.set_tangent(param, tangent.clone()).unwrap();
        tangents.push(tangent);
    });
    let scores = net.forward(&tape.constant(x)).unwrap();
    let loss = ops::cross_entropy(&scores, &[0_usize, 1, 1, 0], 0.0).unwrap();
    let forward = loss.tangent().unwrap().item().unwrap();
    let gradients = loss.backward().unwrap();
    let mut reverse = 0.0;
    let mut tangents = tangents.iter();
    net.params(&mut |_, param| {
        let grad = gradients.param(param).unwrap();
        reverse += times(grad, tangents.next().unwrap())
            .data()
            .iter()
            .sum::<f64>();
    });
    assert!((forward - reverse).abs() < 1e-12 * forward.abs().max(1.0));
    assert!(forward.abs() > 1e-3);

    let short = Tensor::full(1.0, &[1]).unwrap();
    net.params(&mut |_, param| assert!(tape.set_tangent(param, short.clone()).is_err()));
}

/// `a * b` with a state that holds only what each pass needs.
struct Product;

struct Kept<T: Real> {
    a: Option<Tensor<T>>,
    b: Option<KeptInput<T>>,
    ones: BitMatrix,
}
saved_state!(Kept<T> { a, b, ones });

impl<T: Real> Function<T> for Product {
    fn forward(&self, ctx: &mut Context<T>, given: &[&Tensor<T>]) -> Result<Vec<Tensor<T>>, Error> {
        let [a, b] = inputs("inputs of Product", given)?;
        ctx.save_each(|pass| {
            Ok(Kept {
                a: pass.needs(1).then(|| a.clone()),
                b: pass.needs(0).then(|| pass.input(1, b)),
                ones: BitMatrix::zeros(3, 64)?,
            })
        })?;
        Ok(vec![Tensor::scalar(a.item()? * b.item()?)])
    }
    fn backward(
        &self,
        ctx: &Context<T>,
        grads: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let dy = grads.single()?.item()?;
        let Kept { a, b, .. } = ctx.saved_state::<Kept<T>>()?;
        let b = b.as_ref().map(KeptInput::tensor).transpose()?;
        let times = |x: &Tensor<T>| x.item().map(|x| Tensor::scalar(dy * x));
        Ok(vec![
            b.as_ref().map(times).transpose()?,
            a.as_ref().map(times).transpose()?,
        ])
    }
    fn jvp(
        &self,
        ctx: &Context<T>,
        mut tangents: Derivatives<T>,
    ) -> Result<Vec<Option<Tensor<T>>>, Error> {
        let Kept { a, b, .. } = ctx.saved_state::<Kept<T>>()?;
        let mut dy = T::zero();
        if let Some(b) = b {
            dy += tangents.take_dense(0)?.item()? * b.tensor()?.item()?;
        }
        if let Some(a) = a {
            dy += tangents.take_dense(1)?.item()? * a.item()?;
        }
        Ok(vec![Some(Tensor::scalar(dy))])
    }
}

#[test]
fn a_state_is_found_by_its_type_and_each_pass_keeps_what_it_needs() {
    let at = [Tensor::scalar(3.0), Tensor::scalar(-0.5)];
    let product = |v: &[Var<f64>]| v[0].tape().apply(Product, &[&v[0], &v[1]]);
    gradcheck(&at, Tolerance::default(), product).unwrap();
    modes_agree(&at, 1e-14, product).unwrap();

    let tape = Tape::<f32>::new();
    let (a, b) = (
        tape.leaf(Tensor::scalar(3.0)),
        tape.constant(Tensor::scalar(5.0)),
    );
    // Forward mode varies the second input alone, reverse mode the first.
    let b = b.with_tangent(Tensor::scalar(2.0)).unwrap();
    let y = tape.apply(Product, &[&a, &b]).unwrap();
    assert_eq!(y.tangent().unwrap().item().unwrap(), 6.0);
    // The bits of three rows, and `b`, which the variable holds too.
    let node = tape.memory().nodes[0];
    assert_eq!((node.bytes, node.shared), (3 * 8 + 4, 4));
    let gradients = y.backward().unwrap();
    assert_eq!(gradients.get(&a).unwrap().item().unwrap(), 5.0);
}

#[test]
fn a_state_that_was_not_saved_is_named() {
    struct Other {
        bits: BitMatrix,
    }
    saved_state!(Other { bits });
    struct Forgets;
    impl Function<f64> for Forgets {
        fn forward(&self, ctx: &mut Context<f64>, given: &[&Tensor<f64>]) -> Outputs {
            ctx.save(vec![1_u8]);
            Ok(vec![given[0].clone()])
        }
        fn backward(&self, ctx: &Context<f64>, _: Derivatives<f64>) -> Grads {
            ctx.saved_state::<Other>().map(|_| Vec::new())
        }
    }
    let tape = Tape::new();
    let x = tape.leaf(Tensor::scalar(1.0));
    let error = tape.apply(Forgets, &[&x]).unwrap().backward().unwrap_err();
    assert!(matches!(&error, Error::NoSavedState { .. }));
    assert!(error.to_string().contains("Other"), "{error}");
    drop(Other {
        bits: BitMatrix::zeros(1, 1).unwrap(),
    });
}
