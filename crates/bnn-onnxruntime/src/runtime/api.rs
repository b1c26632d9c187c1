//! Calls of ONNX Runtime's functions that both sides of a node's life need.

use std::ffi::{CStr, CString};
use std::ptr;
use std::slice;

use ort_sys::{
    ONNXTensorElementDataType, OrtApi, OrtErrorCode, OrtStatusPtr, OrtTensorTypeAndShapeInfo,
    OrtValue,
};

use crate::tensor::{Data, Element, Refusal, Tensor, refused};

/// The version of the interface that is used: that of ONNX Runtime 1.17. Later ones keep it.
pub(super) const VERSION: u32 = 17;

/// Success.
pub(super) const OK: OrtStatusPtr = OrtStatusPtr(ptr::null_mut());

/// ONNX Runtime's functions.
#[derive(Clone, Copy)]
pub(super) struct Api(&'static OrtApi);

impl Api {
    /// # Safety
    /// `api` is null, or the functions of the interface of [`VERSION`], which live as long as the
    /// process.
    pub(super) unsafe fn new(api: *const OrtApi) -> Option<Self> {
        // SAFETY: by the contract.
        unsafe { api.as_ref() }.map(Self)
    }

    /// The functions themselves.
    pub(super) fn functions(self) -> &'static OrtApi {
        self.0
    }

    /// The error of a status, which is released.
    pub(super) fn checked(self, status: OrtStatusPtr) -> Result<(), Refusal> {
        if status.0.is_null() {
            return Ok(());
        }
        // SAFETY: the status is an error that ONNX Runtime has handed to us; its message ends in 0
        // and lives until it is released, which happens once.
        unsafe {
            let message = CStr::from_ptr((self.0.GetErrorMessage)(status.0));
            let message = message.to_string_lossy().into_owned();
            (self.0.ReleaseStatus)(status.0);
            refused(message)
        }
    }

    /// The status of a refusal.
    pub(super) fn status(self, refusal: &Refusal) -> OrtStatusPtr {
        let text = refusal.0.replace('\0', " ");
        let text = CString::new(text).unwrap_or_default();
        // SAFETY: the text ends in 0; it is copied.
        unsafe { (self.0.CreateStatus)(OrtErrorCode::ORT_INVALID_ARGUMENT, text.as_ptr()) }
    }

    /// A tensor, read in place. `None` for null, which an absent input is.
    ///
    /// # Safety
    /// `value` is null or a value that lives, unchanged, as long as `'a`.
    pub(super) unsafe fn tensor<'a>(
        self,
        value: *const OrtValue,
    ) -> Result<Option<Tensor<'a>>, Refusal> {
        if value.is_null() {
            return Ok(None);
        }
        let mut info = ptr::null_mut();
        // SAFETY: the value lives; a non-tensor is an error.
        self.checked(unsafe { (self.0.GetTensorTypeAndShape)(value, &raw mut info) })?;
        // SAFETY: `info` has been made just now and lives until it is released below.
        let described = unsafe { self.described(info) };
        // SAFETY: `info` was made above, is released once, and is not used after this.
        unsafe { (self.0.ReleaseTensorTypeAndShapeInfo)(info) };
        let (element, shape) = described?;
        let Some(len) = shape.iter().try_fold(1_usize, |len, n| len.checked_mul(*n)) else {
            return refused(format!("a shape of {shape:?} has too many elements"));
        };
        let mut data = ptr::null_mut();
        // SAFETY: the value lives; its data is not written through this pointer.
        self.checked(unsafe { (self.0.GetTensorMutableData)(value.cast_mut(), &raw mut data) })?;
        // SAFETY: a tensor has `len` elements of its type, which live and do not change, by the
        // contract.
        let data = unsafe {
            match element {
                Element::F32 => elements(data.cast(), len).map(Data::F32),
                Element::U8 => elements(data.cast(), len).map(Data::U8),
                Element::I32 => elements(data.cast(), len).map(Data::I32),
                Element::U64 => elements(data.cast(), len).map(Data::U64),
                Element::I64 => refused("expected float32, uint8, int32 or uint64, found int64"),
            }
        };
        Ok(Some(Tensor { shape, data: data? }))
    }

    /// The type of the elements, and the shape.
    ///
    /// # Safety
    /// `info` describes a tensor.
    unsafe fn described(
        self,
        info: *const OrtTensorTypeAndShapeInfo,
    ) -> Result<(Element, Vec<usize>), Refusal> {
        // A number, because a type of a later version would be no value of the enum.
        let mut element = 0_i32;
        let place = (&raw mut element).cast::<ONNXTensorElementDataType>();
        // SAFETY: an enum of C is as large as an `i32`.
        self.checked(unsafe { (self.0.GetTensorElementType)(info, place) })?;
        let element = match element {
            1 => Element::F32,
            2 => Element::U8,
            6 => Element::I32,
            13 => Element::U64,
            other => {
                return refused(format!(
                    "expected float32, uint8, int32 or uint64, found the type {other} of ONNX"
                ));
            }
        };
        let mut count = 0;
        // SAFETY: `info` lives.
        self.checked(unsafe { (self.0.GetDimensionsCount)(info, &raw mut count) })?;
        let mut sides = vec![0; count];
        // SAFETY: there is room for `count` sides.
        self.checked(unsafe { (self.0.GetDimensions)(info, sides.as_mut_ptr(), count) })?;
        let shape: Result<_, _> = sides.iter().map(|&side| usize::try_from(side)).collect();
        let shape = shape.map_err(|_| Refusal(format!("a shape of {sides:?}")))?;
        Ok((element, shape))
    }
}

/// # Safety
/// `data` has `len` elements of the type, which live and do not change as long as `'a`.
unsafe fn elements<'a, T>(data: *const T, len: usize) -> Result<&'a [T], Refusal> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() || !data.is_aligned() {
        return refused("a tensor whose memory is absent or not aligned");
    }
    // SAFETY: by the contract, and the address is aligned.
    Ok(unsafe { slice::from_raw_parts(data, len) })
}
