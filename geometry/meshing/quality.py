"""How good a tetrahedral mesh is: edges, radius ratios, dihedral angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray, IntArray

EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
"""Corners of the six edges of a tetrahedron."""

_FACES = ((1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshQuality:
    """Sizes and shapes of the tetrahedra of a mesh.

    Attributes:
        cells: Tetrahedra.
        vertices: Mesh vertices.
        edge_min, edge_mean, edge_max: Edge lengths, each edge counted once for every cell that it bounds [m].
        radius_ratio_min, radius_ratio_p01, radius_ratio_mean: 3 r_in / r_out, 1 for a regular tetrahedron, 0 for a
            flat one; the smallest, the first percentile and the mean.
        dihedral_min, dihedral_max: Extreme angles between two faces of one tetrahedron [degrees].
        volume: Sum of the cells' volumes [m³].
    """

    cells: int
    vertices: int
    edge_min: float
    edge_mean: float
    edge_max: float
    radius_ratio_min: float
    radius_ratio_p01: float
    radius_ratio_mean: float
    dihedral_min: float
    dihedral_max: float
    volume: float


def cell_volumes(points: FloatArray, tetrahedra: IntArray) -> FloatArray:
    """(m,) signed volumes [m³], positive where corner 3 lies on the side that corners 0, 1, 2 turn around."""
    a, b, c, d = (points[tetrahedra[:, corner]] for corner in range(4))
    return np.asarray(np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a) / 6.0)


def radius_ratios(points: FloatArray, tetrahedra: IntArray) -> FloatArray:
    """(m,) 3 r_in / r_out of every tetrahedron.

    With V the volume, S the sum of the face areas and p, q, r the products of opposite edges,
    r_in = 3 V / S and r_out = sqrt((p+q+r)(p+q-r)(p-q+r)(-p+q+r)) / (24 V).
    """
    volumes = np.abs(cell_volumes(points, tetrahedra))
    faces = sum(np.linalg.norm(normals, axis=1) / 2.0 for normals in _face_normals(points, tetrahedra))
    lengths = _edge_lengths(points, tetrahedra)
    p, q, r = (lengths[:, edge] * lengths[:, 5 - edge] for edge in range(3))
    square = np.maximum((p + q + r) * (p + q - r) * (p - q + r) * (-p + q + r), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = 216.0 * volumes**2 / (faces * np.sqrt(square))
    return np.asarray(np.nan_to_num(ratios, nan=0.0, posinf=0.0))


def dihedral_angles(points: FloatArray, tetrahedra: IntArray) -> FloatArray:
    """(m, 6) angles between the faces [degrees]."""
    normals = [
        vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(float).tiny)
        for vectors in _face_normals(points, tetrahedra)
    ]
    cosines = [-np.einsum("ij,ij->i", normals[one], normals[other]) for one, other in EDGES]
    return np.asarray(np.degrees(np.arccos(np.clip(np.column_stack(cosines), -1.0, 1.0))))


def measure_quality(points: FloatArray, tetrahedra: IntArray) -> MeshQuality:
    """Measure a mesh of positively oriented tetrahedra."""
    lengths = _edge_lengths(points, tetrahedra)
    ratios = radius_ratios(points, tetrahedra)
    angles = dihedral_angles(points, tetrahedra)
    return MeshQuality(
        cells=len(tetrahedra),
        vertices=len(points),
        edge_min=float(lengths.min()),
        edge_mean=float(lengths.mean()),
        edge_max=float(lengths.max()),
        radius_ratio_min=float(ratios.min()),
        radius_ratio_p01=float(np.percentile(ratios, 1.0)),
        radius_ratio_mean=float(ratios.mean()),
        dihedral_min=float(angles.min()),
        dihedral_max=float(angles.max()),
        volume=float(cell_volumes(points, tetrahedra).sum()),
    )


def _edge_lengths(points: FloatArray, tetrahedra: IntArray) -> FloatArray:
    differences = [points[tetrahedra[:, one]] - points[tetrahedra[:, other]] for one, other in EDGES]
    return np.column_stack([np.linalg.norm(difference, axis=1) for difference in differences])


def _face_normals(points: FloatArray, tetrahedra: IntArray) -> list[FloatArray]:
    normals = []
    for one, two, three in _FACES:
        a, b, c = (points[tetrahedra[:, corner]] for corner in (one, two, three))
        normals.append(np.asarray(np.cross(b - a, c - a)))
    return normals
