"""Compiled loops: distance of points to a swept tube, and cells of a grid near a chain of spheres."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray, IntArray


@njit(cache=True)
def swept_distance(
    points: FloatArray,
    offsets: FloatArray,
    nearest: IntArray,
    centreline: FloatArray,
    tangents: FloatArray,
    radii: FloatArray,
    slopes: FloatArray,
    step: float,
) -> FloatArray:
    """(n, m) signed distances of points[i] + offsets[j] to the tube, see `geometry.idealised.anatomy.Branch.distance`.

    The nearest sample is found by walking along the centreline from the one that is nearest to points[i].

    Args:
        points: (n, 3) [m].
        offsets: (m, 3), small against the distances between limbs of the curve [m].
        nearest: (n,) the sample that is nearest to each point.
        centreline, tangents: (k, 3) samples, `step` apart.
        radii, slopes: (k,) radius [m] and its derivative along the curve.
        step: Distance of the samples [m].
    """
    result = np.empty((len(points), len(offsets)))
    last = len(centreline) - 1
    for i in range(len(points)):
        for j in range(len(offsets)):
            x = points[i, 0] + offsets[j, 0]
            y = points[i, 1] + offsets[j, 1]
            z = points[i, 2] + offsets[j, 2]
            at = nearest[i]
            square = _square(centreline, at, x, y, z)
            for direction in (-1, 1):
                while 0 <= at + direction <= last:
                    other = _square(centreline, at + direction, x, y, z)
                    if other >= square:
                        break
                    at, square = at + direction, other
            along = (
                (x - centreline[at, 0]) * tangents[at, 0]
                + (y - centreline[at, 1]) * tangents[at, 1]
                + (z - centreline[at, 2]) * tangents[at, 2]
            )
            across = np.sqrt(max(square - along * along, 0.0))
            position = at + along / step
            beyond = max(max(-position, position - last), 0.0) * step
            position = min(max(position, 0.0), float(last))
            left = min(int(position), last - 1)
            weight = position - left
            radius = (1.0 - weight) * radii[left] + weight * radii[left + 1]
            slope = (1.0 - weight) * slopes[left] + weight * slopes[left + 1] if beyond == 0.0 else 0.0
            result[i, j] = (np.hypot(across, beyond) - radius) / np.sqrt(1.0 + slope * slope)
    return result


@njit(cache=True)
def _square(curve: FloatArray, index: int, x: float, y: float, z: float) -> float:
    dx, dy, dz = x - curve[index, 0], y - curve[index, 1], z - curve[index, 2]
    return float(dx * dx + dy * dy + dz * dz)


@njit(cache=True)
def mark_near_spheres(
    marks: NDArray[np.bool_], lower: FloatArray, step: FloatArray, centres: FloatArray, radii: FloatArray
) -> None:
    """Mark the cells of a grid whose centre lies in one of the spheres.

    Args:
        marks: (nx, ny, nz), changed in place.
        lower: (3,) centre of the first cell [m].
        step: (3,) distance of cells [m].
        centres, radii: (k, 3) and (k,) [m].
    """
    first, last = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    for sphere in range(len(centres)):
        radius = radii[sphere]
        for axis in range(3):
            middle = (centres[sphere, axis] - lower[axis]) / step[axis]
            reach = radius / step[axis]
            first[axis] = max(int(np.ceil(middle - reach)), 0)
            last[axis] = min(int(np.floor(middle + reach)), marks.shape[axis] - 1)
        for i in range(first[0], last[0] + 1):
            dx = lower[0] + i * step[0] - centres[sphere, 0]
            for j in range(first[1], last[1] + 1):
                dy = lower[1] + j * step[1] - centres[sphere, 1]
                for k in range(first[2], last[2] + 1):
                    dz = lower[2] + k * step[2] - centres[sphere, 2]
                    if dx * dx + dy * dy + dz * dz <= radius * radius:
                        marks[i, j, k] = True
