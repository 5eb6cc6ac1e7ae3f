//! Grey level run length matrices (IBSI TP0I).
