//! Commands with a graph: a model in which numbers run beside the bits.

use std::fs;
use std::path::Path;

use bnn_core::BitMatrix;
use bnn_core::conv::{Conv2d, ConvOptions, Padding, Pool2d};
use bnn_core::model::InputType;
use bnn_core::model::graph::{Graph, Node, NodeEpilogue, NodeWeights, Numbers, Operation, Values};

use super::{json, stdout};

/// Writes `graph.bnn`: a binary convolution with a shortcut around it, the mean of its images, and
/// scores by weights of 8 bits.
pub(crate) fn write_model(folder: &Path) {
    let options = ConvOptions {
        padding: Padding::Same,
        ..ConvOptions::default()
    };
    let conv = Conv2d::new([8, 8, 1], 1, [3, 3], options).unwrap();
    let whole = Pool2d::new([8, 8, 1], [8, 8], [1, 1], Padding::Valid).unwrap();
    let head = Conv2d::new([1, 1, 1], 10, [1, 1], ConvOptions::default()).unwrap();
    let real = |n: usize| NodeEpilogue::Real {
        scale: vec![0.5; n],
        bias: (0..n).map(|i| i as f32).collect(),
    };
    let node = |operation, inputs: &[usize], values| Node {
        operation,
        inputs: inputs.to_vec(),
        values,
    };
    let product = |conv, weights, n| Operation::Product {
        conv,
        weights,
        epilogue: real(n),
    };
    let weights = NodeWeights::Bits(BitMatrix::pack(&[1_i8; 9], 1, 9).unwrap());
    let graph = Graph {
        input: InputType::Unsigned { depth: 5 },
        input_shape: [8, 8, 1],
        nodes: vec![
            node(Operation::Affine(real(1)), &[0], Values::Real),
            node(
                Operation::Sign(Numbers::Real(vec![4.0])),
                &[1],
                Values::Bits,
            ),
            node(product(conv, weights, 1), &[2], Values::Real),
            node(Operation::Add, &[1, 3], Values::Real),
            node(Operation::AveragePool(whole), &[4], Values::Real),
            node(
                product(head, NodeWeights::I8(vec![1; 10]), 10),
                &[5],
                Values::Real,
            ),
        ],
        meta: "width=8\nheight=8\nmax=16\n".into(),
    };
    fs::write(folder.join("graph.bnn"), graph.write().unwrap()).unwrap();
}

#[test]
fn a_graph_is_shown_node_by_node_with_its_branches() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder);
    let told = json(folder, &["info", "graph.bnn", "--json"]);
    let nodes = told["nodes"].as_array().unwrap();
    let operations: Vec<_> = nodes.iter().map(|node| &node["operation"]).collect();
    let expected = [
        "input",
        "affine",
        "sign",
        "product",
        "add",
        "average pool",
        "product",
    ];
    assert_eq!(operations, expected);
    assert_eq!(nodes[4]["inputs"], serde_json::json!([1, 3]));
    assert_eq!(nodes[3]["kernel"], serde_json::json!([3, 3]));
    assert_eq!(nodes[6]["weight_bits"], 8);
    // The mean needs all rows of the sum, which replace those of the numbers; the convolution three
    // rows of signs.
    assert_eq!(nodes[1]["buffer_rows"], 8);
    assert_eq!(nodes[4]["in_place_of"], 1);
    assert_eq!(nodes[4]["buffer_bytes"], 0);
    assert_eq!(nodes[2]["buffer_rows"], 3);
    let text = stdout(folder, &["info", "graph.bnn"]);
    for part in [
        "3 product 3x3",
        "1, 3",
        "9 x 1 bit",
        "8x8x1 x +-1 bits",
        "in place of 1",
        "passed on",
        "peak",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let told = json(folder, &["info", "graph.bnn", "--mcu", "--json"]);
    assert_eq!(told["mcu"]["products_of_1_bit"], 8 * 8 * 9);
    assert_eq!(told["mcu"]["products_of_8_bit"], 10);
    assert_eq!(told["mcu"]["float"], true);
    assert_eq!(told["mcu"]["input_bytes"], 64);
    assert_eq!(told["mcu"]["output_bytes"], 40);
    // A word for the filter, a scale and a bias for its output; ten of each with a byte of weight.
    assert_eq!(told["mcu"]["weight_bytes"]["1_bit"], 8 + 8);
    let of_8_bits = &told["mcu"]["weight_bytes"]["8_bit"];
    assert!(
        (10 + 80..10 + 80 + 8).contains(&of_8_bits.as_u64().unwrap()),
        "{told}"
    );
    assert!(told["mcu"]["run_instructions"].is_null(), "{told}");
    let text = stdout(folder, &["info", "graph.bnn", "--mcu"]);
    for part in [
        "best on a core with an FPU",
        "products with weights of 8 bits",
        "Weights of 8 bits take a byte of flash each",
        "No estimate of instructions",
        "RAM: scratch memory",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let dot = stdout(folder, &["info", "graph.bnn", "--dot"]);
    for line in [
        "digraph model {",
        "  n3 [label=\"3 product 3x3\\n8x8x1 x f32\"];",
        "  n1 -> n4;",
        "  n3 -> n4;",
    ] {
        assert!(dot.contains(line), "{line} is not in {dot}");
    }
}

#[test]
fn a_graph_is_evaluated_as_a_chain_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder);
    let told = json(folder, &["eval", "graph.bnn", "--data", "digits", "--json"]);
    // The last class always has the greatest bias.
    let accuracy = told["accuracy"].as_f64().unwrap();
    assert!((0.0..0.3).contains(&accuracy), "{told}");
}
