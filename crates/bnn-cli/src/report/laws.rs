//! Laws of reports: complete, well formed, escaped and true to their data.

#![allow(clippy::unwrap_used)] // A failed unwrap is a failed test.

use super::curves::{ACCURACY, LOSS};
use super::*;

const HOSTILE: &str = r#"<script>alert("1")</script> & 'x'"#;

fn names(classes: usize) -> Vec<String> {
    (0..classes).map(|class| format!("c{class}")).collect()
}

fn epochs(losses: &[f64]) -> Vec<EpochPoint> {
    let point = |(epoch, &train_loss)| EpochPoint {
        epoch: epoch + 1,
        train_loss,
        train_accuracy: 0.75,
        test_accuracy: 0.5,
    };
    losses.iter().enumerate().map(point).collect()
}

fn report<'a>(epochs: &'a [EpochPoint], confusion: Confusion<'a>) -> Report<'a> {
    Report {
        title: "title",
        summary: &[],
        run: "0 1",
        command: "bnn train",
        epochs,
        confusion,
        misread: &[],
        weights: &[],
    }
}

/// Every element is closed in order and no stray `<` or `>` is left in the text.
fn assert_well_formed(html: &str) {
    let mut open = Vec::new();
    // The style sheet is not made of elements; child selectors may hold a `>`.
    let (head, rest) = html.split_once("<style>").unwrap();
    let body = rest.split_once("</style>").unwrap().1;
    for text in [head, body] {
        for piece in text.split('<').skip(1) {
            let (tag, content) = piece.split_once('>').unwrap();
            assert!(!content.contains('>'), "{content}");
            let name = tag.split([' ', '\n']).next().unwrap();
            match name.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name), "{tag}"),
                None if tag.ends_with('/') || ["!DOCTYPE", "meta"].contains(&name) => {}
                None => open.push(name),
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn a_page_needs_nothing_but_itself() {
    let (names, epochs) = (names(3), epochs(&[2.0, 1.0]));
    let confusion = Confusion {
        names: &names,
        counts: &[1, 0, 0, 0, 1, 0, 0, 0, 1],
        judged: None,
    };
    let html = report(&epochs, confusion).html().unwrap();
    assert_well_formed(&html);
    let html = html.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for outside in [
        "http", "<script", "src=", "href=", "url(", "@import", "<link",
    ] {
        assert!(!html.contains(outside), "{outside}");
    }
}

/// A picture of one pixel.
const PICTURE: Picture<'static> = Picture {
    pixels: &[1],
    width: 1,
    height: 1,
    max: 1,
    truth: 0,
    predicted: 1,
    index: 0,
};

#[test]
fn all_text_is_escaped() {
    let names = [HOSTILE.to_owned(), "<b>".to_owned()];
    let summary = [(HOSTILE.to_owned(), HOSTILE.to_owned())];
    let html = Report {
        title: HOSTILE,
        summary: &summary,
        command: HOSTILE,
        misread: &[PICTURE],
        ..report(
            &[],
            Confusion {
                names: &names,
                counts: &[1, 1, 1, 1],
                judged: None,
            },
        )
    }
    .html()
    .unwrap();
    assert_well_formed(&html);
    assert!(!html.contains("<script") && !html.contains("<b>"));
    // Title twice, both summary cells, the command and the picture's true class.
    assert_eq!(
        html.matches("&lt;script&gt;alert(&quot;1&quot;)").count(),
        6
    );
}

#[test]
fn degenerate_runs_have_a_report() {
    let runs: [&[f64]; 9] = [
        &[],
        &[1.0],
        &[0.0, 0.0],
        &[f64::NAN],
        &[1.0, f64::INFINITY, f64::NAN],
        &[-1.0, -2.0],
        &[f64::MAX, 1e11],
        &[f64::MIN_POSITIVE],
        &[2.3; 300],
    ];
    for losses in runs {
        for classes in [1, 2, 13, 100] {
            for count in [0, 1, u64::MAX >> 14] {
                let (epochs, names) = (epochs(losses), names(classes));
                let counts = vec![count; classes * classes];
                let confusion = Confusion {
                    names: &names,
                    counts: &counts,
                    judged: None,
                };
                assert_well_formed(&report(&epochs, confusion).html().unwrap());
            }
        }
    }
}

#[test]
fn epochs_at_the_ends_of_the_numbers_can_be_drawn() {
    for ends in [[0, 0], [usize::MAX; 2], [0, usize::MAX], [7, 3]] {
        let points = ends.map(|epoch| EpochPoint {
            epoch,
            ..epochs(&[1.0])[0]
        });
        assert!(LOSS.draw(&points).is_ok());
    }
}

#[test]
fn a_curve_has_a_point_for_each_finite_value() {
    let curve_points = |svg: &str, colour: &str| {
        let curve = svg
            .lines()
            .find(|line| line.starts_with("<polyline") && line.contains(colour));
        curve.map(|line| line.split("points=\"").nth(1).unwrap().matches(',').count())
    };
    let epochs = epochs(&[3.0, 2.0, f64::NAN, 1.0, 0.5]);
    assert_eq!(
        curve_points(&LOSS.draw(&epochs).unwrap(), "#C2680A"),
        Some(4)
    );
    let accuracy = ACCURACY.draw(&epochs).unwrap();
    assert_eq!(curve_points(&accuracy, "#C2680A"), Some(5));
    assert_eq!(curve_points(&accuracy, "#2A62D6"), Some(5));
}

#[test]
fn the_legend_says_where_the_curves_start_and_end() {
    let (names, epochs) = (names(1), epochs(&[2.25, 1.0, 0.125]));
    let html = report(
        &epochs,
        Confusion {
            names: &names,
            counts: &[1],
            judged: None,
        },
    )
    .html()
    .unwrap();
    assert!(html.contains("train <span>2.250 → <b>0.125</b>"));
    assert!(html.contains("held out <span>50.0 % → <b>50.0 %</b>"));
}

#[test]
fn the_matrix_shows_counts_and_recall() {
    let names = names(3);
    let confusion = Confusion {
        names: &names,
        counts: &[97, 3, 0, 21, 42, 1, 0, 0, 0],
        judged: None,
    };
    let svg = confusion.draw().unwrap();
    let texts: Vec<&str> = svg.lines().filter(|line| !line.starts_with('<')).collect();
    for text in ["97", "3", "21", "42", "1", "97.0 %", "65.6 %", "no samples"] {
        assert!(texts.contains(&text), "{text} in {texts:?}");
    }
    assert!(!texts.contains(&"0"));
    let html = report(&[], confusion).html().unwrap();
    assert!(html.contains("84.76 %") && html.contains("139 of 164"));
}

#[test]
fn a_matrix_that_is_not_square_is_refused() {
    for (classes, counts) in [(0, 0), (1, 0), (2, 3), (2, 5), (3, 4)] {
        let (names, counts) = (names(classes), vec![1; counts]);
        let error = report(
            &[],
            Confusion {
                names: &names,
                counts: &counts,
                judged: None,
            },
        )
        .html()
        .unwrap_err();
        assert!(matches!(error, ReportError::Confusion { .. }), "{error}");
    }
}

#[test]
fn a_picture_of_no_class_or_of_other_sizes_is_refused() {
    let names = names(2);
    let good = Picture {
        pixels: &[0; 6],
        width: 3,
        height: 2,
        max: 1,
        truth: 0,
        predicted: 1,
        index: 9,
    };
    let html = |picture| {
        let confusion = Confusion {
            names: &names,
            counts: &[1, 1, 1, 1],
            judged: None,
        };
        Report {
            misread: &[picture],
            ..report(&[], confusion)
        }
        .html()
    };
    assert!(html(good).is_ok());
    for bad in [
        Picture { truth: 2, ..good },
        Picture {
            predicted: usize::MAX,
            ..good
        },
    ] {
        assert!(matches!(
            html(bad),
            Err(ReportError::Class {
                index: 9,
                classes: 2,
                ..
            })
        ));
    }
    for (width, height) in [(2, 2), (0, 6), (6, 0), (usize::MAX, 2), (3, 3)] {
        let bad = Picture {
            width,
            height,
            ..good
        };
        assert!(matches!(
            html(bad),
            Err(ReportError::Picture { pixels: 6, .. })
        ));
    }
}

#[test]
fn the_squares_of_a_picture_are_its_bits() {
    for (width, height) in [(1, 1), (8, 8), (28, 28), (63, 2), (64, 1), (65, 3)] {
        let bits: Vec<bool> = (0..width * height).map(|at| at * at % 7 < 3).collect();
        let svg = BitPicture {
            bits: &bits,
            width,
            height,
        }
        .draw()
        .unwrap();
        let mut painted = vec![false; width * height];
        for line in svg.lines().filter(|line| line.starts_with("<rect")) {
            let number = |name: &str| -> usize {
                let value = line.split(&format!(" {name}=\"")).nth(1).unwrap();
                value.split('"').next().unwrap().parse().unwrap()
            };
            assert_eq!(number("height"), 1);
            let start = number("y") * width + number("x");
            for square in &mut painted[start..start + number("width")] {
                assert!(!std::mem::replace(square, true), "painted twice");
            }
        }
        assert_eq!(painted, bits);
    }
}

#[test]
fn no_more_is_shown_than_fits() {
    let names = names(2);
    let neuron = BitPicture {
        bits: &[true],
        width: 1,
        height: 1,
    };
    let html = Report {
        misread: &[PICTURE; html::PICTURES + 5],
        weights: &[neuron; html::NEURONS + 5],
        ..report(
            &[],
            Confusion {
                names: &names,
                counts: &[0, 25, 0, 0],
                judged: None,
            },
        )
    }
    .html()
    .unwrap();
    assert_eq!(
        html.matches("<figure>").count(),
        html::PICTURES + html::NEURONS
    );
    assert!(html.contains("20 of 25") && html.contains("64 of 69"));
}
