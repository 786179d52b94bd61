"""Even steps along a curve, and smoothing that leaves bends as they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solveh_banded

from hemoplan.arrays import FloatArray

_PINNED = 1e9
_FEWEST = 4
"""Steps of the shortest line: fewer cannot be smoothed."""


def resample(points: FloatArray, step: float) -> FloatArray:
    """Points at equal steps from the first; the last interval is between half a step and one and a half.

    A line that is shorter than four steps is divided into four.

    Args:
        points: (n, 3) poly-line; points may coincide [m].
        step: Arc length between points [m].
    """
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    keep = np.concatenate([[True], lengths > 0.0])
    arc = np.concatenate([[0.0], np.cumsum(lengths)])[keep]
    count = round(arc[-1] / step)
    if count < _FEWEST:
        count, step = _FEWEST, arc[-1] / _FEWEST
    stations = np.append(np.arange(count) * step, arc[-1])
    return np.column_stack([np.interp(stations, arc, points[keep, axis]) for axis in range(3)])


def smooth(points: FloatArray, waves: ArrayLike, *, pinned: NDArray[np.bool_]) -> FloatArray:
    """Whittaker smoothing: minimise |x - p|² + Σ lambda |second differences of x|², some points held.

    With lambda = (w / 2 pi)^4 a wave of w points' length is halved (w > 10), one of twice that length keeps 94 %. The
    radius of an arc of radius rho (in points) shrinks by (w / (2 pi rho))^4 of itself: by less than 0.3 % where rho is
    the radius of the vessel, the sharpest bend that a tube can have, and w is 1.4 of it.

    Args:
        points: (n, 3) points at even steps, n >= 4.
        waves: w, one for all or (n,) one for each, in points.
        pinned: (n,) points that stay.
    """
    n = len(points)
    stiffness = np.broadcast_to((np.asarray(waves) / (2.0 * np.pi)) ** 4, n)[1:-1]
    bands = np.zeros((3, n))  # upper diagonals of D' diag(lambda) D, with D the second difference
    for row, one in enumerate((1.0, -2.0, 1.0)):
        for column, other in enumerate((1.0, -2.0, 1.0)[row:], start=row):
            bands[2 - (column - row), column : n - 2 + column] += one * other * stiffness
    fidelity = np.where(pinned, _PINNED, 1.0)
    bands[2] += fidelity
    return np.asarray(solveh_banded(bands, fidelity[:, None] * points))
