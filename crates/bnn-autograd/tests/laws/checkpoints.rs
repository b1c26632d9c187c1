//! Checkpoints come back exactly, fit or say why not, and survive any bytes.

use std::collections::BTreeMap;
use std::fs;

use bnn_autograd::checkpoint::{Checkpoint, CheckpointError};
use bnn_autograd::nn::{BatchNorm, BinaryLinear, Module, Sequential};
use bnn_autograd::optim::{Adam, Optimizer, Sgd};
use bnn_autograd::{Rng, Tape, Tensor, ops};
use proptest::prelude::*;

fn network(hidden: usize, seed: u64) -> Sequential {
    let mut rng = Rng::new(seed);
    Sequential::new()
        .then(BinaryLinear::new(5, hidden, &mut rng).unwrap())
        .then(BatchNorm::new(hidden).unwrap())
}

fn step(model: &mut Sequential, optimizer: &mut Optimizer) {
    let tape = Tape::new();
    let x: Vec<f32> = (0..20).map(|i| (i * 7 % 11) as f32 - 5.0).collect();
    let x = tape.constant(Tensor::new(x, &[4, 5]).unwrap());
    let scores = model.forward(&x).unwrap();
    let loss = ops::squared_hinge(&scores, &[0_u8, 1, 2, 0]).unwrap();
    loss.backward().unwrap().add_to(model).unwrap();
    optimizer.step(model).unwrap();
    model.zero_grad();
}

fn adam() -> Optimizer {
    Optimizer::new(Adam::new(0.1).unwrap())
}

fn trained() -> (Sequential, Optimizer, Checkpoint) {
    let (mut model, mut optimizer) = (network(3, 1), adam());
    (0..3).for_each(|_| step(&mut model, &mut optimizer));
    let strings = [
        ("epoch", "3"),
        ("config", "{\"lr\": 0.1, \"name\": \"é\\n\"}"),
        ("a", ""),
    ];
    let strings = strings.map(|(key, value)| (key.to_string(), value.to_string()));
    let checkpoint = Checkpoint::capture(&model, Some(&optimizer), strings.into()).unwrap();
    (model, optimizer, checkpoint)
}

#[test]
fn a_run_resumed_from_a_file_goes_on_as_if_never_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let (mut model, mut optimizer, checkpoint) = trained();
    checkpoint.save(&path).unwrap();
    step(&mut model, &mut optimizer);
    // Saving shared the tensors; the step did not change the saved ones.
    checkpoint.save(&path).unwrap();
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "temporary files left behind");

    let loaded = Checkpoint::load(&path).unwrap();
    assert_eq!(loaded, checkpoint);
    let (mut resumed, mut adam) = (network(3, 2), adam());
    loaded.restore_model(&mut resumed).unwrap();
    loaded.restore_optimizer(&mut adam, &resumed).unwrap();
    step(&mut resumed, &mut adam);
    let state = |model: &Sequential, optimizer: &Optimizer| {
        let all = Checkpoint::capture(model, Some(optimizer), BTreeMap::new());
        all.unwrap().to_bytes().unwrap()
    };
    assert_eq!(state(&resumed, &adam), state(&model, &optimizer));
}

#[test]
fn equal_states_give_equal_bytes_and_special_numbers_come_back() {
    let (_, _, checkpoint) = trained();
    let bytes = checkpoint.to_bytes().unwrap();
    assert_eq!(trained().2.to_bytes().unwrap(), bytes);

    let mut model = BatchNorm::<f64>::new(4).unwrap();
    let special = vec![f64::NAN, f64::NEG_INFINITY, -0.0, f64::from_bits(1)];
    let special = Tensor::new(special, &[4]).unwrap();
    model.params_mut(&mut |_, param| param.set_value(special.clone()).unwrap());
    let bytes = Checkpoint::capture(&model, None, BTreeMap::new())
        .unwrap()
        .to_bytes()
        .unwrap();
    let mut back = BatchNorm::<f64>::new(4).unwrap();
    Checkpoint::from_bytes(&bytes)
        .unwrap()
        .restore_model(&mut back)
        .unwrap();
    let bits = |x: &Tensor<f64>| x.data().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(back.gamma().value()), bits(&special));
}

#[test]
fn what_does_not_fit_is_named_and_nothing_is_changed() {
    let (model, _, checkpoint) = trained();
    let mut wider = network(4, 2);
    let before = Checkpoint::capture(&wider, None, BTreeMap::new()).unwrap();
    let error = checkpoint.restore_model(&mut wider).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`param.0.weight` in the checkpoint has shape [3, 5], expected [4, 5]"
    );
    assert_eq!(
        Checkpoint::capture(&wider, None, BTreeMap::new()).unwrap(),
        before
    );

    let mut deeper = network(3, 2).then(BatchNorm::new(3).unwrap());
    let error = checkpoint.restore_model(&mut deeper).unwrap_err();
    assert!(matches!(error, CheckpointError::Missing { name } if name == "param.2.gamma"));

    let mut shallower = Sequential::new().then(BinaryLinear::new(5, 3, &mut Rng::new(0)).unwrap());
    let error = checkpoint.restore_model(&mut shallower).unwrap_err();
    assert!(matches!(error, CheckpointError::Unexpected { name } if name.contains("1.")));

    let mut sgd = Optimizer::new(Sgd::new(0.1, 0.9).unwrap());
    let error = checkpoint.restore_optimizer(&mut sgd, &model).unwrap_err();
    assert!(
        matches!(error, CheckpointError::Unexpected { .. }),
        "{error}"
    );
    assert_eq!(sgd.state().steps, 0);

    let bare = Checkpoint::capture(&model, None, BTreeMap::new()).unwrap();
    let mut adam = adam();
    let error = bare.restore_optimizer(&mut adam, &model).unwrap_err();
    assert!(matches!(error, CheckpointError::NoOptimizer), "{error}");
}

#[test]
fn other_element_types_versions_and_files_are_refused() {
    let bytes = trained().2.to_bytes().unwrap();
    let error = Checkpoint::<f64>::from_bytes(&bytes).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("has elements of type F32, expected F64"),
        "{error}"
    );

    // The version stands in the header as `\"version\":1`.
    let place = bytes
        .windows(8)
        .position(|text| text == b"version\\")
        .unwrap()
        + 10;
    assert_eq!(bytes[place], b'1');
    let mut newer = bytes.clone();
    newer[place] = b'2';
    let error = Checkpoint::<f32>::from_bytes(&newer).unwrap_err();
    assert!(
        matches!(
            error,
            CheckpointError::Version {
                expected: 1,
                found: 2
            }
        ),
        "{error}"
    );

    let error = Checkpoint::<f32>::load("/no/such/file").unwrap_err();
    assert!(matches!(error, CheckpointError::Io { .. }), "{error}");
    assert!(Checkpoint::<f32>::from_bytes(b"").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn damaged_bytes_give_a_checkpoint_or_an_error(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        keep in any::<prop::sample::Index>(), cut: bool,
    ) {
        let mut bytes = trained().2.to_bytes().unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        if let Ok(checkpoint) = Checkpoint::<f32>::from_bytes(&bytes) {
            // Whatever it says now, it can be written and tried.
            checkpoint.to_bytes().unwrap();
            let mut model = network(3, 1);
            let _ = checkpoint.restore_model(&mut model);
            let _ = checkpoint.restore_optimizer(&mut adam(), &model);
        }
    }
}
