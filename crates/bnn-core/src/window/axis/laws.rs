//! Laws of windows along one axis.

use super::*;
use crate::window::{Padding, Windows};

fn axis(
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: Padding,
) -> Result<Axis, Error> {
    let windows = Windows::new([input; 2], [kernel; 2], [stride; 2], [dilation; 2], padding)?;
    assert_eq!(windows.y, windows.x);
    Ok(windows.y)
}

fn explicit(before: usize, after: usize) -> Padding {
    Padding::Explicit {
        top: before,
        bottom: after,
        left: before,
        right: after,
    }
}

#[test]
fn the_output_is_as_large_as_the_conventions_say() -> Result<(), Error> {
    let stops = |a: Axis| (a.output, a.before);
    assert_eq!(stops(axis(5, 3, 1, 1, Padding::Valid)?), (3, 0));
    assert_eq!(stops(axis(6, 3, 2, 1, Padding::Valid)?), (2, 0));
    assert_eq!(stops(axis(5, 2, 1, 2, Padding::Valid)?), (3, 0));
    // tf.nn.conv2d's documented examples of SAME: ceil(13 / 5) = 3, of 3 pixels 1 before.
    assert_eq!(stops(axis(13, 6, 5, 1, Padding::Same)?), (3, 1));
    assert_eq!(stops(axis(5, 3, 1, 1, Padding::Same)?), (5, 1));
    assert_eq!(stops(axis(4, 2, 1, 1, Padding::Same)?), (4, 0));
    assert_eq!(stops(axis(4, 3, 2, 1, Padding::Same)?), (2, 0));
    assert_eq!(stops(axis(5, 1, 3, 1, Padding::Same)?), (2, 0));
    assert_eq!(stops(axis(2, 7, 1, 1, Padding::Same)?), (2, 3));
    assert_eq!(stops(axis(5, 3, 1, 1, explicit(2, 0))?), (5, 2));
    assert_eq!(stops(axis(1, 3, 1, 1, explicit(1, 1))?), (1, 1));
    Ok(())
}

#[test]
fn sizes_that_cannot_be_are_refused_with_the_numbers() {
    assert_eq!(
        axis(2, 3, 1, 1, Padding::Valid),
        Err(Error::OutOfRange {
            what: HEIGHT.extent,
            max: 2,
            found: 3
        })
    );
    assert_eq!(
        axis(4, 3, 1, 3, explicit(1, 1)),
        Err(Error::OutOfRange {
            what: HEIGHT.extent,
            max: 6,
            found: 7
        })
    );
    for [input, kernel, stride, dilation] in
        [[0, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0]]
    {
        let zero = axis(input, kernel, stride, dilation, Padding::Same);
        assert!(matches!(zero, Err(Error::Zero { .. })));
    }
    let max = usize::MAX;
    for (input, kernel, dilation, padding) in [
        (1, 3, max, Padding::Same),
        (max, 3, 1, Padding::Same),
        (1, 2, max, Padding::Valid),
        (1, 1, 1, explicit(max, 0)),
        (1, 1, 1, explicit(max, max)),
    ] {
        let huge = axis(input, kernel, 1, dilation, padding);
        assert!(matches!(huge, Err(Error::Overflow { .. })), "{huge:?}");
    }
}

#[test]
fn the_taps_inside_are_those_whose_pixels_the_image_has() -> Result<(), Error> {
    for (input, kernel, stride, dilation) in (1..7_usize).flat_map(|input| {
        (1..5).flat_map(move |kernel| {
            (1..4).flat_map(move |stride| {
                (1..4).map(move |dilation| (input, kernel, stride, dilation))
            })
        })
    }) {
        for padding in [
            Padding::Same,
            explicit(0, 9),
            explicit(9, 0),
            explicit(4, 7),
        ] {
            let axis = axis(input, kernel, stride, dilation, padding)?;
            let mut clipped = false;
            for o in 0..axis.output {
                let at = |tap: usize| (o * stride + tap * dilation).checked_sub(axis.before);
                let inside = |&tap: &usize| at(tap).is_some_and(|pixel| pixel < input);
                assert!(axis.inside(o).eq((0..kernel).filter(inside)));
                assert!(
                    axis.inside(o)
                        .all(|tap| at(tap) == Some(axis.pixel(o, tap)))
                );
                let stops = |tap: &usize| axis.stops(*tap).contains(&o);
                assert!((0..kernel).filter(stops).eq(axis.inside(o)));
                let whole = axis.inside(o).len() == kernel;
                assert_eq!(axis.whole().contains(&o), whole);
                clipped |= !whole;
                let (pixels, alone) = axis.stop(o);
                assert!(pixels.start == axis.first(o).min(pixels.end));
                if !pixels.is_empty() {
                    assert_eq!(alone.inside(0), axis.inside(o));
                    assert!(
                        axis.inside(o).all(|tap| {
                            alone.pixel(0, tap) + pixels.start == axis.pixel(o, tap)
                        })
                    );
                    assert_eq!(alone.is_clipped(), !whole);
                    for tap in 0..kernel {
                        let inside = alone.stops(tap).contains(&0);
                        assert_eq!(inside, alone.inside(0).contains(&tap));
                    }
                }
            }
            assert_eq!(axis.is_clipped(), clipped);
            // What is left of the padding makes the same stops.
            let again = Padding::Explicit {
                top: axis.before,
                bottom: axis.after(),
                left: axis.before,
                right: axis.after(),
            };
            let again = self::axis(input, kernel, stride, dilation, again)?;
            assert_eq!(again, axis);
            let padding = [axis.before, axis.after()];
            let unchecked = Axis::unchecked(input, padding, kernel, stride, dilation);
            assert_eq!(unchecked, axis);
        }
    }
    Ok(())
}
