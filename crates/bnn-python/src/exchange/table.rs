//! What of DLPack's header (`dlpack.h`, version 1.3) is used, with its layout.

use std::ffi::{CStr, c_char, c_int, c_void};

/// The name of a capsule with a [`Table`].
pub(super) const NAME: &CStr = c"dlpack_exchange_api";

pub(super) const F32: DataType = DataType {
    code: 2,
    bits: 32,
    lanes: 1,
};

#[repr(C)]
pub(super) struct Version {
    major: u32,
    minor: u32,
}

impl Version {
    /// Later minor versions keep what is declared here.
    pub(super) fn is_ours(&self) -> bool {
        self.major == 1 && self.minor >= 3
    }
}

#[repr(C)]
pub(super) struct Header {
    pub(super) version: Version,
    previous: *mut Header,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Device {
    pub(super) kind: i32,
    id: i32,
}

impl Device {
    /// Before it is known.
    pub(super) const NONE: Self = Self { kind: 0, id: 0 };
    pub(super) const CPU: Self = Self { kind: 1, id: 0 };
}

/// A type of elements.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct DataType {
    code: u8,
    bits: u8,
    lanes: u16,
}

#[repr(C)]
pub(super) struct DlTensor {
    pub(super) data: *mut c_void,
    pub(super) device: Device,
    pub(super) rank: i32,
    pub(super) dtype: DataType,
    pub(super) shape: *mut i64,
    pub(super) strides: *mut i64,
    pub(super) byte_offset: u64,
}

impl DlTensor {
    /// A tensor of floats without memory, which is used no longer than `shape` lives.
    pub(super) fn of(device: Device, shape: &mut [i64]) -> Self {
        Self {
            data: std::ptr::null_mut(),
            device,
            rank: i32::try_from(shape.len()).unwrap_or(i32::MAX),
            dtype: F32,
            shape: shape.as_mut_ptr(),
            strides: std::ptr::null_mut(),
            byte_offset: 0,
        }
    }
}

/// A tensor with the function that frees it.
#[repr(C)]
pub(super) struct Managed {
    version: Version,
    context: *mut c_void,
    pub(super) deleter: Option<unsafe extern "C" fn(*mut Managed)>,
    flags: u64,
    pub(super) tensor: DlTensor,
}

pub(super) type SetError = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char);
pub(super) type Allocate =
    unsafe extern "C" fn(*mut DlTensor, *mut *mut Managed, *mut c_void, SetError) -> c_int;
pub(super) type ToObject = unsafe extern "C" fn(*mut Managed, *mut *mut c_void) -> c_int;
pub(super) type FromObject = unsafe extern "C" fn(*mut c_void, *mut DlTensor) -> c_int;

#[repr(C)]
pub(super) struct Table {
    header: Header,
    pub(super) allocate: Option<Allocate>,
    managed_from_object: Option<unsafe extern "C" fn()>,
    pub(super) to_object: Option<ToObject>,
    pub(super) from_object: Option<FromObject>,
    stream: Option<unsafe extern "C" fn()>,
}
