"""Lines drawn tight in the middle of their vessels: the integral of ds / R made least."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geometry.surfaces.deviation import closest_triangles
from geometry.surfaces.surface import vertex_normals
from hemoplan.arrays import FloatArray, IntArray

_REACH = 0.12
"""A point moves at most this share of its radius at once."""

_LOOSE, _TIGHT = 0.05, 0.004
"""Vertices count as touched within this share of the radius; first loosely, not to be caught between two of them."""

_BALANCED = 0.02
"""Length of the shortest mean of the directions away from the touched wall at which nothing pushes any more."""

_TRIALS = 120
_SECTORS = 64


class Wall:
    """A wall, arranged for distances from points in the lumen."""

    def __init__(self, points: FloatArray, triangles: IntArray) -> None:
        """Arrange (n, 3) vertices [m] and (m, 3) triangles, oriented outwards."""
        self.points = points
        self.triangles = triangles
        self._normals = vertex_normals(points, triangles)
        self._tree = cKDTree(points)

    def to_vertex(self, points: FloatArray) -> FloatArray:
        """(n,) distances of points from the nearest vertex [m]."""
        return np.asarray(self._tree.query(points)[0], dtype=np.float64)

    def distance(self, points: FloatArray) -> FloatArray:
        """(n,) distances of points from the triangles [m]."""
        return closest_triangles(points, self.points, self.triangles)[0]

    def vertices_near(self, points: FloatArray, reach: FloatArray) -> tuple[IntArray, IntArray]:
        """Vertices within a reach of points: (k,) indices, and (n + 1,) where each point's begin."""
        found = self._tree.query_ball_point(points, reach, return_sorted=False)
        starts = np.cumsum([0, *map(len, found)])
        items = np.empty(starts[-1], dtype=np.int64)
        for begin, part in zip(starts[:-1], found, strict=True):
            items[begin : begin + len(part)] = part
        return items, starts

    def cosines(self, points: FloatArray) -> FloatArray:
        """(n,) cosine between the way from the nearest vertex to a point and the normal there: -1 well inside."""
        distance, nearest = self._tree.query(points)
        along = np.einsum("ij,ij->i", points - self.points[nearest], self._normals[nearest])
        return np.asarray(along / np.maximum(distance, np.finfo(float).tiny))


def tighten(line: FloatArray, pinned: NDArray[np.bool_], wall: Wall) -> FloatArray:
    """Move the points of a line across it so that the integral of ds / R becomes least, one after the other.

    With neighbours a and b about one radius away on both sides held, a point x that takes the line between them with it
    (linearly) makes R(x) (L0 / L(x))² largest, L = |x - a| + |x - b|: it comes to the middle of the vessel, where the
    balls are largest, and where this leaves it free, as in a flat vessel or where vessels meet, it makes the way short.

    R is the least of many distances, so the steepest ascent follows the shortest mean of the directions away from all
    vertices that are touched within a tolerance (an epsilon-subgradient), which is tightened as the ascent comes to
    rest; on the ridge between two walls that is the way along the ridge.

    Args:
        line: (n, 3) points in the lumen at even steps [m].
        pinned: (n,) points that stay.
        wall: The wall.

    Returns:
        (n, 3) points [m].
    """
    tangents = np.gradient(line, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    axis = np.where(np.abs(tangents[:, [0]]) < 0.8, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    across = np.cross(tangents, axis)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    upward = np.cross(tangents, across)
    radius = wall.to_vertex(line)
    free = np.flatnonzero(~pinned)
    items, starts = wall.vertices_near(line[free], (1.0 + 2.0 * _REACH + _LOOSE) * radius[free])
    step = float(np.median(np.linalg.norm(np.diff(line, axis=0), axis=1)))
    room = np.minimum(free, len(line) - 1 - free)
    span = np.clip(np.rint(radius[free] / step).astype(np.int64), 1, room)
    moved = _tighten(line, free, span, across, upward, radius, wall.points, items, starts)
    return np.asarray(moved, dtype=np.float64)


@njit(cache=True)
def _tighten(
    line: FloatArray,
    free: IntArray,
    span: IntArray,
    across: FloatArray,
    upward: FloatArray,
    radius: FloatArray,
    vertices: FloatArray,
    items: IntArray,
    starts: IntArray,
) -> FloatArray:
    result = line.copy()
    for turn in range(len(free)):
        index = free[turn]
        near = vertices[items[starts[turn] : starts[turn + 1]]]
        touched = _in_plane(near, result[index], across[index], upward[index])
        anchors = np.empty((2, 3))
        anchors[0], anchors[1] = result[index - span[turn]], result[index + span[turn]]
        anchors = _in_plane(anchors, result[index], across[index], upward[index])
        x, y = _settle(touched, anchors, radius[index])
        for axis in range(3):
            result[index, axis] += x * across[index, axis] + y * upward[index, axis]
    return result


@njit(cache=True)
def _in_plane(points: FloatArray, origin: FloatArray, across: FloatArray, upward: FloatArray) -> FloatArray:
    """(n, 3) coordinates of points along two axes of a plane, and the squares of their heights above it."""
    local = np.empty((len(points), 3))
    for k in range(len(points)):
        gap = points[k] - origin
        local[k, 0] = gap[0] * across[0] + gap[1] * across[1] + gap[2] * across[2]
        local[k, 1] = gap[0] * upward[0] + gap[1] * upward[1] + gap[2] * upward[2]
        square = gap[0] * gap[0] + gap[1] * gap[1] + gap[2] * gap[2]
        local[k, 2] = max(square - local[k, 0] ** 2 - local[k, 1] ** 2, 0.0)
    return local


@njit(cache=True)
def _settle(local: FloatArray, anchors: FloatArray, radius: float) -> tuple[float, float]:
    """Where in the plane, within reach of the origin, R (L0 / L)² is largest."""
    directions, trial = np.empty((_SECTORS, 2)), np.empty((_SECTORS, 2))
    limit, x, y = _REACH * radius, 0.0, 0.0
    slack, step = _LOOSE * radius, 0.25 * limit
    start, pull_x, pull_y = _length(anchors, x, y)
    least, count = _touch(local, x, y, slack, directions)
    here = least
    for _ in range(_TRIALS):
        length, pull_x, pull_y = _length(anchors, x, y)
        tension = 2.0 * least / length
        push_x, push_y = _shortest(directions, count, tension * pull_x, tension * pull_y)
        size = np.sqrt(push_x**2 + push_y**2)
        if size < _BALANCED or step < 1e-4 * radius:
            if slack <= _TIGHT * radius:
                break
            slack = max(0.4 * slack, _TIGHT * radius)
            step = slack
            least, count = _touch(local, x, y, slack, directions)
            continue
        to_x, to_y = x + step * push_x / size, y + step * push_y / size
        closest, touched = _touch(local, to_x, to_y, slack, trial)
        there = closest * (start / _length(anchors, to_x, to_y)[0]) ** 2
        if there > here + 0.1 * step * size and to_x**2 + to_y**2 < limit**2:
            x, y, here, least, count = to_x, to_y, there, closest, touched
            directions[:count] = trial[:count]
            step *= 1.4
        else:
            step *= 0.5
    return x, y


@njit(cache=True)
def _length(anchors: FloatArray, x: float, y: float) -> tuple[float, float, float]:
    """Length of the two straight ways to the anchors, and its gradient."""
    length, along_x, along_y = 0.0, 0.0, 0.0
    for k in range(2):
        dx, dy = x - anchors[k, 0], y - anchors[k, 1]
        way = np.sqrt(dx * dx + dy * dy + anchors[k, 2])
        length += way
        along_x += dx / way
        along_y += dy / way
    return length, along_x, along_y


@njit(cache=True)
def _touch(local: FloatArray, x: float, y: float, slack: float, directions: FloatArray) -> tuple[float, int]:
    """Distance from the vertices, and the directions in the plane away from those that are touched within a slack.

    Of each sector the longest direction is kept: together they span the hull of all, but for a sector's width.
    """
    least = np.inf
    for k in range(len(local)):
        least = min(least, (x - local[k, 0]) ** 2 + (y - local[k, 1]) ** 2 + local[k, 2])
    least = np.sqrt(least)
    most = (least + slack) ** 2
    reach = np.full(_SECTORS, -1.0)
    found = np.empty((_SECTORS, 2))
    for k in range(len(local)):
        dx, dy = x - local[k, 0], y - local[k, 1]
        square = dx * dx + dy * dy
        if square + local[k, 2] > most:
            continue
        sector = int((np.arctan2(dy, dx) / (2.0 * np.pi) + 0.5) * _SECTORS) % _SECTORS
        share = square / (square + local[k, 2])
        if share > reach[sector]:
            distance = np.sqrt(square + local[k, 2])
            reach[sector] = share
            found[sector, 0], found[sector, 1] = dx / distance, dy / distance
    count = 0
    for sector in range(_SECTORS):
        if reach[sector] >= 0.0:
            directions[count] = found[sector]
            count += 1
    return least, count


@njit(cache=True)
def _shortest(directions: FloatArray, count: int, pull_x: float, pull_y: float) -> tuple[float, float]:
    """The point of the hull of some plane vectors, each less a pull, that is nearest to the origin."""
    if count == 0:
        return -pull_x, -pull_y
    # the origin lies in the hull if no gap between neighbouring angles exceeds pi
    angles = np.sort(np.arctan2(directions[:count, 1] - pull_y, directions[:count, 0] - pull_x))
    widest = angles[0] + 2.0 * np.pi - angles[count - 1]
    for k in range(count - 1):
        widest = max(widest, angles[k + 1] - angles[k])
    if widest < np.pi:
        return 0.0, 0.0
    best, best_x, best_y = np.inf, 0.0, 0.0
    for i in range(count):
        for j in range(i, count):
            ax, ay = directions[i, 0] - pull_x, directions[i, 1] - pull_y
            dx, dy = directions[j, 0] - pull_x - ax, directions[j, 1] - pull_y - ay
            square = dx * dx + dy * dy
            share = 0.0 if square == 0.0 else min(max(-(ax * dx + ay * dy) / square, 0.0), 1.0)
            x, y = ax + share * dx, ay + share * dy
            if x * x + y * y < best:
                best, best_x, best_y = x * x + y * y, x, y
    return best_x, best_y
