//! `bnn test-vectors`: what it writes is what the model computes.

use std::fs;

use bnn_core::model::{AlignedBytes, Input, Model, Output};

use super::{QUICK, files, json, refused, stdout};

#[test]
fn vectors_are_inputs_and_what_the_model_makes_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(folder, &[&QUICK[..], &["--json"]].concat());
    let bytes = AlignedBytes::from(fs::read(folder.join("digits.bnn")).unwrap().as_slice());
    let model = Model::open(&bytes).unwrap();
    let data = json(
        folder,
        &["test-vectors", "digits.bnn", "--data", "digits", "--json"],
    );
    assert_eq!(data["samples"], 100);
    let random = [
        "test-vectors",
        "digits.bnn",
        "--count",
        "7",
        "--out",
        "random",
    ];
    stdout(folder, &random);
    for (name, samples) in [("digits", 100), ("random", 7)] {
        let inputs = fs::read(folder.join(format!("{name}.inputs"))).unwrap();
        assert_eq!(inputs.len(), samples * 64);
        assert!(inputs.iter().all(|&x| x <= 16) && inputs.contains(&16));
        let mut y = vec![0.0; samples * 10];
        let mut scratch = vec![0; model.scratch_words(samples).unwrap()];
        let run = model.run(
            samples,
            Input::Bytes(&inputs),
            Output::F32(&mut y),
            &mut scratch,
        );
        run.unwrap();
        let expected: Vec<u8> = y.iter().flat_map(|y| y.to_le_bytes()).collect();
        let outputs = fs::read(folder.join(format!("{name}.outputs"))).unwrap();
        assert_eq!(outputs, expected, "{name}");
    }
    // The samples of a set are spread over its classes.
    let test = bnn_autograd::data::digits().unwrap().test;
    let inputs = fs::read(folder.join("digits.inputs")).unwrap();
    let mut classes = [0; 10];
    for image in inputs.chunks(64) {
        let index = (0..360).find(|&index| test.image(index).unwrap() == image);
        classes[usize::from(test.labels()[index.unwrap()])] += 1;
    }
    assert!(
        classes.iter().all(|&count| (9..=11).contains(&count)),
        "{classes:?}"
    );

    // The same seed, the same file; another seed, another.
    let first = fs::read(folder.join("random.inputs")).unwrap();
    stdout(folder, &random);
    assert_eq!(fs::read(folder.join("random.inputs")).unwrap(), first);
    let other = [&random[..], &["--seed", "2"]].concat();
    refused(folder, &other, &["random.inputs exists", "--force"]);
    stdout(folder, &[&other[..], &["--force"]].concat());
    assert_ne!(fs::read(folder.join("random.inputs")).unwrap(), first);
}

#[test]
fn more_samples_than_there_are_and_data_that_does_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(folder, &[&QUICK[..], &["--json"]].concat());
    let before = files(folder);
    let command = ["test-vectors", "digits.bnn", "--data", "digits"];
    refused(
        folder,
        &[&command[..], &["--count", "361"]].concat(),
        &["360", "361"],
    );
    refused(folder, &[&command[..], &["--count", "0"]].concat(), &["0"]);
    refused(folder, &["test-vectors", "absent.bnn"], &["absent.bnn"]);
    assert_eq!(files(folder), before);
}
