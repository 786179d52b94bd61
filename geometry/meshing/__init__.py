"""From a closed surface to tetrahedra with boundary layers, and their quality."""
