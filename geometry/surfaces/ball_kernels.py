"""The smallest of the balls that touch a wall at one point and pass through another: compiled search in a box tree."""

from __future__ import annotations

import numpy as np
from numba import njit

from hemoplan.arrays import FloatArray, IntArray


@njit(cache=True)
def _middle(low: FloatArray, high: FloatArray, x: float, y: float, z: float) -> tuple[float, float, float]:
    """From a point to the middle of a box."""
    return 0.5 * (low[0] + high[0]) - x, 0.5 * (low[1] + high[1]) - y, 0.5 * (low[2] + high[2]) - z


@njit(cache=True)
def _gap(low: FloatArray, high: FloatArray, x: float, y: float, z: float) -> float:
    """Square of the distance from a point to the middle of a box."""
    mx, my, mz = _middle(low, high, x, y, z)
    return float(mx * mx + my * my + mz * mz)


@njit(cache=True)
def smallest_balls(
    touching: FloatArray,
    into: FloatArray,
    sequence: IntArray,
    points: FloatArray,
    low: FloatArray,
    high: FloatArray,
    order: IntArray,
    leaf: int,
    aperture: float,
    nearest: FloatArray,
    radius: FloatArray,
) -> None:
    """Lower `radius` at each point p to the least |q - p|² / (2 n·(q - p)) over points q in a cone around n.

    A point q gives a smaller ball than the best so far if and only if it lies inside of the best; so only boxes are
    opened that the best ball reaches.

    Args:
        touching: (n, 3) points p that the balls touch.
        into: (n, 3) unit normals, into the side that the balls lie on.
        sequence: (n,) order in which to take them; neighbours after each other are fast.
        points: (m, 3) points q.
        low, high, order, leaf: A tree over the points q.
        aperture: Least cosine between q - p and the normal.
        nearest: (n,) least distance of q from p.
        radius: (n,) upper limits, lowered in place.
    """
    leaves = (len(low) + 1) // 2
    stack = np.empty(128, dtype=np.int64)
    last = order[0]
    for i in sequence:
        px, py, pz = touching[i, 0], touching[i, 1], touching[i, 2]
        nx, ny, nz = into[i, 0], into[i, 1], into[i, 2]
        best, least = radius[i], nearest[i] * nearest[i]
        # What limits the neighbour's ball is likely to limit this one.
        touched = last
        dx, dy, dz = points[last, 0] - px, points[last, 1] - py, points[last, 2] - pz
        along, square = dx * nx + dy * ny + dz * nz, dx * dx + dy * dy + dz * dz
        if square >= least and along > aperture * np.sqrt(square) and square < 2.0 * best * along:
            best = square / (2.0 * along)
        stack[0] = 0
        top = 1
        while top > 0:
            top -= 1
            node = stack[top]
            cx, cy, cz = px + best * nx, py + best * ny, pz + best * nz
            gx = max(low[node, 0] - cx, 0.0, cx - high[node, 0])
            gy = max(low[node, 1] - cy, 0.0, cy - high[node, 1])
            gz = max(low[node, 2] - cz, 0.0, cz - high[node, 2])
            if gx * gx + gy * gy + gz * gz >= best * best:
                continue
            # No point of a box is in the cone if none of the ball around the box is.
            mx, my, mz = _middle(low[node], high[node], px, py, pz)
            reach = 0.5 * np.sqrt(
                (high[node, 0] - low[node, 0]) ** 2
                + (high[node, 1] - low[node, 1]) ** 2
                + (high[node, 2] - low[node, 2]) ** 2
            )
            if mx * nx + my * ny + mz * nz + reach < aperture * (
                np.sqrt(mx * mx + my * my + mz * mz) - reach
            ):
                continue
            if node < leaves - 1:
                one, two = 2 * node + 1, 2 * node + 2
                if _gap(low[one], high[one], cx, cy, cz) < _gap(low[two], high[two], cx, cy, cz):
                    one, two = two, one
                stack[top], stack[top + 1] = one, two
                top += 2
                continue
            start = (node - leaves + 1) * leaf
            for other in range(start, min(start + leaf, len(order))):
                j = order[other]
                dx, dy, dz = points[j, 0] - px, points[j, 1] - py, points[j, 2] - pz
                along, square = dx * nx + dy * ny + dz * nz, dx * dx + dy * dy + dz * dz
                if square >= least and along > aperture * np.sqrt(square) and square < 2.0 * best * along:
                    best, touched = square / (2.0 * along), j
        radius[i] = best
        last = touched
