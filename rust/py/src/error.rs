//! Core errors as Python exceptions.

use ferromics::settings::from_json;
use ferromics::Error;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};
use pyo3::PyTypeInfo;

static RADIOMICS_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static INPUT_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static SETTINGS_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// `RadiomicsError(Exception)`, `InputError(RadiomicsError, ValueError)` and
/// `SettingsError(RadiomicsError, ValueError)`.
pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let exception = PyException::type_object(py);
    let doc = "Base of all errors of ferromics.";
    let base = exception_type(&RADIOMICS_ERROR, "RadiomicsError", doc, &[exception])?;
    module.add("RadiomicsError", &base)?;
    let kinds = [
        (
            &INPUT_ERROR,
            "InputError",
            "An image, mask or argument cannot be used.",
        ),
        (
            &SETTINGS_ERROR,
            "SettingsError",
            "A setting is outside its limits.",
        ),
    ];
    for (cell, name, doc) in kinds {
        let bases = [base.clone(), PyValueError::type_object(py)];
        module.add(name, exception_type(cell, name, doc, &bases)?)?;
    }
    Ok(())
}

/// A new exception class, made once a process: `type(name, bases, {...})`.
fn exception_type<'py>(
    cell: &PyOnceLock<Py<PyType>>,
    name: &str,
    doc: &str,
    bases: &[Bound<'py, PyType>],
) -> PyResult<Bound<'py, PyType>> {
    let py = bases[0].py();
    let made = cell.get_or_try_init(py, || {
        let body = PyDict::new(py);
        body.set_item("__module__", "ferromics")?;
        body.set_item("__doc__", doc)?;
        let class = py
            .get_type::<PyType>()
            .call1((name, PyTuple::new(py, bases)?, body))?;
        Ok::<_, PyErr>(class.cast_into::<PyType>()?.unbind())
    })?;
    Ok(made.bind(py).clone())
}

/// Newtype that carries a core error across the boundary.
pub struct CoreError(pub Error);

impl From<CoreError> for PyErr {
    fn from(CoreError(error): CoreError) -> Self {
        let kind = match error {
            Error::Setting { .. } => &SETTINGS_ERROR,
            _ => &INPUT_ERROR,
        };
        input_error_of(kind, error.to_string())
    }
}

/// A part of the settings from its JSON.
pub fn parsed<T: serde::de::DeserializeOwned>(json: &str) -> PyResult<T> {
    from_json(json).map_err(|e| CoreError(e).into())
}

/// An `InputError` that the binding itself finds (a type that is not an image, say).
pub fn input_error(message: String) -> PyErr {
    input_error_of(&INPUT_ERROR, message)
}

fn input_error_of(kind: &PyOnceLock<Py<PyType>>, message: String) -> PyErr {
    Python::attach(|py| match kind.get(py) {
        Some(kind) => PyErr::from_type(kind.bind(py).clone(), message),
        None => PyValueError::new_err(message),
    })
}
