//! The ways in which a kernel multiplies `f32` with signs.

use super::f32_operands::{F32Functions, F32Multiply};
use super::sign_tables::SignTables;
use super::types::Kernel;

impl Kernel {
    /// Adds a faster way to multiply `f32` with signs.
    #[cfg_attr(not(bnn_amx), expect(dead_code, reason = "only AMX has one"))]
    pub(super) const fn with_f32(mut self, functions: F32Functions) -> Self {
        self.f32 = Some(functions);
        self
    }

    /// The faster way to multiply `f32` with signs, if there is one.
    pub(crate) fn f32_multiply(&self) -> Option<F32Multiply> {
        let functions = self.f32.as_ref();
        let functions = functions.filter(|functions| (functions.supported)());
        Some(functions?.multiply)
    }

    /// Adds products of `f32` with signs by tables.
    #[cfg_attr(not(bnn_x86), expect(dead_code, reason = "only x86-64 has tables"))]
    pub(super) const fn with_sign_tables(mut self, tables: &'static SignTables) -> Self {
        self.sign_tables = Some(tables);
        self
    }

    /// Products of `f32` with signs by tables, if this CPU has them.
    pub(crate) fn sign_tables(&self) -> Option<&'static SignTables> {
        self.sign_tables.filter(|tables| (tables.supported)())
    }
}
