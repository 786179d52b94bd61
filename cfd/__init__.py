"""Navier–Stokes by finite elements, its coupling to 0D circuits, and haemodynamic metrics. No VTK here."""
