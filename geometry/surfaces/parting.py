"""Planes that part a closed vessel surface in two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from geometry.surfaces.surface import Surface
from hemoplan.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """A plane cross-section along which a closed surface is parted in two.

    Attributes:
        beyond: (n,) whether each vertex of the surface lies on the side that the axis points to.
        centre: (3,) centroid of the section [m].
        area: Its area [m²].
    """

    beyond: NDArray[np.bool_]
    centre: FloatArray
    area: float

    @property
    def radius(self) -> float:
        """Radius of the circle of the same area [m]."""
        return float(np.sqrt(self.area / np.pi))


def part_by_plane(surface: Surface, origin: FloatArray, axis: FloatArray) -> Parting | None:
    """The closed loop nearest to `origin` in which the plane through `origin` meets the surface.

    The plane may meet the surface elsewhere too (an arch is met twice); the surface is parted along the one loop only.

    Args:
        surface: A closed surface of genus 0.
        origin: (3,) point inside the vessel [m].
        axis: (3,) unit normal of the plane.

    Returns:
        The section; None where the plane misses the surface or the loop does not part it.
    """
    height = (surface.points - origin) @ axis
    above = height > 0.0
    start = surface.triangles.ravel()
    end = np.roll(surface.triangles, -1, axis=1).ravel()
    crossing = np.flatnonzero(above[start] != above[end])
    if not crossing.size:
        return None
    first, second = start[crossing], end[crossing]
    weight = height[first] / (height[first] - height[second])
    cuts = surface.points[first] + weight[:, None] * (surface.points[second] - surface.points[first])
    # Each crossed triangle owns two crossed half-edges; one that leaves the upper side and one that enters it.
    order = np.lexsort((above[first], crossing // 3))
    entering, leaving = order[0::2], order[1::2]
    loop = _label_loops(first, second, entering, leaving, len(surface.points))
    centres, areas = _measure_loops(cuts[leaving], cuts[entering], loop, axis)
    nearest = int(np.argmin(np.linalg.norm(centres - origin, axis=1)))
    ours = loop == nearest
    half_edges = np.concatenate([crossing[entering[ours]], crossing[leaving[ours]]])
    beyond = _part(surface, start, end, half_edges, above)
    if beyond is None:
        return None
    return Parting(beyond=beyond, centre=centres[nearest], area=float(areas[nearest]))


def fit_axis(points: FloatArray) -> FloatArray:
    """Unit direction of the line through (n, 3) points, from the last to the first."""
    _, _, directions = np.linalg.svd(points - points.mean(axis=0))
    axis = directions[0]
    return np.asarray(axis if axis @ (points[0] - points[-1]) > 0.0 else -axis)


def _label_loops(
    first: IntArray, second: IntArray, entering: IntArray, leaving: IntArray, count: int
) -> IntArray:
    """Number of the loop that each crossed triangle belongs to."""
    keys = np.minimum(first, second) * count + np.maximum(first, second)
    _, edge = np.unique(keys, return_inverse=True)
    links = coo_array((np.ones(len(entering)), (edge[entering], edge[leaving])), shape=(edge.max() + 1,) * 2)
    _, label = connected_components(links, directed=False)
    return np.asarray(label[edge[entering]], dtype=np.int64)


def _measure_loops(
    start: FloatArray, end: FloatArray, loop: IntArray, axis: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(k, 3) centroids and (k,) areas of plane polygons, given as segments with the number of their polygon."""
    size = np.bincount(loop)
    middle = np.stack([np.bincount(loop, weights=column) / size for column in start.T], axis=1)
    parts = 0.5 * np.cross(start - middle[loop], end - middle[loop]) @ axis
    areas = np.bincount(loop, weights=parts)
    centroids = (start + end + middle[loop]) / 3.0
    moments = np.stack([np.bincount(loop, weights=parts * column) for column in centroids.T], axis=1)
    safe = np.where(areas == 0.0, 1.0, areas)
    return np.where(areas[:, None] == 0.0, middle, moments / safe[:, None]), np.abs(areas)


def _part(
    surface: Surface, start: IntArray, end: IntArray, half_edges: IntArray, above: NDArray[np.bool_]
) -> NDArray[np.bool_] | None:
    """(n,) vertices on the upper side when the edges of one loop are cut; None where they still hang together."""
    count = len(surface.points)
    kept = np.ones(len(start), dtype=np.bool_)
    kept[half_edges] = False
    graph: csr_array = coo_array(
        (np.ones(int(kept.sum())), (start[kept], end[kept])), shape=(count, count)
    ).tocsr()
    _, label = connected_components(graph, directed=False)
    ends = np.concatenate([start[half_edges], end[half_edges]])
    upper, lower = np.unique(label[ends[above[ends]]]), np.unique(label[ends[~above[ends]]])
    if np.intersect1d(upper, lower).size:
        return None
    return np.isin(label, upper)
