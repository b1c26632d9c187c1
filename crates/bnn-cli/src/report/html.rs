//! The HTML page that holds the drawings.

use super::curves::{ACCURACY, Chart, LOSS};
use super::{GENERATOR, Picture, Report, ReportError, palette, run_line};

/// Misread samples shown at most.
pub(super) const PICTURES: usize = 20;
/// Neurons shown at most.
pub(super) const NEURONS: usize = 64;

const STYLE: &str = include_str!("style.css");

/// The whole page; the confusion matrix must have been checked.
pub(super) fn page(report: &Report<'_>) -> Result<String, ReportError> {
    let title = escape(report.title);
    let (colours, head, summary) = (palette::css(), headline(report), summary(report.summary));
    let (command, run) = (escape(report.command), run_line(report.run));
    let sections = [
        curves(report)?,
        confusion(report)?,
        misread(report)?,
        weights(report)?,
    ]
    .concat();
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n{GENERATOR}\n{run}\n\
         <title>{title}</title>\n<style>\n{colours}{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}</h1>\n{head}</header>\n<main>\n\
         <section class=\"wide\">\n<h2>Summary</h2>\n{summary}\
         <h3>Command</h3>\n<pre><code>{command}</code></pre>\n</section>\n\
         {sections}</main>\n</body>\n</html>\n"
    ))
}

fn headline(report: &Report<'_>) -> String {
    let (right, total) = (report.confusion.right(), report.confusion.total());
    if total == 0 {
        return "<p class=\"lead\">No test samples.</p>\n".to_owned();
    }
    let percent = 100.0 * right as f64 / total as f64;
    format!(
        "<p class=\"lead\"><strong>{percent:.2} %</strong> of the test samples classified right: \
         {right} of {total}.</p>\n"
    )
}

fn summary(facts: &[(String, String)]) -> String {
    let rows = facts.iter().map(|(name, value)| {
        let (name, value) = (escape(name), escape(value));
        format!("<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>\n")
    });
    format!("<table>\n{}</table>\n", rows.collect::<String>())
}

fn curves(report: &Report<'_>) -> Result<String, ReportError> {
    if report.epochs.is_empty() {
        return Ok(section(
            "Curves",
            "wide",
            "<p class=\"note\">No epochs were recorded.</p>\n",
        ));
    }
    let draw = |chart: &Chart| {
        let legend = legend(chart, report);
        let svg = drawing(
            &format!("{} by epoch", chart.title),
            &chart.draw(report.epochs)?,
        );
        Ok(section(chart.title, "", &format!("{legend}{svg}")))
    };
    Ok(draw(&LOSS)? + &draw(&ACCURACY)?)
}

/// The legend, with the values of the first and the last epoch.
fn legend(chart: &Chart, report: &Report<'_>) -> String {
    let entries = chart.series.iter().filter_map(|series| {
        let (first, last) = series.ends(report.epochs)?;
        let (name, role) = (series.name, series.role.name);
        let (first, last) = ((chart.format)(first), (chart.format)(last));
        let course = match report.epochs.len() {
            1 => String::new(),
            _ => format!("{first} → "),
        };
        Some(format!(
            "<li><i style=\"background:var(--{role})\"></i>{name} <span>{course}<b>{last}</b></span></li>\n"
        ))
    });
    format!(
        "<ul class=\"legend\">\n{}</ul>\n",
        entries.collect::<String>()
    )
}

fn confusion(report: &Report<'_>) -> Result<String, ReportError> {
    if report.confusion.judged.is_some() {
        let classes = report.confusion.names.len();
        let note = format!(
            "<p class=\"note\">Not drawn for {classes} classes; <code>bnn eval</code> prints the recall of \
             each class.</p>\n"
        );
        return Ok(section("Confusion matrix", "", &note));
    }
    let svg = drawing("confusion matrix", &report.confusion.draw()?);
    let note = "<p class=\"note\">Test samples by true class (rows) and predicted class (columns). \
                Blue is right, red is wrong; the deeper, the larger the share of the row, \
                with rare mistakes lifted to be seen.</p>\n";
    Ok(section(
        "Confusion matrix",
        beside(report),
        &format!("{svg}{note}"),
    ))
}

/// The class of the matrix and the misread samples: beside each other while the matrix is small.
fn beside(report: &Report<'_>) -> &'static str {
    match report.confusion.names.len() {
        ..=12 => "",
        _ => "wide",
    }
}

fn misread(report: &Report<'_>) -> Result<String, ReportError> {
    let shown = &report.misread[..report.misread.len().min(PICTURES)];
    let wrong = report.confusion.total() - report.confusion.right();
    let mut body = match (shown.len(), wrong) {
        (_, 0) => {
            "<p class=\"note\">None: every test sample was classified right.</p>\n".to_owned()
        }
        (0, wrong) => format!("<p class=\"note\">{wrong} samples, none of them recorded.</p>\n"),
        (some, wrong) => {
            format!("<p class=\"note\">{some} of {wrong}: true class → predicted class.</p>\n")
        }
    };
    let names = report.confusion.names;
    body += &grid(
        "pictures",
        shown.iter().map(|picture| misread_tile(picture, names)),
    )?;
    Ok(section("Misread samples", beside(report), &body))
}

fn misread_tile(picture: &Picture<'_>, names: &[String]) -> Result<String, ReportError> {
    let name = |class: usize| {
        names
            .get(class)
            .map(|name| escape(name))
            .ok_or(ReportError::Class {
                index: picture.index,
                class,
                classes: names.len(),
            })
    };
    let (truth, predicted) = (name(picture.truth)?, name(picture.predicted)?);
    let index = picture.index;
    let svg = drawing(&format!("sample {index}"), &picture.draw()?);
    Ok(format!(
        "<figure>{svg}<figcaption>{truth} → <em>{predicted}</em> <small>#{index}</small></figcaption></figure>\n"
    ))
}

fn weights(report: &Report<'_>) -> Result<String, ReportError> {
    let total = report.weights.len();
    let shown = &report.weights[..total.min(NEURONS)];
    if shown.is_empty() {
        return Ok(String::new());
    }
    let tiles = shown.iter().enumerate().map(|(neuron, picture)| {
        let svg = drawing(&format!("weights of neuron {neuron}"), &picture.draw()?);
        Ok(format!("<figure>{svg}</figure>\n"))
    });
    let note = format!(
        "<p class=\"note\">{} of {total} neurons, one bit for each pixel: a filled square is +1, an empty one −1.</p>\n",
        shown.len()
    );
    let body = note + &grid("neurons", tiles)?;
    Ok(section("First-layer weights", "wide", &body))
}

fn section(title: &str, class: &str, body: &str) -> String {
    format!("<section class=\"{class}\">\n<h2>{title}</h2>\n{body}</section>\n")
}

/// Tiles side by side, as many in a row as there is room for.
fn grid(
    class: &str,
    tiles: impl Iterator<Item = Result<String, ReportError>>,
) -> Result<String, ReportError> {
    let tiles = tiles.collect::<Result<String, _>>()?;
    if tiles.is_empty() {
        return Ok(tiles);
    }
    Ok(format!("<div class=\"grid {class}\">\n{tiles}</div>\n"))
}

/// A drawing with a text alternative; `name` must be escaped already.
fn drawing(name: &str, svg: &str) -> String {
    format!("<div role=\"img\" aria-label=\"{name}\">{svg}</div>")
}

/// Escapes text for an element or a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
