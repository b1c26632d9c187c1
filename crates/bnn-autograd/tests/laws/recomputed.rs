//! Networks whose activations are computed again in the reverse pass: the same bits in less memory.

use bnn_autograd::models::{Family, ResidualConfig, ResidualNet};
use bnn_autograd::nn::{
    BatchNorm, BinaryLinear, Dropout, Linear, Module, PReLU, Recomputed, Residual,
};
use bnn_autograd::optim::{Adam, Optimizer};
use bnn_autograd::{Error, Rng, Tape, Tensor, Var, children, ops, summary};

#[derive(Clone)]
struct Inner {
    fc: BinaryLinear,
    norm: BatchNorm,
    dropout: Dropout,
    activation: PReLU,
}

impl Module for Inner {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        let x = self.norm.forward(&self.fc.forward(x)?)?;
        self.activation.forward(&self.dropout.forward(&x)?)
    }
    children!(fc, norm, dropout, activation);
}

#[derive(Clone)]
struct Block {
    residual: Residual<Inner>,
    last: Linear,
}

impl Module for Block {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        self.last.forward(&self.residual.forward(x)?)
    }
    children!(residual, last);
}

fn block(seed: u64) -> Block {
    let mut rng = Rng::new(seed);
    let inner = Inner {
        fc: BinaryLinear::new(70, 70, &mut rng).unwrap(),
        norm: BatchNorm::new(70).unwrap(),
        dropout: Dropout::new(0.3, 7).unwrap(),
        activation: PReLU::new(70).unwrap(),
    };
    Block {
        residual: Residual(inner),
        last: Linear::new(70, 70, &mut rng).unwrap(),
    }
}

fn noise(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = Rng::new(seed);
    let numbers = (0..shape.iter().product()).map(|_| rng.uniform(-1.5, 1.5) as f32);
    Tensor::new(numbers.collect(), shape).unwrap()
}

/// Everything that some steps leave behind: losses, parameters, buffers.
fn after_steps(net: &mut dyn Module, x: &Tensor, labels: &[u8]) -> Vec<u32> {
    let mut adam = Optimizer::new(Adam::new(0.01).unwrap());
    let mut bits = Vec::new();
    for _ in 0..3 {
        let tape = Tape::new();
        let scores = net.forward(&tape.constant(x.clone())).unwrap();
        let loss = ops::cross_entropy(&scores, labels, 0.0).unwrap();
        loss.backward().unwrap().add_to(net).unwrap();
        adam.step(net).unwrap();
        net.zero_grad();
        bits.push(loss.value().item().unwrap().to_bits());
    }
    net.params(&mut |_, param| bits.extend(param.value().data().iter().map(|x| x.to_bits())));
    net.buffers(&mut |_, buffer| bits.extend(buffer.data().iter().map(|x| x.to_bits())));
    bits
}

#[test]
fn steps_leave_the_same_bits_with_dropout_and_running_statistics() {
    let x = noise(&[9, 70], 1);
    let labels: Vec<u8> = (0..9).collect();
    let plain = after_steps(&mut block(3), &x, &labels);
    assert_eq!(
        after_steps(&mut Recomputed::from(block(3)), &x, &labels),
        plain
    );
    let mut nested: Recomputed<Recomputed<Block>> = Recomputed::from(Recomputed::from(block(3)));
    assert_eq!(after_steps(&mut nested, &x, &labels), plain);
}

#[test]
fn the_gradient_of_the_input_is_the_same_and_passes_run_again() {
    let gradients = |net: &mut dyn Module| {
        let tape = Tape::new();
        let x = tape.leaf(noise(&[9, 70], 1));
        let y = net.forward(&x).unwrap();
        let loss = ops::mse(&y, &noise(&[9, 70], 2)).unwrap();
        let kept = tape.memory().total;
        let first = loss.backward_retain().unwrap().get(&x).cloned().unwrap();
        let second = loss.backward().unwrap().get(&x).cloned().unwrap();
        assert_eq!(first.data(), second.data());
        (kept, first)
    };
    let (most, plain) = gradients(&mut block(3));
    let (least, again) = gradients(&mut Recomputed::from(block(3)));
    assert_eq!(plain.data(), again.data());
    assert!(least < most, "{least} {most}");
}

#[test]
fn evaluation_forward_mode_and_names_are_those_of_the_inner_network() {
    let (mut plain, mut again) = (block(3), Recomputed::from(block(3)));
    let names = |net: &dyn Module| {
        let mut names = Vec::new();
        net.params(&mut |name, _| names.push(name.to_owned()));
        net.buffers(&mut |name, _| names.push(name.to_owned()));
        names
    };
    assert_eq!(names(&plain), names(&again));
    assert_eq!(
        summary(&mut plain, &[2, 70]).unwrap().to_string(),
        summary(&mut again, &[2, 70]).unwrap().to_string()
    );
    let tangent = |net: &mut dyn Module, training: bool| {
        net.set_training(training);
        let tape = Tape::new();
        let x = tape.leaf(noise(&[2, 70], 4));
        let x = x.with_tangent(noise(&[2, 70], 5)).unwrap();
        let y = net.forward(&x).unwrap();
        y.tangent().cloned().unwrap()
    };
    for training in [false, true, true] {
        let (plain, again) = (tangent(&mut plain, training), tangent(&mut again, training));
        assert_eq!(plain.data(), again.data(), "{training}");
    }
    again.set_training(true);
    let error = again.forward(&Tape::new().leaf(noise(&[2, 3], 1)));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("inner"), "{error}");
}

/// An inner network that is a single layer has that layer's mode, not one beside it.
#[test]
fn frozen_statistics_stay_frozen() {
    let mut net = Recomputed::from(BatchNorm::<f32>::new(70).unwrap());
    assert_eq!(net.is_training(), Some(true));
    net.inner.training = false;
    summary(&mut net, &[2, 70]).unwrap();
    assert!(!net.inner.training);
    let before = net.inner.clone();
    net.forward(&Tape::new().leaf(noise(&[9, 70], 1))).unwrap();
    let mut buffers = Vec::new();
    before.buffers(&mut |_, buffer| buffers.push(buffer.data().to_vec()));
    net.buffers(&mut |_, buffer| assert_eq!(buffer.data(), buffers.remove(0)));
    net.set_training(true);
    assert!(net.inner.training);
    // A part in training is enough, and a part that is frozen stays so.
    let mut net = Recomputed::from(block(3));
    net.inner.residual.0.norm.training = false;
    summary(&mut net, &[2, 70]).unwrap();
    assert!(!net.inner.residual.0.norm.training);
    let tape = Tape::new();
    net.forward(&tape.leaf(noise(&[9, 70], 1))).unwrap();
    assert_eq!(tape.memory().total, 9 * 70 * 4);
}

#[derive(Clone)]
struct Detached(BatchNorm);

impl Module for Detached {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        Ok(self.0.forward(x)?.detach())
    }
    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("norm", &self.0);
    }
    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module)) {
        visit("norm", &mut self.0);
    }
}

#[test]
fn a_network_that_ends_in_constants_has_no_gradient_of_its_own() {
    let mut net = Recomputed::from(Detached(BatchNorm::new(70).unwrap()));
    let tape = Tape::new();
    let x = tape.leaf(noise(&[9, 70], 1));
    let y = ops::add(&x, &net.forward(&x).unwrap()).unwrap();
    let gradients = ops::sum(&y).unwrap().backward().unwrap();
    assert!(gradients.get(&x).unwrap().data().iter().all(|&d| d == 1.0));
    net.params(&mut |_, param| assert!(gradients.param(param).is_none()));
}

/// What a step of a network of the shape of ReActNet-A keeps, and its bits.
#[test]
fn a_residual_network_learns_the_same_in_less_memory() {
    let config = ResidualConfig::react_net_a([64, 64, 3], 4, 5).unwrap();
    let pixels: Vec<f32> = (0..3 * 64 * 64 * 3)
        .map(|i| (i * 7919 % 251) as f32)
        .collect();
    let x = Tensor::new(pixels, &[3, 64, 64, 3]).unwrap();
    let net = |recompute| {
        let config = ResidualConfig {
            recompute,
            ..config.clone()
        };
        ResidualNet::new(config, &mut Rng::new(1)).unwrap()
    };
    let kept = |mut net: ResidualNet| {
        let tape = Tape::new();
        net.forward(&tape.constant(x.clone())).unwrap();
        tape.memory().total
    };
    let plain = after_steps(&mut net(0), &x, &[0, 4, 2]);
    for at_once in [1, 4, 26, 100] {
        assert_eq!(after_steps(&mut net(at_once), &x, &[0, 4, 2]), plain);
    }
    assert!(
        3 * kept(net(4)) < kept(net(0)),
        "{} {}",
        kept(net(4)),
        kept(net(0))
    );

    // In evaluation its layers are on the tape, for the summary and for export.
    let listed = |recompute| {
        summary(&mut net(recompute), &[1, 64, 64, 3])
            .unwrap()
            .to_string()
    };
    assert_eq!(listed(4), listed(0));

    let family = Family::QuickNet;
    let other = ResidualConfig::resnet(family, [16, 16, 1], 8, &[1, 1], 5).unwrap();
    let mut names = Vec::new();
    for recompute in [0, 3] {
        let config = ResidualConfig {
            recompute,
            ..other.clone()
        };
        let net = ResidualNet::new(config, &mut Rng::new(1)).unwrap();
        let mut of_net = Vec::new();
        net.params(&mut |name, _| of_net.push(name.to_owned()));
        names.push(of_net);
    }
    assert_eq!(names[0], names[1]);
}
