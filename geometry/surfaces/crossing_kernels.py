"""Whether two triangles meet where they should not: compiled tests of one pair.

Two triangles of a sound surface meet in what they share, and nowhere else. What a pair may share decides the test:

- nothing: no edge of one may touch the other; in one plane, they may not overlap;
- a vertex: the edge opposite to it may not touch the other triangle; in one plane, the wedges at it may not overlap;
- an edge: they may not be folded onto each other;
- all three: they are the same triangle twice.

Signs of volumes whose size is within rounding count as zero, so that flat caps are seen as flat.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hemoplan.arrays import FloatArray, IntArray

ROUNDING = 1.0e-13
"""Volume, over the product of the three edges it is made of, that rounding alone may make."""
FOLDED = 1.0e-4
"""Angle between two triangles with a common edge below which one lies on the other [rad]."""


@njit(cache=True)
def _side(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> int:
    """Sign of the volume (b - a) × (c - a) · (d - a); 0 within rounding."""
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    wx, wy, wz = d[0] - a[0], d[1] - a[1], d[2] - a[2]
    volume = (uy * vz - uz * vy) * wx + (uz * vx - ux * vz) * wy + (ux * vy - uy * vx) * wz
    size = (ux * ux + uy * uy + uz * uz) * (vx * vx + vy * vy + vz * vz) * (wx * wx + wy * wy + wz * wz)
    if volume * volume <= ROUNDING * ROUNDING * size:
        return 0
    return 1 if volume > 0.0 else -1


@njit(cache=True)
def _touches(p: FloatArray, q: FloatArray, face: FloatArray) -> bool:
    """Whether the segment p q, not in the plane of a triangle, meets it (its border included)."""
    a, b, c = face[0], face[1], face[2]
    below, above = _side(a, b, c, p), _side(a, b, c, q)
    if below * above > 0 or (below == 0 and above == 0):
        return False
    one, two, three = _side(p, q, a, b), _side(p, q, b, c), _side(p, q, c, a)
    return bool((one >= 0 and two >= 0 and three >= 0) or (one <= 0 and two <= 0 and three <= 0))


@njit(cache=True)
def _in_plane(face: FloatArray, other: FloatArray) -> bool:
    a, b, c = face[0], face[1], face[2]
    first, second, third = (_side(a, b, c, other[0]), _side(a, b, c, other[1]), _side(a, b, c, other[2]))
    return bool(first == 0 and second == 0 and third == 0)


@njit(cache=True)
def _flatten(face: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both triangles without the coordinate that the plane of the first is most upright to."""
    u, v = face[1] - face[0], face[2] - face[0]
    normal = np.abs(np.cross(u, v))
    one, two = 1, 2
    if normal[1] >= normal[0] and normal[1] >= normal[2]:
        one, two = 2, 0
    elif normal[2] >= normal[0] and normal[2] >= normal[1]:
        one, two = 0, 1
    first, second = np.empty((3, 2)), np.empty((3, 2))
    for corner in range(3):
        first[corner, 0], first[corner, 1] = (
            face[corner, one] - face[0, one],
            face[corner, two] - face[0, two],
        )
        second[corner, 0] = other[corner, one] - face[0, one]
        second[corner, 1] = other[corner, two] - face[0, two]
    return first, second


@njit(cache=True)
def _overlap(first: FloatArray, second: FloatArray) -> bool:
    """Whether two triangles in one plane overlap: no line along an edge has them on its two sides."""
    for turn in range(2):
        one, other = (first, second) if turn == 0 else (second, first)
        for edge in range(3):
            start, end, apex = one[edge], one[(edge + 1) % 3], one[(edge + 2) % 3]
            nx, ny = start[1] - end[1], end[0] - start[0]
            height = nx * (apex[0] - start[0]) + ny * (apex[1] - start[1])
            beyond = True
            for corner in range(3):
                there = nx * (other[corner, 0] - start[0]) + ny * (other[corner, 1] - start[1])
                if there * height > ROUNDING * height * height:
                    beyond = False
            if beyond:
                return False
    return True


@njit(cache=True)
def _between(x: float, y: float, one: FloatArray, two: FloatArray) -> bool:
    """Whether a direction lies strictly between two others that are less than half a turn apart."""
    turn = one[0] * two[1] - one[1] * two[0]
    first, second = one[0] * y - one[1] * x, x * two[1] - y * two[0]
    length = np.hypot(x, y)
    return bool(
        first * turn > FOLDED * FOLDED * abs(turn) * length * np.hypot(one[0], one[1])
        and second * turn > FOLDED * FOLDED * abs(turn) * length * np.hypot(two[0], two[1])
    )


@njit(cache=True)
def _wedges_overlap(first: FloatArray, second: FloatArray) -> bool:
    """Whether the wedges of two triangles in one plane at their common first corner overlap."""
    for turn in range(2):
        one, other = (first, second) if turn == 0 else (second, first)
        a, b = one[1] - one[0], one[2] - one[0]
        c, d = other[1] - other[0], other[2] - other[0]
        middle = c / np.hypot(c[0], c[1]) + d / np.hypot(d[0], d[1])
        if _between(middle[0], middle[1], a, b) or _between(c[0], c[1], a, b) or _between(d[0], d[1], a, b):
            return True
    return False


@njit(cache=True)
def _is_folded(a: FloatArray, b: FloatArray, apex: FloatArray, other: FloatArray) -> bool:
    """Whether two triangles on both sides of the edge a b lie on each other."""
    along = b - a
    square = np.dot(along, along)
    if square == 0.0:
        return False
    u = apex - a - np.dot(apex - a, along) / square * along
    v = other - a - np.dot(other - a, along) / square * along
    lengths = np.dot(u, u) * np.dot(v, v)
    if np.dot(u, v) <= 0.0:
        return False
    normal = np.cross(u, v)
    return bool(np.dot(normal, normal) < FOLDED * FOLDED * lengths)


@njit(cache=True)
def cross(points: FloatArray, one: IntArray, other: IntArray) -> bool:
    """Whether two triangles, given by the indices of their corners, meet outside of what they share."""
    left, right = np.empty((3, 3)), np.empty((3, 3))
    mine, yours = np.zeros(3, dtype=np.bool_), np.zeros(3, dtype=np.bool_)
    shared = 0
    for i in range(3):
        for j in range(3):
            if one[i] == other[j]:
                mine[i] = yours[j] = True
                shared += 1
    if shared >= 3:
        return True
    # Common corners first: one[0] == other[0] where one is shared, the edge where two are.
    first, second = _rotation(mine, shared), _rotation(yours, shared)
    for corner in range(3):
        left[corner] = points[one[(first + corner) % 3]]
        right[corner] = points[other[(second + corner) % 3]]
    if shared == 2:
        return bool(_is_folded(left[0], left[1], left[2], right[2]))
    if shared == 1:
        if _in_plane(left, right):
            flat, again = _flatten(left, right)
            return bool(_wedges_overlap(flat, again))
        return bool(_touches(left[1], left[2], right) or _touches(right[1], right[2], left))
    if _in_plane(left, right):
        flat, again = _flatten(left, right)
        return bool(_overlap(flat, again))
    for edge in range(3):
        if _touches(left[edge], left[(edge + 1) % 3], right) or _touches(
            right[edge], right[(edge + 1) % 3], left
        ):
            return True
    return False


@njit(cache=True)
def _rotation(shared: FloatArray, count: int) -> int:
    """Turn of the corners that brings the shared one to the front, or the shared two."""
    for corner in range(3):
        if count == 1 and shared[corner]:
            return corner
        if count == 2 and not shared[corner]:
            return (corner + 1) % 3
    return 0


@njit(cache=True)
def search(
    points: FloatArray,
    triangles: IntArray,
    low: FloatArray,
    high: FloatArray,
    order: IntArray,
    leaf: int,
    found: IntArray,
) -> int:
    """Pairs of triangles that meet, into `found` as far as it reaches; returns their number."""
    leaves = (len(low) + 1) // 2
    stack = np.empty(128, dtype=np.int64)
    count = 0
    lower, upper = np.empty(3), np.empty(3)
    for i in range(len(triangles)):
        for axis in range(3):
            a, b, c = (
                points[triangles[i, 0], axis],
                points[triangles[i, 1], axis],
                points[triangles[i, 2], axis],
            )
            lower[axis], upper[axis] = min(a, b, c), max(a, b, c)
        stack[0] = 0
        top = 1
        while top > 0:
            top -= 1
            node = stack[top]
            if (
                low[node, 0] > upper[0]
                or high[node, 0] < lower[0]
                or low[node, 1] > upper[1]
                or high[node, 1] < lower[1]
                or low[node, 2] > upper[2]
                or high[node, 2] < lower[2]
            ):
                continue
            if node < leaves - 1:
                stack[top], stack[top + 1] = 2 * node + 1, 2 * node + 2
                top += 2
                continue
            start = (node - leaves + 1) * leaf
            for place in range(start, min(start + leaf, len(order))):
                j = order[place]
                if j <= i or not _boxes_meet(points, triangles[j], lower, upper):
                    continue
                if cross(points, triangles[i], triangles[j]):
                    if count < len(found):
                        found[count, 0], found[count, 1] = i, j
                    count += 1
    return count


@njit(cache=True)
def _boxes_meet(points: FloatArray, triangle: IntArray, lower: FloatArray, upper: FloatArray) -> bool:
    for axis in range(3):
        a, b, c = points[triangle[0], axis], points[triangle[1], axis], points[triangle[2], axis]
        if min(a, b, c) > upper[axis] or max(a, b, c) < lower[axis]:
            return False
    return True
