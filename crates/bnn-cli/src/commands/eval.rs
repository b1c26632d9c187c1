//! `bnn eval`: how well a model classifies labelled data.

use std::path::Path;
use std::time::Instant;

use bnn_core::model::Model;
use serde_json::{Value, json};

use crate::args::EvalArgs;
use crate::error::CliError;
use crate::images::{self, Samples};
use crate::model_file::{self, Scores};
use crate::out;
use crate::table::{columns, duration, facts, thousands};

pub(crate) fn run(args: &EvalArgs) -> Result<(), CliError> {
    let bytes = model_file::read(&args.model)?;
    let model = model_file::open(&bytes, &args.model)?;
    let (data, samples) = match &args.data {
        Some(data) => (data.clone(), images::samples(&model, data)?),
        None => own_data(&model, &args.model)?,
    };
    let Samples { pixels, labels } = samples;
    let labels = labels.ok_or_else(|| {
        let inputs = model.input().0;
        let wrong = format!("{data}: expected {inputs} inputs and a label per row, found no label");
        CliError::Input(wrong)
    })?;
    let start = Instant::now();
    let scores = model_file::run(&model, &pixels)?;
    let ns = start.elapsed().as_nanos() as f64 / labels.len() as f64;
    let verdict = Verdict::new(&scores, &labels, model.output().0, args.top as usize);
    let names = images::class_names(&model)?;
    if args.json {
        return out::json(verdict.as_json(ns));
    }
    out::table(facts(&verdict.facts(args, &data, ns)))?;
    out::table(columns(
        ["class", "samples", "recall", "most often taken for"],
        &verdict.rows(&names),
    ))?;
    if let Some((header, rows)) = verdict.matrix(&names) {
        out::line("Confusion: a row for each true class, a column for each predicted one")?;
        out::table(crate::table::matrix(&header, &rows))?;
    }
    Ok(())
}

/// The test part of the data that the model was trained on: the digits, or what has the noted name
/// in this folder or in the model's.
fn own_data(model: &Model<'_>, path: &Path) -> Result<(String, Samples), CliError> {
    let Some(name) = model_file::meta(model, "data") else {
        let wrong = "the model does not note its data; give --data".to_owned();
        return Err(CliError::Input(wrong));
    };
    let beside = path.parent().unwrap_or(Path::new("")).join(&*name);
    let beside = beside.to_string_lossy();
    let places = [&*name, &*beside];
    let found = places
        .into_iter()
        .find(|place| *place == "digits" || Path::new(place).exists());
    let Some(data) = found else {
        return Err(CliError::Input(format!(
            "the model was trained on {name}, which is neither in this folder nor beside the model; give --data"
        )));
    };
    let samples = images::test_part(model, data)?;
    Ok((data.to_owned(), samples))
}

/// What a model made of labelled samples.
struct Verdict {
    samples: usize,
    classes: usize,
    correct: usize,
    /// Samples whose class has one of the `top` largest scores.
    among_top: usize,
    top: usize,
    /// For each true class, how often each class was predicted; classes that were never predicted
    /// are left out.
    confusion: Vec<Vec<(usize, usize)>>,
}

impl Verdict {
    fn new(scores: &Scores, labels: &[u16], classes: usize, top: usize) -> Self {
        let mut pairs: Vec<(usize, usize)> = Vec::with_capacity(labels.len());
        let mut among_top = 0;
        let rows = scores.scores.chunks(classes);
        for ((row, &predicted), &label) in rows.zip(&scores.classes).zip(labels) {
            let label = usize::from(label);
            among_top += usize::from(rank(row, label) < top);
            pairs.push((label, predicted));
        }
        pairs.sort_unstable();
        let mut confusion = vec![Vec::new(); classes];
        for run in pairs.chunk_by(|a, b| a == b) {
            let (truth, predicted) = run[0];
            confusion[truth].push((predicted, run.len()));
        }
        let correct = pairs
            .iter()
            .filter(|(truth, predicted)| truth == predicted)
            .count();
        Self {
            samples: labels.len(),
            classes,
            correct,
            among_top,
            top,
            confusion,
        }
    }

    fn accuracy(&self) -> f64 {
        self.correct as f64 / self.samples as f64
    }

    fn count(&self, truth: usize, predicted: usize) -> usize {
        let counts = self.confusion[truth].iter();
        counts
            .filter(|(class, _)| *class == predicted)
            .map(|(_, count)| count)
            .sum()
    }

    fn of_class(&self, truth: usize) -> usize {
        self.confusion[truth].iter().map(|(_, count)| count).sum()
    }

    /// The share of a class's samples that were classified right; none if there are no samples.
    fn recall(&self, truth: usize) -> Option<f64> {
        let samples = self.of_class(truth);
        (samples > 0).then(|| self.count(truth, truth) as f64 / samples as f64)
    }

    fn as_json(&self, ns: f64) -> Value {
        let recall: Vec<Option<f64>> = (0..self.classes).map(|class| self.recall(class)).collect();
        let row = |truth| -> Vec<usize> {
            (0..self.classes)
                .map(|predicted| self.count(truth, predicted))
                .collect()
        };
        let confusion =
            (self.classes <= MOST_IN_JSON).then(|| (0..self.classes).map(row).collect::<Vec<_>>());
        json!({
            "samples": self.samples,
            "correct": self.correct,
            "accuracy": self.accuracy(),
            "top": self.top,
            "top_accuracy": self.among_top as f64 / self.samples as f64,
            "recall": recall,
            "confusion": confusion,
            "ns_per_sample": ns,
        })
    }

    fn facts(&self, args: &EvalArgs, data: &str, ns: f64) -> Vec<(String, String)> {
        let share = |count: usize| {
            let percent = 100.0 * count as f64 / self.samples as f64;
            format!("{percent:.2} % ({} correct)", thousands(count))
        };
        let mut facts = vec![
            ("model".to_owned(), args.model.display().to_string()),
            (
                "data".to_owned(),
                format!("{data}, {} samples", thousands(self.samples)),
            ),
            ("accuracy".to_owned(), share(self.correct)),
        ];
        if self.top > 1 && self.top < self.classes {
            let among = format!("accuracy, best {}", self.top);
            facts.push((among, share(self.among_top)));
        }
        facts.push(("time per sample".to_owned(), duration(ns)));
        facts
    }

    /// A row for each class; of many classes those with the lowest recall.
    fn rows(&self, names: &[String]) -> Vec<[String; 4]> {
        let mut classes: Vec<usize> = (0..self.classes).collect();
        if classes.len() > MOST_ROWS {
            classes.retain(|&class| self.of_class(class) > 0);
            let recall = |class: usize| self.recall(class).unwrap_or_default();
            classes.sort_by(|&a, &b| recall(a).total_cmp(&recall(b)));
            classes.truncate(MOST_ROWS);
        }
        let row = |class: usize| {
            let others = self.confusion[class]
                .iter()
                .filter(|(other, _)| *other != class);
            let worst = others.max_by_key(|&&(other, count)| (count, std::cmp::Reverse(other)));
            [
                names[class].clone(),
                thousands(self.of_class(class)),
                self.recall(class).map_or_else(
                    || "no samples".to_owned(),
                    |r| format!("{:.1} %", 100.0 * r),
                ),
                worst.map_or_else(String::new, |(other, count)| {
                    format!("{} ({count})", names[*other])
                }),
            ]
        };
        classes.into_iter().map(row).collect()
    }

    /// The matrix with its header, if it is small enough to be read.
    fn matrix(&self, names: &[String]) -> Option<(Vec<String>, Vec<Vec<String>>)> {
        if self.classes > MOST_IN_MATRIX {
            return None;
        }
        let header = [String::new()]
            .into_iter()
            .chain(names.iter().cloned())
            .collect();
        let row = |truth: usize| {
            let counts =
                (0..self.classes).map(|predicted| self.count(truth, predicted).to_string());
            [names[truth].clone()].into_iter().chain(counts).collect()
        };
        Some((header, (0..self.classes).map(row).collect()))
    }
}

/// Most classes of which the matrix is printed.
const MOST_IN_MATRIX: usize = 12;
/// Most classes of which the matrix is in the JSON.
const MOST_IN_JSON: usize = 256;
/// Most classes of which a row is printed.
const MOST_ROWS: usize = 50;

/// How many classes come before this one: those with a larger score, and of those with the same
/// score the ones with a lower number, as the class with the largest score is told.
fn rank(scores: &[f64], class: usize) -> usize {
    let own = scores[class];
    let before = |(other, score): (usize, &f64)| *score > own || (*score == own && other < class);
    scores
        .iter()
        .enumerate()
        .filter(|&place| before(place))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_counts_classes_recall_and_the_best_of_several() {
        let scores = Scores {
            scores: vec![3.0, 1.0, 2.0, 0.0, 5.0, 5.0, 1.0, 1.0, 1.0],
            classes: vec![0, 1, 0],
        };
        // The second sample's two best tie; the third's classes all do.
        let verdict = Verdict::new(&scores, &[2, 2, 0], 3, 2);
        assert_eq!((verdict.correct, verdict.among_top), (1, 3));
        assert_eq!(verdict.recall(0), Some(1.0));
        assert_eq!(verdict.recall(1), None);
        assert_eq!(verdict.recall(2), Some(0.0));
        let told = verdict.as_json(1.0);
        assert_eq!(told["confusion"], json!([[1, 0, 0], [0, 0, 0], [1, 1, 0]]));
        let names = ["a", "b", "c"].map(str::to_owned);
        let rows = verdict.rows(&names);
        assert_eq!(rows[0], ["a", "1", "100.0 %", ""]);
        assert_eq!(rows[1], ["b", "0", "no samples", ""]);
        assert_eq!(rows[2], ["c", "2", "0.0 %", "a (1)"]);
    }
}
