//! The ways in which a kernel multiplies `f32` with signs.

use super::f32_operands::F32Multiply;
use super::sign_tables::SignTables;
use super::types::Kernel;

impl Kernel {
    /// The faster way to multiply `f32` with signs, if there is one.
    pub(crate) fn f32_multiply(&self) -> Option<F32Multiply> {
        let functions = self.f32.as_ref();
        let functions = functions.filter(|functions| (functions.supported)());
        Some(functions?.multiply)
    }

    /// Products of `f32` with signs by tables, if this CPU has them.
    pub(crate) fn sign_tables(&self) -> Option<&'static SignTables> {
        self.sign_tables.filter(|tables| (tables.supported)())
    }
}
