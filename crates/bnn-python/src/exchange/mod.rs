//! Tensors of floats where they lie, and new ones, through the C table of DLPack that their type
//! has (`__dlpack_c_exchange_api__`, DLPack 1.3; PyTorch has it from 2.10 on). Here alone this crate
//! has `unsafe`: a view of a tensor costs some nanoseconds, an array of numpy over it a microsecond.
//!
//! Tensors are lent while the GIL is held: between [`Exchange::read`] and the end of [`lend`] no
//! Python code may run, which could give them other memory. [`Exchange::zeros`] runs none.

#![expect(unsafe_code, reason = "the tables of DLPack are those of C")]

use std::ffi::{c_char, c_void};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::slice;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyType};

mod shape;
mod table;

pub(crate) use shape::Shape;
use table::{Allocate, Device, DlTensor, F32, FromObject, Managed, Table, ToObject};

/// The functions of a type of tensors, which live as long as the process.
pub(crate) struct Exchange {
    class: Py<PyType>,
    from_object: FromObject,
    allocate: Allocate,
    to_object: ToObject,
}

/// A tensor on the CPU that lies without gaps and has elements.
pub(crate) struct Lent<'o> {
    data: NonNull<f32>,
    pub(crate) shape: Shape,
    object: PhantomData<&'o f32>,
}

/// A new tensor, which no one else has yet.
pub(crate) struct New<'e> {
    managed: NonNull<Managed>,
    elements: usize,
    exchange: &'e Exchange,
}

impl Exchange {
    /// The functions of `class`; `None` if it has no table, or one of another version.
    pub(crate) fn of(class: &Bound<'_, PyType>) -> Option<Self> {
        let capsule = class.getattr("__dlpack_c_exchange_api__").ok()?;
        let capsule = capsule.cast_into::<PyCapsule>().ok()?;
        let table = capsule.pointer_checked(Some(table::NAME)).ok()?;
        // SAFETY: a capsule of this name points to a table (DLPack, `DLPackExchangeAPI`), of which
        // the header is the same in every version.
        let header = unsafe { table.cast::<table::Header>().as_ref() };
        if !header.version.is_ours() {
            return None;
        }
        // SAFETY: as above; in this version it is the table that is declared here.
        let table = unsafe { table.cast::<Table>().as_ref() };
        Some(Self {
            class: class.clone().unbind(),
            from_object: table.from_object?,
            allocate: table.allocate?,
            to_object: table.to_object?,
        })
    }

    /// The elements of a tensor. `None` if it is none of this type, not on the CPU, of no
    /// `f32`, has gaps, or has no elements.
    pub(crate) fn read<'o>(&self, object: &'o Bound<'_, PyAny>) -> Option<Lent<'o>> {
        let (object_ptr, class) = (object.as_ptr(), self.class.as_ptr().cast());
        // SAFETY: both are live objects, the second a type; the GIL is held.
        if unsafe { ffi::PyObject_TypeCheck(object_ptr, class) } == 0 {
            return None;
        }
        let mut tensor = DlTensor::of(Device::NONE, &mut []);
        // SAFETY: the object is of the type that the function is for; `tensor` is there to be
        // written.
        if unsafe { (self.from_object)(object_ptr.cast(), &raw mut tensor) } != 0 {
            // What is no memory on the CPU, such as a sparse tensor. Others say so in words.
            PyErr::take(object.py());
            return None;
        }
        if tensor.device.kind != Device::CPU.kind || tensor.dtype != F32 {
            return None;
        }
        let rank = usize::try_from(tensor.rank).ok()?;
        // SAFETY: on success they are arrays of as many numbers, or of none, that live as long as
        // the tensor; they are copied before any Python code runs.
        let shape = unsafe {
            let sizes = slice::from_raw_parts(non_null(tensor.shape, rank)?, rank);
            let strides = slice::from_raw_parts(non_null(tensor.strides, rank)?, rank);
            Shape::without_gaps(sizes, strides)?
        };
        let offset = usize::try_from(tensor.byte_offset).ok()?;
        let data = NonNull::new(tensor.data.wrapping_byte_add(offset).cast::<f32>())?;
        data.is_aligned().then_some(Lent {
            data,
            shape,
            object: PhantomData,
        })
    }

    /// A tensor of zeros.
    ///
    /// # Errors
    /// `MemoryError` without the memory for it.
    pub(crate) fn zeros(&self, py: Python<'_>, shape: Shape) -> PyResult<New<'_>> {
        let (elements, mut sizes) = (shape.elements(), shape);
        let mut prototype = DlTensor::of(Device::CPU, sizes.sizes_mut());
        let mut managed = ptr::null_mut();
        // SAFETY: the prototype has a device, a type and a shape, which live until the call
        // returns; the GIL, which `set_error` needs, is held.
        let status = unsafe {
            (self.allocate)(
                &raw mut prototype,
                &raw mut managed,
                ptr::null_mut(),
                set_error,
            )
        };
        let managed = match NonNull::new(managed) {
            Some(managed) if status == 0 => managed,
            _ => return Err(PyErr::fetch(py)),
        };
        let new = New {
            managed,
            elements,
            exchange: self,
        };
        if elements > 0 {
            // SAFETY: the allocator made a tensor of `f32` without gaps of this shape, which no one
            // else has.
            unsafe { ptr::write_bytes(new.data(), 0, elements) };
        }
        Ok(new)
    }
}

/// Has `work` read the elements of tensors. It cannot have anything of Python's, so that nothing
/// changes them meanwhile.
pub(crate) fn lend<const N: usize, R>(
    tensors: [&Lent<'_>; N],
    work: impl FnOnce([&[f32]; N]) -> R + Send,
) -> R {
    work(tensors.map(|tensor| {
        // SAFETY: its object is borrowed, so it lives, without gaps; no Python code has run since
        // its memory was asked for, and none runs before `work` returns. (A kernel of PyTorch's on
        // another thread could still write to it, as to any array that numpy lends; whoever trains a
        // tensor on two threads at once has no right values either.)
        unsafe { slice::from_raw_parts(tensor.data.as_ptr(), tensor.shape.elements()) }
    }))
}

impl New<'_> {
    fn data(&self) -> *mut f32 {
        // SAFETY: it is live until `self` is dropped or given away.
        let tensor = unsafe { &self.managed.as_ref().tensor };
        tensor
            .data
            .wrapping_byte_add(usize::try_from(tensor.byte_offset).unwrap_or_default())
            .cast()
    }

    /// Its elements, row by row.
    pub(crate) fn elements_mut(&mut self) -> &mut [f32] {
        match self.elements {
            0 => &mut [],
            // SAFETY: `zeros` wrote as many, and no one else has the tensor.
            n => unsafe { slice::from_raw_parts_mut(self.data(), n) },
        }
    }

    /// The tensor as an object.
    ///
    /// # Errors
    /// Those of the table's function.
    pub(crate) fn into_object(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let given = ManuallyDrop::new(self);
        let mut object = ptr::null_mut();
        // SAFETY: the tensor is given away; `object` is there to be written.
        let status = unsafe { (given.exchange.to_object)(given.managed.as_ptr(), &raw mut object) };
        if status != 0 {
            return Err(PyErr::fetch(py));
        }
        // SAFETY: on success it is an object of its own.
        unsafe { Bound::from_owned_ptr_or_err(py, object.cast()) }
    }
}

impl Drop for New<'_> {
    fn drop(&mut self) {
        // SAFETY: it was not given away, and is not used again.
        unsafe {
            if let Some(delete) = self.managed.as_ref().deleter {
                delete(self.managed.as_ptr());
            }
        }
    }
}

/// The pointer to `len` numbers, which may be null for none.
fn non_null(numbers: *const i64, len: usize) -> Option<*const i64> {
    match (NonNull::new(numbers.cast_mut()), len) {
        (Some(numbers), _) => Some(numbers.as_ptr().cast_const()),
        (None, 0) => Some(ptr::dangling()),
        (None, _) => None,
    }
}

/// Allocators say so if there is no memory.
unsafe extern "C" fn set_error(_: *mut c_void, _kind: *const c_char, message: *const c_char) {
    // SAFETY: `zeros` holds the GIL while the allocator runs, whose message is a string of C.
    unsafe { ffi::PyErr_SetString(ffi::PyExc_MemoryError, message) };
}
