//! The structure of a module as an indented text.

use std::fmt::{self, Formatter};

use super::Module;
use crate::real::Real;

/// Writes the kind of a module and, in brackets, its parts: a line for each child module, or the
/// shapes of its own parameters.
pub(super) fn outline<T: Real>(module: &dyn Module<T>, f: &mut Formatter<'_>) -> fmt::Result {
    write(module, 1, f)
}

fn write<T: Real>(module: &dyn Module<T>, depth: usize, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str(module.kind())?;
    let (mut parts, mut result) = (0, Ok(()));
    module.children(&mut |name, child| {
        if result.is_ok() {
            let begin = if parts == 0 { "(" } else { "" };
            let indent = 2 * depth;
            result = write!(f, "{begin}\n{:indent$}{name}: ", "")
                .and_then(|()| write(child, depth + 1, f));
            parts += 1;
        }
    });
    result?;
    if parts > 0 {
        let indent = 2 * (depth - 1);
        return write!(f, "\n{:indent$})", "");
    }
    let mut params = Vec::new();
    module.params(&mut |name, param| params.push(format!("{name} {:?}", param.value().shape())));
    write!(f, "({})", params.join(", "))
}
