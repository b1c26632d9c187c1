//! One row of any node.

use bytemuck::{cast_slice, cast_slice_mut};

use super::node::NodeParts;
use super::per_channel::{per_channel, place};
use super::record::kind;
use super::tensor::{RowMut, RowNumbers, Rows};
use super::windowed::{pool, product};
use crate::kernel::Kernel;
use crate::shape::{positive, row_len};

/// Computes row `y` of a node from rows of its inputs; `work` has the words of patches.
#[inline(never)]
pub(in crate::model) fn make_row(
    node: &NodeParts<'_>,
    y: usize,
    [a, b]: [Rows<'_>; 2],
    out: RowMut<'_>,
    work: &mut [u64],
    kernel: &'static Kernel,
) {
    match node.record.kind {
        kind::PRODUCT => product(node, y, a, out, work, kernel),
        kind::AVERAGE_POOL | kind::MAX_POOL => pool(node, y, a, out),
        kind::FLATTEN => flatten(node, a, out),
        kind::CROP => crop(
            node,
            a.row(y + usize::from(node.record.window.padding[0])),
            out,
        ),
        _ => per_channel(node, a.row(y), b.row(y), out),
    }
}

/// All rows one after the other.
fn flatten(node: &NodeParts<'_>, rows: Rows<'_>, out: RowMut<'_>) {
    let heights = 0..node.input.height();
    let row_elements = positive(node.input.row_elements());
    match out {
        RowMut::Bits(out) => {
            let channels = node.input.channels as usize;
            out.fill(0);
            let mut at = 0;
            for y in heights {
                if let RowNumbers::Bits(row) = rows.row(y) {
                    for pixel in row.chunks_exact(row_len(channels)) {
                        place(out, at, pixel);
                        at += channels;
                    }
                }
            }
        }
        RowMut::Fixed(out) => {
            for (y, out) in heights.zip(out.chunks_exact_mut(row_elements)) {
                if let RowNumbers::Fixed(row) = rows.row(y) {
                    copy(row, out);
                }
            }
        }
        RowMut::Real(out) => {
            for (y, out) in heights.zip(out.chunks_exact_mut(row_elements)) {
                if let RowNumbers::Real(row) = rows.row(y) {
                    copy(row, out);
                }
            }
        }
        RowMut::Integer(_) => {} // no input is of that type
    }
}

/// A row without the columns that are cut off.
fn crop(node: &NodeParts<'_>, row: RowNumbers<'_>, out: RowMut<'_>) {
    // All elements are whole units of 16 bits.
    let (from, to, pixel): (&[u16], &mut [u16], _) = match (row, out) {
        (RowNumbers::Bits(x), RowMut::Bits(y)) => {
            let words = row_len(node.record.channels as usize);
            (cast_slice(x), cast_slice_mut(y), 4 * words)
        }
        (RowNumbers::Fixed(x), RowMut::Fixed(y)) => (
            cast_slice(x),
            cast_slice_mut(y),
            node.record.channels as usize,
        ),
        (RowNumbers::Real(x), RowMut::Real(y)) => (
            cast_slice(x),
            cast_slice_mut(y),
            2 * node.record.channels as usize,
        ),
        _ => return, // `open` has refused it
    };
    let [_, _, left, _] = node.record.window.padding.map(usize::from);
    copy(from.get(left * pixel..).unwrap_or_default(), to);
}

/// Copies numbers, without a call on small cores.
pub(super) fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
