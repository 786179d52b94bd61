"""Anatomies in code: vessels of known shape, as surface and as scan."""
