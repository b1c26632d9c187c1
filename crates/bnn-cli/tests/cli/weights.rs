//! `bnn info --weights`: the arrays are those of the model.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bnn_core::BitMatrix;
use bnn_core::conv::{Conv2d, ConvOptions};
use bnn_core::model::graph::{
    Graph, Node, NodeEpilogue, NodeNumber, NodeWeights, Numbers, Operation, Slopes, Values,
};
use bnn_core::model::{AlignedBytes, Epilogue, InputType, Model, ModelWriter};

use super::{QUICK, json, stdout};

/// Description, shape and bytes of an array.
type Array = (String, String, Vec<u8>);

/// Every array of an archive, read by its local headers.
fn arrays(path: &Path) -> BTreeMap<String, Array> {
    let file = fs::read(path).unwrap();
    let mut rest = file.as_slice();
    let mut found = BTreeMap::new();
    while rest.starts_with(b"PK\x03\x04") {
        let len = u32::from_le_bytes(rest[18..22].try_into().unwrap()) as usize;
        let name_len = usize::from(u16::from_le_bytes([rest[26], rest[27]]));
        let name = String::from_utf8(rest[30..30 + name_len].to_vec()).unwrap();
        let array = &rest[30 + name_len..][..len];
        let header_len = usize::from(u16::from_le_bytes([array[8], array[9]]));
        let header = String::from_utf8(array[10..10 + header_len].to_vec()).unwrap();
        let between = |before: &str, after: &str| {
            let (_, rest) = header.split_once(before).unwrap();
            rest.split_once(after).unwrap().0.to_owned()
        };
        let array = (
            between("'descr': '", "'"),
            between("'shape': (", ")"),
            array[10 + header_len..].to_vec(),
        );
        found.insert(name, array);
        rest = &rest[30 + name_len + len..];
    }
    found
}

fn array(shape: &str, kind: &str, bytes: Vec<u8>) -> Array {
    (kind.to_owned(), shape.to_owned(), bytes)
}

fn words(rows: BitMatrix) -> Vec<u8> {
    rows.view()
        .words()
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect()
}

fn numbers(numbers: &[i64]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

#[test]
fn the_arrays_are_the_weights_and_parameters_of_the_layers() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rows = |n: usize, k: usize| {
        let signs: Vec<i8> = (0..n * k)
            .map(|i| if i * i % 7 < 3 { 1 } else { -1 })
            .collect();
        BitMatrix::pack(&signs, n, k).unwrap()
    };
    let mut writer = ModelWriter::with_thresholds(&[3, 4]);
    let conv = Conv2d::new([4, 5, 2], 3, [2, 3], ConvOptions::default()).unwrap();
    let thresholds = [1_i32, -2, 100_000].as_slice();
    writer
        .conv2d(
            &conv,
            rows(3, 12).view(),
            Epilogue::Threshold(thresholds.into()),
        )
        .unwrap();
    let all = Conv2d::new([3, 3, 3], 70, [3, 3], ConvOptions::default()).unwrap();
    let narrow: Vec<i32> = (0..70).collect();
    writer
        .conv2d(
            &all,
            rows(70, 27).view(),
            Epilogue::Threshold(narrow.as_slice().into()),
        )
        .unwrap();
    let (scale, bias) = ([0.5, 2.0], [-1.0, 0.25]);
    let affine = Epilogue::Affine {
        scale: &scale,
        bias: &bias,
    };
    writer.dense(rows(2, 70).view(), affine).unwrap();
    fs::write(folder.join("m.bnn"), writer.finish().unwrap()).unwrap();

    let told = stdout(folder, &["info", "m.bnn", "--weights", "w.npz"]);
    assert!(told.contains("w.npz"), "{told}");
    let found = arrays(&folder.join("w.npz"));
    let floats = |x: &[f32]| x.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let expected = [
        (
            "layer0.input_thresholds.npy",
            array("2,", "|u1", vec![3, 4]),
        ),
        (
            "layer0.thresholds.npy",
            array(
                "3,",
                "<i2",
                // A threshold that no sum of 12 signs reaches becomes 13.
                [1_i16, -2, 13]
                    .iter()
                    .flat_map(|t| t.to_le_bytes())
                    .collect(),
            ),
        ),
        (
            "layer0.weights.npy",
            array("3, 1", "<u8", words(rows(3, 12))),
        ),
        (
            "layer0.weights_shape.npy",
            array("4,", "<i8", numbers(&[3, 2, 3, 2])),
        ),
        (
            "layer1.thresholds.npy",
            array(
                "70,",
                "<i2",
                (0..70_i16).flat_map(|t| t.min(28).to_le_bytes()).collect(),
            ),
        ),
        (
            "layer1.weights.npy",
            array("70, 1", "<u8", words(rows(70, 27))),
        ),
        (
            "layer1.weights_shape.npy",
            array("4,", "<i8", numbers(&[70, 3, 3, 3])),
        ),
        ("layer2.bias.npy", array("2,", "<f4", floats(&bias))),
        ("layer2.scale.npy", array("2,", "<f4", floats(&scale))),
        (
            "layer2.weights.npy",
            array("2, 2", "<u8", words(rows(2, 70))),
        ),
        (
            "layer2.weights_shape.npy",
            array("2,", "<i8", numbers(&[2, 70])),
        ),
    ];
    let expected: BTreeMap<String, _> = expected
        .map(|(name, array)| (name.to_owned(), array))
        .into();
    assert_eq!(found, expected);
}

#[test]
fn a_trained_model_gives_its_arrays_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    json(folder, &[&QUICK[..], &["--json"]].concat());
    let before = fs::read(folder.join("digits.bnn")).unwrap();
    let told = json(
        folder,
        &["info", "digits.bnn", "--weights", "digits.npz", "--json"],
    );
    assert_eq!(told["weights_file"], "digits.npz");
    super::refused(
        folder,
        &["info", "digits.bnn", "--weights", "digits.bnn"],
        &["digits.bnn", "would replace"],
    );
    assert!(fs::read(folder.join("digits.bnn")).unwrap() == before);
    let bytes = AlignedBytes::from(before.as_slice());
    let model = Model::open(&bytes).unwrap();
    assert!(matches!(model.input().1, InputType::Unsigned { depth: 5 }));
    let found = arrays(&folder.join("digits.npz"));
    for (i, layer) in model.layers().enumerate() {
        let words = layer
            .weights
            .unwrap()
            .words()
            .iter()
            .flat_map(|word| word.to_le_bytes());
        assert!(
            found[&format!("layer{i}.weights.npy")]
                .2
                .iter()
                .copied()
                .eq(words)
        );
    }
}

/// One pixel of two bytes, through nodes of fixed point to sums.
fn fixed_point() -> Graph {
    let product = |outputs: usize, epilogue| Operation::Product {
        conv: Conv2d::new([1, 1, 2], outputs, [1, 1], ConvOptions::default()).unwrap(),
        weights: NodeWeights::Bits(BitMatrix::pack(&[1_i8, -1, -1, 1], outputs, 2).unwrap()),
        epilogue,
    };
    let fixed = Values::Fixed { exponent: 8 };
    let operations = [
        (
            Operation::Affine(NodeEpilogue::Fixed {
                factor: vec![256, 512],
                bias: vec![3, 4],
                shift: 1,
            }),
            fixed,
        ),
        (
            Operation::Prelu(Slopes::Fixed {
                slope: vec![64, 32],
                shift: 8,
            }),
            fixed,
        ),
        (
            Operation::Rprelu {
                before: Numbers::Fixed(vec![1, 2]),
                slope: Slopes::Fixed {
                    slope: vec![5, 6],
                    shift: 3,
                },
                after: Numbers::Fixed(vec![-1, -2]),
            },
            fixed,
        ),
        (
            Operation::Clamp {
                low: NodeNumber::Fixed(-7),
                high: NodeNumber::Fixed(9),
            },
            fixed,
        ),
        (Operation::Sign(Numbers::Fixed(vec![0, 5])), Values::Bits),
        (
            product(2, NodeEpilogue::Thresholds(vec![-1, 1])),
            Values::Bits,
        ),
        (
            product(
                2,
                NodeEpilogue::Fixed {
                    factor: vec![1, 7],
                    bias: vec![0, -3],
                    shift: 0,
                },
            ),
            Values::Integer { exponent: 2 },
        ),
    ];
    let node = |(i, (operation, values))| Node {
        operation,
        inputs: vec![i],
        values,
    };
    Graph {
        input: InputType::Unsigned { depth: 8 },
        input_shape: [1, 1, 2],
        nodes: operations.into_iter().enumerate().map(node).collect(),
        meta: String::new(),
    }
}

#[test]
fn nodes_of_graphs_have_their_arrays_under_the_numbers_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let found = |model: &str| {
        stdout(folder, &["info", model, "--weights", "w.npz", "--force"]);
        arrays(&folder.join("w.npz"))
    };
    let map = |expected: Vec<(&str, Array)>| -> BTreeMap<_, _> {
        let named = |(name, array)| (format!("node{name}.npy"), array);
        expected.into_iter().map(named).collect()
    };
    let floats = |x: &[f32]| {
        let bytes = x.iter().flat_map(|x| x.to_le_bytes()).collect();
        array(&format!("{},", x.len()), "<f4", bytes)
    };
    let integers = |x: &[i32]| {
        let bytes = x.iter().flat_map(|x| x.to_le_bytes()).collect();
        array(&format!("{},", x.len()), "<i4", bytes)
    };

    super::graphs::write_model(folder);
    let ten: Vec<f32> = (0..10).map(|i| i as f32).collect();
    let expected = map(vec![
        ("1.scale", floats(&[0.5])),
        ("1.bias", floats(&[0.0])),
        ("2.thresholds", floats(&[4.0])),
        (
            "3.weights",
            array("1, 1", "<u8", 0x1ff_u64.to_le_bytes().to_vec()),
        ),
        (
            "3.weights_shape",
            array("4,", "<i8", numbers(&[1, 3, 3, 1])),
        ),
        ("3.scale", floats(&[0.5])),
        ("3.bias", floats(&[0.0])),
        ("6.weights", array("10, 1, 1, 1", "|i1", vec![1; 10])),
        ("6.scale", floats(&[0.5; 10])),
        ("6.bias", floats(&ten)),
    ]);
    assert_eq!(found("graph.bnn"), expected);

    fs::write(folder.join("fixed.bnn"), fixed_point().write().unwrap()).unwrap();
    let two_words = || {
        array(
            "2, 1",
            "<u8",
            words(BitMatrix::pack(&[1_i8, -1, -1, 1], 2, 2).unwrap()),
        )
    };
    let shape = || array("4,", "<i8", numbers(&[2, 1, 1, 2]));
    let exponent = || integers(&[8]);
    let expected = map(vec![
        ("1.factor", integers(&[256, 512])),
        ("1.bias", integers(&[3, 4])),
        ("1.shift", integers(&[1])),
        ("1.exponent", exponent()),
        ("2.slope", integers(&[64, 32])),
        ("2.shift", integers(&[8])),
        ("2.exponent", exponent()),
        ("3.before", integers(&[1, 2])),
        ("3.slope", integers(&[5, 6])),
        ("3.shift", integers(&[3])),
        ("3.after", integers(&[-1, -2])),
        ("3.exponent", exponent()),
        ("4.low", integers(&[-7])),
        ("4.high", integers(&[9])),
        ("4.exponent", exponent()),
        ("5.thresholds", integers(&[0, 5])),
        ("6.weights", two_words()),
        ("6.weights_shape", shape()),
        ("6.thresholds", integers(&[-1, 1])),
        ("7.weights", two_words()),
        ("7.weights_shape", shape()),
        ("7.factor", integers(&[1, 7])),
        ("7.bias", integers(&[0, -3])),
        ("7.shift", integers(&[0])),
        ("7.exponent", integers(&[2])),
    ]);
    assert_eq!(found("fixed.bnn"), expected);

    // Floats for weights.
    let conv = Conv2d::new([1, 2, 2], 1, [1, 2], ConvOptions::default()).unwrap();
    let operations = [
        Operation::Affine(NodeEpilogue::Real {
            scale: vec![1.0, 2.0],
            bias: vec![0.0; 2],
        }),
        Operation::Product {
            conv,
            weights: NodeWeights::F32(vec![0.25, 0.5, 1.0, 2.0]),
            epilogue: NodeEpilogue::Bias(vec![3.0]),
        },
    ];
    let node = |(i, operation)| Node {
        operation,
        inputs: vec![i],
        values: Values::Real,
    };
    let graph = Graph {
        input: InputType::Unsigned { depth: 8 },
        input_shape: [1, 2, 2],
        nodes: operations.into_iter().enumerate().map(node).collect(),
        meta: String::new(),
    };
    fs::write(folder.join("float.bnn"), graph.write().unwrap()).unwrap();
    let (_, _, weights) = floats(&[0.25, 0.5, 1.0, 2.0]);
    let expected = map(vec![
        ("1.scale", floats(&[1.0, 2.0])),
        ("1.bias", floats(&[0.0, 0.0])),
        ("2.weights", array("1, 1, 2, 2", "<f4", weights)),
        ("2.bias", floats(&[3.0])),
    ]);
    assert_eq!(found("float.bnn"), expected);
}
