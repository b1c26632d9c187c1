//! Weights come in by name from files that others wrote, and go out.

use std::collections::BTreeMap;
use std::fs;

use bnn_autograd::checkpoint::{CheckpointError, NamesLeft, Weights};
use bnn_autograd::files::write_atomic;
use bnn_autograd::nn::{BatchNorm, BinaryLinear, Linear, Module, Sequential};
use bnn_autograd::{Real, Rng, Tape, Tensor};
use proptest::prelude::*;
use serde_json::Value;

/// Written by PyTorch and safetensors (`vectors/make_weights.py`).
const FILE: &[u8] = include_bytes!("../vectors/weights.safetensors");

/// The numbers of the file as text, and what the network computes.
fn text() -> Value {
    serde_json::from_str(include_str!("../vectors/weights.json")).unwrap()
}

fn tensor<T: Real>(text: &Value) -> Tensor<T> {
    let shape = text["shape"].as_array().unwrap().iter();
    let shape: Vec<_> = shape.map(|d| d.as_u64().unwrap() as usize).collect();
    let values = text["values"].as_array().unwrap().iter();
    let values = values.map(|x| T::from_f64(x.as_str().unwrap().parse().unwrap()));
    Tensor::new(values.collect(), &shape).unwrap()
}

fn network<T: Real>() -> Sequential<T> {
    let mut rng = Rng::new(1);
    Sequential::default()
        .named("fc1", Linear::new(5, 4, &mut rng).unwrap())
        .named("bn1", BatchNorm::new(4).unwrap())
        .named("fc2", BinaryLinear::new(4, 3, &mut rng).unwrap())
}

fn pytorch<T: Real>() -> Weights<T> {
    let weights = Weights::try_from(FILE).unwrap();
    weights.convert_from_pytorch().unwrap()
}

fn values_equal<T: Real>() {
    let weights = Weights::<T>::try_from(FILE).unwrap();
    let text = text();
    let expected = text["tensors"].as_object().unwrap();
    let mut names: Vec<_> = weights
        .tensors
        .keys()
        .chain(weights.others.keys())
        .collect();
    names.sort_unstable();
    assert!(expected.keys().eq(names.iter().copied()), "{names:?}");
    for (name, expected) in expected {
        match name.as_str() {
            // An integer, which has no place in a model.
            "bn1.num_batches_tracked" => assert_eq!(weights.others[name], "I64"),
            _ => assert_eq!(weights.tensors.get(name), Some(&tensor(expected)), "{name}"),
        }
    }
}

#[test]
fn all_float_types_that_pytorch_wrote_are_read_exactly() {
    values_equal::<f32>();
    values_equal::<f64>();
}

#[test]
fn a_network_with_pytorchs_weights_computes_what_pytorch_did() {
    let mut net = network::<f32>();
    let left = pytorch().restore_matching(&mut net).unwrap();
    let expected = NamesLeft {
        missing: vec![],
        unexpected: vec!["conv.weight".into()],
    };
    assert_eq!(left, expected);
    net.set_training(false);
    let text = text();
    let tape = Tape::new();
    let mut x = tape.constant(tensor(&text["x"]));
    let mut outputs = Vec::new();
    net.children_mut(&mut |_, layer| {
        x = layer.forward(&x).unwrap();
        outputs.push(x.value().clone());
    });
    let normed: Tensor = tensor(&text["normed"]);
    for (found, expected) in outputs[1].data().iter().zip(normed.data()) {
        assert!((found - expected).abs() <= 1e-5, "{found}, {expected}");
    }
    assert_eq!(outputs[2], tensor(&text["scores"]));
}

#[test]
fn what_goes_out_has_pytorchs_names_and_comes_back() {
    let mut net = network::<f32>();
    pytorch().restore_matching(&mut net).unwrap();
    let out = Weights::of(&net).unwrap().convert_to_pytorch().unwrap();
    let names: Vec<_> = out.tensors.keys().collect();
    let expected = [
        "bn1.bias",
        "bn1.running_mean",
        "bn1.running_var",
        "bn1.weight",
        "fc1.bias",
        "fc1.weight",
        "fc2.weight",
    ];
    assert_eq!(names, expected);
    let theirs = Weights::<f32>::try_from(FILE).unwrap();
    for name in names {
        assert_eq!(out.tensors.get(name), theirs.tensors.get(name), "{name}");
    }

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    Weights::of(&net).unwrap().save(&path).unwrap();
    let mut back = network::<f32>();
    Weights::load(&path).unwrap().restore(&mut back).unwrap();
    assert_eq!(Weights::of(&back).unwrap(), Weights::of(&net).unwrap());
    assert_eq!(
        fs::read(&path).unwrap(),
        Weights::of(&net).unwrap().to_bytes().unwrap()
    );
    // Into another type, and out of it.
    let mut wide = network::<f64>();
    Weights::load(&path).unwrap().restore(&mut wide).unwrap();
    Weights::of(&wide).unwrap().save(&path).unwrap();
    Weights::load(&path).unwrap().restore(&mut back).unwrap();
    assert_eq!(Weights::of(&back).unwrap(), Weights::of(&net).unwrap());
}

#[test]
fn what_does_not_fit_is_named_and_nothing_is_changed() {
    let mut net = network::<f32>();
    let before = Weights::of(&net).unwrap();
    let check = |weights: &Weights, net: &mut Sequential, expected: &str| {
        let text = weights.restore(net).unwrap_err().to_string();
        assert!(text.starts_with(expected), "{text}");
        assert_eq!(Weights::of(net).unwrap(), before);
    };
    let raw = Weights::try_from(FILE).unwrap();
    let expected = "the names differ: missing in the file: `bn1.beta`, `bn1.gamma`; not in the \
                    model: `bn1.bias`, `bn1.weight`, `conv.weight`, `bn1.num_batches_tracked`";
    check(&raw, &mut net, expected);

    let mut wrong = pytorch();
    let other = Tensor::full(0.5, &[4, 3]).unwrap();
    wrong.tensors.insert("fc2.weight".into(), other);
    let expected = "`fc2.weight` in the file has shape [4, 3], expected [3, 4]";
    check(&wrong, &mut net, expected);
    assert!(wrong.restore_matching(&mut net).is_err());

    let counter = |name: &str| match name {
        "bn1.num_batches_tracked" => Some("fc1.bias".to_owned()),
        "fc1.bias" => None,
        other => Some(other.to_owned()),
    };
    let integers = raw.clone().rename(counter).unwrap();
    let expected = "`fc1.bias` in the file has elements of type I64, expected F64, F32, F16";
    check(&integers, &mut net, expected);

    let same = raw.rename(|_| Some("same".into()));
    assert!(matches!(same, Err(CheckpointError::Duplicate { name }) if name == "same"));
    let onto = |name: &str| match name {
        "bn1.num_batches_tracked" => Some("fc1.bias".to_owned()),
        other => Some(other.to_owned()),
    };
    let onto = Weights::<f32>::try_from(FILE).unwrap().rename(onto);
    assert!(matches!(onto, Err(CheckpointError::Duplicate { name }) if name == "fc1.bias"));
    let many = (0..10).map(|i| format!("extra{i}"));
    let mut more = before.clone();
    many.for_each(|name| drop(more.tensors.insert(name, Tensor::scalar(1.0))));
    check(
        &more,
        &mut net,
        "the names differ: not in the model: `extra0`, `extra1`",
    );
    let text = more.restore(&mut net).unwrap_err().to_string();
    assert!(text.ends_with("`extra7` and 2 more"), "{text}");

    let twice = Sequential::<f32>::new()
        .named("a", BatchNorm::new(2).unwrap())
        .named("a", BatchNorm::new(2).unwrap());
    let error = Weights::of(&twice).unwrap_err();
    assert!(
        matches!(error, CheckpointError::Duplicate { .. }),
        "{error}"
    );
}

#[test]
fn layouts_of_convolutions_turn_into_each_other() {
    let theirs = Weights::<f32>::try_from(FILE).unwrap();
    let ours = theirs.clone().convert_from_pytorch().unwrap();
    let name = "conv.weight";
    let (from, to) = (&theirs.tensors[name], &ours.tensors[name]);
    assert_eq!(
        (from.shape(), to.shape()),
        (&[2, 3, 2, 5][..], &[2, 2, 5, 3][..])
    );
    for (at, &x) in from.data().iter().enumerate() {
        let (o, i, h, w) = (at / 30, at / 10 % 3, at / 5 % 2, at % 5);
        assert_eq!(to.data()[((o * 2 + h) * 5 + w) * 3 + i], x);
    }
    // Other tensors keep their elements.
    assert_eq!(ours.tensors["fc1.weight"], theirs.tensors["fc1.weight"]);
    let back = ours.convert_to_pytorch().unwrap();
    assert_eq!(back.tensors, theirs.tensors);
}

#[test]
fn a_float_tensor_takes_the_place_of_one_of_another_type() {
    let mut weights = Weights::<f32>::try_from(FILE).unwrap();
    let name = "bn1.num_batches_tracked";
    weights.tensors.insert(name.into(), Tensor::scalar(1.0));
    let names = weights.restore_matching(&mut network()).unwrap().unexpected;
    assert_eq!(names.iter().filter(|found| *found == name).count(), 1);
    let renamed = weights.clone().rename(|name| Some(format!("a.{name}")));
    assert_eq!(renamed.unwrap().tensors.len(), weights.tensors.len());
    let back = Weights::<f32>::try_from(&weights.to_bytes().unwrap()[..]).unwrap();
    assert_eq!(back.tensors, weights.tensors);
}

/// A file with one tensor, which its header describes as given.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

#[test]
fn files_that_say_more_than_they_hold_are_refused() {
    let one = |dtype: &str, shape: &str, end: &str| {
        let header =
            format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{end}]}}}}"#);
        Weights::<f32>::try_from(&file(&header, &[0; 8])[..])
    };
    assert!(one("F32", "[2]", "8").is_ok());
    let cases = [
        ("F32", "[3]", "8"),
        ("F32", "[1099511627776]", "4398046511104"),
        ("F32", "[4294967296,4294967296,4294967296]", "8"),
        ("F32", "[0,18446744073709551615]", "0"),
        ("F32", "[0]", "0"),
        ("F32", "[-2]", "8"),
        ("F16", "[2]", "8"),
        ("F99", "[2]", "8"),
        ("F32", "[2]", "18446744073709551615"),
    ];
    for (dtype, shape, end) in cases {
        assert!(one(dtype, shape, end).is_err(), "{dtype} {shape} {end}");
    }
    let header_only = [u64::MAX.to_le_bytes(), (1_u64 << 40).to_le_bytes(), [0; 8]];
    for bytes in header_only {
        assert!(Weights::<f32>::try_from(&bytes[..]).is_err());
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        Weights::<f32>::load(folder.path()),
        Err(CheckpointError::Io { .. })
    ));
    let path = folder.path().join("text");
    write_atomic(&path, b"no weights").unwrap();
    assert!(matches!(
        Weights::<f32>::load(&path),
        Err(CheckpointError::Malformed { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn damaged_files_give_weights_or_an_error(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        digits: bool, keep in any::<prop::sample::Index>(), cut: bool,
    ) {
        let mut bytes = FILE.to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            // Digits for digits keep the header readable, and make it lie.
            bytes[place] = match bytes[place].is_ascii_digit() && digits {
                true => b'0' + byte % 10,
                false => byte,
            };
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        if let Ok(weights) = Weights::<f32>::try_from(&bytes[..]) {
            let held: usize = weights.tensors.values().map(Tensor::numel).sum();
            prop_assert!(2 * held <= bytes.len());
            weights.to_bytes().unwrap();
            let _ = weights.restore_matching(&mut network());
            let _ = weights.convert_from_pytorch();
        }
    }

    #[test]
    fn any_tensors_come_back_as_they_were(
        shapes in proptest::collection::btree_map("[a-z]{1,3}(\\.[a-z]{1,3})?", proptest::collection::vec(1_usize..4, 0..4), 0..5),
        seed: u64,
    ) {
        let mut rng = Rng::new(seed);
        let mut weights = Weights::<f64>::default();
        let mut expected = BTreeMap::new();
        for (name, shape) in shapes {
            let count = shape.iter().product();
            let data = (0..count).map(|_| rng.uniform(-9.0, 9.0)).collect();
            let tensor = Tensor::new(data, &shape).unwrap();
            expected.insert(name.clone(), tensor.clone());
            weights.tensors.insert(name, tensor);
        }
        let back = Weights::try_from(&weights.to_bytes().unwrap()[..]).unwrap();
        prop_assert_eq!(&back, &weights);
        prop_assert_eq!(back.tensors, expected);
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused_and_nothing_is_changed() {
    let mut net = network::<f32>();
    let before = Weights::of(&net).unwrap();
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut weights = before.clone();
        let tensor = weights.tensors.get_mut("fc2.weight").unwrap();
        tensor.data_mut()[5] = wrong;
        // Also after a file has carried them.
        let carried = Weights::try_from(&weights.to_bytes().unwrap()[..]).unwrap();
        for weights in [weights, carried] {
            let text = weights.restore(&mut net).unwrap_err().to_string();
            let expected = format!("`fc2.weight`, element 5 is {wrong}, expected a finite number");
            assert_eq!(text, expected);
            assert!(weights.restore_matching(&mut net).is_err());
            assert_eq!(Weights::of(&net).unwrap(), before);
        }
    }
    // A model that has diverged can be given good weights again.
    net.params_mut(&mut |_, param| {
        let nan = Tensor::full(f32::NAN, param.value().shape()).unwrap();
        param.set_value(nan).unwrap();
    });
    before.restore(&mut net).unwrap();
    assert_eq!(Weights::of(&net).unwrap(), before);
}
