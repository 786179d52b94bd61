"""Image to label map to surface to surgical edit to tetrahedra. No DOLFINx here."""
