//! Pools of numbers by the vectors of the kernel in use.

use super::fixed;
use super::node::NodeParts;
use super::record::{NodeRecord, kind, values};
use super::tensor::{RowMut, Rows};
use super::windowed::{WindowRow, integers, mean_of_reals, most, pixel, reals};
use crate::kernel::loops::Loop;
use crate::shape::positive;

/// Words that the sums of a row of a pool take.
pub(super) fn pool_words(node: &NodeRecord) -> usize {
    match is_pool_of_numbers(node) {
        true => (node.channels as usize).div_ceil(2),
        false => 0,
    }
}

/// Whether [`PoolRow`] makes its rows.
pub(super) fn is_pool_of_numbers(node: &NodeRecord) -> bool {
    matches!(node.kind, kind::AVERAGE_POOL | kind::MAX_POOL) && node.values != values::BITS
}

/// A row of a pool of numbers.
pub(super) struct PoolRow<'r, 'o> {
    pub(super) node: &'r NodeParts<'r>,
    pub(super) y: usize,
    pub(super) image: Rows<'r>,
    pub(super) out: RowMut<'o>,
    /// Of [`pool_words`].
    pub(super) work: &'o mut [u64],
}

impl Loop for PoolRow<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let row = WindowRow::new(self.node, self.y, self.image);
        let channels = positive(self.node.record.channels as usize);
        match (self.node.record.kind, self.out) {
            (kind::AVERAGE_POOL, RowMut::Real(out)) => mean_of_reals(&row, channels, out),
            (_, RowMut::Real(out)) => {
                let room: &mut [f32] = bytemuck::cast_slice_mut(self.work);
                let room = room.get_mut(..channels).unwrap_or_default();
                most_of_reals(&row, room, out);
            }
            (kind::AVERAGE_POOL, RowMut::Fixed(out)) => {
                let sums: &mut [i32] = bytemuck::cast_slice_mut(self.work);
                let sums = sums.get_mut(..channels).unwrap_or_default();
                mean_of_fixed(&row, sums, out);
            }
            (_, RowMut::Fixed(out)) => most(&row, channels, i16::MIN, out, integers),
            _ => {} // no other numbers are pooled
        }
    }
}

/// The first of the largest; NaN is never larger. Each tap writes to the other of two places: what
/// chooses between a place and a number, and writes to that place, becomes a store under a mask,
/// which the load for the next tap waits for.
#[inline(always)]
fn most_of_reals(row: &WindowRow<'_>, room: &mut [f32], out: &mut [f32]) {
    let channels = positive(room.len());
    for (ox, y) in out.chunks_exact_mut(channels).enumerate() {
        y.fill(f32::NEG_INFINITY);
        let (mut from, mut to) = (&mut *y, &mut *room);
        let mut is_in_room = false;
        row.taps(ox, |_, x, column| {
            let x = pixel(reals(x), column, channels);
            for ((to, &most), &x) in to.iter_mut().zip(&*from).zip(x) {
                *to = if x > most { x } else { most };
            }
            core::mem::swap(&mut from, &mut to);
            is_in_room = !is_in_room;
        });
        if is_in_room {
            for (y, most) in y.iter_mut().zip(&*room) {
                *y = *most;
            }
        }
    }
}

/// Sums of all channels at once.
#[inline(always)]
fn mean_of_fixed(row: &WindowRow<'_>, sums: &mut [i32], out: &mut [i16]) {
    let channels = positive(sums.len());
    for (ox, y) in out.chunks_exact_mut(channels).enumerate() {
        sums.fill(0);
        let mut count = 0_i32;
        row.taps(ox, |_, x, column| {
            let x = pixel(integers(x), column, channels);
            // At most 2^16 numbers of 16 bits are summed: no overflow.
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum = sum.wrapping_add((*x).into());
            }
            count += 1;
        });
        let sums = y.iter_mut().zip(&*sums);
        match count.count_ones() {
            // `fixed::average`, without a division.
            1 => sums.for_each(|(y, sum)| {
                *y = (sum.wrapping_add(count >> 1) >> count.trailing_zeros()) as i16;
            }),
            _ => sums.for_each(|(y, sum)| *y = fixed::average(*sum, count)),
        }
    }
}
