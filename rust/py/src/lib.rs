//! Python bindings of ferromics.
