"""What the heart team reads: the comparison, its words, tables, thresholds, figures, 3D scene and pages."""
