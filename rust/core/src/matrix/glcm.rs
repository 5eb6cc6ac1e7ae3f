//! Grey level co-occurrence matrices (IBSI LFYI).
