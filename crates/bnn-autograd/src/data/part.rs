//! The names that people give to the samples to train on and those to test by.

/// One half of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SetPart {
    Train,
    /// A part called validation counts as one to test by where there is no other.
    Validation,
    Test,
}

/// What a file or an array of a part holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartKind {
    Images,
    Labels,
}

impl SetPart {
    /// The part that a word names, in any case.
    pub(super) fn of(word: &str) -> Option<Self> {
        let is = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
        if is(&["train", "training"]) {
            Some(Self::Train)
        } else if is(&["test", "testing", "t10k"]) {
            Some(Self::Test)
        } else if is(&["val", "valid", "validation"]) {
            Some(Self::Validation)
        } else {
            None
        }
    }
}

/// The parts of a data set, at most one of each.
#[derive(Debug)]
pub(super) struct SetParts<T> {
    pub(super) train: Option<T>,
    pub(super) validation: Option<T>,
    pub(super) test: Option<T>,
}

impl<T> SetParts<T> {
    /// Sorts things by the parts that they are of; of two of one part the first is kept.
    pub(super) fn of(things: impl IntoIterator<Item = (SetPart, T)>) -> Self {
        let mut parts = Self {
            train: None,
            validation: None,
            test: None,
        };
        for (part, thing) in things {
            let place = match part {
                SetPart::Train => &mut parts.train,
                SetPart::Validation => &mut parts.validation,
                SetPart::Test => &mut parts.test,
            };
            place.get_or_insert(thing);
        }
        parts
    }

    /// What to train on, what to test by, and what is left over.
    pub(super) fn chosen(self) -> (Option<T>, Option<T>, Option<T>) {
        match self.test {
            Some(test) => (self.train, Some(test), self.validation),
            None => (self.train, self.validation, None),
        }
    }
}
