//! The report of a training run: one HTML file that needs nothing but itself (no script, no
//! network), readable in light and dark, on a phone and on paper.

mod canvas;
mod confusion;
mod curves;
mod html;
mod images;
#[cfg(test)]
mod laws;
mod palette;

/// Everything a report shows, as plain data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report<'a> {
    /// The network and the data set.
    pub(crate) title: &'a str,
    /// Facts in reading order: name, value.
    pub(crate) summary: &'a [(String, String)],
    /// Identifier of the run: letters, digits and spaces.
    pub(crate) run: &'a str,
    /// The command that repeats the run.
    pub(crate) command: &'a str,
    /// One point for each epoch, in order; may be empty.
    pub(crate) epochs: &'a [EpochPoint],
    /// Confusion matrix of the test samples.
    pub(crate) confusion: Confusion<'a>,
    /// Some or all misread test samples; the first [`html::PICTURES`] are shown.
    pub(crate) misread: &'a [Picture<'a>],
    /// Weights of first-layer neurons; the first [`html::NEURONS`] are shown.
    pub(crate) weights: &'a [BitPicture<'a>],
}

/// What was measured after one epoch. A value that is not finite is left out of the curves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EpochPoint {
    pub(crate) epoch: usize,
    pub(crate) train_loss: f64,
    /// Share of training samples classified right, 0 to 1.
    pub(crate) train_accuracy: f64,
    /// Share of test samples classified right, 0 to 1.
    pub(crate) test_accuracy: f64,
}

/// Counts of test samples by true and predicted class.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Confusion<'a> {
    /// Names of the classes.
    pub(crate) names: &'a [String],
    /// Row-major `[truth, predicted]`; empty where there are more than [`MOST_CLASSES`].
    pub(crate) counts: &'a [u64],
    /// Samples classified right and samples in all, if there are no counts.
    pub(crate) judged: Option<(u64, u64)>,
}

/// A grey image that was misread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Picture<'a> {
    /// Row-major `[height, width]`, 0 (paper) to `max` (ink).
    pub(crate) pixels: &'a [u8],
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) max: u8,
    /// The true class.
    pub(crate) truth: usize,
    /// The predicted class.
    pub(crate) predicted: usize,
    /// Index of the sample in the test set.
    pub(crate) index: usize,
}

/// The weights of one neuron over an image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BitPicture<'a> {
    /// Row-major `[height, width]`; `true` is +1.
    pub(crate) bits: &'a [bool],
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// The line in a report's head that tells that this command wrote it.
pub(crate) const GENERATOR: &str = r#"<meta name="generator" content="bnn">"#;

/// The line in a report's head that identifies the run; `run` is not escaped.
pub(crate) fn run_line(run: &str) -> String {
    format!("{RUN}{run}\">")
}

/// The run that [`run_line`] identifies in a report's head.
pub(crate) fn run_of(html: &str) -> Option<&str> {
    let (run, _) = html.split_once(RUN)?.1.split_once('"')?;
    Some(run)
}

const RUN: &str = r#"<meta name="bnn-run" content=""#;

/// With more classes no confusion matrix is drawn, since nobody could read it.
pub(crate) const MOST_CLASSES: usize = 256;

/// Pictures with a longer side are not drawn.
pub(crate) const MAX_SIDE: usize = images::MAX_SIDE;

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    #[error("{counts} counts for {classes} classes, expected {classes} x {classes}, at least 1")]
    Confusion { classes: usize, counts: usize },
    #[error(
        "a picture of {width} x {height} has {pixels} pixels; sides are 1 to {}",
        images::MAX_SIDE
    )]
    Picture {
        pixels: usize,
        width: usize,
        height: usize,
    },
    #[error("misread sample {index} is of class {class}, expected less than {classes}")]
    Class {
        index: usize,
        class: usize,
        classes: usize,
    },
    #[error("cannot draw: {0}")]
    Draw(String),
}

impl Report<'_> {
    /// The whole page.
    ///
    /// # Errors
    ///
    /// [`ReportError`] if the parts of the report contradict one another.
    pub(crate) fn html(&self) -> Result<String, ReportError> {
        self.confusion.check()?;
        html::page(self)
    }
}

impl Confusion<'_> {
    fn check(&self) -> Result<(), ReportError> {
        let (classes, counts) = (self.names.len(), self.counts.len());
        if classes > MOST_CLASSES && counts == 0 && self.judged.is_some() {
            return Ok(());
        }
        if classes == 0 || classes.checked_mul(classes) != Some(counts) {
            return Err(ReportError::Confusion { classes, counts });
        }
        Ok(())
    }
}
