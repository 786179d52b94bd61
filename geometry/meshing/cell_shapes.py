"""Shape of every tetrahedron in one pass: volume, radius ratio, dihedral angles, aspect ratio, edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from hemoplan.arrays import FloatArray, IntArray

EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
"""Corners of the six edges of a tetrahedron."""

FACES = ((1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1))
"""Corners of the face opposite to each corner, counter-clockwise seen from outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellShapes:
    """Shapes of m tetrahedra.

    Attributes:
        volume: (m,) signed volume [m³].
        radius_ratio: (m,) 3 r_in / r_out, 1 for a regular tetrahedron, 0 for a flat one.
        dihedral_min, dihedral_max: (m,) smallest and largest angle between two faces [degrees].
        aspect_ratio: (m,) longest edge over smallest height, times sqrt(2/3): 1 for a regular tetrahedron, without
            bound for a flat one.
        edge_min, edge_max, edge_mean: (m,) lengths of the six edges [m].
    """

    volume: FloatArray
    radius_ratio: FloatArray
    dihedral_min: FloatArray
    dihedral_max: FloatArray
    aspect_ratio: FloatArray
    edge_min: FloatArray
    edge_max: FloatArray
    edge_mean: FloatArray


def measure_cells(points: FloatArray, tetrahedra: IntArray) -> CellShapes:
    """Measure every tetrahedron: points (n, 3) [m], corners (m, 4)."""
    table = _measure(np.ascontiguousarray(points), np.ascontiguousarray(tetrahedra))
    return CellShapes(
        volume=table[0],
        radius_ratio=table[1],
        dihedral_min=table[2],
        dihedral_max=table[3],
        aspect_ratio=table[4],
        edge_min=table[5],
        edge_max=table[6],
        edge_mean=table[7],
    )


@njit(cache=True)
def signed_volumes(points: FloatArray, tetrahedra: IntArray) -> FloatArray:
    """(m,) volumes [m³], positive where corner 3 lies on the side that corners 0, 1, 2 turn around."""
    volumes = np.empty(len(tetrahedra))
    edge = np.empty((3, 3))
    for cell in range(len(tetrahedra)):
        for corner in range(3):
            for axis in range(3):
                edge[corner, axis] = (
                    points[tetrahedra[cell, corner + 1], axis] - points[tetrahedra[cell, 0], axis]
                )
        volumes[cell] = (
            (edge[0, 1] * edge[1, 2] - edge[0, 2] * edge[1, 1]) * edge[2, 0]
            + (edge[0, 2] * edge[1, 0] - edge[0, 0] * edge[1, 2]) * edge[2, 1]
            + (edge[0, 0] * edge[1, 1] - edge[0, 1] * edge[1, 0]) * edge[2, 2]
        ) / 6.0
    return volumes


@njit(cache=True, error_model="numpy")
def _measure(points: FloatArray, tetrahedra: IntArray) -> FloatArray:
    """(8, m) the columns of `CellShapes`.

    The cosine of the dihedral angle at an edge is minus the product of the unit outward normals of its two faces;
    r_in = 3 V / S and r_out = sqrt((p+q+r)(p+q-r)(p-q+r)(-p+q+r)) / (24 V), with S the sum of the face areas and
    p, q, r the products of opposite edges; the smallest height is 3 V over the largest face.
    """
    count = len(tetrahedra)
    table = np.empty((8, count))
    x = np.empty((4, 3))
    normal = np.empty((4, 3))
    area = np.empty(4)
    length = np.empty(6)
    for cell in range(count):
        for corner in range(4):
            for axis in range(3):
                x[corner, axis] = points[tetrahedra[cell, corner], axis]
        surface = 0.0
        for face in range(4):
            a, b, c = x[FACES[face][0]], x[FACES[face][1]], x[FACES[face][2]]
            ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
            vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
            normal[face, 0] = uy * vz - uz * vy
            normal[face, 1] = uz * vx - ux * vz
            normal[face, 2] = ux * vy - uy * vx
            area[face] = np.sqrt(normal[face, 0] ** 2 + normal[face, 1] ** 2 + normal[face, 2] ** 2)
            surface += 0.5 * area[face]
        # The normal of the face opposite to corner 3 points away from it where the cell is positive.
        volume = 0.0
        for axis in range(3):
            volume -= normal[3, axis] * (x[3, axis] - x[0, axis])
        volume /= 6.0
        most, least = -1.0, 1.0
        total = 0.0
        for edge in range(6):
            one, other = EDGES[edge]
            square, product = 0.0, 0.0
            for axis in range(3):
                square += (x[one, axis] - x[other, axis]) ** 2
                product += normal[one, axis] * normal[other, axis]
            length[edge] = np.sqrt(square)
            total += length[edge]
            areas = area[one] * area[other]
            cosine = -product / areas if areas > 0.0 else 1.0
            most, least = max(most, cosine), min(least, cosine)
        p, q, r = length[0] * length[5], length[1] * length[4], length[2] * length[3]
        square = (p + q + r) * (p + q - r) * (p - q + r) * (-p + q + r)
        scale = surface * np.sqrt(max(square, 0.0))
        table[0, cell] = volume
        table[1, cell] = 216.0 * volume**2 / scale if scale > 0.0 else 0.0
        table[2, cell] = np.degrees(np.arccos(min(most, 1.0)))
        table[3, cell] = np.degrees(np.arccos(max(least, -1.0)))
        largest = max(area[0], area[1], area[2], area[3])
        table[4, cell] = np.sqrt(2.0 / 3.0) * length.max() * 0.5 * largest / (3.0 * abs(volume))
        table[5, cell] = length.min()
        table[6, cell] = length.max()
        table[7, cell] = total / 6.0
    return table
