//! The groups of a window, and filters laid out group by group.

use alloc::vec::Vec;

#[cfg(test)]
use bytemuck::cast_slice;
use bytemuck::cast_slice_mut;

use super::Elements;
use super::staging::{Staging, groups_of};
use crate::aligned::AlignedWords;
use crate::bits::{BitMatrix, BitMatrixView, bits_at};
use crate::conv::geometry::Conv2d;
use crate::error::Error;
use crate::kernel::NR;
use crate::kernel::windows::{GROUP, Lanes, PanelOrder};
use crate::memory;
use crate::shape::{WORD, matrix_words, mul, positive, row_len};

/// Elements of a window that lie side by side in an image, and how many such runs it has,
/// vertically and horizontally.
fn runs(conv: &Conv2d) -> (usize, [usize; 2]) {
    let [height, width] = conv.windows().kernel();
    match conv.windows().x.dilation {
        1 => (width * conv.channels(), [height, 1]),
        _ => (conv.channels(), [height, width]),
    }
}

/// Groups of a window of bytes.
pub(super) fn groups_of_bytes(conv: &Conv2d) -> usize {
    let (run, [rows, cols]) = runs(conv);
    rows * cols * run.div_ceil(GROUP)
}

/// Where the groups of a window lie, in bytes from its first one.
pub(super) fn groups(
    elements: Elements,
    conv: &Conv2d,
    staging: &Staging,
) -> Result<Vec<u32>, Error> {
    let windows = conv.windows();
    let (per_run, [rows, cols]) = match elements {
        Elements::Bits => (groups_of(conv.channels()), windows.kernel()),
        Elements::Bytes => {
            let (run, counts) = runs(conv);
            (run.div_ceil(GROUP), counts)
        }
    };
    let mut groups = memory::with_capacity(rows * cols * per_run)?;
    for ky in 0..rows {
        for kx in 0..cols {
            let run = staging.offset(ky * windows.y.dilation, kx * windows.x.dilation);
            // All offsets fit: `Staging::new` has seen to it.
            groups.extend((0..per_run).map(|g| (run + g * GROUP) as u32));
        }
    }
    Ok(groups)
}

/// Lays filters out: `[panel][group][lane]`, `groups` groups.
pub(super) fn panels(
    elements: Elements,
    order: PanelOrder,
    conv: &Conv2d,
    filters: BitMatrixView<'_>,
    groups: usize,
) -> Result<AlignedWords, Error> {
    let lanes = mul(
        "filters, by panels",
        filters.rows().div_ceil(NR),
        mul("groups of a panel", groups, NR)?,
    )?;
    matrix_words(lanes, 1)?;
    let mut panels = AlignedWords::try_zeros(lanes.div_ceil(2))?;
    let (places, _) = cast_slice_mut::<u64, u32>(panels.words_mut()).as_chunks_mut::<NR>();
    for (panel, place) in places.chunks_exact_mut(groups.max(1)).enumerate() {
        for lane in 0..NR {
            let filter = panel * NR + lane;
            if filter >= filters.rows() {
                break;
            }
            let filter = filters.row(filter);
            let lanes = place.iter_mut().map(|lanes| &mut lanes[lane]);
            match elements {
                Elements::Bits => fill_bits(conv, filter, lanes),
                Elements::Bytes => fill_bytes(conv, filter, lanes),
            }
        }
        order.arrange(place)?;
    }
    Ok(panels)
}

/// Each tap's channels in groups of 32 bits.
fn fill_bits<'l>(conv: &Conv2d, filter: &[u64], mut lanes: impl Iterator<Item = &'l mut u32>) {
    let channels = conv.channels();
    for tap in 0..conv.windows().taps() {
        for first in (0..channels).step_by(32) {
            let count = 32.min(channels - first);
            if let Some(lane) = lanes.next() {
                *lane = bits_at(filter, tap * channels + first, count) as u32;
            }
        }
    }
}

/// Each run's weights as bytes of +1 and -1, filled up to whole groups with zeros.
fn fill_bytes<'l>(conv: &Conv2d, filter: &[u64], mut lanes: impl Iterator<Item = &'l mut u32>) {
    let (run, [rows, cols]) = runs(conv);
    for first in (0..rows * cols).map(|i| i * run) {
        for at in (0..run).step_by(GROUP) {
            let mut bytes = [0; GROUP];
            for (i, byte) in bytes.iter_mut().take(run - at).enumerate() {
                let is_plus = bits_at(filter, first + at + i, 1) == 1;
                *byte = if is_plus { 1 } else { u8::MAX };
            }
            if let Some(lane) = lanes.next() {
                *lane = u32::from_le_bytes(bytes);
            }
        }
    }
}

/// Filters that [`panels`] has laid out, as they were.
pub(super) fn canonical<'p>(
    elements: Elements,
    order: PanelOrder,
    conv: &Conv2d,
    panel: impl Fn(usize) -> &'p [Lanes],
) -> Result<BitMatrix, Error> {
    let mut filters = BitMatrix::zeros(conv.outputs(), conv.patch_len())?;
    let words = row_len(conv.patch_len());
    let mut view = filters.view_mut();
    let rows = view.words_mut().chunks_exact_mut(words);
    // Elements of a run of groups, and how many bits of a group one takes.
    let (run, bits) = match elements {
        Elements::Bits => (conv.channels(), 1),
        Elements::Bytes => (runs(conv).0, 8),
    };
    let per_group = 32 / bits;
    let per_run = positive(run.div_ceil(per_group));
    for (output, row) in rows.enumerate() {
        let panel = panel(output / NR);
        for g in 0..panel.len() {
            let lane = order.lane(panel, g, output % NR);
            let first = g / per_run * run + g % per_run * per_group;
            let count = per_group.min(run - g % per_run * per_group);
            for i in 0..count {
                let weight = lane >> (bits * i);
                // A weight of -1 is the byte 255, or the bit 0.
                let is_plus = match elements {
                    Elements::Bits => weight & 1 == 1,
                    Elements::Bytes => weight & 0xFF == 1,
                };
                if let (true, Some(word)) = (is_plus, row.get_mut((first + i) / WORD)) {
                    *word |= 1 << ((first + i) % WORD);
                }
            }
        }
    }
    Ok(filters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conv::ConvOptions;
    use crate::noise::noise;

    #[test]
    fn filters_come_back_as_they_were() -> Result<(), Error> {
        for channels in [1, 3, 4, 5, 31, 32, 33, 64, 70, 100] {
            for dilation in [1, 2] {
                let options = ConvOptions {
                    dilation: [dilation; 2],
                    ..ConvOptions::default()
                };
                let conv = Conv2d::new([9, 9, channels], 35, [2, 3], options)?;
                let k = conv.patch_len();
                let filters = BitMatrix::pack(&noise(k as u64, 35 * k), 35, k)?;
                for (elements, order) in [
                    (Elements::Bits, PanelOrder::Lanes),
                    (Elements::Bits, PanelOrder::NibblePairs),
                    (Elements::Bytes, PanelOrder::Lanes),
                ] {
                    let staging = Staging::new(elements, &conv);
                    let groups = staging.map(|staging| groups(elements, &conv, &staging));
                    let groups = groups.transpose()?.unwrap_or_default().len();
                    let panels = panels(elements, order, &conv, filters.view(), groups)?;
                    let (lanes, _) = cast_slice::<u64, u32>(panels.words()).as_chunks::<NR>();
                    let panel = |panel: usize| &lanes[panel * groups..(panel + 1) * groups];
                    assert_eq!(canonical(elements, order, &conv, panel)?, filters);
                }
            }
        }
        Ok(())
    }
}
