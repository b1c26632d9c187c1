//! Errors in a network name the layer and say how to mend it.

use bnn_autograd::models::{Cnn, CnnConfig, Mlp, MlpConfig};
use bnn_autograd::nn::{
    BatchNorm, BinaryConv2d, BinaryLinear, Flatten, Linear, Module, PReLU, Residual, Sequential,
};
use bnn_autograd::ops::ConvOptions;
use bnn_autograd::{Error, Rng, Tape, Tensor, Var, children};

/// The message of a network that is given an input of this shape.
#[track_caller]
fn message(net: &mut dyn Module, shape: &[usize]) -> String {
    let x = Tape::new().constant(Tensor::full(0.5, shape).unwrap());
    net.forward(&x).unwrap_err().to_string()
}

fn rng() -> Rng {
    Rng::new(1)
}

#[test]
fn images_in_front_of_a_linear_layer_are_told_to_be_flattened() {
    let mut net = Sequential::new().named("fc1", BinaryLinear::new(64, 10, &mut rng()).unwrap());
    assert_eq!(
        message(&mut net, &[2, 8, 8]),
        "layer `fc1`: input of a linear operation: expected shape [.., 64] for weights [10, 64] \
         (put `nn::Flatten` in front), found [2, 8, 8]"
    );
    let mut net = Sequential::new()
        .then(Flatten)
        .then(BinaryLinear::new(64, 10, &mut rng()).unwrap());
    let images = Tape::new().constant(Tensor::full(0.5, &[2, 8, 8]).unwrap());
    assert_eq!(net.forward(&images).unwrap().shape(), [2, 10]);
}

#[test]
fn names_of_nested_networks_are_dotted() {
    let block = Sequential::new()
        .named("fc", Linear::new(4, 4, &mut rng()).unwrap())
        .then(BatchNorm::new(5).unwrap());
    let mut net = Sequential::new()
        .then(Flatten)
        .named("block", Residual(block));
    assert_eq!(
        message(&mut net, &[3, 4]),
        "layer `block.inner.1`: input of a batch norm: expected shape [.., 5] for 5 columns of the \
         layer, found [3, 4]"
    );
}

#[test]
fn a_network_that_is_a_struct_names_its_fields() {
    struct Net {
        body: Sequential,
    }
    impl Module for Net {
        fn forward(&mut self, x: &Var) -> Result<Var, Error> {
            self.body.forward(x).map_err(|e| e.in_layer("body"))
        }
        children!(body);
    }
    let body = Sequential::new().named("act", PReLU::new(3).unwrap());
    assert_eq!(
        message(&mut Net { body }, &[2, 4]),
        "layer `body.act`: input of prelu: expected shape [.., 3] for 3 slopes, found [2, 4]"
    );
}

#[test]
fn the_ready_made_networks_name_their_layers() {
    let config = MlpConfig {
        inputs: 6,
        hidden: vec![4, 3],
        classes: 2,
        ..MlpConfig::default()
    };
    let on_bits = MlpConfig {
        thresholds: Some(vec![7; 6]),
        ..config.clone()
    };
    let mut mlp = Mlp::new(config, &mut rng()).unwrap();
    let text = message(&mut mlp, &[2, 5]);
    assert!(
        text.starts_with("layer `0.linear`: input of a linear operation"),
        "{text}"
    );
    let mut mlp = Mlp::new(on_bits, &mut rng()).unwrap();
    let text = message(&mut mlp, &[2, 5]);
    assert!(text.starts_with("layer `input`: "), "{text}");
    // A sample is several rows for the batch norm of a convolution, and one for that of a linear
    // layer, which is too few in training.
    let config = CnnConfig {
        image: [4, 4, 1],
        stages: vec![vec![2]],
        hidden: vec![],
        classes: 2,
    };
    let mut cnn = Cnn::new(config, &mut rng()).unwrap();
    let text = message(&mut cnn, &[1, 4, 4, 1]);
    assert!(text.starts_with("layer `linear.0.norm`: "), "{text}");
}

#[test]
fn rows_in_front_of_a_convolution_are_told_to_become_images() {
    let conv = BinaryConv2d::new(1, 2, [3, 3], ConvOptions::default(), &mut rng()).unwrap();
    assert_eq!(
        message(&mut Sequential::new().named("conv1", conv), &[2, 64]),
        "layer `conv1`: images of a convolution: expected shape [batch, height, width, channels] \
         (`ops::reshape` makes images of rows), found [2, 64]"
    );
}

#[test]
fn a_module_of_one_input_says_so() {
    let tape = Tape::new();
    let x = tape.constant(Tensor::full(0.5_f32, &[1, 2]).unwrap());
    let error = Flatten.forward_many(&[&x, &x]).unwrap_err();
    assert_eq!(error.to_string(), "inputs of a module: expected 1, found 2");
    assert_eq!(Flatten.forward_many(&[&x]).unwrap().shape(), [1, 2]);
}

#[test]
fn the_element_type_of_a_network_is_f32_unless_said_otherwise() {
    let net = Sequential::new();
    let mut names = 0;
    net.params(&mut |_, _| names += 1);
    assert_eq!(names, 0);
    let mut net = Sequential::<f64>::default();
    let x = Tape::new().constant(Tensor::full(0.5_f64, &[1]).unwrap());
    assert_eq!(net.forward(&x).unwrap().value(), x.value());
}
