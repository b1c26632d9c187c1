//! The confusion matrix: a row for each true class, a column for each predicted one, recall at the
//! end.

use std::io;

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{Area, label, svg};
use super::palette::{BLUE, GROUND, INK, MUTED, PAPER, RED};
use super::{Confusion, ReportError};

const TEXT: f64 = 14.0;
/// Room that a letter of [`TEXT`] takes at most on average.
const LETTER: i32 = 8;
/// Letters of a class name that are shown.
const LONGEST_NAME: usize = 12;
/// Room for the caption of an axis.
const CAPTION: i32 = 24;
/// Room for the recall of a class.
const RECALL: i32 = 66;

type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

impl Confusion<'_> {
    /// Samples in all.
    pub(super) fn total(&self) -> u64 {
        self.judged
            .map_or_else(|| self.counts.iter().sum(), |(_, total)| total)
    }

    /// Samples classified right.
    pub(super) fn right(&self) -> u64 {
        let diagonal = || self.counts.iter().step_by(self.names.len() + 1).sum();
        self.judged.map_or_else(diagonal, |(right, _)| right)
    }

    /// The matrix as SVG. `self` must have been checked.
    pub(super) fn draw(&self) -> Result<String, ReportError> {
        let names: Vec<String> = self.names.iter().map(|name| shortened(name)).collect();
        let plan = Plan::new(&names, self.counts);
        svg(plan.size(), |area| {
            plan.frame(area, &names)?;
            let rows = self.counts.chunks_exact(names.len());
            for (truth, row) in rows.enumerate() {
                plan.row(area, truth, row)?;
            }
            Ok::<(), DrawingAreaErrorKind<io::Error>>(())
        })
    }
}

/// Positions of the parts, in pixels.
struct Plan {
    classes: i32,
    cell: i32,
    left: i32,
    top: i32,
    /// Names are too long for their columns and are written upwards.
    upright: bool,
    /// Counts fit into cells.
    counts: bool,
}

impl Plan {
    fn new(names: &[String], counts: &[u64]) -> Self {
        let classes = names.len() as i32;
        let cell = (380 / classes).clamp(24, 72);
        let letters = names.iter().map(|name| name.chars().count()).max();
        let name = letters.unwrap_or(0) as i32 * LETTER;
        let largest = counts
            .iter()
            .max()
            .map_or(1, |count| count.to_string().len());
        let upright = name > cell;
        Self {
            classes,
            cell,
            left: CAPTION + name + 10,
            top: CAPTION + if upright { name + 10 } else { 22 },
            upright,
            counts: largest as i32 * LETTER <= cell - 4,
        }
    }

    fn size(&self) -> (u32, u32) {
        let side = self.classes * self.cell;
        ((self.left + side + RECALL) as u32, (self.top + side) as u32)
    }

    fn x(&self, column: usize) -> i32 {
        self.left + column as i32 * self.cell
    }

    fn y(&self, row: usize) -> i32 {
        self.top + row as i32 * self.cell
    }

    /// Background, grid, names and captions.
    fn frame(&self, area: &Area<'_>, names: &[String]) -> Drawn {
        let (half, last) = (self.cell / 2, names.len());
        let (right, bottom) = (self.x(last), self.y(last));
        area.draw(&Rectangle::new(
            [(self.left, self.top), (right, bottom)],
            GROUND.light.filled(),
        ))?;
        for at in 1..last {
            let (x, y, line) = (self.x(at), self.y(at), PAPER.light.stroke_width(2));
            area.draw(&PathElement::new([(x, self.top), (x, bottom)], line))?;
            area.draw(&PathElement::new([(self.left, y), (right, y)], line))?;
        }

        let caption = |position| label(TEXT - 1.5, &MUTED, position);
        let (middle_x, middle_y) = ((self.left + right) / 2, (self.top + bottom) / 2);
        let upwards = |style: TextStyle<'static>| style.transform(FontTransform::Rotate270);
        area.draw_text("predicted class", &caption(HPos::Center), (middle_x, 9))?;
        area.draw_text("true class", &upwards(caption(HPos::Center)), (9, middle_y))?;
        area.draw_text(
            "recall",
            &caption(HPos::Right),
            (right + RECALL - 4, self.top - 12),
        )?;

        for (index, name) in names.iter().enumerate() {
            let row = (self.left - 8, self.y(index) + half);
            area.draw_text(name, &label(TEXT, &INK, HPos::Right), row)?;
            let x = self.x(index) + half;
            if self.upright {
                let style = upwards(label(TEXT, &INK, HPos::Left));
                area.draw_text(name, &style, (x, self.top - 8))?;
            } else {
                area.draw_text(name, &label(TEXT, &INK, HPos::Center), (x, self.top - 12))?;
            }
        }
        Ok(())
    }

    /// The counts of one true class and its recall.
    fn row(&self, area: &Area<'_>, truth: usize, counts: &[u64]) -> Drawn {
        let total: u64 = counts.iter().sum();
        for (predicted, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let fill = shade(truth == predicted, count as f64 / total as f64);
            let (x, y) = (self.x(predicted), self.y(truth));
            let inside = [(x + 1, y + 1), (x + self.cell - 1, y + self.cell - 1)];
            area.draw(&Rectangle::new(inside, fill.filled()))?;
            if self.counts {
                let middle = (x + self.cell / 2, y + self.cell / 2);
                area.draw_text(&count.to_string(), &label(TEXT, &INK, HPos::Center), middle)?;
            }
        }
        let recall = match total {
            0 => "no samples".to_owned(),
            _ => format!("{:.1} %", 100.0 * counts[truth] as f64 / total as f64),
        };
        let place = (
            self.x(counts.len()) + RECALL - 4,
            self.y(truth) + self.cell / 2,
        );
        let style = label(TEXT - 1.5, &MUTED, HPos::Right);
        area.draw_text(&recall, &style, place)
    }
}

/// The colour of a cell by its share of the row, weak enough for text to be read on it in both
/// themes. Mistakes are shaded by the square root of their share: the rare ones are those to be
/// found.
fn shade(right: bool, share: f64) -> RGBAColor {
    let two_digits = |opacity: f64| (100.0 * opacity).round() / 100.0;
    if right {
        BLUE.light.mix(two_digits(0.55 * share))
    } else {
        RED.light.mix(two_digits((0.8 * share.sqrt()).min(0.6)))
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    name.chars().take(LONGEST_NAME - 1).chain(['…']).collect()
}
