//! Loss and accuracy over the epochs.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{label, svg};
use super::palette::{AMBER, BLUE, GRID, MUTED, PAPER, Role};
use super::{EpochPoint, ReportError};

/// Drawn at four units a pixel: plotters places points on whole units, and curves should not show
/// steps.
const UNIT: u32 = 4;
const SIZE: (u32, u32) = (500 * UNIT, 280 * UNIT);

/// One curve of a chart.
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) role: &'static Role,
    value: fn(&EpochPoint) -> f64,
}

/// A chart: what its y axis measures and the curves on it.
pub(super) struct Chart {
    pub(super) title: &'static str,
    axis: &'static str,
    pub(super) series: &'static [Series],
    range: fn(&[f64]) -> Range<f64>,
    tick: fn(f64) -> String,
    pub(super) format: fn(f64) -> String,
}

pub(super) const LOSS: Chart = Chart {
    title: "Loss",
    axis: "mean loss",
    series: &[Series {
        name: "train",
        role: &AMBER,
        value: |point| point.train_loss,
    }],
    range: from_zero,
    // Ticks are round numbers but for the error of f64.
    tick: |loss| ((1e6 * loss).round() / 1e6).to_string(),
    format: |loss| format!("{loss:.3}"),
};

pub(super) const ACCURACY: Chart = Chart {
    title: "Accuracy",
    axis: "samples classified right",
    series: &[
        Series {
            name: "train",
            role: &AMBER,
            value: |point| point.train_accuracy,
        },
        Series {
            name: "held out",
            role: &BLUE,
            value: |point| point.test_accuracy,
        },
    ],
    range: up_to_one,
    tick: |share| format!("{:.0} %", 100.0 * share),
    format: |share| format!("{:.1} %", 100.0 * share),
};

impl Series {
    /// First and last value, as measured.
    pub(super) fn ends(&self, epochs: &[EpochPoint]) -> Option<(f64, f64)> {
        Some(((self.value)(epochs.first()?), (self.value)(epochs.last()?)))
    }

    /// The points that can be drawn.
    fn points(&self, epochs: &[EpochPoint]) -> Vec<(usize, f64)> {
        let points = epochs
            .iter()
            .map(|point| (point.epoch, (self.value)(point)));
        points.filter(|(_, value)| drawable(*value)).collect()
    }
}

impl Chart {
    /// The chart as SVG. `epochs` must not be empty.
    pub(super) fn draw(&self, epochs: &[EpochPoint]) -> Result<String, ReportError> {
        let curves: Vec<_> = self
            .series
            .iter()
            .map(|series| (series, series.points(epochs)))
            .collect();
        let values: Vec<f64> = curves
            .iter()
            .flat_map(|(_, points)| points)
            .map(|point| point.1)
            .collect();
        svg(SIZE, |area| {
            let unit = UNIT as i32;
            let mut chart = ChartBuilder::on(area)
                .margin_top(14 * UNIT)
                .margin_right(18 * UNIT)
                .x_label_area_size(44 * UNIT)
                .y_label_area_size(66 * UNIT)
                .build_cartesian_2d(epoch_range(epochs), (self.range)(&values))?;
            let text = |size| label(size * f64::from(UNIT), &MUTED, HPos::Center);
            chart
                .configure_mesh()
                .disable_x_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(GRID.light.stroke_width(UNIT))
                .axis_style(GRID.light.stroke_width(UNIT))
                .set_all_tick_mark_size(4 * unit)
                .x_labels(8)
                .y_labels(6)
                .x_desc("epoch")
                .y_desc(self.axis)
                .y_label_formatter(&|value| (self.tick)(*value))
                .label_style(text(13.0))
                .axis_desc_style(text(13.0))
                .draw()?;
            for (series, points) in &curves {
                let line = series.role.light.stroke_width(2 * UNIT);
                chart.draw_series(LineSeries::new(points.iter().copied(), line))?;
                let ends = [points.first(), points.last()].into_iter().flatten();
                for &end in ends {
                    chart.draw_series([
                        Circle::new(end, 5 * UNIT, PAPER.light.filled()),
                        Circle::new(end, 4 * UNIT, series.role.light.filled()),
                    ])?;
                }
            }
            Ok::<(), DrawingAreaErrorKind<_>>(())
        })
    }
}

/// Finite, and small enough to leave an axis room for its ticks in `f64`.
fn drawable(value: f64) -> bool {
    value.abs() < 1e12
}

/// From the first epoch to the last; a single one is in the middle.
fn epoch_range(epochs: &[EpochPoint]) -> Range<usize> {
    let all = || epochs.iter().map(|point| point.epoch);
    let (first, last) = (all().min().unwrap_or(0), all().max().unwrap_or(0));
    if first == last {
        first.saturating_sub(1)..last.saturating_add(1)
    } else {
        first..last
    }
}

/// From 0, or from the least value if it is negative, to slightly above the largest.
fn from_zero(values: &[f64]) -> Range<f64> {
    let least = values.iter().copied().fold(0.0, f64::min);
    let largest = values.iter().copied().fold(0.0, f64::max);
    // Losses below the resolution of the ticks are a flat line, not an axis of zeros.
    let span = (largest - least).max(1e-4);
    least..least + 1.05 * span
}

/// From the tenth below the least to 1.
fn up_to_one(values: &[f64]) -> Range<f64> {
    let least = values.iter().copied().fold(0.9, f64::min);
    (10.0 * least).floor() / 10.0..1.0
}
