"""How far one surface lies from another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.surfaces.box_tree import LEAF, build_tree
from geometry.surfaces.distance_kernels import search_closest
from hemoplan.arrays import FloatArray, IntArray, Vec3


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """Distances of sample points of one surface from another.

    Attributes:
        mean: Mean distance [m].
        largest: Largest distance [m].
        place: Where it is [m].
    """

    mean: float
    largest: float
    place: Vec3


def closest_triangles(
    queries: FloatArray, points: FloatArray, triangles: IntArray
) -> tuple[FloatArray, IntArray]:
    """(q,) exact distances from (q, 3) points to the nearest of the triangles [m], and (q,) which one that is."""
    tree = build_tree(points, triangles)
    distance, closest = np.empty(len(queries)), np.empty(len(queries), dtype=np.int64)
    corners = np.ascontiguousarray(points[triangles], dtype=np.float64)
    search_closest(
        np.ascontiguousarray(queries, dtype=np.float64),
        corners,
        tree.low,
        tree.high,
        tree.order,
        LEAF,
        distance,
        closest,
    )
    return distance, closest


def measure_deviation(queries: FloatArray, points: FloatArray, triangles: IntArray) -> Deviation:
    """How far (q, 3) sample points lie from the triangles of a surface; q > 0."""
    distance, _ = closest_triangles(queries, points, triangles)
    worst = int(distance.argmax())
    x, y, z = (float(value) for value in queries[worst])
    return Deviation(mean=float(distance.mean()), largest=float(distance[worst]), place=(x, y, z))
