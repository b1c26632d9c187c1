//! A file of TensorFlow Lite: tensors and operators of its one graph. The numbers are those of
//! `schema.fbs`.

use super::flatbuffer::{Table, Vector};
use super::flexbuffer::Map;
use crate::ImportError;

/// Types of elements that are read.
pub(super) mod kind {
    pub(in crate::tflite) const FLOAT32: u8 = 0;
    pub(in crate::tflite) const INT32: u8 = 2;
    pub(in crate::tflite) const INT8: u8 = 9;
}

/// The name of a type of elements.
pub(super) fn kind_name(kind: u8) -> String {
    let names = [
        "FLOAT32",
        "FLOAT16",
        "INT32",
        "UINT8",
        "INT64",
        "STRING",
        "BOOL",
        "INT16",
        "COMPLEX64",
        "INT8",
    ];
    let name = names.get(usize::from(kind)).copied();
    name.map_or_else(|| format!("type {kind}"), str::to_owned)
}

/// The graph of a file.
#[derive(Debug)]
pub(super) struct Model<'a> {
    pub(super) tensors: Vec<Stored<'a>>,
    pub(super) operators: Vec<Operator<'a>>,
    pub(super) inputs: Vec<usize>,
    pub(super) outputs: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Stored<'a> {
    /// Its own for each tensor.
    pub(super) name: String,
    pub(super) kind: u8,
    pub(super) shape: Vec<usize>,
    /// The bytes of a constant; none of a value that is computed.
    pub(super) data: &'a [u8],
    /// What its integers stand for.
    pub(super) quantization: Option<Table<'a>>,
}

#[derive(Clone, Debug)]
pub(super) struct Operator<'a> {
    /// `ADD` and so on, or the name of a custom one.
    pub(super) op: String,
    /// Numbers of tensors; `None` is left out.
    pub(super) inputs: Vec<Option<usize>>,
    pub(super) outputs: Vec<usize>,
    pub(super) options: Option<Table<'a>>,
    pub(super) custom: Option<Map<'a>>,
}

/// More of anything is no network's.
const MOST: usize = 1 << 16;

/// The code of operators that are named.
const CUSTOM: i32 = 32;

/// The names of built-in operators.
const BUILT_IN: &[(i32, &str)] = &[
    (0, "ADD"),
    (1, "AVERAGE_POOL_2D"),
    (2, "CONCATENATION"),
    (3, "CONV_2D"),
    (4, "DEPTHWISE_CONV_2D"),
    (6, "DEQUANTIZE"),
    (9, "FULLY_CONNECTED"),
    (14, "LOGISTIC"),
    (17, "MAX_POOL_2D"),
    (18, "MUL"),
    (19, "RELU"),
    (20, "RELU_N1_TO_1"),
    (21, "RELU6"),
    (22, "RESHAPE"),
    (25, "SOFTMAX"),
    (28, "TANH"),
    (34, "PAD"),
    (40, "MEAN"),
    (41, "SUB"),
    (42, "DIV"),
    (54, "PRELU"),
    (98, "LEAKY_RELU"),
    (114, "QUANTIZE"),
    (117, "HARD_SWISH"),
];

fn wrong(at: &str, expected: &str, found: impl Into<String>) -> ImportError {
    ImportError::format(format!("TensorFlow Lite {at}"), expected, found)
}

/// Reads a file.
pub(super) fn model(file: &[u8]) -> Result<Model<'_>, ImportError> {
    let root = Table::root(file).ok_or_else(|| wrong("file", "a model", "other bytes"))?;
    let codes = list(root.vector(1), "operator codes", |code| Ok(name_of(&code)))?;
    let buffers = root.vector(4);
    let graphs = root.vector(2);
    let (1, Some(graph)) = (graphs.len(), graphs.table(0)) else {
        return Err(wrong("file", "one graph", graphs.len().to_string()));
    };
    let tensors = list(graph.vector(0), "tensors", |tensor| {
        let shape = tensor.vector(0).ints();
        let shape = shape.ok_or_else(|| wrong("tensor", "a shape", "other bytes"))?;
        let shape: Result<_, _> = shape.map(usize::try_from).collect();
        let buffer = usize::try_from(tensor.int(2, 0)).unwrap_or(0);
        let data = match buffers.table(buffer) {
            Some(buffer) => buffer.vector(0).bytes(),
            None => return Err(wrong("tensor", "a buffer", "none")),
        };
        Ok(Stored {
            name: tensor.text(3),
            kind: tensor.byte(1),
            shape: shape.map_err(|_| wrong("tensor", "sizes", "negative ones"))?,
            data: data.ok_or_else(|| wrong("buffer", "its bytes", "the end of the file"))?,
            quantization: tensor.table(4),
        })
    })?;
    // Names need not differ in a file.
    let tensors: Vec<Stored<'_>> = tensors
        .into_iter()
        .enumerate()
        .map(|(index, tensor)| Stored {
            name: format!("{}#{index}", tensor.name),
            ..tensor
        })
        .collect();
    let known = |index: i32| {
        let index = usize::try_from(index).ok();
        let index = index.filter(|&index| index < tensors.len());
        index.ok_or_else(|| wrong("graph", "numbers of tensors", "others"))
    };
    let numbers = |vector: Vector<'_>| {
        let ints = vector.ints();
        let ints = ints.ok_or_else(|| wrong("graph", "numbers of tensors", "other bytes"))?;
        ints.map(known).collect::<Result<Vec<usize>, _>>()
    };
    let operators = list(graph.vector(3), "operators", |operator| {
        let code = usize::try_from(operator.int(0, 0)).ok();
        let op = code.and_then(|code| codes.get(code));
        let inputs = operator.vector(1).ints();
        let inputs = inputs.ok_or_else(|| wrong("operator", "inputs", "other bytes"))?;
        let inputs = inputs.map(|index| match index {
            -1 => Ok(None),
            index => known(index).map(Some),
        });
        Ok(Operator {
            op: op
                .ok_or_else(|| wrong("operator", "its code", "none"))?
                .clone(),
            inputs: inputs.collect::<Result<_, ImportError>>()?,
            outputs: numbers(operator.vector(2))?,
            options: operator.table(4),
            custom: operator.vector(5).bytes().and_then(Map::root),
        })
    })?;
    Ok(Model {
        operators,
        inputs: numbers(graph.vector(1))?,
        outputs: numbers(graph.vector(2))?,
        tensors,
    })
}

fn name_of(code: &Table<'_>) -> String {
    // Codes beyond a byte have a field of their own; the older one has the least of both.
    let code_number = code.int(3, 0).max(i32::from(code.byte(0)));
    if code_number == CUSTOM {
        return code.text(1);
    }
    let known = BUILT_IN.iter().find(|(number, _)| *number == code_number);
    known.map_or_else(
        || format!("operator {code_number}"),
        |(_, name)| (*name).to_owned(),
    )
}

/// What is made of all tables of a vector.
fn list<'a, T>(
    vector: Vector<'a>,
    what: &'static str,
    make: impl Fn(Table<'a>) -> Result<T, ImportError>,
) -> Result<Vec<T>, ImportError> {
    if vector.len() > MOST {
        return Err(ImportError::Limit {
            what,
            most: MOST as u64,
        });
    }
    let tables = (0..vector.len()).map(|index| {
        let table = vector.table(index);
        make(table.ok_or_else(|| wrong(what, "tables", "other bytes"))?)
    });
    tables.collect()
}
