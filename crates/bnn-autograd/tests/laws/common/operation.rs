//! An operation on the tape against values and gradients that PyTorch computed.

use bnn_autograd::{Error, Real, Tape, Var};

use super::Case;

/// Runs an operation on the named inputs forward and backward and checks everything.
#[track_caller]
pub(crate) fn check_operation<T: Real>(
    case: &Case<T>,
    inputs: &[&str],
    operation: impl Fn(&[Var<T>]) -> Result<Var<T>, Error>,
) {
    let tape = Tape::new();
    let leaves: Vec<_> = inputs
        .iter()
        .map(|key| tape.leaf(case.get(key).clone()))
        .collect();
    let y = operation(&leaves).unwrap();
    case.check("y", y.value());
    let gradients = y.vjp(case.get("dy").clone()).unwrap();
    for (key, leaf) in inputs.iter().zip(&leaves) {
        case.check(&format!("d{key}"), gradients.get(leaf).unwrap());
    }
}
