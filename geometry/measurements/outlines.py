"""Shape of a plane outline: area, centroid, calipers and the largest inscribed circle."""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.spatial import ConvexHull, QhullError

from hemoplan.arrays import FloatArray

_INSCRIBED_TOLERANCE = 2e-4
"""Error of the inscribed radius, as a share of the outline's extent."""


def plane_axes(normal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors that span the plane of a unit normal; (first, second, normal) is right-handed."""
    helper = np.eye(3)[int(np.argmin(np.abs(normal)))]
    first = np.cross(helper, normal)
    first /= np.linalg.norm(first)
    return np.asarray(first), np.asarray(np.cross(normal, first))


def flatten(outline: FloatArray, origin: FloatArray, normal: FloatArray) -> FloatArray:
    """(k, 2) coordinates of (k, 3) points of a plane along `plane_axes` [m]."""
    return np.asarray((outline - origin) @ np.column_stack(plane_axes(normal)))


def area_and_centroid(polygon: FloatArray) -> tuple[float, FloatArray]:
    """Enclosed area and centroid of a closed polygon.

    A = ½ Σ (x_i y_{i+1} - x_{i+1} y_i),   c = 1/(6 A) Σ (p_i + p_{i+1}) (x_i y_{i+1} - x_{i+1} y_i)

    Args:
        polygon: (k, 2) corners in order, the last joined to the first [m].

    Returns:
        The area [m²], positive, and the (2,) centroid [m]; the mean of the corners where the area is nothing.
    """
    middle = polygon.mean(axis=0)
    here = polygon - middle
    there = np.roll(here, -1, axis=0)
    parts = here[:, 0] * there[:, 1] - there[:, 0] * here[:, 1]
    doubled = float(parts.sum())
    if abs(doubled) <= np.finfo(float).tiny:
        return 0.0, np.asarray(middle)
    return 0.5 * abs(doubled), np.asarray(
        middle + (parts[:, None] * (here + there)).sum(axis=0) / (3.0 * doubled)
    )


def caliper_diameters(polygon: FloatArray) -> tuple[float, float]:
    """Least and greatest distance of two parallel lines that hold an outline between them (Feret diameters) [m].

    The least is reached with one line along an edge of the convex hull, the greatest between two of its corners.
    """
    try:
        hull = polygon[ConvexHull(polygon).vertices]
    except QhullError:  # fewer than three corners, or all on a line
        return 0.0, float(np.linalg.norm(np.ptp(polygon, axis=0)))
    edges = np.roll(hull, -1, axis=0) - hull
    edges /= np.linalg.norm(edges, axis=1, keepdims=True)
    away = hull[None, :, :] - hull[:, None, :]
    across = np.abs(edges[:, None, 0] * away[:, :, 1] - edges[:, None, 1] * away[:, :, 0])
    return float(across.max(axis=1).min()), float(np.linalg.norm(away, axis=2).max())


def inscribed_circle(polygon: FloatArray) -> tuple[FloatArray, float]:
    """Centre and radius of the largest circle inside an outline, by bisection of squares that may still hold it.

    Within a square of half side h around c the distance to the outline is at most d(c) + sqrt(2) h; squares whose bound
    is no better than the best centre so far are dropped, the others are quartered.

    Args:
        polygon: (k, 2) corners in order [m].

    Returns:
        (2,) centre [m] and radius [m], within 2e-4 of the outline's extent.
    """
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    extent = float((high - low).max())
    if extent == 0.0:
        return np.asarray(low), 0.0
    x, y, radius = _inscribe(np.ascontiguousarray((polygon - low) / extent), _INSCRIBED_TOLERANCE)
    return np.asarray(low + extent * np.array([x, y])), max(extent * float(radius), 0.0)


@njit(cache=True)
def _inscribe(polygon, tolerance):  # type: ignore[no-untyped-def]
    side = 8
    cells = np.empty((side * side, 2))
    for row in range(side):
        for column in range(side):
            cells[row * side + column, 0] = (column + 0.5) / side
            cells[row * side + column, 1] = (row + 0.5) / side
    half = 0.5 / side
    best_x, best_y, best = 0.5, 0.5, -1.0
    while True:
        distances = np.empty(len(cells))
        for cell in range(len(cells)):
            distances[cell] = _depth(polygon, cells[cell, 0], cells[cell, 1])
            if distances[cell] > best:
                best_x, best_y, best = cells[cell, 0], cells[cell, 1], distances[cell]
        keep = distances + np.sqrt(2.0) * half > best + tolerance
        kept = cells[keep]
        if len(kept) == 0:
            return best_x, best_y, best
        half *= 0.5
        cells = np.empty((4 * len(kept), 2))
        for cell in range(len(kept)):
            for quarter in range(4):
                cells[4 * cell + quarter, 0] = kept[cell, 0] + (half if quarter % 2 else -half)
                cells[4 * cell + quarter, 1] = kept[cell, 1] + (half if quarter // 2 else -half)


@njit(cache=True)
def _depth(polygon, x, y):  # type: ignore[no-untyped-def]
    """Distance to the outline, negative outside."""
    inside = False
    least = 1e300
    previous = len(polygon) - 1
    for corner in range(len(polygon)):
        ax, ay = polygon[previous, 0], polygon[previous, 1]
        bx, by = polygon[corner, 0], polygon[corner, 1]
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            inside = not inside
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        share = ((x - ax) * dx + (y - ay) * dy) / length if length > 0.0 else 0.0
        share = min(max(share, 0.0), 1.0)
        gap = (ax + share * dx - x) ** 2 + (ay + share * dy - y) ** 2
        least = min(least, gap)
        previous = corner
    return np.sqrt(least) if inside else -np.sqrt(least)
