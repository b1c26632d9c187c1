//! What a module says in `lower` is checked against what it computes.

use super::*;
use crate::nn::Param;
use crate::{children, ops};

/// A network of two layers whose `forward` is more, or other, than its layers in order.
struct Odd {
    first: SignWeightLinear,
    norm: BatchNorm,
    second: BinaryLinear,
    forward: fn(&mut Odd, &Var) -> Result<Var, Error>,
}

impl Odd {
    fn new(forward: fn(&mut Odd, &Var) -> Result<Var, Error>) -> Self {
        let rng = &mut Rng::new(1);
        Self {
            first: SignWeightLinear::new(20, 20, rng).unwrap(),
            norm: BatchNorm::new(20).unwrap(),
            second: BinaryLinear::new(20, 20, rng).unwrap(),
            forward,
        }
    }

    fn in_order(&mut self, x: &Var) -> Result<Var, Error> {
        let x = self.norm.forward(&self.first.forward(x)?)?;
        self.second.forward(&x)
    }
}

impl Module for Odd {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        (self.forward)(self, x)
    }
    children!(first, norm, second);
    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.in_order(self)
    }
}

const PIXELS: InputType = InputType::Unsigned { depth: 4 };

#[test]
fn operations_that_no_layer_accounts_for_are_refused_by_name() {
    export(&mut Odd::new(Odd::in_order), PIXELS).unwrap();
    type Forward = fn(&mut Odd, &Var) -> Result<Var, Error>;
    let cases: [(Forward, &str); 6] = [
        (
            |net, x| {
                let hidden = net.norm.forward(&net.first.forward(x)?)?;
                ops::add(&hidden, &net.second.forward(&hidden)?)
            },
            "applies `add`, which no layer accounts for",
        ),
        (
            |net, x| {
                let scale = Tensor::full(0.5, &[20])?;
                ops::mul(&net.in_order(x)?, &x.tape().constant(scale))
            },
            "applies `channel_scale` after 1 operations of this kind, which",
        ),
        (
            |net, x| {
                let x = net.in_order(x)?;
                net.norm.forward(&x)
            },
            "applies `batch_norm` after 1 operations of this kind, which",
        ),
        (
            |net, x| {
                let x = net.in_order(x)?;
                net.second.forward(&x)
            },
            "applies `binary_linear` after 2 operations of this kind, which",
        ),
        (
            |net, x| ops::sign(&net.in_order(x)?, ops::Estimator::Clipped),
            "applies `sign`, which",
        ),
        (
            |net, x| x.tape().apply(SignFunction, &[&net.in_order(x)?]),
            "applies `SignFunction`, which",
        ),
    ];
    for (forward, expected) in cases {
        let error = export(&mut Odd::new(forward), PIXELS).unwrap_err();
        assert!(matches!(error, ExportError::Operation { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn what_the_tape_does_not_see_is_refused() {
    let hidden = |net: &mut Odd, x: &Var| Ok(net.in_order(&x.detach())?.detach());
    let refused = export(&mut Odd::new(hidden), PIXELS);
    assert!(matches!(refused, Err(ExportError::Untraced)));
}

/// Layers in another order than they are applied in, of the same operations.
struct Swapped(BinaryLinear, BinaryLinear);

impl Module for Swapped {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        self.1.forward(&self.0.forward(x)?)
    }
    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        to.layer("1", &self.1)?;
        to.layer("0", &self.0)
    }
    fn params_mut(&mut self, visit: &mut dyn FnMut(&str, &mut Param)) {
        self.0.params_mut(visit);
        self.1.params_mut(visit);
    }
}

#[test]
fn a_file_that_computes_otherwise_is_refused_with_the_first_difference() {
    let rng = &mut Rng::new(1);
    let mut layer = || BinaryLinear::new(30, 30, rng).unwrap();
    let mut swapped = Swapped(layer(), layer());
    let error = export(&mut swapped, InputType::Bits).unwrap_err();
    let ExportError::Differs {
        sample,
        output,
        model,
        file,
        differing,
        outputs,
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(outputs, 64 * 30);
    assert!(differing > outputs / 2 && sample < 64 && output < 30);
    assert_ne!(model, file);

    // On samples of the caller's, with the numbers of that sample.
    let x = Samples::draw(InputType::Bits, &[100, 30], rng).numbers;
    let expected = swapped.forward(&Tape::new().constant(x.clone())).unwrap();
    let error = export(&mut swapped, on(InputType::Bits, &x)).unwrap_err();
    let ExportError::Differs {
        sample,
        output,
        model,
        outputs,
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(outputs, 100 * 30);
    assert_eq!(expected.value().data()[sample * 30 + output], model);
}

/// An export that is compared on the caller's samples.
fn on(input: InputType, samples: &Tensor) -> ExportConfig<'_> {
    ExportConfig {
        samples: Some(samples),
        ..input.into()
    }
}

#[test]
fn samples_that_the_input_type_has_not_are_refused() {
    let rng = &mut Rng::new(1);
    let refused = |input, x: Vec<f32>, shape: &[usize]| {
        let rng = &mut Rng::new(1);
        let mut net = Sequential::new();
        match input {
            InputType::Bits => net.push(BinaryLinear::new(4, 2, rng).unwrap()),
            _ => net.push(SignWeightLinear::new(4, 2, rng).unwrap()),
        }
        let x = Tensor::new(x, shape).unwrap();
        export(&mut net, on(input, &x)).map_err(|error| error.to_string())
    };
    let bits = refused(
        InputType::Bits,
        vec![1.0, -1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0],
        &[2, 4],
    );
    let expected = "sample 1, input 1 is 0, expected -1 or 1";
    assert_eq!(bits.unwrap_err(), expected);
    for wrong in [16.0, -1.0, 0.5, f32::NAN] {
        let text = refused(PIXELS, vec![15.0, 0.0, 3.0, wrong], &[1, 4]).unwrap_err();
        let expected = format!("sample 0, input 3 is {wrong}, expected an integer from 0 to 15");
        assert_eq!(text, expected);
    }
    let text = refused(PIXELS, vec![1.0; 6], &[2, 3]).unwrap_err();
    assert!(
        text.contains("[samples, ..] with 4 elements in each"),
        "{text}"
    );
    // Given as images, though the network takes rows: the network's own error.
    let images = Tensor::full(1.0, &[2, 2, 2, 1]).unwrap();
    let mut net = Sequential::new().then(SignWeightLinear::new(4, 2, rng).unwrap());
    assert!(matches!(
        export(&mut net, on(PIXELS, &images)),
        Err(ExportError::Network(_))
    ));
}

#[test]
fn weights_that_are_not_finite_are_refused_by_name_and_place() {
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut net = Sequential::new().then(
            Sequential::new().named("fc", BinaryLinear::new(5, 3, &mut Rng::new(1)).unwrap()),
        );
        net.params_mut(&mut |_, weight| {
            let mut value = weight.value().clone();
            value.data_mut()[7] = wrong;
            weight.set_value(value).unwrap();
        });
        let error = export(&mut net, InputType::Bits).unwrap_err();
        let expected = format!("layer `0.fc`: weight 7 is {wrong}, expected a finite number");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn exporting_leaves_modes_and_buffers_as_they_were() {
    let rng = &mut Rng::new(1);
    let mut net = Sequential::new()
        .then(BinaryLinear::new(20, 5, rng).unwrap())
        .then(BatchNorm::new(5).unwrap())
        .then(Dropout::new(0.5, 1).unwrap());
    let x = Samples::draw(InputType::Bits, &[8, 20], rng).numbers;
    net.forward(&Tape::new().constant(x)).unwrap();
    let state = |net: &Sequential| {
        let mut all = Vec::new();
        net.buffers(&mut |_, buffer| all.push(buffer.clone()));
        net.children(&mut |_, layer| assert_ne!(layer.is_training(), Some(false)));
        all
    };
    let before = state(&net);
    export(&mut net, InputType::Bits).unwrap();
    assert_eq!(state(&net), before);
}
