//! Small files that ask for much: refused by their limits, or done without what nobody needs.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod wire;

use bnn_import::{Comparison, ImportError, Limits, Options, onnx};
use wire::{float_tensor, int_tensor, model, node};

fn imported(file: &[u8], limits: Limits) -> Result<bnn_import::Imported, ImportError> {
    let options = Options {
        limits,
        ..Options::default()
    };
    onnx(file, &mut |_| Ok(Vec::new()), &options)
}

/// What a refusal has too much of.
fn limit(file: &[u8], limits: Limits) -> &'static str {
    match imported(file, limits) {
        Err(ImportError::Limit { what, .. }) => what,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it is imported"),
    }
}

/// Nodes after which the input is a sign, and their constants.
fn sign(input: &str) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let nodes = vec![
        node("Greater", &[input, "half"], "is", None),
        node("Where", &["is", "plus", "minus"], "y", None),
    ];
    let numbers = [("half", 0.5), ("plus", 1.0), ("minus", -1.0)];
    let constants = numbers.map(|(name, x)| float_tensor(name, &[], &[x]));
    (nodes, constants.into())
}

/// A square of a number, of `n * n` elements.
fn square(n: i64, output: &str) -> (Vec<u8>, Vec<u8>) {
    let one = float_tensor("", &[1], &[1.0]);
    let node = node("ConstantOfShape", &["sizes"], output, Some(one));
    (node, int_tensor("sizes", &[2], &[n, n]))
}

#[test]
fn integers_count_by_their_8_bytes() {
    let large = |one: Vec<u8>, count: i64| {
        let nodes = [
            node("ConstantOfShape", &["count"], "c", Some(one)),
            node("Gather", &["c", "zero"], "zeroth", None),
            node("Cast", &["zeroth"], "float", None),
            node("Add", &["x", "float"], "y", None),
        ];
        let constants = [
            int_tensor("count", &[1], &[count]),
            int_tensor("zero", &[1], &[0]),
        ];
        model(&nodes, &constants, 16)
    };
    let limits = Limits {
        memory_bytes: 1 << 20,
        ..Limits::default()
    };
    let float = float_tensor("", &[1], &[1.0]);
    let int = int_tensor("", &[1], &[1]);
    assert_eq!(
        limit(&large(int.clone(), 140_000), limits),
        "bytes of memory"
    );
    // As many floats are within the limit: what is wrong comes later.
    let error = imported(&large(float, 140_000), limits).unwrap_err();
    assert!(matches!(error, ImportError::Node { .. }), "{error}");
    // 2 GiB are beyond what the command allows.
    let default = Limits::default();
    assert_eq!(
        limit(&large(int, (1 << 28) - 2000), default),
        "bytes of memory"
    );
}

#[test]
fn what_the_output_does_not_need_is_not_computed() {
    let (mut nodes, mut constants) = sign("x");
    let (dead, sizes) = square(1 << 20, "dead");
    nodes.insert(0, dead);
    nodes.insert(1, node("Unknown", &["absent"], "other", None));
    constants.push(sizes);
    constants.push(float_tensor("unused", &[1], &[f32::NAN]));
    // Samples follow one another, each a run.
    let file = model(&nodes, &constants, 16);
    let imported = imported(&file, Limits::default()).unwrap();
    let all = Comparison::Samples {
        samples: 64,
        equal: 64,
    };
    assert_eq!(imported.comparison, all);
}

#[test]
fn work_that_the_output_needs_is_counted_before_it_is_done() {
    // The input, plus 0 times the corner of a product that depends on it.
    let (dense, sizes) = square(64, "dense");
    let (signs, mut constants) = sign("sum");
    let mut nodes = vec![
        dense,
        node("Gather", &["x", "zero"], "row", None),
        node("ReduceSum", &["row"], "whole", None),
        node("Mul", &["dense", "whole"], "left", None),
        node("MatMul", &["left", "dense"], "product", None),
        node("ReduceSum", &["product"], "all", None),
        node("Mul", &["all", "none"], "nothing", None),
        node("Add", &["x", "nothing"], "sum", None),
    ];
    nodes.extend(signs);
    constants.extend([
        sizes,
        int_tensor("zero", &[1], &[0]),
        float_tensor("none", &[], &[0.0]),
    ]);
    let file = model(&nodes, &constants, 16);
    // The product takes 64^3 = 2^18 operations.
    let limits = Limits {
        operations: 1 << 17,
        ..Limits::default()
    };
    assert_eq!(limit(&file, limits), "operations");
    let limits = Limits {
        operations: 1 << 19,
        ..Limits::default()
    };
    // No model computes that, which the lowering says after the first run.
    let error = imported(&file, limits).unwrap_err();
    assert!(matches!(error, ImportError::Node { .. }), "{error}");
}

#[test]
fn operations_are_those_of_all_samples_and_a_large_network_has_fewer() {
    let (n, k) = (256, 16);
    let weights: Vec<f32> = (0..n * k)
        .map(|i| if i * i % 7 < 3 { 1.0 } else { -1.0 })
        .collect();
    let (mut nodes, mut constants) = sign("x");
    nodes[1] = node("Where", &["is", "plus", "minus"], "signs", None);
    nodes.push(node("MatMul", &["signs", "w"], "y", None));
    constants.push(float_tensor("w", &[k, n], &weights));
    let file = model(&nodes, &constants, k);
    let run = n * k + 2 * k;
    for (runs, samples) in [(65, 64), (11, 10), (2, 1)] {
        let limits = Limits {
            operations: (runs * run) as u64,
            ..Limits::default()
        };
        let equal = samples;
        let found = imported(&file, limits).unwrap().comparison;
        assert_eq!(found, Comparison::Samples { samples, equal });
    }
    // The first run, for shapes and constants, has taken them all.
    let limits = Limits {
        operations: run as u64,
        ..Limits::default()
    };
    assert_eq!(limit(&file, limits), "operations");
}

/// Nodes one after the other from `x` to `y`, and the constants 1, 0 and 8, ones and zeros for each
/// feature, and weights `w`.
fn repeated(count: usize, features: i64, op: &str, others: &[&str], w: &[f32]) -> Vec<u8> {
    let name = |i: usize| match i {
        0 => "x".to_owned(),
        i if i == count => "y".to_owned(),
        i => format!("v{i}"),
    };
    let nodes = (0..count).map(|i| {
        let first = name(i);
        let inputs = [&[first.as_str()][..], others].concat();
        node(op, &inputs, &name(i + 1), None)
    });
    let nodes: Vec<Vec<u8>> = nodes.collect();
    let numbers = [("one", 1.0), ("none", 0.0), ("bits", 8.0)];
    let mut constants: Vec<Vec<u8>> = numbers
        .iter()
        .map(|&(name, x)| float_tensor(name, &[], &[x]))
        .collect();
    for (name, x) in [("ones", 1.0), ("zeros", 0.0)] {
        constants.push(float_tensor(name, &[features], &vec![x; features as usize]));
    }
    if !w.is_empty() {
        constants.push(float_tensor("w", &[features, features], w));
    }
    model(&nodes, &constants, features)
}

#[test]
fn lists_of_the_nodes_of_a_graph_are_counted() {
    let limits = |memory_bytes| Limits {
        memory_bytes,
        samples: 1,
        ..Limits::default()
    };
    // A quantizer becomes three nodes, of which two have 16 kB each here.
    let quantizers = repeated(250, 2000, "Quant", &["one", "none", "bits"], &[]);
    assert_eq!(limit(&quantizers, limits(7 << 20)), "bytes of memory");
    imported(&quantizers, limits(64 << 20)).unwrap();
    // As many values are within the limit, of nodes without lists.
    let values = repeated(250, 2000, "Relu", &[], &[]);
    imported(&values, limits(7 << 20)).unwrap();
    // Weights that nodes of the network share are those of each node in the model.
    let half: Vec<f32> = (0..128 * 128)
        .map(|i| if i % 129 == 0 { 0.5 } else { 0.0 })
        .collect();
    let products = repeated(40, 128, "MatMul", &["w"], &half);
    assert_eq!(limit(&products, limits(1 << 20)), "bytes of memory");
    imported(&products, limits(16 << 20)).unwrap();
}

#[test]
fn nodes_of_a_graph_are_counted_when_they_are_added() {
    imported(&repeated(1022, 1, "Relu", &[], &[]), Limits::default()).unwrap();
    let many = repeated(60_000, 1, "Relu", &[], &[]);
    assert_eq!(limit(&many, Limits::default()), "nodes of a model's graph");
}

const NORM: [&str; 4] = ["ones", "zeros", "zeros", "ones"];

#[test]
fn lists_of_a_chain_are_counted() {
    let limits = |memory_bytes| Limits {
        memory_bytes,
        samples: 1,
        ..Limits::default()
    };
    // A batch norm's value has 8 kB, its lists 32 kB in a chain and 16 kB in the graph that it
    // becomes.
    let norms = repeated(100, 2000, "BatchNormalization", &NORM, &[]);
    assert_eq!(limit(&norms, limits(4 << 20)), "bytes of memory");
    imported(&norms, limits(8 << 20)).unwrap();
    // Those of an only channel become those of each pixel where the image is flattened.
    let [image, x] = ["image", "flat"].map(str::to_owned);
    let mut nodes = vec![node("Reshape", &["x", "sizes"], &image, None)];
    let mut last = image;
    for i in 0..100 {
        let next = format!("v{i}");
        let inputs = [last.as_str(), "one", "none", "none", "one"];
        nodes.push(node("BatchNormalization", &inputs, &next, None));
        last = next;
    }
    nodes.push(node("Flatten", &[&last], &x, None));
    nodes.push(node("Sqrt", &[&x], "y", None));
    let constants = [
        int_tensor("sizes", &[4], &[1, 1, 40, 50]),
        float_tensor("one", &[1], &[1.0]),
        float_tensor("none", &[1], &[0.0]),
    ];
    let spread = model(&nodes, &constants, 2000);
    assert_eq!(limit(&spread, limits(3 << 20)), "bytes of memory");
    let error = imported(&spread, limits(8 << 20)).unwrap_err();
    assert!(matches!(error, ImportError::Node { .. }), "{error}");
}

#[test]
fn networks_of_many_scores_are_compared_on_fewer_samples() {
    let (mut nodes, mut constants) = sign("image");
    nodes[1] = node("Where", &["is", "plus", "minus"], "signs", None);
    nodes.insert(0, node("Reshape", &["x", "sizes"], "image", None));
    nodes.push(node("Conv", &["signs", "w"], "y", None));
    let weights: Vec<f32> = (0..64)
        .map(|i| if i * i % 7 < 3 { 1.0 } else { -1.0 })
        .collect();
    constants.push(int_tensor("sizes", &[4], &[1, 1, 40, 50]));
    constants.push(float_tensor("w", &[64, 1, 1, 1], &weights));
    let file = model(&nodes, &constants, 2000);
    // 128 000 scores of each sample, of 2^22 in all.
    let expected = Comparison::Samples {
        samples: 32,
        equal: 32,
    };
    let found = imported(&file, Limits::default()).unwrap().comparison;
    assert_eq!(found, expected);
}
