//! Files of TensorFlow Lite in the making: tables of FlatBuffers, written before what they hold.
#![allow(dead_code, reason = "each test takes a part")]

/// Types of elements.
pub(crate) const FLOAT32: u8 = 0;
pub(crate) const INT32: u8 = 2;
pub(crate) const INT8: u8 = 9;

/// A part of a file, to which an offset leads.
enum Part {
    /// Fields, by their numbers.
    Table(Vec<(usize, Field)>),
    Tables(Vec<Part>),
    /// How many elements there are, and their bytes.
    Elements(usize, Vec<u8>),
}

enum Field {
    Number([u8; 4]),
    Part(Part),
}

/// A tensor of the file.
#[derive(Clone, Default)]
pub(crate) struct Tensor {
    pub(crate) kind: u8,
    pub(crate) shape: Vec<i32>,
    pub(crate) data: Vec<u8>,
    /// Scales and zero points.
    pub(crate) quantization: Option<(Vec<f32>, Vec<i64>)>,
}

/// A built-in operator by its code, its inputs and output, and one field of its options.
#[derive(Clone)]
pub(crate) struct Operator {
    pub(crate) code: i32,
    pub(crate) inputs: Vec<i32>,
    pub(crate) output: i32,
    pub(crate) option: Option<(usize, i32)>,
}

/// A file whose first tensor is the input, and whose last operator makes the output.
pub(crate) fn file(tensors: &[Tensor], operators: &[Operator]) -> Vec<u8> {
    let mut codes: Vec<i32> = operators.iter().map(|operator| operator.code).collect();
    codes.sort_unstable();
    codes.dedup();
    // The first buffer is that of all values that are computed.
    let mut buffers = vec![Part::Table(Vec::new())];
    let mut tables = Vec::new();
    for tensor in tensors {
        let mut fields = vec![(0, ints(&tensor.shape)), (1, number(tensor.kind.into()))];
        if !tensor.data.is_empty() {
            fields.push((2, number(buffers.len() as i32)));
            let data = Part::Elements(tensor.data.len(), tensor.data.clone());
            buffers.push(Part::Table(vec![(0, Field::Part(data))]));
        }
        if let Some((scales, zeros)) = &tensor.quantization {
            let bytes = scales.iter().flat_map(|scale| scale.to_le_bytes());
            let listed = Part::Elements(scales.len(), bytes.collect());
            let bytes = zeros.iter().flat_map(|zero| zero.to_le_bytes());
            let other = Part::Elements(zeros.len(), bytes.collect());
            let table = vec![(2, Field::Part(listed)), (3, Field::Part(other))];
            fields.push((4, Field::Part(Part::Table(table))));
        }
        tables.push(Part::Table(fields));
    }
    let calls = operators.iter().map(|operator| {
        let code = codes.iter().position(|&code| code == operator.code);
        let option = operator.option.map(|(field, value)| (field, number(value)));
        let options = Part::Table(option.into_iter().collect());
        Part::Table(vec![
            (0, number(code.map_or(-1, |code| code as i32))),
            (1, ints(&operator.inputs)),
            (2, ints(&[operator.output])),
            (4, Field::Part(options)),
        ])
    });
    let output = operators.last().map_or(0, |operator| operator.output);
    let graph = Part::Table(vec![
        (0, Field::Part(Part::Tables(tables))),
        (1, ints(&[0])),
        (2, ints(&[output])),
        (3, Field::Part(Part::Tables(calls.collect()))),
    ]);
    let codes = codes
        .iter()
        .map(|&code| Part::Table(vec![(3, number(code))]));
    let model = Part::Table(vec![
        (1, Field::Part(Part::Tables(codes.collect()))),
        (2, Field::Part(Part::Tables(vec![graph]))),
        (4, Field::Part(Part::Tables(buffers))),
    ]);
    let mut file = b"\0\0\0\0TFL3".to_vec();
    let root = write(&mut file, &model);
    point(&mut file, 0, root);
    file
}

fn number(value: i32) -> Field {
    Field::Number(value.to_le_bytes())
}

fn ints(values: &[i32]) -> Field {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes());
    Field::Part(Part::Elements(values.len(), bytes.collect()))
}

/// Writes a part at the end of a file; where it lies.
fn write(file: &mut Vec<u8>, part: &Part) -> usize {
    match part {
        Part::Elements(len, bytes) => {
            let at = file.len();
            file.extend((*len as u32).to_le_bytes());
            file.extend(bytes);
            at
        }
        Part::Tables(tables) => {
            let at = file.len();
            file.extend((tables.len() as u32).to_le_bytes());
            file.resize(at + 4 + 4 * tables.len(), 0);
            for (i, table) in tables.iter().enumerate() {
                let target = write(file, table);
                point(file, at + 4 + 4 * i, target);
            }
            at
        }
        Part::Table(fields) => {
            // The places of its fields come first, then the table: back to them, and the fields.
            let numbers = fields.iter().map(|(index, _)| index + 1).max().unwrap_or(0);
            let mut places = vec![0_u16; numbers];
            for (i, (index, _)) in fields.iter().enumerate() {
                places[*index] = 4 + 4 * i as u16;
            }
            let back = 4 + 2 * numbers;
            let sizes = [back as u16, 4 + 4 * fields.len() as u16];
            file.extend(sizes.iter().chain(&places).flat_map(|x| x.to_le_bytes()));
            let at = file.len();
            file.extend((back as i32).to_le_bytes());
            file.resize(at + 4 + 4 * fields.len(), 0);
            for (i, (_, field)) in fields.iter().enumerate() {
                let place = at + 4 + 4 * i;
                match field {
                    Field::Number(bytes) => file[place..place + 4].copy_from_slice(bytes),
                    Field::Part(part) => {
                        let target = write(file, part);
                        point(file, place, target);
                    }
                }
            }
            at
        }
    }
}

/// Writes an offset at a place that leads to another.
fn point(file: &mut [u8], place: usize, target: usize) {
    file[place..place + 4].copy_from_slice(&((target - place) as u32).to_le_bytes());
}
