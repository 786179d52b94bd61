"""Which way the vertices of a wall move when layers grow: inwards, seen from every triangle around."""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.sparse import coo_array, csr_array, diags_array

from geometry.surfaces.surface import Surface, area_vectors, vertex_normals
from hemoplan.arrays import FloatArray, IntArray

VISIBLE = 0.4
"""Cosine between direction and inward normal, below which a triangle is seen too obliquely to grow a layer on."""
_SMOOTHINGS = 3
_STEPS = 200


def averaging(triangles: IntArray, count: int) -> csr_array:
    """Matrix that averages a vertex with its neighbours; vertices of no triangle keep their value."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    links = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count)).tocsr()
    links.data[:] = 1.0
    links = links + diags_array(np.ones(count))
    return csr_array(diags_array(1.0 / links.sum(axis=1)) @ links)


def inward_directions(surface: Surface, wall: IntArray, neighbours: csr_array) -> FloatArray:
    """(n, 3) unit vectors inwards for wall vertices, in the plane of the opening on rims; zero elsewhere.

    The smoothed vertex normal, and where a triangle around is seen obliquely from it, the axis of the narrowest cone
    around the triangles' normals: the direction whose worst triangle is seen best.

    Args:
        surface: Closed, with flat caps.
        wall: (m, 3) its triangles of the wall.
        neighbours: `averaging` of `wall`.
    """
    on_wall = np.zeros(len(surface.points), dtype=bool)
    on_wall[wall] = True
    rims = np.zeros_like(surface.points)
    for patch in surface.openings:
        rim = np.intersect1d(surface.triangles[surface.patch_id == patch.tag], wall)
        rims[rim] = np.array(patch.normal)
    direction = np.where(on_wall[:, None], -vertex_normals(surface.points, wall), 0.0)
    for _ in range(_SMOOTHINGS):
        direction = neighbours @ direction
        direction -= np.einsum("ij,ij->i", direction, rims)[:, None] * rims
        direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), np.finfo(float).tiny)
        direction[~on_wall] = 0.0
    inward = -area_vectors(surface.points, wall)
    inward /= np.maximum(np.linalg.norm(inward, axis=1, keepdims=True), np.finfo(float).tiny)
    seen = _worst_view(wall, inward, direction)
    oblique = np.flatnonzero(seen < VISIBLE)
    axes = _cone_axes(oblique, wall, inward, rims, direction)
    better = _worst_view(wall, inward, axes) > seen
    return np.where(better[:, None], axes, direction)


def _worst_view(wall: IntArray, inward: FloatArray, direction: FloatArray) -> FloatArray:
    """(n,) smallest cosine between the direction of a vertex and the inward normals of the triangles around."""
    worst = np.full(len(direction), np.inf)
    for corner in range(3):
        cosine = np.einsum("ij,ij->i", direction[wall[:, corner]], inward)
        np.minimum.at(worst, wall[:, corner], cosine)
    return worst


def _cone_axes(
    chosen: IntArray, wall: IntArray, inward: FloatArray, rims: FloatArray, direction: FloatArray
) -> FloatArray:
    """(n, 3) the directions given, and for chosen vertices the axis of the narrowest cone around the normals."""
    result = direction.copy()
    owners: IntArray = wall.ravel()
    around: IntArray = np.repeat(np.arange(len(wall)), 3)
    keep = np.isin(owners, chosen)
    order = np.argsort(owners[keep], kind="stable")
    owners, around = owners[keep][order], around[keep][order]
    start = np.searchsorted(owners, chosen)
    end = np.searchsorted(owners, chosen, side="right")
    for vertex, first, last in zip(chosen, start, end, strict=True):
        normals = inward[around[first:last]]
        rim = rims[vertex]
        if rim.any():
            normals = normals - (normals @ rim)[:, None] * rim
            normals = normals / np.maximum(
                np.linalg.norm(normals, axis=1, keepdims=True), np.finfo(float).tiny
            )
        axis = _enclosing_centre(np.ascontiguousarray(normals))
        length = np.linalg.norm(axis)
        if length > 0.0:
            result[vertex] = axis / length
    return result


@njit(cache=True)
def _enclosing_centre(points: FloatArray) -> FloatArray:
    """(3,) centre of the smallest ball around points; of unit vectors, it lies on the axis of their narrowest cone.

    Badoiu & Clarkson: step towards the farthest point, by 1 / (k + 1) of the way.
    """
    centre: FloatArray = points[0].copy()
    for step in range(1, _STEPS):
        farthest, most = 0, -1.0
        for row in range(len(points)):
            distance = (
                (points[row, 0] - centre[0]) ** 2
                + (points[row, 1] - centre[1]) ** 2
                + (points[row, 2] - centre[2]) ** 2
            )
            if distance > most:
                farthest, most = row, distance
        for axis in range(3):
            centre[axis] += (points[farthest, axis] - centre[axis]) / (step + 1)
    return centre
