//! The steps of a group over a tile: a panel of channels of consecutive pixels, a few pixels at a
//! time, so that the numbers between the steps stay in the L1 cache.

use super::memory::{Lanes, OfChannels, PIXELS, Slab, Slabs, TOGETHER, TileMemory};
use super::outputs::{Cut, GroupOutputs, PixelRows};
use super::scaled::{self, Scale, Scaled, saturated};
use super::steps::{Action, Step};
use super::{Beside, MOST_STEPS, Numbers};
use crate::bits::gather;
use crate::gemm::epilogue::join;
use crate::kernel::loops::Loop;
use crate::kernel::{NR, Sums};
use crate::model::graph::fixed;
use crate::model::graph::per_channel::clamped;
use crate::shape::positive;

/// Which pixels and channels a tile has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The first pixel, counted from the first of the outputs.
    pub(super) first: usize,
    pub(super) pixels: usize,
    /// The first channel, in all tensors and in the rows that are written.
    pub(super) col: usize,
    pub(super) at: usize,
    pub(super) used: usize,
}

/// A tile on its way through the steps of a group.
pub(super) struct TileLoop<'t, 'r, 'o> {
    pub(super) steps: &'t [Step<'r>],
    /// What each step reads beside.
    pub(super) beside: &'t [[Option<Beside<'r>>; 2]; MOST_STEPS],
    /// The first current numbers, if they are sums.
    pub(super) sums: Option<&'t [Sums]>,
    pub(super) outputs: &'t mut GroupOutputs<'o>,
    pub(super) place: Place,
    pub(super) memory: &'t mut TileMemory,
}

impl Loop for TileLoop<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self {
            steps,
            beside,
            sums,
            outputs,
            place,
            memory: TileMemory { slabs, numbers },
        } = self;
        for done in (0..place.pixels).step_by(PIXELS) {
            let here = Place {
                first: place.first + done,
                pixels: PIXELS.min(place.pixels - done),
                ..place
            };
            if let Some(sums) = sums.and_then(|sums| sums.get(done..)) {
                for (lanes, sums) in slabs.lanes.pixels_mut().iter_mut().zip(sums) {
                    *lanes = sums.0;
                }
            }
            for (step, beside) in steps.iter().zip(beside) {
                step.numbers(place.col, place.used, numbers);
                slabs.step(step.action, beside, numbers, outputs.first, here);
                if let Some(rows) = step.out.and_then(|out| outputs.tensors.get_mut(out)) {
                    slabs.write(step.action, numbers, here, rows);
                }
            }
        }
    }
}

impl Slabs {
    /// Makes the current numbers of a step; the outputs begin at pixel `origin` of the batch.
    #[inline(always)]
    fn step(
        &mut self,
        action: Action,
        beside: &[Option<Beside<'_>>; 2],
        numbers: &OfChannels,
        origin: usize,
        place: Place,
    ) {
        let arrays = place.pixels.div_ceil(TOGETHER);
        let first = origin + place.first;
        match (action, beside) {
            (Action::Load, [Some(from), _]) => self.load(from, first, place),
            (Action::Join(width), [Some(a), Some(b)]) => self.join(a, b, width, first, place),
            (Action::AddReal, [Some(from), _]) => {
                if let Numbers::Real(x) = from.numbers {
                    let beside = self.beside.pixels_mut();
                    rows(x, from, first, place, beside, |x| bytemuck::cast(*x), bits);
                    with(&mut self.lanes, &self.beside, arrays, |v, x| {
                        bits(real(v) + real(x))
                    });
                }
            }
            (Action::AddFixed(sum), [Some(from), _]) => {
                if let Numbers::Fixed(x) = from.numbers {
                    let beside = self.narrow.pixels_mut();
                    rows(x, from, first, place, beside, |x| *x, |x| x);
                    with(&mut self.lanes, &self.narrow, arrays, |v, x| {
                        sum.of(v, x.into())
                    });
                }
            }
            (action, _) => {
                let lanes = self.lanes.0.get_mut(..arrays).unwrap_or_default();
                alone(action, numbers, lanes);
            }
        }
    }

    /// The current numbers are those of a tensor.
    #[inline(always)]
    fn load(&mut self, from: &Beside<'_>, first: usize, place: Place) {
        let arrays = place.pixels.div_ceil(TOGETHER);
        match from.numbers {
            Numbers::Real(x) => {
                let lanes = self.lanes.pixels_mut();
                rows(x, from, first, place, lanes, |x| bytemuck::cast(*x), bits);
            }
            Numbers::Fixed(x) => {
                let narrow = self.narrow.pixels_mut();
                rows(x, from, first, place, narrow, |x| *x, |x| x);
                with(&mut self.lanes, &self.narrow, arrays, |_, x| x.into());
            }
            Numbers::Bytes(x) => {
                let bytes = self.bytes.pixels_mut();
                rows(x, from, first, place, bytes, |x| *x, |x| x);
                with(&mut self.lanes, &self.bytes, arrays, |_, x| x.into());
            }
            Numbers::Integer(x) => {
                let lanes = self.lanes.pixels_mut();
                rows(x, from, first, place, lanes, |x| *x, |x| x);
            }
        }
    }

    /// The current numbers are those of two tensors, the first of `width` channels.
    #[inline(always)]
    fn join(&mut self, a: &Beside<'_>, b: &Beside<'_>, width: usize, first: usize, place: Place) {
        let of_a = width.saturating_sub(place.col).min(place.used);
        if of_a == place.used {
            return self.load(a, first, place);
        }
        // What is beside the channels of `a` is loaded first, then moved.
        let of_b = Place {
            col: (place.col + of_a).saturating_sub(width),
            used: place.used - of_a,
            ..place
        };
        self.load(b, first, of_b);
        if of_a == 0 {
            return;
        }
        for lanes in self.lanes.pixels_mut() {
            lanes.rotate_right(of_a);
        }
        let moved = Slab(self.lanes.0);
        let of_a = Place {
            used: of_a,
            ..place
        };
        self.load(a, first, of_a);
        let lanes = self.lanes.pixels_mut().iter_mut();
        for (lanes, moved) in lanes.zip(moved.pixels()) {
            for (v, moved) in lanes.iter_mut().zip(moved).skip(of_a.used) {
                *v = *moved;
            }
        }
    }

    /// Writes what a step has made.
    #[inline(always)]
    fn write(
        &mut self,
        action: Action,
        numbers: &OfChannels,
        place: Place,
        rows: &mut PixelRows<'_>,
    ) {
        let arrays = place.pixels.div_ceil(TOGETHER);
        match (rows, action) {
            (PixelRows::Bits(rows), Action::SignReal) => {
                let reaches = |x, t| real(x) >= real(t);
                self.reach(numbers, arrays, reaches);
                self.write_bits(place, rows);
            }
            (PixelRows::Bits(rows), _) => {
                self.reach(numbers, arrays, |v, t| v >= t);
                self.write_bits(place, rows);
            }
            (PixelRows::Real(rows), _) => {
                let lanes = self.lanes.pixels();
                store(lanes, place, rows, |v| bytemuck::cast(*v), real);
            }
            (PixelRows::Integer(rows), _) => {
                store(self.lanes.pixels(), place, rows, |v| *v, |v| v);
            }
            (PixelRows::Fixed(rows), _) => {
                let arrays = self.narrow.0.iter_mut().zip(&self.lanes.0).take(arrays);
                for (narrow, lanes) in arrays {
                    for (y, v) in narrow.iter_mut().zip(lanes) {
                        *y = *v as i16;
                    }
                }
                store(self.narrow.pixels(), place, rows, |v| *v, |v| v);
            }
            (PixelRows::None, _) => {}
        }
    }

    /// Whether the current numbers reach the thresholds of their channels, a byte for each.
    #[inline(always)]
    fn reach(
        &mut self,
        OfChannels([thresholds, ..]): &OfChannels,
        arrays: usize,
        f: impl Fn(i32, i32) -> bool,
    ) {
        for (bytes, lanes) in self.bytes.0.iter_mut().zip(&self.lanes.0).take(arrays) {
            for ((byte, v), t) in bytes.iter_mut().zip(lanes).zip(thresholds) {
                *byte = u8::from(f(*v, *t));
            }
        }
    }

    #[inline(always)]
    fn write_bits(&self, place: Place, rows: &mut Cut<'_, u64>) {
        let used = (1 << place.used) - 1;
        let pixels = self.bytes.pixels().iter().take(place.pixels);
        rows.write(place.first, pixels, |row, bytes| {
            join(gather(bytes) & used, place.used, row, place.at);
        });
    }
}

/// Makes the current numbers of a step that reads no tensor.
#[inline(always)]
fn alone(action: Action, numbers: &OfChannels, lanes: &mut [Lanes]) {
    match action {
        // Less than 2^24.
        Action::ToIntegers => each(lanes, numbers, |x, _, _, _| real(x) as i32),
        // Products and sums are rounded one by one: Rust never fuses them.
        Action::ToReal => each(lanes, numbers, |v, p, q, _| {
            bits(real(p) * v as f32 + real(q))
        }),
        Action::AffineReal => reals(lanes, numbers, |x, p, q, _| p * x + q),
        Action::BiasReal => reals(lanes, numbers, |x, p, _, _| x + p),
        Action::ToFixed(way) => scaled_by(lanes, numbers, way, Affine),
        Action::ToInteger(shift) => each(lanes, numbers, |v, p, q, _| {
            fixed::saturated_wide(fixed::affine(v, p, q, shift))
        }),
        Action::ReluReal => reals(lanes, numbers, |x, _, _, _| if x <= 0.0 { 0.0 } else { x }),
        Action::ReluFixed => each(lanes, numbers, |v, _, _, _| v.max(0)),
        Action::ClampReal([low, high]) => {
            reals(lanes, numbers, |x, _, _, _| clamped(x, low, high));
        }
        Action::ClampFixed([low, high]) => each(lanes, numbers, |v, _, _, _| {
            saturated(clamped(v, low, high))
        }),
        Action::PreluReal => reals(lanes, numbers, |x, slope, _, _| prelu(x, slope)),
        Action::RpreluReal => reals(lanes, numbers, |x, before, slope, after| {
            prelu(x + before, slope) + after
        }),
        Action::PreluFixed(way) => scaled_by(lanes, numbers, way, Prelu),
        Action::RpreluFixed(way) => scaled_by(lanes, numbers, way, Rprelu),
        // A sum of the current numbers with themselves.
        Action::AddReal => reals(lanes, numbers, |x, _, _, _| x + x),
        Action::AddFixed(sum) => each(lanes, numbers, |v, _, _, _| sum.of(v, v)),
        // The numbers stay, and what is read lies beside.
        Action::SignReal | Action::SignFixed | Action::Load | Action::Join(_) => {}
    }
}

#[inline(always)]
fn real(bits: i32) -> f32 {
    f32::from_bits(bits as u32)
}

#[inline(always)]
fn bits(x: f32) -> i32 {
    x.to_bits() as i32
}

/// `f` of each number and those of its channel.
#[inline(always)]
fn each(
    lanes: &mut [Lanes],
    OfChannels([p, q, r]): &OfChannels,
    f: impl Fn(i32, i32, i32, i32) -> i32,
) {
    for lanes in lanes {
        for (((v, &p), &q), &r) in lanes.iter_mut().zip(p).zip(q).zip(r) {
            *v = f(*v, p, q, r);
        }
    }
}

#[inline(always)]
fn reals(lanes: &mut [Lanes], numbers: &OfChannels, f: impl Fn(f32, f32, f32, f32) -> f32) {
    each(lanes, numbers, |x, p, q, r| {
        bits(f(real(x), real(p), real(q), real(r)))
    });
}

#[inline(always)]
fn prelu(x: f32, slope: f32) -> f32 {
    // A product is cheaper than a branch.
    let below = slope * x;
    if x >= 0.0 { x } else { below }
}

/// A step that scales integers, whatever the way.
trait Scaling: Copy {
    fn of<S: Scale>(self, way: S, v: i32, numbers: [i32; 3]) -> i32;
}

#[derive(Clone, Copy)]
struct Affine;

#[derive(Clone, Copy)]
struct Prelu;

#[derive(Clone, Copy)]
struct Rprelu;

impl Scaling for Affine {
    #[inline(always)]
    fn of<S: Scale>(self, way: S, v: i32, [factor, bias, _]: [i32; 3]) -> i32 {
        way.scale(v, factor, bias)
    }
}

impl Scaling for Prelu {
    #[inline(always)]
    fn of<S: Scale>(self, way: S, v: i32, [slope, ..]: [i32; 3]) -> i32 {
        let below = way.scale(v, slope, 0);
        if v >= 0 { v } else { below }
    }
}

impl Scaling for Rprelu {
    #[inline(always)]
    fn of<S: Scale>(self, way: S, v: i32, [before, slope, after]: [i32; 3]) -> i32 {
        let v = scaled::plus(v, before);
        scaled::plus(Prelu.of(way, v, [slope, 0, 0]), after)
    }
}

#[inline(always)]
fn scaled_by(lanes: &mut [Lanes], numbers: &OfChannels, way: Scaled, step: impl Scaling) {
    match way {
        Scaled::Narrow(way) => each(lanes, numbers, |v, p, q, r| step.of(way, v, [p, q, r])),
        Scaled::Halves(way) => each(lanes, numbers, |v, p, q, r| step.of(way, v, [p, q, r])),
        Scaled::Wide(way) => each(lanes, numbers, |v, p, q, r| step.of(way, v, [p, q, r])),
    }
}

/// `f` of the current numbers and those beside.
#[inline(always)]
fn with<T: Copy>(
    lanes: &mut Slab<i32>,
    beside: &Slab<T>,
    arrays: usize,
    f: impl Fn(i32, T) -> i32,
) {
    for (lanes, beside) in lanes.0.iter_mut().zip(&beside.0).take(arrays) {
        for (v, x) in lanes.iter_mut().zip(beside) {
            *v = f(*v, *x);
        }
    }
}

/// Copies the channels of a tile from the rows of a tensor, all lanes at once or one by one.
#[inline(always)]
fn rows<T: Copy, U>(
    x: &[T],
    from: &Beside<'_>,
    first: usize,
    place: Place,
    to: &mut [[U; NR]],
    all: impl Fn(&[T; NR]) -> [U; NR],
    one: impl Fn(T) -> U,
) {
    let x = x.get((first - from.first) * from.channels..);
    let rows = x.unwrap_or_default().chunks_exact(positive(from.channels));
    for (to, row) in to.iter_mut().zip(rows).take(place.pixels) {
        let row = row.get(place.col..).unwrap_or_default();
        match row.first_chunk() {
            Some(row) if place.used == NR => *to = all(row),
            _ => {
                for (to, x) in to.iter_mut().zip(row).take(place.used) {
                    *to = one(*x);
                }
            }
        }
    }
}

/// Writes numbers to the rows of a tensor, all lanes at once or one by one.
#[inline(always)]
fn store<T: Copy, U>(
    lanes: &[[T; NR]],
    place: Place,
    rows: &mut Cut<'_, U>,
    all: impl Fn(&[T; NR]) -> [U; NR],
    one: impl Fn(T) -> U,
) {
    let lanes = lanes.iter().take(place.pixels);
    rows.write(place.first, lanes, |row, lanes| {
        let row = row.get_mut(place.at..).unwrap_or_default();
        match row.first_chunk_mut() {
            Some(row) if place.used == NR => *row = all(lanes),
            _ => {
                for (y, v) in row.iter_mut().zip(lanes).take(place.used) {
                    *y = one(*v);
                }
            }
        }
    });
}
