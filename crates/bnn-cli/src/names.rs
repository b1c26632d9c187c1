//! File names that are derived from other file names.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Removes the extension `.bnn`. Any other name stays as it is, so that `net.a` and `net.b` remain
/// different.
pub(crate) fn without_bnn(path: &Path) -> PathBuf {
    match path.extension() {
        Some(ending) if ending == "bnn" => path.with_extension(""),
        _ => path.to_owned(),
    }
}

/// Appends an extension.
pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(ending);
    name.into()
}

/// The name of a file that belongs to a model: `digits.html` for `digits.bnn`, `net.a.html` for
/// `net.a`.
pub(crate) fn beside_model(model: &Path, ending: &str) -> PathBuf {
    with_ending(&without_bnn(model), ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_names_stay_two_names() {
        for (model, report) in [
            ("digits.bnn", "digits.html"),
            ("a.b/digits.bnn", "a.b/digits.html"),
            ("net.a", "net.a.html"),
            ("net.b", "net.b.html"),
            ("net", "net.html"),
            ("v1.2.bnn", "v1.2.html"),
            (".bnn", ".bnn.html"),
        ] {
            assert_eq!(beside_model(Path::new(model), "html"), Path::new(report));
        }
    }
}
