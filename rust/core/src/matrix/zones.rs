//! Zones of linked voxels of one grey level.
