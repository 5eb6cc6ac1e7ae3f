//! The surface mesh of the morphological mask and what is measured on it.
