//! Damaged and hostile graphs are errors, or run in the memory that they say.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{draw, residual_block, stream};
use crate::conv::{Padding, Pool2d};
use crate::model::format::{self, RECORD_BYTES};
use crate::model::laws::outputs;
use crate::model::*;
use crate::noise::noise;

pub(super) fn with_checksum(mut file: Vec<u8>) -> Vec<u8> {
    let crc = format::checksum(&file);
    file[format::AT_CRC..format::AT_CRC + 4].copy_from_slice(&crc.to_le_bytes());
    file
}

/// Opens `bytes` and, where that works and is no large work, runs a sample: no panic.
fn open_and_run(bytes: &[u8]) -> Result<(), ModelError> {
    let file = AlignedBytes::from(bytes);
    let model = Model::open(&file)?;
    let (words, sizes) = (model.scratch_words(1)?, model.sizes());
    if words + sizes.input_len + sizes.output_len > 1 << 20 || model.operations() > 1 << 22 {
        return Ok(());
    }
    let mut scratch = vec![u64::MAX; words];
    let bits = vec![0; sizes.input_len];
    let bytes = vec![1; sizes.input_len];
    let input = match model.input().1 {
        InputType::Bits => Input::Bits(&bits),
        _ => Input::Bytes(&bytes),
    };
    let (_, done) = outputs(&model, 1, |output| {
        model.run(1, input, output, &mut scratch)
    });
    done?;
    if model.operations() < 1 << 14 && sizes.stream_words < 1 << 16 && sizes.inputs < 1 << 12 {
        stream::check_opened(&model, 5);
    }
    let packed = PackedModel::new(model)?;
    outputs(&model, 1, |output| packed.run(1, input, output)).1
}

/// Where the records of a file begin.
pub(super) fn records_at(file: &[u8]) -> usize {
    let entry = format::HEADER_BYTES;
    assert_eq!(file[entry..entry + 4], format::NODES);
    u32::from_le_bytes(file[entry + 4..entry + 8].try_into().unwrap()) as usize
}

#[test]
fn extreme_numbers_in_records_are_errors_or_run() {
    for seed in 0..12 {
        let draw = [draw::graph, draw::sliding][usize::from(seed % 3 == 2)];
        let good = draw(seed, 12).write().unwrap();
        let at = records_at(&good);
        let len = good.len().min(at + 12 * RECORD_BYTES);
        for byte in at..len {
            for value in [0, 1, 2, 3, 16, 17, 18, 127, 128, 255] {
                if good[byte] == value {
                    continue;
                }
                let mut bad = good.clone();
                bad[byte] = value;
                let _ = open_and_run(&with_checksum(bad));
            }
            let mut bad = good.clone();
            let end = bad.len().min(byte + 4);
            bad[byte..end].fill(255);
            let _ = open_and_run(&with_checksum(bad));
        }
    }
}

proptest! {
    #[test]
    fn flipped_bytes_are_errors_or_run(
        seed: u64, flips in 1_usize..6, repaired: bool, slides: bool,
    ) {
        let draw = if slides { draw::sliding } else { draw::graph };
        let mut file = draw(seed % 64, 10).write().unwrap();
        for flip in noise(seed, 2 * flips).chunks(2) {
            let at = flip[0].unsigned_abs() as usize % file.len();
            file[at] ^= 1 << (flip[1].unsigned_abs() % 8);
        }
        let opened = open_and_run(&if repaired { with_checksum(file) } else { file });
        prop_assert!(repaired || opened.is_err() || opened.is_ok());
    }

    #[test]
    fn what_is_cut_off_is_refused(seed in 0_u64..32, share in 0.0..1.0_f64) {
        let file = draw::graph(seed, 10).write().unwrap();
        let len = (file.len() as f64 * share) as usize;
        prop_assert!(open_and_run(&file[..len]).is_err());
    }
}

/// The fault of a file in which number `value` of `len` bytes is at `at` of record `record`.
fn refusal(file: &[u8], record: usize, at: usize, value: u32, len: usize) -> ModelError {
    let mut bad = file.to_vec();
    let at = records_at(file) + record * RECORD_BYTES + at;
    bad[at..at + len].copy_from_slice(&value.to_le_bytes()[..len]);
    open_and_run(&with_checksum(bad)).unwrap_err()
}

#[test]
fn each_lie_about_a_graph_has_its_error() {
    let file = residual_block(8, 5, false).write().unwrap();
    // Input, numbers, signs, convolution, signs, convolution, sum.
    let layer = |index, fault: fault::Fault| ModelError::Layer {
        index,
        expected: fault.expected(),
    };
    use fault::Fault;
    let cases = [
        // A node that reads itself, one that reads a later one, a first node that reads.
        (2, 4, 2, 2, 2, Fault::NodeInputs),
        (2, 4, 4, 2, 2, Fault::NodeInputs),
        (0, 4, 1, 2, 0, Fault::Reserved),
        // A tensor that nobody reads, and readers that are not told.
        (3, 4, 1, 2, 2, Fault::Reader),
        (1, 18, 2, 2, 6, Fault::Reader),
        (6, 18, 6, 2, 6, Fault::Reader),
        // Types, shapes, operations.
        (1, 1, 99, 1, 1, Fault::Values),
        (5, 1, 18, 1, 5, Fault::Values),
        (6, 12, 6, 4, 6, Fault::NodeShape),
        (3, 8, 7, 2, 3, Fault::NodeShape),
        (3, 0, 77, 1, 3, Fault::Reserved),
        (1, 0, 77, 1, 1, Fault::NodeKind),
        (3, 44, 2, 1, 3, Fault::NodeTypes),
        (3, 24, 4, 4, 3, Fault::Weights),
        (3, 28, 1 << 20, 4, 3, Fault::Params),
        (5, 28, 0, 4, 5, Fault::Shared),
        // Buffers.
        (0, 16, 0, 2, 0, Fault::BufferRows),
        (6, 16, 1, 2, 6, Fault::BufferRows),
        (2, 16, 9, 2, 2, Fault::BufferRows),
        (2, 20, 1, 4, 2, Fault::BufferPlace),
        // No buffer, and yet a place; a place, and yet no buffer.
        (2, 16, 0, 2, 2, Fault::BufferPlace),
        (3, 20, 9, 4, 3, Fault::BufferPlace),
        // Signs, which replace nothing, in the place of a buffer.
        (4, 20, place_of(&file, 2), 4, 4, Fault::BufferPlace),
    ];
    for (record, at, value, len, index, fault) in cases {
        let refused = refusal(&file, record, at, value, len);
        assert_eq!(refused, layer(index, fault), "byte {at} of record {record}");
    }
}

/// Where a node's buffer lies.
fn place_of(file: &[u8], record: usize) -> u32 {
    let at = records_at(file) + record * RECORD_BYTES + 20;
    u32::from_le_bytes(file[at..at + 4].try_into().unwrap())
}

#[test]
fn rows_that_are_still_needed_are_neither_replaced_nor_passed_on() {
    use crate::model::fault::Fault;
    use crate::model::graph::{Node, Operation, Values};
    let node = |operation, inputs: &[usize]| Node {
        operation,
        inputs: inputs.to_vec(),
        values: Values::Real,
    };
    let layer = |index, fault: Fault| ModelError::Layer {
        index,
        expected: fault.expected(),
    };
    let mut graph = residual_block(8, 5, false);
    graph.nodes.truncate(1);
    let mut write = |nodes: &[Node]| {
        graph.nodes.truncate(1);
        graph.nodes.extend_from_slice(nodes);
        graph.write().unwrap()
    };
    let refusal = |file: &[u8], record: usize, rows: u8, place: u32| {
        let mut bad = file.to_vec();
        let at = records_at(file) + record * RECORD_BYTES;
        bad[at + 16] = rows;
        bad[at + 20..at + 24].copy_from_slice(&place.to_le_bytes());
        open_and_run(&with_checksum(bad)).unwrap_err()
    };
    let rows_of = |file: &[u8], record: usize| file[records_at(file) + record * RECORD_BYTES + 16];
    let pool = Pool2d::new([8, 8, 5], [3, 3], [1, 1], Padding::Same).unwrap();

    // Rows that are passed on (1) from node to node (2).
    let relu = |at| node(Operation::Relu, &[at]);
    let file = write(&[relu(1), relu(2)]);
    assert_eq!([1, 2].map(|record| rows_of(&file, record)), [0, 1]);
    assert_eq!(refusal(&file, 2, 0, 0), layer(2, Fault::BufferRows));

    // Numbers (1), their rectification (2) in their place, the largest around each (3), both (4).
    let max = |at| node(Operation::MaxPool(pool), &[at]);
    let file = write(&[relu(1), max(1), node(Operation::Add, &[2, 3])]);
    let refused = refusal(&file, 2, rows_of(&file, 1), place_of(&file, 1));
    assert_eq!(refused, layer(2, Fault::BufferPlace));

    // Numbers (1), the largest around each (2), their rectification (3), both together (4): a row
    // is rectified before the pool of the row before it is made.
    let file = write(&[max(1), relu(1), node(Operation::Add, &[2, 3])]);
    assert_eq!(rows_of(&file, 3), 2);
    for (rows, place) in [(rows_of(&file, 1), place_of(&file, 1)), (0, 0)] {
        let refused = refusal(&file, 3, rows, place);
        let expected = Fault::Rows.expected();
        assert_eq!(refused, ModelError::Section { expected });
    }
}

/// Many nodes that wait for a reader far behind them: each step may ask all of them, and each of
/// them all nodes in between.
#[test]
fn graphs_whose_steps_would_take_long_are_refused() {
    use crate::model::graph::{Node, Operation};
    let waiting = |count: usize| {
        let mut graph = residual_block(16, 1, false);
        let first = graph.nodes[0].clone();
        graph.nodes = vec![first; count];
        for at in 1..count {
            graph.nodes.push(Node {
                operation: Operation::Add,
                inputs: vec![if at == 1 { 1 } else { count + at - 1 }, at + 1],
                ..graph.nodes[0].clone()
            });
        }
        graph.write()
    };
    assert!(open_and_run(&waiting(40).unwrap()).is_ok());
    let expected = fault::Fault::Rows.expected();
    assert_eq!(waiting(400), Err(ModelError::Section { expected }));
}

#[test]
fn buffers_of_too_few_rows_are_refused() {
    let file = residual_block(8, 64, false).write().unwrap();
    // The last buffer, so that no other one moves: the signs before the second convolution need
    // three rows.
    let at = records_at(&file);
    let mut bad = file.clone();
    bad[at + 4 * RECORD_BYTES + 16] = 2;
    let refused = open_and_run(&with_checksum(bad)).unwrap_err();
    let expected = fault::Fault::Rows.expected();
    assert_eq!(refused, ModelError::Section { expected });
}
