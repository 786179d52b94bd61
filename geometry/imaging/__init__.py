"""Scans and label maps: reading and writing every format, one frame, no identity of the patient."""
