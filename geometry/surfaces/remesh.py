"""Remeshing: well-shaped triangles whose size follows the local radius, with the same patches."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import mmgpy
import numpy as np

from geometry.openings.cutting import label_patches
from geometry.surfaces.surface import Surface, area_vectors, check_closed
from geometry.surfaces.thickness import inscribed_radius
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError

GRADATION = 1.3
"""Largest ratio of the lengths of neighbouring edges."""
DEVIATION = 0.2
"""Largest distance from the surface that remeshing may cause, in units of the smallest edge."""
MILLIMETRE = 1.0e-3

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceQuality:
    """Shape of the triangles of a surface.

    Attributes:
        triangles: Their number.
        smallest: Lowest quality, 1 for an equilateral triangle, 0 for a degenerate one.
        mean: Mean quality.
        shortest_edge: Length [m].
        longest_edge: Length [m].
    """

    triangles: int
    smallest: float
    mean: float
    shortest_edge: float
    longest_edge: float


def remesh(surface: Surface, *, size: float, min_size: float, edges_per_radius: float = 4.0) -> Surface:
    """Replace the triangles of a closed surface; the size follows the local radius between two limits.

    Args:
        surface: A closed surface, with or without openings.
        size: Largest edge [m].
        min_size: Smallest edge [m].
        edges_per_radius: How many edges fit into the local radius, between the two limits.

    Returns:
        A closed surface with the same patches; caps are flat.

    Raises:
        SurfaceError: The remesher fails, or returns a surface with a hole or without one of the patches.
    """
    check_closed(surface, where="remesh")
    radius = _average(surface, inscribed_radius(surface))
    target = np.clip(radius / edges_per_radius, min_size, size)
    mesh = mmgpy.MmgMeshS(surface.points / MILLIMETRE, surface.triangles.astype(np.int32))
    mesh.set_triangles(surface.triangles.astype(np.int32), surface.patch_id.astype(np.int64))
    mesh["metric"] = (target / MILLIMETRE)[:, None]
    try:
        mesh.remesh(
            hmin=0.5 * min_size / MILLIMETRE,
            hmax=size / MILLIMETRE,
            hausd=DEVIATION * min_size / MILLIMETRE,
            hgrad=GRADATION,
            verbose=-1,
        )
    except RuntimeError as error:
        raise SurfaceError(
            "the surface cannot be remeshed",
            where="remesh",
            value=error,
            remedy="raise 'mesh.min_size', or smooth the surface",
        ) from None
    triangles, patch_id = mesh.get_triangles_with_refs()
    result = Surface(
        points=MILLIMETRE * np.asarray(mesh.get_vertices(), dtype=np.float64),
        triangles=np.asarray(triangles, dtype=np.int64),
        patch_id=np.asarray(patch_id, dtype=np.int64),
    )
    check_closed(result, where="remesh")
    result = _flatten_caps(_keep_patches(surface, result), surface)
    quality = measure_quality(result)
    _log.info(
        "remeshed to %d triangles, quality %.2f to %.2f (mean)",
        quality.triangles,
        quality.smallest,
        quality.mean,
    )
    return result


def measure_quality(surface: Surface) -> SurfaceQuality:
    """Quality of the triangles, 4 sqrt(3) A / (a² + b² + c²) with area A and edges a, b, c."""
    corners = surface.points[surface.triangles]
    edges = np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=2)
    areas = np.linalg.norm(area_vectors(surface.points, surface.triangles), axis=1)
    quality = 4.0 * np.sqrt(3.0) * areas / (edges**2).sum(axis=1)
    return SurfaceQuality(
        triangles=len(quality),
        smallest=float(quality.min()),
        mean=float(quality.mean()),
        shortest_edge=float(edges.min()),
        longest_edge=float(edges.max()),
    )


def _average(surface: Surface, values: FloatArray) -> FloatArray:
    """Values at vertices, averaged over the triangles around, twice."""
    for _ in range(2):
        means = values[surface.triangles].mean(axis=1)
        total, count = np.zeros(len(values)), np.zeros(len(values))
        for corner in range(3):
            np.add.at(total, surface.triangles[:, corner], means)
            np.add.at(count, surface.triangles[:, corner], 1.0)
        values = total / count
    return values


def _keep_patches(before: Surface, after: Surface) -> Surface:
    """The patches of the old surface, measured anew."""
    if not before.patches:
        return after
    for patch in before.patches:
        if not np.any(after.patch_id == patch.tag):
            raise SurfaceError(
                "remeshing lost a patch", where="remesh", value=patch.name, remedy="lower 'mesh.min_size'"
            )
    return label_patches(after, [(patch.name, patch.role) for patch in before.openings])


def _flatten_caps(after: Surface, before: Surface) -> Surface:
    """Move the vertices of every cap onto the plane that the cap had."""
    points = after.points.copy()
    for patch in before.openings:
        on_cap: IntArray = np.unique(after.triangles[after.patch_id == patch.tag])
        normal, centre = np.array(patch.normal), np.array(patch.centre)
        points[on_cap] -= ((points[on_cap] - centre) @ normal)[:, None] * normal
    flat = Surface(points=points, triangles=after.triangles, patch_id=after.patch_id)
    return _keep_patches(before, flat)
