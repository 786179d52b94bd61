"""Triangle surfaces: extraction from a scan, checks, repair, remeshing, local radius."""
