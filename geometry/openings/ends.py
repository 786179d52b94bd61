"""Vessel ends: the tips of a closed surface, found by how far they are along the surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, dijkstra

from geometry.openings.loops import nearest_loop, part_around
from geometry.surfaces.parting import fit_axis
from geometry.surfaces.raw import RawSurface
from geometry.surfaces.surface import Surface
from hemoplan.arrays import FloatArray, IntArray

MIN_LENGTH = 1.5
"""A bulge is a vessel's end when it stands out by this many of its radii."""
DEPTHS = (1.0, 1.3, 1.6, 1.9, 2.2, 2.5)
"""Where cross-sections near a tip are laid to find its axis, in radii from the tip."""
_AROUND = 7.0
"""Only triangles within this many radii of a tip are looked at."""
_OFF_AXIS = 1.5
"""A section farther off the axis than this many radii belongs to another vessel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VesselEnd:
    """The tip of a vessel on a closed surface.

    Attributes:
        tip: (3,) where the axis leaves the surface [m].
        axis: (3,) unit direction of the vessel at its end, pointing outwards.
        radius: Radius of the circle with the area of the smallest cross-section near the tip [m].
        typical: Median of those radii [m]; larger where the vessel narrows behind its end.
    """

    tip: FloatArray
    axis: FloatArray
    radius: float
    typical: float


def find_ends(surface: Surface) -> tuple[VesselEnd, ...]:
    """All ends of the vessels of a closed surface.

    The distance along the surface from one end has a maximum at every other end. A maximum counts when it stands
    out: when one walks `MIN_LENGTH` radii down from it before a way leads up to a higher one. What is thinner than
    an edge of the surface is no vessel.
    """
    graph = edge_graph(surface)
    start = int(np.argmax(_distances(graph, 0)))
    distance = _distances(graph, start)
    far = int(np.argmax(distance))
    edge = float(graph.data.mean())
    measured = [(_measure_end(surface, graph, _distances(graph, far), start), float(distance[far]))]
    measured += [
        (_measure_end(surface, graph, distance, vertex), height)
        for vertex, height in _maxima(graph, distance)
        if height > 4.0 * edge
    ]
    return tuple(
        end
        for end, height in measured
        if end is not None and end.radius > edge and height > MIN_LENGTH * end.radius
    )


def edge_graph(surface: Surface | RawSurface) -> csr_array:
    """Symmetric (n, n) matrix of the lengths of the surface's edges [m]."""
    start = surface.triangles.ravel()
    end = np.roll(surface.triangles, -1, axis=1).ravel()
    lengths = np.linalg.norm(surface.points[start] - surface.points[end], axis=1)
    count = len(surface.points)
    matrix = coo_array((lengths, (start, end)), shape=(count, count)).tocsr()
    return matrix.maximum(matrix.T)


def _distances(graph: csr_array, vertex: int) -> FloatArray:
    """(n,) lengths of the shortest ways along the edges to a vertex; 0 where no way leads there."""
    distance = dijkstra(graph, directed=False, indices=vertex)
    return np.where(np.isfinite(distance), distance, 0.0)


def _maxima(graph: csr_array, distance: FloatArray) -> list[tuple[int, float]]:
    """Local maxima of a distance, highest first, with the height above the pass to a higher one (persistence)."""
    order = np.argsort(-distance, kind="stable")
    heights = _persistence(
        order.astype(np.int64), graph.indptr.astype(np.int64), graph.indices.astype(np.int64), distance
    )
    found = np.flatnonzero(heights > 0.0)
    found = found[np.argsort(-distance[found], kind="stable")]
    return [(int(vertex), float(heights[vertex])) for vertex in found]


@njit(cache=True)
def _persistence(order: IntArray, start: IntArray, neighbours: IntArray, height: FloatArray) -> FloatArray:
    """(n,) height of every local maximum above the pass to a higher one, 0 for other vertices.

    Union-find over the vertices from high to low; the root of a component is its highest vertex.
    """
    count = len(order)
    rank = np.empty(count, dtype=np.int64)
    for position in range(count):
        rank[order[position]] = position
    parent = np.full(count, -1, dtype=np.int64)
    persistence = np.zeros(count)
    persistence[order[0]] = height[order[0]]
    for vertex in order:
        parent[vertex] = vertex
        for link in range(start[vertex], start[vertex + 1]):
            one, other = vertex, neighbours[link]
            if parent[other] < 0:
                continue
            while parent[one] != one:
                parent[one] = parent[parent[one]]
                one = parent[one]
            while parent[other] != other:
                parent[other] = parent[parent[other]]
                other = parent[other]
            if one == other:
                continue
            higher, lower = (one, other) if rank[one] < rank[other] else (other, one)
            persistence[lower] = height[lower] - height[vertex]
            parent[lower] = higher
    return persistence


def _measure_end(surface: Surface, graph: csr_array, distance: FloatArray, vertex: int) -> VesselEnd | None:
    """Axis and radius of an end, from rings of equal distance, then from plane sections; None if it has no tube."""
    radius = _ring_radius(surface, graph, distance, vertex)
    if radius is None:
        return None
    rings = [_ring(surface, graph, distance, vertex, depth * radius) for depth in DEPTHS]
    centres = [surface.points[ring].mean(axis=0) for ring in rings if ring.size]
    near = surface.points[np.linalg.norm(surface.points - surface.points[vertex], axis=1) < 2.0 * radius]
    around = part_around(surface, surface.points[vertex], _AROUND * radius)
    for _ in range(3):
        if len(centres) < 2:
            return None
        axis = fit_axis(np.array(centres))
        base = np.array(centres).mean(axis=0)
        tip = base + axis * float(((near - base) @ axis).max())
        sections = []
        for depth in DEPTHS:
            place = tip - depth * radius * axis
            section = nearest_loop(around, place, axis)
            if section is not None and np.linalg.norm(section.centre - place) < _OFF_AXIS * radius:
                sections.append(section)
        centres = [section.centre for section in sections]
        radii = [section.radius for section in sections] or [radius]
        radius = min(radii)
    return VesselEnd(tip=tip, axis=axis, radius=radius, typical=float(np.median(radii)))


def _ring_radius(surface: Surface, graph: csr_array, distance: FloatArray, vertex: int) -> float | None:
    """Radius of a vessel near its tip: of the first ring that is as deep as it is wide."""
    depth = 4.0 * float(graph.data.mean())
    while depth < distance[vertex]:
        ring = surface.points[_ring(surface, graph, distance, vertex, depth)]
        if len(ring) < 3:
            return None
        radius = float(np.linalg.norm(ring - ring.mean(axis=0), axis=1).mean())
        if depth >= 2.0 * radius:
            return radius
        depth *= 1.15
    return None


def _ring(surface: Surface, graph: csr_array, distance: FloatArray, vertex: int, depth: float) -> IntArray:
    """Vertices at the rim of what lies within a depth of a tip, counted down along the surface."""
    level = float(distance[vertex]) - depth
    chosen = np.flatnonzero(distance > level)
    within = graph[chosen][:, chosen]
    start = int(np.searchsorted(chosen, vertex))
    reached = breadth_first_order(within, start, directed=False, return_predecessors=False)
    beyond = np.zeros(len(distance), dtype=np.bool_)
    beyond[chosen[reached]] = True
    inside = beyond[surface.triangles]
    crossed = surface.triangles[inside.any(axis=1) & ~inside.all(axis=1)]
    return np.asarray(np.unique(crossed), dtype=np.int64)
