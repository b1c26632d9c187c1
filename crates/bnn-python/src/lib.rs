//! The native part of the Python package `bnn_engine`: packed bits, products, gradients and models
//! over numpy arrays. Python code beside it (`python/bnn_engine`) gives arrays their shapes and
//! dtypes; what is here checks every size again, releases the GIL while it computes, and raises
//! `bnn_engine.Error` with what was wrong and what was expected.

use bnn_core::Kernel;
use numpy::PyArrayMethods;
use pyo3::prelude::*;

mod arrays;
mod bits;
mod conv2d;
mod error;
mod exchange;
mod forward;
mod graph_writer;
mod import;
mod linear;
mod model;
mod ordered;
mod threads;
mod tiny_linear;
mod train;
mod windows;
mod writer;

/// The compiled module; `bnn_engine` has what is public.
#[pymodule(gil_used = true)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    set_up_once(module.py())?;
    threads::share_with_onnxruntime();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("Error", module.py().get_type::<error::Error>())?;
    module.add_class::<bits::Weights>()?;
    module.add_class::<conv2d::Conv2d>()?;
    module.add_class::<model::Model>()?;
    module.add_class::<tiny_linear::TinyLinear>()?;
    module.add_class::<tiny_linear::TinyBits>()?;
    module.add_class::<writer::Writer>()?;
    module.add_class::<graph_writer::GraphWriter>()?;
    module.add_function(wrap_pyfunction!(bits::pack, module)?)?;
    module.add_function(wrap_pyfunction!(bits::pack_bools, module)?)?;
    module.add_function(wrap_pyfunction!(bits::unpack, module)?)?;
    module.add_function(wrap_pyfunction!(bits::multiply_floats, module)?)?;
    module.add_function(wrap_pyfunction!(bits::majority, module)?)?;
    module.add_function(wrap_pyfunction!(bits::isa, module)?)?;
    module.add_function(wrap_pyfunction!(import::import_model, module)?)?;
    module.add_function(wrap_pyfunction!(linear::linear_forward, module)?)?;
    module.add_function(wrap_pyfunction!(linear::linear_gradients, module)?)?;
    module.add_function(wrap_pyfunction!(linear::linear_input_gradient, module)?)?;
    module.add_function(wrap_pyfunction!(linear::linear_weight_gradient, module)?)?;
    module.add_function(wrap_pyfunction!(ordered::ordered_product, module)?)?;
    module.add_function(wrap_pyfunction!(train::recipe, module)?)?;
    module.add_function(wrap_pyfunction!(train::split, module)?)?;
    module.add_function(wrap_pyfunction!(train::train, module)?)?;
    module.add_function(wrap_pyfunction!(threads::num_threads, module)?)?;
    module.add_function(wrap_pyfunction!(threads::set_num_threads, module)?)?;
    module.add_function(wrap_pyfunction!(threads::forget_threads, module)?)?;
    Ok(())
}

/// Does now what else the first call would do under a lock: a child process made by `fork` while
/// another thread of its parent is at it would wait for a thread that it does not have. That is what
/// the `numpy` crate asks of numpy, and which kernel is in use; what is wrong with that, the first
/// call that computes says.
fn set_up_once(py: Python<'_>) -> PyResult<()> {
    let array = arrays::zeros::<u64, _>(py, [1])?;
    array.try_readwrite()?;
    let _ = Kernel::active();
    Ok(())
}
