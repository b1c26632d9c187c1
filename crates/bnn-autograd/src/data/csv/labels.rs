//! Labels as a table has them: whole numbers or names.

use std::collections::HashMap;

use super::super::DataError;
use super::super::dataset::MAX_CLASSES;

/// The labels of the rows of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// The different labels, in the order in which they came.
    names: Vec<String>,
    numbers: HashMap<String, u16>,
    /// For each row, the position of its label in `names`.
    rows: Vec<u16>,
}

impl Labels {
    /// Adds the label of the next row; `None` if there are too many different ones.
    pub(super) fn push(&mut self, label: &[u8]) -> Option<()> {
        let text = String::from_utf8_lossy(label);
        // 3, 3.0 and 3e0 are one class.
        let name = match text.parse::<f64>() {
            Ok(x) if x.fract() == 0.0 && (0.0..MAX_CLASSES as f64).contains(&x) => {
                (x as usize).to_string()
            }
            _ => text.into_owned(),
        };
        let number = match self.numbers.get(&name) {
            Some(&number) => number,
            None => {
                let number = u16::try_from(self.names.len()).ok()?;
                self.names.push(name.clone());
                self.numbers.insert(name, number);
                number
            }
        };
        self.rows.push(number);
        Some(())
    }

    /// The names of the classes of a table to train on: `0` to the largest label if all labels are
    /// whole numbers, else the labels in the order of their bytes.
    pub(in crate::data) fn class_names(&self) -> Vec<String> {
        let number = |name: &String| name.parse::<u16>().ok();
        let numbers: Option<Vec<u16>> = self.names.iter().map(number).collect();
        match numbers.and_then(|numbers| numbers.into_iter().max()) {
            Some(max) => (0..=max).map(|class| class.to_string()).collect(),
            None => {
                let mut names = self.names.clone();
                names.sort_unstable();
                names
            }
        }
    }

    /// The class of each row, `[rows]`: the class of that name, else the class of that number.
    ///
    /// # Errors
    ///
    /// [`DataError::CsvUnknownLabel`] for a label that is neither.
    pub fn classes(&self, class_names: &[String]) -> Result<Vec<u16>, DataError> {
        let by_name: HashMap<&str, usize> = class_names
            .iter()
            .enumerate()
            .map(|(class, name)| (name.as_str(), class))
            .collect();
        let class = |(at, name): (usize, &String)| {
            let number = name.parse().ok().filter(|&class| class < class_names.len());
            let class = by_name.get(name.as_str()).copied().or(number);
            class
                .and_then(|class| u16::try_from(class).ok())
                .ok_or_else(|| DataError::CsvUnknownLabel {
                    row: self
                        .rows
                        .iter()
                        .position(|&row| usize::from(row) == at)
                        .unwrap_or(0)
                        + 1,
                    label: super::excerpt(name.as_bytes()),
                    classes: class_names.len(),
                })
        };
        let of_names: Result<Vec<u16>, DataError> =
            self.names.iter().enumerate().map(class).collect();
        let of_names = of_names?;
        Ok(self
            .rows
            .iter()
            .map(|&row| of_names[usize::from(row)])
            .collect())
    }
}
