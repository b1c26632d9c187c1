//! What can be wrong with a checkpoint or a file of weights.

use std::path::PathBuf;

/// Why a checkpoint, or a file of weights, could not be written, read or applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file's path.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The bytes are not such a file.
    #[error("not a checkpoint or a file of weights: {reason}")]
    Malformed {
        /// The first thing that is wrong with the bytes.
        reason: String,
    },
    /// The checkpoint was written by an older or a newer program.
    #[error("checkpoint of version {found}, expected {expected}{}", older(*found, *expected))]
    Version {
        /// The version that this program reads.
        expected: u64,
        /// The version of the checkpoint.
        found: u64,
    },
    /// The checkpoint was damaged after it had been written.
    #[error("the checkpoint is damaged: its checksum is {found}, expected {expected}")]
    Checksum {
        /// The checksum that the file holds.
        expected: String,
        /// The checksum of its bytes.
        found: String,
    },
    /// A number is NaN or infinite.
    #[error("`{name}`, element {index} is {value}, expected a finite number")]
    NotFinite {
        /// The tensor's name.
        name: String,
        /// The index of the first such element, row-major.
        index: usize,
        /// The value of that element.
        value: f64,
    },
    /// A mean of squares is negative.
    #[error("`{name}`, element {index} is {value}, expected 0 or more: it is a mean of squares")]
    Negative {
        /// The tensor's name.
        name: String,
        /// The index of the first such element, row-major.
        index: usize,
        /// The value of that element.
        value: f64,
    },
    /// A tensor has another element type.
    #[error("`{name}` in the file has elements of type {found}, expected {expected}")]
    ElementType {
        /// The tensor's name.
        name: String,
        /// The type wanted.
        expected: String,
        /// The type in the file.
        found: String,
    },
    /// A tensor has another shape.
    #[error("`{name}` in the file has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The tensor's name.
        name: String,
        /// The shape wanted.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// File and model do not have the same names.
    #[error("the names differ: {}", names_differ(missing, unexpected))]
    Names {
        /// Names that the model has and the file lacks.
        missing: Vec<String>,
        /// Names that the file has and the model lacks.
        unexpected: Vec<String>,
    },
    /// Two parameters or two buffers of the model have one name.
    #[error("the name `{name}` is used twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A module shows other parameters to be changed than it shows to be read.
    #[error("the parameter `{name}` changes its shape between two visits")]
    Unstable {
        /// The parameter.
        name: String,
    },
    /// The checkpoint was written without an optimizer.
    #[error("the checkpoint holds no optimizer state")]
    NoOptimizer,
}

/// Says what is wrong with the bytes.
pub(super) fn malformed(reason: impl ToString) -> CheckpointError {
    CheckpointError::Malformed {
        reason: reason.to_string(),
    }
}

fn older(found: u64, expected: u64) -> &'static str {
    match found < expected {
        true => {
            ": it has no checksum; its weights can be read (`Weights::load`), its run cannot go on"
        }
        false => ": a newer program has written it",
    }
}

fn names_differ(missing: &[String], unexpected: &[String]) -> String {
    let sides = [
        ("missing in the file", missing),
        ("not in the model", unexpected),
    ];
    let sides = sides.iter().filter(|(_, names)| !names.is_empty());
    let sides: Vec<_> = sides
        .map(|(what, names)| format!("{what}: {}", list(names)))
        .collect();
    sides.join("; ")
}

/// The first names, and how many more there are.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let first: Vec<_> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    match names.len().checked_sub(SHOWN + 1) {
        None => first.join(", "),
        Some(more) => format!("{} and {} more", first.join(", "), more + 1),
    }
}
