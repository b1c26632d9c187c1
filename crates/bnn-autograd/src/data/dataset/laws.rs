//! Laws of data sets.

use super::*;

const LAYOUT: Layout = Layout {
    width: 3,
    height: 2,
    channels: 1,
    classes: 2,
    white: 15,
};

fn refused(layout: Layout, pixels: usize, labels: &[u16]) -> String {
    Dataset::new("t", layout, vec![0; pixels], labels.to_vec())
        .expect_err("must be refused")
        .to_string()
}

#[test]
fn nothing_may_be_zero() {
    assert!(refused(LAYOUT, 0, &[]).contains("samples"));
    assert!(refused(Layout { width: 0, ..LAYOUT }, 0, &[0]).contains("pixels in a row"));
    assert!(
        refused(
            Layout {
                height: 0,
                ..LAYOUT
            },
            0,
            &[0]
        )
        .contains("rows")
    );
    assert!(
        refused(
            Layout {
                classes: 0,
                ..LAYOUT
            },
            6,
            &[0]
        )
        .contains("classes")
    );
    let channels = 0;
    assert!(refused(Layout { channels, ..LAYOUT }, 6, &[0]).contains("channels"));
}

#[test]
fn there_are_no_more_classes_than_labels() {
    for classes in [65_537, usize::MAX] {
        assert!(refused(Layout { classes, ..LAYOUT }, 6, &[0]).contains("65536"));
    }
    let classes = 65_536;
    let layout = Layout { classes, ..LAYOUT };
    assert!(Dataset::new("t", layout, vec![0; 6], vec![65_535]).is_ok());
}

#[test]
fn classes_are_called_by_their_numbers_or_their_names() {
    let set = Dataset::new("t", LAYOUT, vec![0; 6], vec![1]).expect("it fits");
    assert_eq!(set.class_names(), ["0", "1"]);
    let names = |count| vec!["name".to_owned(); count];
    for found in [0, 1, 3] {
        let error = set.clone().with_class_names(names(found));
        assert!(matches!(error, Err(DataError::ClassNames { found: f, classes: 2 }) if f == found));
    }
    let named = set.with_class_names(names(2)).expect("one for each");
    assert_eq!(named.class_names(), ["name", "name"]);
}

#[test]
fn pixels_are_whole_images_one_for_each_label() {
    for pixels in [5, 7, 12] {
        assert!(refused(LAYOUT, pixels, &[0]).contains(&format!("{pixels} pixels")));
    }
    let overflowing = Layout {
        width: usize::MAX,
        height: 2,
        ..LAYOUT
    };
    assert!(refused(overflowing, 6, &[0]).contains("6 pixels"));
}

#[test]
fn white_bounds_every_pixel_and_depth_is_its_bits() {
    let black = Layout { white: 0, ..LAYOUT };
    assert!(refused(black, 6, &[0]).contains("levels"));
    for white in 1..=u8::MAX {
        let layout = Layout { white, ..LAYOUT };
        assert!(usize::from(white) < 1 << layout.depth());
        assert!(usize::from(white) >= 1 << (layout.depth() - 1));
        assert!(Dataset::new("t", layout, vec![white; 6], vec![1]).is_ok());
        let Some(over) = white.checked_add(1) else {
            continue;
        };
        let pixels = [[0; 6], [0, 0, 0, 0, 0, over]].concat();
        let error = Dataset::new("t", layout, pixels, vec![1, 1]);
        assert!(
            matches!(error, Err(DataError::PixelRange { sample: 1, value, .. }) if value == over)
        );
    }
}

#[test]
fn a_pixel_has_its_channels_side_by_side() {
    let channels = 3;
    let layout = Layout { channels, ..LAYOUT };
    assert!(refused(layout, 12, &[0]).contains("3 x 2 x 3"));
    let pixels = (0..36).map(|at| at % 16).collect();
    let set = Dataset::new("t", layout, pixels, vec![0, 1]).expect("it fits");
    assert_eq!((set.layout().channels, set.features()), (3, 18));
    assert_eq!(set.image(1).expect("there are two")[..3], [2, 3, 4]);
}

#[test]
fn an_image_is_its_row_of_pixels() {
    let set = Dataset::new("t", LAYOUT, (0..12).collect(), vec![0, 1]).expect("it fits");
    assert_eq!(set.image(1).expect("there are two"), &[6, 7, 8, 9, 10, 11]);
    assert!(matches!(
        set.image(2),
        Err(DataError::SampleIndex {
            index: 2,
            samples: 2
        })
    ));
}
