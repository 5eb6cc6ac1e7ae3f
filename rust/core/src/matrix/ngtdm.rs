//! Neighbourhood grey tone difference matrices (IBSI IPET).
