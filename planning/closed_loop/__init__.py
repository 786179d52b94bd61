"""A closed circulation around the vessels: its loop, its beat with the 3D vessels in it, outputs, figures, section."""
