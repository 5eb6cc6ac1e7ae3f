//! Grey level distance zone matrices (IBSI VMDZ).
