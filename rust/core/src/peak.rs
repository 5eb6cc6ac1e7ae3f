//! Mean intensity in a sphere of 1 cm3 around voxels.
