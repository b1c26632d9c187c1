//! A node when its session is made.

use std::ffi::CStr;
use std::ptr;

use ort_sys::OrtKernelInfo;

use super::api::Api;
use crate::ops::NodeInfo;
use crate::tensor::{Refusal, Tensor};

/// A node of a session that is being made.
pub(super) struct Info {
    api: Api,
    info: *const OrtKernelInfo,
}

impl Info {
    /// # Safety
    /// `info` lives longer than what is made here, and belongs to the same ONNX Runtime as `api`.
    pub(super) unsafe fn new(api: Api, info: *const OrtKernelInfo) -> Self {
        Self { api, info }
    }
}

impl NodeInfo for Info {
    fn int(&self, name: &CStr) -> Option<i64> {
        let mut value = 0;
        let get = self.api.functions().KernelInfoGetAttribute_int64;
        // SAFETY: the node lives, the name ends in 0. An absent attribute is an error.
        let status = unsafe { get(self.info, name.as_ptr(), &raw mut value) };
        self.api.checked(status).ok().map(|()| value)
    }

    fn ints(&self, name: &CStr) -> Option<Vec<i64>> {
        let get = self.api.functions().KernelInfoGetAttributeArray_int64;
        let mut len = 0;
        // SAFETY: the node lives, the name ends in 0. Given no memory for the numbers, the function
        // writes how many there are.
        let status = unsafe { get(self.info, name.as_ptr(), ptr::null_mut(), &raw mut len) };
        self.api.checked(status).ok()?;
        let mut values = vec![0; len];
        // SAFETY: there is room for `len` numbers.
        let status = unsafe { get(self.info, name.as_ptr(), values.as_mut_ptr(), &raw mut len) };
        self.api.checked(status).ok().map(|()| values)
    }

    fn constant(&self, input: usize) -> Result<Option<Tensor<'_>>, Refusal> {
        let get = self.api.functions().KernelInfoGetConstantInput_tensor;
        let (mut is_constant, mut value) = (0, ptr::null());
        // SAFETY: the node lives.
        let status = unsafe { get(self.info, input, &raw mut is_constant, &raw mut value) };
        // An input that the node does not have is none.
        if self.api.checked(status).is_err() || is_constant == 0 {
            return Ok(None);
        }
        // SAFETY: a constant lives as long as its session, and this node with it.
        unsafe { self.api.tensor(value) }
    }
}
