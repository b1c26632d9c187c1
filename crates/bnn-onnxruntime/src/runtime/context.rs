//! Inputs and output of a node that is being computed.

use std::ptr;
use std::slice;

use ort_sys::OrtKernelContext;

use super::api::Api;
use crate::ops::Output;
use crate::tensor::{Refusal, Tensor, refused};

/// One computation of a node.
pub(super) struct Context {
    api: Api,
    context: *mut OrtKernelContext,
}

/// The destination of the output.
pub(super) struct Destination<'c> {
    context: &'c Context,
}

// SAFETY: one thread at a time uses it, and ONNX Runtime ties the context of a node to no thread.
unsafe impl Send for Destination<'_> {}

impl Context {
    /// # Safety
    /// `context` is that of a computation that lasts longer than what is made here.
    pub(super) unsafe fn new(api: Api, context: *mut OrtKernelContext) -> Self {
        Self { api, context }
    }

    /// All inputs; an optional one may be absent.
    pub(super) fn inputs(&self) -> Result<Vec<Option<Tensor<'_>>>, Refusal> {
        let functions = self.api.functions();
        let mut count = 0;
        // SAFETY: the context lives.
        let status =
            unsafe { (functions.KernelContext_GetInputCount)(self.context, &raw mut count) };
        self.api.checked(status)?;
        let mut inputs = Vec::with_capacity(count);
        for index in 0..count {
            let mut value = ptr::null();
            let get = functions.KernelContext_GetInput;
            // SAFETY: the context lives, and `index` is less than the number of inputs.
            let status = unsafe { get(self.context, index, &raw mut value) };
            self.api.checked(status)?;
            // SAFETY: inputs live and do not change while the node is computed.
            inputs.push(unsafe { self.api.tensor(value) }?);
        }
        Ok(inputs)
    }

    /// The destination of the output.
    ///
    /// # Safety
    /// This is called once for a context: there is to be one writer.
    pub(super) unsafe fn output(&self) -> Destination<'_> {
        Destination { context: self }
    }
}

impl<'c> Destination<'c> {
    /// # Safety
    /// `T` is the type of the output's elements.
    unsafe fn elements<T>(self, shape: &[usize]) -> Result<&'c mut [T], Refusal> {
        let Context { api, context } = self.context;
        let sides: Result<Vec<i64>, _> = shape.iter().map(|&side| i64::try_from(side)).collect();
        let len = shape.iter().try_fold(1_usize, |len, n| len.checked_mul(*n));
        let (Ok(sides), Some(len)) = (sides, len) else {
            return refused(format!("an output of {shape:?} has too many elements"));
        };
        let mut value = ptr::null_mut();
        let get = api.functions().KernelContext_GetOutput;
        // SAFETY: the context lives; there are as many sides as is said.
        let status = unsafe { get(*context, 0, sides.as_ptr(), sides.len(), &raw mut value) };
        api.checked(status)?;
        let mut data = ptr::null_mut();
        // SAFETY: the value has been made just now.
        let status = unsafe { (api.functions().GetTensorMutableData)(value, &raw mut data) };
        api.checked(status)?;
        if len == 0 {
            return Ok(&mut []);
        }
        let data = data.cast::<T>();
        if data.is_null() || !data.is_aligned() {
            return refused("an output whose memory is absent or not aligned");
        }
        // SAFETY: the output has `len` elements of its type, of which any bytes are values; it
        // lives as long as the context, and is asked for once.
        unsafe {
            ptr::write_bytes(data, 0, len);
            Ok(slice::from_raw_parts_mut(data, len))
        }
    }
}

impl<'c> Output<'c> for Destination<'c> {
    fn floats(self, shape: &[usize]) -> Result<&'c mut [f32], Refusal> {
        // SAFETY: operators ask for the type that they have told.
        unsafe { self.elements(shape) }
    }

    fn words(self, shape: &[usize]) -> Result<&'c mut [u64], Refusal> {
        // SAFETY: operators ask for the type that they have told.
        unsafe { self.elements(shape) }
    }
}
