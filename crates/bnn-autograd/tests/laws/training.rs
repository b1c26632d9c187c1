//! Layers and optimizers together: the same bits for any number of threads, latent weights in
//! range, names, and states that fit.

use bnn_autograd::nn::{
    BatchNorm, BinaryLinear, Init, Linear, Module, Param, ParamKind, Sequential, SignWeightLinear,
};
use bnn_autograd::optim::{Adam, AdamW, Bop, DiodeMix, Optimizer, OptimizerState, Rule, Sgd};
use bnn_autograd::{Error, Rng, Tape, Tensor, ops};

fn network(inputs: usize, hidden: usize, classes: usize) -> Sequential {
    let mut rng = Rng::new(5);
    Sequential::new()
        .then(SignWeightLinear::new(inputs, hidden, &mut rng).unwrap())
        .then(BatchNorm::new(hidden).unwrap())
        .then(BinaryLinear::new(hidden, hidden, &mut rng).unwrap())
        .then(BatchNorm::new(hidden).unwrap())
        .then(Linear::new(hidden, classes, &mut rng).unwrap())
}

/// Takes steps on made-up data and returns every parameter and buffer.
fn train(model: &mut Sequential, optimizer: &mut Optimizer, steps: u64) -> Vec<f32> {
    let (rows, inputs, classes) = (70, 83, 7);
    for step in 0..steps {
        let tape = Tape::new();
        let x = Init::Uniform(9.0)
            .tensor(&[rows, inputs], &mut Rng::new(step))
            .unwrap();
        let labels: Vec<u16> = (0..rows as u16).map(|i| i % classes).collect();
        let scores = model.forward(&tape.constant(x)).unwrap();
        let loss = ops::cross_entropy(&scores, &labels, 0.1).unwrap();
        loss.backward().unwrap().add_to(model).unwrap();
        optimizer.step(model).unwrap();
        model.zero_grad();
    }
    let mut all = Vec::new();
    model.params(&mut |_, param| all.extend_from_slice(param.value().data()));
    model.buffers(&mut |_, buffer| all.extend_from_slice(buffer.data()));
    all
}

#[test]
fn training_gives_the_same_bits_for_any_number_of_threads() {
    // 600 features: several tiles, tasks and column blocks.
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut optimizer = Optimizer::new(Adam::new(0.01).unwrap());
            train(&mut network(83, 600, 7), &mut optimizer, 3)
        })
    };
    let one: Vec<u32> = run(1).iter().map(|x| x.to_bits()).collect();
    for threads in [2, 3] {
        assert!(
            run(threads)
                .iter()
                .map(|x| x.to_bits())
                .eq(one.iter().copied()),
            "{threads}"
        );
    }
}

#[test]
fn optimizers_keep_latent_weights_in_range_and_only_those() {
    let optimizers = [
        Optimizer::new(Sgd::new(5.0, 0.0).unwrap()),
        Optimizer::new(Sgd::new(5.0, 0.9).unwrap()),
        Optimizer::new(Adam::new(5.0).unwrap()),
        Optimizer::new(AdamW::new(5.0, 0.0).unwrap()),
    ];
    for mut optimizer in optimizers {
        let mut model = network(8, 6, 2);
        model.params_mut(&mut |_, param| {
            let mut grad = Tensor::full(1.0, param.value().shape()).unwrap();
            grad.data_mut()[0] = -1.0;
            param.add_grad(grad).unwrap();
        });
        optimizer.step(&mut model).unwrap();
        model.params(&mut |name, param| {
            let (first, rest) = param.value().data().split_first().unwrap();
            match param.kind() {
                ParamKind::Binary => {
                    assert_eq!(*first, 1.0, "{name}");
                    assert!(rest.iter().all(|&x| x == -1.0), "{name}");
                }
                ParamKind::Float => {
                    assert!(*first > 3.0, "{name}");
                    assert!(rest.iter().all(|&x| x < -3.0), "{name}");
                }
            }
        });
    }
}

#[test]
fn parameters_and_buffers_have_dotted_names_in_order() {
    let model = Sequential::<f32>::new()
        .then(network(3, 4, 2))
        .then(BatchNorm::new(2).unwrap());
    let (mut params, mut buffers) = (Vec::new(), Vec::new());
    model.params(&mut |name, _| params.push(name.to_string()));
    model.buffers(&mut |name, _| buffers.push(name.to_string()));
    assert_eq!(
        params,
        [
            "0.0.weight",
            "0.1.gamma",
            "0.1.beta",
            "0.2.weight",
            "0.3.gamma",
            "0.3.beta",
            "0.4.weight",
            "0.4.bias",
            "1.gamma",
            "1.beta"
        ]
    );
    assert_eq!(
        buffers,
        [
            "0.1.running_mean",
            "0.1.running_var",
            "0.3.running_mean",
            "0.3.running_var",
            "1.running_mean",
            "1.running_var"
        ]
    );
}

#[test]
fn a_step_without_gradients_changes_nothing() {
    let mut model = network(3, 4, 2);
    let values = |model: &Sequential| {
        let mut all = Vec::new();
        model.params(&mut |_, param| all.push(param.value().clone()));
        all
    };
    let before = values(&model);
    let mut adam = Optimizer::new(Adam::new(0.1).unwrap());
    adam.step(&mut model).unwrap();
    assert_eq!(values(&model), before);
}

#[test]
fn a_state_of_another_shape_is_refused() {
    let mut model = Linear::<f32>::new(3, 2, &mut Rng::new(0)).unwrap();
    model.params_mut(&mut |_, param| {
        let grad = param.value().clone();
        param.add_grad(grad).unwrap();
    });
    let mut optimizer = Optimizer::new(Sgd::new(0.1, 0.9).unwrap());
    let averages = [(
        "momentum.weight".to_string(),
        Tensor::full(0.0, &[3, 2]).unwrap(),
    )];
    optimizer.state = OptimizerState {
        steps: 1,
        averages: averages.into(),
    };
    assert!(matches!(
        optimizer.step(&mut model),
        Err(Error::Shape { .. })
    ));
}

#[test]
fn settings_outside_their_range_are_refused() {
    assert!(Sgd::new(-0.1, 0.0).is_err());
    assert!(Sgd::new(0.1, 1.0).is_err());
    assert!(Adam::new(f64::INFINITY).is_err());
    assert!(AdamW::new(f64::NAN, 0.0).is_err());
    assert!(AdamW::new(0.1, -0.1).is_err());
    assert!(Bop::new(1.1, 0.0).is_err());
    assert!(Bop::new(0.1, f64::INFINITY).is_err());
    assert!(DiodeMix::new(0.0).is_err());

    let refused = |rule: &dyn Rule<f32>| {
        let refused = matches!(rule.check(), Err(Error::OutOfRange { .. }));
        assert!(refused, "{rule:?}");
    };
    let weight_decay = f64::NAN;
    for betas in [(0.9, 1.0), (-0.1, 0.9)] {
        let adam = Adam::new(0.1).unwrap();
        refused(&Adam { betas, ..adam });
        refused(&Adam {
            weight_decay,
            ..adam
        });
        let adam = AdamW::new(0.1, 0.1).unwrap();
        refused(&AdamW { betas, ..adam });
        let diode = DiodeMix::new(0.1).unwrap();
        refused(&DiodeMix { betas, ..diode });
    }
    refused(&Sgd {
        weight_decay: -1.0,
        ..Sgd::new(0.1, 0.0).unwrap()
    });

    // Positive, but not in f32.
    let tiny = 1e-60;
    for (momentum, eps) in [(1.1, 1e-5), (0.1, 0.0), (0.1, tiny)] {
        for training in [false, true] {
            let mut norm = BatchNorm::<f32> {
                momentum,
                eps,
                training,
                ..BatchNorm::new(3).unwrap()
            };
            let x = Tape::new().constant(Tensor::full(1.0, &[2, 3]).unwrap());
            let refused = norm.forward(&x);
            assert!(matches!(refused, Err(Error::OutOfRange { .. })), "{norm:?}");
            assert_eq!(norm.running.mean.data(), [0.0; 3]);
        }
    }
}

#[test]
fn a_parameter_refuses_values_and_gradients_of_another_shape() {
    let mut param = Param::new(ParamKind::Float, Tensor::full(1.0_f32, &[2, 3]).unwrap());
    let other = Tensor::full(1.0, &[3, 2]).unwrap();
    assert!(matches!(
        param.set_value(other.clone()),
        Err(Error::Shape { .. })
    ));
    assert!(matches!(param.add_grad(other), Err(Error::Shape { .. })));
    assert!(param.grad().is_none());
}

#[test]
fn equal_seeds_give_equal_weights_within_the_glorot_bound() {
    let layer = |seed| BinaryLinear::<f32>::new(30, 24, &mut Rng::new(seed)).unwrap();
    let (a, b) = (layer(3), layer(3));
    assert_eq!(a.weight.value(), b.weight.value());
    assert_ne!(a.weight.value(), layer(4).weight.value());
    let bound = (6.0_f32 / 54.0).sqrt();
    let data = a.weight.value().data();
    assert!(data.iter().all(|w| w.abs() <= bound));
    assert!(data.iter().any(|w| *w > 0.9 * bound) && data.iter().any(|w| *w < -0.9 * bound));
}
