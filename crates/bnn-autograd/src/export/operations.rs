//! Which operations of the tape the lowered layers account for.

use super::ExportError;
use crate::tape::Applied;

/// What an operation of the tape becomes in a model file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Product,
    Affine,
    Sign,
    Clip,
    Pool,
    Add,
    Concat,
    Rectify,
    Round,
    Crop,
}

/// What the layers have said about the operations of their forward passes.
#[derive(Debug, Default)]
pub(super) struct Operations {
    /// How many of each role.
    counts: [usize; 10],
    /// Operations that layers have named.
    named: Vec<String>,
}

impl Operations {
    pub(super) fn account(&mut self, role: Role) {
        self.counts[role as usize] += 1;
    }

    pub(super) fn name(&mut self, operation: &str) {
        self.named.push(operation.to_owned());
    }

    /// Refuses the first operation of a forward pass that is not accounted for.
    pub(super) fn check(&self, applied: &[Applied]) -> Result<(), ExportError> {
        let mut left = self.counts;
        let mut named: Vec<&str> = self.named.iter().map(String::as_str).collect();
        for Applied { name, .. } in applied {
            // The elements of a sample keep their order.
            if *name == "reshape" {
                continue;
            }
            if let Some(at) = named.iter().position(|known| known == name) {
                named.remove(at);
                continue;
            }
            let refuse = |accounted| ExportError::Operation {
                operation: name,
                accounted,
            };
            let roles = roles(name).ok_or(refuse(0))?;
            for role in roles.iter().map(|&role| role as usize) {
                left[role] = left[role].checked_sub(1).ok_or(refuse(self.counts[role]))?;
            }
        }
        Ok(())
    }
}

/// The roles of one of this crate's operations.
fn roles(operation: &str) -> Option<&'static [Role]> {
    Some(match operation {
        "binary_linear"
        | "scaled_binary_linear"
        | "sign_weight_linear"
        | "binary_conv2d"
        | "sign_weight_conv2d"
        | "linear"
        | "conv2d" => &[Role::Product],
        "binary_conv2d_max_pool2d" | "sign_weight_conv2d_max_pool2d" => {
            &[Role::Product, Role::Pool]
        }
        "integer_scores" | "fixed_conv2d" => &[Role::Product, Role::Affine],
        "batch_norm" | "channel_scale" | "shift" | "fixed_affine" => &[Role::Affine],
        "sign" => &[Role::Sign],
        "hard_tanh" => &[Role::Clip],
        "max_pool2d" | "avg_pool2d" => &[Role::Pool],
        "add" => &[Role::Add],
        "concat" => &[Role::Concat],
        "crop" => &[Role::Crop],
        "fixed_point" => &[Role::Round],
        "relu" | "prelu" | "fixed_rprelu" => &[Role::Rectify],
        _ => return None,
    })
}
