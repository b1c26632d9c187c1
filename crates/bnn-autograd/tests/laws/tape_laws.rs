//! What the tape promises: gradients accumulate, contexts are released, misuse is a typed error.

use std::cell::RefCell;
use std::rc::Rc;

use bnn_autograd::function::Part;
use bnn_autograd::function::inputs;
use bnn_autograd::nn::{BinaryLinear, Module};
use bnn_autograd::{
    Context, Derivatives, Error, Function, Rng, SavedState, Tape, Tensor, Var, ops,
};

/// `a * b`, elementwise; records when it runs and when its context dies.
struct Mul {
    id: u32,
    log: Log,
}

type Log = Rc<RefCell<Vec<String>>>;

/// Says in the log that it was dropped.
struct Tracer(u32, Log);

impl SavedState<f64> for Tracer {
    fn parts(&self, visit: &mut dyn FnMut(Part<'_, f64>)) {
        visit(Part::Bytes(100));
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        self.1.borrow_mut().push(format!("free {}", self.0));
    }
}

impl Function<f64> for Mul {
    fn forward(
        &self,
        ctx: &mut Context<f64>,
        given: &[&Tensor<f64>],
    ) -> Result<Vec<Tensor<f64>>, Error> {
        let [a, b] = inputs("inputs of Mul", given)?;
        ctx.save_for_backward(ctx.needs_input_grad(1).then(|| a.clone()));
        ctx.save_for_backward(ctx.needs_input_grad(0).then(|| b.clone()));
        ctx.save_for_backward(Tracer(self.id, Rc::clone(&self.log)));
        Ok(vec![times(a, b)])
    }

    fn backward(
        &self,
        ctx: &Context<f64>,
        grad_outputs: Derivatives<f64>,
    ) -> Result<Vec<Option<Tensor<f64>>>, Error> {
        self.log.borrow_mut().push(format!("run {}", self.id));
        let dy = grad_outputs.single()?;
        let grad = |other| Ok::<_, Error>(Some(times(&dy, ctx.saved::<Tensor<f64>>(other)?)));
        Ok(vec![
            if ctx.needs_input_grad(0) {
                grad(1)?
            } else {
                None
            },
            if ctx.needs_input_grad(1) {
                grad(0)?
            } else {
                None
            },
        ])
    }
}

fn times(a: &Tensor<f64>, b: &Tensor<f64>) -> Tensor<f64> {
    let product = a.data().iter().zip(b.data()).map(|(a, b)| a * b);
    Tensor::new(product.collect(), a.shape()).unwrap()
}

fn mul(id: u32, log: &Log, a: &Var<f64>, b: &Var<f64>) -> Result<Var<f64>, Error> {
    let log = Rc::clone(log);
    a.tape().apply(Mul { id, log }, &[a, b])
}

fn scalar(x: f64) -> Tensor<f64> {
    Tensor::scalar(x)
}

#[test]
fn a_variable_used_again_collects_all_its_gradients() {
    let (tape, log) = (Tape::new(), Log::default());
    let x = tape.leaf(scalar(3.0));
    let square = mul(0, &log, &x, &x).unwrap();
    let cube = mul(1, &log, &square, &x).unwrap();
    let y = mul(2, &log, &cube, &square).unwrap(); // x^5
    let gradients = y.backward().unwrap();
    assert_eq!(gradients.get(&x).unwrap().item().unwrap(), 5.0 * 81.0);
}

#[test]
fn functions_run_back_in_reverse_order_and_free_their_contexts_at_once() {
    let (tape, log) = (Tape::new(), Log::default());
    let x = tape.leaf(scalar(2.0));
    let a = mul(0, &log, &x, &x).unwrap();
    let b = mul(1, &log, &a, &x).unwrap();
    let unused = mul(2, &log, &a, &a).unwrap();
    let c = mul(3, &log, &b, &a).unwrap();
    assert!(log.borrow().is_empty());
    c.backward().unwrap();
    assert_eq!(
        log.borrow_mut().drain(..).collect::<Vec<_>>(),
        ["run 3", "free 3", "run 1", "free 1", "run 0", "free 0"]
    );
    // What the loss does not depend on was not touched.
    assert_eq!(
        tape.memory()
            .nodes
            .iter()
            .map(|node| node.bytes)
            .sum::<usize>(),
        116
    );
    drop((x, a, b, c, unused, tape));
    assert_eq!(*log.borrow(), ["free 2"]);
}

#[test]
fn backward_twice_is_an_error_unless_the_first_pass_retains() {
    let (tape, log) = (Tape::new(), Log::default());
    let x = tape.leaf(scalar(2.0));
    let y = mul(0, &log, &x, &x).unwrap();
    let first = y.backward_retain().unwrap();
    let second = y.backward().unwrap();
    assert_eq!(first.get(&x), second.get(&x));
    let error = y.backward().unwrap_err();
    assert!(
        matches!(error, Error::Released { function: "Mul" }),
        "{error}"
    );
}

#[test]
fn only_a_one_element_loss_can_run_backward() {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::full(1.0, &[2, 3]).unwrap());
    let y = ops::hard_tanh(&x).unwrap();
    assert!(matches!(y.backward(), Err(Error::NotScalar { shape }) if shape == [2, 3]));
    let short = Tensor::full(1.0, &[2]).unwrap();
    assert!(matches!(y.vjp(short), Err(Error::Shape { .. })));
    // A refused call has released nothing.
    assert!(y.vjp(Tensor::full(1.0, &[2, 3]).unwrap()).is_ok());
}

#[test]
fn a_constant_has_no_gradient_and_stops_the_flow() {
    let (tape, log) = (Tape::new(), Log::default());
    let (x, c) = (tape.leaf(scalar(2.0)), tape.constant(scalar(5.0)));
    assert!(matches!(c.backward(), Err(Error::NoGradient)));
    let detached = mul(0, &log, &x, &x).unwrap().detach();
    assert!(!detached.requires_grad());
    let y = mul(1, &log, &mul(2, &log, &x, &c).unwrap(), &detached).unwrap();
    let gradients = y.backward().unwrap();
    assert_eq!(gradients.get(&x).unwrap().item().unwrap(), 20.0);
    assert!(gradients.get(&c).is_none());
    assert!(gradients.get(&y).is_none(), "only leaves keep gradients");
}

#[test]
fn nothing_is_recorded_or_saved_without_gradients() {
    let (tape, log) = (Tape::new(), Log::default());
    let x = tape.leaf(scalar(2.0));
    let is_recording = || tape.leaf(scalar(1.0)).requires_grad();
    let y = tape.no_grad(|| {
        assert!(!is_recording());
        let nested = tape.no_grad(|| mul(0, &log, &x, &x)).unwrap();
        assert!(!is_recording());
        mul(1, &log, &nested, &x).unwrap()
    });
    assert_eq!(y.value().item().unwrap(), 8.0);
    assert!(!y.requires_grad());
    assert!(tape.memory().nodes.is_empty());
    assert_eq!(*log.borrow(), ["free 0", "free 1"]);
    assert!(is_recording());
}

#[test]
fn variables_of_two_tapes_do_not_mix() {
    let (one, other, log) = (Tape::new(), Tape::new(), Log::default());
    let (x, y) = (one.leaf(scalar(2.0)), other.leaf(scalar(3.0)));
    let error = mul(0, &log, &x, &y).unwrap_err();
    assert!(
        matches!(error, Error::ForeignVar { what: "Mul" }),
        "{error}"
    );
    let gradients = mul(1, &log, &x, &x).unwrap().backward().unwrap();
    assert!(gradients.get(&y).is_none());
}

/// Splits a vector in two halves.
struct Halves;

impl Function<f64> for Halves {
    fn forward(
        &self,
        _: &mut Context<f64>,
        given: &[&Tensor<f64>],
    ) -> Result<Vec<Tensor<f64>>, Error> {
        let [x] = inputs("inputs of Halves", given)?;
        let halves = x.data().chunks(x.numel() / 2);
        halves
            .map(|half| Tensor::new(half.to_vec(), &[half.len()]))
            .collect()
    }

    fn backward(
        &self,
        _: &Context<f64>,
        mut grad_outputs: Derivatives<f64>,
    ) -> Result<Vec<Option<Tensor<f64>>>, Error> {
        assert!(grad_outputs.get(0).is_none() || grad_outputs.get(1).is_none());
        assert!(grad_outputs.take_dense(2).is_err());
        let (first, second) = (grad_outputs.take_dense(0)?, grad_outputs.take_dense(1)?);
        let both = [first.data(), second.data()].concat();
        let n = both.len();
        Ok(vec![Some(Tensor::new(both, &[n])?)])
    }
}

#[test]
fn an_output_that_the_loss_does_not_use_has_an_undefined_gradient() {
    let tape = Tape::new();
    for (used, expected) in [(0, [1.0, 1.0, 0.0, 0.0]), (1, [0.0, 0.0, 1.0, 1.0])] {
        let x = tape.leaf(Tensor::new(vec![1.0, 2.0, 3.0, 4.0], &[4]).unwrap());
        let halves = tape.apply_many(Halves, &[&x]).unwrap();
        let gradients = ops::sum(&halves[used]).unwrap().backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap().data(), expected);
    }
    let x = tape.leaf(Tensor::full(1.0, &[4]).unwrap());
    let error = tape.apply(Halves, &[&x]).unwrap_err();
    assert!(matches!(
        error,
        Error::Count {
            expected: 1,
            found: 2,
            ..
        }
    ));
}

/// Returns what it is told to as the gradients of its two inputs.
struct Broken(Vec<Option<Tensor<f64>>>);

impl Function<f64> for Broken {
    fn forward(
        &self,
        _: &mut Context<f64>,
        given: &[&Tensor<f64>],
    ) -> Result<Vec<Tensor<f64>>, Error> {
        let [a, _] = inputs("inputs of Broken", given)?;
        Ok(vec![a.clone()])
    }

    fn backward(
        &self,
        ctx: &Context<f64>,
        _: Derivatives<f64>,
    ) -> Result<Vec<Option<Tensor<f64>>>, Error> {
        assert!(matches!(
            ctx.saved::<Tensor<f64>>(0),
            Err(Error::Saved { slot: 0, .. })
        ));
        assert!(ctx.saved::<bnn_core::BitMatrix>(0).is_err() && ctx.saved::<u32>(0).is_err());
        Ok(self.0.clone())
    }
}

#[test]
fn a_function_that_returns_wrong_gradients_is_named() {
    let tape = Tape::new();
    let (a, b) = (tape.leaf(scalar(1.0)), tape.leaf(scalar(1.0)));
    let run = |grads| tape.apply(Broken(grads), &[&a, &b]).unwrap().backward();
    assert!(matches!(
        run(vec![None]),
        Err(Error::Count {
            expected: 2,
            found: 1,
            ..
        })
    ));
    let wide = Tensor::full(1.0, &[2]).unwrap();
    assert!(matches!(
        run(vec![None, Some(wide)]),
        Err(Error::GradientShape {
            function: "Broken",
            input: 1,
            ..
        })
    ));
    let none = run(vec![None, None]).unwrap();
    assert!(none.get(&a).is_none() && none.get(&b).is_none());
    let error = tape.apply(Broken(vec![]), &[&a]).unwrap_err();
    assert!(matches!(
        error,
        Error::Count {
            expected: 2,
            found: 1,
            ..
        }
    ));
}

#[test]
fn a_parameter_used_twice_collects_one_gradient() {
    let mut layer = BinaryLinear::<f64>::new(3, 3, &mut Rng::new(1)).unwrap();
    let tape = Tape::new();
    let x = tape.constant(Tensor::full(0.5, &[2, 3]).unwrap());
    let once = ops::sum(&layer.forward(&x).unwrap())
        .unwrap()
        .backward()
        .unwrap();
    let one = once.param(&layer.weight).unwrap().clone();

    let tape = Tape::new();
    let x = tape.constant(Tensor::full(0.5, &[2, 3]).unwrap());
    let (a, b) = (layer.forward(&x).unwrap(), layer.forward(&x).unwrap());
    let log = Log::default();
    let (a, b) = (ops::sum(&a).unwrap(), ops::sum(&b).unwrap());
    // d(a * b) = b da + a db, and a = b.
    let both = mul(0, &log, &a, &b).unwrap().backward().unwrap();
    let factor = 2.0 * a.value().item().unwrap();
    let expected: Vec<f64> = one.data().iter().map(|g| factor * g).collect();
    assert_eq!(both.param(&layer.weight).unwrap().data(), expected);

    both.add_to(&mut layer).unwrap();
    once.add_to(&mut layer).unwrap();
    let expected: Vec<f64> = expected
        .iter()
        .zip(one.data())
        .map(|(b, o)| b + o)
        .collect();
    assert_eq!(layer.weight.grad().unwrap().data(), expected);
    layer.zero_grad();
    assert!(layer.weight.grad().is_none());
}
