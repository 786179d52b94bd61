"""How deep layers can grow at every vertex: the local radius, gentle slopes, and no cell squeezed."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from geometry.meshing.layer_settings import BoundaryLayers
from hemoplan.arrays import FloatArray, IntArray

SLOPE = 0.4
"""Largest difference of the layers' thickness between two neighbours, over their distance."""
LEAST = 0.1
"""Smallest volume of a layer's cell, over that of the same cell of a straight prism."""
COLLAPSED = 0.05
"""Share of the wanted thickness below which a vertex gets no layer at all."""
_SHRINK = 0.6
_ROUNDS = 60


def fit_depth(
    points: FloatArray,
    wall: IntArray,
    direction: FloatArray,
    depth: FloatArray,
    *,
    layers: BoundaryLayers,
) -> FloatArray:
    """Thickness of all layers together at every vertex, so that no cell is inverted or squeezed.

    Where a cell would be, the layers get thinner around it, down to none; elsewhere they slope towards it.

    Args:
        points: (n, 3) vertices [m].
        wall: (m, 3) triangles to grow on.
        direction: (n, 3) unit vectors inwards.
        depth: (n,) wanted thickness [m].
        layers: What is asked of the layers.

    Returns:
        (n,) thickness [m]; 0 where there is no layer.
    """
    wanted = depth
    depth = _limit_slope(points, wall, depth.copy())
    ordered = np.ascontiguousarray(np.sort(wall, axis=1))
    odd = is_odd(wall)
    for _ in range(_ROUNDS):
        levels = layers.heights(depth)
        bad = _squeezed(points, ordered, odd, direction, levels)
        if not bad.any():
            return depth
        around = np.unique(wall[bad])
        depth[around] *= _SHRINK
        depth[depth < COLLAPSED * wanted] = 0.0
        depth = _limit_slope(points, wall, depth)
    depth[np.unique(wall[bad])] = 0.0
    return depth


def is_odd(triangles: IntArray) -> NDArray[np.bool_]:
    """Whether sorting a triangle's indices turns it over."""
    first, second, third = triangles.T
    return np.asarray((first > second) ^ (second > third) ^ (first > third))


@njit(cache=True)
def _limit_slope(points: FloatArray, wall: IntArray, depth: FloatArray) -> FloatArray:
    """Lower depths until neighbours differ by no more than `SLOPE` times their distance."""
    changed = True
    while changed:
        changed = False
        for row in range(len(wall)):
            for corner in range(3):
                one, other = wall[row, corner], wall[row, (corner + 1) % 3]
                square = 0.0
                for axis in range(3):
                    square += (points[one, axis] - points[other, axis]) ** 2
                step = SLOPE * np.sqrt(square)
                if depth[one] > depth[other] + step * (1.0 + 1e-12):
                    depth[one] = depth[other] + step
                    changed = True
                elif depth[other] > depth[one] + step * (1.0 + 1e-12):
                    depth[other] = depth[one] + step
                    changed = True
    return depth


@njit(cache=True)
def _squeezed(
    points: FloatArray, ordered: IntArray, odd: NDArray[np.bool_], direction: FloatArray, levels: FloatArray
) -> NDArray[np.bool_]:
    """(m,) whether one of the layers on a triangle has a cell that is inverted, or small for its base and height.

    Each prism between two levels is the three cells of `boundary_layer.split`; the one with corner v above has the
    volume base × height at v / 3 where the prism is straight.
    """
    bad = np.zeros(len(ordered), np.bool_)
    low, high = np.empty((3, 3)), np.empty((3, 3))
    for row in range(len(ordered)):
        sign = 1.0 if odd[row] else -1.0
        for corner in range(3):
            low[corner] = points[ordered[row, corner]]
        base = np.linalg.norm(np.cross(low[1] - low[0], low[2] - low[0]))
        for level in range(1, levels.shape[1]):
            for corner in range(3):
                vertex = ordered[row, corner]
                high[corner] = points[vertex] + levels[vertex, level] * direction[vertex]
            for corner in range(3):
                vertex = ordered[row, corner]
                height = levels[vertex, level] - levels[vertex, level - 1]
                if height == 0.0:
                    continue
                if corner == 2:
                    volume = _volume(low[0], low[1], low[2], high[2])
                elif corner == 1:
                    volume = _volume(low[0], low[1], high[2], high[1])
                else:
                    volume = _volume(low[0], high[1], high[2], high[0])
                if sign * volume < LEAST * base * height:
                    bad[row] = True
            if bad[row]:
                break
            for corner in range(3):
                low[corner] = high[corner]
    return bad


@njit(cache=True)
def _volume(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> float:
    """Six times the signed volume of a tetrahedron."""
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    return float(
        (uy * vz - uz * vy) * (d[0] - a[0])
        + (uz * vx - ux * vz) * (d[1] - a[1])
        + (ux * vy - uy * vx) * (d[2] - a[2])
    )
