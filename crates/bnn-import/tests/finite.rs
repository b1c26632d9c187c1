//! Constants that are not finite: each float tensor of each kind of network, spoilt, is refused by
//! its name.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod wire;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bnn_import::{ImportError, Options, onnx};
use wire::{Field, fields};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

/// A float tensor of a file: its name, and where its elements are, in the file or in that beside it.
struct Floats {
    name: String,
    is_external: bool,
    bytes: Range<usize>,
}

/// The tensors of 4-byte floats in the graph's list of constants and in its nodes.
fn float_tensors(file: &[u8]) -> Vec<Floats> {
    let all = 0..file.len();
    let graph = fields(file, all).find(|field| field.number == 7).unwrap();
    let mut tensors = Vec::new();
    for field in fields(file, graph.bytes) {
        match field.number {
            5 => tensors.extend(floats(file, &field, None)),
            // The value of a `Constant` has the name of the node's output.
            1 => {
                let name = text(file, fields(file, field.bytes.clone()), 2);
                for attribute in fields(file, field.bytes).filter(|field| field.number == 5) {
                    let values = fields(file, attribute.bytes).filter(|field| field.number == 5);
                    tensors.extend(values.flat_map(|value| floats(file, &value, Some(&name))));
                }
            }
            _ => {}
        }
    }
    tensors
}

fn text(file: &[u8], mut fields: impl Iterator<Item = Field>, number: u32) -> String {
    let field = fields.find(|field| field.number == number);
    let bytes = field.map_or(0..0, |field| field.bytes);
    String::from_utf8(file[bytes].to_vec()).unwrap()
}

fn floats(file: &[u8], tensor: &Field, of: Option<&str>) -> Option<Floats> {
    let parts = || fields(file, tensor.bytes.clone());
    let name = of.map_or_else(|| text(file, parts(), 8), str::to_owned);
    if parts().find(|field| field.number == 2)?.int != 1 {
        return None;
    }
    let mut place = [0, 0];
    let entries = parts().filter(|field| field.number == 13);
    for entry in entries {
        let (key, value) = (
            text(file, fields(file, entry.bytes.clone()), 1),
            text(file, fields(file, entry.bytes), 2),
        );
        match key.as_str() {
            "offset" => place[0] = value.parse().unwrap(),
            "length" => place[1] = value.parse().unwrap(),
            _ => {}
        }
    }
    let [offset, len] = place;
    let is_external = len > 0;
    let raw = parts().find(|field| field.number == 9 || field.number == 4);
    let bytes = match is_external {
        true => offset..offset + len,
        false => raw?.bytes,
    };
    (!bytes.is_empty()).then_some(Floats {
        name,
        is_external,
        bytes,
    })
}

/// The values that nodes take, and those of them that bound a `Clip`, below and above.
fn inputs(file: &[u8]) -> [Vec<String>; 3] {
    let all = 0..file.len();
    let graph = fields(file, all).find(|field| field.number == 7).unwrap();
    let [mut taken, mut least, mut most] = [const { Vec::new() }; 3];
    for node in fields(file, graph.bytes).filter(|field| field.number == 1) {
        let inputs = fields(file, node.bytes.clone()).filter(|field| field.number == 1);
        let inputs = inputs.map(|input| String::from_utf8(file[input.bytes].to_vec()).unwrap());
        let inputs: Vec<String> = inputs.collect();
        if text(file, fields(file, node.bytes), 4) == "Clip" {
            least.extend(inputs.get(1).cloned());
            most.extend(inputs.get(2).cloned());
        }
        taken.extend(inputs);
    }
    [taken, least, most]
}

#[test]
fn every_float_tensor_of_every_kind_of_network_must_be_finite() {
    let mut spoilt = 0;
    for name in [
        "mlp_where",
        "mlp_dynamo",
        "mlp_arithmetic",
        "mlp_sign",
        "cnn_where",
        "cnn_dynamo",
        "cnn_normed",
        "padded",
        "unipolar",
        "qonnx",
        "residual",
        "real_stem",
        "real_stem_ts",
    ] {
        let file = fs::read(models().join(format!("{name}.onnx"))).unwrap();
        let beside = fs::read(models().join(format!("{name}.onnx.data"))).unwrap_or_default();
        let tensors = float_tensors(&file);
        assert!(!tensors.is_empty(), "{name}");
        let [taken, least, most] = inputs(&file);
        for tensor in tensors.iter().filter(|tensor| taken.contains(&tensor.name)) {
            let last = tensor.bytes.end - 4;
            let cases = [
                (tensor.bytes.start, f32::NAN),
                (last, f32::NAN),
                (last, f32::INFINITY),
                (tensor.bytes.start, f32::NEG_INFINITY),
            ];
            for (at, x) in cases {
                let (mut file, mut beside) = (file.clone(), beside.clone());
                let whole = if tensor.is_external {
                    &mut beside
                } else {
                    &mut file
                };
                whole[at..at + 4].copy_from_slice(&x.to_le_bytes());
                let mut external = |_: &str| Ok(beside.clone());
                let error = onnx(&file, &mut external, &Options::default());
                // What bounds nothing is a bound, unless another node takes it, too.
                let is_free = match x {
                    f32::NEG_INFINITY => least.contains(&tensor.name),
                    f32::INFINITY => most.contains(&tensor.name),
                    _ => false,
                };
                if is_free && error.is_ok() {
                    continue;
                }
                let Err(ImportError::Node { why, .. }) = error else {
                    panic!("{name}, {x} in {}: {error:?}", tensor.name);
                };
                let expected = format!("{}: expected finite numbers, found {x}", tensor.name);
                assert!(why.contains(&expected), "{name}, {}: {why}", tensor.name);
                spoilt += 1;
            }
        }
    }
    assert!(spoilt > 200, "{spoilt}");
}
