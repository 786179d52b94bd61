"""Cross-sections of a vessel: area, perimeter and equivalent diameter of the surface in a plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geometry.surfaces.surface import Surface
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One closed loop of a surface in a plane.

    Attributes:
        centre: (3,) mean of the loop, weighted by length [m].
        area: Enclosed area [m²].
        perimeter: Length of the loop [m].
        segments: (k, 2, 3) its straight pieces, in no order [m].
    """

    centre: FloatArray
    area: float
    perimeter: float
    segments: FloatArray

    @property
    def equivalent_diameter(self) -> float:
        """Diameter of the circle of the same area, 2 sqrt(A / pi) [m]."""
        return float(2.0 * np.sqrt(self.area / np.pi))


def cut(surface: Surface, point: FloatArray, normal: FloatArray) -> Section:
    """The loop of a surface in a plane that runs around a point, or passes it nearest.

    The area of the oriented loop is A = |n · ½ Σ a × b| over its segments a → b, so no ordering is needed.

    Args:
        surface: A closed surface.
        point: (3,) point of the plane, inside the vessel [m].
        normal: (3,) unit normal of the plane.

    Raises:
        SurfaceError: The plane misses the surface.
    """
    segments, ends = _segments(surface, point, normal)
    if not len(segments):
        raise SurfaceError(
            "the plane of a cross-section misses the surface",
            where="section",
            value=tuple(np.round(1e3 * point, 2)),
        )
    nodes, links = np.unique(ends, return_inverse=True)
    links = links.reshape(-1, 2)
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(len(nodes), len(nodes)))
    count, labels = connected_components(graph, directed=False)
    loop_of = labels[links[:, 0]]
    loops = [_section(segments[loop_of == loop], point, normal) for loop in range(count)]
    around = [loop for loop in loops if _winds(loop, point, normal)]
    if around:
        return min(around, key=lambda loop: loop.area)
    return min(
        loops, key=lambda loop: float(np.linalg.norm(loop.segments.mean(axis=1) - point, axis=1).min())
    )


def _segments(surface: Surface, point: FloatArray, normal: FloatArray) -> tuple[FloatArray, IntArray]:
    """(k, 2, 3) directed segments of the plane with the triangles, and the (k, 2) keys of the edges they end on."""
    height = (surface.points - point) @ normal
    height = np.where(
        height == 0.0, np.finfo(float).tiny, height
    )  # no vertex in the plane, so each cut is a segment
    above = height > 0.0
    sides = above[surface.triangles]
    crossed = surface.triangles[(sides.any(axis=1)) & (~sides.all(axis=1))]
    lone_above = above[crossed].sum(axis=1) == 1
    lone = np.where(lone_above, above[crossed].argmax(axis=1), above[crossed].argmin(axis=1))
    rows = np.arange(len(crossed))
    tip, left, right = (crossed[rows, (lone + turn) % 3] for turn in range(3))
    start = np.where(lone_above, right, left)
    end = np.where(lone_above, left, right)
    keys = np.column_stack([_edge_key(tip, start, len(height)), _edge_key(tip, end, len(height))])
    pieces = [_crossing(surface.points, height, tip, other) for other in (start, end)]
    return np.stack(pieces, axis=1), keys


def _edge_key(one: IntArray, other: IntArray, base: int) -> IntArray:
    return np.asarray(np.minimum(one, other) * base + np.maximum(one, other))


def _crossing(points: FloatArray, height: FloatArray, one: IntArray, other: IntArray) -> FloatArray:
    share = (height[one] / (height[one] - height[other]))[:, None]
    return np.asarray(points[one] + share * (points[other] - points[one]))


def _section(segments: FloatArray, point: FloatArray, normal: FloatArray) -> Section:
    a, b = segments[:, 0] - point, segments[:, 1] - point
    lengths = np.linalg.norm(b - a, axis=1)
    return Section(
        centre=np.asarray(point + (lengths[:, None] * 0.5 * (a + b)).sum(axis=0) / lengths.sum()),
        area=abs(float(0.5 * np.cross(a, b).sum(axis=0) @ normal)),
        perimeter=float(lengths.sum()),
        segments=segments,
    )


def _winds(section: Section, point: FloatArray, normal: FloatArray) -> bool:
    """Whether the loop turns around the point: the angles that its segments span add up to 2 pi."""
    a, b = section.segments[:, 0] - point, section.segments[:, 1] - point
    angles = np.arctan2(np.cross(a, b) @ normal, np.einsum("ij,ij->i", a, b))
    return abs(float(angles.sum())) > np.pi
