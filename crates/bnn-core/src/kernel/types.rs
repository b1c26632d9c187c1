//! What a kernel is: the functions of an instruction set that `arch` fills in. The files beside
//! this one that extend [`Kernel`] say what it does with them.

use super::f32_operands::F32Functions;
use super::isa::Isa;
use super::micro_kernel::Functions;
use super::sign_tables::SignTables;

/// A micro-kernel that this CPU can run: holding a `&'static Kernel` is the proof that it can.
pub struct Kernel {
    pub(super) isa: Isa,
    /// Whether this CPU has the instructions that the kernel's functions use.
    pub(super) supported: fn() -> bool,
    pub(super) functions: Functions,
    /// A kernel with the same panels that is faster for small products.
    pub(super) lighter: Option<Lighter>,
    /// A way to multiply `f32` with signs that is faster than tables.
    pub(super) f32: Option<F32Functions>,
    /// Products of `f32` with signs by tables.
    pub(super) sign_tables: Option<&'static SignTables>,
}

/// See [`Kernel::lighter`].
pub(super) struct Lighter {
    pub(super) kernel: &'static Kernel,
    /// Whether it should multiply `rows` rows of `words` words with `outputs` weight rows.
    pub(super) takes: fn(rows: usize, words: usize, outputs: usize) -> bool,
}

impl Kernel {
    pub(super) const fn new(isa: Isa, supported: fn() -> bool, functions: Functions) -> Self {
        Self {
            isa,
            supported,
            functions,
            lighter: None,
            f32: None,
            sign_tables: None,
        }
    }
}
