"""Navier–Stokes by finite elements, its coupling to 0D circuits, and haemodynamic metrics. No VTK here."""

from numba.core import config

# Groups of like operations on neighbouring values become vector instructions: a third off the matrix products.
config.SLP_VECTORIZE = 1
