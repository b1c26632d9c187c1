//! A stream through a graph gives what the graph is by definition on each window by itself.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{draw, expected, samples};
use crate::bits::BitMatrix;
use crate::model::graph::Graph;
use crate::model::laws::{Samples, outputs};
use crate::model::*;
use crate::noise::noise;

/// Rows of noise, as many as `count`.
fn series(model: &Model<'_>, seed: u64, count: usize) -> Samples {
    let [_, width, channels] = model.input_shape();
    let noise = noise(seed ^ 0xA5A5, count * width * channels);
    match model.input().1 {
        InputType::Unsigned { depth } => {
            let bytes = noise.iter().map(|&x| x as u8 & (255 >> (8 - depth)));
            Samples::Bytes(bytes.collect())
        }
        _ => {
            let bits = BitMatrix::pack(&noise, count * width, channels).unwrap();
            Samples::Bits(bits.view().words().to_vec())
        }
    }
}

/// Pushes rows of noise, `windows` windows of them at least, and compares every result with a run
/// in place and with `defined`, if that tells what window `i` of these rows gives.
fn pushed(
    model: &Model<'_>,
    (rows, count): (&Samples, usize),
    defined: impl Fn(usize) -> Option<Vec<u64>>,
) {
    let (height, step) = (model.input_shape()[0], model.sizes().stream_step);
    let row = model.input_len() / height;
    let part = |from: usize, count: usize| rows.input().part(from * row..(from + count) * row);
    let words = Stream::words(model).unwrap();
    assert_eq!(model.sizes().stream_words, words);
    let mut memory = vec![u64::MAX; words];
    let mut stream = Stream::new(*model, &mut memory).unwrap();
    assert!(stream.slides() || step == height);
    let untouched = outputs(model, 1, |_| ()).0;
    let mut scratch = vec![u64::MAX; model.scratch_words(1).unwrap()];
    let mut results = 0;
    for y in 0..count {
        let (found, done) = outputs(model, 1, |to| stream.push(part(y, 1), to));
        if !done.unwrap() {
            assert_eq!(found, untouched, "written without a result");
            continue;
        }
        let first = results * step;
        results += 1;
        if first + height > count {
            continue; // a window of which the last rows do not matter
        }
        let window = part(first, height);
        let (run, done) = outputs(model, 1, |to| model.run(1, window, to, &mut scratch));
        done.unwrap();
        assert_eq!(found, run, "window {} of steps of {step}", results - 1);
        if let Some(defined) = defined(first) {
            assert_eq!(found, defined);
        }
    }
    let windows = (count - height) / step + 1;
    assert!(results >= windows, "{results} results of {windows}");
}

/// Rows of windows that begin after the end of the first one, too.
fn rows_of_windows(model: &Model<'_>) -> usize {
    let (height, step) = (model.input_shape()[0], model.sizes().stream_step);
    height + step * (2 * height.div_ceil(step) + 2)
}

/// Checks that a stream through a model gives what a run of each window gives.
pub(super) fn check_opened(model: &Model<'_>, seed: u64) {
    if Stream::words(model).is_ok() {
        let count = rows_of_windows(model);
        pushed(model, (&series(model, seed, count), count), |_| None);
    }
}

/// Checks that a stream gives what the graph is by definition on each window.
pub(super) fn check(graph: &Graph, model: &Model<'_>, seed: u64) {
    if Stream::words(model).is_err() {
        assert_ne!(model.output_shape()[0], 1);
        return;
    }
    let count = rows_of_windows(model);
    let [height, width, channels] = graph.input_shape;
    let all = Graph {
        input_shape: [count, width, channels],
        ..graph.clone()
    };
    let (rows, numbers) = samples(&all, seed, 1);
    let row = width * channels;
    pushed(model, (&rows, count), |first| {
        let window = numbers[0][first * row..(first + height) * row].to_vec();
        Some(expected(graph, &[window], model.output().1))
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_result_is_that_of_its_window(seed: u64, size in 1_usize..16) {
        let graph = draw::sliding(seed, size);
        let file = AlignedBytes::from(graph.write().unwrap().as_slice());
        let model = Model::open(&file).unwrap();
        check(&graph, &model, seed);
    }
}

/// The random graphs slide, by more than a row, with branches that rejoin.
#[test]
fn most_random_graphs_without_padding_slide() {
    use crate::model::graph::record::{NodeRecord, kind};
    use crate::model::graph::slide::step;
    let (mut slide, mut far, mut rejoin, mut crops, mut not) = (0, 0, 0, 0, 0);
    for seed in 0..300 {
        let file = draw::sliding(seed, 15).write().unwrap();
        let file = AlignedBytes::from(file.as_slice());
        let model = Model::open(&file).unwrap();
        let records: Vec<_> = model.records.iter().map(NodeRecord::decode).collect();
        // What moves each input must be the same on all ways to the output.
        let moves = |index: usize| step(model.records, index);
        let agrees = |(index, node): (usize, &NodeRecord)| {
            let own = moves(index) * usize::from(node.window.stride[0].max(1));
            let inputs = node.inputs.iter().take(node.arity());
            inputs.into_iter().all(|&input| moves(input.into()) == own)
        };
        let agree = records.iter().enumerate().all(agrees);
        let leaves_none_out = moves(0) <= model.input_shape()[0];
        assert_eq!(
            model.step().is_some(),
            agree && leaves_none_out,
            "seed {seed}"
        );
        if !agree {
            not += 1;
            continue;
        }
        slide += 1;
        far += usize::from(moves(0) > 1);
        let has = |of: &dyn Fn(&NodeRecord) -> bool| usize::from(records.iter().any(of));
        rejoin += has(&|node| node.arity() == 2 && node.inputs[0] != node.inputs[1]);
        crops += has(&|node| node.kind == kind::CROP && node.window.padding[0] > 0);
    }
    let all = [slide, far, rejoin, crops, not];
    let least = [200, 50, 60, 50, 3];
    let enough = all.iter().zip(least).all(|(&count, least)| count >= least);
    assert!(enough, "{all:?}, expected at least {least:?}");
}

/// Counters of rows have 16 bits.
#[test]
fn a_stream_runs_on_longer_than_its_counters() {
    let mut tried = 0;
    for seed in 0.. {
        let graph = draw::sliding(seed, 8);
        let file = AlignedBytes::from(graph.write().unwrap().as_slice());
        let model = Model::open(&file).unwrap();
        let joins = graph.nodes.iter().any(|node| node.inputs.len() == 2);
        if model.step().is_none() || !joins || model.operations() > 500 {
            continue;
        }
        let count = 70_000;
        pushed(&model, (&series(&model, seed, count), count), |_| None);
        tried += 1;
        if tried == 2 {
            break;
        }
    }
}

/// A series whose window and step together have more rows than counters last for: one result for
/// each window.
#[test]
fn windows_of_very_many_rows_do_not_slide() {
    use crate::conv::Pool2d;
    use crate::model::graph::{Node, NodeEpilogue, Operation, Values};
    let model = |rows: usize| {
        let affine = NodeEpilogue::Fixed {
            factor: vec![1],
            bias: vec![0],
            shift: 0,
        };
        let node = |operation, at: usize, values| Node {
            operation,
            inputs: vec![at],
            values,
        };
        let mut nodes = vec![node(
            Operation::Affine(affine.clone()),
            0,
            Values::Fixed { exponent: 0 },
        )];
        let mut left = rows;
        while left > 1 {
            let pool = Pool2d::new([left, 1, 1], [2, 1], [2, 1], Default::default()).unwrap();
            let values = Values::Fixed { exponent: 0 };
            nodes.push(node(Operation::AveragePool(pool), nodes.len(), values));
            left /= 2;
        }
        let values = Values::Integer { exponent: 0 };
        nodes.push(node(Operation::Affine(affine), nodes.len(), values));
        Graph {
            input: InputType::Unsigned { depth: 8 },
            input_shape: [rows, 1, 1],
            nodes,
            meta: Default::default(),
        }
    };
    // Windows of 2^n rows that do not overlap: a step has as many.
    for (rows, slides) in [(64, true), (1 << 13, true), (1 << 14, false)] {
        let file = AlignedBytes::from(model(rows).write().unwrap().as_slice());
        let model = Model::open(&file).unwrap();
        assert_eq!(model.step(), slides.then_some(rows));
        check_opened(&model, 3);
    }
}

/// What one window needs may be too little for the rows after it. Then the window does not slide,
/// and every result is right all the same.
#[test]
fn a_plan_for_one_window_alone_may_not_slide() {
    use crate::model::graph::laws::hostile::{records_at, with_checksum};
    use crate::model::graph::record::NodeRecord;
    use crate::model::graph::writer::plan::plan_for_an_image;
    let (mut slide, mut not) = (0, 0);
    for seed in 0..300 {
        let file = draw::sliding(seed, 15).write().unwrap();
        let aligned = AlignedBytes::from(file.as_slice());
        let model = Model::open(&aligned).unwrap();
        if model.step().is_none() {
            continue;
        }
        let mut records: Vec<_> = model.records.iter().map(NodeRecord::decode).collect();
        let mut encoded = model.records.to_vec();
        plan_for_an_image(&mut records, &mut encoded).unwrap();
        let (mut narrow, at) = (file.clone(), records_at(&file));
        let planned = encoded.as_flattened();
        narrow[at..at + planned.len()].copy_from_slice(planned);
        let narrow = AlignedBytes::from(with_checksum(narrow).as_slice());
        let model = Model::open(&narrow).unwrap();
        match model.step() {
            Some(_) => slide += 1,
            None => {
                not += 1;
                check_opened(&model, seed);
            }
        }
    }
    assert!(slide >= 200 && not >= 2, "{slide} and {not}");
}
