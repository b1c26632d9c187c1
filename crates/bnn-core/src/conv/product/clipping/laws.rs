//! Clipped windows and their corrections, against the windows themselves.

use super::*;
use crate::bits::BitMatrix;
use crate::conv::{ConvOptions, Padding};
use crate::noise::noise;

/// Each stop's way is that of its window, and there are as few as there can be.
#[test]
fn ways_are_the_distinct_ranges_of_taps() {
    for input in 1..6_usize {
        for (kernel, stride, dilation) in [(1, 1, 1), (3, 1, 1), (3, 2, 1), (3, 1, 2), (4, 3, 2)] {
            for (before, after) in [(0, 0), (1, 1), (9, 0), (0, 9), (7, 8)] {
                let axis = Axis::unchecked(input, [before, after], kernel, stride, dilation);
                let ways = Ways::new(&axis);
                for o in 0..axis.output {
                    assert_eq!(ways.0[ways.at(o)].taps, axis.inside(o), "{axis:?}");
                }
                let line = LineWays { first: 5, x: &ways };
                for stops in [0..axis.output, 1..axis.output, 0..axis.output / 2] {
                    let runs = line.runs(stops.clone());
                    let each = runs.flat_map(|(run, way)| run.map(move |o| (o, way)));
                    assert!(each.eq(stops.map(|o| (o, line.at(o)))), "{axis:?}");
                }
                let mut taps: Vec<_> = (0..axis.output).map(|o| axis.inside(o)).collect();
                taps.dedup();
                assert_eq!(ways.0.len(), taps.len());
                assert!(ways.0.len() <= 2 * kernel + 1);
            }
        }
    }
}

/// The table is as large as the filters ask for: sides of any length add nothing.
#[test]
fn a_table_does_not_grow_with_the_image() -> Result<(), Error> {
    let far = 1 << (usize::BITS - 24);
    for (image, kernel, padding, ways) in [
        ([far, 1, 1], [3, 1], [1, 1], 3),
        ([3, 3, 1], [1, 1], [far, 0], 2),
        ([1, 1, 1], [3, 1], [far, far], 5),
    ] {
        let options = ConvOptions {
            padding: Padding::Explicit {
                top: padding[0],
                bottom: padding[1],
                left: 0,
                right: 0,
            },
            ..ConvOptions::default()
        };
        let conv = Conv2d::new(image, 1, kernel, options)?;
        let filters = BitMatrix::zeros(1, conv.patch_len())?;
        let table = ClipTable::new(&conv, filters.view())?;
        assert_eq!(table.sums.len(), ways);
        for oy in [0, far / 2, conv.windows().output_size()[0] - 1] {
            // All weights are -1.
            let missing = -((kernel[0] - conv.windows().y.inside(oy).len()) as i32);
            assert_eq!(table.row(oy, 0), [missing]);
        }
    }
    Ok(())
}

#[test]
fn sums_outside_are_those_of_the_weights() -> Result<(), Error> {
    let conv = Conv2d::new([9, 9, 7], 1, [3, 4], ConvOptions::default())?;
    let weights = noise(1, conv.patch_len());
    let filter = BitMatrix::pack(&weights, 1, conv.patch_len())?;
    let mut sums = TapSums::new(conv.windows().kernel())?;
    sums.fill(&conv, filter.words());
    for (top, bottom) in (0..=3).flat_map(|a| (a..=3).map(move |b| (a, b))) {
        for (left, right) in (0..=4).flat_map(|a| (a..=4).map(move |b| (a, b))) {
            let is_outside = |i: &usize| {
                let (y, x) = (i / 7 / 4, i / 7 % 4);
                !((top..bottom).contains(&y) && (left..right).contains(&x))
            };
            let outside = (0..weights.len()).filter(is_outside);
            let sum: i32 = outside.map(|i| if weights[i] < 0 { -1 } else { 1 }).sum();
            assert_eq!(sums.outside(&(top..bottom), &(left..right)), sum);
        }
    }
    Ok(())
}
