//! Distance of each voxel to the edge of the region.
