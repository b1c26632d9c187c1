//! An operator as ONNX Runtime sees it: a table of functions, the same for all operators.

use std::ffi::{c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use ort_sys::{
    ONNXTensorElementDataType, OrtApi, OrtCustomOp, OrtCustomOpInputOutputCharacteristic,
    OrtKernelContext, OrtKernelInfo, OrtMemType, OrtStatusPtr,
};

use super::api::{Api, OK, VERSION};
use super::context::Context;
use super::info::Info;
use crate::ops::Operator;
use crate::schema;
use crate::tensor::{Element, Refusal, refused};
use crate::threads;

/// The operator of a node, and how it talks to ONNX Runtime.
struct Kernel<O> {
    api: Api,
    operator: O,
}

/// The table of an operator.
pub(super) const fn table<O: Operator>() -> OrtCustomOp {
    OrtCustomOp {
        version: VERSION,
        CreateKernel: None,
        GetName: Some(name::<O>),
        GetExecutionProviderType: Some(provider),
        GetInputType: Some(input_type::<O>),
        GetInputTypeCount: Some(input_count::<O>),
        GetOutputType: Some(output_type::<O>),
        GetOutputTypeCount: Some(output_count),
        KernelCompute: None,
        KernelDestroy: Some(destroy::<O>),
        GetInputCharacteristic: Some(input_characteristic::<O>),
        GetOutputCharacteristic: Some(output_characteristic),
        GetInputMemoryType: Some(memory_type),
        GetVariadicInputMinArity: Some(none_is_variadic),
        GetVariadicInputHomogeneity: Some(none_is_variadic),
        GetVariadicOutputMinArity: Some(none_is_variadic),
        GetVariadicOutputHomogeneity: Some(none_is_variadic),
        CreateKernelV2: Some(create::<O>),
        KernelComputeV2: Some(compute::<O>),
        InferOutputShapeFn: None,
        GetStartVersion: Some(start_version),
        GetEndVersion: Some(end_version),
    }
}

/// The result of `work`, a panic included, as a status.
fn status(api: Api, work: impl FnOnce() -> Result<(), Refusal>) -> OrtStatusPtr {
    let done = catch_unwind(AssertUnwindSafe(work));
    match done.unwrap_or_else(|_| refused("a panic in the library, which is to be reported")) {
        Ok(()) => OK,
        Err(refusal) => api.status(&refusal),
    }
}

unsafe extern "system" fn create<O: Operator>(
    _: *const OrtCustomOp,
    api: *const OrtApi,
    info: *const OrtKernelInfo,
    kernel: *mut *mut c_void,
) -> OrtStatusPtr {
    // SAFETY: ONNX Runtime passes its functions, of the version that the table asks for.
    let Some(api) = (unsafe { Api::new(api) }) else {
        return OK;
    };
    status(api, || {
        // SAFETY: the node lives while this function runs.
        let info = unsafe { Info::new(api, info) };
        let operator = O::new(&info);
        let operator = operator.map_err(|refusal| refusal.of(O::NAME))?;
        let made = Box::into_raw(Box::new(Kernel { api, operator }));
        // SAFETY: `kernel` is where the result belongs.
        unsafe { *kernel = made.cast() };
        Ok(())
    })
}

unsafe extern "system" fn compute<O: Operator>(
    kernel: *mut c_void,
    context: *mut OrtKernelContext,
) -> OrtStatusPtr {
    // SAFETY: `create` has made the kernel, and `destroy` comes later.
    let kernel = unsafe { &*kernel.cast::<Kernel<O>>() };
    status(kernel.api, || {
        // SAFETY: the context lives while this function runs.
        let context = unsafe { Context::new(kernel.api, context) };
        let inputs = context.inputs()?;
        // SAFETY: the one call for this context.
        let output = unsafe { context.output() };
        let steps = kernel.operator.steps(&inputs);
        let done = threads::run(steps, || kernel.operator.run(&inputs, output));
        let done = done.unwrap_or_else(|| refused("the threads of the process have ended"));
        done.map_err(|refusal| refusal.of(O::NAME))
    })
}

unsafe extern "system" fn destroy<O: Operator>(kernel: *mut c_void) {
    if kernel.is_null() {
        return;
    }
    // SAFETY: `create` has made it, and this is the last that is heard of it.
    let kernel = unsafe { Box::from_raw(kernel.cast::<Kernel<O>>()) };
    // Nothing can be told here.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(kernel)));
}

const fn code(element: Option<Element>) -> ONNXTensorElementDataType {
    use ONNXTensorElementDataType as Of;
    match element {
        None => Of::ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED,
        Some(Element::F32) => Of::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
        Some(Element::U8) => Of::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
        Some(Element::I32) => Of::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,
        Some(Element::I64) => Of::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
        Some(Element::U64) => Of::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64,
    }
}

unsafe extern "system" fn name<O: Operator>(_: *const OrtCustomOp) -> *const c_char {
    O::NAME.as_ptr()
}

/// Null is the CPU's.
unsafe extern "system" fn provider(_: *const OrtCustomOp) -> *const c_char {
    std::ptr::null()
}

unsafe extern "system" fn input_count<O: Operator>(_: *const OrtCustomOp) -> usize {
    O::INPUTS.len()
}

unsafe extern "system" fn input_type<O: Operator>(
    _: *const OrtCustomOp,
    index: usize,
) -> ONNXTensorElementDataType {
    code(O::INPUTS.get(index).and_then(|input| input.element))
}

unsafe extern "system" fn input_characteristic<O: Operator>(
    _: *const OrtCustomOp,
    index: usize,
) -> OrtCustomOpInputOutputCharacteristic {
    match O::INPUTS.get(index) {
        Some(input) if input.is_optional => {
            OrtCustomOpInputOutputCharacteristic::INPUT_OUTPUT_OPTIONAL
        }
        _ => OrtCustomOpInputOutputCharacteristic::INPUT_OUTPUT_REQUIRED,
    }
}

unsafe extern "system" fn output_count(_: *const OrtCustomOp) -> usize {
    1
}

unsafe extern "system" fn output_type<O: Operator>(
    _: *const OrtCustomOp,
    _: usize,
) -> ONNXTensorElementDataType {
    code(Some(O::OUTPUT))
}

unsafe extern "system" fn output_characteristic(
    _: *const OrtCustomOp,
    _: usize,
) -> OrtCustomOpInputOutputCharacteristic {
    OrtCustomOpInputOutputCharacteristic::INPUT_OUTPUT_REQUIRED
}

unsafe extern "system" fn memory_type(_: *const OrtCustomOp, _: usize) -> OrtMemType {
    OrtMemType::OrtMemTypeDefault
}

unsafe extern "system" fn none_is_variadic(_: *const OrtCustomOp) -> c_int {
    0
}

unsafe extern "system" fn start_version(_: *const OrtCustomOp) -> c_int {
    schema::VERSION as c_int
}

unsafe extern "system" fn end_version(_: *const OrtCustomOp) -> c_int {
    c_int::MAX
}
