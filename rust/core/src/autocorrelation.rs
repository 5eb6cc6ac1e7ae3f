//! Moran's I and Geary's C by FFT.
