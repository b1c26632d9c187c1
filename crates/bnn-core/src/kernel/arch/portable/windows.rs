//! Windows in place, in plain Rust.

use crate::kernel::sums::{NR, Sums};
use crate::kernel::windows::{
    self, BlockWindow, GROUP, Lanes, PanelOrder, WindowBlock, WindowFunctions, WindowProduct,
    limits_of,
};
use crate::shape::positive;

pub(in crate::kernel::arch) static WINDOWS: WindowFunctions = WindowFunctions {
    bytes: WindowProduct {
        sums,
        reached,
        order: PanelOrder::Lanes,
    },
    byte_cost: 12,
    bits: None,
    most_groups: 0,
    least_windows: usize::MAX,
};

fn sums(block: &WindowBlock<'_>, panel: &[Lanes], sums: &mut [Sums]) {
    for (window, sums) in block.windows.iter().zip(sums) {
        *sums = product(block, window, panel);
    }
}

fn reached(
    block: &WindowBlock<'_>,
    panels: &[Lanes],
    limits: &[[i32; NR]],
    out: &mut [u32],
    stride: usize,
) {
    for (p, (panel, limits)) in windows::panels(block, panels, limits) {
        for (window, out) in block.windows.iter().zip(out.chunks_mut(positive(stride))) {
            let sums = product(block, window, panel);
            let pairs = sums.0.iter().zip(limits_of(limits, window)).rev();
            let bits = pairs.fold(0, |bits, (sum, limit)| bits << 1 | u32::from(sum >= limit));
            if let Some(out) = out.get_mut(p) {
                *out = bits;
            }
        }
    }
}

fn product(block: &WindowBlock<'_>, window: &BlockWindow, panel: &[Lanes]) -> Sums {
    let mut sums = Sums([0; NR]);
    let bytes = block.bytes.get(window.first as usize..).unwrap_or_default();
    for (group, lanes) in block.groups.iter().zip(panel) {
        let group = bytes.get(*group as usize..).and_then(|x| x.first_chunk());
        let x: [i32; GROUP] = group.copied().unwrap_or([0; GROUP]).map(i32::from);
        for (sum, lane) in sums.0.iter_mut().zip(lanes) {
            for (x, weight) in x.iter().zip(lane.to_le_bytes()) {
                *sum += x * i32::from(weight.cast_signed());
            }
        }
    }
    sums
}
