//! A graph runs as its definition says, however it is run.

mod draw;
mod hostile;
mod naive;
mod stream;

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::group::plan;
use super::record::{NodeRecord, kind, values};
use super::schedule::replaced;
use super::{Graph, fixed, graph_of};
use crate::bits::BitMatrix;
use crate::model::laws::{Samples, outputs};
use crate::model::*;
use crate::noise::noise;
use crate::shape::row_words;

/// Samples of a graph, as its file takes them and as integers.
fn samples(graph: &Graph, seed: u64, count: usize) -> (Samples, Vec<Vec<i64>>) {
    let [height, width, channels] = graph.input_shape;
    let all = height * width * channels;
    let noise = noise(seed ^ 0xA5A5, all * count);
    match graph.input {
        InputType::Bits => {
            let bits = BitMatrix::pack(&noise, height * width * count, channels).unwrap();
            let signs = noise.chunks(all);
            let signs = signs.map(|x| x.iter().map(|&x| if x >= 0 { 1 } else { -1 }).collect());
            (Samples::Bits(bits.view().words().to_vec()), signs.collect())
        }
        InputType::Unsigned { depth } => {
            let bytes: Vec<u8> = noise
                .iter()
                .map(|&x| x as u8 & (255 >> (8 - depth)))
                .collect();
            let numbers = bytes.chunks(all);
            let numbers = numbers
                .map(|x| x.iter().map(|&x| x.into()).collect())
                .collect();
            (Samples::Bytes(bytes), numbers)
        }
        InputType::Thresholds => panic!("no graph has such an input"),
    }
}

/// What a run writes for this tensor, as `outputs` tells it.
fn written(tensor: &naive::Tensor, output: OutputType) -> Vec<u64> {
    match (&tensor.elements, output) {
        (naive::Elements::Integers(v), OutputType::Bits) => {
            let channels = tensor.shape[2];
            let mut words = Vec::new();
            for pixel in v.chunks(channels) {
                let mut row = vec![0_u64; row_words(channels)];
                for (i, &bit) in pixel.iter().enumerate() {
                    row[i / 64] |= u64::from(bit > 0) << (i % 64);
                }
                words.extend(row);
            }
            words
        }
        (naive::Elements::Integers(v), _) => v.iter().map(|&v| v as i32 as u64).collect(),
        (naive::Elements::Reals(x), _) => x
            .iter()
            .map(|&x| if x.is_nan() { f32::NAN } else { x }.to_bits().into())
            .collect(),
    }
}

/// The outputs of a graph by its definition.
fn expected(graph: &Graph, inputs: &[Vec<i64>], output: OutputType) -> Vec<u64> {
    let all = inputs
        .iter()
        .map(|x| written(&naive::run(graph, x), output));
    all.collect::<Vec<_>>().concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_graph_in_place_and_packed_equals_its_definition(seed: u64, size in 1_usize..16) {
        let graph = draw::graph(seed, size);
        let file = AlignedBytes::from(graph.write().unwrap().as_slice());
        let model = Model::open(&file).unwrap();
        prop_assert_eq!(graph_of(&model).unwrap().write().unwrap(), file.to_vec());
        let (input, numbers) = samples(&graph, seed, 3);
        let mut scratch = vec![u64::MAX; model.scratch_words(3).unwrap()];
        let (found, done) = outputs(&model, 3, |output| {
            model.run(3, input.input(), output, &mut scratch)
        });
        prop_assert_eq!(done, Ok(()));
        let expected = expected(&graph, &numbers, model.output().1);
        prop_assert_eq!(&found, &expected);
        stream::check(&graph, &model, seed);
        let packed = PackedModel::new(model).unwrap();
        let (found, done) = outputs(&model, 3, |output| packed.run(3, input.input(), output));
        prop_assert_eq!(done, Ok(()));
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn sums_of_fixed_point_saturate_and_round_to_the_greater(
        a: i16, b: i16, from: [i8; 2], to: i8,
    ) {
        let [ea, eb, e] = [from[0], from[1], to].map(|e| e.rem_euclid(16) - 8);
        let unit = |v: i16, e: i8| i128::from(v) << (32 - e);
        let sum = unit(a, ea) + unit(b, eb);
        let half = 1_i128 << (31 - e);
        let exact = (sum + half).div_euclid(2 * half);
        let expected = exact.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        prop_assert_eq!(fixed::add(a, b, [ea, eb], e), expected);
    }
}

/// Groups of up to six nodes that end in several tensors, with and without a product.
#[test]
fn the_random_graphs_have_groups_of_each_kind() {
    let (mut of_products, mut of_others, mut long, mut several) = (0, 0, 0, 0);
    for seed in 0..300 {
        let file = draw::graph(seed, 15).write().unwrap();
        let file = AlignedBytes::from(file.as_slice());
        let model = Model::open(&file).unwrap();
        let records: Vec<NodeRecord> = model.records.iter().map(NodeRecord::decode).collect();
        for members in plan::groups(&records).unwrap() {
            let is_product = records[members[0]].kind == kind::PRODUCT;
            match members.len() {
                0 => panic!("a group without a node"),
                1 => {}
                _ if is_product => of_products += 1,
                _ => of_others += 1,
            }
            long += usize::from(members.len() >= 5);
            several += usize::from(plan::written(&records, &members).count() >= 2);
        }
    }
    let all = [of_products, of_others, long, several];
    assert!(all.iter().all(|&count| count >= 30), "{all:?}");
}

/// What the random graphs are to show they have.
#[test]
fn the_random_graphs_have_every_operation_and_rejoin() {
    let mut operations = [0; 14];
    let (mut fixed, mut real, mut rejoined, mut streamed) = (0, 0, 0, 0);
    let (mut passed, mut replacing) = (0, 0);
    for seed in 0..300 {
        let file = draw::graph(seed, 15).write().unwrap();
        let file = AlignedBytes::from(file.as_slice());
        let model = Model::open(&file).unwrap();
        for record in model.records.iter().map(NodeRecord::decode) {
            operations[usize::from(record.kind)] += 1;
            fixed += usize::from(record.values == values::FIXED);
            real += usize::from(record.values == values::REAL);
            let [a, b] = record.inputs;
            rejoined += usize::from(record.arity() == 2 && a != b);
            passed += usize::from(record.passes_on());
            replacing += usize::from(replaced(model.records, &record).is_some());
        }
        streamed += usize::from(Stream::words(&model).is_ok());
    }
    for (kind, count) in operations.iter().enumerate() {
        assert!(*count >= 20, "only {count} nodes of kind {kind}");
    }
    assert!(
        fixed >= 200 && real >= 200,
        "{fixed} and {real} tensors of numbers"
    );
    assert!(
        passed >= 200 && replacing >= 50,
        "{passed} nodes pass rows on, {replacing} replace rows"
    );
    assert!(rejoined >= 50, "only {rejoined} branches rejoin");
    assert!(streamed >= 50, "only {streamed} graphs can be streamed");
}

#[test]
fn fixed_point_rounds_ties_to_the_greater() {
    assert_eq!([-3, -1, 1, 3].map(|v| fixed::shifted(v, 1)), [-1, 0, 1, 2]);
    assert_eq!([-2, 2, 5].map(|v| fixed::shifted(v, 0)), [-2, 2, 5]);
    assert_eq!(
        fixed::shifted(i64::from(i32::MIN) * i64::from(i32::MIN), 62),
        1
    );
    assert_eq!(fixed::average(-3, 2), -1);
    assert_eq!(fixed::average(3, 2), 2);
    assert_eq!(fixed::average(5, 3), 2);
    assert_eq!(fixed::prelu(-1, 1, 1), 0);
    assert_eq!(fixed::prelu(i16::MIN, i32::MAX, 0), i16::MIN);
    assert_eq!(fixed::saturated(40_000), i16::MAX);
}

/// A chain of convolutions of 3 x 3 and a shortcut around two of them keep rows, not images.
#[test]
fn a_buffer_holds_the_rows_under_windows_and_what_a_shortcut_waits_for() {
    let graph = residual_block(64, 64, false);
    let file = AlignedBytes::from(graph.write().unwrap().as_slice());
    let model = Model::open(&file).unwrap();
    let rows: Vec<u16> = model
        .records
        .iter()
        .map(|record| NodeRecord::decode(record).rows)
        .collect();
    // Input, numbers, signs, convolution, signs, convolution, sum. The sums of a convolution are
    // passed on.
    assert_eq!(rows, [1, 3, 3, 0, 3, 0, 0]);
}

/// In a stage of residual units, each sum replaces the shortcut and each activation the sum: the
/// numbers of the whole stage are one buffer, of a row for each unit and one more.
#[test]
fn a_stage_of_residual_units_is_one_buffer() {
    for units in 1..6 {
        let file = residual_stage(16, 5, units).write().unwrap();
        let file = AlignedBytes::from(file.as_slice());
        let model = Model::open(&file).unwrap();
        let records: Vec<_> = model.records.iter().map(NodeRecord::decode).collect();
        // Input, numbers, and for each unit signs, a convolution, a sum, an activation.
        let row = |record: &NodeRecord| (record.at, record.rows);
        let stage = row(&records[1]);
        assert_eq!(usize::from(stage.1), units + 1);
        for unit in records[2..records.len() - 1].chunks(4) {
            assert_eq!(unit[0].rows, 3);
            assert_eq!(row(&unit[1]), (0, 0));
            assert_eq!([row(&unit[2]), row(&unit[3])], [stage; 2]);
        }
    }
}

/// Bytes as numbers, `units` residual units of 3 x 3, and one more activation.
fn residual_stage(side: usize, channels: usize, units: usize) -> Graph {
    use super::{Node, NodeNumber, Operation, Slopes, Values};
    let Graph {
        input,
        input_shape,
        mut nodes,
        meta,
    } = residual_block(side, channels, false);
    let unit = [nodes[1].clone(), nodes[2].clone()];
    nodes.truncate(1);
    for at in 0..units {
        let x = 1 + 4 * at;
        let [mut sign, mut product] = unit.clone();
        (sign.inputs, product.inputs) = (vec![x], vec![x + 1]);
        let node = |operation, inputs: &[usize]| Node {
            operation,
            inputs: inputs.to_vec(),
            values: Values::Real,
        };
        let activation = match at % 3 {
            0 => Operation::Prelu(Slopes::Real(vec![0.25; channels])),
            1 => Operation::Relu,
            _ => Operation::Clamp {
                low: NodeNumber::Real(-9.0),
                high: NodeNumber::Real(40.0),
            },
        };
        // The shortcut is the second operand now and then.
        let sum = [[x, x + 2], [x + 2, x]][at % 2];
        let sum = node(Operation::Add, &sum);
        nodes.extend([sign, product, sum, node(activation, &[x + 3])]);
    }
    nodes.push(Node {
        operation: Operation::Relu,
        inputs: vec![1 + 4 * units],
        values: Values::Real,
    });
    Graph {
        input,
        input_shape,
        nodes,
        meta,
    }
}

/// Products of one sample that several threads share: they cut pixels, or channels where pixels are
/// few.
#[cfg(feature = "std")]
#[test]
fn threads_share_the_products_of_groups() {
    for (side, channels) in [(1, 320), (2, 256), (3, 200), (12, 64), (17, 33)] {
        for is_fixed in [false, true] {
            let graph = residual_block(side, channels, is_fixed);
            let file = AlignedBytes::from(graph.write().unwrap().as_slice());
            let model = Model::open(&file).unwrap();
            let (input, numbers) = samples(&graph, 7, 1);
            let expected = expected(&graph, &numbers, model.output().1);
            let packed = PackedModel::new(model).unwrap();
            for threads in [1, 2, 3, 5] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                pool.build().unwrap().install(|| {
                    let (found, done) = outputs(&model, 1, |y| packed.run(1, input.input(), y));
                    done.unwrap();
                    assert!(
                        found == expected,
                        "{side}, {channels}, {is_fixed}, {threads}"
                    );
                });
            }
        }
    }
}

/// Bytes as numbers, plus what two binary convolutions of 3 x 3 make of their signs; at the end, for
/// fixed point, as reals.
fn residual_block(side: usize, channels: usize, is_fixed: bool) -> Graph {
    use super::{Node, NodeEpilogue, NodeWeights, Numbers, Operation, Values};
    use crate::conv::{Conv2d, ConvOptions, Padding};
    let options = ConvOptions {
        padding: Padding::Same,
        ..ConvOptions::default()
    };
    let conv = Conv2d::new([side, side, channels], channels, [3, 3], options).unwrap();
    let real = || NodeEpilogue::Real {
        scale: vec![0.5; channels],
        bias: vec![0.25; channels],
    };
    let numbers = || match is_fixed {
        true => NodeEpilogue::Fixed {
            factor: (0..channels).map(|i| (i as i32 + 1) << 20).collect(),
            bias: vec![-9; channels],
            shift: 21,
        },
        false => real(),
    };
    let values = match is_fixed {
        true => Values::Fixed { exponent: 2 },
        false => Values::Real,
    };
    let product = |seed| {
        let k = conv.patch_len();
        let weights = BitMatrix::pack(&noise(seed, channels * k), channels, k).unwrap();
        Operation::Product {
            conv,
            weights: NodeWeights::Bits(weights),
            epilogue: numbers(),
        }
    };
    let sign = || {
        Operation::Sign(match is_fixed {
            true => Numbers::Fixed(vec![3; channels]),
            false => Numbers::Real(vec![0.0; channels]),
        })
    };
    let node = |operation, inputs: &[usize], values| Node {
        operation,
        inputs: inputs.to_vec(),
        values,
    };
    let mut nodes = vec![
        node(Operation::Affine(numbers()), &[0], values),
        node(sign(), &[1], Values::Bits),
        node(product(1), &[2], values),
        node(sign(), &[3], Values::Bits),
        node(product(2), &[4], values),
        node(Operation::Add, &[1, 5], values),
    ];
    if is_fixed {
        nodes.push(node(Operation::Affine(real()), &[6], Values::Real));
    }
    Graph {
        input: InputType::Unsigned { depth: 8 },
        input_shape: [side, side, channels],
        nodes,
        meta: Default::default(),
    }
}
