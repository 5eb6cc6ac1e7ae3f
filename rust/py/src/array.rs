//! numpy arrays in, without a copy: any strides, any of the accepted element types.

use numpy::{PyArray3, PyArrayMethods, PyReadonlyArray3, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::error::input_error;

/// An image of any accepted type.
pub enum AnyVolume<'py> {
    U8(PyReadonlyArray3<'py, u8>),
    U16(PyReadonlyArray3<'py, u16>),
    U32(PyReadonlyArray3<'py, u32>),
    U64(PyReadonlyArray3<'py, u64>),
    I8(PyReadonlyArray3<'py, i8>),
    I16(PyReadonlyArray3<'py, i16>),
    I32(PyReadonlyArray3<'py, i32>),
    I64(PyReadonlyArray3<'py, i64>),
    F32(PyReadonlyArray3<'py, f32>),
    F64(PyReadonlyArray3<'py, f64>),
}

impl<'py> AnyVolume<'py> {
    /// Views `object`, a 3D numpy array in native byte order.
    pub fn view(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        macro_rules! attempt {
            ($($kind:ident: $t:ty),*) => {$(
                if let Ok(array) = object.cast::<PyArray3<$t>>() {
                    return Ok(Self::$kind(array.try_readonly()?));
                }
            )*};
        }
        attempt!(I16: i16, F64: f64, F32: f32, U8: u8, U16: u16, I32: i32, U32: u32, I8: i8,
                 I64: i64, U64: u64);
        let what = match object.cast::<PyUntypedArray>() {
            Ok(array) => format!("{}D of type {}", array.ndim(), array.dtype()),
            Err(_) => format!("a {}", object.get_type().name()?),
        };
        Err(input_error(format!(
            "image must be a 3D numpy array (z, y, x) of integers or floats, got {what}"
        )))
    }
}

/// Calls `$body` with `$view` as the image's typed `ArrayView3`.
macro_rules! with_view {
    ($image:expr, |$view:ident| $body:expr) => {
        match $image {
            $crate::array::AnyVolume::U8(a) => {
                let $view = a.as_array();
                $body
            }
            $crate::array::AnyVolume::U16(a) => {
                let $view = a.as_array();
                $body
            }
            $crate::array::AnyVolume::U32(a) => {
                let $view = a.as_array();
                $body
            }
            $crate::array::AnyVolume::U64(a) => {
                let $view = a.as_array();
                $body
            }
            $crate::array::AnyVolume::I8(a) => {
                let $view = a.as_array();
                $body
            }
            $crate::array::AnyVolume::I16(a) => {
                let $view = a.as_array();
                $body
            }
            $crate::array::AnyVolume::I32(a) => {
                let $view = a.as_array();
                $body
            }
            $crate::array::AnyVolume::I64(a) => {
                let $view = a.as_array();
                $body
            }
            $crate::array::AnyVolume::F32(a) => {
                let $view = a.as_array();
                $body
            }
            $crate::array::AnyVolume::F64(a) => {
                let $view = a.as_array();
                $body
            }
        }
    };
}
pub(crate) use with_view;

/// Grey levels, in bytes or in pairs of bytes.
#[derive(FromPyObject)]
pub enum AnyLevels<'py> {
    U8(PyReadonlyArray3<'py, u8>),
    U16(PyReadonlyArray3<'py, u16>),
}

/// Calls `$body` with `$view` as the typed `ArrayView3` of grey levels.
macro_rules! with_levels {
    ($levels:expr, |$view:ident| $body:expr) => {
        match $levels {
            $crate::array::AnyLevels::U8(a) => {
                let $view = a.as_array();
                $body
            }
            $crate::array::AnyLevels::U16(a) => {
                let $view = a.as_array();
                $body
            }
        }
    };
}
pub(crate) use with_levels;
