"""Local radius of a vessel, measured on its surface."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from geometry.surfaces.surface import WALL_TAG, Surface, vertex_normals
from hemoplan.arrays import FloatArray

MIN_ANGLE = np.radians(50.0)
"""A ball whose two touching points are closer than this angle, seen from its centre, sits on a bump."""
ROUNDS = 30


def inscribed_radius(surface: Surface) -> FloatArray:
    """Radius of the largest ball inside the vessel that touches the wall at each vertex (shrinking ball).

    A ball that touches the vertex p from inside is shrunk until no other wall vertex q lies in it; through q its
    radius is |p - q|² / (2 n·(p - q)), n the outward normal. Caps do not count, and a cap's vertex takes the value of
    the nearest wall vertex.

    Returns:
        (n,) radii [m].

    Source: Ma, Bae & Choi, The Visual Computer 28, 2012, doi:10.1007/s00371-011-0594-7.
    """
    wall = surface.triangles[surface.patch_id == WALL_TAG]
    on_wall = np.unique(wall)
    points = surface.points[on_wall]
    inward = -vertex_normals(surface.points, wall)[on_wall]
    tree = cKDTree(points)
    extent = float(np.linalg.norm(np.ptp(points, axis=0)))
    radius = np.full(len(points), 0.5 * extent)
    active = np.arange(len(points))
    for _ in range(ROUNDS):
        if not active.size:
            break
        centres = points[active] + radius[active, None] * inward[active]
        gap, touched = tree.query(centres)
        offset = points[touched] - points[active]
        along = np.einsum("ij,ij->i", offset, inward[active])
        square = np.einsum("ij,ij->i", offset, offset)
        with np.errstate(divide="ignore", invalid="ignore"):
            smaller = square / (2.0 * along)
            angle = 2.0 * np.arcsin(np.clip(np.sqrt(square) / (2.0 * smaller), 0.0, 1.0))
        shrinks = (gap < radius[active] * (1.0 - 1.0e-6)) & (along > 0.0) & (angle > MIN_ANGLE)
        radius[active[shrinks]] = smaller[shrinks]
        active = active[shrinks]
    _, nearest = tree.query(surface.points)
    return np.asarray(radius[nearest])
