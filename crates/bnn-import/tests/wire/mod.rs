//! The wire format of protocol buffers: where the fields of a message are, and messages in the
//! making.
#![allow(dead_code, reason = "each test takes a part")]

use std::ops::Range;

/// A field: where its bytes are, or its integer.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) bytes: Range<usize>,
    pub(crate) int: u64,
}

/// The fields of the message in these bytes of a file.
pub(crate) fn fields(file: &[u8], message: Range<usize>) -> impl Iterator<Item = Field> + use<> {
    let mut at = message.start;
    let mut fields = Vec::new();
    while at < message.end {
        let key = varint(file, &mut at);
        let start = at;
        let (bytes, int) = match key & 7 {
            0 => (start..start, varint(file, &mut at)),
            1 => (start..start + 8, 0),
            5 => (start..start + 4, 0),
            _ => {
                let len = varint(file, &mut at) as usize;
                (at..at + len, 0)
            }
        };
        at = at.max(bytes.end);
        let number = (key >> 3) as u32;
        fields.push(Field { number, bytes, int });
    }
    fields.into_iter()
}

fn varint(file: &[u8], at: &mut usize) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = file[*at];
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn write_varint(file: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        file.push(value as u8 | 0x80);
        value >>= 7;
    }
    file.push(value as u8);
}

/// An integer field.
pub(crate) fn int(number: u32, value: i64) -> Vec<u8> {
    let mut file = Vec::new();
    write_varint(&mut file, u64::from(number) << 3);
    write_varint(&mut file, value.cast_unsigned());
    file
}

/// A field of bytes, text or a message.
pub(crate) fn bytes(number: u32, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut file = Vec::new();
    write_varint(&mut file, u64::from(number) << 3 | 2);
    write_varint(&mut file, bytes.as_ref().len() as u64);
    file.extend(bytes.as_ref());
    file
}

/// A tensor of integers.
pub(crate) fn int_tensor(name: &str, sizes: &[i64], ints: &[i64]) -> Vec<u8> {
    let sizes: Vec<u8> = sizes.iter().flat_map(|&size| int(1, size)).collect();
    let ints: Vec<u8> = ints.iter().flat_map(|&x| int(7, x)).collect();
    [sizes, int(2, 7), ints, bytes(8, name)].concat()
}

/// A tensor of floats.
pub(crate) fn float_tensor(name: &str, sizes: &[i64], floats: &[f32]) -> Vec<u8> {
    let sizes: Vec<u8> = sizes.iter().flat_map(|&size| int(1, size)).collect();
    let raw: Vec<u8> = floats.iter().flat_map(|x| x.to_le_bytes()).collect();
    [sizes, int(2, 1), bytes(9, raw), bytes(8, name)].concat()
}

/// A node with an attribute `value` that is a tensor.
pub(crate) fn node(op: &str, inputs: &[&str], output: &str, value: Option<Vec<u8>>) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|name| bytes(1, name)).collect();
    let value = value.map(|tensor| [bytes(1, "value"), bytes(5, tensor), int(20, 4)].concat());
    let value = value.map(|attribute| bytes(5, attribute));
    [
        inputs,
        bytes(2, output),
        bytes(4, op),
        value.unwrap_or_default(),
    ]
    .concat()
}

/// An attribute of text, to be put behind a node.
pub(crate) fn text_attribute(name: &str, text: &str) -> Vec<u8> {
    bytes(5, [bytes(1, name), bytes(4, text), int(20, 3)].concat())
}

/// A model of nodes and constants, from `x` to `y`, both `[1, features]`.
pub(crate) fn model(nodes: &[Vec<u8>], constants: &[Vec<u8>], features: i64) -> Vec<u8> {
    let value = |name: &str| {
        let sizes = [1, features].map(|size| bytes(1, int(1, size))).concat();
        let kind = bytes(1, [int(1, 1), bytes(2, sizes)].concat());
        [bytes(1, name), bytes(2, kind)].concat()
    };
    let nodes: Vec<u8> = nodes.iter().flat_map(|node| bytes(1, node)).collect();
    let constants: Vec<u8> = constants.iter().flat_map(|x| bytes(5, x)).collect();
    let graph = [
        nodes,
        constants,
        bytes(11, value("x")),
        bytes(12, value("y")),
    ];
    [int(1, 8), bytes(7, graph.concat())].concat()
}
