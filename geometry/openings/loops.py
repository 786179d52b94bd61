"""Loops in which a plane meets a surface: centre, area, perimeter. Only the crossed triangles are touched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geometry.surfaces.surface import Surface
from hemoplan.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """One closed curve in which a plane meets a closed surface.

    Attributes:
        centre: (3,) centroid of the enclosed area [m].
        area: Enclosed area [m²].
        perimeter: Length [m].
    """

    centre: FloatArray
    area: float
    perimeter: float

    @property
    def radius(self) -> float:
        """Radius of the circle of the same area [m]."""
        return float(np.sqrt(self.area / np.pi))

    @property
    def circularity(self) -> float:
        """4 pi A / P²: 1 for a circle, 0.84 for an ellipse of 2:1, 0.64 of 3:1."""
        return 4.0 * np.pi * self.area / max(self.perimeter, float(np.finfo(np.float64).tiny)) ** 2


def slice_loops(surface: Surface, origin: FloatArray, axis: FloatArray) -> tuple[Loop, ...]:
    """All loops of a closed surface in the plane through `origin` with the unit normal `axis`."""
    height = (surface.points - origin) @ axis
    above = height > 0.0
    first, second, third = above[surface.triangles.T]
    crossed = np.flatnonzero((first != second) | (first != third))
    triangles = surface.triangles[crossed]
    sides = above[triangles]
    count = sides.sum(axis=1)
    if not len(triangles):
        return ()
    # The corner that is alone on its side; the loop enters and leaves through the two edges that meet there.
    lone = np.where(count == 1, sides.argmax(axis=1), sides.argmin(axis=1))
    rows = np.arange(len(triangles))
    tip, left, right = (triangles[rows, (lone + turn) % 3] for turn in range(3))
    keys = np.concatenate([_edge_keys(tip, left, len(height)), _edge_keys(tip, right, len(height))])
    nodes, index = np.unique(keys, return_inverse=True)
    first, second = index[: len(rows)], index[len(rows) :]
    links = coo_array((np.ones(len(rows)), (first, second)), shape=(len(nodes), len(nodes)))
    loops, label = connected_components(links, directed=False)
    upward = (count == 1)[:, None]
    one, other = (_crossings(surface.points, height, tip, end) for end in (left, right))
    start, end = np.where(upward, one, other), np.where(upward, other, one)
    return _measure(start, end, np.asarray(label[first]), loops, axis)


def nearest_loop(surface: Surface, origin: FloatArray, axis: FloatArray) -> Loop | None:
    """The loop whose centre is nearest to `origin`; None where the plane misses the surface."""
    loops = slice_loops(surface, origin, axis)
    if not loops:
        return None
    return min(loops, key=lambda loop: float(np.linalg.norm(loop.centre - origin)))


def part_around(surface: Surface, point: FloatArray, radius: float) -> Surface:
    """The triangles with a corner nearer to a point than a radius [m]; open where the surface goes on."""
    close = np.linalg.norm(surface.points - point, axis=1) < radius
    kept = close[surface.triangles].any(axis=1)
    number = np.zeros(len(surface.points), dtype=np.int64)
    used = np.zeros(len(surface.points), dtype=np.bool_)
    used[surface.triangles[kept]] = True
    number[used] = np.arange(int(used.sum()))
    return Surface(
        points=surface.points[used],
        triangles=number[surface.triangles[kept]],
        patch_id=surface.patch_id[kept],
    )


def _edge_keys(one: IntArray, other: IntArray, base: int) -> IntArray:
    return np.asarray(np.minimum(one, other) * base + np.maximum(one, other))


def _crossings(points: FloatArray, height: FloatArray, one: IntArray, other: IntArray) -> FloatArray:
    share = (height[one] / (height[one] - height[other]))[:, None]
    return np.asarray(points[one] + share * (points[other] - points[one]))


def _measure(
    start: FloatArray, end: FloatArray, label: IntArray, count: int, axis: FloatArray
) -> tuple[Loop, ...]:
    """Loops from their oriented segments: the area is half the sum of a × b, the centroid its first moment."""
    size = np.bincount(label, minlength=count)
    middle = np.stack([np.bincount(label, weights=column) for column in start.T], axis=1) / size[:, None]
    parts = 0.5 * np.cross(start - middle[label], end - middle[label]) @ axis
    areas = np.bincount(label, weights=parts)
    thirds = (start + end + middle[label]) / 3.0
    moments = np.stack([np.bincount(label, weights=parts * column) for column in thirds.T], axis=1)
    flat = np.abs(areas) <= np.finfo(np.float64).tiny
    centres = np.where(flat[:, None], middle, moments / np.where(flat, 1.0, areas)[:, None])
    perimeters = np.bincount(label, weights=np.linalg.norm(end - start, axis=1))
    return tuple(
        Loop(centre=centre, area=abs(float(area)), perimeter=float(perimeter))
        for centre, area, perimeter in zip(centres, areas, perimeters, strict=True)
    )
