"""The fixed point of a map that is costly and has few unknowns: Anderson's acceleration of plain iteration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hemoplan.arrays import FloatArray

_WINDOW = 5
_LARGEST_STEP = 0.4


def fixed_point(
    image: Callable[[FloatArray], FloatArray], start: FloatArray, *, tolerance: float, iterations: int
) -> tuple[FloatArray, float, int]:
    """Find x with image(x) = x.

    Each step minimises the residual over the affine span of the last iterates, and goes from there to its image
    (Anderson, J. ACM 12, 1965, DOI 10.1145/321296.321305; in the form of Walker & Ni, SIAM J. Numer. Anal. 49, 2011,
    DOI 10.1137/10078356X). A step is no longer than 0.4 in any unknown.

    Args:
        image: The map.
        start: (k,) first x.
        tolerance: Accepted size of any component of image(x) - x.
        iterations: Evaluations of the map at most.

    Returns:
        The last x at which the map was evaluated, the size of its residual, and how many evaluations there were.
    """
    x = np.array(start, dtype=np.float64)
    points: list[FloatArray] = []
    residuals: list[FloatArray] = []
    size = 0.0
    for count in range(1, iterations + 1):
        residual = np.asarray(image(x)) - x
        size = float(np.abs(residual).max(initial=0.0))
        if size <= tolerance or count == iterations:
            return x, size, count
        points, residuals = [*points[-_WINDOW:], x], [*residuals[-_WINDOW:], residual]
        step = residual
        if len(points) > 1:
            dx, df = np.diff(points, axis=0).T, np.diff(residuals, axis=0).T
            weights = np.linalg.lstsq(df, residual, rcond=1e-10)[0]
            step = residual - (dx + df) @ weights
        x = x + step * min(1.0, _LARGEST_STEP / max(float(np.abs(step).max()), 1e-300))
    return x, size, iterations
