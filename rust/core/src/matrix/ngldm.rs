//! Neighbouring grey level dependence matrices (IBSI REK0).
