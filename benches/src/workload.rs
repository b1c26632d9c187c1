//! The contenders of a comparison, and the work that they run.

use bnn_core::{Error, Kernel};

use crate::f32_gemm::F32Gemm;

/// Input and output of a binary product; weights are packed beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Packed bits to integer sums.
    BitsToI32,
    /// Packed bits to packed bits, with thresholds.
    BitsToBits,
    /// Floats, whose signs are packed first, to floats.
    F32ToF32,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::BitsToI32, Self::BitsToBits, Self::F32ToF32];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BitsToI32 => "bits to i32",
            Self::BitsToBits => "bits to bits",
            Self::F32ToF32 => "f32 to f32",
        }
    }
}

/// What runs a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// Floats all the way.
    Floats(F32Gemm),
    /// A kernel of this CPU.
    Bits(Form, &'static Kernel),
}

impl Contender {
    /// The float libraries.
    pub fn floats() -> impl Iterator<Item = Self> {
        F32Gemm::ALL.into_iter().map(Self::Floats)
    }

    /// Every kernel of this CPU, in every form.
    pub fn bits() -> impl Iterator<Item = Self> {
        Kernel::available().flat_map(|kernel| Form::ALL.map(|form| Self::Bits(form, kernel)))
    }

    /// The name of what it computes.
    #[must_use]
    pub fn form(self) -> &'static str {
        match self {
            Self::Floats(_) => "f32",
            Self::Bits(form, _) => form.name(),
        }
    }

    /// The library's or the kernel's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Floats(library) => library.name(),
            Self::Bits(_, kernel) => kernel.isa().name(),
        }
    }
}

/// Operands and buffers for results. Only [`run`](Self::run) is timed.
pub trait Workload {
    /// Operations of one run, `2 * m * n * k`, for bits and for floats alike.
    fn operations(&self) -> u64;

    /// Computes all outputs once.
    ///
    /// # Errors
    /// If the contender cannot run this work; all sizes were checked before.
    fn run(&mut self, contender: Contender) -> Result<(), Error>;
}
