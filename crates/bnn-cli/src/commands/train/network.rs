//! The networks that the command trains, as one type.

use bnn_autograd::export::{ExportConfig, ExportError, Lowering};
use bnn_autograd::models::{Cnn, Mlp, ResidualNet};
use bnn_autograd::nn::Module;
use bnn_autograd::{Error, Var};
use bnn_core::model::InputType;

/// A network; those of images with the bits of their pixels.
#[derive(Clone, Debug)]
pub(super) enum Network {
    Mlp(Mlp),
    Cnn(Cnn, u8),
    Residual(ResidualNet, u8),
}

impl Network {
    /// How it is exported.
    pub(super) fn export_config(&self) -> ExportConfig<'static> {
        match self {
            Self::Mlp(mlp) => mlp.input().into(),
            Self::Cnn(_, depth) | Self::Residual(_, depth) => {
                InputType::Unsigned { depth: *depth }.into()
            }
        }
    }

    fn inner(&self) -> &dyn Module {
        match self {
            Self::Mlp(mlp) => mlp,
            Self::Cnn(cnn, _) => cnn,
            Self::Residual(net, _) => net,
        }
    }

    fn inner_mut(&mut self) -> &mut dyn Module {
        match self {
            Self::Mlp(mlp) => mlp,
            Self::Cnn(cnn, _) => cnn,
            Self::Residual(net, _) => net,
        }
    }
}

impl Module for Network {
    fn forward(&mut self, x: &Var) -> Result<Var, Error> {
        self.inner_mut().forward(x)
    }

    fn kind(&self) -> &'static str {
        self.inner().kind()
    }

    fn lower(&self, to: &mut Lowering) -> Result<(), ExportError> {
        self.inner().lower(to)
    }

    fn children(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        self.inner().children(visit);
    }

    fn children_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Module)) {
        self.inner_mut().children_mut(visit);
    }
}
