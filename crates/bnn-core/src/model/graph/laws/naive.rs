//! A graph computed by its definition: whole tensors, element by element.

use alloc::vec;
use alloc::vec::Vec;

use crate::conv::{Conv2d, PadValue, Windows};
use crate::model::InputType;
use crate::model::graph::{
    Graph, Node, NodeEpilogue, NodeNumber, NodeWeights, Numbers, Operation, Slopes, Values,
};

/// A tensor, NHWC without gaps.
#[derive(Clone, Debug)]
pub(super) struct Tensor {
    pub(super) shape: [usize; 3],
    pub(super) elements: Elements,
    pub(super) exponent: i8,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Elements {
    /// Bits are -1 and +1.
    Integers(Vec<i64>),
    Reals(Vec<f32>),
}
use Elements::{Integers, Reals};

impl Tensor {
    fn integer(&self, at: usize) -> i64 {
        match &self.elements {
            Integers(v) => v[at],
            Reals(_) => panic!("reals"),
        }
    }

    fn real(&self, at: usize) -> f32 {
        match &self.elements {
            Integers(_) => panic!("integers"),
            Reals(x) => x[at],
        }
    }

    fn at(&self, y: usize, x: usize, c: usize) -> usize {
        (y * self.shape[1] + x) * self.shape[2] + c
    }
}

/// The output of a graph for an input, integers in the order of the image (bits as -1 and +1).
pub(super) fn run(graph: &Graph, input: &[i64]) -> Tensor {
    let mut tensors = vec![Tensor {
        shape: graph.input_shape,
        elements: Integers(input.to_vec()),
        exponent: 0,
    }];
    for node in &graph.nodes {
        let inputs: Vec<&Tensor> = node.inputs.iter().map(|&at| &tensors[at]).collect();
        let is_bits = |at: usize| match at {
            0 => graph.input == InputType::Bits,
            at => graph.nodes[at - 1].values == Values::Bits,
        };
        let tensor = compute(node, &inputs, is_bits(node.inputs[0]));
        tensors.push(tensor);
    }
    tensors.pop().unwrap()
}

fn round_shift(v: i128, shift: u8) -> i128 {
    let unit = 1_i128 << shift;
    (2 * v + unit).div_euclid(2 * unit)
}

fn fixed(v: i64, factor: i32, bias: i32, shift: u8, values: Values) -> i64 {
    let v = round_shift(i128::from(v) * i128::from(factor), shift) + i128::from(bias);
    saturate(v, values)
}

fn saturate(v: i128, values: Values) -> i64 {
    let bits = match values {
        Values::Fixed { .. } => 15,
        Values::Integer { .. } => 31,
        _ => panic!("no fixed point"),
    };
    v.clamp(-(1_i128 << bits), (1_i128 << bits) - 1) as i64
}

fn sixteen(v: i128) -> i64 {
    saturate(v, Values::Fixed { exponent: 0 })
}

/// What becomes of element or sum `s` of channel `c`.
fn finished(epilogue: &NodeEpilogue, values: Values, s: Sum, c: usize) -> Sum {
    match (epilogue, s) {
        (NodeEpilogue::Thresholds(t), Sum::Integer(s)) => {
            Sum::Integer(if s >= i64::from(t[c]) { 1 } else { -1 })
        }
        (NodeEpilogue::Real { scale, bias }, Sum::Integer(s)) => {
            Sum::Real(scale[c] * s as f32 + bias[c])
        }
        (NodeEpilogue::Real { scale, bias }, Sum::Real(s)) => Sum::Real(scale[c] * s + bias[c]),
        (NodeEpilogue::Bias(bias), Sum::Real(s)) => Sum::Real(s + bias[c]),
        (
            NodeEpilogue::Fixed {
                factor,
                bias,
                shift,
            },
            Sum::Integer(s),
        ) => Sum::Integer(fixed(s, factor[c], bias[c], *shift, values)),
        _ => panic!("types"),
    }
}

#[derive(Clone, Copy)]
enum Sum {
    Integer(i64),
    Real(f32),
}

fn collect(sums: Vec<Sum>) -> Elements {
    match sums[0] {
        Sum::Integer(_) => Integers(
            sums.iter()
                .map(|s| match s {
                    Sum::Integer(v) => *v,
                    Sum::Real(_) => panic!("mixed"),
                })
                .collect(),
        ),
        Sum::Real(_) => Reals(
            sums.iter()
                .map(|s| match s {
                    Sum::Real(x) => *x,
                    Sum::Integer(_) => panic!("mixed"),
                })
                .collect(),
        ),
    }
}

/// The pixels under window `(oy, ox)`, tap by tap; `None` is in the padding.
fn taps(windows: &Windows, oy: usize, ox: usize) -> Vec<Option<[usize; 2]>> {
    let ([kh, kw], [sh, sw]) = (windows.kernel(), windows.stride());
    let ([dh, dw], [top, left]) = (windows.dilation(), windows.padding_before());
    let [height, width] = windows.input_size();
    let mut taps = Vec::new();
    for ky in 0..kh {
        for kx in 0..kw {
            let y = (oy * sh + ky * dh).checked_sub(top).filter(|&y| y < height);
            let x = (ox * sw + kx * dw).checked_sub(left).filter(|&x| x < width);
            taps.push(y.zip(x).map(|(y, x)| [y, x]));
        }
    }
    taps
}

fn compute(node: &Node, inputs: &[&Tensor], is_bits: bool) -> Tensor {
    let a = inputs[0];
    let [height, width, channels] = a.shape;
    let exponent = match node.values {
        Values::Fixed { exponent } | Values::Integer { exponent } => exponent,
        _ => 0,
    };
    let each = |f: &dyn Fn(usize, usize) -> Sum| {
        let all = (0..height * width * channels).map(|i| f(i, i % channels));
        (a.shape, collect(all.collect()))
    };
    let is_real = matches!(a.elements, Reals(_));
    let (shape, elements) = match &node.operation {
        Operation::Product {
            conv,
            weights,
            epilogue,
        } => product(
            a,
            conv,
            weights,
            |sum, o| finished(epilogue, node.values, sum, o),
            is_bits,
        ),
        Operation::Affine(epilogue) => each(&|i, c| {
            let x = match is_real {
                true => Sum::Real(a.real(i)),
                false => Sum::Integer(a.integer(i)),
            };
            finished(epilogue, node.values, x, c)
        }),
        Operation::Add => each(&|i, _| match is_real {
            true => Sum::Real(a.real(i) + inputs[1].real(i)),
            false => {
                // In units of 2^-64, and from there to those of the output.
                let unit = |t: &Tensor| i128::from(t.integer(i)) << (64 - t.exponent);
                let sum = unit(a) + unit(inputs[1]);
                Sum::Integer(sixteen(round_shift(sum, (64 - exponent) as u8)))
            }
        }),
        Operation::Concat => concat(a, inputs[1]),
        Operation::Relu => each(&|i, _| match is_real {
            true => Sum::Real(if a.real(i) <= 0.0 { 0.0 } else { a.real(i) }),
            false => Sum::Integer(a.integer(i).max(0)),
        }),
        Operation::Prelu(slopes) => each(&|i, c| prelu(a, i, c, slopes)),
        Operation::Rprelu {
            before,
            slope,
            after,
        } => each(&|i, c| {
            let shifted = |s: Sum, by: &Numbers| match (s, by) {
                (Sum::Real(x), Numbers::Real(by)) => Sum::Real(x + by[c]),
                (Sum::Integer(v), Numbers::Fixed(by)) => {
                    Sum::Integer(sixteen(i128::from(v) + i128::from(by[c])))
                }
                _ => panic!("types"),
            };
            let x = match is_real {
                true => Sum::Real(a.real(i)),
                false => Sum::Integer(a.integer(i)),
            };
            let x = Tensor {
                shape: [1, 1, 1],
                elements: collect(vec![shifted(x, before)]),
                exponent: 0,
            };
            shifted(prelu(&x, 0, c, slope), after)
        }),
        Operation::Clamp { low, high } => each(&|i, _| match (is_real, low, high) {
            (true, NodeNumber::Real(low), NodeNumber::Real(high)) => {
                let x = a.real(i);
                Sum::Real(if x > *high {
                    *high
                } else if x < *low {
                    *low
                } else {
                    x
                })
            }
            (false, NodeNumber::Fixed(low), NodeNumber::Fixed(high)) => {
                let v = a.integer(i).clamp((*low).into(), (*high).into());
                Sum::Integer(sixteen(v.into()))
            }
            _ => panic!("types"),
        }),
        Operation::AveragePool(pool) => windowed(a, pool.windows(), &|under| match is_real {
            true => {
                let sum = under.iter().fold(0.0, |sum, &at| sum + a.real(at));
                Sum::Real(sum / under.len() as f32)
            }
            false => {
                let sum: i64 = under.iter().map(|&at| a.integer(at)).sum();
                let count = under.len() as i64;
                Sum::Integer((sum + count / 2).div_euclid(count))
            }
        }),
        Operation::MaxPool(pool) => windowed(a, pool.windows(), &|under| match is_real {
            true => Sum::Real(under.iter().fold(f32::NEG_INFINITY, |most, &at| {
                if a.real(at) > most { a.real(at) } else { most }
            })),
            false => Sum::Integer(under.iter().map(|&at| a.integer(at)).max().unwrap()),
        }),
        Operation::Sign(thresholds) => each(&|i, c| {
            let plus = match thresholds {
                Numbers::Real(t) => a.real(i) >= t[c],
                Numbers::Fixed(t) => a.integer(i) >= t[c].into(),
            };
            Sum::Integer(if plus { 1 } else { -1 })
        }),
        Operation::Crop([top, bottom, left, right]) => {
            let shape = [height - top - bottom, width - left - right, channels];
            let of = |i: usize| {
                let (pixel, c) = (i / channels, i % channels);
                a.at(top + pixel / shape[1], left + pixel % shape[1], c)
            };
            let all = (0..shape.iter().product()).map(of).map(|at| match is_real {
                true => Sum::Real(a.real(at)),
                false => Sum::Integer(a.integer(at)),
            });
            (shape, collect(all.collect()))
        }
        Operation::Flatten => ([1, 1, height * width * channels], a.elements.clone()),
    };
    Tensor {
        shape,
        elements,
        exponent,
    }
}

/// The sums of a product, each finished for its output.
fn product(
    a: &Tensor,
    conv: &Conv2d,
    weights: &NodeWeights,
    finish: impl Fn(Sum, usize) -> Sum,
    is_bits: bool,
) -> ([usize; 3], Elements) {
    let is_real = matches!(a.elements, Reals(_));
    let windows = conv.windows();
    let [out_height, out_width] = windows.output_size();
    let (n, k) = (conv.outputs(), conv.patch_len());
    let per_group = conv.channels() / conv.groups();
    let outside = match (is_bits, conv.pad_value()) {
        (true, PadValue::MinusOne) => -1,
        (true, PadValue::PlusOne) => 1,
        _ => 0,
    };
    let mut all = Vec::new();
    for oy in 0..out_height {
        for ox in 0..out_width {
            let taps = taps(windows, oy, ox);
            for o in 0..n {
                let group = o / (n / conv.groups());
                let mut integers = 0_i64;
                let mut reals = 0.0_f32;
                for (t, tap) in taps.iter().enumerate() {
                    for c in 0..per_group {
                        let at = o * k + t * per_group + c;
                        let element = tap.map(|[y, x]| a.at(y, x, group * per_group + c));
                        if is_real {
                            let Some(element) = element else { continue };
                            let w = match weights {
                                NodeWeights::I8(w) => f32::from(w[at]),
                                NodeWeights::F32(w) => w[at],
                                NodeWeights::Bits(_) => panic!("bits"),
                            };
                            reals += a.real(element) * w;
                        } else {
                            let w = match weights {
                                NodeWeights::Bits(w) => {
                                    let plus = w.view().get(o, at % k) == Some(true);
                                    if plus { 1 } else { -1 }
                                }
                                NodeWeights::I8(w) => i64::from(w[at]),
                                NodeWeights::F32(_) => panic!("reals"),
                            };
                            integers += w * element.map_or(outside, |element| a.integer(element));
                        }
                    }
                }
                let sum = match is_real {
                    true => Sum::Real(reals),
                    false => Sum::Integer(integers),
                };
                all.push(finish(sum, o));
            }
        }
    }
    ([out_height, out_width, n], collect(all))
}

/// The channels of two tensors, pixel by pixel.
fn concat(a: &Tensor, b: &Tensor) -> ([usize; 3], Elements) {
    let [height, width, channels] = a.shape;
    let is_real = matches!(a.elements, Reals(_));
    let [ca, cb] = [channels, b.shape[2]];
    let mut all = Vec::new();
    for pixel in 0..height * width {
        for (tensor, c) in [(a, ca), (b, cb)] {
            for at in pixel * c..(pixel + 1) * c {
                all.push(match is_real {
                    true => Sum::Real(tensor.real(at)),
                    false => Sum::Integer(tensor.integer(at)),
                });
            }
        }
    }
    ([height, width, ca + cb], collect(all))
}

fn prelu(a: &Tensor, i: usize, c: usize, slopes: &Slopes) -> Sum {
    match slopes {
        Slopes::Real(slopes) => {
            let x = a.real(i);
            Sum::Real(if x >= 0.0 { x } else { slopes[c] * x })
        }
        Slopes::Fixed { slope, shift } => {
            let v = a.integer(i);
            let steep = round_shift(i128::from(v) * i128::from(slope[c]), *shift);
            Sum::Integer(if v >= 0 { v } else { sixteen(steep) })
        }
    }
}

/// `f` of the elements of a channel under each window, in order.
fn windowed(a: &Tensor, windows: &Windows, f: &dyn Fn(&[usize]) -> Sum) -> ([usize; 3], Elements) {
    let [height, width] = windows.output_size();
    let mut all = Vec::new();
    for oy in 0..height {
        for ox in 0..width {
            let taps = taps(windows, oy, ox);
            for c in 0..a.shape[2] {
                let under: Vec<usize> =
                    taps.iter().flatten().map(|&[y, x]| a.at(y, x, c)).collect();
                all.push(f(&under));
            }
        }
    }
    ([height, width, a.shape[2]], collect(all))
}
