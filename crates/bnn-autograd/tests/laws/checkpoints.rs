//! Checkpoints come back exactly, fit or say why not, and survive any bytes.

use std::collections::BTreeMap;
use std::fs;

use bnn_autograd::checkpoint::{Checkpoint, CheckpointError, Weights};
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
    loaded.restore(&mut resumed, Some(&mut adam)).unwrap();
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
    let special = vec![f64::MAX, f64::MIN_POSITIVE, -0.0, f64::from_bits(1)];
    let special = Tensor::new(special, &[4]).unwrap();
    model.params_mut(&mut |_, param| param.set_value(special.clone()).unwrap());
    let bytes = Checkpoint::capture(&model, None, BTreeMap::new())
        .unwrap()
        .to_bytes()
        .unwrap();
    let mut back = BatchNorm::<f64>::new(4).unwrap();
    Checkpoint::try_from(&bytes[..])
        .unwrap()
        .restore(&mut back, None)
        .unwrap();
    let bits = |x: &Tensor<f64>| x.data().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(back.gamma.value()), bits(&special));
}

#[test]
fn what_does_not_fit_is_named_and_nothing_is_changed() {
    let (model, _, checkpoint) = trained();
    let mut wider = network(4, 2);
    let before = Checkpoint::capture(&wider, None, BTreeMap::new()).unwrap();
    let error = checkpoint.restore(&mut wider, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`param.0.weight` in the file has shape [3, 5], expected [4, 5]"
    );
    assert_eq!(
        Checkpoint::capture(&wider, None, BTreeMap::new()).unwrap(),
        before
    );

    let mut deeper = network(3, 2).then(BatchNorm::new(3).unwrap());
    let error = checkpoint.restore(&mut deeper, None).unwrap_err();
    let expected = "the names differ: missing in the file: `param.2.gamma`, `param.2.beta`, \
                    `buffer.2.running_mean`, `buffer.2.running_var`";
    assert_eq!(error.to_string(), expected);

    let mut shallower = Sequential::new().then(BinaryLinear::new(5, 3, &mut Rng::new(0)).unwrap());
    let error = checkpoint.restore(&mut shallower, None).unwrap_err();
    let expected = "the names differ: not in the model: `buffer.1.running_mean`, \
                    `buffer.1.running_var`, `param.1.beta`, `param.1.gamma`";
    assert_eq!(error.to_string(), expected);

    let mut sgd = Optimizer::new(Sgd::new(0.1, 0.9).unwrap());
    let mut other = network(3, 2);
    let before = Checkpoint::capture(&other, None, BTreeMap::new()).unwrap();
    let error = checkpoint.restore(&mut other, Some(&mut sgd)).unwrap_err();
    assert!(matches!(error, CheckpointError::Names { .. }), "{error}");
    assert_eq!(sgd.state.steps, 0);
    let after = Checkpoint::capture(&other, None, BTreeMap::new()).unwrap();
    assert_eq!(after, before);

    let bare = Checkpoint::capture(&model, None, BTreeMap::new()).unwrap();
    let mut adam = adam();
    let error = bare.restore(&mut other, Some(&mut adam)).unwrap_err();
    assert!(matches!(error, CheckpointError::NoOptimizer), "{error}");
}

#[test]
fn other_element_types_versions_and_files_are_refused() {
    let bytes = trained().2.to_bytes().unwrap();
    let error = Checkpoint::<f64>::try_from(&bytes[..]).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("has elements of type F32, expected F64"),
        "{error}"
    );

    // The version stands in the header as `\"version\":2`.
    let place = bytes
        .windows(8)
        .position(|text| text == b"version\\")
        .unwrap()
        + 10;
    assert_eq!(bytes[place], b'2');
    let of_version = |digit| {
        let mut other = bytes.clone();
        other[place] = digit;
        other
    };
    let error = Checkpoint::<f32>::try_from(&of_version(b'3')[..]).unwrap_err();
    let text = "checkpoint of version 3, expected 2: a newer program has written it";
    assert_eq!(error.to_string(), text);
    assert!(Weights::<f32>::try_from(&of_version(b'3')[..]).is_err());
    // Version 1 had no checksum: no run goes on from it, but its weights can be read.
    let error = Checkpoint::<f32>::try_from(&of_version(b'1')[..]).unwrap_err();
    let text = "checkpoint of version 1, expected 2: it has no checksum; its weights can be read \
                (`Weights::load`), its run cannot go on";
    assert_eq!(error.to_string(), text);
    let weights = Weights::<f32>::try_from(&of_version(b'1')[..]).unwrap();
    assert_eq!(weights, Weights::of(&trained().0).unwrap());

    let error = Checkpoint::<f32>::load("/no/such/file").unwrap_err();
    assert!(matches!(error, CheckpointError::Io { .. }), "{error}");
    assert!(Checkpoint::<f32>::try_from(&b""[..]).is_err());
}

#[test]
fn no_flipped_bit_is_overlooked() {
    let bytes = trained().2.to_bytes().unwrap();
    assert!(8 * bytes.len() > 10_000);
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let found = Checkpoint::<f32>::try_from(&flipped[..]);
        assert!(found.is_err(), "bit {bit} of {}", 8 * bytes.len());
    }
    let middle = bytes.len() - 10;
    let mut flipped = bytes.clone();
    flipped[middle] ^= 1;
    let error = Checkpoint::<f32>::try_from(&flipped[..]).unwrap_err();
    assert!(matches!(error, CheckpointError::Checksum { .. }), "{error}");
    // As weights they are refused as well.
    assert!(Weights::<f32>::try_from(&flipped[..]).is_err());
    // Neither more nor less.
    assert!(Checkpoint::<f32>::try_from(&bytes[..bytes.len() - 1]).is_err());
    assert!(Checkpoint::<f32>::try_from(&[&bytes[..], &[0]].concat()[..]).is_err());
}

#[test]
fn tensors_that_changed_their_places_are_noticed() {
    let (model, _, checkpoint) = trained();
    let bytes = checkpoint.to_bytes().unwrap();
    let mut places = Vec::new();
    model.params(&mut |name, param| {
        if name != "0.weight" {
            let data = param.value().data().iter();
            let data: Vec<u8> = data.flat_map(|x| x.to_le_bytes()).collect();
            let at = bytes.windows(data.len()).position(|found| found == data);
            places.push((at.unwrap(), data));
        }
    });
    let [(gamma, gammas), (beta, betas)] = &places[..] else {
        panic!("{places:?}")
    };
    let mut swapped = bytes.clone();
    swapped[*gamma..gamma + betas.len()].copy_from_slice(betas);
    swapped[*beta..beta + gammas.len()].copy_from_slice(gammas);
    assert_ne!(swapped, bytes);
    let error = Checkpoint::<f32>::try_from(&swapped[..]).unwrap_err();
    assert!(matches!(error, CheckpointError::Checksum { .. }), "{error}");
}

#[test]
fn states_that_cannot_be_are_refused() {
    let (model, optimizer, _) = trained();
    let capture = |model: &Sequential, optimizer: &Optimizer| {
        Checkpoint::capture(model, Some(optimizer), BTreeMap::new())
    };
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let (mut model, ..) = trained();
        model.params_mut(&mut |name, param| {
            if name == "0.weight" {
                let mut value = param.value().clone();
                value.data_mut()[4] = wrong;
                param.set_value(value).unwrap();
            }
        });
        let text = capture(&model, &optimizer).unwrap_err().to_string();
        let expected = format!("`param.0.weight`, element 4 is {wrong}, expected a finite number");
        assert_eq!(text, expected);
        let text = Weights::of(&model).unwrap_err().to_string();
        let expected = format!("`0.weight`, element 4 is {wrong}, expected a finite number");
        assert_eq!(text, expected);
    }
    let mut state = optimizer.state.clone();
    let square = state.averages.get_mut("second_moment.0.weight").unwrap();
    square.data_mut()[2] = -1e-9;
    let mut negative = adam();
    negative.state = state;
    let checkpoint = capture(&model, &negative).unwrap();
    let mut fresh = adam();
    let error = checkpoint.restore(&mut network(3, 2), Some(&mut fresh));
    let error = error.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("`optimizer.second_moment.0.weight`, element 2 is -0.00"),
        "{text}"
    );
    assert_eq!(fresh.state.steps, 0);
}

#[test]
fn the_weights_of_a_checkpoint_can_begin_another_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.checkpoint");
    let (model, _, checkpoint) = trained();
    checkpoint.save(&path).unwrap();
    let mut fresh = network(3, 9);
    Weights::load(&path).unwrap().restore(&mut fresh).unwrap();
    assert_eq!(Weights::of(&fresh).unwrap(), Weights::of(&model).unwrap());
    let loaded = Weights::<f32>::load(&path).unwrap();
    assert!(loaded.others.is_empty());
    let names: Vec<_> = loaded.tensors.keys().collect();
    let expected = [
        "0.weight",
        "1.beta",
        "1.gamma",
        "1.running_mean",
        "1.running_var",
    ];
    assert_eq!(names, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn damaged_bytes_are_an_error(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        keep in any::<prop::sample::Index>(), cut: bool,
    ) {
        let whole = trained().2.to_bytes().unwrap();
        let mut bytes = whole.clone();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        let found = Checkpoint::<f32>::try_from(&bytes[..]);
        prop_assert_eq!(found.is_ok(), bytes == whole);
    }
}
