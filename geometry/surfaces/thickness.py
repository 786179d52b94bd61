"""Local radius of a vessel, and the gap to its neighbours, measured on its surface."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from geometry.surfaces.ball_kernels import smallest_balls
from geometry.surfaces.box_tree import LEAF, build_tree
from geometry.surfaces.ray_kernels import first_hits
from geometry.surfaces.surface import WALL_TAG, Surface, vertex_normals
from hemoplan.arrays import FloatArray, IntArray

MIN_ANGLE = np.radians(50.0)
"""A ball whose two touching points are closer than this angle, seen from its centre, sits on a bump."""
AROUND = 1.5
"""Vertices nearer than this many of its edges belong to a vertex's own piece of wall, however sharp its creases."""
ENOUGH = 20_000
"""Wall vertices, evenly spread, that limit the balls; more of them would make no ball smaller worth the time."""
FACING = 0.5
"""Least cosine between a vertex's normal and the way back to it along the normal of a wall that faces it."""


def inscribed_radius(surface: Surface) -> FloatArray:
    """Radius of the largest ball inside the vessel that touches the wall at each vertex.

    A ball that touches the vertex p from inside and passes through another wall vertex q has the radius
    |p - q|² / (2 n·(p - q)), n the outward normal; the smallest of these holds no other vertex. Caps do not count, and
    a cap's vertex takes the value of the nearest wall vertex.

    Returns:
        (n,) radii [m].

    Source: Ma, Bae & Choi, The Visual Computer 28, 2012, doi:10.1007/s00371-011-0594-7 (shrinking balls).
    """
    limit = 0.5 * float(np.linalg.norm(np.ptp(surface.points, axis=0)))
    return _balls(surface, limit=limit)


def wall_gap(surface: Surface, *, widest: float) -> FloatArray:
    """Width of the gap outside of the wall at each vertex, along the normal, to another piece of wall that faces it.

    Args:
        surface: A closed surface.
        widest: Wider gaps are not looked for [m].

    Returns:
        (n,) widths [m]; infinite where no wall faces the vertex within `widest`, and on caps.
    """
    wall = surface.triangles[surface.patch_id == WALL_TAG]
    on_wall = np.unique(wall)
    starts = np.ascontiguousarray(surface.points[on_wall])
    normals = np.ascontiguousarray(vertex_normals(surface.points, wall)[on_wall])
    tree = build_tree(surface.points, wall)
    corners = np.ascontiguousarray(surface.points[wall])
    width = np.full(len(on_wall), widest)
    first_hits(starts, normals, corners, tree.low, tree.high, tree.order, LEAF, FACING, width)
    everywhere = np.full(len(surface.points), np.inf)
    everywhere[on_wall] = np.where(width < widest, width, np.inf)
    return everywhere


def _balls(surface: Surface, *, limit: float) -> FloatArray:
    """Radius of the smallest ball at each vertex, at most `limit`."""
    wall = surface.triangles[surface.patch_id == WALL_TAG]
    on_wall = np.unique(wall)
    points = np.ascontiguousarray(surface.points[on_wall])
    inward = np.ascontiguousarray(-vertex_normals(surface.points, wall)[on_wall])
    sequence = build_tree(points, np.arange(len(points))[:, None]).order
    others = np.ascontiguousarray(points[sequence[:: -(-len(points) // ENOUGH)]])
    tree = build_tree(others, np.arange(len(others))[:, None])
    radius = np.full(len(points), limit)
    # The angle between the touching points, seen from the centre, is twice that between the chord and the wall.
    aperture = float(np.sin(0.5 * MIN_ANGLE))
    nearest = AROUND * _mean_edges(surface.points, wall)[on_wall]
    smallest_balls(
        points, inward, sequence, others, tree.low, tree.high, tree.order, LEAF, aperture, nearest, radius
    )
    everywhere = np.empty(len(surface.points))
    everywhere[on_wall] = radius
    on_caps = np.setdiff1d(np.arange(len(surface.points)), on_wall)
    if on_caps.size:
        everywhere[on_caps] = radius[cKDTree(points).query(surface.points[on_caps])[1]]
    return everywhere


def _mean_edges(points: FloatArray, triangles: IntArray) -> FloatArray:
    """(n,) mean length of the edges around each vertex [m]; 0 where there are none."""
    start, end = triangles.ravel(), np.roll(triangles, -1, axis=1).ravel()
    lengths = np.linalg.norm(points[end] - points[start], axis=1)
    total = np.bincount(start, weights=lengths, minlength=len(points))
    return np.asarray(total / np.maximum(np.bincount(start, minlength=len(points)), 1))
