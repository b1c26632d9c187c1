//! What a view shows is what its definition says, on grey and on colour.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::HashSet;

use proptest::prelude::*;

use super::super::random::{Purpose, stream};
use super::super::{Augment, Dataset, Layout};
use super::{Hole, Turn, View};

fn layout(width: usize, height: usize, channels: usize) -> Layout {
    Layout {
        width,
        height,
        channels,
        classes: 256,
        white: u8::MAX,
    }
}

/// `samples` equal images whose values are 1, 2, 3, .. (mod 251, never 0).
fn numbered(samples: usize, width: usize, height: usize, channels: usize) -> Dataset {
    let image = (0..width * height * channels).map(|value| (value % 251) as u8 + 1);
    let pixels = std::iter::repeat_n(image, samples).flatten().collect();
    let labels = (0..samples).map(|label| label as u16).collect();
    Dataset::new("numbered", layout(width, height, channels), pixels, labels).unwrap()
}

/// Seen as it is.
fn still(layout: Layout) -> View {
    View {
        layout,
        right: 0,
        down: 0,
        mirrored: false,
        turn: None,
        hole: None,
    }
}

fn seen(view: &View, set: &Dataset) -> Vec<f32> {
    let mut pixels = Vec::new();
    view.append(set.image(0).unwrap(), &mut pixels);
    pixels
}

const ALL: Augment = Augment {
    shift: 2,
    flip: true,
    rotate: 20.0,
    zoom: 0.3,
    cutout: 3,
};

#[test]
fn a_strength_outside_its_range_is_refused_by_name() {
    let refused = |augment: Augment| {
        let error = numbered(1, 3, 2, 1).augmented_batch(&[0], augment, 0, 0);
        error.unwrap_err().to_string()
    };
    let none = Augment::default();
    for pixels in [2, 3, usize::MAX] {
        let (shift, cutout) = (pixels, pixels);
        assert!(refused(Augment { shift, ..none }).contains("a shift of"));
        assert!(refused(Augment { cutout, ..none }).contains("a cutout of"));
    }
    for rotate in [-1.0, 180.5, f64::NAN, f64::INFINITY] {
        assert!(refused(Augment { rotate, ..none }).contains("rotation"));
    }
    for zoom in [-0.1, 1.0, f64::NAN, f64::INFINITY] {
        assert!(refused(Augment { zoom, ..none }).contains("zoom"));
    }
}

#[test]
fn every_shift_and_both_mirrorings_are_drawn() {
    let set = numbered(1, 5, 5, 1);
    let augment = Augment {
        shift: 1,
        flip: true,
        ..Augment::default()
    };
    let seen: HashSet<Vec<u8>> = (0..400)
        .map(|epoch| set.augmented_batch(&[0], augment, 1, epoch).unwrap().0)
        .map(|pixels| pixels.into_iter().map(|pixel| pixel as u8).collect())
        .collect();
    assert_eq!(seen.len(), 3 * 3 * 2);
}

#[test]
fn shifts_and_mirrorings_are_those_of_every_run_before() {
    // Written down when there was nothing else to draw: a checkpoint of then goes on as it was.
    let augment = Augment {
        shift: 2,
        flip: true,
        ..Augment::default()
    };
    let drawn: Vec<_> = (0..6)
        .map(|index| {
            let rng = stream(5, 3, Purpose::Augment(index));
            let view = View::draw(augment, layout(8, 8, 1), rng);
            (view.right, view.down, view.mirrored)
        })
        .collect();
    assert_eq!(drawn, DRAWN_BEFORE);
}

const DRAWN_BEFORE: [(isize, isize, bool); 6] = [
    (-2, 0, true),
    (2, -1, false),
    (-2, 2, true),
    (2, 1, true),
    (-2, -2, false),
    (0, 0, false),
];

#[test]
fn strengths_that_are_added_leave_the_earlier_draws_alone() {
    let draw = |augment| {
        let rng = stream(1, 2, Purpose::Augment(3));
        View::draw(augment, layout(8, 8, 1), rng)
    };
    let all = draw(ALL);
    let shift_only = Augment {
        shift: ALL.shift,
        ..Augment::default()
    };
    let shifted = draw(shift_only);
    assert_eq!((shifted.right, shifted.down), (all.right, all.down));
    let flipped = draw(Augment {
        flip: true,
        ..shift_only
    });
    assert_eq!(flipped.mirrored, all.mirrored);
}

#[test]
fn a_quarter_turn_is_the_transposed_and_mirrored_image() {
    let set = numbered(1, 5, 5, 3);
    let turn = Some(Turn { a: 0.0, b: 1.0 });
    let turned = seen(
        &View {
            turn,
            ..still(set.layout())
        },
        &set,
    );
    for y in 0..5 {
        for x in 0..5 {
            // Back from (x, y), about the centre (2, 2): (u, v) was at (v, -u).
            let (from_x, from_y) = (y, 4 - x);
            for channel in 0..3 {
                let expected = set.pixels()[(from_y * 5 + from_x) * 3 + channel];
                assert_eq!(turned[(y * 5 + x) * 3 + channel], f32::from(expected));
            }
        }
    }
}

#[test]
fn half_the_size_is_the_mean_of_four_and_twice_the_size_lies_between() {
    let grey = |pixels: [u8; 4]| Dataset::new("t", layout(4, 1, 1), pixels.to_vec(), vec![0]);
    let zoomed = |factor: f64, pixels| {
        let turn = Some(Turn {
            a: 1.0 / factor,
            b: 0.0,
        });
        let view = View {
            turn,
            ..still(layout(4, 1, 1))
        };
        seen(&view, &grey(pixels).unwrap())
    };
    // About the centre 1.5: x is seen from 1.5 + 2 (x - 1.5), so -1.5, 0.5, 2.5, 4.5.
    assert_eq!(zoomed(0.5, [10, 20, 30, 40]), [0.0, 15.0, 35.0, 0.0]);
    // And from 0.75, 1.25, 1.75, 2.25.
    assert_eq!(zoomed(2.0, [0, 40, 80, 120]), [30.0, 50.0, 70.0, 90.0]);
    // No factor is so small that it does harm.
    assert_eq!(zoomed(f64::MIN_POSITIVE / 4.0, [10; 4]), [0.0; 4]);
}

#[test]
fn a_cutout_is_a_square_anywhere_cut_off_at_the_border() {
    let set = numbered(1, 6, 5, 3);
    let augment = Augment {
        cutout: 3,
        ..Augment::default()
    };
    let mut sizes = HashSet::new();
    for epoch in 0..400 {
        let (pixels, _) = set.augmented_batch(&[0], augment, 1, epoch).unwrap();
        let (plain, _) = set.batch(&[0]).unwrap();
        let erased: Vec<bool> = pixels.chunks(3).map(|pixel| pixel == [0.0; 3]).collect();
        for ((now, then), erased) in pixels.chunks(3).zip(plain.chunks(3)).zip(&erased) {
            assert!(*erased || now == then);
        }
        let rows = erased.chunks(6).filter(|row| row.contains(&true)).count();
        let count = erased.iter().filter(|&&erased| erased).count();
        assert_eq!(count % rows, 0, "{erased:?}");
        sizes.insert((count / rows, rows));
    }
    // Two or three pixels each way: the centre is inside, so at most one line lies outside.
    assert_eq!(sizes, HashSet::from([(3, 3), (2, 3), (3, 2), (2, 2)]));
}

#[test]
fn a_hole_covers_its_pixels_and_no_other() {
    let set = numbered(1, 3, 2, 2);
    let hole = Hole {
        left: 1,
        right: 2,
        top: 0,
        bottom: 1,
    };
    let view = View {
        hole: Some(hole),
        ..still(set.layout())
    };
    let (z, f) = (0.0, |value: u8| f32::from(value));
    let expected = [
        f(1),
        f(2),
        z,
        z,
        f(5),
        f(6),
        f(7),
        f(8),
        f(9),
        f(10),
        f(11),
        f(12),
    ];
    assert_eq!(seen(&view, &set), expected);
}

prop_compose! {
    fn any_augment()(
        shift in 0_usize..3, flip: bool, rotate in prop_oneof![Just(0.0), 0.0..=180.0],
        zoom in prop_oneof![Just(0.0), 0.0..0.99], cutout in 0_usize..3,
    ) -> Augment {
        Augment { shift, flip, rotate, zoom, cutout }
    }
}

proptest! {
    #[test]
    fn augmenting_by_nothing_changes_nothing(
        w in 1_usize..14, h in 1_usize..14, channels in 1_usize..4, seed: u64,
    ) {
        let set = numbered(2, w, h, channels);
        let plain = set.batch(&[1, 0]).unwrap();
        prop_assert_eq!(set.augmented_batch(&[1, 0], Augment::default(), seed, 5).unwrap(), plain);
    }

    #[test]
    fn turning_and_zooming_by_nothing_shows_what_moving_shows(
        right in -3_isize..=3, down in -3_isize..=3, mirrored: bool,
        w in 1_usize..9, h in 1_usize..9, channels in 1_usize..4,
    ) {
        let set = numbered(1, w, h, channels);
        let view = View { right, down, mirrored, ..still(set.layout()) };
        let turned = View { turn: Some(Turn { a: 1.0, b: 0.0 }), ..view.clone() };
        prop_assert_eq!(seen(&turned, &set), seen(&view, &set));
    }

    #[test]
    fn a_sample_is_augmented_the_same_in_any_batch(
        augment in any_augment(), seed: u64, epoch: u64, at in 0_usize..7, channels in 1_usize..4,
    ) {
        let set = numbered(7, 5, 4, channels);
        let (all, _) = set.augmented_batch(&[0, 1, 2, 3, 4, 5, 6], augment, seed, epoch).unwrap();
        let (one, _) = set.augmented_batch(&[at], augment, seed, epoch).unwrap();
        prop_assert_eq!(&one[..], &all[at * 20 * channels..][..20 * channels]);
    }

    #[test]
    fn augmented_pixels_are_whole_and_in_range(
        augment in any_augment(), w in 3_usize..9, h in 3_usize..9, channels in 1_usize..4,
        white in 1_u8..=u8::MAX, seed: u64,
    ) {
        let max = white;
        let pixels = (0..w * h * channels).map(|i| (i * 37 % 256) as u8 & max).collect();
        let layout = Layout { white, ..layout(w, h, channels) };
        let set = Dataset::new("t", layout, pixels, vec![0]).unwrap();
        let (pixels, _) = set.augmented_batch(&[0], augment, seed, 0).unwrap();
        prop_assert_eq!(pixels.len(), set.features());
        let good = |&pixel: &f32| pixel.fract() == 0.0 && (0.0..=f32::from(max)).contains(&pixel);
        prop_assert!(pixels.iter().all(good), "{:?}", pixels);
    }

    #[test]
    fn a_view_moves_and_mirrors_each_pixel(
        right in -3_isize..=3, down in -3_isize..=3, mirrored: bool,
        w in 4_usize..9, h in 4_usize..9, channels in 1_usize..4,
    ) {
        let set = numbered(1, w, h, channels);
        let view = View { right, down, mirrored, ..still(set.layout()) };
        let mut expected = vec![0.0; w * h * channels];
        for y in 0..h {
            for x in 0..w {
                let flipped = if mirrored { w - 1 - x } else { x };
                let (to_x, to_y) = (flipped as isize + right, y as isize + down);
                if (0..w as isize).contains(&to_x) && (0..h as isize).contains(&to_y) {
                    let to = (to_y as usize * w + to_x as usize) * channels;
                    for channel in 0..channels {
                        let from = (y * w + x) * channels + channel;
                        expected[to + channel] = f32::from(set.pixels()[from]);
                    }
                }
            }
        }
        prop_assert_eq!(seen(&view, &set), expected);
    }
}
