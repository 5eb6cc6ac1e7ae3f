//! Grey level size zone matrices (IBSI 9SAK).
