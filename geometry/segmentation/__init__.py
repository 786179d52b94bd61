"""From a scan to the voxels of the lumen: growing, edges, level sets, leaks."""
