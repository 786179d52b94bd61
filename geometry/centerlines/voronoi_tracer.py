"""Medial curves from the Voronoi diagram of the wall's vertices, by SciPy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import Delaunay, cKDTree

from geometry.surfaces.rims import Rim, find_rims
from geometry.surfaces.surface import vertex_normals
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError

_MOST_VERTICES = 8000
"""A wall with more vertices is thinned before its diagram is made; the lines are centred on the full wall later."""

_FIRST_VERTICES = 2000
"""Vertices of the first, even thinning, which only tells how wide the vessels are where."""

_SPACING = 0.45
"""Distance between the vertices that are left, over the radius of the vessel there."""

_JITTER = 1e-6
"""Share of the surface's size that its vertices are moved by: a Delaunay tessellation is slow on regular vertices."""

_INWARD = -0.2
"""A ball lies in the lumen where it sees all four vertices that it touches from inside: cosine to the normals."""

_POLYGON = 16
"""Most corners of a polygon of the diagram between which chords are drawn."""

_FLAT = 1e-12
"""Volume of a tetrahedron over its size cubed below which its ball has no sure centre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Balls:
    """The largest balls in the lumen that touch four vertices of the wall, and which of them are neighbours.

    Attributes:
        centres: (n, 3) [m].
        radii: (n,) [m].
        corners: (n, 4) vertices that each touches.
        links: (k, 2) pairs that share two vertices.
    """

    centres: FloatArray
    radii: FloatArray
    corners: IntArray
    links: IntArray


def trace(
    wall: pv.PolyData, source: FloatArray, targets: Sequence[FloatArray], *, names: Sequence[str] = ()
) -> list[tuple[FloatArray, FloatArray]]:
    """Curves along the medial surface from one opening to others, that maximise the inscribed radius on their way.

    The path minimises the integral of ds / R over the edges of the Voronoi diagram of the wall's vertices, whose nodes
    are the centres of the balls that touch four of them; of a fine wall, a thinned set of vertices, so that the
    time grows hardly with the surface. The curves are as fine as that diagram: to be centred and smoothed.

    Args:
        wall: Triangles of the wall, open at the openings, oriented outwards [m].
        source: (3,) centre of the opening where all curves begin [m].
        targets: k centres of the openings where they end [m].
        names: Names of the targets, for errors.

    Returns:
        For every target the (n, 3) points from the source to the target and the (n,) radii of the balls there.

    Raises:
        SurfaceError: A target cannot be reached from the source.

    Source: Antiga, Ene-Iordache & Remuzzi 2003, doi:10.1109/TMI.2003.812261.
    """
    points = np.asarray(wall.points, dtype=np.float64)
    triangles = np.asarray(wall.regular_faces, dtype=np.int64)
    normals = vertex_normals(points, triangles)
    rims = find_rims(points, triangles)
    kept = _thin(points, normals, rims)
    balls = _inscribe(points, normals, rims, kept)
    ends = [np.asarray(end, dtype=np.float64) for end in (source, *targets)]
    graph, nodes = _graph(balls, ends, rims)
    costs, before = dijkstra(graph, directed=False, indices=nodes[0], return_predecessors=True)
    unreached = [index for index, node in enumerate(nodes[1:]) if not np.isfinite(costs[node])]
    if unreached:
        raise _no_way(balls, graph, nodes, ends, unreached[0], names)
    places = np.vstack([balls.centres, *ends])
    radii = np.concatenate([balls.radii, [_opening_radius(end, rims) for end in ends]])
    curves = []
    for node in nodes[1:]:
        path = [node]
        while path[-1] != nodes[0]:
            path.append(int(before[path[-1]]))
        curves.append((places[path[::-1]], radii[path[::-1]]))
    return curves


def _thin(points: FloatArray, normals: FloatArray, rims: Sequence[Rim]) -> IntArray:
    """Indices of vertices as dense as the radius of the vessel asks for; all of a wall that is coarse already."""
    if len(points) <= _MOST_VERTICES:
        return np.arange(len(points))
    extent = np.ptp(points, axis=0)
    spacing = float(np.linalg.norm(extent)) / 50.0
    first = _one_a_cell(points, normals, np.full(len(points), spacing))
    for _ in range(8):
        if len(first) > _FIRST_VERTICES:
            break
        spacing *= 0.7
        first = _one_a_cell(points, normals, np.full(len(points), spacing))
    balls = _inscribe(points, normals, rims, first)
    widest = np.zeros(len(points))
    np.maximum.at(widest, balls.corners.ravel(), np.repeat(balls.radii, 4))
    known = np.flatnonzero(widest)
    if not known.size:
        return np.arange(len(points))
    _, nearest = cKDTree(points[known]).query(points)
    return _one_a_cell(points, normals, _SPACING * widest[known[nearest]])


def _one_a_cell(points: FloatArray, normals: FloatArray, spacing: FloatArray) -> IntArray:
    """One vertex of each cubic cell whose size is the spacing, rounded down to a power of two.

    Vertices whose normals point into different octants count apart: opposite walls of a thin gap both stay.
    """
    level = np.floor(np.log2(spacing)).astype(np.int64)
    cell = np.floor((points - points.min(axis=0)) / np.exp2(level)[:, None]).astype(np.int64)
    octant = (normals > 0.0) @ np.array([1, 2, 4])
    keys = np.column_stack([level, octant, cell])
    _, first = np.unique(keys, axis=0, return_index=True)
    return np.asarray(np.sort(first))


def _inscribe(points: FloatArray, normals: FloatArray, rims: Sequence[Rim], kept: IntArray) -> _Balls:
    """The Voronoi vertices of some of the wall's vertices that lie in the lumen."""
    noise = np.random.default_rng(0).standard_normal((len(kept), 3))
    centred = points[kept] - points[kept].mean(axis=0)
    centred = centred + _JITTER * float(np.linalg.norm(np.ptp(points, axis=0))) * noise
    cells = Delaunay(centred)
    corners = centred[cells.simplices]
    a = corners[:, 0]
    u, v, w = (corners[:, corner] - a for corner in (1, 2, 3))
    vw, wu, uv = np.cross(v, w), np.cross(w, u), np.cross(u, v)
    volume = np.einsum("ij,ij->i", u, vw)
    squares = [np.einsum("ij,ij->i", side, side)[:, None] for side in (u, v, w)]
    size = np.sqrt(np.maximum.reduce(squares))[:, 0]
    sure = np.abs(volume) > _FLAT * size**3
    with np.errstate(divide="ignore", invalid="ignore"):
        offset = (squares[0] * vw + squares[1] * wu + squares[2] * uv) / (2.0 * volume[:, None])
        radii = np.linalg.norm(offset, axis=1)
        ids = kept[cells.simplices]
        rays = (a + offset)[:, None, :] - corners
        cosines = np.einsum("ijk,ijk->ij", rays, normals[ids]) / radii[:, None]
        inside = sure & (cosines.max(axis=1) < _INWARD)
    centres = a + offset + points[kept].mean(axis=0)
    for rim in rims:
        touches = np.isin(ids, rim.vertices).any(axis=1)
        inside &= ~(touches & ((centres - rim.centre) @ rim.normal > 0.0))
    return _Balls(
        centres=centres[inside], radii=radii[inside], corners=ids[inside], links=_polygon_chords(ids[inside])
    )


def _polygon_chords(corners: IntArray) -> IntArray:
    """(k, 2) pairs of balls that share two touched vertices: corners of one polygon of the Voronoi diagram.

    Paths may so cross the polygons of the medial surface; along their edges alone they would zigzag.
    """
    edges = np.sort(np.concatenate([corners[:, pair] for pair in combinations(range(4), 2)]), axis=1)
    keys = edges[:, 0] * (int(corners.max(initial=0)) + 1) + edges[:, 1]
    balls = np.tile(np.arange(len(corners)), 6)
    order = np.argsort(keys, kind="stable")
    keys, balls = keys[order], balls[order]
    chords = []
    for apart in range(1, _POLYGON):
        same = np.flatnonzero(keys[apart:] == keys[:-apart])
        if not same.size:
            break
        chords.append(np.column_stack([balls[same], balls[same + apart]]))
    if not chords:
        return np.empty((0, 2), dtype=np.int64)
    count = len(corners)
    pairs = np.unique(np.sort(np.vstack(chords), axis=1) @ np.array([count, 1]))
    return np.column_stack([pairs // count, pairs % count])


def _graph(balls: _Balls, ends: Sequence[FloatArray], rims: Sequence[Rim]) -> tuple[csr_array, list[int]]:
    """Costs ds / R between neighbouring balls, and from the middle of each opening to the balls about it."""
    one, other = balls.links.T
    length = np.linalg.norm(balls.centres[one] - balls.centres[other], axis=1)
    costs = [_cost(length, balls.radii[one], balls.radii[other])]
    pairs = [balls.links]
    tree = cKDTree(balls.centres)
    nodes = [len(balls.centres) + index for index in range(len(ends))]
    for node, end in zip(nodes, ends, strict=True):
        radius = _opening_radius(end, rims)
        near = np.array(tree.query_ball_point(end, radius), dtype=np.int64)
        near = near[balls.radii[near] > 0.5 * radius]
        if not near.size:
            near = np.atleast_1d(tree.query(end)[1]).astype(np.int64)
        gap = np.linalg.norm(balls.centres[near] - end, axis=1)
        costs.append(_cost(gap, balls.radii[near], np.full(len(near), radius)))
        pairs.append(np.column_stack([near, np.full(len(near), node)]))
    links, weights = np.vstack(pairs), np.concatenate(costs)
    count = len(balls.centres) + len(ends)
    weights = np.maximum(weights, np.finfo(float).tiny)
    return csr_array(coo_array((weights, (links[:, 0], links[:, 1])), shape=(count, count))), nodes


def _cost(length: FloatArray, one: FloatArray, other: FloatArray) -> FloatArray:
    """Integral of ds / R where R changes linearly, by the trapezoidal mean of the radius."""
    return np.asarray(2.0 * length / (one + other))


def _opening_radius(end: FloatArray, rims: Sequence[Rim]) -> float:
    """Radius of the opening whose rim runs around a point [m]."""
    return min(rims, key=lambda rim: float(np.linalg.norm(rim.centre - end))).radius


def _no_way(
    balls: _Balls,
    graph: csr_array,
    nodes: list[int],
    ends: Sequence[FloatArray],
    target: int,
    names: Sequence[str],
) -> SurfaceError:
    """The error for a target that cannot be reached, with the place where the lumen is interrupted."""
    _, part = connected_components(graph, directed=False)
    ours: NDArray[np.bool_] = part[: len(balls.centres)] == part[nodes[0]]
    theirs: NDArray[np.bool_] = part[: len(balls.centres)] == part[nodes[1 + target]]
    name = f"'{names[target]}'" if names else f"the opening at {_millimetres(ends[1 + target])}"
    value = name
    if ours.any() and theirs.any():
        gap, index = cKDTree(balls.centres[ours]).query(balls.centres[theirs])
        nearest = int(gap.argmin())
        middle = 0.5 * (balls.centres[theirs][nearest] + balls.centres[ours][index[nearest]])
        value = f"{name}; the lumen is interrupted near {_millimetres(middle)}"
    return SurfaceError(
        "no way through the lumen leads from the inlet to this opening",
        where="centreline",
        value=value,
        expected="one lumen that hangs together, its narrowest place wider than the edges of its triangles",
        remedy="look at the surface there for a closed vessel, make its triangles finer, or segment again",
    )


def _millimetres(point: FloatArray) -> str:
    x, y, z = 1e3 * np.asarray(point)
    return f"({x:.1f}, {y:.1f}, {z:.1f}) mm"
