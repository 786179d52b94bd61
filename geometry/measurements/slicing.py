"""Planes through a triangle surface: ordered loops, by walking from triangle to triangle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geometry.surfaces.surface import Surface
from hemoplan.arrays import FloatArray, IntArray

_BLOCK = 64
"""Triangles in a block that is tested against the plane as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceIndex:
    """A surface prepared for many planes: blocks of neighbouring triangles, and what lies across each edge.

    Attributes:
        points: (n, 3) vertices [m].
        triangles: (m, 3) vertex indices.
        tags: (m,) patch of each triangle.
        opposite: (3 m,) the half-edge on the other side of half-edge 3 t + i, from corner i of triangle t to the next;
            -1 at a rim.
        order: (m,) triangles sorted by place.
        centres, reaches: (b, 3) and (b,) spheres around the blocks of `order` [m].
    """

    points: FloatArray
    triangles: IntArray
    tags: IntArray
    opposite: IntArray
    order: IntArray
    centres: FloatArray
    reaches: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Loops:
    """Where a plane meets a surface.

    Attributes:
        points: (k, 3) corners of all loops, one loop after the other, each in order [m].
        faces: (k,) triangle that a loop leaves its corner through.
        offsets: (l + 1,) loop i holds points[offsets[i]:offsets[i + 1]].
        closed: (l,) whether a loop returns to its start; one that ends at a rim of the surface does not.
    """

    points: FloatArray
    faces: IntArray
    offsets: IntArray
    closed: NDArray[np.bool_]


def index_surface(surface: Surface) -> SurfaceIndex:
    """Prepare a surface for many planes; costs about as much as a hundred of them."""
    triangles = np.ascontiguousarray(surface.triangles, dtype=np.int64)
    points = np.ascontiguousarray(surface.points, dtype=np.float64)
    corners = points[triangles]
    middle = corners.mean(axis=1)
    order = np.asarray(cKDTree(middle, leafsize=_BLOCK).indices, dtype=np.int64)
    spread = np.linalg.norm(corners - middle[:, None, :], axis=2).max(axis=1)
    starts = np.arange(0, len(order), _BLOCK)
    counts = np.diff(np.append(starts, len(order)))
    centres = np.add.reduceat(middle[order], starts, axis=0) / counts[:, None]
    away = np.linalg.norm(middle[order] - np.repeat(centres, counts, axis=0), axis=1) + spread[order]
    return SurfaceIndex(
        points=points,
        triangles=triangles,
        tags=np.asarray(surface.patch_id, dtype=np.int64),
        opposite=_opposite(triangles),
        order=order,
        centres=centres,
        reaches=np.maximum.reduceat(away, starts),
    )


def slice_loops(index: SurfaceIndex, point: FloatArray, normal: FloatArray) -> Loops:
    """All loops in which a plane meets a surface, each walked once around.

    A vertex in the plane counts as below it, so that every cut edge has one end above and one below.

    Args:
        point: (3,) point of the plane [m].
        normal: (3,) unit normal of the plane.
    """
    points, faces, offsets, closed = _walk(
        index.points,
        index.triangles,
        index.opposite,
        index.order,
        index.centres,
        index.reaches,
        np.asarray(point, dtype=np.float64),
        np.asarray(normal, dtype=np.float64),
    )
    return Loops(points=points, faces=faces, offsets=offsets, closed=closed)


def loop_around(loops: Loops, point: FloatArray, normal: FloatArray) -> tuple[int, float]:
    """The loop that winds around a point of the plane, the smallest if several do, and its area [m²].

    Returns:
        -1 and NaN where no loop winds around the point.
    """
    index, area = _around(loops.points, loops.offsets, np.asarray(point), np.asarray(normal))
    return int(index), float(area)


def area_around(index: SurfaceIndex, point: FloatArray, normal: FloatArray) -> float:
    """Area of the smallest loop around a point in a plane [m²]; NaN where there is none."""
    return loop_around(slice_loops(index, point, normal), point, normal)[1]


def _opposite(triangles: IntArray) -> IntArray:
    start = triangles.ravel()
    end = np.roll(triangles, -1, axis=1).ravel()
    low, high = np.minimum(start, end), np.maximum(start, end)
    order = np.lexsort((high, low))
    same = (np.diff(low[order]) == 0) & (np.diff(high[order]) == 0)
    # Of an edge with more than two triangles, only the first two are joined.
    first = np.flatnonzero(same & ~np.concatenate([[False], same[:-1]]))
    opposite = np.full(len(start), -1, dtype=np.int64)
    opposite[order[first]] = order[first + 1]
    opposite[order[first + 1]] = order[first]
    return opposite


@njit(cache=True)
def _walk(points, triangles, opposite, order, centres, reaches, origin, normal):  # type: ignore[no-untyped-def]
    crossed = np.empty(64, dtype=np.int64)
    count = 0
    for block in range(len(reaches)):
        height = 0.0
        for axis in range(3):
            height += (centres[block, axis] - origin[axis]) * normal[axis]
        if abs(height) > reaches[block]:
            continue
        for place in range(block * _BLOCK, min((block + 1) * _BLOCK, len(order))):
            triangle = order[place]
            above = 0
            for corner in range(3):
                if _height(points, triangles[triangle, corner], origin, normal) > 0.0:
                    above += 1
            if above == 1 or above == 2:
                if count == len(crossed):
                    longer = np.empty(2 * count, dtype=np.int64)
                    longer[:count] = crossed
                    crossed = longer
                crossed[count] = triangle
                count += 1
    loop_points = np.empty((2 * count, 3))
    loop_faces = np.empty(2 * count, dtype=np.int64)
    offsets = np.zeros(count + 1, dtype=np.int64)
    closed = np.zeros(count, dtype=np.bool_)
    visited = np.zeros(len(triangles), dtype=np.bool_)
    loops, filled = 0, 0
    # Chains that begin at a rim first, so that what is left are closed loops.
    for rims in (True, False):
        for number in range(count):
            if visited[crossed[number]]:
                continue
            begin = _cut_edge(points, triangles, crossed[number], -1, origin, normal)
            if rims:
                if opposite[begin] >= 0:
                    begin = _cut_edge(points, triangles, crossed[number], begin, origin, normal)
                if opposite[begin] >= 0:
                    continue
            half_edge = begin
            while True:
                triangle = half_edge // 3
                visited[triangle] = True
                _cross(points, triangles, half_edge, origin, normal, loop_points, filled)
                loop_faces[filled] = triangle
                filled += 1
                leaving = _cut_edge(points, triangles, triangle, half_edge, origin, normal)
                half_edge = opposite[leaving]
                if half_edge < 0:
                    _cross(points, triangles, leaving, origin, normal, loop_points, filled)
                    loop_faces[filled] = triangle
                    filled += 1
                    break
                if visited[half_edge // 3]:
                    closed[loops] = half_edge == begin
                    break
            loops += 1
            offsets[loops] = filled
    return loop_points[:filled], loop_faces[:filled], offsets[: loops + 1], closed[:loops]


@njit(cache=True)
def _height(points, vertex, origin, normal):  # type: ignore[no-untyped-def]
    return (
        (points[vertex, 0] - origin[0]) * normal[0]
        + (points[vertex, 1] - origin[1]) * normal[1]
        + (points[vertex, 2] - origin[2]) * normal[2]
    )


@njit(cache=True)
def _cut_edge(points, triangles, triangle, other_than, origin, normal):  # type: ignore[no-untyped-def]
    """The half-edge of a triangle that the plane cuts, other than a given one."""
    for corner in range(3):
        half_edge = 3 * triangle + corner
        if half_edge != other_than:
            start = _height(points, triangles[triangle, corner], origin, normal) > 0.0
            end = _height(points, triangles[triangle, (corner + 1) % 3], origin, normal) > 0.0
            if start != end:
                return half_edge
    return other_than


@njit(cache=True)
def _cross(points, triangles, half_edge, origin, normal, found, row):  # type: ignore[no-untyped-def]
    start = triangles[half_edge // 3, half_edge % 3]
    end = triangles[half_edge // 3, (half_edge % 3 + 1) % 3]
    low, high = (
        min(start, end),
        max(start, end),
    )  # the same order from both sides, so that both find the same point
    below = _height(points, low, origin, normal)
    share = below / (below - _height(points, high, origin, normal))
    for axis in range(3):
        found[row, axis] = points[low, axis] + share * (points[high, axis] - points[low, axis])


@njit(cache=True)
def _around(points, offsets, origin, normal):  # type: ignore[no-untyped-def]
    best, least = -1, np.nan
    x, y, z = origin
    for loop in range(len(offsets) - 1):
        first, last = offsets[loop], offsets[loop + 1]
        area, angle = 0.0, 0.0
        for place in range(first, last):
            follow = place + 1 if place + 1 < last else first
            ax, ay, az = points[place, 0] - x, points[place, 1] - y, points[place, 2] - z
            bx, by, bz = points[follow, 0] - x, points[follow, 1] - y, points[follow, 2] - z
            turn = (
                normal[0] * (ay * bz - az * by)
                + normal[1] * (az * bx - ax * bz)
                + normal[2] * (ax * by - ay * bx)
            )
            area += 0.5 * turn
            angle += np.arctan2(turn, ax * bx + ay * by + az * bz)
        if abs(angle) > np.pi and not abs(area) >= least:
            best, least = loop, abs(area)
    return best, least
