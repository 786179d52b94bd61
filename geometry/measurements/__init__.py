"""What is measured on vessels: cross-sections, diameters, shape of a duct, z-scores."""
