//! Convolutional image filters, IBSI 2, and the transforms that PyRadiomics made common.
//!
//! A filter takes an image (z, y, x), spacing in mm in the same order, and gives a response map of
//! the same shape.

pub mod boundary;
pub mod fourier;
pub mod gabor;
pub mod nonseparable;
pub mod riesz;

pub use boundary::Boundary;
