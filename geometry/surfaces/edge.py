"""The blurred edge of a curved wall: at which intensity it lies, how steep it is, how wide the blur is.

A scanner, and the Gaussian against noise, turn the step of a wall into a slope. On a flat wall the step lies at half
of the contrast, whatever the blur. On a vessel it does not: a disc of radius R, blurred by a Gaussian of standard
deviation sigma, has on its edge the share

    F(sigma / R) = (1 - exp(-x) I0(x)) / 2,    x = (R / sigma)²,

of its contrast, and falls there with the slope x exp(-x) I1(x) / R. Both stay meaningful for a vessel that is so thin
that its brightness no longer reaches half of the contrast. A wall that is curved in two ways behaves to first order
like one of the sum of its curvatures, k1 + k2, in place of 1 / R; one that is hollow (k1 + k2 < 0) like the outside
of a disc.

Sources: the blurred disc is the distribution of Rice, Bell System Technical Journal 23, 1944, integrated over its
offset; Bouma et al., IEEE TPAMI 27(9), 2005, on the dislocation of curved edges.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import ive

from hemoplan.arrays import FloatArray

MOST_CURVED = 1.4
"""Largest sigma (k1 + k2) that is told apart: such a vessel shows 40 % of its brightness."""
FLAT = 1.0e-3
"""Smallest one."""


_BENDS = np.linspace(FLAT, MOST_CURVED, 1401)
_SHARES = 0.5 * (1.0 - ive(0, _BENDS**-2.0))
_SLOPES = ive(1, _BENDS**-2.0) / _BENDS


def edge_share(bend: FloatArray) -> FloatArray:
    """Share of the contrast on the edge, 1/2 where flat, for sigma (k1 + k2) of any shape."""
    share = np.interp(np.abs(bend), _BENDS, _SHARES)
    return np.asarray(np.where(bend < 0.0, 1.0 - share, share))


def edge_slope(bend: FloatArray) -> FloatArray:
    """Steepness of the edge times sigma, as share of the contrast; 1 / sqrt(2 pi) where flat."""
    return np.asarray(np.interp(np.abs(bend), _BENDS, _SLOPES))


def measure_blur(steepness: FloatArray, curvature: FloatArray, *, low: float, high: float) -> float:
    """Standard deviation of the blur [m] that explains how steep edges are.

    Args:
        steepness: (n,) slope across the edge over the intensity above background on the edge [1/m], > 0.
        curvature: (n,) k1 + k2 [1/m].
        low: Smallest possible blur [m].
        high: Largest possible blur [m].
    """

    def excess(sigma: float) -> float:
        bend = sigma * curvature
        return float(np.median(edge_slope(bend) / (sigma * edge_share(bend)) - steepness))

    if excess(low) <= 0.0:
        return low
    if excess(high) >= 0.0:
        return high
    return float(brentq(excess, low, high, rtol=1e-4))
